"""Lists: what waits for me, and the dossiers I may see. Keyset pages, no OFFSET, no COUNT over the whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)

from dossiers.award_round import AwardRound
from dossiers.calendar import Calendar
from dossiers.configuration import NomineeClass
from dossiers.days import local_day
from dossiers.dossier import Dossier, Participation
from dossiers.functions import DUTY, NOMINATOR, SIDE_FUNCTIONS, UNIT_FUNCTIONS
from dossiers.nominee import Nominee
from dossiers.org_unit import BodyFunction, OrgUnitPeriod
from dossiers.refusals import Invalid, NeedsPerson
from dossiers.text import fold
from states.machine import machine_for
from storage.database import Database, Tx
from workflow.actor import Actor, valid_on
from workflow.configured import calendar_in_use
from workflow.editions import edition_of
from workflow.permissions import sight_of
from workflow.turns import returned_nominee_states, shared_turns
from workflow.words import NOMINEE_KINDS, said

NEVER_DUE = date(9999, 12, 31)
PAGE_AT_MOST = 100
COUNT_AT_MOST = 99
DUE_SOON_DAYS = 3


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One dossier in a list: what, whose, where it is, by when, and the next deed when it is the reader's
    turn.
    """

    ref: str
    code: str
    unit_name: str
    round_code: str
    summary: str
    state: str
    state_label: str
    state_kind: str
    state_icon: str
    on_hold: bool
    late: bool
    due_on: date | None
    working_days_left: int | None
    overdue: bool
    version: int
    action_key: str | None
    action_label: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list; ``next`` is the cursor of the following one, None at the end."""

    rows: tuple[InboxRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much waits, each at most ``COUNT_AT_MOST`` (shown as “99+”)."""

    waiting: int
    overdue: int
    due_soon: int


def my_turn(tx: Tx, actor: Actor, day: date) -> ColumnElement[bool]:
    """Return the SQL condition on ``dossier`` that it waits for ``actor``: the same as permission and state say.

    It waits for whoever may take the turn there today (``workflow.turns``) and had no other duty in it; and for the
    unit while one of its nominees was returned by itself. Scope is resolved to ids first, so that the planner walks
    the index of what waits for them.
    """
    turns: list[ColumnElement[bool]] = []
    composing: set[int] = set()
    for function in sorted(actor.functions - SIDE_FUNCTIONS):
        units = sorted({place.unit_id for place in actor.places if place.function == function})
        if function in UNIT_FUNCTIONS:
            composing.update(units)
            scope: ColumnElement[bool] = and_(
                Dossier.waiting_body_id.is_(None), Dossier.proposing_unit_id.in_(units)
            )
        else:
            scope = Dossier.waiting_body_id.in_(_bodies_served(tx, function, units, day))
        waits: list[ColumnElement[bool]] = [Dossier.waiting_function == function]
        waits.extend(
            and_(
                Dossier.waiting_function == turn.waiting_function,
                Dossier.edition_id == turn.edition_id,
                Dossier.state == turn.state,
            )
            for turn in shared_turns(tx, function)
        )
        turns.append(and_(scope, or_(*waits), ~_had_another_duty(actor, DUTY[function])))
    if composing:
        returned = exists().where(
            Nominee.dossier_id == Dossier.id, Nominee.state.in_(returned_nominee_states(tx))
        )
        turns.append(
            and_(
                Dossier.proposing_unit_id.in_(sorted(composing)),
                Dossier.waiting_function.is_not(None),
                returned.correlate(Dossier),
                ~_had_another_duty(actor, DUTY[NOMINATOR]),
            )
        )
    return or_(*turns) if turns else false()


def _bodies_served(tx: Tx, function: str, units: list[int], day: date) -> list[int]:
    served = tx.connection.execute(
        select(BodyFunction.body_id).where(
            BodyFunction.function == function,
            BodyFunction.performing_unit_id.in_(units),
            valid_on(BodyFunction.from_on.expression, BodyFunction.to_on.expression, day),
        )
    ).scalars()
    return sorted(set(served))


def _had_another_duty(actor: Actor, duty: str) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            Participation.dossier_id == Dossier.id,
            Participation.person_id == actor.person_id,
            Participation.duty != duty,
        )
        .correlate(Dossier)
    )


def waiting_for_me(
    database: Database,
    actor: Actor,
    *,
    after: str | None = None,
    limit: int = 25,
    function: str | None = None,
    search: str | None = None,
    state: str | None = None,
    overdue_only: bool = False,
) -> Page:
    """Return a page of what waits for ``actor``, the most urgent first; what has no deadline comes last."""
    with database.reading() as tx:
        today = local_day(tx.now)
        conditions = [my_turn(tx, actor, today)]
        if function is not None:
            conditions.append(Dossier.waiting_function == function)
        if state is not None:
            conditions.append(Dossier.state == state)
        if overdue_only:
            conditions.append(Dossier.due_on < today)
        conditions.extend(_searched(search))
        due = func.coalesce(Dossier.due_on, type_coerce(literal(NEVER_DUE), Date()))
        if after is not None:
            last_due, last_id = _read_cursor(after, 2)
            conditions.append(tuple_(due, Dossier.id) > tuple_(_day(last_due), int(last_id)))
        rows = _select(tx, today, conditions, (due, Dossier.id), limit)
        page = rows[:limit]
        cursor = None
        if len(rows) > limit:
            last = page[-1]
            cursor = _cursor((last.due_on or NEVER_DUE).isoformat(), last.id)
        return Page(_shown(tx, actor, page, today, mine=True), cursor)


def own_dossiers(
    database: Database,
    actor: Actor,
    *,
    after: str | None = None,
    limit: int = 25,
    search: str | None = None,
    round_code: str | None = None,
    state: str | None = None,
) -> Page:
    """Return a page of every dossier ``actor`` may know of, the newest first."""
    with database.reading() as tx:
        today = local_day(tx.now)
        conditions = [sight_of(tx, actor, today).covers(), *_searched(search)]
        if round_code is not None:
            conditions.append(
                Dossier.round_id.in_(select(AwardRound.id).where(AwardRound.code == round_code))
            )
        if state is not None:
            conditions.append(Dossier.state == state)
        if after is not None:
            conditions.append(Dossier.id < int(_read_cursor(after, 1)[0]))
        rows = _select(tx, today, conditions, (Dossier.id.desc(),), limit)
        page = rows[:limit]
        cursor = _cursor(page[-1].id) if len(rows) > limit else None
        return Page(_shown(tx, actor, page, today, mine=False), cursor)


def counts_for(database: Database, actor: Actor) -> Counts:
    """Count what waits for ``actor``; each count stops at ``COUNT_AT_MOST``, so that it stays cheap."""
    with database.reading() as tx:
        today = local_day(tx.now)
        soon = today + timedelta(days=DUE_SOON_DAYS)

        turn = my_turn(tx, actor, today)

        def count(*conditions: ColumnElement[bool]) -> int:
            capped = select(Dossier.id).where(turn, *conditions).limit(COUNT_AT_MOST).subquery()
            return int(tx.connection.execute(select(func.count()).select_from(capped)).scalar_one())

        return Counts(
            waiting=count(),
            overdue=count(Dossier.due_on < today),
            due_soon=count(Dossier.due_on >= today, Dossier.due_on <= soon),
        )


def _searched(search: str | None) -> list[ColumnElement[bool]]:
    """Every word must be found, without marks: ``khang a chua`` finds “Khang A Chua”, ``dang`` finds “Đặng”."""
    words = fold(search).split() if search else []
    return [Dossier.search_text.contains(word, autoescape=True) for word in words[:8]]


def _select(
    tx: Tx, today: date, conditions: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int
) -> Sequence[Any]:
    if not 1 <= limit <= PAGE_AT_MOST:
        raise Invalid("limit_out_of_range", field="limit", limit=PAGE_AT_MOST)
    return tx.connection.execute(
        select(
            Dossier.id,
            Dossier.ref,
            Dossier.code,
            Dossier.edition_id,
            Dossier.state,
            Dossier.on_hold,
            Dossier.late,
            Dossier.due_on,
            Dossier.version,
            Dossier.proposing_unit_id,
            Dossier.waiting_function,
            AwardRound.code.label("round_code"),
            AwardRound.calendar_code,
            OrgUnitPeriod.name.label("unit_name"),
        )
        .join(AwardRound, AwardRound.id == Dossier.round_id)
        .outerjoin(
            OrgUnitPeriod,
            and_(
                OrgUnitPeriod.org_unit_id == Dossier.proposing_unit_id,
                valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, today),
            ),
        )
        .where(*conditions)
        .order_by(*order)
        .limit(limit + 1)
    ).all()


def _shown(tx: Tx, actor: Actor, rows: Sequence[Any], today: date, *, mine: bool) -> tuple[InboxRow, ...]:
    counted = _nominee_counts(tx, [row.id for row in rows])
    calendars: dict[str, Calendar | None] = {}
    shown = []
    for row in rows:
        edition = edition_of(tx, row.edition_id)
        state = edition.dossier.states[row.state]
        reader = _reader(actor, row)
        action = None
        if mine and row.waiting_function:
            actions = machine_for(edition).actions_from("dossier", row.state)
            ours = [one for one in actions if row.waiting_function in one.performers_in(row.state)]
            action = next((one for one in ours if one.main), ours[0] if ours else None)
        if row.calendar_code not in calendars:
            calendars[row.calendar_code] = _calendar(tx, row.calendar_code)
        shown.append(
            InboxRow(
                ref=row.ref,
                code=row.code,
                unit_name=row.unit_name or "",
                round_code=row.round_code,
                summary=_summary(counted.get(row.id, {}), actor.language),
                state=row.state,
                state_label=said(state.label_for(reader), actor.language),
                state_kind=state.kind_for(reader),
                state_icon=state.icon,
                on_hold=row.on_hold,
                late=row.late,
                due_on=row.due_on,
                working_days_left=days_left(calendars[row.calendar_code], today, row.due_on),
                overdue=row.due_on is not None and row.due_on < today,
                version=row.version,
                action_key=action.key if action else None,
                action_label=said(action.label, actor.language) if action else None,
            )
        )
    return tuple(shown)


def _reader(actor: Actor, row: Any) -> str | None:
    """Return the function in which the reader looks at the dossier: the one it waits for, or the unit's own."""
    if row.waiting_function is not None and row.waiting_function in actor.functions:
        return str(row.waiting_function)
    for place in actor.places:
        if place.function in UNIT_FUNCTIONS and place.unit_id == row.proposing_unit_id:
            return place.function
    for place in actor.places:
        if place.function not in SIDE_FUNCTIONS | UNIT_FUNCTIONS:
            return place.function
    return None


def _calendar(tx: Tx, code: str) -> Calendar | None:
    try:
        return calendar_in_use(tx, code)
    except NeedsPerson:
        return None


def days_left(calendar: Calendar | None, today: date, due_on: date | None) -> int | None:
    """Return the working days left until ``due_on`` (negative when overdue); None where nothing can tell."""
    if calendar is None or due_on is None:
        return None
    try:
        return calendar.working_days_between(today, due_on)
    except NeedsPerson:
        return None


def _nominee_counts(tx: Tx, dossier_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    counted: dict[int, dict[str, int]] = {}
    for row in tx.connection.execute(
        select(Nominee.dossier_id, NomineeClass.kind, func.count().label("n"))
        .join(NomineeClass, NomineeClass.id == Nominee.class_id)
        .where(Nominee.dossier_id.in_(dossier_ids), Nominee.state.not_in(("withdrawn", "superseded")))
        .group_by(Nominee.dossier_id, NomineeClass.kind)
    ):
        counted.setdefault(row.dossier_id, {})[row.kind] = row.n
    return counted


def _summary(counted: dict[str, int], language: str) -> str:
    parts = [
        f"{counted[kind]} {said(label, language)}"
        for kind, label in NOMINEE_KINDS.items()
        if counted.get(kind)
    ]
    nobody = "no nominee yet" if language == "en" else "chưa có người được đề nghị"
    return ", ".join(parts) or nobody


def _cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _read_cursor(text: str, parts: int) -> list[Any]:
    try:
        read = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, UnicodeDecodeError):
        raise Invalid("cursor_unreadable", field="after") from None
    if (
        not isinstance(read, list)
        or len(read) != parts
        or isinstance(read[-1], bool)
        or not isinstance(read[-1], int)
    ):
        raise Invalid("cursor_unreadable", field="after")
    if not 0 <= read[-1] < 2**63:
        raise Invalid("cursor_unreadable", field="after")
    return read


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid("cursor_unreadable", field="after") from None
