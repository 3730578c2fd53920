"""Vietnamese words as keys: to search without tone marks, and to sort as a Vietnamese dictionary does.

Both keys are compared byte by byte, so that SQLite, PostgreSQL and Python agree whatever locale they run in.
"""

from __future__ import annotations

import re
import unicodedata

# Combining marks after NFD. A mark of quality makes another letter, a mark of tone another word.
_QUALITY = {"\u0306": "breve", "\u0302": "circumflex", "\u031b": "horn"}
_TONE = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}  # huyền hỏi ngã sắc nặng

# “~” sorts behind every ASCII letter: a < az < a~ (ă) < a~~ (â) < b.
_LETTERS = {
    ("a", "breve"): "a~",
    ("a", "circumflex"): "a~~",
    ("e", "circumflex"): "e~",
    ("o", "circumflex"): "o~",
    ("o", "horn"): "o~~",
    ("u", "horn"): "u~",
}
_WORD = re.compile(r"[0-9]+|[^\W\d_]+", re.UNICODE)
_SPACE = re.compile(r"\s+")


def fold(text: str) -> str:
    """Return ``text`` as it is searched: lower case, without any mark, đ as d, single spaces.

    Both the column ``search_text`` and what a person types go through here, so that “nguyen thi kim ngan”
    finds “Nguyễn Thị Kim Ngân” and the other way round. Digits and punctuation stay (dossier codes are
    searched too).
    """
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFD", text.casefold())
        if not unicodedata.combining(letter)
    )
    return _SPACE.sub(" ", bare.replace("đ", "d")).strip()


def sort_key(text: str) -> str:
    """Return the key by which ``text`` is sorted in Vietnamese, for names of units, places and things.

    Order of a Vietnamese dictionary: syllable by syllable; in a syllable first the letters
    (a ă â b c d đ e ê … o ô ơ … u ư …), then the tone (ngang, huyền, hỏi, ngã, sắc, nặng). So every “ba …”
    stands before “bà …”. Case and punctuation do not count; numbers sort by their value (Ấp 2 before Ấp 10).
    """
    return " ".join(_syllable(word) for word in _WORD.findall(unicodedata.normalize("NFC", text).casefold()))


def person_sort_key(full_name: str) -> str:
    """Return the key by which people are listed: given name first, then family name, then middle names.

    Vietnamese lists of people go by the given name, which is the last word (“Trịnh Hoài An” stands under A).
    """
    words = full_name.split()
    return sort_key(" ".join(words[-1:] + words[:-1]))


def name_sort_key(kind: str, name: str) -> str:
    """Return the sort key of a nominee: ``individual`` and ``household`` by the given name, else by the
    whole.
    """
    return sort_key(name) if kind == "collective" else person_sort_key(name)


def _syllable(word: str) -> str:
    if word[0].isdecimal():
        figures = word.lstrip("0") or "0"
        # The number of figures stands first, so that a longer number sorts later; nines carry above nine.
        return "9" * (len(figures) // 9) + str(len(figures) % 9) + figures
    letters: list[str] = []
    tones = ""
    for letter in word:
        if letter == "đ":
            letters.append("d~")
            continue
        decomposed = unicodedata.normalize("NFD", letter)
        quality = next((_QUALITY[mark] for mark in decomposed[1:] if mark in _QUALITY), "")
        tones += "".join(_TONE.get(mark, "") for mark in decomposed[1:])
        letters.append(_LETTERS.get((decomposed[0], quality), decomposed[0]))
    # “!” sorts before every letter, so that “ba” in all its tones stands before “ban”.
    return f"{''.join(letters)}!{tones or '0'}"
