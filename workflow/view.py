"""The dossier as its readers see it: everything a page or an answer of the API shows, already weighed by
permission.

While the unit mends a dossier that was sent, other readers see what was last sent, not the mending.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, select

from dossiers.attachment import Attachment, AttachmentUse, AttachmentVersion
from dossiers.award_round import AwardRound
from dossiers.configuration import AwardForm, Criterion, NomineeClass
from dossiers.contents import DOSSIER_FIELDS, NOMINEE_FIELDS, FormField
from dossiers.criteria import (
    Answer,
    Grounds,
    answer_of,
    applies,
    circumstances_of,
    evaluate,
    question_of,
)
from dossiers.days import local_day
from dossiers.decision import Decision
from dossiers.dossier import ClockSpan, DossierVersion, Notice, Remark, Revision
from dossiers.functions import SIDE_FUNCTIONS, UNIT_FUNCTIONS
from dossiers.nominee import CriterionAnswer, Nominee
from dossiers.numbers import show_threshold
from dossiers.org_unit import BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.people import Account, Person
from dossiers.refusals import Missing, NeedsPerson
from states.definition import Action, Edition
from states.machine import machine_for
from storage.blob import Blob
from storage.database import Database, Tx
from storage.record import entries_of
from workflow.actor import Actor, valid_on
from workflow.attach import INNER_KINDS, OFFICE_KINDS, UNIT_KINDS, may_add_office_papers
from workflow.classes import targets_for, usable_classes, usable_forms
from workflow.configured import calendar_in_use, regime_doubt, regime_of
from workflow.engine import Deed, look
from workflow.facts import DossierFacts
from workflow.history import EntryView, tell
from workflow.inbox import days_left
from workflow.permissions import acting_place, sees_office
from workflow.refused import condition_refusal
from workflow.words import PAPERS, said

LATEST_DEEDS = 30


@dataclass(frozen=True, slots=True)
class RouteStepView:
    """One disc of the route: ``status`` is done, now, back (sent back) or todo."""

    key: str
    label: str
    status: str
    unit_name: str


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One criterion of a nominee, what the unit said to it, and what the rules find."""

    code: str
    text: str
    proofs: tuple[str, ...]
    proof_join: str
    applies: bool | None
    threshold: str | None
    threshold_num: int | None
    threshold_den: int | None
    ratio_of: str | None
    legal_source: str | None
    answer: Answer | None
    finding: str
    finding_sentence: str
    flags: tuple[str, ...]
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of a form or of an action, with its value when it has one."""

    key: str
    kind: str
    label: str
    required: bool
    value: str = ""
    limit: int | None = None
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ActionView:
    """A deed that is the reader's to do here. ``blocked_by`` are the sentences that stand in the way now."""

    key: str
    label: str
    main: bool
    backwards: bool
    needs_reason: bool
    needs_reason_code: bool
    reason_codes: tuple[tuple[str, str], ...]
    takes_remarks: bool
    fields: tuple[FieldView, ...]
    confirm: str | None
    blocked_by: tuple[str, ...]
    nominee_ref: str | None = None


@dataclass(frozen=True, slots=True)
class NomineeView:
    """One nominee with its answers; ``missing`` names what the form still needs: field keys, criteria."""

    ref: str
    ordinal: int
    name: str
    class_code: str
    class_label: str
    kind: str
    award_form: str | None
    award_form_label: str | None
    state: str
    state_label: str
    state_kind: str
    state_icon: str
    on_hold: bool
    fields: tuple[FieldView, ...]
    answers: tuple[AnswerView, ...]
    missing: tuple[str, ...]
    actions: tuple[ActionView, ...]
    editable: bool


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


@dataclass(frozen=True, slots=True)
class DossierView:
    """One dossier, whole, as one reader may see it."""

    ref: str
    code: str
    title: str
    version: int
    state: str
    state_label: str
    state_kind: str
    state_icon: str
    since: datetime
    round_code: str
    round_name: str
    round_closes_at: datetime
    unit_ref: str
    unit_name: str
    submissions: int
    on_hold: bool
    late: bool
    complete_on: date | None
    regime_label: str | None
    regime_doubt: str | None
    due_on: date | None
    working_days_left: int | None
    holder: str
    route: tuple[RouteStepView, ...]
    fields: tuple[FieldView, ...]
    nominees: tuple[NomineeView, ...]
    papers: tuple[PaperView, ...]
    missing_papers: tuple[str, ...]
    remarks: tuple[RemarkView, ...]
    versions: tuple[VersionView, ...]
    clocks: tuple[ClockView, ...]
    notices: tuple[NoticeView, ...]
    timeline: tuple[EntryView, ...]
    actions: tuple[ActionView, ...]
    decision: DecisionView | None
    editable: bool
    classes: tuple[tuple[str, str, str], ...]
    award_forms: tuple[tuple[str, str], ...]
    paper_kinds: tuple[tuple[str, str], ...]
    reason_codes: tuple[tuple[str, str], ...]
    shown_version: int | None


def dossier_view(database: Database, actor: Actor, dossier_ref: str) -> DossierView:
    """Return the dossier named by its ref or code. Raises ``Missing`` when the actor may not know of it."""
    with database.reading() as tx:
        return _View(tx, actor, look(tx, actor, dossier_ref)).whole()


@dataclass(frozen=True, slots=True)
class FrozenView:
    """A frozen version as it was: the form, the nominees with their contents, the papers by hash."""

    code: str
    n: int
    purpose: str
    frozen_at: datetime
    sha256: str
    fields: Mapping[str, str]
    nominees: tuple[Mapping[str, Any], ...]
    papers: tuple[Mapping[str, Any], ...]


def frozen_version(database: Database, actor: Actor, dossier_ref: str, n: int) -> FrozenView:
    """Return version ``n`` of the dossier exactly as it was frozen. Raises ``Missing``."""
    with database.reading() as tx:
        deed = look(tx, actor, dossier_ref)
        version = tx.session.scalar(
            select(DossierVersion).where(DossierVersion.dossier_id == deed.row.id, DossierVersion.n == n)
        )
        if version is None:
            raise Missing("not_found")
        manifest = json.loads(version.manifest)
        contents = _contents_by_commitment(tx, manifest)
        own = contents.get(manifest["dossier"].get("commitment"), {})
        return FrozenView(
            code=deed.row.code,
            n=n,
            purpose=version.purpose,
            frozen_at=version.frozen_at,
            sha256=version.sha256,
            fields=own,
            nominees=tuple(
                {**nominee, "content": contents.get(nominee["commitment"], {})}
                for nominee in manifest["nominees"]
            ),
            papers=tuple(manifest["papers"]),
        )


def _contents_by_commitment(tx: Tx, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    wanted = {manifest["dossier"].get("commitment"), *(one["commitment"] for one in manifest["nominees"])}
    return {
        row.commitment: json.loads(row.content)
        for row in tx.connection.execute(
            select(Revision.commitment, Revision.content).where(Revision.commitment.in_(wanted - {None}))
        )
        if row.content is not None
    }


class _View:
    """Reads one dossier for one reader: a constant number of queries, however many nominees it has."""

    def __init__(self, tx: Tx, actor: Actor, deed: Deed) -> None:
        self.tx, self.actor, self.deed, self.row = tx, actor, deed, deed.row
        self.language = actor.language
        self.edition: Edition = deed.edition
        self.machine = machine_for(deed.edition)
        self.state = self.edition.dossier.states[self.row.state]
        self.ours = any(place.unit_id == self.row.proposing_unit_id for place in self._unit_places())
        self.inner = sees_office(actor, deed.standing)
        self.facts = DossierFacts(deed)
        self.manifest = self._manifest()

    def _unit_places(self) -> Sequence[Any]:
        return [place for place in self.actor.places if place.function in UNIT_FUNCTIONS]

    def _manifest(self) -> Mapping[str, Any] | None:
        """Return the last sent version when the reader must not see the unit's mending."""
        if self.ours or not self.state.editable or self.row.submissions == 0:
            return None
        text = self.tx.session.scalar(
            select(DossierVersion.manifest)
            .where(DossierVersion.dossier_id == self.row.id, DossierVersion.purpose == "submit")
            .order_by(DossierVersion.n.desc())
            .limit(1)
        )
        return None if text is None else json.loads(text)

    def whole(self) -> DossierView:
        tx, row, language = self.tx, self.row, self.language
        today = self.deed.today
        found = tx.session.get_one(AwardRound, row.round_id)
        units = self._unit_names({row.proposing_unit_id})
        reader = self._reader()
        calendar = self._calendar()
        timeline = self._timeline()
        papers = self._papers()
        nominees = self._nominees(papers)
        content = self._dossier_content()
        editable = self.state.editable and self.ours and self._may_write()
        unit = tx.session.get_one(OrgUnit, row.proposing_unit_id)
        return DossierView(
            ref=row.ref,
            code=row.code,
            title=content.get("title") or "",
            version=row.version,
            state=row.state,
            state_label=said(self.state.label_for(reader), language),
            state_kind=self.state.kind_for(reader),
            state_icon=self.state.icon,
            since=row.state_since,
            round_code=found.code,
            round_name=found.name_en if language == "en" else found.name_vi,
            round_closes_at=found.closes_at,
            unit_ref=unit.ref,
            unit_name=units.get(row.proposing_unit_id, ""),
            submissions=row.submissions,
            on_hold=row.on_hold,
            late=row.late,
            complete_on=row.complete_on,
            regime_label=self._regime_label(),
            regime_doubt=self._regime_doubt(),
            due_on=row.due_on,
            working_days_left=days_left(calendar, today, row.due_on),
            holder=self._holder(units.get(row.proposing_unit_id, "")),
            route=self._route(units.get(row.proposing_unit_id, "")),
            fields=_form(DOSSIER_FIELDS, content, language),
            nominees=nominees,
            papers=papers,
            missing_papers=tuple(self._missing_paper_labels(nominees)),
            remarks=self._remarks(nominees, papers),
            versions=self._versions(),
            clocks=self._clocks(calendar, today),
            notices=self._notices(),
            timeline=timeline,
            actions=self._actions("dossier", row.state, None),
            decision=self._decision(),
            editable=editable,
            classes=tuple(
                (one.code, one.label_en if language == "en" else one.label_vi, one.kind)
                for one in usable_classes(tx, row)
            )
            if editable
            else (),
            award_forms=tuple(
                (form.code, form.label_en if language == "en" else form.label_vi)
                for form in usable_forms(tx, row)
            )
            if editable
            else (),
            paper_kinds=self._paper_kinds(editable),
            reason_codes=tuple(
                (key, said(label, language)) for key, label in self.edition.reason_codes.items()
            ),
            shown_version=None if self.manifest is None else self.manifest["dossier"]["version"],
        )

    def _reader(self) -> str | None:
        standing = self.deed.standing.places
        if self.row.waiting_function in standing:
            return str(self.row.waiting_function)
        return next(iter(standing), None) or next(
            (place.function for place in self.actor.places if place.function not in SIDE_FUNCTIONS), None
        )

    def _may_write(self) -> bool:
        return any(self.deed.standing.may_serve(function) for function in UNIT_FUNCTIONS)

    def _calendar(self) -> Any:
        try:
            return calendar_in_use(self.tx, self.row.calendar_code)
        except NeedsPerson:
            return None

    def _unit_names(self, ids: set[int]) -> dict[int, str]:
        return {
            row.org_unit_id: row.name
            for row in self.tx.connection.execute(
                select(OrgUnitPeriod.org_unit_id, OrgUnitPeriod.name).where(
                    OrgUnitPeriod.org_unit_id.in_(ids),
                    valid_on(
                        OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, self.deed.today
                    ),
                )
            )
        }

    def _performers(self) -> dict[str, str]:
        """Return the name of the unit that performs each function for the dossier's body today."""
        day = self.deed.today
        return {
            row.function: row.name
            for row in self.tx.connection.execute(
                select(BodyFunction.function, OrgUnitPeriod.name)
                .join(
                    OrgUnitPeriod,
                    and_(
                        OrgUnitPeriod.org_unit_id == BodyFunction.performing_unit_id,
                        valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
                    ),
                )
                .where(
                    BodyFunction.body_id == self.row.decider_body_id,
                    valid_on(BodyFunction.from_on.expression, BodyFunction.to_on.expression, day),
                )
            )
        }

    def _holder(self, unit_name: str) -> str:
        function = self.row.waiting_function
        if function is None:
            return ""
        return unit_name if function in UNIT_FUNCTIONS else self._performers().get(function, "")

    def _route(self, unit_name: str) -> tuple[RouteStepView, ...]:
        performers = self._performers()
        keys = [step.key for step in self.edition.route]
        here = keys.index(self.state.route_step) if self.state.route_step in keys else None
        finished = self.state.final and self.state.kind == "gold"
        steps = []
        for place, step in enumerate(self.edition.route):
            if here is None:
                status = "todo"
            elif place < here or finished:
                status = "done"
            elif place == here:
                status = "back" if self.state.sent_back else "now"
            else:
                status = "todo"
            name = unit_name if step.function in UNIT_FUNCTIONS else performers.get(step.function, "")
            steps.append(RouteStepView(step.key, said(step.label, self.language), status, name))
        return tuple(steps)

    def _regime_label(self) -> str | None:
        if self.row.regime_id is None:
            return None
        return said(regime_of(self.tx, self.row.regime_id).head.title, self.language)

    def _regime_doubt(self) -> str | None:
        if self.row.regime_id is None:
            return None
        doubt = regime_doubt(self.tx, self.row.regime_id, self.row.complete_on)
        return None if doubt is None else doubt.sentence(self.language)

    def _dossier_content(self) -> Mapping[str, Any]:
        if self.manifest is not None:
            return _contents_by_commitment(
                self.tx, {"dossier": self.manifest["dossier"], "nominees": []}
            ).get(self.manifest["dossier"].get("commitment"), {})
        text = self.tx.session.scalar(select(Revision.content).where(Revision.id == self.row.revision_id))
        return json.loads(text) if text else {}

    def _nominees(self, papers: Sequence[PaperView]) -> tuple[NomineeView, ...]:
        session, language = self.tx.session, self.language
        nominees = list(self.facts.nominees)
        frozen: dict[str, Mapping[str, Any]] = {}
        if self.manifest is not None:
            frozen = {one["ref"]: one for one in self.manifest["nominees"]}
            nominees = [one for one in nominees if one.ref in frozen]
            contents = _contents_by_commitment(
                self.tx, {"dossier": {}, "nominees": self.manifest["nominees"]}
            )
        else:
            contents = {}
        revisions = {
            row.id: json.loads(row.content)
            for row in session.execute(
                select(Revision.id, Revision.content).where(
                    Revision.id.in_([one.revision_id for one in nominees if one.revision_id])
                )
            )
            if row.content
        }
        classes = {
            one.id: one
            for one in session.scalars(
                select(NomineeClass).where(NomineeClass.id.in_({one.class_id for one in nominees}))
            )
        }
        criteria: dict[int, list[Criterion]] = {}
        for criterion in session.scalars(
            select(Criterion).where(Criterion.class_id.in_(classes)).order_by(Criterion.ordinal)
        ):
            criteria.setdefault(criterion.class_id, []).append(criterion)
        answers: dict[tuple[int, int], CriterionAnswer] = {
            (answer.nominee_id, answer.criterion_id): answer
            for answer in session.scalars(
                select(CriterionAnswer).where(CriterionAnswer.nominee_id.in_([one.id for one in nominees]))
            )
        }
        forms = {
            form.id: form
            for form in session.scalars(
                select(AwardForm).where(
                    AwardForm.id.in_({one.award_form_id for one in nominees if one.award_form_id})
                )
            )
        }
        shown = []
        for nominee in nominees:
            content = contents.get(frozen[nominee.ref]["commitment"], {}) if frozen else None
            if content is None:
                content = revisions.get(nominee.revision_id or 0, {})
            chosen = classes[nominee.class_id]
            fields: Mapping[str, str] = content.get("fields", {})
            state = self.edition.nominee.states[nominee.state]
            form = forms.get(nominee.award_form_id or 0)
            answered = tuple(
                self._answer(
                    criterion,
                    _frozen_answer(content, criterion.code)
                    if frozen
                    else answer_of(answers.get((nominee.id, criterion.id))),
                    circumstances_of(fields),
                    tuple(
                        paper.ref
                        for paper in papers
                        if any(ref == nominee.ref for ref, _ in paper.nominees)
                        and (criterion.code in paper.criteria)
                    ),
                )
                for criterion in criteria.get(nominee.class_id, ())
            )
            missing = [
                field.key
                for field in NOMINEE_FIELDS[chosen.kind]
                if field.needed and not fields.get(field.key)
            ]
            if form is None:
                missing.append("award_form")
            missing.extend(one.code for one in answered if one.answer is None and one.applies is not False)
            shown.append(
                NomineeView(
                    ref=nominee.ref,
                    ordinal=nominee.ordinal,
                    name=str(content.get("name") or nominee.name),
                    class_code=chosen.code,
                    class_label=chosen.label_en if language == "en" else chosen.label_vi,
                    kind=chosen.kind,
                    award_form=form.code if form else None,
                    award_form_label=(form.label_en if language == "en" else form.label_vi) if form else None,
                    state=nominee.state,
                    state_label=said(state.label_for(self._reader()), language),
                    state_kind=state.kind_for(self._reader()),
                    state_icon=state.icon,
                    on_hold=nominee.on_hold,
                    fields=_form(NOMINEE_FIELDS[chosen.kind], fields, language),
                    answers=answered,
                    missing=tuple(missing),
                    actions=self._actions("nominee", nominee.state, nominee),
                    editable=(
                        self.ours
                        and self._may_write()
                        and not (self.state.final or state.final)
                        and (self.state.editable or state.editable)
                    ),
                )
            )
        return tuple(shown)

    def _answer(
        self,
        criterion: Criterion,
        answer: Answer | None,
        circumstances: Mapping[str, bool],
        papers: tuple[str, ...],
    ) -> AnswerView:
        question = question_of(criterion)
        finding = evaluate(
            question,
            answer,
            Grounds(
                achievement_from=self.row.achievement_from,
                achievement_to=self.row.achievement_to,
                today=self.deed.today,
                targets=self._targets(),
                circumstances=circumstances,
            ),
        )
        english = self.language == "en"
        return AnswerView(
            code=criterion.code,
            text=criterion.text_en if english else criterion.text_vi,
            proofs=question.proofs,
            proof_join=question.join,
            applies=applies(question, circumstances),
            threshold=show_threshold(question.threshold, self.language) if question.threshold else None,
            threshold_num=criterion.threshold_num,
            threshold_den=criterion.threshold_den,
            ratio_of=said(question.ratio_of, self.language) if question.ratio_of else None,
            legal_source=criterion.legal_source,
            answer=answer,
            finding=finding.outcome if finding.answered else "unanswered",
            finding_sentence=finding.sentence(self.language),
            flags=tuple(flag.code for flag in finding.flags),
            papers=papers,
        )

    def _targets(self) -> Any:
        if not hasattr(self, "_kept_targets"):
            self._kept_targets = targets_for(self.tx, self.row)
        return self._kept_targets

    def _papers(self) -> tuple[PaperView, ...]:
        session = self.tx.session
        rows = session.execute(
            select(
                Attachment.id,
                Attachment.ref.label("paper_ref"),
                Attachment.kind,
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
            .where(Attachment.dossier_id == self.row.id, Attachment.withdrawn_at.is_(None))
            .order_by(Attachment.id, AttachmentVersion.n.desc())
        ).all()
        sent = None
        if self.manifest is not None:
            sent = {one["version_ref"] for one in self.manifest["papers"]}
        serves: dict[int, list[tuple[str, str, str | None]]] = {}
        for attachment_id, ref, name, code in session.execute(
            select(AttachmentUse.attachment_id, Nominee.ref, Nominee.name, Criterion.code)
            .join(Nominee, Nominee.id == AttachmentUse.nominee_id)
            .outerjoin(Criterion, Criterion.id == AttachmentUse.criterion_id)
            .where(Nominee.dossier_id == self.row.id)
            .order_by(AttachmentUse.id)
        ):
            serves.setdefault(attachment_id, []).append((ref, name, code))
        grouped: dict[int, list[Any]] = {}
        for row in rows:
            if row.kind in INNER_KINDS and not self.inner:
                continue
            if sent is not None and row.kind not in OFFICE_KINDS and row.ref not in sent:
                continue
            grouped.setdefault(row.id, []).append(row)
        editable = self.state.editable and self.ours
        return tuple(
            PaperView(
                ref=versions[0].paper_ref,
                kind=versions[0].kind,
                kind_label=said(PAPERS[versions[0].kind], self.language),
                nominees=tuple(dict.fromkeys((ref, name) for ref, name, _ in serves.get(attachment_id, ()))),
                criteria=tuple(dict.fromkeys(code for _, _, code in serves.get(attachment_id, ()) if code)),
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
            for attachment_id, versions in grouped.items()
        )

    def _missing_paper_labels(self, nominees: Sequence[NomineeView]) -> Sequence[str]:
        if self.state.final:
            return []
        names = {nominee.ref: nominee.name for nominee in nominees}
        labels = []
        for gap in self.facts.missing_papers:
            ref, _, code = gap.partition(":")
            if not code:
                labels.append(said(PAPERS[gap], self.language))
            elif ref in names:
                word = "evidence for" if self.language == "en" else "minh chứng cho"
                labels.append(f"{names[ref]}: {word} {code}")
        return labels

    def _paper_kinds(self, editable: bool) -> tuple[tuple[str, str], ...]:
        kinds: list[str] = list(UNIT_KINDS) if editable else []
        if may_add_office_papers(self.deed):
            kinds.extend(sorted(OFFICE_KINDS))
        if not editable and self.ours and self._may_write() and self.row.submissions and not self.state.final:
            kinds.append("withdrawal_request")
        return tuple((kind, said(PAPERS[kind], self.language)) for kind in kinds)

    def _remarks(
        self, nominees: Sequence[NomineeView], papers: Sequence[PaperView]
    ) -> tuple[RemarkView, ...]:
        names = {kind: said(label, self.language) for kind, label in PAPERS.items()}
        names.update({paper.ref: paper.kind_label for paper in papers})
        names.update({nominee.ref: nominee.name for nominee in nominees})
        shown = []
        for remark, by in self.tx.session.execute(
            select(Remark, Person.full_name)
            .outerjoin(Account, Account.id == Remark.written_by)
            .outerjoin(Person, Person.id == Account.person_id)
            .where(Remark.dossier_id == self.row.id)
            .order_by(Remark.id)
        ):
            if not self.inner and (remark.state == "draft" or remark.audience != "unit"):
                continue
            label = self.edition.reason_codes.get(remark.reason_code)
            shown.append(
                RemarkView(
                    ref=remark.ref,
                    round_no=remark.round_no,
                    target_kind=remark.target_kind,
                    target_ref=remark.target_ref,
                    target_label=self._remark_place(remark, names),
                    reason_code=remark.reason_code,
                    reason_label=said(label, self.language) if label else remark.reason_code,
                    body=remark.body,
                    state=remark.state,
                    by=by or "",
                    at=remark.written_at,
                )
            )
        return tuple(shown)

    def _remark_place(self, remark: Remark, names: Mapping[str, str]) -> str:
        """Return where a remark points, in words; empty for the whole dossier."""
        target = remark.target_ref or ""
        if remark.target_kind == "field":
            return next((one.label(self.language) for one in DOSSIER_FIELDS if one.key == target), target)
        if remark.target_kind == "criterion":
            nominee, _, code = target.rpartition("/")
            return f"{names[nominee]}, {code}" if nominee in names else code
        return names.get(target, target)

    def _versions(self) -> tuple[VersionView, ...]:
        return tuple(
            VersionView(row.ref, row.n, row.purpose, row.frozen_at, row.sha256)
            for row in self.tx.session.execute(
                select(
                    DossierVersion.ref,
                    DossierVersion.n,
                    DossierVersion.purpose,
                    DossierVersion.frozen_at,
                    DossierVersion.sha256,
                )
                .where(DossierVersion.dossier_id == self.row.id)
                .order_by(DossierVersion.n)
            )
        )

    def _clocks(self, calendar: Any, today: date) -> tuple[ClockView, ...]:
        limits = self.edition.dossier.limits
        return tuple(
            ClockView(
                code=span.limit_code,
                label=said(limits[span.limit_code].label, self.language)
                if span.limit_code in limits
                else span.limit_code,
                due_on=span.due_on,
                working_days_left=days_left(calendar, today, span.due_on),
                paused=span.paused_at is not None and span.ended_at is None,
                ended=span.ended_at is not None,
                started_at=span.started_at,
            )
            for span in self.tx.session.scalars(
                select(ClockSpan)
                .where(ClockSpan.dossier_id == self.row.id, ClockSpan.nominee_id.is_(None))
                .order_by(ClockSpan.id)
            )
        )

    def _notices(self) -> tuple[NoticeView, ...]:
        return tuple(
            NoticeView(row.full_name, row.kind, row.created_at)
            for row in self.tx.session.execute(
                select(Person.full_name, Notice.kind, Notice.created_at)
                .join(Person, Person.id == Notice.person_id)
                .where(Notice.dossier_id == self.row.id)
                .order_by(Notice.id.desc())
                .limit(LATEST_DEEDS)
            )
        )

    def _timeline(self) -> tuple[EntryView, ...]:
        entries = entries_of(
            self.tx,
            "dossier",
            self.row.ref,
            after=max(self.row.chain_length - LATEST_DEEDS, 0),
            limit=LATEST_DEEDS,
        )
        return tuple(reversed(tell(self.tx, entries, self.edition, self.language, inner=self.inner)))

    def _decision(self) -> DecisionView | None:
        found = self.tx.session.execute(
            select(Decision, Person.full_name)
            .join(Account, Account.id == Decision.decided_by)
            .join(Person, Person.id == Account.person_id)
            .where(Decision.dossier_id == self.row.id, Decision.state != "revoked")
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

    def _actions(self, subject: str, state: str, nominee: Nominee | None) -> tuple[ActionView, ...]:
        if not self.deed.standing.places:
            return ()
        facts = self.facts if nominee is None else DossierFacts(self.deed, nominee, shared=self.facts)
        found = self.machine.actions_from(
            "dossier" if subject == "dossier" else "nominee", state, self.row.state
        )
        return tuple(
            self._action(action, facts, nominee)
            for action in found
            if not action.by_system
            and not action.driven
            and acting_place(self.deed.standing, action, state)
            # Taking a hold away is not a next step that waits for something: without one there is no such deed.
            and not ("is_on_hold" in action.conditions and not facts.on_hold)
        )

    def _action(self, action: Action, facts: DossierFacts, nominee: Nominee | None) -> ActionView:
        language = self.language
        unmet = [name for name, holds in facts.answers(action.conditions).items() if not holds()]
        return ActionView(
            key=action.key,
            label=said(action.label, language),
            main=action.main,
            backwards=action.backwards,
            needs_reason="reason" in action.requires,
            needs_reason_code="reason_code" in action.requires,
            reason_codes=tuple(
                (key, said(self.edition.reason_codes[key], language)) for key in action.reason_codes
            ),
            takes_remarks=action.remarks,
            fields=tuple(
                FieldView(
                    field.key,
                    field.kind,
                    said(field.label, language),
                    field.required,
                    choices=tuple((choice.key, said(choice.label, language)) for choice in field.choices),
                )
                for field in action.fields
            ),
            confirm=said(action.confirm, language) if action.confirm else None,
            blocked_by=tuple(condition_refusal(name, facts).sentence(language) for name in unmet),
            nominee_ref=nominee.ref if nominee is not None else None,
        )


def _form(fields: Sequence[FormField], values: Mapping[str, Any], language: str) -> tuple[FieldView, ...]:
    return tuple(
        FieldView(
            field.key,
            field.kind,
            field.label(language),
            field.needed,
            str(values.get(field.key, "")),
            field.limit,
            tuple((key, en if language == "en" else vi) for key, vi, en in field.choices),
        )
        for field in fields
    )


def _frozen_answer(content: Mapping[str, Any], code: str) -> Answer | None:
    said_then = content.get("answers", {}).get(code)
    if said_then is None:
        return None
    on = said_then.get("document_on")
    return Answer(**{**said_then, "document_on": date.fromisoformat(on) if on else None})


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round as a unit chooses it: whether it takes dossiers now, and until when."""

    code: str
    name: str
    opens_at: datetime
    closes_at: datetime
    is_open: bool


def rounds_for(database: Database, actor: Actor) -> tuple[RoundView, ...]:
    """Return the rounds the actor's units may propose to: those of bodies the units belong to."""
    units = sorted({place.unit_id for place in actor.places if place.function in UNIT_FUNCTIONS})
    with database.reading() as tx:
        day = local_day(tx.now)
        bodies = select(OrgUnitPeriod.body_id).where(
            OrgUnitPeriod.org_unit_id.in_(units),
            OrgUnitPeriod.body_id.is_not(None),
            valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
        )
        return tuple(
            RoundView(
                one.code,
                one.name_en if actor.language == "en" else one.name_vi,
                one.opens_at,
                one.closes_at,
                one.opens_at <= tx.now.replace(microsecond=0) <= one.closes_at,
            )
            for one in tx.session.scalars(
                select(AwardRound)
                .where(AwardRound.decider_body_id.in_(bodies))
                .order_by(AwardRound.closes_at.desc())
            )
        )
