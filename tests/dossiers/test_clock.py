"""Clocks of dossiers: start, standstill, going on, end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.calendar import load_calendar
from dossiers.clock import (
    Clock,
    clock_of,
    days_left,
    end,
    is_overdue,
    pause,
    reminder_day,
    resume,
    start,
    used_days,
)
from dossiers.dossier import ClockSpan
from dossiers.refusals import NeedsPerson

VN = load_calendar(Path("config/calendars/vn.yaml").read_bytes())


def at(day: str, hour: int = 9) -> datetime:
    """Return an hour of a day in Viet Nam, as UTC."""
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC) - timedelta(hours=7)


def appraisal(day: str) -> Clock:
    return start(VN, "appraisal", at(day), working_days=20)


def test_the_appraisal_clock_of_sc_01() -> None:
    clock = appraisal("2024-11-05")
    assert clock.due_on == date(2024, 12, 3)
    assert clock.confirmed
    assert days_left(clock, VN, date(2024, 11, 5)) == 20
    assert days_left(clock, VN, date(2024, 12, 3)) == 0
    assert not is_overdue(clock, date(2024, 12, 3))
    assert is_overdue(clock, date(2024, 12, 4))
    assert days_left(clock, VN, date(2024, 12, 4)) == -1


def test_the_day_is_that_of_viet_nam() -> None:
    """23:30 UTC on 04/11 is already 05/11 in Viet Nam."""
    clock = start(VN, "appraisal", datetime(2024, 11, 4, 23, 30, tzinfo=UTC), working_days=20)
    assert clock.due_on == date(2024, 12, 3)


@pytest.mark.parametrize(
    ("paused", "resumed", "due"),
    [
        ("2024-11-07", "2024-11-07", "2024-12-03"),  # the same day changes nothing
        ("2024-11-07", "2024-11-08", "2024-12-04"),
        ("2024-11-08", "2024-11-10", "2024-12-03"),  # over a weekend changes nothing
        ("2024-11-07", "2024-11-21", "2024-12-17"),
        ("2024-12-03", "2024-12-10", "2024-12-10"),  # paused on its last day: due when it goes on
        ("2024-12-03", "2024-12-07", "2024-12-09"),  # … or on the next working day
        ("2024-12-04", "2024-12-10", "2024-12-09"),  # a day late before, a day late after
    ],
)
def test_a_standstill_moves_the_due_day_by_its_working_days(paused: str, resumed: str, due: str) -> None:
    standing = pause(appraisal("2024-11-05"), VN, at(paused))
    assert standing.due_on is None
    assert not standing.is_running
    assert not is_overdue(standing, date(2025, 6, 1))
    assert resume(standing, VN, at(resumed)).due_on == date.fromisoformat(due)


def test_days_left_stand_still_with_the_clock() -> None:
    standing = pause(appraisal("2024-11-05"), VN, at("2024-11-07"))
    assert standing.used_days == 2
    assert days_left(standing, VN, date(2024, 12, 31)) == 18
    going = resume(standing, VN, at("2024-12-02"))
    assert days_left(going, VN, date(2024, 12, 2)) == 18
    assert used_days(going, VN, date(2024, 12, 4)) == 4


def test_nothing_happens_where_nothing_can() -> None:
    clock = appraisal("2024-11-05")
    assert resume(clock, VN, at("2024-11-06")) is clock
    standing = pause(clock, VN, at("2024-11-06"))
    assert pause(standing, VN, at("2024-11-07")) is standing
    ended = end(clock, at("2024-11-12"))
    assert end(ended, at("2024-11-13")) is ended
    assert pause(ended, VN, at("2024-11-13")) is ended
    assert resume(end(standing, at("2024-11-12")), VN, at("2024-11-13")).ended_at == at("2024-11-12")
    assert days_left(ended, VN, date(2024, 11, 13)) is None
    assert not is_overdue(ended, date(2025, 11, 13))


def test_a_fixed_last_day_is_not_moved() -> None:
    """SC-02: supplement until 19/11/2025, reminded two working days before."""
    clock = start(VN, "supplement", at("2025-11-12"), due_on=date(2025, 11, 19))
    assert clock.due_on == date(2025, 11, 19)
    assert reminder_day(clock, VN, 2) == date(2025, 11, 17)
    assert resume(pause(clock, VN, at("2025-11-13")), VN, at("2025-11-18")).due_on == date(2025, 11, 19)
    assert not is_overdue(clock, date(2025, 11, 19))
    assert is_overdue(clock, date(2025, 11, 20))


def test_a_clock_keeps_its_row() -> None:
    row = ClockSpan(dossier_id=1)
    clock = pause(appraisal("2024-11-05"), VN, at("2024-11-07"))
    clock.write_to(row)
    assert clock_of(row) == clock


def test_an_unconfirmed_year_is_marked_and_an_uncovered_one_needs_a_person() -> None:
    assert not start(VN, "appraisal", at("2025-12-20"), working_days=20).confirmed
    with pytest.raises(NeedsPerson):
        start(VN, "appraisal", at("2027-12-20"), working_days=20)


@pytest.mark.parametrize("given_limits", [{}, {"working_days": 5, "due_on": date(2025, 11, 19)}])
def test_a_limit_has_days_or_a_last_day(given_limits: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        start(VN, "x", at("2024-11-05"), **given_limits)  # type: ignore[arg-type]  # wrong on purpose


_MOMENTS = st.lists(st.integers(0, 300), min_size=2, max_size=8).map(sorted)


@given(_MOMENTS, st.integers(1, 60))
def test_every_working_day_is_counted_once_or_stands_still(offsets: list[int], limit: int) -> None:
    """Pausing and resuming at any days: used days are the running ones, recounted day by day."""
    first = date(2024, 9, 2)
    days = [first + timedelta(days=offset) for offset in offsets]
    clock = start(VN, "x", at(days[0].isoformat()), working_days=limit)
    running, counted, before = True, 0, days[0]
    for day in days[1:]:
        passed = sum(VN.is_working_day(before + timedelta(days=n)) for n in range(1, (day - before).days + 1))
        counted += passed if running else 0
        clock = (pause if running else resume)(clock, VN, at(day.isoformat()))
        running, before = not running, day
    assert used_days(clock, VN, days[-1]) == counted
    if running and limit - counted > 0:
        assert clock.due_on == VN.add_working_days(days[-1], limit - counted).on
