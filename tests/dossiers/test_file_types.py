"""The safe form of a file's name: nothing in it that nobody sees, and something always left."""

from __future__ import annotations

import pytest

from dossiers.file_types import safe_name

# Default_Ignorable_Code_Point, DerivedCoreProperties.txt of Unicode 14.0, as that file lists it.
IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
BLANK_BRAILLE = 0x2800


def test_a_letter_that_nobody_sees_is_no_name_and_no_part_of_one() -> None:
    unseen = [code for first, last in IGNORABLE for code in range(first, last + 1)]
    for code in (*unseen, BLANK_BRAILLE):
        letter = chr(code)
        assert safe_name(letter) == safe_name(letter * 3) == "tep", f"U+{code:04X}"
        assert safe_name(f"{letter}Biên bản{letter}.pdf") == "Biên bản.pdf", f"U+{code:04X}"


@pytest.mark.parametrize(
    "name",
    ["Tờ trình số 27.pdf", "ភូមិ.pdf", "ᠮᠣᠩᠭᠣᠯ.pdf", "한글.pdf", "\u2801\u28ff.pdf", "📄 minh chứng.pdf"],
)
def test_letters_that_are_seen_stay(name: str) -> None:
    assert safe_name(name) == name
