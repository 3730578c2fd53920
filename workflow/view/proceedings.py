"""What happened to a dossier on its way: remarks, frozen versions, time limits, notices, deeds, the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from dossiers.contents import DOSSIER_FIELDS
from dossiers.decision import Decision
from dossiers.dossier import ClockSpan, DossierVersion, Notice, Remark
from dossiers.people import Account, Person
from storage.record import entries_of
from workflow.history import EntryView, tell
from workflow.inbox import days_left
from workflow.view.reader import Sight
from workflow.words import PAPERS, said

LATEST_DEEDS = 30


@dataclass(frozen=True, slots=True)
class RemarkView:
    """What a reviewer asked to be mended. ``target_label`` says where in words; empty for the whole dossier."""

    ref: str
    round_no: int
    target_kind: str
    target_ref: str | None
    target_label: str
    reason_code: str
    reason_label: str
    body: str
    state: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VersionView:
    """A frozen version: lần gửi, bản quyết định."""

    ref: str
    n: int
    purpose: str
    frozen_at: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class ClockView:
    """A time limit of the dossier."""

    code: str
    label: str
    due_on: date | None
    working_days_left: int | None
    paused: bool
    ended: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeView:
    """Who was told what, and when."""

    name: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DecisionView:
    """The decision on the dossier."""

    ref: str
    state: str
    doc_number: str | None
    issued_on: date | None
    signer: str
    signer_position: str | None


def remarks_of(sight: Sight, names: Mapping[str, str]) -> tuple[RemarkView, ...]:
    """Return the remarks the reader may read; ``names`` are the shown nominees and papers by ref."""
    names = {**{kind: said(label, sight.language) for kind, label in PAPERS.items()}, **names}
    shown = []
    for remark, by in sight.tx.session.execute(
        select(Remark, Person.full_name)
        .outerjoin(Account, Account.id == Remark.written_by)
        .outerjoin(Person, Person.id == Account.person_id)
        .where(Remark.dossier_id == sight.row.id)
        .order_by(Remark.id)
    ):
        if not sight.inner and (remark.state == "draft" or remark.audience != "unit"):
            continue
        label = sight.edition.reason_codes.get(remark.reason_code)
        shown.append(
            RemarkView(
                ref=remark.ref,
                round_no=remark.round_no,
                target_kind=remark.target_kind,
                target_ref=remark.target_ref,
                target_label=_place_of(remark, names, sight.language),
                reason_code=remark.reason_code,
                reason_label=said(label, sight.language) if label else remark.reason_code,
                body=remark.body,
                state=remark.state,
                by=by or "",
                at=remark.written_at,
            )
        )
    return tuple(shown)


def _place_of(remark: Remark, names: Mapping[str, str], language: str) -> str:
    """Return where a remark points, in words; empty for the whole dossier."""
    target = remark.target_ref or ""
    if remark.target_kind == "field":
        return next((one.label(language) for one in DOSSIER_FIELDS if one.key == target), target)
    if remark.target_kind == "criterion":
        nominee, _, code = target.rpartition("/")
        return f"{names[nominee]}, {code}" if nominee in names else code
    return names.get(target, target)


def versions_of(sight: Sight) -> tuple[VersionView, ...]:
    """Return the frozen versions, oldest first."""
    return tuple(
        VersionView(row.ref, row.n, row.purpose, row.frozen_at, row.sha256)
        for row in sight.tx.session.execute(
            select(
                DossierVersion.ref,
                DossierVersion.n,
                DossierVersion.purpose,
                DossierVersion.frozen_at,
                DossierVersion.sha256,
            )
            .where(DossierVersion.dossier_id == sight.row.id)
            .order_by(DossierVersion.n)
        )
    )


def clocks_of(sight: Sight, calendar: Any, today: date) -> tuple[ClockView, ...]:
    """Return the time limits of the dossier, oldest first."""
    limits = sight.edition.dossier.limits
    return tuple(
        ClockView(
            code=span.limit_code,
            label=said(limits[span.limit_code].label, sight.language)
            if span.limit_code in limits
            else span.limit_code,
            due_on=span.due_on,
            working_days_left=days_left(calendar, today, span.due_on),
            paused=span.paused_at is not None and span.ended_at is None,
            ended=span.ended_at is not None,
            started_at=span.started_at,
        )
        for span in sight.tx.session.scalars(
            select(ClockSpan)
            .where(ClockSpan.dossier_id == sight.row.id, ClockSpan.nominee_id.is_(None))
            .order_by(ClockSpan.id)
        )
    )


def notices_of(sight: Sight) -> tuple[NoticeView, ...]:
    """Return who was told what, the newest first."""
    return tuple(
        NoticeView(row.full_name, row.kind, row.created_at)
        for row in sight.tx.session.execute(
            select(Person.full_name, Notice.kind, Notice.created_at)
            .join(Person, Person.id == Notice.person_id)
            .where(Notice.dossier_id == sight.row.id)
            .order_by(Notice.id.desc())
            .limit(LATEST_DEEDS)
        )
    )


def timeline_of(sight: Sight) -> tuple[EntryView, ...]:
    """Return the newest deeds, the newest first."""
    entries = entries_of(
        sight.tx,
        "dossier",
        sight.row.ref,
        after=max(sight.row.chain_length - LATEST_DEEDS, 0),
        limit=LATEST_DEEDS,
    )
    return tuple(reversed(tell(sight.tx, entries, sight.edition, sight.language, inner=sight.inner)))


def decision_of(sight: Sight) -> DecisionView | None:
    """Return the decision that stands, None while there is none."""
    found = sight.tx.session.execute(
        select(Decision, Person.full_name)
        .join(Account, Account.id == Decision.decided_by)
        .join(Person, Person.id == Account.person_id)
        .where(Decision.dossier_id == sight.row.id, Decision.state != "revoked")
    ).first()
    if found is None:
        return None
    decision, name = found
    return DecisionView(
        decision.ref,
        decision.state,
        decision.doc_number,
        decision.issued_on,
        name,
        decision.signer_position,
    )
