"""Vietnamese order and search: the words of lists and of search fields."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.text import fold, name_sort_key, person_sort_key, sort_key

# Letters first, then tones, syllable by syllable.
IN_ORDER = [
    "an", "àn", "ản", "ãn", "án", "ạn", "ăn", "ân", "ba", "ba ba", "ba trang", "bà",
    "bà ba", "bả", "bã", "bá", "bạ", "ban", "bàn", "da", "dơ", "dz", "đa", "đá",
    "e", "ê", "gà", "hoa", "họa", "ma", "mở", "o", "ô", "ơ", "tu", "tư",
    "tự", "u", "ư", "xa", "ý",
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise(IN_ORDER)))
def test_vietnamese_dictionary_order(before: str, after: str) -> None:
    assert sort_key(before) < sort_key(after)


def test_order_is_the_same_for_any_case_and_unicode_form() -> None:
    for word in IN_ORDER:
        assert sort_key(word.upper()) == sort_key(word) == sort_key(unicodedata.normalize("NFD", word))


def test_numbers_in_names_sort_by_their_value() -> None:
    names = ["Ấp 2", "Ấp 10", "Ấp 99", "Ấp 100000000", "Ấp 1000000000"]
    assert sorted(set(names), key=sort_key) == names


def test_punctuation_does_not_count() -> None:
    assert sort_key("Phòng Tổ chức – Hành chính") == sort_key("phòng tổ chức, hành chính")


def test_people_are_listed_by_given_name_then_family_name() -> None:
    in_order = [
        "Trịnh Hoài An", "Thạch Ngọc Diễm", "Võ Thành Đức", "Kiều Phước Hậu", "Huỳnh Văn Khải",
        "Neáng Sóc Linh", "Đoàn Minh Lộc", "Cao Thị Bảy Ngân",
        "Thị Kim Ngân", "Tạ Đình Phong", "Danh Sóc Rây", "Sơn Rinh",
        "Danh Thị Mai Sương", "Lâm Quốc Thịnh", "Lưu Bảo Trâm", "Phan Thị Ánh Tuyết", "Mai Thị Hồng Vân",
    ]  # fmt: skip
    assert sorted(set(in_order), key=person_sort_key) == in_order


def test_collectives_sort_by_the_whole_name_and_households_by_the_given_name() -> None:
    assert name_sort_key("collective", "Trạm Y tế An") == sort_key("Trạm Y tế An")
    assert name_sort_key("household", "hộ bà Cao Thị Bảy") < name_sort_key("household", "hộ ông Giàng A Páo")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("thi kim ngan", "Thị Kim Ngân"),
        ("THỊ KIM NGÂN", "thi  kim ngan"),
        ("đức", "Duc"),
        ("gt-2024-0031", "GT-2024-0031"),
        ("cong dan hoc tap", "“Công dân học tập”"),
    ],
)
def test_search_ignores_case_and_tone_marks(typed: str, kept: str) -> None:
    assert fold(typed) in fold(kept)


@given(st.text(max_size=80))
def test_keys_hold_for_any_text_and_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert isinstance(person_sort_key(text) + sort_key(text), str)
