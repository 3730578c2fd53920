"""Every sentence of the pages in two languages.

The Vietnamese sentence is its own key: a template reads as the page does, and ``english.py`` holds the second
language. A test collects every sentence from the templates and the pages and fails when one has no English.
Sentences of refusals live in ``dossiers/refusals``; labels of states and actions live in their edition.
"""

from __future__ import annotations

from web.auth import language
from web.english import ENGLISH


def t(sentence: str, **values: object) -> str:
    """Return ``sentence`` in the language of the page, its {placeholders} filled from ``values``.

    A sentence without English is shown in Vietnamese rather than not at all.
    """
    words = ENGLISH.get(sentence, sentence) if language() == "en" else sentence
    return words.format(**values) if values else words
