"""Configuration in force, read from its table: calendars and regimes. Documents never change, so they are kept."""

from __future__ import annotations

from datetime import date
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, or_, select

from dossiers.calendar import Calendar, load_calendar
from dossiers.configuration import ConfigDocument
from dossiers.numbers import show_day
from dossiers.refusals import Conflict, NeedsPerson
from storage.database import Tx

_CALENDARS: WeakKeyDictionary[Engine, dict[int, Calendar]] = WeakKeyDictionary()


def calendar_in_use(tx: Tx, code: str) -> Calendar:
    """Return the newest edition of the calendar ``code``. Raises ``NeedsPerson`` when there is none."""
    newest = tx.connection.execute(
        select(ConfigDocument.id)
        .where(ConfigDocument.kind == "calendar", ConfigDocument.code == code)
        .order_by(ConfigDocument.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if newest is None:
        raise NeedsPerson("calendar_missing", calendar=code)
    kept = _CALENDARS.setdefault(tx.connection.engine, {})
    calendar = kept.get(newest)
    if calendar is None:
        body = tx.connection.execute(
            select(ConfigDocument.body).where(ConfigDocument.id == newest)
        ).scalar_one()
        calendar = kept[newest] = load_calendar(body)
    return calendar


def regime_on(tx: Tx, day: date) -> int:
    """Return the id of the legal regime in force on ``day``: it will be frozen on the dossier.

    Raises ``Conflict`` when no regime covers the day: a person must bring the text in first; nothing falls back.
    """
    found = tx.connection.execute(
        select(ConfigDocument.id)
        .where(
            ConfigDocument.kind == "regime",
            ConfigDocument.in_force_from <= day,
            or_(ConfigDocument.in_force_to.is_(None), ConfigDocument.in_force_to > day),
        )
        .order_by(ConfigDocument.in_force_from.desc(), ConfigDocument.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        raise Conflict("regime_missing", day=show_day(day))
    return int(found)
