"""The record: who did what to which subject, when, in which function, chained by subject and hard to change
unseen.

An entry is one line of canonical JSON that holds only references, codes and hashes; what it says about people
is kept apart under a salted commitment and may be erased lawfully. Each subject has a chain of its own whose
head lies in the subject's row, which the caller has locked: no writer waits for another subject. The tree
over all entries is built behind the commits (`storage.sequencer`). docs/record.md has the format and its
limits.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import uuid_utils
from sqlalchemy import select

from storage.canonical import canonical, moment_text
from storage.prepared import Change, Prepared, change_together, insert_of
from storage.record_tables import RecordEntry, RecordLeaf, RecordPayload

if TYPE_CHECKING:
    from storage.database import Tx

FORMAT = 1
FIRST_PREV = "0" * 64  # what the first entry of a chain names as its predecessor

SUBJECTS = frozenset({"dossier", "account", "org_unit", "config_document", "award_round", "decision"})
MOVERS = frozenset({"dossier", "nominee"})


class NotForTheRecord(ValueError):
    """An entry would hold more than references, codes and hashes. Names the field, never the value."""

    code = "not_for_the_record"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} may hold a reference, a code or a hash only")
        self.field = field


class By(NamedTuple):
    """Who acts, in which function of which unit at that time, for whom, on what authority.

    ``account_ref`` None is the system itself. ``authority`` is the id of the delegation or paper.
    """

    account_ref: str | None
    function: str | None
    org_unit_ref: str | None
    acting_for: str | None = None
    authority: str | None = None
    session_ref: str | None = None
    request_id: str | None = None
    idem_key: str | None = None


class Head(NamedTuple):
    """The end of a subject's chain: how many entries, and the hash of the last (None while there is none)."""

    length: int
    hash: str | None


EMPTY = Head(0, None)


class Moved(NamedTuple):
    """One row's step. A new row comes from version 0, whatever its state then; each later step begins where
    the last one ended; a row that is taken away goes to no state.
    """

    kind: str
    ref: str
    version_from: int
    version_to: int
    state_from: str | None
    state_to: str | None


class AttachmentMark(NamedTuple):
    """The stored object an entry rests on: its key, not the name that a person gave it. ``size`` in bytes."""

    key: str
    sha256: str
    size: int
    mime: str


class Commitment(NamedTuple):
    """What an entry commits to without telling: ``commitment`` = SHA-256(``salt`` ‖ ``payload`` in UTF-8)."""

    commitment: str
    salt: bytes
    payload: str


class Entry(NamedTuple):
    """A composed entry, ready to be inserted: ``entry_row()`` and ``payload_rows()`` are the rows."""

    origin: str
    epoch: int
    subject: tuple[str, str]
    position: int
    prev: str
    body: str
    hash: str
    event_id: str
    commitments: tuple[Commitment, ...]

    @property
    def head(self) -> Head:
        """The head of the chain once this entry is in."""
        return Head(self.position, self.hash)

    def changes(self) -> list[Change]:
        """Return what writes the entry: its payloads, then itself."""
        kept = [Change(_insert_payload, row) for row in self.payload_rows()]
        return [*kept, Change(_insert_entry, self.entry_row())]

    def entry_row(self) -> dict[str, Any]:
        """Return the values of the row of ``record_entry``."""
        return {
            "origin": self.origin,
            "epoch": self.epoch,
            "subject_kind": self.subject[0],
            "subject_ref": self.subject[1],
            "position": self.position,
            "event_id": self.event_id,
            "body": self.body,
            "hash": self.hash,
            "prev": self.prev,
        }

    def payload_rows(self) -> list[dict[str, Any]]:
        """Return the values of the rows of ``record_payload``: none, one or two."""
        return [{"commitment": c.commitment, "salt": c.salt, "payload": c.payload} for c in self.commitments]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in the record. ``seq`` is None until it is sequenced; ``content`` is the parsed
    body.
    """

    id: int
    subject: tuple[str, str]
    position: int
    event_id: str
    body: str
    hash: str
    prev: str
    seq: int | None
    content: Mapping[str, Any]


# A reference is a UUID. A code is what configuration and programs spell: ASCII, no blanks, and not a bare
# long number, because citizens, telephones and bank accounts are numbered that way.
_is_ref = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_is_code = re.compile(r"(?![0-9]{9,}\Z)[A-Za-z0-9][A-Za-z0-9._:/+@=-]{0,199}").fullmatch
_is_key = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*").fullmatch
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_is_mime = re.compile(r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+").fullmatch

# Nobody reads the id back, so neither database is asked to return it.
_insert_entry = Prepared(
    insert_of(
        RecordEntry.__table__,
        "origin", "epoch", "subject_kind", "subject_ref", "position", "event_id", "body", "hash", "prev",
    )
)  # fmt: skip
_insert_payload = Prepared(insert_of(RecordPayload.__table__, "commitment", "salt", "payload"))


def compose(
    *,
    subject: tuple[str, str],
    head: Head,
    action: str,
    by: By,
    now: datetime,
    origin: str,
    epoch: int,
    moves: Sequence[Moved] = (),
    edition: str | None = None,
    workflow_sha256: str | None = None,
    regime: str | None = None,
    dossier_version: int | None = None,
    payload: Mapping[str, Any] | None = None,
    reason: str | None = None,
    attachments: Sequence[AttachmentMark] = (),
    decision_pdf_sha256: str | None = None,
) -> Entry:
    """Return the next entry of ``subject``'s chain after ``head``. Touches no database; only salts are
    random.

    ``payload`` (what changed, in words and values) and ``reason`` are the only places for what people wrote;
    both become commitments. An idempotency key that a client chose freely is kept as ``sha256:`` and its
    hash.

    Raises ``NotForTheRecord`` when any other field holds more than a reference, a code or a hash, and
    ``NotCanonical`` for a payload without a canonical form.
    """
    kind, ref = subject
    if kind not in SUBJECTS or not _is_ref(ref):
        raise NotForTheRecord("subject")
    if not _is_key(action):
        raise NotForTheRecord("action")
    _check_actor(by)
    if edition is not None and not _is_code(edition):
        raise NotForTheRecord("edition")
    if regime is not None and not _is_code(regime):
        raise NotForTheRecord("regime")
    if workflow_sha256 is not None and not _is_hash(workflow_sha256):
        raise NotForTheRecord("workflow_sha256")
    if decision_pdf_sha256 is not None and not _is_hash(decision_pdf_sha256):
        raise NotForTheRecord("decision_pdf_sha256")
    if dossier_version is not None and type(dossier_version) is not int:
        raise NotForTheRecord("dossier_version")

    payload_kept = None if payload is None else commit(payload)
    reason_kept = None if reason is None else commit(reason)
    position = head.length + 1
    prev = head.hash or FIRST_PREV
    event_id = str(uuid_utils.uuid7())
    # RFC 8785, written out: the keys are in order, and what was checked above holds nothing that is escaped. It is
    # written with every deed; a test holds it against the general encoder.
    body = (
        f'{{"acting_for":{_text(by.acting_for)},"action":"{action}","actor_function":{_text(by.function)}'
        f',"actor_id":{_text(by.account_ref)},"actor_org_unit":{_text(by.org_unit_ref)}'
        f',"attachments":[{",".join([_attachment(mark) for mark in attachments])}]'
        f',"authority":{_text(by.authority)},"decision_pdf_sha256":{_text(decision_pdf_sha256)}'
        f',"dossier_version":{"null" if dossier_version is None else dossier_version}'
        f',"edition":{_text(edition)},"epoch":{epoch},"event_id":"{event_id}"'
        f',"idem_key":{"null" if by.idem_key is None else _text(idem_key_mark(by.idem_key))}'
        f',"moves":[{",".join([_move(move) for move in moves])}],"origin":{_quoted(origin)}'
        f',"payload_commit":{_text(payload_kept and payload_kept.commitment)},"position":{position}'
        f',"prev":"{prev}","reason_commit":{_text(reason_kept and reason_kept.commitment)}'
        f',"regime":{_text(regime)},"request_id":{_text(by.request_id)},"session_ref":{_text(by.session_ref)}'
        f',"subject":{{"kind":"{kind}","ref":"{ref}"}},"ts_utc":"{moment_text(now)}","v":{FORMAT}'
        f',"workflow_sha256":{_text(workflow_sha256)}}}'
    )
    return Entry(
        origin,
        epoch,
        subject,
        position,
        prev,
        body,
        hashlib.sha256(body.encode()).hexdigest(),
        event_id,
        tuple([kept for kept in (payload_kept, reason_kept) if kept is not None]),
    )


def append(
    tx: Tx,
    *,
    subject: tuple[str, str],
    head: Head,
    action: str,
    by: By,
    moves: Sequence[Moved] = (),
    edition: str | None = None,
    workflow_sha256: str | None = None,
    regime: str | None = None,
    dossier_version: int | None = None,
    payload: Mapping[str, Any] | None = None,
    reason: str | None = None,
    attachments: Sequence[AttachmentMark] = (),
    decision_pdf_sha256: str | None = None,
) -> Head:
    """Write the next entry of ``subject``'s chain in this transaction and return the new head.

    The caller has locked the subject's row, passes the head that stands there and writes the returned one
    back. A head that is not the last raises the database's ``IntegrityError``: position is unique within a
    subject. Raises as `compose` does.
    """
    entry = compose(
        subject=subject,
        head=head,
        action=action,
        by=by,
        now=tx.now,
        origin=tx.origin,
        epoch=tx.epoch,
        moves=moves,
        edition=edition,
        workflow_sha256=workflow_sha256,
        regime=regime,
        dossier_version=dossier_version,
        payload=payload,
        reason=reason,
        attachments=attachments,
        decision_pdf_sha256=decision_pdf_sha256,
    )
    change_together(tx, entry.changes())
    return entry.head


def head_of(tx: Tx, kind: str, ref: str) -> Head:
    """Return the head of a chain as the entries have it, for subjects whose row keeps none."""
    row = tx.connection.execute(
        select(RecordEntry.position, RecordEntry.hash)
        .where(RecordEntry.subject_kind == kind, RecordEntry.subject_ref == ref)
        .order_by(RecordEntry.position.desc())
        .limit(1)
    ).first()
    return EMPTY if row is None else Head(row.position, row.hash)


def entries_of(tx: Tx, kind: str, ref: str, after: int = 0, limit: int = 100) -> list[Recorded]:
    """Return up to ``limit`` entries of a chain with a position beyond ``after``, oldest first."""
    rows = tx.connection.execute(
        select(
            RecordEntry.id,
            RecordEntry.position,
            RecordEntry.event_id,
            RecordEntry.body,
            RecordEntry.hash,
            RecordEntry.prev,
            RecordLeaf.seq,
        )
        .outerjoin(RecordLeaf, RecordLeaf.entry_id == RecordEntry.id)
        .where(
            RecordEntry.subject_kind == kind,
            RecordEntry.subject_ref == ref,
            RecordEntry.position > after,
        )
        .order_by(RecordEntry.position)
        .limit(limit)
    )
    return [
        Recorded(
            row.id,
            (kind, ref),
            row.position,
            row.event_id,
            row.body,
            row.hash,
            row.prev,
            row.seq,
            json.loads(row.body),
        )
        for row in rows
    ]


def payload_of(tx: Tx, commitment: str | None) -> Any:
    """Return what stands behind ``commitment``: a mapping for a payload, text for a reason.

    None when there is no commitment, or when the payload was erased.
    """
    return None if commitment is None else payloads_of(tx, [commitment]).get(commitment)


def payloads_of(tx: Tx, commitments: Sequence[str]) -> dict[str, Any]:
    """Return what stands behind each of ``commitments``, in one statement; erased ones are missing."""
    if not commitments:
        return {}
    rows = tx.connection.execute(
        select(RecordPayload.commitment, RecordPayload.payload).where(
            RecordPayload.commitment.in_(list(commitments))
        )
    )
    return {row.commitment: json.loads(row.payload) for row in rows}


def commit(value: Any) -> Commitment:
    """Return a fresh commitment to ``value``: 32 random bytes of salt keep short texts from being guessed."""
    text = canonical(value)
    salt = secrets.token_bytes(32)
    return Commitment(hashlib.sha256(salt + text.encode()).hexdigest(), salt, text)


def idem_key_mark(key: str) -> str:
    """Return how the record names a client's idempotency key: ``sha256:`` and its hash.

    Clients choose keys freely, so a key may say anything; whoever holds the key can find its entry again.
    """
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def _check_actor(by: By) -> None:
    for field, value, fits in (
        ("account_ref", by.account_ref, _is_ref),
        ("function", by.function, _is_key),
        ("org_unit_ref", by.org_unit_ref, _is_ref),
        ("acting_for", by.acting_for, _is_ref),
        ("authority", by.authority, _is_code),
        ("session_ref", by.session_ref, _is_code),
        ("request_id", by.request_id, _is_code),
    ):
        if value is not None and not fits(value):
            raise NotForTheRecord(field)


def _move(move: Moved) -> str:
    if move.kind not in MOVERS or not _is_ref(move.ref):
        raise NotForTheRecord("moves")
    for state in (move.state_from, move.state_to):
        if state is not None and not _is_key(state):
            raise NotForTheRecord("moves")
    if type(move.version_from) is not int or type(move.version_to) is not int:
        raise NotForTheRecord("moves")
    return (
        f'{{"kind":"{move.kind}","ref":"{move.ref}","state_from":{_text(move.state_from)}'
        f',"state_to":{_text(move.state_to)},"version_from":{move.version_from},"version_to":{move.version_to}}}'
    )


def _attachment(mark: AttachmentMark) -> str:
    if (
        not (_is_code(mark.key) and _is_hash(mark.sha256) and _is_mime(mark.mime))
        or type(mark.size) is not int
    ):
        raise NotForTheRecord("attachments")
    return f'{{"key":"{mark.key}","mime":"{mark.mime}","sha256":"{mark.sha256}","size":{mark.size}}}'


def _text(checked: str | None) -> str:
    return "null" if checked is None else f'"{checked}"'


@lru_cache
def _quoted(origin: str) -> str:
    return canonical(origin)
