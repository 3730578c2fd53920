"""The facts that conditions ask for, each read from the database when first asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dossiers.attachment import Attachment, AttachmentUse
from dossiers.award_round import QuotaPool
from dossiers.conditions import CONDITIONS, IN_PLAY, PASSED
from dossiers.configuration import AwardForm, Criterion, NomineeClass
from dossiers.contents import NOMINEE_FIELDS
from dossiers.criteria import Grounds, Target, answer_of, applies, circumstances_of, failed_codes, question_of
from dossiers.dossier import ClockSpan, Revision
from dossiers.nominee import CriterionAnswer, Nominee
from workflow.classes import programme_of, targets_for
from workflow.engine import Deed

EVIDENCE_KINDS = ("evidence", "initiative_certificate")
ENDED = frozenset({"withdrawn", "superseded", "deferred", "cancelled"})


@dataclass(frozen=True, slots=True)
class PoolNeed:
    """What awarding would take from one pool; ``pool_id`` None when nobody made a pool for that kind."""

    award_form: str
    nominee_kind: str
    needed: int
    pool_id: int | None
    size: int | None
    used: int


class DossierFacts:
    """The facts of the dossier that a deed has locked (``dossiers.conditions.Facts``).

    With a nominee, hold, criteria and gaps are those of that nominee alone.
    """

    def __init__(
        self, deed: Deed, nominee: Nominee | None = None, shared: DossierFacts | None = None
    ) -> None:
        self._deed = deed
        self._one = nominee
        if shared is not None:
            # What was read for the dossier is true for each of its nominees: a page of 200 asks once.
            self.nominees, self._criteria, self._answers = shared.nominees, shared._criteria, shared._answers
            self._contents, self._targets = shared._contents, shared._targets

    @property
    def _session(self) -> Session:
        # Asked for when a fact is: most deeds need none, and a session costs more than a statement.
        return self._deed.tx.session

    def answers(self, names: Sequence[str]) -> Mapping[str, Callable[[], bool]]:
        """Return the named conditions, bound to these facts, for the machine to call."""

        return {name: partial(CONDITIONS[name], self) for name in names}

    @property
    def now(self) -> datetime:
        return self._deed.now

    @property
    def today(self) -> date:
        return self._deed.today

    @property
    def opens_at(self) -> datetime:
        moment: datetime = self._deed.row.opens_at
        return moment

    @property
    def closes_at(self) -> datetime:
        moment: datetime = self._deed.row.closes_at
        return moment

    @property
    def on_hold(self) -> bool:
        return bool(self._deed.row.on_hold if self._one is None else self._one.on_hold)

    @property
    def under_hold(self) -> bool:
        return bool(self._deed.row.on_hold) or self.on_hold

    @property
    def held_nominees(self) -> Sequence[str]:
        return [nominee.ref for nominee in self.nominees if nominee.on_hold and nominee.state in IN_PLAY]

    @property
    def submissions(self) -> int:
        return int(self._deed.row.submissions)

    @property
    def resubmission_unlocked(self) -> bool:
        return bool(self._deed.row.resubmission_unlocked)

    @cached_property
    def nominees(self) -> Sequence[Nominee]:
        """Every nominee of the dossier in its order."""
        return self._session.scalars(
            select(Nominee).where(Nominee.dossier_id == self._deed.row.id).order_by(Nominee.ordinal)
        ).all()

    @property
    def nominee_states(self) -> Sequence[str]:
        return [nominee.state for nominee in self.nominees]

    @cached_property
    def missing_papers(self) -> Sequence[str]:
        present = set(
            self._session.scalars(
                select(Attachment.kind)
                .where(Attachment.dossier_id == self._deed.row.id, Attachment.withdrawn_at.is_(None))
                .distinct()
            )
        )
        missing = [
            kind
            for kind in programme_of(self._deed.tx, self._deed.row.programme_id).papers
            if kind not in present
        ]
        missing.extend(f"{nominee.ref}:{criterion}" for nominee, criterion in self._documents_without_paper())
        return missing

    def _documents_without_paper(self) -> Sequence[tuple[Nominee, str]]:
        """Return the nominees and criteria whose answer must show a document and shows no paper for it."""
        live = [nominee for nominee in self.nominees if nominee.state not in ENDED]
        if not live:
            return []
        ids = [nominee.id for nominee in live]
        uses: dict[int, set[int | None]] = {}
        for nominee_id, criterion_id in self._session.execute(
            select(AttachmentUse.nominee_id, AttachmentUse.criterion_id)
            .join(Attachment, Attachment.id == AttachmentUse.attachment_id)
            .where(
                AttachmentUse.nominee_id.in_(ids),
                Attachment.withdrawn_at.is_(None),
                Attachment.kind.in_(EVIDENCE_KINDS),
            )
        ):
            uses.setdefault(nominee_id, set()).add(criterion_id)
        missing = []
        for nominee in live:
            has = uses.get(nominee.id, set())
            for criterion in self._criteria.get(nominee.class_id, ()):
                if not must_show_document(
                    criterion.proofs.split(), criterion.proof_join
                ) or self._not_applicable(nominee, criterion):
                    continue
                if criterion.id not in has and None not in has:
                    missing.append((nominee, criterion.code))
        return missing

    @cached_property
    def _criteria(self) -> Mapping[int, Sequence[Criterion]]:
        classes = {nominee.class_id for nominee in self.nominees}
        by_class: dict[int, list[Criterion]] = {}
        for criterion in self._session.scalars(
            select(Criterion).where(Criterion.class_id.in_(classes)).order_by(Criterion.ordinal)
        ):
            by_class.setdefault(criterion.class_id, []).append(criterion)
        return by_class

    @cached_property
    def _answers(self) -> Mapping[tuple[int, int], CriterionAnswer]:
        ids = [nominee.id for nominee in self.nominees]
        return {
            (answer.nominee_id, answer.criterion_id): answer
            for answer in self._session.scalars(
                select(CriterionAnswer).where(CriterionAnswer.nominee_id.in_(ids))
            )
        }

    def _not_applicable(self, nominee: Nominee, criterion: Criterion) -> bool:
        if criterion.applies_when is None:
            return False
        if applies(question_of(criterion), self._circumstances(nominee)) is False:
            return True
        answer = self._answers.get((nominee.id, criterion.id))
        return answer is not None and answer.not_applicable

    def _circumstances(self, nominee: Nominee) -> Mapping[str, bool]:
        return circumstances_of(self._contents.get(nominee.revision_id or 0, {}).get("fields", {}))

    @cached_property
    def _contents(self) -> Mapping[int, Mapping[str, Any]]:
        """What the form of every nominee holds, by revision."""
        ids = [nominee.revision_id for nominee in self.nominees if nominee.revision_id]
        return {
            row.id: json.loads(row.content)
            for row in self._session.execute(
                select(Revision.id, Revision.content).where(Revision.id.in_(ids))
            )
            if row.content is not None
        }

    @cached_property
    def _targets(self) -> Mapping[str, Target]:
        return targets_for(self._deed.tx, self._deed.row)

    @property
    def failed_criteria(self) -> Sequence[str]:
        judged = self.nominees if self._one is None else [self._one]
        failed: dict[str, None] = {}
        for nominee in judged:
            criteria = self._criteria.get(nominee.class_id, ())
            answers = {
                criterion.code: answer
                for criterion in criteria
                if (answer := answer_of(self._answers.get((nominee.id, criterion.id)))) is not None
            }
            grounds = Grounds(
                achievement_from=self._deed.row.achievement_from,
                achievement_to=self._deed.row.achievement_to,
                today=self.today,
                targets=self._targets,
                circumstances=self._circumstances(nominee),
            )
            failed.update(
                dict.fromkeys(failed_codes([question_of(one) for one in criteria], answers, grounds))
            )
        return list(failed)

    @cached_property
    def open_questions(self) -> Sequence[str]:
        """Return ``ref:criterion`` or ``ref:field`` for every needed thing not filled in."""
        gaps: list[str] = []
        for nominee in self.nominees if self._one is None else [self._one]:
            if nominee.state in ENDED:
                continue
            fields = self._contents.get(nominee.revision_id or 0, {}).get("fields", {})
            gaps.extend(
                f"{nominee.ref}:{field.key}"
                for field in NOMINEE_FIELDS[self._kinds[nominee.class_id]]
                if field.needed and not fields.get(field.key)
            )
            if nominee.award_form_id is None:
                gaps.append(f"{nominee.ref}:award_form")
            gaps.extend(
                f"{nominee.ref}:{criterion.code}"
                for criterion in self._criteria.get(nominee.class_id, ())
                if (nominee.id, criterion.id) not in self._answers
                and not self._not_applicable(nominee, criterion)
            )
        return gaps

    @cached_property
    def quota_needs(self) -> Sequence[PoolNeed]:
        """Return what awarding would take, by form and kind. A form is known by its code in every catalogue edition."""
        wanted: dict[tuple[str, str], int] = {}
        for nominee in self.nominees:
            if nominee.state in PASSED:
                key = self.seat_of(nominee)
                wanted[key] = wanted.get(key, 0) + 1
        pools = {
            (code, pool.nominee_kind): pool
            for pool, code in self._session.execute(
                select(QuotaPool, AwardForm.code)
                .join(AwardForm, AwardForm.id == QuotaPool.award_form_id)
                .where(
                    QuotaPool.round_id == self._deed.row.round_id,
                    QuotaPool.decider_body_id == self._deed.row.decider_body_id,
                )
            )
        }
        needs = []
        for (form, kind), count in wanted.items():
            pool = pools.get((form, kind))
            needs.append(
                PoolNeed(
                    form,
                    kind,
                    count,
                    pool.id if pool else None,
                    pool.size if pool else None,
                    pool.used if pool else 0,
                )
            )
        # Pools are locked in this order by everybody, so that two decisions never wait for each other.
        return sorted(needs, key=lambda need: need.pool_id or 0)

    def seat_of(self, nominee: Nominee) -> tuple[str, str]:
        """Return the award form's code (empty while none is chosen) and the kind that a seat for it must have."""
        return self._forms.get(nominee.award_form_id or 0, ""), self._kinds[nominee.class_id]

    @cached_property
    def _kinds(self) -> Mapping[int, str]:
        return dict(
            self._session.execute(
                select(NomineeClass.id, NomineeClass.kind).where(
                    NomineeClass.id.in_({nominee.class_id for nominee in self.nominees})
                )
            ).all()
        )

    @cached_property
    def _forms(self) -> Mapping[int, str]:
        ids = {nominee.award_form_id for nominee in self.nominees if nominee.award_form_id}
        return dict(
            self._session.execute(select(AwardForm.id, AwardForm.code).where(AwardForm.id.in_(ids))).all()
        )

    @property
    def supplement_due_on(self) -> date | None:
        return self._session.scalar(
            select(func.max(ClockSpan.due_on)).where(
                ClockSpan.dossier_id == self._deed.row.id,
                ClockSpan.limit_code == "supplement",
                ClockSpan.ended_at.is_(None),
            )
        )

    @property
    def has_decision_paper(self) -> bool:
        return (
            self._session.scalar(
                select(Attachment.id)
                .where(
                    Attachment.dossier_id == self._deed.row.id,
                    Attachment.kind == "decision",
                    Attachment.withdrawn_at.is_(None),
                )
                .limit(1)
            )
            is not None
        )


def must_show_document(proofs: Sequence[str], join: str) -> bool:
    """Tell whether a paper is asked for: a document alone must be shown; joined by “any”, another proof may stand for
    it.
    """
    return "document" in proofs and (join == "all" or list(proofs) == ["document"])
