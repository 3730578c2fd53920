"""Verification of the whole record from the bytes that are stored, in constant memory.

What it looks at: every entry's hash, every chain's positions and links, the heads in the subjects' rows, what
is committed to, the places in the tree, every root against its checkpoint, every signature, and whether the
entries, replayed, give the states that the rows have. What it cannot know by itself is what the record was
before somebody rewrote all of it: without a checkpoint that was kept elsewhere (``known``) the verdict is NOT
ANCHORED, never OK.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, collate, or_, select, text

from storage.checkpoint import Checkpoint, NoteRefused, parse_note, parse_notes
from storage.record import FIRST_PREV
from storage.record_tables import (
    Installation,
    RecordCheckpoint,
    RecordEntry,
    RecordLeaf,
    RecordPayload,
    RecordQueue,
)
from storage.tree import CompactRange, GrowingTree

if TYPE_CHECKING:
    from storage.database import Tx

AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]

OK = 0
NOT_ANCHORED = 9
ALTERED = 10
GAP = 11
ROOT_DIFFERS = 12
SHORTER = 13
FORK = 14
STATE_DIFFERS = 15
BAD_SIGNATURE = 19

KEPT_FINDINGS = 100
CHUNK = 500  # rows looked at together, so that payloads are fetched by the hundred
ERASED = "erased"
"""The action of the entry that follows a lawful erasure; its payload names the ``commitments`` that are gone.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``seq`` is the entry's place in the tree; None where no place can be named."""

    code: int
    what: str
    seq: int | None = None
    subject: tuple[str, str] | None = None
    position: int | None = None

    def order(self) -> tuple[bool, int, int]:
        """The finding that counts comes first: the smallest place, then the smallest code."""
        return (self.seq is None, self.seq or 0, self.code)

    def line(self) -> str:
        """Return the finding as one line for a terminal."""
        where = "" if self.seq is None else f" seq {self.seq}"
        if self.subject is not None:
            where += f" {self.subject[0]} {self.subject[1]}"
        if self.position is not None:
            where += f" position {self.position}"
        return f"{self.code}{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. ``code`` is the stable exit code of docs/record.md; findings are the first hundred.

    ``waiting`` entries are recorded but have no place yet; ``forgotten`` payloads were erased with an entry
    that says so; ``anchored_size`` is the largest known checkpoint that the record still continues.
    """

    code: int
    findings: tuple[Finding, ...]
    count: int
    entries: int
    size: int
    waiting: int
    checkpoints: int
    signed_size: int
    forgotten: int
    anchored_size: int | None

    @property
    def first(self) -> Finding | None:
        """The finding that decides the code; None when nothing is wrong."""
        return self.findings[0] if self.findings else None

    def lines(self) -> list[str]:
        """Return the verdict for a terminal, the deciding finding first."""
        said = [finding.line() for finding in self.findings]
        if self.count > len(self.findings):
            said.append(f"… and {self.count - len(self.findings)} more")
        said.append(
            f"{self.entries} entries, {self.size} in the tree, {self.waiting} waiting for their place,"
            f" {self.checkpoints} checkpoints, signed up to {self.signed_size},"
            f" {self.forgotten} payloads lawfully erased"
        )
        if self.anchored_size is not None:
            said.append(f"continues the known checkpoint of size {self.anchored_size}")
        else:
            said.append(
                "NOT ANCHORED: no checkpoint kept outside was compared; who can write to the database and use"
                " the signing key could have rewritten all of this"
            )
        return said


def verify(
    place: Tx | Connection,
    *,
    public_keys: Sequence[bytes],
    heads: Mapping[str, AnySelect] | None = None,
    states: Mapping[str, AnySelect] | None = None,
    known: Sequence[str] = (),
    since: int | None = None,
) -> Verdict:
    """Return the verdict on the record as one transaction sees it.

    ``place`` must see one snapshot throughout (``database.reading()`` does). ``public_keys``: 32 raw bytes
    each.

    ``heads`` has, for each kind of subject whose rows keep a head, a SELECT of ``(ref, chain_head,
    chain_length)``. ``states`` has, for kinds whose moves are replayed, a SELECT of ``(subject_ref, kind,
    ref, state, version)``: the rows as they are now. ``known`` are signed notes that somebody kept elsewhere,
    one or more in each text.

    ``since``, the size of a stored checkpoint, looks only at what came after it and at the subjects touched
    since; it trusts that checkpoint.

    Raises ``NoteRefused`` for a known text that is no note or holds none.
    """
    connection = place if isinstance(place, Connection) else place.connection
    if connection.dialect.name == "postgresql":
        # A record of years takes longer to read than any page may.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    run = _Run(connection, tuple(public_keys), _Findings(), since or 0)
    kept_elsewhere = [checkpoint for kept in known for checkpoint in _notes(kept)]
    try:
        run.tree(kept_elsewhere)
        run.chains(heads or {}, states or {})
    finally:
        run.close()
    findings = run.found.sorted()
    if findings:
        code = findings[0].code
    else:
        code = NOT_ANCHORED if run.anchored_size is None else OK
    return Verdict(
        code,
        tuple(findings),
        run.found.count,
        run.entries,
        run.size,
        run.waiting,
        run.checkpoints,
        run.signed_size,
        run.forgotten,
        run.anchored_size,
    )


class _Findings:
    """The first hundred findings and the number of all, in constant memory."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self.count = 0

    def add(self, finding: Finding) -> None:
        self.count += 1
        self._kept.append(finding)
        if len(self._kept) > 10 * KEPT_FINDINGS:
            self._kept = self.sorted()

    def sorted(self) -> list[Finding]:
        return sorted(self._kept, key=Finding.order)[:KEPT_FINDINGS]


@dataclass(slots=True)
class _Chain:
    """One subject while its entries go by."""

    kind: str
    ref: str
    complete: bool  # seen from its first entry on
    position: int | None = 0
    hash: str | None = FIRST_PREV
    seq: int | None = -1
    moved: dict[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)
    missing: dict[str, Finding] = field(default_factory=dict)


@dataclass(slots=True)
class _Run:
    connection: Connection
    public_keys: tuple[bytes, ...]
    found: _Findings
    since: int
    entries: int = 0
    size: int = 0
    waiting: int = 0
    checkpoints: int = 0
    signed_size: int = 0
    forgotten: int = 0
    anchored_size: int | None = None
    streams: list[Any] = field(default_factory=list)

    # The tree

    def tree(self, known: Sequence[Checkpoint]) -> None:
        """Walk the leaves once; at each size that a checkpoint speaks of, compare."""
        installation = self.connection.execute(select(Installation.origin, Installation.epoch)).one()
        start, prev = self._start()
        growing = GrowingTree(start)
        stored = _Ahead(self._stored(installation.origin, installation.epoch, start.size, prev))
        outside = _Ahead(iter(self._outside(known, installation.origin)))
        whole = True  # no gap so far: after one, no root means anything
        good = start.size  # the largest size at which a checkpoint agreed

        def compare() -> None:
            nonlocal good
            inside = stored.take_if(growing.size)
            known_here = outside.take_all(growing.size)
            if not whole or (inside is None and not known_here):
                return
            root = growing.root()
            if inside is not None and inside.head.root != root:
                self._doubt(ROOT_DIFFERS, "the tree has not the root that was signed", good, growing.size)
            for checkpoint in known_here:
                if checkpoint.head.root == root:
                    self.anchored_size = growing.size
                elif inside is not None and inside.head.root != checkpoint.head.root:
                    self._doubt(FORK, "two signed roots for one size", good, growing.size)
                else:
                    what = "the tree has not the root of a known checkpoint"
                    self._doubt(ROOT_DIFFERS, what, good, growing.size)
            if all(checkpoint.head.root == root for checkpoint in (inside, *known_here) if checkpoint):
                good = growing.size

        compare()
        for row in self._stream(
            select(RecordLeaf.seq, RecordLeaf.leaf_hash, RecordEntry.body)
            .outerjoin(RecordEntry, RecordEntry.id == RecordLeaf.entry_id)
            .where(RecordLeaf.seq >= start.size)
            .order_by(RecordLeaf.seq)
        ):
            if row.seq != growing.size:
                self.found.add(
                    Finding(GAP, f"place {growing.size} is empty, the next is {row.seq}", growing.size)
                )
                whole = False
                growing.size = row.seq
            if row.body is None:
                self.found.add(Finding(GAP, "the entry of this place is gone", row.seq))
            elif hashlib.sha256(b"\x00" + _bytes(row.body)).hexdigest() != row.leaf_hash:
                self.found.add(Finding(ALTERED, "the entry is not the one that got this place", row.seq))
            if whole:
                growing.add(_digest(row.leaf_hash))
            else:
                growing.size += 1
            compare()
        self.size = growing.size
        for checkpoint in (*stored.rest(), *outside.rest()):
            if checkpoint.head.size > growing.size:  # after a gap, smaller ones are left over as well
                self.found.add(
                    Finding(
                        SHORTER,
                        f"the tree holds {growing.size} entries, a signed checkpoint {checkpoint.head.size}",
                        growing.size,
                    )
                )

    def _doubt(self, code: int, what: str, good: int, size: int) -> None:
        self.found.add(Finding(code, f"{what}; places {good} to {size - 1} are in doubt", size - 1))

    def _start(self) -> tuple[CompactRange, str]:
        """Return where to begin, and what the next checkpoint must name as its predecessor."""
        if not self.since:
            return CompactRange(), "0" * 64
        row = self.connection.execute(
            select(RecordCheckpoint).where(RecordCheckpoint.size == self.since)
        ).first()
        try:
            if row is None:
                raise ValueError("no such checkpoint")
            start = CompactRange.from_text(row.size, row.compact_range)
            checkpoint = parse_note(row.note)
            if start.root() != checkpoint.head.root or checkpoint.head.size != row.size:
                raise ValueError("the range is not that of the signed root")
            if not checkpoint.is_signed_by(self.public_keys):
                raise ValueError("not signed")
        except (ValueError, NoteRefused):
            # Nothing to trust there: look at everything.
            self.since = 0
            return CompactRange(), "0" * 64
        self.signed_size = row.size
        return start, checkpoint.text_hash()

    def _stored(self, origin: str, epoch: int, after: int, prev: str | None) -> Iterator[Checkpoint]:
        """Yield the database's own checkpoints that are what they say, by size; report the others."""
        for row in self._stream(
            select(
                RecordCheckpoint.size,
                RecordCheckpoint.root,
                RecordCheckpoint.compact_range,
                RecordCheckpoint.note,
            )
            .where(RecordCheckpoint.size > after)
            .order_by(RecordCheckpoint.size)
        ):
            self.checkpoints += 1
            last = row.size - 1
            try:
                checkpoint = parse_note(row.note)
            except NoteRefused as refused:
                self.found.add(Finding(BAD_SIGNATURE, f"a checkpoint that is none: {refused}", last))
                prev = None
                continue
            head = checkpoint.head
            if head.origin != origin or not 1 <= head.epoch <= epoch:
                self.found.add(Finding(BAD_SIGNATURE, f"a checkpoint of another record, {head.name}", last))
            elif not checkpoint.is_signed_by(self.public_keys):
                self.found.add(Finding(BAD_SIGNATURE, "a checkpoint that no known key has signed", last))
            else:
                self.signed_size = max(self.signed_size, head.size)
            if prev is not None and checkpoint.prev != prev:
                self.found.add(Finding(GAP, "the checkpoint before this one is not the one it names", last))
            prev = checkpoint.text_hash()
            if (head.size, head.root.hex()) != (row.size, row.root) or not _gives(row, head.root):
                self.found.add(Finding(ROOT_DIFFERS, "a checkpoint's columns are not what was signed", last))
            if head.size == row.size:
                yield checkpoint

    def _outside(self, known: Sequence[Checkpoint], origin: str) -> list[Checkpoint]:
        usable: list[Checkpoint] = []
        for checkpoint in known:
            if checkpoint.head.origin != origin or not checkpoint.is_signed_by(self.public_keys):
                self.found.add(
                    Finding(
                        BAD_SIGNATURE,
                        f"the known checkpoint {checkpoint.head.name} of size {checkpoint.head.size} is not"
                        " signed for this record by a known key",
                    )
                )
            elif checkpoint.head.size >= max(self.since, 1):
                usable.append(checkpoint)
        return sorted(usable, key=lambda checkpoint: checkpoint.head.size)

    # The chains

    def chains(self, heads: Mapping[str, AnySelect], states: Mapping[str, AnySelect]) -> None:
        """Walk the chains of every kind of subject, and beside them the rows that they speak of."""
        kinds = set(self.connection.execute(select(RecordEntry.subject_kind).distinct()).scalars())
        for kind in sorted(kinds | set(heads) | set(states)):
            self._chains_of(kind, heads.get(kind), states.get(kind))

    def _chains_of(self, kind: str, heads: AnySelect | None, states: AnySelect | None) -> None:
        head_rows = _Grouped(self._by_ref(heads), 0) if heads is not None else None
        state_rows = _Grouped(self._by_ref(states), 0) if states is not None else None
        chain: _Chain | None = None
        entries = self._entries(kind)
        while rows := list(islice(entries, CHUNK)):
            contents = [_content(row.body) for row in rows]
            kept = self._payloads(contents)
            for row, content in zip(rows, contents, strict=True):
                if chain is None or chain.ref != row.subject_ref:
                    if chain is not None:
                        self._end(chain, head_rows, state_rows)
                    chain = self._begin(kind, row.subject_ref)
                self._entry(chain, row, content, kept, replayed=states is not None)
        if chain is not None:
            self._end(chain, head_rows, state_rows)
        if not self.since:
            self._without_entries(kind, head_rows, state_rows, None)

    def _begin(self, kind: str, ref: str) -> _Chain:
        if self.since:  # the chain's beginning was verified before; its first entry now is taken at its word
            return _Chain(kind, ref, complete=False, position=None, hash=None, seq=None)
        return _Chain(kind, ref, complete=True)

    def _entry(
        self, chain: _Chain, row: AnyRow, content: dict[str, Any] | None, kept: _Payloads, *, replayed: bool
    ) -> None:
        self.entries += 1
        subject = (chain.kind, chain.ref)

        def wrong(code: int, what: str) -> None:
            self.found.add(Finding(code, what, row.seq, subject, row.position))

        if row.seq is None and row.queued is None:
            wrong(GAP, "the entry neither has a place in the tree nor waits for one")
        elif row.seq is None:
            self.waiting += 1
        elif row.queued is not None:
            wrong(GAP, "the entry has a place in the tree and waits for another")
        if chain.seq is not None and (
            (row.seq is not None and row.seq <= chain.seq) or (row.seq is not None and chain.seq == _WAITS)
        ):
            wrong(GAP, "the entry's place in the tree is before that of its predecessor")
        chain.seq = _WAITS if row.seq is None else row.seq

        if hashlib.sha256(_bytes(row.body)).hexdigest() != row.hash:
            wrong(ALTERED, "the entry is not what its hash says")
        if chain.position is not None and row.position != chain.position + 1:
            wrong(GAP, f"position {row.position} follows position {chain.position}")
        misplaced = content is not None and (
            content.get("subject") != {"kind": chain.kind, "ref": chain.ref}
            or content.get("position") != row.position
        )
        if misplaced:
            wrong(GAP, "the entry stands in another place than it says")
        elif chain.hash is not None and row.prev != chain.hash:
            wrong(ALTERED, "the entry names another predecessor than the one before it")
        chain.position, chain.hash = row.position, row.hash
        if content is None:
            wrong(ALTERED, "the entry is no JSON object")
            return
        if (content.get("prev"), content.get("event_id"), content.get("origin"), content.get("epoch")) != (
            row.prev,
            row.event_id,
            row.origin,
            row.epoch,
        ):
            wrong(ALTERED, "the columns beside the entry do not say what it says")
        try:
            self._commitments(chain, row, content, kept)
            if replayed:
                self._moves(chain, row, content)
        except (KeyError, TypeError, AttributeError):  # somebody else's JSON in the place of ours
            wrong(ALTERED, "the entry has not the form of an entry")

    def _moves(self, chain: _Chain, row: AnyRow, content: dict[str, Any]) -> None:
        for move in content.get("moves") or ():
            key = (move["kind"], move["ref"])
            now = (move["version_to"], move["state_to"])
            before = chain.moved.get(key)
            if before is None:
                fits = not chain.complete or move["version_from"] == 0
            else:
                fits = before == (move["version_from"], move["state_from"])
            if not fits:
                self.found.add(
                    Finding(
                        STATE_DIFFERS,
                        f"{key[0]} {key[1]} moves from where it was not",
                        row.seq,
                        (chain.kind, chain.ref),
                        row.position,
                    )
                )
            chain.moved[key] = now

    def _commitments(self, chain: _Chain, row: AnyRow, content: dict[str, Any], kept: _Payloads) -> None:
        subject = (chain.kind, chain.ref)
        for name in ("payload_commit", "reason_commit"):
            commitment = content.get(name)
            if commitment is None:
                continue
            payload = kept.get(commitment)
            if payload is None:
                chain.missing[commitment] = Finding(
                    ALTERED, f"what {name} commits to is gone", row.seq, subject, row.position
                )
            elif hashlib.sha256(payload[0] + payload[1].encode()).hexdigest() != commitment:
                self.found.add(
                    Finding(ALTERED, f"what {name} commits to was changed", row.seq, subject, row.position)
                )
            elif name == "payload_commit" and content.get("action") == ERASED:
                for gone in json.loads(payload[1]).get("commitments", ()):
                    if chain.missing.pop(gone, None) is not None:
                        self.forgotten += 1

    def _end(self, chain: _Chain, head_rows: _Grouped | None, state_rows: _Grouped | None) -> None:
        for finding in chain.missing.values():
            self.found.add(finding)
        subject = (chain.kind, chain.ref)
        self._without_entries(chain.kind, head_rows, state_rows, chain.ref)
        if head_rows is not None:
            head = next(iter(head_rows.take(chain.ref)), None)
            if head is None:
                self.found.add(
                    Finding(STATE_DIFFERS, "the row that the entries speak of is gone", None, subject)
                )
            elif head[2] > (chain.position or 0):
                self.found.add(
                    Finding(
                        GAP, f"the row counts {head[2]} entries, there are {chain.position}", None, subject
                    )
                )
            elif (head[1], head[2]) != (chain.hash, chain.position):
                self.found.add(
                    Finding(STATE_DIFFERS, "the row's head is not the end of its chain", None, subject)
                )
        if state_rows is not None:
            for _, kind, ref, state, version in state_rows.take(chain.ref):
                said = chain.moved.pop((kind, ref), None)
                if said != (version, state) and (said is not None or chain.complete):
                    self.found.add(
                        Finding(
                            STATE_DIFFERS,
                            f"{kind} {ref} is {state} in version {version}, the record says {_said(said)}",
                            None,
                            subject,
                        )
                    )
            for (kind, ref), (version, last) in chain.moved.items():
                if last is not None:
                    self.found.add(
                        Finding(
                            STATE_DIFFERS,
                            f"{kind} {ref} is gone, the record says {_said((version, last))}",
                            None,
                            subject,
                        )
                    )

    def _without_entries(
        self, kind: str, head_rows: _Grouped | None, state_rows: _Grouped | None, before: str | None
    ) -> None:
        """Report rows of subjects that come before ``before`` (None: all that are left) and have no entry."""
        if head_rows is not None:
            for ref, _, length in head_rows.skip_to(before):
                if length and not self.since:
                    self.found.add(
                        Finding(GAP, f"the row counts {length} entries, there is none", None, (kind, ref))
                    )
        if state_rows is not None:
            for subject_ref, moved, ref, state, version in state_rows.skip_to(before):
                if not self.since:
                    self.found.add(
                        Finding(
                            STATE_DIFFERS,
                            f"{moved} {ref} is {state} in version {version}, the record knows nothing of it",
                            None,
                            (kind, subject_ref),
                        )
                    )

    # Reading

    def _entries(self, kind: str) -> Iterator[AnyRow]:
        ref = self._bytewise(RecordEntry.subject_ref)
        statement = (
            select(
                RecordEntry.origin,
                RecordEntry.epoch,
                RecordEntry.subject_ref,
                RecordEntry.position,
                RecordEntry.event_id,
                RecordEntry.body,
                RecordEntry.hash,
                RecordEntry.prev,
                RecordLeaf.seq,
                RecordQueue.entry_id.label("queued"),
            )
            .outerjoin(RecordLeaf, RecordLeaf.entry_id == RecordEntry.id)
            .outerjoin(RecordQueue, RecordQueue.entry_id == RecordEntry.id)
            .where(RecordEntry.subject_kind == kind)
            .order_by(ref, RecordEntry.position)
        )
        if self.since:
            statement = statement.where(or_(RecordLeaf.seq.is_(None), RecordLeaf.seq >= self.since))
        return self._stream(statement)

    def _payloads(self, contents: Iterable[dict[str, Any] | None]) -> _Payloads:
        wanted = {
            content[name]
            for content in contents
            if content is not None
            for name in ("payload_commit", "reason_commit")
            if isinstance(content.get(name), str)
        }
        if not wanted:
            return {}
        rows = self.connection.execute(
            select(RecordPayload.commitment, RecordPayload.salt, RecordPayload.payload).where(
                RecordPayload.commitment.in_(sorted(wanted))
            )
        )
        return {row.commitment: (row.salt, row.payload) for row in rows}

    def _by_ref(self, statement: AnySelect) -> Iterator[AnyRow]:
        rows = statement.order_by(None).subquery()
        return self._stream(select(rows).order_by(self._bytewise(next(iter(rows.c)))))

    def _bytewise(self, column: Any) -> ColumnElement[str]:
        """Order like Python compares, so that streams can be walked side by side."""
        return collate(column, "C") if self.connection.dialect.name == "postgresql" else column

    def _stream(self, statement: AnySelect) -> Iterator[AnyRow]:
        rows = self.connection.execute(
            statement, execution_options={"stream_results": True, "yield_per": 1000}
        )
        self.streams.append(rows)
        return iter(rows)

    def close(self) -> None:
        """Close the streams that were not read to their end."""
        for stream in self.streams:
            stream.close()


_WAITS = 1 << 62  # stands for the place of an entry that still waits for one: behind all others

_Payloads = dict[str, tuple[bytes, str]]


class _Ahead:
    """Checkpoints in the order of their sizes, taken when the tree has grown so far."""

    def __init__(self, checkpoints: Iterator[Checkpoint]) -> None:
        self._checkpoints = checkpoints
        self._next = next(checkpoints, None)

    def take_if(self, size: int) -> Checkpoint | None:
        """Take the next one when it is of ``size``."""
        taken = self._next
        if taken is None or taken.head.size != size:
            return None
        self._next = next(self._checkpoints, None)
        return taken

    def take_all(self, size: int) -> list[Checkpoint]:
        """Take every one of ``size``."""
        taken: list[Checkpoint] = []
        while (checkpoint := self.take_if(size)) is not None:
            taken.append(checkpoint)
        return taken

    def rest(self) -> Iterator[Checkpoint]:
        """Take those that are left."""
        if self._next is not None:
            yield self._next
            yield from self._checkpoints


class _Grouped:
    """Rows in the order of one of their columns, taken group by group while another stream goes by."""

    def __init__(self, rows: Iterator[AnyRow], key: int) -> None:
        self._rows = rows
        self._key = key
        self._next = next(rows, None)

    def skip_to(self, value: str | None) -> Iterator[AnyRow]:
        """Yield the rows before ``value``; all that are left when it is None."""
        while self._next is not None and (value is None or self._next[self._key] < value):
            row, self._next = self._next, next(self._rows, None)
            yield row

    def take(self, value: str) -> Iterator[AnyRow]:
        """Yield the rows of ``value``."""
        while self._next is not None and self._next[self._key] == value:
            row, self._next = self._next, next(self._rows, None)
            yield row


def _notes(kept: str) -> list[Checkpoint]:
    found = parse_notes(kept)
    if not found:
        raise NoteRefused("no checkpoint in it")
    return found


def _bytes(stored: Any) -> bytes:
    return stored.encode() if isinstance(stored, str) else b""  # SQLite would keep a number or a blob as well


def _content(body: str) -> dict[str, Any] | None:
    try:
        content = json.loads(_bytes(body))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _digest(hexadecimal: str) -> bytes:
    try:
        digest = bytes.fromhex(hexadecimal)
    except ValueError:
        digest = b""
    return digest if len(digest) == 32 else bytes(32)  # no hash at all: the root will differ, as it must


def _gives(row: AnyRow, root: bytes) -> bool:
    try:
        return CompactRange.from_text(row.size, row.compact_range).root() == root
    except ValueError:
        return False


def _said(moved: tuple[int, str | None] | None) -> str:
    return "nothing of it" if moved is None else f"{moved[1]} in version {moved[0]}"
