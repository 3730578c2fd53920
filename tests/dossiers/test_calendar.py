"""Working days: the dates of the scenarios, and a recount day by day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.calendar import Calendar, load_calendar
from dossiers.refusals import NeedsPerson
from dossiers.written import ConfigurationInvalid

FILE = Path("config/calendars/vn.yaml")
VN = load_calendar(FILE.read_bytes())

A_CALENDAR = """
kind: calendar
code: test
edition: "1"
title: {vi: Lịch, en: Calendar}
verified: true
"""


@pytest.fixture(scope="module")
def vn() -> Calendar:
    return VN


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2024-11-05", 20, "2024-12-03"),  # SC-01, received on a Tuesday
        ("2025-11-19", 20, "2025-12-17"),  # SC-02
        ("2024-11-18", 20, "2024-12-16"),  # SC-03
        ("2024-11-18", 5, "2024-11-25"),  # SC-03, notice of return
        ("2025-11-28", 20, "2025-12-26"),  # SC-12
        ("2025-06-16", 20, "2025-07-14"),  # SC-14
        ("2026-01-05", 10, "2026-01-16"),  # over the worked Saturday 10/01/2026
        ("2024-08-30", 1, "2024-09-04"),  # over National Day
        ("2025-04-25", 1, "2025-04-26"),  # a worked Saturday
        ("2025-01-24", 1, "2025-02-03"),  # over Tết
        ("2024-11-09", 1, "2024-11-11"),  # received on a Saturday: counts from Monday
        ("2024-11-10", 5, "2024-11-15"),
    ],
)
def test_time_limits_of_the_scenarios(vn: Calendar, start: str, days: int, due: str) -> None:
    assert vn.add_working_days(date.fromisoformat(start), days).on == date.fromisoformat(due)


HOLIDAYS = [
    "2024-09-02", "2024-09-03", "2025-01-01", "2025-01-27", "2025-01-31", "2025-04-07", "2025-04-30",
    "2025-05-02", "2025-09-01", "2025-09-02", "2026-01-01", "2026-01-02", "2026-02-16", "2026-02-20",
    "2026-04-27", "2026-04-30", "2026-05-01",
]  # fmt: skip


@pytest.mark.parametrize("day", HOLIDAYS)
def test_holidays_are_free_and_have_a_name(vn: Calendar, day: str) -> None:
    holiday = date.fromisoformat(day)
    assert not vn.is_working_day(holiday)
    named = vn.holiday(holiday)
    assert named is not None
    assert named.vi
    assert named.en


def test_worked_saturdays(vn: Calendar) -> None:
    assert [
        day
        for day in _days(date(2024, 9, 1), date(2026, 12, 31))
        if day.weekday() == 5 and vn.is_working_day(day)
    ] == [
        date(2025, 4, 26),
        date(2026, 1, 10),
    ]


_IN_VN = st.dates(date(2024, 1, 1), date(2026, 6, 30))


@given(_IN_VN, st.integers(1, 120))
def test_adding_is_the_same_as_counting_day_by_day(start: date, days: int) -> None:
    found, left = start, days
    while left:
        found += timedelta(days=1)
        left -= VN.is_working_day(found)
    due = VN.add_working_days(start, days)
    assert due.on == found
    assert due.confirmed == all(_span_of(day).verified for day in _days(start, found))
    assert VN.working_days_between(start, due.on) == days


@given(_IN_VN, _IN_VN)
def test_between_is_the_same_as_counting_day_by_day(one: date, other: date) -> None:
    low, high = min(one, other), max(one, other)
    counted = sum(VN.is_working_day(day) for day in _days(low + timedelta(days=1), high))
    assert VN.working_days_between(low, high) == counted
    assert VN.working_days_between(high, low) == -counted


@given(_IN_VN, st.integers(-60, 60))
def test_shifting_and_counting_back_agree(day: date, days: int) -> None:
    if day < date(2024, 6, 1):
        day += timedelta(days=200)
    shifted = VN.shift(day, days).on
    assert VN.is_working_day(shifted)
    if days or VN.is_working_day(day):
        assert VN.working_days_between(day, shifted) == days


@pytest.mark.parametrize(
    ("start", "confirmed"),
    [("2024-11-05", True), ("2025-12-01", True), ("2025-12-15", False), ("2026-03-02", False)],
)
def test_a_due_day_through_an_unconfirmed_year_says_so(vn: Calendar, start: str, confirmed: bool) -> None:
    day = date.fromisoformat(start)
    due = vn.add_working_days(day, 20)
    assert due.confirmed is confirmed
    doubt = vn.doubt(day, due.on)
    assert (doubt is None) is confirmed
    if doubt is not None:
        assert "2026" in doubt.sentence("vi")
        assert "2026" in doubt.sentence("en")


@pytest.mark.parametrize("day", [date(2023, 12, 29), date(2028, 1, 3)])
def test_days_outside_the_calendar_need_a_person(vn: Calendar, day: date) -> None:
    with pytest.raises(NeedsPerson) as refused:
        vn.is_working_day(day)
    assert str(day.year) in refused.value.sentence("vi")
    assert "vn" in refused.value.sentence("en")


def test_a_limit_that_leaves_the_calendar_needs_a_person(vn: Calendar) -> None:
    with pytest.raises(NeedsPerson, match="calendar_not_covered"):
        vn.add_working_days(date(2027, 12, 20), 20)
    with pytest.raises(ValueError):
        vn.add_working_days(date(2024, 11, 5), 0)


@pytest.mark.parametrize(
    ("spans", "codes"),
    [
        ("", {"missing"}),
        (
            "spans:\n"
            "  - {from: 2024-01-01, to: 2024-06-30, verified: true}\n"
            "  - {from: 2024-07-02, to: 2024-12-31, verified: true}\n",
            {"gap"},
        ),
        (
            "spans:\n"
            "  - {from: 2024-01-01, to: 2024-06-30, verified: true}\n"
            "  - {from: 2024-06-30, to: 2024-12-31, verified: true}\n",
            {"overlap"},
        ),
        (
            "spans:\n"
            "  - from: 2024-01-01\n"
            "    to: 2024-12-31\n"
            "    verified: maybe\n"
            "    festivals: []\n"
            "    holidays:\n"
            "      - {on: 2024-02-10, name: {vi: Tết, en: Tết}}\n"
            "      - {on: 2024-02-30, name: {vi: Tết, en: Tết}}\n"
            "      - {on: 2025-01-01, name: {vi: Tết, en: Tết}}\n"
            "      - {on: 2024-05-01, name: {vi: Lễ}}\n"
            "      - {on: 2024-05-01, name: {vi: Lễ, en: Holiday}}\n"
            "    worked:\n"
            "      - {on: 2024-05-06, name: {vi: Bù, en: Worked}}\n",
            {
                "unknown_key",
                "not_a_flag",
                "holiday_on_weekend",
                "not_a_day",
                "outside",
                "missing",
                "twice",
                "worked_on_weekday",
            },
        ),
    ],
)
def test_every_mistake_of_a_calendar_is_named_at_once(spans: str, codes: set[str]) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        load_calendar((A_CALENDAR + spans).encode())
    assert codes <= {problem.code for problem in refused.value.problems}
    for problem in refused.value.problems:
        assert problem.message
        assert problem.message_vi


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _span_of(day: date):  # type: ignore[no-untyped-def]  # a test's own lookup
    return next(span for span in VN.spans if span.from_on <= day <= span.last_day)
