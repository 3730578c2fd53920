"""Configuration in force, read from its table: calendars and regimes. Documents never change, so they are
kept.
"""

from __future__ import annotations

from datetime import date
from weakref import WeakKeyDictionary

from sqlalchemy import or_, select

from dossiers.calendar import Calendar, load_calendar
from dossiers.configuration import ConfigDocument
from dossiers.numbers import show_day
from dossiers.refusals import Conflict, NeedsPerson
from dossiers.regimes import Regime, load_regime
from dossiers.regimes import regime_on as judge_regime
from storage.database import Database, Tx

_CALENDARS: WeakKeyDictionary[Database, dict[int, Calendar]] = WeakKeyDictionary()


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
    kept = _CALENDARS.setdefault(tx.database, {})
    calendar = kept.get(newest)
    if calendar is None:
        body = tx.connection.execute(
            select(ConfigDocument.body).where(ConfigDocument.id == newest)
        ).scalar_one()
        calendar = kept[newest] = load_calendar(body)
    return calendar


_REGIMES: WeakKeyDictionary[Database, dict[int, Regime]] = WeakKeyDictionary()


def regime_of(tx: Tx, regime_id: int) -> Regime:
    """Return the regime of a ``config_document`` row, read once and kept."""
    kept = _REGIMES.setdefault(tx.database, {})
    regime = kept.get(regime_id)
    if regime is None:
        body = tx.connection.execute(
            select(ConfigDocument.body).where(ConfigDocument.id == regime_id)
        ).scalar_one()
        regime = kept[regime_id] = load_regime(body)
    return regime


def regime_doubt(tx: Tx, regime_id: int, day: date) -> NeedsPerson | None:
    """Return why a person must look before relying on the frozen regime; None when its text was verified."""
    return judge_regime([regime_of(tx, regime_id)], day).doubt


def regime_on(tx: Tx, day: date) -> int:
    """Return the id of the legal regime in force on ``day``: it will be frozen on the dossier.

    A regime whose text nobody has verified is frozen all the same and shown with its doubt
    (``regime_doubt``).
    Raises ``Conflict`` when no regime covers the day: a person must bring the text in first; nothing falls
    back.
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
