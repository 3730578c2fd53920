"""Numbers and days: what is read from people, and how it is shown to them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.numbers import (
    NotADay,
    NotANumber,
    hundredths_of_percent,
    lacking,
    meets,
    parse_count,
    parse_day,
    parse_percentage,
    show_day,
    show_day_in_paper,
    show_moment,
    show_money,
    show_number,
    show_percentage,
    show_size,
    show_threshold,
    show_weekday,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1041", 1041),
        ("1.041", 1041),
        ("1 041", 1041),
        (" 1\u00a0041 ", 1041),
        ("1\u202f041", 1041),
        ("1.041.000", 1041000),
        ("0", 0),
        ("007", 7),
    ],
)
def test_counts_are_read_generously(text: str, number: int) -> None:
    assert parse_count(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-5",
        "+5",
        "1,041",
        "1.04",
        "1.0411",
        "10.41",
        "1.041 000",
        "1e3",
        "12,5",
        "١٢",
        "một",
        "9" * 41,
        "9" * 17,
    ],
)
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        parse_count(text)


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [("58,71", 5871), ("58.71", 5871), ("58,71 %", 5871), ("80", 8000), ("99,9%", 9990)],
)
def test_percentages_take_comma_or_dot(text: str, hundredths: int) -> None:
    assert parse_percentage(text) == hundredths


@pytest.mark.parametrize("text", ["", "58,711", "1.041,5", "-1", "%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        parse_percentage(text)


@pytest.mark.parametrize(
    "text",
    [
        "5/9/2024",
        "05/09/2024",
        "5-9-2024",
        "5.9.2024",
        "2024-09-05",
        "ngày 05 tháng 9 năm 2024",
        "5 tháng 9 năm 2024",
    ],
)
def test_days_are_read_generously(text: str) -> None:
    assert parse_day(text) == date(2024, 9, 5)


@pytest.mark.parametrize(
    "text", ["", "5/9/24", "31/4/2024", "29/2/2023", "9/13/2024", "5/9-2024", "1/1/1024", "2024"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(NotADay):
        parse_day(text)


@pytest.mark.parametrize(
    ("numerator", "denominator", "threshold", "shown"),
    [
        (4812, 5901, (80, 100), "81,55%"),
        (1041, 1773, (60, 100), "58,71%"),
        (1069, 1773, (60, 100), "60,29%"),
        (79_996, 100_000, (80, 100), "79,99%"),
        (79_996, 100_000, None, "80,00%"),
        (79_994, 100_000, (80, 100), "79,99%"),
        (80, 100, (80, 100), "80,00%"),
        (99_999, 100_000, (100, 100), "99,99%"),
        (999, 1000, (100, 100), "99,90%"),
        (412, 514, (80, 100), "80,16%"),
        (0, 7, (80, 100), "0,00%"),
        (1, 8, None, "12,50%"),
        (1, 20_000, None, "0,01%"),
    ],
)
def test_percentages_never_flatter(
    numerator: int, denominator: int, threshold: tuple[int, int] | None, shown: str
) -> None:
    assert show_percentage(numerator, denominator, threshold) == shown
    assert show_percentage(numerator, denominator, threshold, "en") == shown.replace(",", ".")


@given(
    st.integers(0, 10**9), st.integers(1, 10**9), st.sampled_from([(60, 100), (70, 100), (80, 100), (1, 1)])
)
def test_the_shown_percentage_passes_exactly_when_the_value_passes(
    numerator: int, denominator: int, threshold: tuple[int, int]
) -> None:
    shown = hundredths_of_percent(numerator, denominator, threshold)
    assert meets(shown, 10_000, threshold) == meets(numerator, denominator, threshold)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from([(60, 100), (80, 100), (2, 3), (1, 1)]))
def test_lacking_is_the_least_number_that_helps(
    numerator: int, denominator: int, threshold: tuple[int, int]
) -> None:
    more = lacking(numerator, denominator, threshold)
    assert meets(numerator + more, denominator, threshold)
    assert more == 0 or not meets(numerator + more - 1, denominator, threshold)


def test_lacking_as_the_page_says_it() -> None:
    assert lacking(1041, 1773, (60, 100)) == 23


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (show_number(1773), "1.773"),
        (show_number(1773, "en"), "1,773"),
        (show_money(1_410_000), "1.410.000 đồng"),
        (show_threshold((60, 100)), "60%"),
        (show_threshold((2, 3)), "66,67%"),
        (show_threshold((1, 1), "en"), "100%"),
        (show_size(8_703_180), "8,3 MB"),
        (show_size(512), "512 B"),
        (show_size(1_048_576, "en"), "1 MB"),
        (show_day(date(2024, 9, 5)), "05/09/2024"),
        (show_day(date(2024, 11, 29), "en"), "29 November 2024"),
        (show_weekday(date(2024, 11, 29)), "thứ Sáu, 29/11/2024"),
        (show_weekday(date(2024, 11, 29), "en"), "Friday, 29 November 2024"),
        (show_day_in_paper(date(2024, 9, 5)), "ngày 05 tháng 9 năm 2024"),
        (show_day_in_paper(date(2025, 1, 12)), "ngày 12 tháng 01 năm 2025"),
        (show_moment(datetime(2024, 11, 15, 10, tzinfo=UTC)), "17:00 ngày 15/11/2024"),
    ],
)
def test_shown_as_the_wording_table_has_it(shown: str, expected: str) -> None:
    assert shown == expected
