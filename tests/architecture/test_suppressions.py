"""Whoever silences a tool says which rule and why, on that line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("config", "states", "storage", "dossiers", "workflow", "web", "tests")
SILENCER = re.compile(r"#\s*(noqa|type:\s*ignore|pragma: no cover)(?P<rest>.*)$")
# A rule in brackets or after the colon, then a reason of at least two words.
WITH_REASON = re.compile(
    r"^(\[[a-z-]+(,\s*[a-z-]+)*\]|:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*)\s*(#|-|—|:)?\s*\S+\s+\S+"
)


def silenced_without_reason(line: str) -> bool:
    found = SILENCER.search(line)
    return found is not None and not WITH_REASON.match(found.group("rest"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 1", False),
        ("x = y()  # type: ignore[misc]  # the refusal is the point", False),
        ("import a  # noqa: F401  # for its side effect", False),
        ("x = y()  # type" + ": ignore", True),
        ("x = y()  # type" + ": ignore[misc]", True),
        ("import a  # no" + "qa", True),
        ("import a  # no" + "qa: F401", True),
    ],
)
def test_a_reason_is_told_from_none(line: str, expected: bool) -> None:
    assert silenced_without_reason(line) is expected


def test_every_suppression_names_its_reason() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if silenced_without_reason(line)
    ]
    assert found == []
