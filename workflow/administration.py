"""Org units and people: what an administrator does. Every change is dated, kept, and an entry of the record.

An administrator arranges who works where; deciding a dossier is never part of it. As with dossiers, a change
names the version it saw, of the unit or of the person's account, and the same request under one key acts once. Only
disabling an account names none: what its person does moves it, and would hold up the locking out.
The secret of a link is never part of an answer that is kept: a repetition gets the answer without it. To make
another link for it instead would quietly kill the one that was handed over when somebody reloads the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from dossiers.contents import clean_name, clean_text
from dossiers.days import local_day
from dossiers.functions import AUDITOR, FUNCTIONS, SIDE_FUNCTIONS, UNIT_FUNCTIONS
from dossiers.numbers import show_day
from dossiers.org_unit import ADMIN_LEVELS, BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.people import Account, Membership, Person
from dossiers.refusals import SENTENCES, Conflict, Invalid, Missing
from dossiers.text import fold, person_sort_key, sort_key
from storage.database import Database, Tx
from storage.record import By, Head, append
from workflow.accounts import end_sessions, end_tokens, enter, issue_link, plain_login
from workflow.actor import Actor, valid_on
from workflow.meanwhile import require_row_version
from workflow.permissions import require_administrator
from workflow.repeat import repeated_answer, version_once

PAGE_AT_MOST = 100

SENTENCES.update(
    {
        "code_unreadable": (
            "Mã chỉ gồm chữ thường không dấu, chữ số và gạch nối, từ 2 đến 60 ký tự, ví dụ "
            "truong-thcs-tan-giang.",
            "A code has 2 to 60 plain lower-case letters, digits and hyphens, for example "
            "truong-thcs-tan-giang.",
        ),
        "code_taken": ("Mã “{value}” đã có đơn vị dùng.", "The code “{value}” is used by another unit."),
        "login_unreadable": (
            "Tên đăng nhập gồm chữ thường không dấu, chữ số, dấu chấm và gạch nối, từ 3 đến 60 ký tự.",
            "A login has 3 to 60 plain lower-case letters, digits, dots and hyphens.",
        ),
        "login_taken": ("Tên đăng nhập “{value}” đã có người dùng.", "The login “{value}” is taken."),
        "unit_unknown": ("Không có đơn vị này.", "There is no such unit."),
        "unit_not_open": (
            "Ngày {day} đơn vị này chưa có hoặc đã kết thúc. Hãy chọn đơn vị khác hoặc ngày khác.",
            "On {day} this unit does not exist yet or is closed. Choose another unit or another day.",
        ),
        "function_unknown": ("Không có chức năng này.", "There is no such function."),
        "from_before_period": (
            "Ngày bắt đầu phải sau ngày {day}, khi tên hiện nay bắt đầu.",
            "The first day must be after {day}, when the present name began.",
        ),
        "ends_before_it_begins": (
            "Ngày kết thúc phải sau ngày bắt đầu.",
            "The last day must be after the first.",
        ),
        "auditor_needs_end": (
            "Thời gian làm thanh tra phải có ngày kết thúc.",
            "An auditor's time must have an end.",
        ),
        "own_parent": ("Một đơn vị không thể thuộc chính nó.", "A unit cannot belong to itself."),
        "function_of_unit": (
            "Chức năng này do chính đơn vị đề nghị thực hiện, không giao cho đơn vị khác.",
            "The proposing unit itself performs this function; it is not given to another unit.",
        ),
        "not_yourself": (
            "Bạn không tự khóa tài khoản của mình được. Hãy nhờ quản trị viên khác.",
            "You cannot disable your own account. Ask another administrator.",
        ),
        "not_your_own_place": (
            "Bạn không tự giao chức năng cho mình được. Hãy nhờ quản trị viên khác.",
            "You cannot give yourself a function. Ask another administrator.",
        ),
        "function_stands_alone": (
            "Quản trị hoặc thanh tra không kiêm chức năng khác, để không ai vừa cấp quyền vừa quyết định hồ sơ.",
            "An administrator or auditor holds no other function, so that nobody both gives rights and decides.",
        ),
        "already_disabled": ("Tài khoản này đã bị khóa trước đó.", "This account was disabled before."),
        "already_ended": ("Phần việc này đã kết thúc.", "This has already ended."),
    }
)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit in a list, with its name of today (empty for one that is closed)."""

    ref: str
    code: str
    kind: str
    admin_level: str
    name: str
    parent_name: str


@dataclass(frozen=True, slots=True)
class UnitPage:
    """A page of units in Vietnamese order."""

    rows: tuple[UnitRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class PeriodView:
    """What the unit was called and whom it belonged to, from when to when (``to_on`` exclusive)."""

    from_on: date
    to_on: date | None
    name: str
    place_name: str
    parent_name: str
    body_name: str


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function performed for a body, from when to when."""

    function: str
    body_ref: str
    body_name: str
    unit_ref: str
    unit_name: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A person's function in a unit."""

    ref: str
    person_ref: str
    person_name: str
    unit_ref: str
    unit_name: str
    function: str
    position_title: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class UnitView:
    """One unit, whole. ``performs`` is what it does for bodies, ``served_by`` who does what for it as a body."""

    ref: str
    code: str
    kind: str
    admin_level: str
    name: str
    version: int
    periods: tuple[PeriodView, ...]
    performs: tuple[FunctionRow, ...]
    served_by: tuple[FunctionRow, ...]
    members: tuple[MemberRow, ...]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person in a list."""

    ref: str
    account_ref: str
    full_name: str
    login: str
    state: str
    places: str


@dataclass(frozen=True, slots=True)
class PersonPage:
    """A page of people, in Vietnamese order of given names."""

    rows: tuple[PersonRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person, with what they do where. ``version`` is that of the account, which every change moves."""

    ref: str
    account_ref: str
    full_name: str
    email: str | None
    login: str
    state: str
    version: int
    memberships: tuple[MemberRow, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """A unit, or a membership, that was added: its ref, and the version of the unit or of the person's account."""

    ref: str
    version: int


@dataclass(frozen=True, slots=True)
class Invited:
    """A person just invited; ``token`` is the activation link's secret, shown once: null in a repetition."""

    person_ref: str
    account_ref: str
    version: int
    token: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A link for ``purpose`` (``activate`` or ``reset``; null when none is needed) and the account's new version.

    ``token`` is the link's secret, shown once: null in a repetition.
    """

    version: int
    purpose: str | None
    token: str | None


def list_org_units(
    database: Database, actor: Actor, *, after: str | None = None, limit: int = 50, search: str | None = None
) -> UnitPage:
    """Return units by name of today; ``after`` is the cursor of the page before. Raises ``Missing`` for
    others.
    """
    require_administrator(actor)
    with database.reading() as tx:
        today = local_day(tx.now)
        parent = OrgUnitPeriod.__table__.alias("parent")
        statement = (
            select(
                OrgUnit.id,
                OrgUnit.ref,
                OrgUnit.code,
                OrgUnit.kind,
                OrgUnit.admin_level,
                OrgUnitPeriod.name,
                OrgUnitPeriod.sort_key,
                parent.c.name.label("parent_name"),
            )
            .join(
                OrgUnitPeriod,
                and_(
                    OrgUnitPeriod.org_unit_id == OrgUnit.id,
                    valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, today),
                ),
            )
            .outerjoin(
                parent,
                and_(
                    parent.c.org_unit_id == OrgUnitPeriod.parent_id,
                    parent.c.from_on <= today,
                    or_(parent.c.to_on.is_(None), parent.c.to_on > today),
                ),
            )
        )
        rows, more = _listed(
            tx,
            statement,
            OrgUnitPeriod.sort_key,
            OrgUnit,
            lambda word: OrgUnitPeriod.search_text.contains(word, autoescape=True),
            after,
            limit,
            search,
        )
        return UnitPage(
            tuple(
                UnitRow(row.ref, row.code, row.kind, row.admin_level, row.name, row.parent_name or "")
                for row in rows
            ),
            more,
        )


def _listed(
    tx: Tx,
    statement: Select[*tuple[Any, ...]],
    order: InstrumentedAttribute[str],
    table: type[OrgUnit | Person],
    has: Callable[[str], ColumnElement[bool]],
    after: str | None,
    limit: int,
    search: str | None,
) -> tuple[Sequence[Any], str | None]:
    """Return the rows of one page in the order of names, and the cursor of the next page: a ref.

    ``has`` is the condition that a word is found in a row. Raises ``Invalid`` for a limit or cursor of no list.
    """
    page = statement.order_by(order, table.id).limit(page_limit(limit) + 1)
    for word in fold(search or "").split()[:8]:
        page = page.where(has(word))
    if after is not None:
        last = tx.connection.execute(statement.where(table.ref == after)).first()
        if last is None:
            raise Invalid("cursor_unreadable", field="after")
        page = page.where(or_(order > last.sort_key, and_(order == last.sort_key, table.id > last.id)))
    rows = tx.connection.execute(page).all()
    return rows[:limit], rows[limit - 1].ref if len(rows) > limit else None


def page_limit(limit: int) -> int:
    """Return how many rows a page of an administrator's list may have. Raises ``Invalid``."""
    if not 1 <= limit <= PAGE_AT_MOST:
        raise Invalid("limit_out_of_range", field="limit", limit=PAGE_AT_MOST)
    return limit


def org_unit_view(database: Database, actor: Actor, unit_ref: str) -> UnitView:
    """Return one unit with its whole dated history. Raises ``Missing``."""
    require_administrator(actor)
    with database.reading() as tx:
        unit = _unit(tx, unit_ref)
        today = local_day(tx.now)
        periods = tx.session.scalars(
            select(OrgUnitPeriod).where(OrgUnitPeriod.org_unit_id == unit.id).order_by(OrgUnitPeriod.from_on)
        ).all()
        functions = tx.session.scalars(
            select(BodyFunction)
            .where(or_(BodyFunction.body_id == unit.id, BodyFunction.performing_unit_id == unit.id))
            .order_by(BodyFunction.function, BodyFunction.from_on)
        ).all()
        ids = {unit.id}
        ids.update(one for period in periods for one in (period.parent_id, period.body_id) if one)
        ids.update(one for row in functions for one in (row.body_id, row.performing_unit_id))
        names = _names(tx, ids, today)
        refs = dict(tx.session.execute(select(OrgUnit.id, OrgUnit.ref).where(OrgUnit.id.in_(ids))).all())

        def row_of(row: BodyFunction) -> FunctionRow:
            return FunctionRow(
                row.function,
                refs[row.body_id],
                names.get(row.body_id, ""),
                refs[row.performing_unit_id],
                names.get(row.performing_unit_id, ""),
                row.from_on,
                row.to_on,
            )

        return UnitView(
            ref=unit.ref,
            code=unit.code,
            kind=unit.kind,
            admin_level=unit.admin_level,
            name=names.get(unit.id, ""),
            version=unit.version,
            periods=tuple(
                PeriodView(
                    one.from_on,
                    one.to_on,
                    one.name,
                    one.place_name,
                    names.get(one.parent_id or 0, ""),
                    names.get(one.body_id or 0, ""),
                )
                for one in periods
            ),
            performs=tuple(row_of(row) for row in functions if row.performing_unit_id == unit.id),
            served_by=tuple(row_of(row) for row in functions if row.body_id == unit.id),
            members=_members(tx, Membership.org_unit_id == unit.id, today),
        )


def _unit(tx: Tx, ref: str) -> OrgUnit:
    unit = tx.session.scalar(select(OrgUnit).where(or_(OrgUnit.ref == ref, OrgUnit.code == ref)))
    if unit is None:
        raise Missing("unit_unknown", field="unit")
    return unit


def _unit_id(tx: Tx, ref: str) -> int:
    """Return the id of a unit that is still to be locked: read as a row, it would stay as it was before the lock."""
    found = tx.session.scalar(select(OrgUnit.id).where(or_(OrgUnit.ref == ref, OrgUnit.code == ref)))
    if found is None:
        raise Missing("unit_unknown", field="unit")
    return found


def _locked_units(tx: Tx, ids: set[int]) -> dict[int, OrgUnit]:
    """Lock units and return them by id. In the order of ids, so that two who lock several never wait in a ring.

    The key of a unit never changes, so a row that only names one (a period its parent) need not wait for the lock.
    """
    statement = select(OrgUnit).where(OrgUnit.id.in_(ids)).order_by(OrgUnit.id)
    return {unit.id: unit for unit in tx.session.scalars(statement.with_for_update(key_share=True))}


def _names(tx: Tx, ids: set[int], day: date) -> dict[int, str]:
    """Return the names of units on ``day``; the last name of one that is closed."""
    names: dict[int, str] = {}
    for row in tx.connection.execute(
        select(OrgUnitPeriod.org_unit_id, OrgUnitPeriod.name)
        .where(OrgUnitPeriod.org_unit_id.in_(ids), OrgUnitPeriod.from_on <= day)
        .order_by(OrgUnitPeriod.from_on)
    ):
        names[row.org_unit_id] = row.name
    return names


def _members(tx: Tx, where: object, day: date) -> tuple[MemberRow, ...]:
    rows = tx.session.execute(
        select(Membership, Person.ref, Person.full_name, OrgUnit.ref, OrgUnit.id)
        .join(Person, Person.id == Membership.person_id)
        .join(OrgUnit, OrgUnit.id == Membership.org_unit_id)
        .where(where)  # type: ignore[arg-type]  # a condition on membership
        .order_by(Person.sort_key, Membership.from_on)
    ).all()
    names = _names(tx, {row[4] for row in rows}, day)
    return tuple(
        MemberRow(
            member.ref,
            person_ref,
            full_name,
            unit_ref,
            names.get(unit_id, ""),
            member.function,
            member.position_title,
            member.from_on,
            member.to_on,
        )
        for member, person_ref, full_name, unit_ref, unit_id in rows
    )


_is_code = re.compile(r"[a-z0-9][a-z0-9-]{1,59}").fullmatch
_is_login = re.compile(r"[a-z0-9][a-z0-9.-]{2,59}").fullmatch
_is_kind = re.compile(r"[a-z][a-z_]{1,39}").fullmatch


def add_org_unit(
    database: Database,
    actor: Actor,
    *,
    code: str,
    kind: str,
    admin_level: str,
    name: str,
    place_name: str,
    from_on: date,
    parent_ref: str | None = None,
    body_ref: str | None = None,
    idem_key: str | None = None,
) -> Added:
    """Add a unit. ``body_ref`` is the committee whose rounds it proposes to.

    Raises ``Missing`` (not an administrator, unknown parent or body), ``Invalid``, ``Conflict`` (code taken).
    """
    place = require_administrator(actor)
    if not _is_code(code):
        raise Invalid("code_unreadable", field="code")
    if admin_level not in ADMIN_LEVELS:
        raise Invalid("choice_unknown", field="admin_level")
    if not _is_kind(kind):
        raise Invalid("choice_unknown", field="kind")
    clean = clean_name(name)
    where = clean_name(place_name, field="place_name")
    request = {
        "deed": "add_org_unit", "code": code, "kind": kind, "level": admin_level, "name": clean, "place": where,
        "from": from_on, "parent": parent_ref, "body": body_ref,
    }  # fmt: skip
    with database.writing() as tx:
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return Added(**repeated.stored)
        taken = Conflict("code_taken", field="code", value=code)
        if tx.session.scalar(select(OrgUnit.id).where(OrgUnit.code == code)) is not None:
            raise taken
        unit = OrgUnit(code=code, kind=kind, admin_level=admin_level, version=0)
        _add_unique(tx, unit, taken)
        tx.session.add(
            OrgUnitPeriod(
                org_unit_id=unit.id,
                from_on=from_on,
                name=clean,
                sort_key=sort_key(clean),
                search_text=fold(f"{clean} {code}"),
                place_name=where,
                parent_id=_unit(tx, parent_ref).id if parent_ref else None,
                body_id=_unit(tx, body_ref).id if body_ref else None,
            )
        )
        payload: dict[str, str | None] = {"code": code, "name": clean, "from_on": from_on.isoformat()}
        version = _enter_unit(tx, actor.by(place, idem_key=idem_key), unit, "unit_added", payload)
        repeated.settle({"ref": unit.ref, "version": version})
        return Added(unit.ref, version)


def _add_unique(tx: Tx, row: OrgUnit | Account, taken: Conflict) -> None:
    """Insert a row whose name nobody had a moment ago; raise ``taken`` when somebody took it just now."""
    tx.session.add(row)
    try:
        tx.session.flush()
    except IntegrityError:
        raise taken from None


def _enter_unit(tx: Tx, by: By, unit: OrgUnit, action: str, payload: dict[str, str | None]) -> int:
    """Append an entry to the unit's chain; return the unit's new version."""
    head = append(
        tx,
        subject=("org_unit", unit.ref),
        head=Head(unit.chain_length, unit.chain_head),
        action=action,
        by=by,
        payload=payload,
    )
    unit.chain_head, unit.chain_length = head.hash, head.length
    unit.version += 1
    tx.session.flush()
    return unit.version


def _lock_unit(tx: Tx, actor: Actor, unit_ref: str, seen_version: int) -> OrgUnit:
    unit_id = _unit_id(tx, unit_ref)
    unit = _locked_units(tx, {unit_id})[unit_id]
    require_row_version(tx, actor, unit, seen_version)
    return unit


def _open_until(tx: Tx, unit: OrgUnit, day: date) -> date | None:
    """Return the day from which the unit, open on ``day`` and locked by the caller, is closed; None if there is none.

    Raises ``Invalid`` when it is not open on ``day``.
    """
    periods = tx.connection.execute(
        select(OrgUnitPeriod.from_on, OrgUnitPeriod.to_on)
        .where(
            OrgUnitPeriod.org_unit_id == unit.id,
            or_(OrgUnitPeriod.to_on.is_(None), OrgUnitPeriod.to_on > day),
        )
        .order_by(OrgUnitPeriod.from_on)
    ).all()
    if not periods or periods[0].from_on > day:
        raise Invalid("unit_not_open", field="unit", day=show_day(day))
    ends: date | None = periods[0].to_on
    for following in periods[1:]:
        if following.from_on == ends:
            ends = following.to_on
    return ends


def rename_org_unit(
    database: Database,
    actor: Actor,
    unit_ref: str,
    *,
    seen_version: int,
    from_on: date,
    name: str,
    place_name: str | None = None,
    parent_ref: str | None = None,
    body_ref: str | None = None,
    idem_key: str | None = None,
) -> int:
    """Let a unit be called ``name`` from a day on; what it was called before stays true of the days before.

    Parent and body stay as they were unless given. Returns the unit's new version. Raises ``Conflict`` when the
    unit changed meanwhile.
    """
    place = require_administrator(actor)
    clean = clean_name(name)

    def change() -> int:
        unit = _lock_unit(tx, actor, unit_ref, seen_version)
        last = tx.session.scalars(
            select(OrgUnitPeriod)
            .where(OrgUnitPeriod.org_unit_id == unit.id)
            .order_by(OrgUnitPeriod.from_on.desc())
            .limit(1)
        ).one()
        if from_on <= last.from_on:
            raise Invalid("from_before_period", field="from_on", day=show_day(last.from_on))
        parent_id = _unit(tx, parent_ref).id if parent_ref else last.parent_id
        if parent_id == unit.id:
            raise Invalid("own_parent", field="parent")
        body_id = _unit(tx, body_ref).id if body_ref else last.body_id
        where = clean_name(place_name, field="place_name") if place_name else last.place_name
        if last.to_on is None or last.to_on > from_on:
            last.to_on = from_on
        tx.session.flush()  # the periods of one unit must not overlap at any moment
        tx.session.add(
            OrgUnitPeriod(
                org_unit_id=unit.id,
                from_on=from_on,
                name=clean,
                sort_key=sort_key(clean),
                search_text=fold(f"{clean} {unit.code}"),
                place_name=where,
                parent_id=parent_id,
                body_id=body_id,
            )
        )
        by = actor.by(place, idem_key=idem_key)
        return _enter_unit(tx, by, unit, "unit_renamed", {"name": clean, "from_on": from_on.isoformat()})

    request = {
        "deed": "rename_org_unit", "unit": unit_ref, "seen": seen_version, "name": clean, "place": place_name,
        "from": from_on, "parent": parent_ref, "body": body_ref,
    }  # fmt: skip
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def close_org_unit(
    database: Database,
    actor: Actor,
    unit_ref: str,
    *,
    seen_version: int,
    on: date,
    idem_key: str | None = None,
) -> int:
    """End a unit: from ``on`` it has no name, and performs nothing. Its past stays. Returns its new version.

    Each body for which it performed a function changes as well: its version moves and its chain says so.
    """
    place = require_administrator(actor)

    def change() -> int:
        unit, bodies, functions = _locked_with_bodies(tx, _unit_id(tx, unit_ref), on)
        require_row_version(tx, actor, unit, seen_version)
        last = tx.session.scalars(
            select(OrgUnitPeriod)
            .where(
                OrgUnitPeriod.org_unit_id == unit.id,
                or_(OrgUnitPeriod.to_on.is_(None), OrgUnitPeriod.to_on > on),
            )
            .order_by(OrgUnitPeriod.from_on.desc())
            .limit(1)
        ).first()
        if last is None:
            raise Conflict("already_ended", field="on")
        if on <= last.from_on:
            raise Invalid("ends_before_it_begins", field="on")
        last.to_on = on
        by = actor.by(place, idem_key=idem_key)
        for row in functions:
            # One that was to begin later never was: a day is the shortest time a row can hold.
            ends = max(on, row.from_on + timedelta(days=1))
            if row.to_on is not None and row.to_on <= ends:
                continue
            row.to_on = ends
            if row.body_id != unit.id:  # its own chain says that it was closed
                ended: dict[str, str | None] = {
                    "function": row.function,
                    "unit": unit.ref,
                    "on": ends.isoformat(),
                }
                _enter_unit(tx, by, bodies[row.body_id], "function_ended", ended)
        return _enter_unit(tx, by, unit, "unit_closed", {"on": on.isoformat()})

    request = {"deed": "close_org_unit", "unit": unit_ref, "seen": seen_version, "on": on}
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def _locked_with_bodies(
    tx: Tx, unit_id: int, on: date
) -> tuple[OrgUnit, dict[int, OrgUnit], Sequence[BodyFunction]]:
    """Lock a unit and the bodies for which it performs something after ``on``; return them with these functions."""
    after = and_(
        BodyFunction.performing_unit_id == unit_id, or_(BodyFunction.to_on.is_(None), BodyFunction.to_on > on)
    )
    while True:
        bodies = set(tx.session.scalars(select(BodyFunction.body_id).where(after)))
        tried = tx.session.begin_nested()
        units = _locked_units(tx, {unit_id, *bodies})
        functions = tx.session.scalars(select(BodyFunction).where(after).order_by(BodyFunction.id)).all()
        if {row.body_id for row in functions} <= bodies:
            tried.commit()
            return units[unit_id], units, functions
        # Given another function while we waited for a lock. Going back gives the locks up, so that the order holds.
        tried.rollback()


def set_function(
    database: Database,
    actor: Actor,
    *,
    body_ref: str,
    seen_version: int,
    function: str,
    unit_ref: str,
    from_on: date,
    idem_key: str | None = None,
) -> int:
    """Let ``unit_ref`` perform ``function`` for a body from a day on; whoever did so before stops that day.

    A unit that is to be closed performs it until then. ``seen_version`` is the body's; its new one is returned. Raises
    ``Conflict`` when the body changed meanwhile, ``Invalid`` when the unit is not open on ``from_on``.
    """
    place = require_administrator(actor)
    if function not in FUNCTIONS:
        raise Invalid("function_unknown", field="function")
    if function in UNIT_FUNCTIONS | SIDE_FUNCTIONS:
        raise Invalid("function_of_unit", field="function")

    def change() -> int:
        body_id, unit_id = _unit_id(tx, body_ref), _unit_id(tx, unit_ref)
        locked = _locked_units(tx, {body_id, unit_id})
        body, unit = locked[body_id], locked[unit_id]
        require_row_version(tx, actor, body, seen_version)
        to_on = _open_until(tx, unit, from_on)
        for row in tx.session.scalars(
            select(BodyFunction).where(
                BodyFunction.body_id == body.id,
                BodyFunction.function == function,
                or_(BodyFunction.to_on.is_(None), BodyFunction.to_on > from_on),
            )
        ):
            if row.from_on >= from_on:
                raise Invalid("from_before_period", field="from_on", day=show_day(row.from_on))
            row.to_on = from_on
        tx.session.add(
            BodyFunction(
                body_id=body.id,
                function=function,
                performing_unit_id=unit.id,
                from_on=from_on,
                to_on=to_on,
            )
        )
        payload: dict[str, str | None] = {
            "function": function,
            "unit": unit.ref,
            "from_on": from_on.isoformat(),
            "to_on": None if to_on is None else to_on.isoformat(),
        }
        return _enter_unit(tx, actor.by(place, idem_key=idem_key), body, "function_given", payload)

    request = {
        "deed": "set_function", "body": body_ref, "seen": seen_version, "function": function, "unit": unit_ref,
        "from": from_on,
    }  # fmt: skip
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def list_people(
    database: Database, actor: Actor, *, after: str | None = None, limit: int = 50, search: str | None = None
) -> PersonPage:
    """Return people in the order of given names. Raises ``Missing`` for others than administrators."""
    require_administrator(actor)
    with database.reading() as tx:
        today = local_day(tx.now)
        statement = select(
            Person.id,
            Person.ref,
            Person.full_name,
            Person.sort_key,
            Account.ref.label("account_ref"),
            Account.login,
            Account.state,
        ).join(Account, Account.person_id == Person.id)
        rows, more = _listed(
            tx,
            statement,
            Person.sort_key,
            Person,
            lambda word: or_(
                Person.search_text.contains(word, autoescape=True),
                Account.login.contains(word, autoescape=True),
            ),
            after,
            limit,
            search,
        )
        places = _places_in_words(tx, [row.id for row in rows], today)
        return PersonPage(
            tuple(
                PersonRow(
                    row.ref, row.account_ref, row.full_name, row.login, row.state, places.get(row.id, "")
                )
                for row in rows
            ),
            more,
        )


def _places_in_words(tx: Tx, person_ids: Sequence[int], day: date) -> dict[int, str]:
    said: dict[int, list[str]] = {}
    for row in tx.connection.execute(
        select(Membership.person_id, Membership.position_title, OrgUnitPeriod.name)
        .outerjoin(
            OrgUnitPeriod,
            and_(
                OrgUnitPeriod.org_unit_id == Membership.org_unit_id,
                valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
            ),
        )
        .where(
            Membership.person_id.in_(person_ids),
            valid_on(Membership.from_on.expression, Membership.to_on.expression, day),
        )
        .order_by(Membership.id)
    ):
        words = f"{row.position_title}, {row.name or ''}".strip(", ")
        if words not in said.setdefault(row.person_id, []):
            said[row.person_id].append(words)
    return {person_id: "; ".join(words) for person_id, words in said.items()}


def person_view(database: Database, actor: Actor, person_ref: str) -> PersonView:
    """Return one person with every membership, past and coming. Raises ``Missing``."""
    require_administrator(actor)
    with database.reading() as tx:
        person, account = _person(tx, person_ref)
        return PersonView(
            person.ref,
            account.ref,
            person.full_name,
            person.email,
            account.login,
            account.state,
            account.version,
            _members(tx, Membership.person_id == person.id, local_day(tx.now)),
        )


def _person(tx: Tx, ref: str, *, lock: bool = False) -> tuple[Person, Account]:
    statement = select(Person, Account).join(Account, Account.person_id == Person.id).where(Person.ref == ref)
    found = tx.session.execute(statement.with_for_update(of=Account) if lock else statement).first()
    if found is None:
        raise Missing("not_found")
    return found[0], found[1]


def _lock_person(tx: Tx, actor: Actor, person_ref: str, seen_version: int) -> tuple[Person, Account]:
    person, account = _person(tx, person_ref, lock=True)
    require_row_version(tx, actor, account, seen_version)
    return person, account


def invite_person(
    database: Database,
    actor: Actor,
    *,
    full_name: str,
    login: str,
    unit_ref: str,
    function: str,
    position_title: str,
    from_on: date,
    to_on: date | None = None,
    email: str | None = None,
    idem_key: str | None = None,
) -> Invited:
    """Make a person with an account that waits to be activated, and a first membership.

    Returns the secret of the activation link, which is kept nowhere. Raises ``Invalid``, ``Conflict``.
    """
    place = require_administrator(actor)
    name = clean_name(full_name, field="full_name")
    plain = plain_login(login)
    if not _is_login(plain):
        raise Invalid("login_unreadable", field="login")
    mail = clean_text(email or "", field="email", limit=200) or None
    request = {
        "deed": "invite_person", "name": name, "login": plain, "email": mail, "unit": unit_ref,
        "function": function, "position": position_title, "from": from_on, "to": to_on,
    }  # fmt: skip
    with database.writing() as tx:
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return Invited(**repeated.stored, token=None)
        taken = Conflict("login_taken", field="login", value=plain)
        if tx.session.scalar(select(Account.id).where(Account.login == plain)) is not None:
            raise taken
        person = Person(full_name=name, sort_key=person_sort_key(name), search_text=fold(name), email=mail)
        tx.session.add(person)
        tx.session.flush()  # the account needs person.id
        account = Account(person_id=person.id, login=plain, created_at=tx.now)
        _add_unique(tx, account, taken)
        _join(tx, person, unit_ref, function, position_title, from_on, to_on)
        enter(
            tx,
            account,
            "account_invited",
            by=actor.by(place, idem_key=idem_key),
            payload={"function": function, "unit": unit_ref},
        )
        token = issue_link(tx, account.id, "activate")
        answer = {"person_ref": person.ref, "account_ref": account.ref, "version": account.version}
        repeated.settle(answer)
        return Invited(person.ref, account.ref, account.version, token)


def _join(
    tx: Tx,
    person: Person,
    unit_ref: str,
    function: str,
    position_title: str,
    from_on: date,
    to_on: date | None,
) -> Membership:
    if function not in FUNCTIONS:
        raise Invalid("function_unknown", field="function")
    if to_on is not None and to_on <= from_on:
        raise Invalid("ends_before_it_begins", field="to_on")
    if function == AUDITOR and to_on is None:
        raise Invalid("auditor_needs_end", field="to_on")
    others = set(
        tx.session.scalars(
            select(Membership.function).where(
                Membership.person_id == person.id,
                or_(Membership.to_on.is_(None), Membership.to_on > from_on),
            )
        )
    )
    # Who arranges the rights never decides a dossier, and who inspects takes no part in what is inspected.
    if others and (others | {function}) & SIDE_FUNCTIONS and others != {function}:
        raise Conflict("function_stands_alone", field="function")
    position = clean_name(position_title, field="position_title")
    unit_id = _unit_id(tx, unit_ref)
    _open_until(tx, _locked_units(tx, {unit_id})[unit_id], from_on)
    member = Membership(
        person_id=person.id,
        org_unit_id=unit_id,
        function=function,
        position_title=position,
        from_on=from_on,
        to_on=to_on,
    )
    tx.session.add(member)
    tx.session.flush()
    return member


def add_membership(
    database: Database,
    actor: Actor,
    person_ref: str,
    *,
    seen_version: int,
    unit_ref: str,
    function: str,
    position_title: str,
    from_on: date,
    to_on: date | None = None,
    idem_key: str | None = None,
) -> Added:
    """Give a person a function in a unit from a day on. Raises ``Conflict`` when the person changed meanwhile."""
    place = require_administrator(actor)
    request = {
        "deed": "add_membership", "person": person_ref, "seen": seen_version, "unit": unit_ref,
        "function": function, "position": position_title, "from": from_on, "to": to_on,
    }  # fmt: skip
    with database.writing() as tx:
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return Added(**repeated.stored)
        person, account = _lock_person(tx, actor, person_ref, seen_version)
        if person.id == actor.person_id:
            raise Conflict("not_your_own_place")
        member = _join(tx, person, unit_ref, function, position_title, from_on, to_on)
        enter(
            tx,
            account,
            "membership_added",
            by=actor.by(place, idem_key=idem_key),
            payload={"function": function, "unit": unit_ref, "from_on": from_on.isoformat()},
        )
        repeated.settle({"ref": member.ref, "version": account.version})
        return Added(member.ref, account.version)


def end_membership(
    database: Database,
    actor: Actor,
    membership_ref: str,
    *,
    seen_version: int,
    on: date,
    idem_key: str | None = None,
) -> int:
    """End a membership: from ``on`` the person no longer has that function there.

    ``seen_version`` is that of the person's account; its new one is returned.
    """
    place = require_administrator(actor)

    def change() -> int:
        whose = tx.session.scalar(
            select(Person.ref)
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.ref == membership_ref)
        )
        if whose is None:
            raise Missing("not_found")
        # The account's lock is the one that every change of a person takes.
        _, account = _lock_person(tx, actor, whose, seen_version)
        member = tx.session.scalars(select(Membership).where(Membership.ref == membership_ref)).one()
        if member.to_on is not None and member.to_on <= on:
            raise Conflict("already_ended", field="on")
        # Ended on the day it began, it never was: a day is the shortest time a row can hold.
        member.to_on = max(on, member.from_on + timedelta(days=1))
        enter(
            tx,
            account,
            "membership_ended",
            by=actor.by(place, idem_key=idem_key),
            payload={"function": member.function, "on": member.to_on.isoformat()},
        )
        return account.version

    request = {"deed": "end_membership", "membership": membership_ref, "seen": seen_version, "on": on}
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def disable_account(database: Database, actor: Actor, person_ref: str, *, idem_key: str | None = None) -> int:
    """Disable an account and end all its sessions and tokens at once; return its new version.

    Whatever happened to it meanwhile: whoever has the password could otherwise put this off by changing it. Raises
    ``Missing``, ``Conflict`` for one's own account and for one that is disabled already.
    """
    place = require_administrator(actor)

    def change() -> int:
        person, account = _person(tx, person_ref, lock=True)
        if person.id == actor.person_id:
            raise Conflict("not_yourself")
        if account.state == "disabled":
            raise Conflict("already_disabled")
        account.state = "disabled"
        end_sessions(tx, account.id)
        end_tokens(tx, account.id)
        enter(tx, account, "account_disabled", by=actor.by(place, idem_key=idem_key))
        return account.version

    request = {"deed": "disable_account", "person": person_ref}
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def enable_account(
    database: Database, actor: Actor, person_ref: str, *, seen_version: int, idem_key: str | None = None
) -> Link:
    """Enable a disabled account. One that never had a password gets an activation link."""

    def enable(account: Account) -> tuple[str, str | None]:
        account.state = "active" if account.password_hash else "invited"
        return "account_enabled", None if account.password_hash else "activate"

    request = {"deed": "enable_account", "person": person_ref, "seen": seen_version}
    return _link_once(database, actor, idem_key, request, enable)


def make_link(
    database: Database, actor: Actor, person_ref: str, *, seen_version: int, idem_key: str | None = None
) -> Link:
    """Make a link for a new password, or for activation while the person is invited; earlier ones of it die.

    Raises ``Missing`` for a disabled account.
    """

    def purpose(account: Account) -> tuple[str, str | None]:
        if account.state == "disabled":
            raise Missing("not_found")
        wanted = "activate" if account.state == "invited" else "reset"
        return f"{wanted}_link_issued", wanted

    request = {"deed": "make_link", "person": person_ref, "seen": seen_version}
    return _link_once(database, actor, idem_key, request, purpose)


def _link_once(
    database: Database,
    actor: Actor,
    idem_key: str | None,
    request: Mapping[str, Any],
    change: Callable[[Account], tuple[str, str | None]],
) -> Link:
    """Change the account of the person that ``request`` names, once, and make the link it then needs.

    ``change`` returns what the record calls it, and the purpose of the link, None when none is needed.
    """
    place = require_administrator(actor)
    with database.writing() as tx:
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return Link(**repeated.stored, token=None)
        _, account = _lock_person(tx, actor, request["person"], request["seen"])
        action, purpose = change(account)
        enter(tx, account, action, by=actor.by(place, idem_key=idem_key))
        token = None if purpose is None else issue_link(tx, account.id, purpose)
        repeated.settle({"version": account.version, "purpose": purpose})
        return Link(account.version, purpose, token)
