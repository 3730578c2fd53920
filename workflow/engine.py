"""The one hand that writes a change of a dossier: row, record entry and promises in one transaction.

Every command fills a ``Deed`` under the dossier's lock and closes it with ``write``. The statements are
SQLAlchemy Core on purpose: this is the hottest path of the product, and nothing else needs to know how it
is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    update,
)

from dossiers.award_round import AwardRound
from dossiers.contents import seal
from dossiers.days import local_day
from dossiers.dossier import Dossier, Participation, Revision
from dossiers.functions import DUTY
from dossiers.refusals import Conflict, Missing
from states.definition import Edition
from storage.base import Day
from storage.database import POSTGRESQL, SQLITE, Tx
from storage.prepared import Change, Prepared, change_together, insert_of
from storage.record import AttachmentMark, By, Head, Moved, compose
from workflow.actor import Actor, Place
from workflow.configured import regime_of
from workflow.editions import edition_of
from workflow.outgoing import Promise, promises_of
from workflow.permissions import Standing, is_visible, standing_columns, standing_from
from workflow.words import SUBJECTS, said

_DOSSIER: Table = Dossier.__table__  # type: ignore[assignment]  # declarative classes map plain tables
_ROUND: Table = AwardRound.__table__  # type: ignore[assignment]  # as above

# Long, or never asked for by a deed; a column costs a deed a quarter of a microsecond.
_UNSEEN = {"search_text", "state_subject", "parent_id", "created_by", "created_at"}
SEEN: Select[Any] = select(
    *[column for column in _DOSSIER.c if column.key not in _UNSEEN],
    _ROUND.c.code.label("round_code"),
    _ROUND.c.programme_id,
    _ROUND.c.calendar_code,
    _ROUND.c.decider_body_id,
    _ROUND.c.opens_at,
    _ROUND.c.closes_at,
    _ROUND.c.late_rule,
    _ROUND.c.achievement_from,
    _ROUND.c.achievement_to,
).join(_ROUND, _ROUND.c.id == _DOSSIER.c.round_id)
_MOMENT = func.clock_timestamp().label("moment")  # taken under the lock when another deed was waited for
_BEGINNING = func.transaction_timestamp().label("moment")
_LOCK_BY_ID = SEEN.where(_DOSSIER.c.id == bindparam("id")).with_for_update(of=_DOSSIER)
LOCK_BY_ID = {SQLITE: _LOCK_BY_ID, POSTGRESQL: _LOCK_BY_ID.add_columns(_MOMENT)}


def _asking(dialect: str, column: str, *, lock: bool) -> Prepared:
    """Return the one statement that brings a dossier, what the asking person is in it, and the moment."""
    day: ColumnElement[Any] = bindparam("day", type_=Day)
    if dialect == POSTGRESQL:
        here = func.timezone(literal_column("'Asia/Ho_Chi_Minh'"), func.transaction_timestamp())
        # A query of its own, so that it is worked out once and not for each row.
        day = select(func.coalesce(day, cast(here, Day))).scalar_subquery()
    asked = SEEN.add_columns(*standing_columns(day)).where(_DOSSIER.c[column] == bindparam("named"))
    if dialect == POSTGRESQL:
        before = _DOSSIER.alias("before")
        asked = asked.add_columns(
            _MOMENT if lock else _BEGINNING,
            day.label("day"),
            select(before.c.version).where(before.c.id == _DOSSIER.c.id).scalar_subquery().label("before"),
        )
    return Prepared(asked.with_for_update(of=_DOSSIER) if lock else asked)


_ASK = {
    (dialect, column, lock): _asking(dialect, column, lock=lock)
    for dialect in (SQLITE, POSTGRESQL)
    for column in ("ref", "code")
    for lock in (False, True)
}
NO_DOSSIER = "00000000-0000-0000-0000-000000000000"
"""A ref that no dossier has: looking for it costs what looking for a foreign one does."""
_is_ref = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_INSERT_PARTICIPATION = Prepared(
    insert_of(Participation.__table__, "dossier_id", "person_id", "duty", "first_at")
)


@dataclass(slots=True)
class Deed:
    """One change in the making. ``row`` is the locked dossier as it was; ``changes`` are the columns it gets."""

    tx: Tx
    row: Row[Any]
    edition: Edition
    actor: Actor | None
    place: Place | None
    standing: Standing
    action: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    moves: list[Moved] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    attachments: list[AttachmentMark] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    dossier_version: int | None = None
    decision_pdf_sha256: str | None = None
    idem_key: str | None = None

    @property
    def today(self) -> date:
        """The day in Viet Nam on which the deed is done."""
        return local_day(self.tx.now)

    @property
    def now(self) -> datetime:
        """The moment of the transaction."""
        return self.tx.now

    @property
    def by(self) -> By:
        """How the record names who acts; the system itself has no account."""
        if self.actor is None:
            return By(account_ref=None, function=None, org_unit_ref=None, idem_key=self.idem_key)
        return self.actor.by(self.place, idem_key=self.idem_key)

    def value(self, column: str) -> Any:
        """Return a column as it will stand after the deed."""
        return self.changes[column] if column in self.changes else getattr(self.row, column)


def lock(
    tx: Tx, actor: Actor, dossier_ref: str, *, idem_key: str | None = None, place: Place | None = None
) -> Deed:
    """Lock a dossier by its ref or code and return the deed to be filled.

    Raises ``Missing`` alike for a dossier that does not exist and for one the actor may not know of.
    """
    return _found(tx, actor, dossier_ref, idem_key, place, lock=True)


def look(tx: Tx, actor: Actor, dossier_ref: str) -> Deed:
    """Return the deed that ``lock`` would, without locking: for pages, and for refusing early. Never write
    it.
    """
    return _found(tx, actor, dossier_ref, None, None, lock=False)


def _found(
    tx: Tx, actor: Actor, dossier_ref: str, idem_key: str | None, place: Place | None, *, lock: bool
) -> Deed:
    statement = _ASK[tx.dialect, "ref" if _is_ref(dossier_ref) else "code", lock]
    asked = {
        "named": dossier_ref,
        "person_id": actor.person_id,
        "day": None if tx.reads_clock else local_day(tx.now),
    }
    row = statement.first(tx, asked)
    if row is None:
        # How long a refusal takes must not tell either that there is a dossier: the same is asked about none. Its day
        # is the process's, because asking the database for it would be one question more.
        is_visible(tx, actor, 0, local_day(datetime.now(UTC)))
        raise Missing("not_found")
    if tx.dialect == POSTGRESQL:
        today = local_day(row.moment) if tx.reads_clock else row.day
        if row.before != row.version or row.day != today:
            # It waited for the lock: the dossier is as the other deed left it, but whose duties were noted was
            # read before, and midnight may have passed. Asked again under the lock, all is of one moment.
            row = statement.first(tx, {**asked, "day": today})
        tx.note_now(row.moment)
    standing = standing_from(row, actor)
    # Who stands in a submitted dossier may see it; only for the others, and for drafts, the sight is asked.
    if (not standing.places or row.submissions == 0) and not is_visible(tx, actor, row.id, local_day(tx.now)):
        raise Missing("not_found")
    return Deed(tx, row, edition_of(tx, row.edition_id), actor, place, standing, idem_key=idem_key)


def lock_for_system(tx: Tx, dossier_id: int) -> Deed:
    """Lock a dossier for a deed of the clock, which nobody performs. Raises ``Missing``."""
    row = tx.connection.execute(LOCK_BY_ID[tx.dialect], {"id": dossier_id}).first()
    if row is None:
        raise Missing("not_found")
    if tx.dialect == POSTGRESQL:
        tx.note_now(row.moment)
    return Deed(tx, row, edition_of(tx, row.edition_id), None, None, Standing({}, frozenset()))


def write_revision(deed: Deed, owner_kind: str, owner_id: int, content: Mapping[str, Any]) -> tuple[int, int]:
    """Keep ``content`` as the next revision of the owner and commit to it in the deed. Return (id, n)."""
    sealed = seal(content)
    session = deed.tx.session
    last = session.scalar(
        select(Revision.n)
        .where(Revision.owner_kind == owner_kind, Revision.owner_id == owner_id)
        .order_by(Revision.n.desc())
        .limit(1)
    )
    revision = Revision(
        owner_kind=owner_kind,
        owner_id=owner_id,
        n=(last or 0) + 1,
        content=sealed.text,
        salt=sealed.salt,
        commitment=sealed.commitment,
        written_by=deed.actor.account_id if deed.actor else None,
        written_at=deed.now,
    )
    session.add(revision)
    session.flush()  # the owner's row points to revision.id
    deed.payload.setdefault("revisions", []).append(
        {"owner": owner_kind, "n": revision.n, "commitment": sealed.commitment}
    )
    return revision.id, revision.n


def content_of(session: Any, revision_id: int | None) -> dict[str, Any]:
    """Return the content of a revision; empty when there is none or it was erased."""
    if revision_id is None:
        return {}
    text = session.scalar(select(Revision.content).where(Revision.id == revision_id))
    if text is None:
        return {}
    content: dict[str, Any] = json.loads(text)
    return content


def write(deed: Deed) -> int:
    """Write the deed: participation, promises, record entry, and the dossier's row with its next version.

    Returns the new version. Nothing is visible before the transaction of the caller commits. The version in
    the WHERE clause is the belt to the braces of the row lock; losing it raises ``Conflict``.
    """
    tx, row = deed.tx, deed.row
    version: int = row.version + 1
    state_to = deed.value("state")
    moved = Moved(
        kind="dossier",
        ref=row.ref,
        version_from=row.version,
        version_to=version,
        state_from=row.state,
        state_to=state_to,
    )
    entry = compose(
        subject=("dossier", row.ref),
        head=Head(row.chain_length, row.chain_head),
        action=deed.action,
        by=deed.by,
        now=tx.now,
        origin=tx.origin,
        epoch=tx.epoch,
        moves=[moved, *deed.moves],
        edition=f"{deed.edition.code}/{deed.edition.edition}",
        workflow_sha256=deed.edition.sha256,
        regime=_regime(deed),
        dossier_version=deed.dossier_version,
        payload=deed.payload or None,
        reason=deed.reason,
        attachments=deed.attachments,
        decision_pdf_sha256=deed.decision_pdf_sha256,
    )
    # What stays as it is is not written: each column of an index that is named costs the writing of that index.
    changed = {
        column: value for column, value in deed.changes.items() if value != getattr(row, column, _UNSEEN)
    }
    step = {
        **changed,
        "row_id": row.id,
        "row_version": row.version,
        "version": version,
        "chain_head": entry.head.hash,
        "chain_length": entry.head.length,
    }
    changes = [
        *entry.changes(),
        *_participation(deed),
        *promises_of(tx, row, version, deed.promises),
        Change(_update_of(tuple(sorted(changed))), step),
    ]
    if change_together(tx, changes) != 1:
        what = said(SUBJECTS["dossier"], deed.actor.language if deed.actor else "vi")
        raise Conflict(
            "changed_meanwhile", what=what, time="", happened="", version=row.version, state=row.state
        )
    return version


@lru_cache(maxsize=256)
def _update_of(columns: tuple[str, ...]) -> Prepared:
    """Return the UPDATE of these columns; deeds come in few shapes, so each is built once."""
    names = (*columns, "version", "chain_head", "chain_length")
    return Prepared(
        update(_DOSSIER)
        .where(_DOSSIER.c.id == bindparam("row_id"), _DOSSIER.c.version == bindparam("row_version"))
        .values({name: bindparam(name) for name in names})
    )


def _regime(deed: Deed) -> str | None:
    regime_id = deed.value("regime_id")
    if regime_id is None:
        return None
    head = regime_of(deed.tx, regime_id).head
    return f"{head.code}/{head.edition}"


def _participation(deed: Deed) -> list[Change]:
    """Return what notes that this person has now had a duty in the dossier; nothing when it is noted."""
    if deed.actor is None or deed.place is None:
        return []
    duty = DUTY.get(deed.place.function)
    if duty is None or duty in deed.standing.duties:
        return []
    noted = {
        "dossier_id": deed.row.id,
        "person_id": deed.actor.person_id,
        "duty": duty,
        "first_at": deed.now,
    }
    return [Change(_INSERT_PARTICIPATION, noted)]
