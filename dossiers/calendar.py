"""Working days: dated data with the public holidays and the weekend days that are worked, span by span.

A calendar answers for the days it covers and for no other. Spans that nobody has confirmed are counted all
the same, and every date computed through one says so (``DueDay.confirmed``); a day outside all spans raises.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

from dossiers.numbers import show_day
from dossiers.refusals import SENTENCES, NeedsPerson
from dossiers.written import HEAD_KEYS, Head, open_written, read_head
from states.definition import Label

ONE_DAY = timedelta(days=1)
SATURDAY = 5

SENTENCES.update(
    {
        "calendar_not_covered": (
            "Lịch nghỉ “{calendar}” chưa có ngày {day}. Quản trị viên cần đưa lịch nghỉ của năm {year} vào.",
            "The calendar “{calendar}” does not cover {day}. An administrator must add the "
            "holidays of {year}.",
        ),
        "calendar_not_confirmed": (
            "Lịch nghỉ năm {year} chưa được xác nhận: hạn này có thể thay đổi khi có thông báo chính thức.",
            "The holidays of {year} are not confirmed: this deadline may change once they are announced.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class CalendarSpan:
    """Days ``[from_on, last_day]`` (both included): holidays out of the week, and weekend days that are
    worked.

    ``verified`` False: nobody has confirmed the span against the official announcement.
    """

    from_on: date
    last_day: date
    verified: bool
    source: str | None
    holidays: Mapping[date, Label]
    worked: Mapping[date, Label]


@dataclass(frozen=True, slots=True)
class DueDay:
    """A computed day. ``confirmed`` False when a day of an unconfirmed span was counted on the way."""

    on: date
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar of working days, without gaps from its first to its last day."""

    head: Head
    spans: tuple[CalendarSpan, ...]
    _working: tuple[int, ...] = field(repr=False)  # ordinals of all working days, ascending

    @property
    def first_day(self) -> date:
        """The first day the calendar answers for."""
        return self.spans[0].from_on

    @property
    def last_day(self) -> date:
        """The last day the calendar answers for."""
        return self.spans[-1].last_day

    def is_working_day(self, day: date) -> bool:
        """Return whether offices work on ``day``. Raises ``NeedsPerson`` outside the calendar."""
        position = self._position(day)
        return position >= 0 and self._working[position] == day.toordinal()

    def holiday(self, day: date) -> Label | None:
        """Return what holiday ``day`` is, None on any other day. Raises ``NeedsPerson`` outside the
        calendar.
        """
        return self._span(day).holidays.get(day)

    def add_working_days(self, day: date, days: int) -> DueDay:
        """Return the ``days``-th working day after ``day`` (``days`` ≥ 1); ``day`` itself never counts.

        So a time limit of 20 days from a dossier received on Tuesday 05/11/2024 counts 06/11 as its first
        day and ends on 03/12/2024; one received on a Saturday or a holiday counts from the next working day.
        (Civil Code 2015, Article 147: the first day of a period is not counted.)

        Raises ``NeedsPerson`` when the calendar does not reach that far.
        """
        if days < 1:
            raise ValueError("a time limit has at least one working day")
        return self.shift(day, days)

    def shift(self, day: date, days: int) -> DueDay:
        """Return the day that lies ``days`` working days after ``day``; before it where negative.

        0 gives ``day`` itself where it is a working day, else the next one. Raises ``NeedsPerson`` when the
        calendar does not reach that far.
        """
        position = self._position(day) + days
        if days == 0 and not self.is_working_day(day):
            position += 1
        if position < 0:
            raise self._uncovered(self.first_day - ONE_DAY)
        if position >= len(self._working):
            raise self._uncovered(self.last_day + ONE_DAY)
        found = date.fromordinal(self._working[position])
        return DueDay(found, self.is_confirmed(day, found))

    def working_days_between(self, after: date, until: date) -> int:
        """Return how many working days lie in ``(after, until]``; negative when ``until`` is earlier.

        With today as ``after`` and a due day as ``until`` these are the days left: 0 on the due day itself,
        −1 after one working day of delay. Raises ``NeedsPerson`` outside the calendar.
        """
        return self._position(until) - self._position(after)

    def is_confirmed(self, one: date, other: date) -> bool:
        """Return whether every span touched from ``one`` to ``other`` (both included) is verified."""
        low, high = min(one, other), max(one, other)
        return all(span.verified for span in self.spans if span.from_on <= high and span.last_day >= low)

    def doubt(self, one: date, other: date) -> NeedsPerson | None:
        """Return the doubt to show beside a date computed from ``one`` to ``other``; None when all is
        confirmed.

        Raised by nobody: a deadline in an unconfirmed year is shown with this sentence.
        """
        low, high = min(one, other), max(one, other)
        for span in self.spans:
            if not span.verified and span.from_on <= high and span.last_day >= low:
                return NeedsPerson(
                    "calendar_not_confirmed", year=max(span.from_on, low).year, calendar=self.head.code
                )
        return None

    def _position(self, day: date) -> int:
        """Return the index of the last working day up to ``day``; −1 before the first."""
        if not self.first_day <= day <= self.last_day:
            raise self._uncovered(day)
        return bisect_right(self._working, day.toordinal()) - 1

    def _span(self, day: date) -> CalendarSpan:
        for span in self.spans:
            if span.from_on <= day <= span.last_day:
                return span
        raise self._uncovered(day)

    def _uncovered(self, day: date) -> NeedsPerson:
        return NeedsPerson("calendar_not_covered", calendar=self.head.code, day=show_day(day), year=day.year)


def calendar_of(head: Head, spans: tuple[CalendarSpan, ...]) -> Calendar:
    """Return the calendar of ``spans``, which follow each other without gap or overlap."""
    working = []
    for span in spans:
        day = span.from_on
        while day <= span.last_day:
            if day in span.worked or (day.weekday() < SATURDAY and day not in span.holidays):
                working.append(day.toordinal())
            day += ONE_DAY
    return Calendar(head, spans, tuple(working))


def load_calendar(data: bytes) -> Calendar:
    """Return the calendar written in ``data`` (YAML of kind ``calendar``).

    Raises ``ConfigurationInvalid`` with every problem: gaps and overlaps of spans, holidays on weekends,
    worked days in the week, days outside their span.
    """
    root = open_written(data)
    root.only(*HEAD_KEYS, "spans")
    head = read_head(root, data, "calendar")
    spans: list[CalendarSpan] = []
    for entry in root.each("spans"):
        entry.only("from", "to", "verified", "source", "holidays", "worked")
        from_on, last_day = entry.day("from"), entry.day("to")
        if last_day < from_on:
            entry.note("ends_before")
        days: dict[str, dict[date, Label]] = {"holidays": {}, "worked": {}}
        for key, found in days.items():
            for item in entry.each(key):
                item.only("on", "name")
                day = item.day("on")
                name = item.label("name")
                if day in found:
                    item.note("twice", name=day.isoformat())
                elif not from_on <= day <= last_day:
                    item.note("outside", name=day.isoformat())
                elif key == "holidays" and day.weekday() >= SATURDAY:
                    item.note("holiday_on_weekend", name=day.isoformat())
                elif key == "worked" and day.weekday() < SATURDAY:
                    item.note("worked_on_weekday", name=day.isoformat())
                found[day] = name
        if spans and from_on > spans[-1].last_day + ONE_DAY:
            gap_from, gap_to = spans[-1].last_day + ONE_DAY, from_on - ONE_DAY
            entry.note("gap", from_on=gap_from.isoformat(), to_on=gap_to.isoformat())
        elif spans and from_on <= spans[-1].last_day:
            entry.note("overlap", name=spans[-1].last_day.isoformat())
        spans.append(
            CalendarSpan(
                from_on,
                last_day,
                entry.flag("verified"),
                entry.text_or_none("source"),
                MappingProxyType(days["holidays"]),
                MappingProxyType(days["worked"]),
            )
        )
    if not spans:
        root.want("spans")
    root.finish()
    return calendar_of(head, tuple(spans))
