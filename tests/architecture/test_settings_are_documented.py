"""docs/settings.md shows the settings that the code reads, and nothing else reads the environment.

Run as a program (``make settings-table``) it writes the table again.
"""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from config.settings import TEST_PREFIX, Settings, table, variables

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/settings.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"
OURS = ("config", "states", "storage", "dossiers", "workflow", "web")


def _sources() -> list[Path]:
    return [path for package in OURS for path in sorted((ROOT / package).rglob("*.py"))]


def test_the_table_is_the_one_the_code_makes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page.split(BEGIN)[1].split(END)[0]
    assert shown.strip() == table().strip(), "run `make settings-table` and commit docs/settings.md"


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "run"]
    unknown = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages
        for name in re.findall(r"\bVINHDANH_[A-Z0-9_]+\b", page.read_text(encoding="utf-8"))
        if name not in variables() and not name.startswith(TEST_PREFIX)
    }
    assert unknown == set()


def test_no_source_names_a_setting_that_does_not_exist() -> None:
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _sources()
        for name in re.findall(r"\bVINHDANH_[A-Z0-9_]+\b", path.read_text(encoding="utf-8"))
        if name not in variables() and not name.startswith(TEST_PREFIX)
    }
    assert unknown == set()


# Settings that nothing reads yet, each with what it waits for.
WAITING = {"smtp_url": "the issue that sends mail"}


@pytest.mark.parametrize("name", [each.name for each in fields(Settings) if each.name not in WAITING])
def test_every_setting_changes_something(name: str) -> None:
    # A setting that nobody reads is a promise that nobody keeps. mode, host and such are read by the
    # properties of Settings as well, but web has to ask for them or for those.
    derived = {
        "mode": "is_production",
        "public_url": "is_https",
        "max_file_mb": "max_file_bytes",
        "max_dossier_mb": "max_dossier_bytes",
    }
    wanted = {name, derived.get(name, name)}
    readers = [
        path.relative_to(ROOT)
        for path in sorted((ROOT / "web").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in wanted
    ]
    assert readers


def environment_readers(source: str) -> list[int]:
    """The lines of `source` that touch the environment, however it is imported."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    lines = []
    for node in ast.walk(ast.parse(source)):
        if (isinstance(node, ast.Attribute) and node.attr in names) or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in names for alias in node.names)
        ):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "code", ["import os\nos.environ['A']", "from os import environ", "import os as o\no.getenv('A')"]
)
def test_reading_the_environment_is_noticed(code: str) -> None:
    assert environment_readers(code)


def test_the_environment_is_read_in_the_settings_only() -> None:
    # WSGI calls a request's variables an environ too; web may read that one as request.environ.
    readers = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in _sources()
        if path != ROOT / "config/settings.py"
        for line in environment_readers(path.read_text(encoding="utf-8"))
        if "request.environ" not in path.read_text(encoding="utf-8").splitlines()[line - 1]
    }
    assert readers == set()


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
