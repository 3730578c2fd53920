"""The pages in English: each Vietnamese sentence of ``web.words.t`` and what it is in the second language."""

from __future__ import annotations

ENGLISH: dict[str, str] = {}
