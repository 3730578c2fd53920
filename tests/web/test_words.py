"""Every sentence of the pages exists in both languages, and the second one is shown when it is chosen."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from dossiers.functions import FUNCTIONS
from tests.web.conftest import Site
from web.english import ENGLISH
from web.pages.administration import KINDS, LEVELS
from web.pages.door import DOES
from web.shown import FINDINGS, PURPOSES

WEB = Path(__file__).resolve().parents[2] / "web"
CALL = re.compile(r"""\bt\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def sentences() -> set[str]:
    """Return every sentence that a template or a page asks for."""
    found: set[str] = set()
    for path in [*WEB.rglob("*.html"), *WEB.glob("*.py"), *(WEB / "pages").glob("*.py")]:
        found.update(ast.literal_eval(text) for text in CALL.findall(path.read_text(encoding="utf-8")))
    found.update(words for _, words in DOES.values())
    found.update(words for _, _, words in FINDINGS.values())
    return found | set(PURPOSES.values()) | set(KINDS.values()) | set(LEVELS.values())


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_sentence_has_its_english() -> None:
    assert len(sentences()) > 300
    assert sentences() - set(ENGLISH) == set()


def test_no_english_is_left_of_a_sentence_that_is_gone() -> None:
    assert set(ENGLISH) - sentences() == set()


@pytest.mark.parametrize("sentence", sorted(ENGLISH))
def test_both_languages_say_the_same_things(sentence: str) -> None:
    assert placeholders(sentence) == placeholders(ENGLISH[sentence])


def test_the_vietnamese_keeps_to_the_house_style() -> None:
    for sentence in sentences():
        assert "!" not in sentence
        assert not re.search(r"\b([Vv]ui lòng|[Ll]ỗi hệ thống|upload|deadline|file)\b", sentence), sentence


def test_every_function_says_on_the_demo_what_it_does() -> None:
    assert set(DOES) == set(FUNCTIONS)


def test_a_person_chooses_english_and_keeps_it(site: Site) -> None:
    browser = site.signed_in("diem")
    assert browser.post("/language", {"language": "en", "next": "/account"}).status_code == 303
    page = browser.get("/account").get_data(as_text=True)
    assert '<html lang="en">' in page
    assert "My account" in page
    browser.post("/logout")
    assert "Log in" in browser.get("/login").get_data(as_text=True)  # the browser remembers as well
    assert '<html lang="vi">' in site.browser().get("/login").get_data(as_text=True)


def test_an_unknown_language_changes_nothing(site: Site) -> None:
    browser = site.signed_in("diem")
    assert browser.post("/language", {"language": "fr"}).status_code == 422
    assert '<html lang="vi">' in browser.get("/account").get_data(as_text=True)
