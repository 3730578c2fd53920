"""Papers: take a file into a dossier, give it out verified, take it out of the current set. Bytes first,
row second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import BinaryIO

from sqlalchemy import func, select

from dossiers.attachment import PAPER_KINDS, Attachment, AttachmentUse, AttachmentVersion
from dossiers.configuration import Criterion
from dossiers.days import local_day
from dossiers.dossier import Dossier
from dossiers.file_types import ALLOWED, SNIFFED_BYTES, media_type_of, safe_name
from dossiers.functions import UNIT_FUNCTIONS
from dossiers.nominee import Nominee
from dossiers.refusals import Conflict, Forbidden, Invalid, Missing, Unavailable
from storage.blob import Blob
from storage.database import Database, Tx
from storage.files import FileDamaged, FileMissing, Files, FileTooBig, Stored, StoreUnavailable
from storage.idempotency import is_known
from storage.record import AttachmentMark
from workflow.actor import Actor
from workflow.engine import NO_DOSSIER, Deed, lock, look, write
from workflow.meanwhile import require_version
from workflow.permissions import require_proposer, sees_office, sight_of
from workflow.repeat import repeated_answer, version_once

# Papers that the offices add while it is their turn; the unit supplies the others.
OFFICE_KINDS = frozenset(
    {"meeting_minutes", "appraisal_sheet", "return_notice", "supplement_notice", "decision"}
)
# What the offices write for themselves: the unit reads the notices and the decision.
INNER_KINDS = frozenset({"meeting_minutes", "appraisal_sheet"})
UNIT_KINDS = tuple(kind for kind in PAPER_KINDS if kind not in OFFICE_KINDS)
PAPERS_AT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class AttachmentKey:
    """A paper just taken in: its ref, its version number, and the dossier's new version."""

    ref: str
    version_ref: str
    n: int
    sha256: str
    size: int
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file to hand out. ``chunks`` never ends cleanly unless size and SHA-256 held."""

    name: str
    media_type: str
    size: int
    sha256: str
    chunks: Iterator[bytes]


class _Sniffed:
    """A stream that gives back the bytes already read to find out what it is."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if self._head:
            given, self._head = self._head[:size], self._head[size:]
            return given
        return self._rest.read(size)


def attach(
    database: Database,
    files: Files,
    actor: Actor,
    dossier_ref: str,
    *,
    kind: str,
    name: str,
    stream: BinaryIO,
    size_limit: int,
    dossier_limit: int,
    seen_version: int | None = None,
    nominee_refs: Sequence[str] = (),
    criterion_code: str | None = None,
    replaces: str | None = None,
    idem_key: str | None = None,
) -> AttachmentKey:
    """Take one file into a dossier, as a new paper or as the next version of the paper ``replaces``.

    ``size_limit`` bytes for this file, ``dossier_limit`` for all current papers together. ``seen_version``
    None
    means that the person added a paper without looking at the rest: nothing of others can be overwritten by
    that.
    Raises ``Missing``, ``Forbidden``, ``Conflict`` (not the time for it), ``Invalid`` (empty, too big, a
    type not
    taken, unknown kind or nominee), ``Unavailable`` when the store does not answer. No refusal leaves a row.
    """
    with database.reading() as tx:
        # A repetition is answered as the first time, whatever the dossier has become since.
        if idem_key is None or not is_known(tx, actor.account_id, idem_key):
            _check_before_bytes(tx, actor, dossier_ref, kind, nominee_refs, replaces)
    head = stream.read(SNIFFED_BYTES)
    if not head:
        raise Invalid("file_empty", field="file")
    media_type = media_type_of(head)
    if media_type not in ALLOWED:
        raise Invalid("file_type", field="file", found=media_type)
    try:
        stored = files.put(_Sniffed(head, stream), media_type=media_type, limit=size_limit)
    except FileTooBig:
        raise Invalid("file_too_big", field="file", limit=size_limit) from None
    except StoreUnavailable:
        raise Unavailable("store_unavailable", field="file") from None
    request = {
        "deed": "attach",
        "dossier": dossier_ref,
        "seen": seen_version,
        "kind": kind,
        "name": safe_name(name),
        "sha256": stored.sha256,
        "nominees": list(nominee_refs),
        "criterion": criterion_code,
        "replaces": replaces,
    }
    with database.writing() as tx:
        # The bytes of a repetition are an orphan and swept; the row and the answer are those of the first time.
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return AttachmentKey(**repeated.stored)
        deed = lock(tx, actor, dossier_ref, idem_key=idem_key)
        _require_paper_right(deed, kind, nominee_refs, replaces)
        if seen_version is not None:
            require_version(deed, seen_version)
        key = _keep(
            deed,
            stored,
            media_type,
            kind,
            safe_name(name),
            dossier_limit,
            nominee_refs,
            criterion_code,
            replaces,
        )
        repeated.settle(asdict(key))
        return key


def _check_before_bytes(
    tx: Tx, actor: Actor, dossier_ref: str, kind: str, nominee_refs: Sequence[str], replaces: str | None
) -> None:
    """Refuse strangers and wrong moments before a byte is read; asked again under the lock."""
    _require_paper_right(look(tx, actor, dossier_ref), kind, nominee_refs, replaces)


def _require_paper_right(
    deed: Deed, kind: str, nominee_refs: Sequence[str] = (), touched: str | None = None
) -> None:
    """Refuse a paper that is not this person's to add, replace or take out (``touched`` is its ref) now."""
    if kind not in PAPER_KINDS:
        raise Invalid("paper_kind_unknown", field="kind")
    if kind in OFFICE_KINDS:
        _require_desk(deed)
        if touched is not None and _supplier(deed, touched) != (deed.actor and deed.actor.account_id):
            raise Forbidden("paper_of_another")
        return
    deed.place = require_proposer(deed.standing)
    state = deed.edition.dossier.states[deed.row.state]
    if state.editable or _opened_by_itself(deed, kind, nominee_refs):
        return
    raise Conflict("not_editable_now", state=deed.row.state)


def _require_desk(deed: Deed) -> None:
    """Whoever may act for an office from this state may add the office's papers."""
    state = deed.row.state
    functions = {
        function
        for action in deed.edition.dossier.actions.values()
        for function in action.performers_in(state)
        if function not in UNIT_FUNCTIONS and function in deed.standing.places
    }
    if deed.row.waiting_function is None or not functions:
        raise Forbidden("paper_not_your_turn")
    for function in sorted(functions, key=lambda one: one != deed.row.waiting_function):
        if deed.standing.may_serve(function):
            deed.place = deed.standing.places[function]
            return
    raise Forbidden("duties_conflict")


def may_add_office_papers(deed: Deed) -> bool:
    """Tell whether this person may add an office's paper now."""
    try:
        _require_desk(deed)
    except Forbidden:
        return False
    return True


def _opened_by_itself(deed: Deed, kind: str, nominee_refs: Sequence[str]) -> bool:
    """Tell whether the unit may add this paper although the dossier is with an office.

    The signed request to withdraw goes wherever the dossier is; a nominee returned by itself takes its papers.
    """
    if deed.edition.dossier.states[deed.row.state].final:
        return False
    if kind == "withdrawal_request" and deed.row.submissions:
        return True
    if not nominee_refs:
        return False
    states = deed.tx.session.scalars(
        select(Nominee.state).where(Nominee.dossier_id == deed.row.id, Nominee.ref.in_(nominee_refs))
    ).all()
    known = deed.edition.nominee.states
    return len(states) == len(set(nominee_refs)) and all(known[one].editable for one in states)


def _supplier(deed: Deed, paper_ref: str) -> int | None:
    return deed.tx.session.scalar(
        select(AttachmentVersion.supplied_by)
        .join(Attachment, Attachment.id == AttachmentVersion.attachment_id)
        .where(Attachment.ref == paper_ref, Attachment.dossier_id == deed.row.id, AttachmentVersion.n == 1)
    )


def _keep(
    deed: Deed,
    stored: Stored,
    media_type: str,
    kind: str,
    name: str,
    dossier_limit: int,
    nominee_refs: Sequence[str],
    criterion_code: str | None,
    replaces: str | None,
) -> AttachmentKey:
    session = deed.tx.session
    held, count = session.execute(
        select(func.coalesce(func.sum(Blob.size), 0), func.count())
        .select_from(AttachmentVersion)
        .join(Attachment, Attachment.id == AttachmentVersion.attachment_id)
        .join(Blob, Blob.id == AttachmentVersion.blob_id)
        .where(Attachment.dossier_id == deed.row.id, Attachment.withdrawn_at.is_(None))
    ).one()
    if int(held) + stored.size > dossier_limit:
        raise Invalid("dossier_too_big", field="file", limit=dossier_limit)
    if count >= PAPERS_AT_MOST:
        raise Conflict("too_many_papers", limit=PAPERS_AT_MOST)
    blob = Blob(
        key=stored.key,
        sha256=stored.sha256,
        size=stored.size,
        media_type=media_type,
        scan_state="off",
        created_at=deed.now,
    )
    session.add(blob)
    if replaces is None:
        paper = Attachment(dossier_id=deed.row.id, kind=kind)
        session.add(paper)
    else:
        paper = _paper(deed, replaces)
        if paper.kind != kind:
            raise Invalid("paper_kind_differs", field="kind")
        paper.version += 1
    session.flush()  # the version needs both ids
    n = (
        session.scalar(
            select(func.max(AttachmentVersion.n)).where(AttachmentVersion.attachment_id == paper.id)
        )
        or 0
    ) + 1
    version = AttachmentVersion(
        attachment_id=paper.id,
        n=n,
        blob_id=blob.id,
        name=name,
        supplied_by=deed.actor.account_id if deed.actor else None,
        supplied_at=deed.now,
    )
    session.add(version)
    if replaces is None:
        _serve(deed, paper, nominee_refs, criterion_code)
    session.flush()
    deed.action = "paper_attached" if replaces is None else "paper_replaced"
    deed.attachments.append(AttachmentMark(blob.key, blob.sha256, blob.size, blob.media_type))
    deed.payload.update({"paper": paper.ref, "kind": kind, "n": n, "name": name})
    if nominee_refs and replaces is None:
        deed.payload["serves"] = {"nominees": list(nominee_refs), "criterion": criterion_code}
    return AttachmentKey(paper.ref, version.ref, n, stored.sha256, stored.size, name, write(deed))


def _paper(deed: Deed, ref: str) -> Attachment:
    paper = deed.tx.session.scalar(
        select(Attachment).where(
            Attachment.ref == ref, Attachment.dossier_id == deed.row.id, Attachment.withdrawn_at.is_(None)
        )
    )
    if paper is None:
        raise Missing("not_found")
    return paper


def _serve(deed: Deed, paper: Attachment, nominee_refs: Sequence[str], criterion_code: str | None) -> None:
    session = deed.tx.session
    for ref in dict.fromkeys(nominee_refs):
        nominee = session.scalar(select(Nominee).where(Nominee.ref == ref, Nominee.dossier_id == deed.row.id))
        if nominee is None:
            raise Invalid("nominee_unknown", field="nominees")
        criterion_id = None
        if criterion_code:
            criterion_id = session.scalar(
                select(Criterion.id).where(
                    Criterion.class_id == nominee.class_id, Criterion.code == criterion_code
                )
            )
            if criterion_id is None:
                raise Invalid("criterion_unknown", field="criterion")
        session.add(AttachmentUse(attachment_id=paper.id, nominee_id=nominee.id, criterion_id=criterion_id))


def withdraw_attachment(
    database: Database, actor: Actor, attachment_ref: str, *, seen_version: int, idem_key: str | None = None
) -> int:
    """Take a paper out of the current set; its versions and the record stay. Return the dossier's new
    version.
    """

    def change() -> int:
        found = tx.session.execute(
            select(Attachment, Dossier.ref)
            .join(Dossier, Dossier.id == Attachment.dossier_id)
            .where(Attachment.ref == attachment_ref)
        ).first()
        # A paper that does not exist is refused by the same way as a foreign one.
        deed = lock(tx, actor, found.ref if found else NO_DOSSIER)
        assert found is not None  # no dossier has that ref
        paper = found.Attachment
        _require_paper_right(deed, paper.kind, touched=paper.ref)
        require_version(deed, seen_version)
        if paper.withdrawn_at is not None:
            raise Conflict("paper_withdrawn_already")
        paper.withdrawn_at = deed.now
        paper.version += 1
        deed.action, deed.idem_key = "paper_withdrawn", idem_key
        deed.payload.update({"paper": paper.ref, "kind": paper.kind})
        deed.tx.session.flush()
        return write(deed)

    request = {"deed": "withdraw_attachment", "paper": attachment_ref, "seen": seen_version}
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def open_attachment(database: Database, files: Files, actor: Actor, version_ref: str) -> OpenFile:
    """Open one version of a paper for reading, verified against its hash while it streams.

    Raises ``Missing`` for a paper the actor may not know of, ``Conflict`` (``file_damaged``) when the store
    holds other bytes than were stored, ``Unavailable`` when it does not answer.
    """
    with database.reading() as tx:
        row = tx.connection.execute(
            select(
                AttachmentVersion.name,
                Attachment.kind,
                Dossier.ref,
                Blob.key,
                Blob.sha256,
                Blob.size,
                Blob.media_type,
                Blob.scan_state,
            )
            .join(Attachment, Attachment.id == AttachmentVersion.attachment_id)
            .join(Blob, Blob.id == AttachmentVersion.blob_id)
            .join(Dossier, Dossier.id == Attachment.dossier_id)
            .where(AttachmentVersion.ref == version_ref, sight_of(tx, actor, local_day(tx.now)).covers())
        ).first()
        inner = row is not None and row.kind in INNER_KINDS
        if row is None or (inner and not sees_office(actor, look(tx, actor, row.ref).standing)):
            raise Missing("not_found")
    if row.scan_state in ("pending", "infected"):
        raise Conflict(f"file_scan_{row.scan_state}")
    try:
        reader = files.open_verified(row.key, sha256=row.sha256, size=row.size)
    except (FileDamaged, FileMissing):
        raise Conflict("file_damaged") from None
    except StoreUnavailable:
        raise Unavailable("store_unavailable") from None
    return OpenFile(row.name, row.media_type, row.size, row.sha256, iter(reader))
