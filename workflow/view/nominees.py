"""The nominees of a dossier, each with its form, its answers and what the rules find."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from dossiers.configuration import AwardForm, ConfigDocument, Criterion, NomineeClass
from dossiers.contents import NOMINEE_FIELDS
from dossiers.criteria import (
    Answer,
    Grounds,
    answer_of,
    applies,
    circumstances_of,
    evaluate,
    question_of,
)
from dossiers.dossier import Revision
from dossiers.nominee import CriterionAnswer
from dossiers.numbers import show_threshold
from workflow.classes import programme_of
from workflow.view.actions import ActionView, actions_of
from workflow.view.fields import FieldView, form
from workflow.view.papers import PaperView
from workflow.view.reader import Sight
from workflow.view.sent import contents_by_commitment, frozen_answer
from workflow.words import said


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


def nominees_of(sight: Sight, papers: Sequence[PaperView]) -> tuple[NomineeView, ...]:
    """Return the nominees in their order; those who see the last sent version see nobody added since."""
    session, language = sight.tx.session, sight.language
    nominees = list(sight.facts.nominees)
    frozen: dict[str, Mapping[str, Any]] = {}
    if sight.manifest is not None:
        frozen = {one["ref"]: one for one in sight.manifest["nominees"]}
        nominees = [one for one in nominees if one.ref in frozen]
        contents = contents_by_commitment(sight.tx, {"dossier": {}, "nominees": sight.manifest["nominees"]})
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
    # As sent, a nominee keeps its form by code: the newest one of that code is what the catalogue says of it.
    catalogue = programme_of(sight.tx, sight.row.programme_id).award_catalogue
    editions = select(ConfigDocument.id).where(
        ConfigDocument.kind == "award_catalogue", ConfigDocument.code == catalogue
    )
    asked = (
        AwardForm.catalogue_id.in_(editions)
        & AwardForm.code.in_({one["award_form"] for one in frozen.values() if one["award_form"]})
        if frozen
        else AwardForm.id.in_({one.award_form_id for one in nominees if one.award_form_id})
    )
    forms: dict[str | int | None, AwardForm] = {
        (one.code if frozen else one.id): one
        for one in session.scalars(select(AwardForm).where(asked).order_by(AwardForm.id))
    }
    shown = []
    for nominee in nominees:
        content = contents.get(frozen[nominee.ref]["commitment"], {}) if frozen else None
        if content is None:
            content = revisions.get(nominee.revision_id or 0, {})
        chosen = classes[nominee.class_id]
        fields: Mapping[str, str] = content.get("fields", {})
        state = sight.edition.nominee.states[nominee.state]
        award = forms.get(frozen[nominee.ref]["award_form"] if frozen else nominee.award_form_id)
        answered = tuple(
            _answer(
                sight,
                criterion,
                frozen_answer(content, criterion.code)
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
            field.key for field in NOMINEE_FIELDS[chosen.kind] if field.needed and not fields.get(field.key)
        ]
        if award is None:
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
                award_form=award.code if award else None,
                award_form_label=(award.label_en if language == "en" else award.label_vi) if award else None,
                state=nominee.state,
                state_label=said(state.label_for(sight.reader), language),
                state_kind=state.kind_for(sight.reader),
                state_icon=state.icon,
                on_hold=nominee.on_hold,
                fields=form(NOMINEE_FIELDS[chosen.kind], fields, language),
                answers=answered,
                missing=tuple(missing),
                actions=actions_of(sight, nominee),
                editable=(
                    sight.ours
                    and sight.may_write
                    and not (sight.state.final or state.final)
                    and (sight.state.editable or state.editable)
                ),
            )
        )
    return tuple(shown)


def _answer(
    sight: Sight,
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
            achievement_from=sight.row.achievement_from,
            achievement_to=sight.row.achievement_to,
            today=sight.deed.today,
            targets=sight.targets,
            circumstances=circumstances,
        ),
    )
    english = sight.language == "en"
    return AnswerView(
        code=criterion.code,
        text=criterion.text_en if english else criterion.text_vi,
        proofs=question.proofs,
        proof_join=question.join,
        applies=applies(question, circumstances),
        threshold=show_threshold(question.threshold, sight.language) if question.threshold else None,
        threshold_num=criterion.threshold_num,
        threshold_den=criterion.threshold_den,
        ratio_of=said(question.ratio_of, sight.language) if question.ratio_of else None,
        legal_source=criterion.legal_source,
        answer=answer,
        finding=finding.outcome if finding.answered else "unanswered",
        finding_sentence=finding.sentence(sight.language),
        flags=tuple(flag.code for flag in finding.flags),
        papers=papers,
    )
