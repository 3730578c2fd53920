"""The editions the tests read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from states.definition import Edition
from states.loader import load_edition
from tests.states.vocabulary import VOCABULARY

HERE = Path(__file__).parent
SMALL = HERE / "small_edition.yaml"
SHIPPED = sorted((HERE.parent.parent / "config" / "workflows").glob("*.yaml"))


@cache
def edition_of(path: Path) -> Edition:
    """The edition in the file; raises EditionInvalid."""
    return load_edition(path.read_bytes(), VOCABULARY)


def shipped(code: str) -> Edition:
    """The shipped edition of that code."""
    return next(e for e in map(edition_of, SHIPPED) if e.code == code)
