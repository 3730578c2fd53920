"""Time limits of a dossier: the clock operations of an action, carried out on its clock spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from dossiers import clock
from dossiers.dossier import ClockSpan
from dossiers.refusals import Invalid
from states.definition import ClockOperation
from workflow.configured import calendar_in_use
from workflow.engine import Deed

# A last day that somebody types lies within a year: farther away it is a slip of the keyboard.
FARTHEST_TYPED_DAY = timedelta(days=366)


def open_spans(deed: Deed) -> dict[str, ClockSpan]:
    """Return the dossier's clocks that have not ended, by limit."""
    return {
        span.limit_code: span
        for span in deed.tx.session.scalars(
            select(ClockSpan).where(
                ClockSpan.dossier_id == deed.row.id,
                ClockSpan.nominee_id.is_(None),
                ClockSpan.ended_at.is_(None),
            )
        )
    }


def run_clocks(
    deed: Deed, operations: Sequence[ClockOperation], fields: Mapping[str, Any]
) -> Mapping[str, ClockSpan]:
    """Start, pause, resume and end clocks as the action says; return those that have not ended.

    A limit counted to a typed day takes it from ``fields``. Raises ``NeedsPerson`` where the calendar does
    not reach, ``Invalid`` where a typed last day has passed already.
    """
    limits = deed.edition.dossier.limits
    shown = deed.edition.dossier.states[deed.value("state")].limit
    if not operations and shown is None:
        return {}
    spans = open_spans(deed)
    for operation in operations:
        limit = limits[operation.limit]
        span = spans.get(limit.code)
        if operation.verb == "start":
            if span is None:
                spans[limit.code] = _start(deed, limit.code, limit.working_days, limit.due_field, fields)
        elif span is not None:
            kept = clock.clock_of(span)
            if operation.verb == "end":
                moved = clock.end(kept, deed.now)
                del spans[limit.code]
            elif operation.verb == "pause":
                moved = clock.pause(kept, _calendar(deed), deed.now)
            else:
                moved = clock.resume(kept, _calendar(deed), deed.now)
            moved.write_to(span)
    deed.tx.session.flush()
    return spans


def _calendar(deed: Deed) -> Any:
    return calendar_in_use(deed.tx, deed.row.calendar_code)


def _start(
    deed: Deed, code: str, working_days: int | None, due_field: str | None, fields: Mapping[str, Any]
) -> ClockSpan:
    due_on: date | None = None
    if due_field is not None:
        due_on = fields.get(due_field)
        if due_on is None:
            raise Invalid("value_missing", field=due_field, label=due_field)
        if due_on < deed.today:
            raise Invalid("due_day_passed", field=due_field)
        if due_on > deed.today + FARTHEST_TYPED_DAY:
            raise Invalid("due_day_too_far", field=due_field)
    started = clock.start(_calendar(deed), code, deed.now, working_days=working_days, due_on=due_on)
    span = ClockSpan(dossier_id=deed.row.id, limit_code=code)
    started.write_to(span)
    deed.tx.session.add(span)
    return span


def due_after(deed: Deed, spans: Mapping[str, ClockSpan]) -> date | None:
    """Return the last good day that the dossier's new state shows, None when nothing runs for it."""
    limit = deed.edition.dossier.states[deed.value("state")].limit
    if limit is None:
        return None
    span = spans.get(limit.code)
    return None if span is None else span.due_on
