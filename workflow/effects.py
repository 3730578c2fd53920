"""What an action causes: each effect an edition may name, carried out inside the deed's transaction.

What leaves the transaction (telling people) is a promise in the outbox; `workflow.worker` keeps it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from dossiers.attachment import Attachment, AttachmentUse, AttachmentVersion
from dossiers.award_round import QuotaPool, QuotaUse
from dossiers.conditions import PASSED
from dossiers.configuration import AwardForm, Criterion, NomineeClass
from dossiers.days import local_day
from dossiers.decision import Decision, NumberRegister
from dossiers.dossier import DossierVersion, Revision
from dossiers.nominee import CriterionAnswer, Nominee
from dossiers.refusals import Conflict, Invalid
from storage.blob import Blob
from storage.database import POSTGRESQL, SQLITE
from storage.record import AttachmentMark, Head, append
from workflow.configured import regime_on
from workflow.engine import Deed
from workflow.facts import DossierFacts
from workflow.outgoing import Promise

DECISION_SERIES = "QĐ"
DECISION_SYMBOL = "QĐ-UBND"
_ONE_A_YEAR = ["body_id", "series", "year"]
_OPEN_REGISTER = {
    SQLITE: sqlite.insert(NumberRegister).on_conflict_do_nothing(index_elements=_ONE_A_YEAR),
    POSTGRESQL: postgresql.insert(NumberRegister).on_conflict_do_nothing(index_elements=_ONE_A_YEAR),
}


@dataclass(slots=True)
class Consequence:
    """What an effect may need beside the deed: the facts before the move, the typed fields, the nominee
    acted on.
    """

    facts: DossierFacts
    fields: Mapping[str, Any]
    nominee: Nominee | None = None
    papers: dict[str, AttachmentVersion] = field(default_factory=dict)


def start_regime(deed: Deed, _: Consequence) -> None:
    """Freeze the legal regime on the day the complete dossier was received; later receipts keep the first."""
    if deed.row.regime_id is None:
        deed.changes["complete_on"] = deed.today
        deed.changes["regime_id"] = regime_on(deed.tx, deed.today)


def count_submission(deed: Deed, _: Consequence) -> None:
    """Count the sending; the first one's moment decides whether the dossier is late."""
    deed.changes["submissions"] = deed.row.submissions + 1
    deed.changes["resubmission_unlocked"] = False
    if deed.row.submitted_at is None:
        deed.changes["submitted_at"] = deed.now
        deed.changes["late"] = deed.now.replace(microsecond=0) > deed.row.closes_at


def unlock_resubmission(deed: Deed, _: Consequence) -> None:
    """Allow one sending beyond the limit."""
    deed.changes["resubmission_unlocked"] = True


def set_hold(deed: Deed, given: Consequence) -> None:
    """Suspend consideration of the dossier, or of the one nominee acted on."""
    if given.nominee is not None:
        given.nominee.on_hold = True
    else:
        deed.changes["on_hold"] = True


def clear_hold(deed: Deed, given: Consequence) -> None:
    """Take the suspension away."""
    if given.nominee is not None:
        given.nominee.on_hold = False
    else:
        deed.changes["on_hold"] = False


def freeze_version_submit(deed: Deed, given: Consequence) -> None:
    """Freeze what the unit sends."""
    freeze(deed, "submit")


def freeze_version_decision(deed: Deed, given: Consequence) -> None:
    """Freeze exactly what the decider saw."""
    freeze(deed, "decision")


def freeze(deed: Deed, purpose: str) -> DossierVersion:
    """Write the next immutable version of the dossier: a manifest of every revision, answer and paper by
    hash.
    """
    session = deed.tx.session
    session.flush()
    dossier_id = deed.row.id
    n = (
        session.scalar(select(func.max(DossierVersion.n)).where(DossierVersion.dossier_id == dossier_id)) or 0
    ) + 1
    manifest = {
        "dossier": {
            "ref": deed.row.ref,
            "code": deed.row.code,
            "version": deed.row.version + 1,
            **_revision_mark(deed, deed.value("revision_id")),
        },
        "nominees": _nominees_manifest(deed),
        "papers": _papers_manifest(deed),
    }
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    version = DossierVersion(
        dossier_id=dossier_id,
        n=n,
        purpose=purpose,
        manifest=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        frozen_at=deed.now,
    )
    session.add(version)
    session.flush()  # a decision points to version.id
    deed.dossier_version = n
    deed.payload["dossier_version"] = {"n": n, "purpose": purpose, "sha256": version.sha256}
    return version


def _revision_mark(deed: Deed, revision_id: int | None) -> dict[str, Any]:
    if revision_id is None:
        return {"revision": None}
    row = deed.tx.session.execute(
        select(Revision.n, Revision.commitment).where(Revision.id == revision_id)
    ).one()
    return {"revision": row.n, "commitment": row.commitment}


def _nominees_manifest(deed: Deed) -> list[dict[str, Any]]:
    session = deed.tx.session
    answers: dict[int, dict[str, Any]] = {}
    for nominee_id, code, answer in session.execute(
        select(CriterionAnswer.nominee_id, Criterion.code, CriterionAnswer)
        .join(Criterion, Criterion.id == CriterionAnswer.criterion_id)
        .join(Nominee, Nominee.id == CriterionAnswer.nominee_id)
        .where(Nominee.dossier_id == deed.row.id)
    ):
        answers.setdefault(nominee_id, {})[code] = answer.version
    rows = session.execute(
        select(
            Nominee.id,
            Nominee.ref,
            Nominee.ordinal,
            Nominee.state,
            NomineeClass.code.label("class_code"),
            AwardForm.code.label("award_form"),
            Revision.n.label("revision"),
            Revision.commitment,
        )
        .join(NomineeClass, NomineeClass.id == Nominee.class_id)
        .outerjoin(AwardForm, AwardForm.id == Nominee.award_form_id)
        .outerjoin(Revision, Revision.id == Nominee.revision_id)
        .where(Nominee.dossier_id == deed.row.id)
        .order_by(Nominee.ordinal)
    )
    return [
        {
            "ref": row.ref,
            "ordinal": row.ordinal,
            "state": row.state,
            "class": row.class_code,
            "award_form": row.award_form,
            "revision": row.revision,
            "commitment": row.commitment,
            "answers": answers.get(row.id, {}),
        }
        for row in rows
    ]


def _papers_manifest(deed: Deed) -> list[dict[str, Any]]:
    session = deed.tx.session
    newest = (
        select(AttachmentVersion.attachment_id, func.max(AttachmentVersion.n).label("n"))
        .group_by(AttachmentVersion.attachment_id)
        .subquery()
    )
    uses: dict[int, list[list[str | None]]] = {}
    for attachment_id, nominee_ref, criterion in session.execute(
        select(AttachmentUse.attachment_id, Nominee.ref, Criterion.code)
        .join(Nominee, Nominee.id == AttachmentUse.nominee_id)
        .outerjoin(Criterion, Criterion.id == AttachmentUse.criterion_id)
        .where(Nominee.dossier_id == deed.row.id)
        .order_by(AttachmentUse.id)
    ):
        uses.setdefault(attachment_id, []).append([nominee_ref, criterion])
    rows = session.execute(
        select(
            Attachment.id,
            Attachment.ref,
            Attachment.kind,
            AttachmentVersion.n,
            AttachmentVersion.ref.label("version_ref"),
            Blob.sha256,
            Blob.size,
        )
        .join(newest, newest.c.attachment_id == Attachment.id)
        .join(
            AttachmentVersion,
            (AttachmentVersion.attachment_id == Attachment.id) & (AttachmentVersion.n == newest.c.n),
        )
        .join(Blob, Blob.id == AttachmentVersion.blob_id)
        .where(Attachment.dossier_id == deed.row.id, Attachment.withdrawn_at.is_(None))
        .order_by(Attachment.id)
    )
    return [
        {
            "ref": row.ref,
            "kind": row.kind,
            "n": row.n,
            "version_ref": row.version_ref,
            "sha256": row.sha256,
            "size": row.size,
            "serves": uses.get(row.id, []),
        }
        for row in rows
    ]


def use_quota(deed: Deed, given: Consequence) -> None:
    """Take one seat for every nominee that goes forward; the pool's row is locked, so no seat is given twice."""
    session = deed.tx.session
    for need in given.facts.quota_needs:
        if need.pool_id is None:
            raise Conflict("condition_quota_set", kind=need.nominee_kind)
        pool = session.scalars(
            select(QuotaPool)
            .where(QuotaPool.id == need.pool_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()
        if pool.size is None:
            raise Conflict("condition_quota_set", kind=need.nominee_kind)
        if pool.used + need.needed > pool.size:
            raise Conflict(
                "condition_quota_available", kind=need.nominee_kind, size=pool.size, used=pool.used
            )
        taken = set(
            session.scalars(
                select(QuotaUse.seat).where(QuotaUse.pool_id == pool.id, QuotaUse.released_at.is_(None))
            )
        )
        free = (seat for seat in range(1, pool.size + 1) if seat not in taken)
        for nominee in given.facts.nominees:
            if nominee.state in PASSED and given.facts.seat_of(nominee) == (
                need.award_form,
                need.nominee_kind,
            ):
                session.add(
                    QuotaUse(pool_id=pool.id, nominee_id=nominee.id, seat=next(free), taken_at=deed.now)
                )
        pool.used += need.needed
        pool.version += 1
        deed.payload.setdefault("quota", []).append(
            {"kind": need.nominee_kind, "used": pool.used, "size": pool.size}
        )
    session.flush()


def release_quota(deed: Deed, given: Consequence) -> None:
    """Give back the seat of the nominee acted on, or every seat that the dossier's nominees hold."""
    session = deed.tx.session
    whose = Nominee.dossier_id == deed.row.id if given.nominee is None else Nominee.id == given.nominee.id
    held = session.scalars(
        select(QuotaUse)
        .join(Nominee, Nominee.id == QuotaUse.nominee_id)
        .where(whose, QuotaUse.released_at.is_(None))
        .order_by(QuotaUse.pool_id)
    ).all()
    for use in held:
        use.released_at = deed.now
        session.execute(
            update(QuotaPool)
            .where(QuotaPool.id == use.pool_id)
            .values(used=QuotaPool.used - 1, version=QuotaPool.version + 1)
        )
    session.flush()


def open_decision(deed: Deed, given: Consequence) -> None:
    """Write the approval: what was decided, on which frozen version, by whom."""
    assert deed.actor is not None, "only a person decides"
    session = deed.tx.session
    version_id = session.scalars(
        select(DossierVersion.id).where(
            DossierVersion.dossier_id == deed.row.id, DossierVersion.n == deed.dossier_version
        )
    ).one()
    decision = Decision(
        dossier_id=deed.row.id,
        dossier_version_id=version_id,
        body_id=deed.row.decider_body_id,
        state="approved",
        decided_by=deed.actor.account_id,
        decided_at=deed.now,
        signer_id=deed.actor.person_id,
        signer_position=deed.place.position_title if deed.place else None,
    )
    session.add(decision)
    session.flush()  # its chain and the nominees need decision.id
    for nominee in given.facts.nominees:
        if nominee.state in PASSED:
            nominee.decision_id = decision.id
    deed.payload["decision"] = decision.ref
    _chain_decision(deed, decision, "decision_approved")


def revoke_decision(deed: Deed, given: Consequence) -> None:
    """Take an approval back that was not issued yet; the row stays as a trace."""
    session = deed.tx.session
    decision = _open_decision(deed)
    for nominee in given.facts.nominees:
        if nominee.decision_id == decision.id:
            nominee.decision_id = None
    decision.state = "revoked"
    deed.payload["decision"] = decision.ref
    _chain_decision(deed, decision, "decision_revoked")
    session.flush()


def _open_decision(deed: Deed) -> Decision:
    return deed.tx.session.scalars(
        select(Decision)
        .where(Decision.dossier_id == deed.row.id, Decision.state == "approved")
        .with_for_update()
    ).one()


def number_decision(deed: Deed, given: Consequence) -> None:
    """Give the decision its number in the year's register, its date, and the signed paper.

    The number is the one the registry clerk wrote, for the register may also number papers outside this
    system; a number that was used is refused. The day cannot lie before the approval or in the future.
    """
    session = deed.tx.session
    decision = _open_decision(deed)
    issued_on: date = given.fields["issued_on"]
    approved_on = local_day(decision.decided_at)
    if issued_on < approved_on:
        raise Invalid("issued_before_approval", field="issued_on", approved_on=approved_on)
    number, symbol = _number(str(given.fields["number"]))
    register = _register(deed, issued_on.year, symbol)
    used = session.scalar(
        select(Decision.id).where(Decision.register_id == register.id, Decision.number == number)
    )
    if used is not None:
        raise Conflict("decision_number_used", field="number", number=number, year=issued_on.year)
    register.next = max(register.next, number + 1)
    paper = given.papers["decision_paper"]
    if session.get_one(Attachment, paper.attachment_id).kind != "decision":
        raise Invalid("paper_not_decision", field="decision_paper")
    blob = session.get_one(Blob, paper.blob_id)
    decision.register_id = register.id
    decision.number = number
    decision.doc_number = f"{number:02d}/{symbol or register.symbol}"
    decision.issued_on = issued_on
    decision.blob_id = blob.id
    decision.state = "issued"
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("decision_number_used", field="number", number=number, year=issued_on.year) from None
    deed.decision_pdf_sha256 = blob.sha256
    deed.payload["decision"] = decision.ref
    deed.payload["doc_number"] = decision.doc_number
    _chain_decision(
        deed, decision, "decision_issued", AttachmentMark(blob.key, blob.sha256, blob.size, blob.media_type)
    )


def _register(deed: Deed, year: int, symbol: str | None) -> NumberRegister:
    """Return the year's register of the body, locked; the first issue of a year opens it."""
    session = deed.tx.session
    key = {"body_id": deed.row.decider_body_id, "series": DECISION_SERIES, "year": year}
    opened = _OPEN_REGISTER[deed.tx.dialect].values(**key, symbol=symbol or DECISION_SYMBOL, next=1)
    session.execute(opened)
    return session.scalars(select(NumberRegister).filter_by(**key).with_for_update()).one()


def _number(text: str) -> tuple[int, str | None]:
    """Read ``3412`` or ``3412/QĐ-UBND``. Raises ``Invalid`` for anything else."""
    head, _, symbol = text.strip().partition("/")
    if not head.strip().isdecimal() or not 0 < int(head) <= 999_999:
        raise Invalid("decision_number_unreadable", field="number", value=text[:40])
    if symbol and (len(symbol) > 30 or any(letter.isspace() for letter in symbol)):
        raise Invalid("decision_number_unreadable", field="number", value=text[:40])
    return int(head), symbol or None


def _chain_decision(deed: Deed, decision: Decision, action: str, *papers: AttachmentMark) -> None:
    head = append(
        deed.tx,
        subject=("decision", decision.ref),
        head=Head(decision.chain_length, decision.chain_head),
        action=action,
        by=deed.by,
        payload={"dossier": deed.row.ref, "doc_number": decision.doc_number},
        attachments=papers,
        decision_pdf_sha256=papers[0].sha256 if papers else None,
    )
    decision.chain_head, decision.chain_length = head.hash, head.length


def notify_unit(deed: Deed, given: Consequence) -> None:
    """Promise to tell the people who compose for the proposing unit."""
    deed.promises.append(
        Promise("notify", "unit", {"audience": "unit", "notice": deed.action, **_about(given)})
    )


def notify_next(deed: Deed, given: Consequence) -> None:
    """Promise to tell those whose turn it now is; where it ends, those who held the dossier until now."""
    deed.promises.append(
        Promise(
            "notify",
            "next",
            {
                "audience": "next",
                "notice": deed.action,
                "held_by": deed.row.waiting_function,
                **_about(given),
            },
        )
    )


def _about(given: Consequence) -> dict[str, Any]:
    return {} if given.nominee is None else {"nominee_ref": given.nominee.ref}


Effect = Callable[[Deed, Consequence], None]

EFFECTS: Mapping[str, Effect] = {
    effect.__name__: effect
    for effect in (
        start_regime,
        freeze_version_submit,
        freeze_version_decision,
        use_quota,
        release_quota,
        set_hold,
        clear_hold,
        notify_unit,
        notify_next,
        open_decision,
        revoke_decision,
        number_decision,
        count_submission,
        unlock_resubmission,
    )
}
