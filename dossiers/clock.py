"""Clocks: how a time limit starts with the complete dossier, stands still, goes on and ends. Pure arithmetic.

A clock counts working days of a calendar. The day on which it starts or goes on is never counted (the next
working day is the first); the day on which it is paused is. So a pause moves the due day by exactly the
working days that lie in ``(day of the pause, day it went on]``, and a pause and a resumption on one day
change nothing.

Limits counted to a day that somebody sets (a supplement “by 19/11”) have ``working_days`` None and a fixed
``due_on``; they are not moved by a pause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from dossiers.calendar import Calendar
from dossiers.days import local_day


class SpanRow(Protocol):
    """What a clock needs of a row of ``clock_span``."""

    limit_code: str
    working_days: int | None
    used_days: int
    started_at: datetime
    running_since: datetime
    paused_at: datetime | None
    due_on: date | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Clock:
    """One time limit on its way; the fields are those of ``clock_span``.

    ``used_days``: working days counted up to the last pause. ``due_on``: the last good day; None while a
    limit in working days stands still. ``confirmed`` False: the due day was counted through an unconfirmed
    calendar.
    """

    limit_code: str
    working_days: int | None
    used_days: int
    started_at: datetime
    running_since: datetime
    paused_at: datetime | None
    due_on: date | None
    ended_at: datetime | None
    confirmed: bool = True

    @property
    def is_running(self) -> bool:
        """Neither paused nor ended."""
        return self.paused_at is None and self.ended_at is None

    def write_to(self, row: SpanRow) -> None:
        """Put these values into a row of ``clock_span``."""
        row.limit_code = self.limit_code
        row.working_days = self.working_days
        row.used_days = self.used_days
        row.started_at = self.started_at
        row.running_since = self.running_since
        row.paused_at = self.paused_at
        row.due_on = self.due_on
        row.ended_at = self.ended_at


def clock_of(row: SpanRow) -> Clock:
    """Return the clock kept in a row of ``clock_span``."""
    return Clock(
        row.limit_code,
        row.working_days,
        row.used_days,
        row.started_at,
        row.running_since,
        row.paused_at,
        row.due_on,
        row.ended_at,
    )


def start(
    calendar: Calendar,
    limit_code: str,
    moment: datetime,
    *,
    working_days: int | None = None,
    due_on: date | None = None,
) -> Clock:
    """Return a clock started at ``moment``, over ``working_days`` (≥ 1) or to the fixed day ``due_on``.

    Raises ``NeedsPerson`` when the calendar does not reach the due day, ``ValueError`` unless exactly one of
    the two is given.
    """
    if (working_days is None) == (due_on is None):
        raise ValueError("a limit has either working days or a fixed last day")
    confirmed = True
    if working_days is not None:
        due = calendar.add_working_days(local_day(moment), working_days)
        due_on, confirmed = due.on, due.confirmed
    return Clock(limit_code, working_days, 0, moment, moment, None, due_on, None, confirmed)


def pause(clock: Clock, calendar: Calendar, moment: datetime) -> Clock:
    """Return ``clock`` standing still from ``moment``; unchanged where it does not run.

    Raises ``NeedsPerson`` outside the calendar.
    """
    if not clock.is_running:
        return clock
    if clock.working_days is None:
        return replace(clock, paused_at=moment)
    return replace(
        clock, used_days=used_days(clock, calendar, local_day(moment)), paused_at=moment, due_on=None
    )


def resume(clock: Clock, calendar: Calendar, moment: datetime) -> Clock:
    """Return ``clock`` going on at ``moment`` with the days it had left; unchanged where it is not paused.

    A clock paused on its last day is due on the day it goes on (or the next working day); one that was late
    already is as late as it was. Raises ``NeedsPerson`` when the calendar does not reach the due day.
    """
    if clock.paused_at is None or clock.ended_at is not None:
        return clock
    if clock.working_days is None:
        return replace(clock, running_since=moment, paused_at=None)
    due = calendar.shift(local_day(moment), clock.working_days - clock.used_days)
    return replace(clock, running_since=moment, paused_at=None, due_on=due.on, confirmed=due.confirmed)


def end(clock: Clock, moment: datetime) -> Clock:
    """Return ``clock`` ended at ``moment``; unchanged where it has ended already."""
    return clock if clock.ended_at is not None else replace(clock, ended_at=moment)


def used_days(clock: Clock, calendar: Calendar, today: date) -> int:
    """Return the working days counted up to and with ``today``. Raises ``NeedsPerson`` outside the
    calendar.
    """
    if clock.paused_at is not None or clock.ended_at is not None:
        return clock.used_days
    return clock.used_days + max(calendar.working_days_between(local_day(clock.running_since), today), 0)


def days_left(clock: Clock, calendar: Calendar, today: date) -> int | None:
    """Return the working days left after ``today``: 0 on the last good day, negative when late.

    None where nothing is left to count: the clock has ended, or a fixed day stands still. Raises
    ``NeedsPerson`` outside the calendar.
    """
    if clock.ended_at is not None:
        return None
    if clock.due_on is not None:
        return calendar.working_days_between(today, clock.due_on)
    return None if clock.working_days is None else clock.working_days - clock.used_days


def is_overdue(clock: Clock, today: date) -> bool:
    """Return whether the last good day has passed on a clock that runs."""
    return clock.is_running and clock.due_on is not None and today > clock.due_on


def reminder_day(clock: Clock, calendar: Calendar, remind_before: int) -> date | None:
    """Return the working day that lies ``remind_before`` working days before the last good day; None without
    one.

    Raises ``NeedsPerson`` outside the calendar.
    """
    if not clock.is_running or clock.due_on is None:
        return None
    return calendar.shift(clock.due_on, -remind_before).on
