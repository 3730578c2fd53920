"""The papers of a dossier: which a reader sees, which are missing, and which they may add."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from dossiers.attachment import Attachment, AttachmentUse, AttachmentVersion
from dossiers.configuration import Criterion
from dossiers.nominee import Nominee
from dossiers.people import Account, Person
from storage.blob import Blob
from workflow.attach import INNER_KINDS, OFFICE_KINDS, UNIT_KINDS, may_add_office_papers
from workflow.view.reader import Sight
from workflow.words import PAPERS, said


@dataclass(frozen=True, slots=True)
class FileView:
    """One version of a paper."""

    ref: str
    n: int
    name: str
    size: int
    sha256: str
    media_type: str
    supplied_by: str
    supplied_at: datetime
    scan_state: str


@dataclass(frozen=True, slots=True)
class PaperView:
    """One paper with all its versions, the newest first, and whom it serves."""

    ref: str
    kind: str
    kind_label: str
    nominees: tuple[tuple[str, str], ...]
    criteria: tuple[str, ...]
    versions: tuple[FileView, ...]
    removable: bool


def papers_of(sight: Sight) -> tuple[PaperView, ...]:
    """Return the papers the reader may see, oldest first."""
    session = sight.tx.session
    rows = session.execute(
        select(
            Attachment.id,
            Attachment.ref.label("paper_ref"),
            Attachment.kind,
            Attachment.withdrawn_at,
            AttachmentVersion.ref,
            AttachmentVersion.n,
            AttachmentVersion.name,
            AttachmentVersion.supplied_at,
            Blob.size,
            Blob.sha256,
            Blob.media_type,
            Blob.scan_state,
            Person.full_name,
        )
        .join(AttachmentVersion, AttachmentVersion.attachment_id == Attachment.id)
        .join(Blob, Blob.id == AttachmentVersion.blob_id)
        .outerjoin(Account, Account.id == AttachmentVersion.supplied_by)
        .outerjoin(Person, Person.id == Account.person_id)
        .where(Attachment.dossier_id == sight.row.id)
        .order_by(Attachment.id, AttachmentVersion.n.desc())
    ).all()
    sent = None
    if sight.manifest is not None:
        sent = {one["version_ref"] for one in sight.manifest["papers"]}
    serves: dict[str, list[tuple[str, str, str | None]]] = {}
    for paper_ref, ref, name, code in session.execute(
        select(Attachment.ref, Nominee.ref, Nominee.name, Criterion.code)
        .join(AttachmentUse, AttachmentUse.attachment_id == Attachment.id)
        .join(Nominee, Nominee.id == AttachmentUse.nominee_id)
        .outerjoin(Criterion, Criterion.id == AttachmentUse.criterion_id)
        .where(Nominee.dossier_id == sight.row.id)
        .order_by(AttachmentUse.id)
    ):
        serves.setdefault(paper_ref, []).append((ref, name, code))
    if sight.manifest is not None:
        names = {one.ref: one.name for one in sight.facts.nominees}
        serves.update(
            {
                one["ref"]: [(ref, names[ref], code) for ref, code in one["serves"] if ref in names]
                for one in sight.manifest["papers"]
            }
        )
    grouped: dict[int, list[Any]] = {}
    for row in rows:
        if row.kind in INNER_KINDS and not sight.inner:
            continue
        if sent is None or row.kind in OFFICE_KINDS:
            shown = row.withdrawn_at is None
        else:
            shown = row.ref in sent  # also what the unit has taken out or replaced since
        if not shown:
            continue
        grouped.setdefault(row.id, []).append(row)
    editable = sight.state.editable and sight.ours
    return tuple(
        PaperView(
            ref=versions[0].paper_ref,
            kind=versions[0].kind,
            kind_label=said(PAPERS[versions[0].kind], sight.language),
            nominees=tuple(
                dict.fromkeys((ref, name) for ref, name, _ in serves.get(versions[0].paper_ref, ()))
            ),
            criteria=tuple(
                dict.fromkeys(code for _, _, code in serves.get(versions[0].paper_ref, ()) if code)
            ),
            versions=tuple(
                FileView(
                    one.ref,
                    one.n,
                    one.name,
                    one.size,
                    one.sha256,
                    one.media_type,
                    one.full_name or "",
                    one.supplied_at,
                    one.scan_state,
                )
                for one in versions
            ),
            removable=editable and versions[0].kind not in OFFICE_KINDS,
        )
        for versions in grouped.values()
    )


def paper_kinds_of(sight: Sight, editable: bool) -> tuple[tuple[str, str], ...]:
    """Return the kinds of papers that the reader may add now."""
    kinds: list[str] = list(UNIT_KINDS) if editable else []
    if may_add_office_papers(sight.deed):
        kinds.extend(sorted(OFFICE_KINDS))
    if not editable and sight.ours and sight.may_write and sight.row.submissions and not sight.state.final:
        kinds.append("withdrawal_request")
    return tuple((kind, said(PAPERS[kind], sight.language)) for kind in kinds)
