"""The day and hour of an office in Viet Nam: UTC+7 all year, without daylight saving since 1975."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

VIET_NAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")


def local_day(moment: datetime) -> date:
    """Return the calendar day in Viet Nam at ``moment`` (aware)."""
    return moment.astimezone(VIET_NAM).date()


def local_moment(day: date, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """Return the aware moment of ``hour:minute:second`` in Viet Nam on ``day``."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=VIET_NAM)
