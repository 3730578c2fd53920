"""The decision history: the record's own entries of a dossier, told to people who may see it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from dossiers.days import local_day
from dossiers.dossier import Dossier
from dossiers.functions import UNIT_FUNCTIONS
from dossiers.numbers import show_time
from dossiers.org_unit import OrgUnit, OrgUnitPeriod
from dossiers.people import Account, Person
from states.definition import Edition
from storage.database import Database, Tx
from storage.record import FIRST_PREV, Recorded, entries_of, payloads_of
from workflow.actor import Actor
from workflow.editions import edition_of
from workflow.engine import look
from workflow.permissions import sees_office
from workflow.words import FUNCTION_NAMES, deed_label, said

ENTRIES_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class MoveView:
    """One row's step as told: which thing, from which state to which."""

    kind: str
    ref: str
    state_from: str | None
    state_to: str | None
    label_from: str | None
    label_to: str | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry as told: what, when, who in which function of which unit as named then, why, and its proof."""

    position: int
    seq: int | None
    event_id: str
    at: datetime
    action: str
    action_label: str
    who: str
    function_label: str
    unit_name: str
    reason: str | None
    reason_erased: bool
    moves: tuple[MoveView, ...]
    changes: Mapping[str, Any]
    attachments: int
    hash: str
    proof: str


@dataclass(frozen=True, slots=True)
class HistoryView:
    """A page of a dossier's history, oldest first, and what was checked of its chain.

    ``checked_from`` to ``checked_to`` are the positions whose bytes and links were checked, the entry before the
    page with them; ``whole`` tells that this is the chain from its first entry to the dossier's own row.
    ``broken_at`` is the first position of them that does not hold, else None.
    """

    ref: str
    code: str
    entries: tuple[EntryView, ...]
    next: int | None
    length: int
    checked_from: int
    checked_to: int
    whole: bool
    broken_at: int | None


@dataclass(frozen=True, slots=True)
class LastDeed:
    """The newest deed in a few words, for the person who came too late."""

    time: str
    what: str


def history_of(
    database: Database, actor: Actor, dossier_ref: str, *, after: int = 0, whole: bool = False
) -> HistoryView:
    """Return a page of the dossier's history from position ``after`` on, with the verdict on its chain.

    The verdict is on the page and its link to the entry before, at the end on the dossier's own row too; with
    ``whole`` on every entry there is, which takes as long as the chain. Raises ``Missing`` for a dossier the actor
    may not know of.
    """
    with database.reading() as tx:
        deed = look(tx, actor, dossier_ref)
        row = deed.row
        after = min(after, row.chain_length)
        # One more on either side: the entry the page hangs on, and a sign that there is a next page.
        begin = max(after - 1, 0)
        found = entries_of(tx, "dossier", row.ref, after=begin, limit=ENTRIES_A_PAGE + 1 + after - begin)
        beyond = [entry for entry in found if entry.position > after]
        page, more = beyond[:ENTRIES_A_PAGE], len(beyond) > ENTRIES_A_PAGE
        checked = [entry for entry in found if entry.position <= after] + page
        edition = edition_of(tx, row.edition_id)
        whole = whole or (after == 0 and not more)
        if whole:
            broken_at = chain_problem(tx, "dossier", row.ref, row.chain_length, row.chain_head)
        else:
            broken_at = _page_problem(
                checked, begin, None if more else (row.chain_length, row.chain_head or FIRST_PREV)
            )
        return HistoryView(
            ref=row.ref,
            code=row.code,
            entries=tell(tx, page, edition, actor.language, inner=sees_office(actor, deed.standing)),
            next=page[-1].position if more else None,
            length=row.chain_length,
            checked_from=1 if whole else begin + 1,
            checked_to=row.chain_length if whole else begin + len(checked),
            whole=whole,
            broken_at=broken_at,
        )


def _page_problem(checked: Sequence[Recorded], before: int, end: tuple[int, str] | None) -> int | None:
    """Return the first position beyond ``before`` that does not hold, None when all of ``checked`` does.

    ``end`` is the length and the head of the chain where ``checked`` reaches them. What the first entry beyond the
    first page names as the one before it is taken as it stands: that one is on the page before.
    """
    prev = FIRST_PREV if before == 0 or not checked else checked[0].prev
    position, prev, broken_at = _follow(checked, before, prev)
    if broken_at is None and end is not None and (position, prev) != end:
        return position + 1
    return broken_at


def _follow(entries: Sequence[Recorded], position: int, prev: str) -> tuple[int, str, int | None]:
    """Check entries one after the other from ``position``, whose hash is ``prev``; return both for the last that
    holds, and the position of the first that does not.
    """
    for entry in entries:
        if (
            entry.position != position + 1
            or entry.prev != prev
            or entry.content.get("prev") != prev
            or hashlib.sha256(entry.body.encode()).hexdigest() != entry.hash
        ):
            return position, prev, position + 1
        position, prev = position + 1, entry.hash
    return position, prev, None


def tell(
    tx: Tx, entries: Sequence[Recorded], edition: Edition, language: str, *, inner: bool = True
) -> tuple[EntryView, ...]:
    """Return entries as people read them: names looked up, payloads opened, states in words."""
    content = [entry.content for entry in entries]
    wanted = [one[key] for one in content for key in ("payload_commit", "reason_commit") if one.get(key)]
    payloads = payloads_of(tx, wanted)
    people = _names(tx, {one["actor_id"] for one in content if one.get("actor_id")})
    units = _unit_names(tx, content)
    return tuple(
        _told(
            entry,
            edition,
            language,
            payloads,
            people,
            units,
            open_=inner or _is_for_unit(entry.content, edition),
        )
        for entry in entries
    )


def _is_for_unit(content: Mapping[str, Any], edition: Edition) -> bool:
    """Tell whether reason and contents of an entry are the unit's to read: its own deeds, and what comes back to it.

    What one office says to another, or why consideration is suspended, may expose somebody who complained.
    """
    if content.get("actor_function") in UNIT_FUNCTIONS:
        return True
    for move in content.get("moves") or ():
        states = edition.machine("dossier" if move["kind"] == "dossier" else "nominee").states
        state = states.get(move.get("state_to") or "")
        if (
            state is not None
            and move.get("state_from") != move.get("state_to")
            and (state.sent_back or state.final)
        ):
            return True
    return False


def chain_problem(tx: Tx, kind: str, ref: str, length: int, head: str | None) -> int | None:
    """Return the first position of a subject's chain that does not hold, None when all of it does.

    ``length`` and ``head`` are those of the subject's row. Says nothing of entries that were never in the
    chain, and nothing of a chain rewritten as a whole: that is what checkpoints held outside are for.
    """
    position, prev = 0, FIRST_PREV
    while True:
        entries = entries_of(tx, kind, ref, after=position, limit=ENTRIES_A_PAGE)
        position, prev, broken_at = _follow(entries, position, prev)
        if broken_at is not None:
            return broken_at
        if len(entries) < ENTRIES_A_PAGE:
            break
    return None if (position, prev) == (length, head or FIRST_PREV) else position + 1


def _told(
    entry: Recorded,
    edition: Edition,
    language: str,
    payloads: Mapping[str, Any],
    people: Mapping[str, str],
    units: Mapping[tuple[str, date], str],
    *,
    open_: bool,
) -> EntryView:
    body = entry.content
    at = _moment(body["ts_utc"])
    reason_commit = body.get("reason_commit")
    reason = payloads.get(reason_commit) if reason_commit else None
    changes = payloads.get(body["payload_commit"]) if body.get("payload_commit") else None
    function = body.get("actor_function") or ""
    return EntryView(
        position=entry.position,
        seq=entry.seq,
        event_id=entry.event_id,
        at=at,
        action=body["action"],
        action_label=deed_label(edition, body["action"], language),
        who=_who(body, people, language),
        function_label=said(FUNCTION_NAMES[function], language) if function in FUNCTION_NAMES else "",
        unit_name=units.get((body.get("actor_org_unit") or "", local_day(at)), ""),
        reason=reason if open_ and isinstance(reason, str) else None,
        reason_erased=bool(reason_commit) and reason is None,
        moves=tuple(_move(move, edition, language) for move in body.get("moves") or ()),
        changes=changes if open_ and isinstance(changes, Mapping) else {},
        attachments=len(body.get("attachments") or ()),
        hash=entry.hash,
        proof="recorded" if entry.seq is None else "sequenced",
    )


def _move(move: Mapping[str, Any], edition: Edition, language: str) -> MoveView:
    states = edition.machine("dossier" if move["kind"] == "dossier" else "nominee").states

    def label(key: str | None) -> str | None:
        return said(states[key].label, language) if key is not None and key in states else key

    return MoveView(
        move["kind"],
        move["ref"],
        move.get("state_from"),
        move.get("state_to"),
        label(move.get("state_from")),
        label(move.get("state_to")),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _names(tx: Tx, refs: set[str]) -> dict[str, str]:
    rows = tx.connection.execute(
        select(Account.ref, Person.full_name)
        .join(Person, Person.id == Account.person_id)
        .where(Account.ref.in_(refs))
    )
    return {row.ref: row.full_name for row in rows}


def _unit_names(tx: Tx, content: Sequence[Mapping[str, Any]]) -> dict[tuple[str, date], str]:
    """Return each acting unit's name as it was on the day of each entry."""
    asked = {
        (one["actor_org_unit"], local_day(_moment(one["ts_utc"])))
        for one in content
        if one.get("actor_org_unit")
    }
    periods: dict[str, list[Any]] = {}
    for row in tx.connection.execute(
        select(OrgUnit.ref, OrgUnitPeriod.name, OrgUnitPeriod.from_on, OrgUnitPeriod.to_on)
        .join(OrgUnitPeriod, OrgUnitPeriod.org_unit_id == OrgUnit.id)
        .where(OrgUnit.ref.in_({ref for ref, _ in asked}))
    ):
        periods.setdefault(row.ref, []).append(row)
    return {
        (ref, day): next(
            (
                row.name
                for row in periods.get(ref, ())
                if row.from_on <= day and (row.to_on is None or day < row.to_on)
            ),
            "",
        )
        for ref, day in asked
    }


def last_deed(tx: Tx, dossier_ref: str, language: str) -> LastDeed:
    """Return the newest deed of a dossier, for the sentence that tells a latecomer what happened meanwhile."""
    row = tx.connection.execute(
        select(Dossier.edition_id, Dossier.chain_length).where(Dossier.ref == dossier_ref)
    ).one()
    return last_entry(
        tx, "dossier", dossier_ref, row.chain_length, language, edition=edition_of(tx, row.edition_id)
    )


def last_entry(
    tx: Tx, kind: str, ref: str, length: int, language: str, *, edition: Edition | None = None
) -> LastDeed:
    """Return the newest entry of a chain of ``length`` in the words of a sentence, empty when it has none."""
    entries = entries_of(tx, kind, ref, after=length - 1, limit=1)
    if not entries:
        return LastDeed("", "")
    body = entries[0].content
    label = deed_label(edition, body["action"], language)
    who = _who(body, _names(tx, {body["actor_id"]}), language)
    return LastDeed(show_time(_moment(body["ts_utc"])), f"{label} ({who})" if who else label)


def _who(body: Mapping[str, Any], people: Mapping[str, str], language: str) -> str:
    if body.get("actor_id"):
        return people.get(body["actor_id"], "")
    if body.get("actor_function"):  # whoever runs the machine acts in a function and without an account
        return "Người vận hành hệ thống" if language != "en" else "Whoever runs the system"
    return "Hệ thống, theo thời hạn" if language != "en" else "The system, by its clock"
