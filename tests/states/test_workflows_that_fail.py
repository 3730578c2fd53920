"""Each wrong edition gets exactly the complaints written at its head, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from states.loader import EditionInvalid, load_edition
from states.problems import SENTENCES
from tests.states.vocabulary import VOCABULARY

CORPUS = sorted((Path(__file__).parent.parent / "workflows_that_fail").glob("*.yaml"))
EXPECTS = re.compile(r"# expects (\S+): (.+)")


def problems_of(path: Path):
    with pytest.raises(EditionInvalid) as caught:
        load_edition(path.read_bytes(), VOCABULARY)
    return caught.value.problems


@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.stem)
def test_every_mistake_is_named_and_nothing_else(path: Path):
    expected = []
    for line in path.read_text(encoding="utf-8").splitlines():
        match = EXPECTS.fullmatch(line)
        if match is None:
            break
        expected.append(match.groups())
    assert expected, "the file must begin with what it expects"

    assert [(p.path or "(file)", p.message) for p in problems_of(path)] == expected


@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.stem)
def test_every_complaint_is_also_in_vietnamese_and_knows_its_line(path: Path):
    for problem in problems_of(path):
        assert problem.message_vi
        assert problem.message_vi != problem.message
        assert "{" not in problem.message_vi + problem.message
        if problem.path:
            assert problem.line is not None


def test_the_corpus_is_large_and_knows_almost_every_complaint():
    assert len(CORPUS) >= 30
    told = {problem.code for path in CORPUS for problem in problems_of(path)}
    # The others need bytes that cannot carry a comment, or a flood: tests/states/test_loader.py.
    assert set(SENTENCES) - told == {
        "more_problems",
        "not_utf8",
        "too_large",
        "too_many",
        "too_many_values",
    }
