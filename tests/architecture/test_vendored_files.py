"""What we carry from others is what the manifests say, and no page or style calls the outside."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "web/static/vendor", ROOT / "config/documents/fonts"]
FIELDS = {"name", "version", "file", "sha256", "licence", "licence_file", "source"}
PACKAGE_LICENCES = {"MIT", "0BSD", "OFL-1.1"}  # what may be shipped beside Apache-2.0

# Names of an XML vocabulary and words in a licence notice are not addresses that anything loads.
NOT_LOADED = ("http://www.w3.org/", "https://www.w3.org/")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_vendored_file_is_the_one_its_manifest_names(folder: Path) -> None:
    rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for row in rows:
        assert set(row) == FIELDS, row
        assert row["licence"] in PACKAGE_LICENCES
        assert (folder / row["licence_file"]).is_file(), row
        assert hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
    accounted = {row["file"] for row in rows} | {row["licence_file"] for row in rows} | {"manifest.json"}
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert present == accounted


def _vietnamese_letters() -> set[str]:
    vowels = "aăâeêioôơuưy"
    letters = {*vowels, *vowels.upper(), "đ", "Đ"}
    for vowel in vowels + vowels.upper():
        letters |= {unicodedata.normalize("NFC", vowel + mark) for mark in "\u0300\u0301\u0303\u0309\u0323"}
    return letters


@pytest.mark.parametrize(
    "face", sorted((ROOT / "config/documents/fonts").glob("*.ttf")), ids=lambda f: f.name
)
def test_a_document_font_has_every_vietnamese_letter(face: Path) -> None:
    letters = _vietnamese_letters()
    assert len(letters) == 146
    with TTFont(face, lazy=True) as font:
        covered = font.getBestCmap()
    assert {letter for letter in letters | {"₫", "“", "”", "–"} if ord(letter) not in covered} == set()


def test_the_style_of_the_page_font_names_exactly_our_files() -> None:
    folder = ROOT / "web/static/vendor/be-vietnam-pro"
    named = set(re.findall(r'url\("([^"]+)"\)', (folder / "be-vietnam-pro.css").read_text(encoding="utf-8")))
    assert named == {path.name for path in folder.glob("*.woff2")}


def _served_files() -> list[Path]:
    patterns = [("web/templates", "*.html"), ("web/static", "*.css"), ("web/static", "*.js")]
    return sorted(path for folder, pattern in patterns for path in (ROOT / folder).rglob(pattern))


def test_nothing_is_loaded_from_outside() -> None:
    # What loads: src/href/action attributes, url(), @import, fetch and import of an absolute address.
    loading = re.compile(
        r"""(?:\b(?:src|srcset|href|action|poster|hx-[a-z]+)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?|"""
        r"""\bfetch\(\s*["'`]|\bimport\(?\s*["'`]|\bfrom\s*["'])\s*((?:https?:)?//[^\s"'`)>]+)""",
        re.IGNORECASE,
    )
    files = _served_files()
    assert files
    found = [
        f"{path.relative_to(ROOT)}: {address}"
        for path in files
        for address in loading.findall(path.read_text(encoding="utf-8"))
        if not address.startswith(NOT_LOADED)
    ]
    assert found == []


def test_our_own_pages_and_scripts_carry_no_address_at_all() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {address}"
        for path in _served_files()
        if "vendor" not in path.parts
        for address in re.findall(r"(?:https?:)//[^\s\"'`)>]+", path.read_text(encoding="utf-8"))
        if not address.startswith(NOT_LOADED)
    ]
    assert found == []
