"""Watching the clocks: who is reminded before a last good day, and what happens once it has passed.

A last good day ends with its midnight in Viet Nam. Every dossier is looked at again under its lock, in a
transaction of its own, so a unit that acts in the same minute wins or loses as a whole; running the watch
twice, or twice at once, reminds once and expires once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Executable, select, tuple_, update

from dossiers.award_round import AwardRound
from dossiers.calendar import Calendar
from dossiers.clock import clock_of, reminder_day
from dossiers.configuration import ConfigDocument
from dossiers.days import local_day
from dossiers.dossier import ClockSpan, Dossier
from dossiers.refusals import NeedsPerson
from states.definition import Limit
from storage.database import Database, DatabaseUnavailable, Tx
from storage.outbox import promise
from workflow.configured import calendar_in_use
from workflow.decide import act_by_clock
from workflow.editions import edition_of

BATCH = 200
"""Spans looked at in one read; each that needs something is then a transaction of its own."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """What one watch did: how many reminders were promised, how many dossiers the clock has moved, and how
    many could not be looked after (the log says why).
    """

    reminded: int
    expired: int
    failed: int = 0


def watch_clocks(database: Database) -> Watched:
    """Remind of every last good day that comes near, and do what an edition says for one that has passed.

    A dossier that cannot be looked after is logged, counted and left; it does not hold up the others. Raises
    `storage.database.DatabaseUnavailable`; what was done until then stays done.
    """
    expired, wrong = _each(database, "expires", _expire)
    reminded, wrong_too = _each(database, "reminds", _remind)
    return Watched(reminded, expired, wrong + wrong_too)


def _each(database: Database, purpose: str, look_after: Callable[[Database, Any], int]) -> tuple[int, int]:
    """Return how many spans were looked after, and how many failed."""
    done = failed = 0
    for span in _spans(database, purpose):
        try:
            done += look_after(database, span)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("clock %d of dossier %d", span.id, span.dossier_id)
            failed += 1
    return done, failed


def _spans(database: Database, purpose: str) -> Iterator[Any]:
    """Yield the running spans that may be due for ``purpose``, in order of their last good day.

    One read looks at `BATCH` spans and no more, in the order of an index that ends with the last day asked for.
    """
    after: tuple[date, int] | None = None
    while True:
        with database.reading() as tx:
            today = local_day(tx.now)
            until = today - timedelta(days=1) if purpose == "expires" else _furthest(tx, today)
            rows = tx.connection.execute(_batch(until, after)).all()
            found = [row for row in rows if _may_be_due(tx, row, purpose, today)]
        yield from found
        if len(rows) < BATCH:
            return
        after = (rows[-1].due_on, rows[-1].id)


def _batch(until: date, after: tuple[date, int] | None) -> Executable:
    """Return the statement that reads the next running spans up to ``until``, beyond ``after``."""
    statement = (
        select(
            ClockSpan.id,
            ClockSpan.dossier_id,
            ClockSpan.nominee_id,
            ClockSpan.limit_code,
            ClockSpan.due_on,
            ClockSpan.reminded_at,
            ClockSpan.running_since,
            Dossier.edition_id,
            AwardRound.calendar_code,
        )
        .join(Dossier, Dossier.id == ClockSpan.dossier_id)
        .join(AwardRound, AwardRound.id == Dossier.round_id)
        .where(ClockSpan.ended_at.is_(None), ClockSpan.paused_at.is_(None), ClockSpan.due_on <= until)
        .order_by(ClockSpan.due_on, ClockSpan.id)
        .limit(BATCH)
    )
    if after is not None:
        statement = statement.where(tuple_(ClockSpan.due_on, ClockSpan.id) > tuple_(*after))
    return statement


def _may_be_due(tx: Tx, row: Any, purpose: str, today: date) -> bool:
    """Tell whether the span's limit ends in an action, or is reminded of and near; looked at again under the lock."""
    limit = edition_of(tx, row.edition_id).dossier.limits.get(row.limit_code)
    if limit is None or row.nominee_id is not None:
        return False  # `vinhdanh workflow check` tells of a limit that is in no edition
    if purpose == "expires":
        return limit.on_expiry is not None
    if limit.remind_before is None or row.due_on > _horizon(
        tx, row.calendar_code, today, limit.remind_before
    ):
        return False
    # One that was reminded and paused afterwards may be due another time now.
    return row.reminded_at is None or row.reminded_at < row.running_since


def _furthest(tx: Tx, today: date) -> date:
    """Return the latest last good day that any edition reminds of today, by the calendar of any round."""
    editions = tx.connection.execute(select(ConfigDocument.id).where(ConfigDocument.kind == "workflow"))
    longest = max(
        (
            limit.remind_before
            for edition_id in editions.scalars().all()
            for limit in edition_of(tx, edition_id).dossier.limits.values()
            if limit.remind_before is not None
        ),
        default=None,
    )
    if longest is None:
        return date.min
    calendars = tx.connection.execute(select(AwardRound.calendar_code).distinct()).scalars().all()
    return max((_horizon(tx, code, today, longest) for code in calendars), default=date.min)


def _horizon(tx: Tx, calendar_code: str, today: date, remind_before: int) -> date:
    """Return the latest last good day whose reminder may be due today: the eve of a later working day."""
    try:
        calendar = calendar_in_use(tx, calendar_code)
        return calendar.shift(today, remind_before + 1).on - timedelta(days=1)
    except NeedsPerson:
        return date.max  # the calendar ends before: every span is judged by itself


def _running(tx: Tx, span_id: int) -> ClockSpan | None:
    """Return the span as it is now, under the lock of its dossier; None when it does not run any more."""
    dossier_id = tx.connection.execute(
        select(ClockSpan.dossier_id).where(ClockSpan.id == span_id)
    ).scalar_one()
    tx.connection.execute(select(Dossier.id).where(Dossier.id == dossier_id).with_for_update())
    return tx.session.scalar(
        select(ClockSpan).where(
            ClockSpan.id == span_id, ClockSpan.ended_at.is_(None), ClockSpan.paused_at.is_(None)
        )
    )


def _limit(tx: Tx, row: Any) -> Limit:
    return edition_of(tx, row.edition_id).dossier.limits[row.limit_code]


def _expire(database: Database, row: Any) -> int:
    with database.writing() as tx:
        span = _running(tx, row.id)
        action = _limit(tx, row).on_expiry
        if span is None or action is None or span.due_on is None or span.due_on >= local_day(tx.now):
            return 0
        return 0 if act_by_clock(tx, row.dossier_id, action) is None else 1


def _remind(database: Database, row: Any) -> int:
    with database.writing() as tx:
        span = _running(tx, row.id)
        if span is None or span.due_on is None:
            return 0
        today = local_day(tx.now)
        limit = _limit(tx, row)
        if limit.on_expiry is not None and today > span.due_on:
            return 0  # too late to remind: the clock acts, or has a reason not to
        dossier = tx.connection.execute(
            select(Dossier.ref, AwardRound.calendar_code)
            .join(AwardRound, AwardRound.id == Dossier.round_id)
            .where(Dossier.id == row.dossier_id)
        ).one()
        remind_on = _reminder_day(tx, dossier.calendar_code, span, limit)
        if remind_on is None or today < remind_on:
            return 0
        if span.reminded_at is not None and local_day(span.reminded_at) >= remind_on:
            return 0
        tx.connection.execute(update(ClockSpan).where(ClockSpan.id == span.id).values(reminded_at=tx.now))
        promise(
            tx,
            "remind",
            f"remind/{dossier.ref}/{span.limit_code}/{span.id}/{span.due_on.isoformat()}",
            {
                "dossier_id": row.dossier_id,
                "dossier_ref": dossier.ref,
                "limit": span.limit_code,
                "due_on": span.due_on.isoformat(),
            },
        )
        return 1


def _reminder_day(tx: Tx, calendar_code: str, span: ClockSpan, limit: Limit) -> date | None:
    assert limit.remind_before is not None
    try:
        calendar: Calendar = calendar_in_use(tx, calendar_code)
        return reminder_day(clock_of(span), calendar, limit.remind_before)
    except NeedsPerson as doubt:
        log.warning("no reminder of clock %d: %s", span.id, doubt.sentence("en"))
        return None
