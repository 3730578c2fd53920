"""Every dependency has its reason, is pinned by hash, and is the same to run and to test."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TO_RUN = PROJECT["dependencies"]
TO_TEST = PROJECT["optional-dependencies"]["test"]
PAGE = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
FEWEST_WORDS = 4


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found.group().lower().replace("_", "-")


def reasons(heading: str) -> dict[str, str]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^- `([^`]+)`: (.+)$", section, re.MULTILINE))


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))


@pytest.mark.parametrize(("heading", "requirements"), [("To run", TO_RUN), ("To test", TO_TEST)])
def test_every_dependency_says_what_it_saves_us(heading: str, requirements: list[str]) -> None:
    said = reasons(heading)
    assert set(said) == {name_of(requirement) for requirement in requirements}
    for name, sentence in said.items():
        assert len(sentence.split()) >= FEWEST_WORDS, name
        assert sentence.endswith("."), name


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [("requirements.lock", TO_RUN), ("requirements-test.lock", TO_RUN + TO_TEST)],
)
def test_every_dependency_is_locked(lock: str, requirements: list[str]) -> None:
    assert {name_of(requirement) for requirement in requirements} <= set(pins(lock)), "run `make lock`"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_every_locked_package_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=[a-z0-9])", text.split("\n", 2)[2])
    without = [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry]
    assert without == []


def test_what_is_tested_is_what_runs() -> None:
    tested = pins("requirements-test.lock")
    assert {name: tested.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")
