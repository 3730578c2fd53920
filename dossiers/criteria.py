"""What the rules can say about an answer to a criterion: passed, failed, or a person must look.

A finding is not a verdict. Figures and papers are judged exactly, in integers; what somebody merely states,
what has no target, and what is dated outside the achievement period goes to a person with the sentence that
says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from dossiers.configuration import Criterion
from dossiers.nominee import CriterionAnswer
from dossiers.numbers import Ratio, lacking, meets, show_day, show_number, show_percentage, show_threshold
from states.definition import Label

Outcome = Literal["passed", "failed", "needs_person"]
PASSED: Outcome = "passed"
FAILED: Outcome = "failed"
NEEDS_PERSON: Outcome = "needs_person"

EVIDENCE_AFTER_PERIOD = "evidence_after_period"
EVIDENCE_BEFORE_PERIOD = "evidence_before_period"

# What `applies_when` may ask, in the words that stand behind “only for …”.
CIRCUMSTANCES: Mapping[str, Label] = {
    "training_institution": Label("cơ sở đào tạo", "training institutions"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One criterion as it is asked. ``threshold`` belongs to a ratio proof; ``ratio_of`` is what is
    counted.
    """

    code: str
    text: Label
    proofs: tuple[str, ...]
    join: str = "all"
    applies_when: str | None = None
    threshold: Ratio | None = None
    ratio_of: Label | None = None
    external_target: str | None = None
    legal_source: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the unit says; the fields are those of ``criterion_answer``."""

    attested: bool | None = None
    not_applicable: bool = False
    numerator: int | None = None
    denominator: int | None = None
    document_no: str | None = None
    document_on: date | None = None
    document_issuer: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A target set by another text. ``value`` None: nobody has entered it for this period."""

    code: str
    title: Label
    source: str
    value: Ratio | None


@dataclass(frozen=True, slots=True)
class Grounds:
    """On what an answer is judged: both days of the achievement period count, ``today`` bounds dates of
    papers.

    ``targets`` by code; one that is missing is not set. ``circumstances``: what is known of the nominee
    (see CIRCUMSTANCES); one that is missing is not known.
    """

    achievement_from: date
    achievement_to: date
    today: date | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)
    circumstances: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of a finding, under a stable code, in both languages."""

    code: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules say. ``flags`` are remarks a person must see whatever the outcome.

    ``answered`` False: nothing was answered yet (the outcome is then ``needs_person``).
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    flags: tuple[Reason, ...] = ()
    answered: bool = True

    def has_flag(self, code: str) -> bool:
        """Return whether the flag ``code`` was raised."""
        return any(flag.code == code for flag in self.flags)

    def sentence(self, language: str = "vi") -> str:
        """Return reasons and flags as text for a person."""
        parts = (*self.reasons, *self.flags)
        return " ".join(part.en if language == "en" else part.vi for part in parts)


@dataclass(frozen=True, slots=True)
class _Proof:
    """What one proof of a criterion gives. ``answered`` False: nothing was said to it."""

    outcome: Outcome
    reason: Reason
    flags: tuple[Reason, ...] = ()
    answered: bool = True


def question_of(row: Criterion) -> Question:
    """Return the question kept in a row of ``criterion``."""
    return Question(
        code=row.code,
        text=Label(row.text_vi, row.text_en),
        proofs=tuple(row.proofs.split()),
        join=row.proof_join,
        applies_when=row.applies_when,
        threshold=None
        if row.threshold_num is None or row.threshold_den is None
        else (row.threshold_num, row.threshold_den),
        ratio_of=None
        if row.ratio_of_vi is None
        else Label(row.ratio_of_vi, row.ratio_of_en or row.ratio_of_vi),
        external_target=row.external_target,
        legal_source=row.legal_source,
    )


def answer_of(row: CriterionAnswer | None) -> Answer | None:
    """Return the answer kept in a row of ``criterion_answer``."""
    if row is None:
        return None
    return Answer(
        attested=row.attested,
        not_applicable=row.not_applicable,
        numerator=row.numerator,
        denominator=row.denominator,
        document_no=row.document_no,
        document_on=row.document_on,
        document_issuer=row.document_issuer,
        note=row.note,
    )


def circumstances_of(fields: Mapping[str, str]) -> dict[str, bool]:
    """Return what the form of a nominee says of its circumstances (choices ``yes`` and ``no``)."""
    return {name: fields[name] == "yes" for name in CIRCUMSTANCES if fields.get(name) in ("yes", "no")}


def applies(question: Question, circumstances: Mapping[str, bool]) -> bool | None:
    """Return whether the criterion applies to the nominee; None when that is not known."""
    if question.applies_when is None:
        return True
    return circumstances.get(question.applies_when)


def evaluate(question: Question, answer: Answer | None, grounds: Grounds) -> Finding:
    """Return what the rules say to ``answer``.

    Each proof is judged for itself. Joined by ``all``: one failed proof fails the criterion, one open proof
    leaves it to a person. Joined by ``any``: one passed proof is enough, it fails only when every answered
    proof fails.
    """
    known = applies(question, grounds.circumstances)
    if question.applies_when is not None and known is not True:
        only = CIRCUMSTANCES.get(question.applies_when, Label(question.applies_when, question.applies_when))
        if known is False:
            return Finding(PASSED, (_not_for_this(only),))
        if answer is not None and answer.not_applicable:
            return Finding(NEEDS_PERSON, (_said_not_applicable(only),))
    if answer is None:
        return _unanswered()
    if answer.not_applicable:
        return Finding(FAILED, (_APPLIES_TO_ALL,))
    return _joined(question, [_judge(proof, question, answer, grounds) for proof in question.proofs])


def failed_codes(
    questions: Iterable[Question], answers: Mapping[str, Answer], grounds: Grounds
) -> tuple[str, ...]:
    """Return the codes of the criteria that fail by rule, in their order."""
    return tuple(
        question.code
        for question in questions
        if evaluate(question, answers.get(question.code), grounds).outcome == FAILED
    )


def _joined(question: Question, proofs: Sequence[_Proof]) -> Finding:
    answered = [proof for proof in proofs if proof.answered]
    if not answered:
        return _unanswered()
    counted = proofs if question.join == "all" else answered
    outcomes = {proof.outcome for proof in counted}
    order: tuple[Outcome, ...] = (
        (FAILED, NEEDS_PERSON, PASSED) if question.join == "all" else (PASSED, NEEDS_PERSON, FAILED)
    )
    outcome = next(candidate for candidate in order if candidate in outcomes)
    reasons = dict.fromkeys(proof.reason for proof in counted if proof.outcome == outcome)
    flags = dict.fromkeys(
        flag
        for proof in answered
        if question.join == "all" or proof.outcome == outcome
        for flag in proof.flags
    )
    return Finding(outcome, tuple(reasons), tuple(flags))


def _judge(proof: str, question: Question, answer: Answer, grounds: Grounds) -> _Proof:
    if proof == "attested":
        return _attested(answer)
    if proof in ("document", "recognised_initiative"):
        return _document(answer, grounds, initiative=proof == "recognised_initiative")
    if proof == "ratio":
        return _ratio(question, answer, grounds, question.threshold)
    if proof == "external_target":
        return _external_target(question, answer, grounds)
    raise ValueError(f"unknown proof {proof}")


def _attested(answer: Answer) -> _Proof:
    if answer.attested is None and not answer.note:
        return _SILENT
    if answer.attested is False:
        return _Proof(
            FAILED,
            Reason("denied", "Đơn vị tự nhận chưa đạt.", "The unit itself says that it does not meet it."),
        )
    return _Proof(
        NEEDS_PERSON,
        Reason(
            "attested",
            "Đơn vị tự nhận đạt; cần người đối chiếu với báo cáo và minh chứng.",
            "The unit says that it meets it; a person compares this with the report and the evidence.",
        ),
    )


def _document(answer: Answer, grounds: Grounds, *, initiative: bool) -> _Proof:
    given = (answer.document_no, answer.document_on, answer.document_issuer)
    if not any(given):
        return _SILENT
    lacking_parts = [
        words
        for value, words in zip(
            given, (("số", "the number"), ("ngày", "the date"), ("nơi ban hành", "the issuer")), strict=True
        )
        if not value
    ]
    what = ("giấy tờ", "the paper")
    if initiative:
        what = ("quyết định công nhận sáng kiến", "the recognition of the initiative")
    if lacking_parts:
        return _Proof(
            NEEDS_PERSON,
            Reason(
                "document_incomplete",
                f"Chưa ghi {', '.join(part[0] for part in lacking_parts)} của {what[0]}.",
                f"{', '.join(part[1] for part in lacking_parts).capitalize()} of {what[1]} is not written.",
            ),
        )
    on = answer.document_on
    assert on is not None
    if grounds.today is not None and on > grounds.today:
        return _Proof(
            FAILED,
            Reason(
                "document_in_future",
                f"{answer.document_no} ghi ngày {show_day(on)}, sau hôm nay.",
                f"{answer.document_no} is dated {show_day(on, 'en')}, after today.",
            ),
        )
    named = (
        f"{answer.document_no} ngày {show_day(on)} của {answer.document_issuer}",
        f"{answer.document_no} of {show_day(on, 'en')} by {answer.document_issuer}",
    )
    flags = _dated(on, grounds)
    if on > grounds.achievement_to:
        reason = Reason(
            "document_after_period",
            f"{named[0]}: cần người xem có được tính cho đợt này không.",
            f"{named[1]}: a person decides whether it counts for this round.",
        )
        return _Proof(NEEDS_PERSON, reason, flags)
    if flags:
        return _Proof(PASSED, Reason("document", f"{named[0]}.", f"{named[1]}."), flags)
    return _Proof(
        PASSED,
        Reason(
            "document",
            f"{named[0]}, trong thời gian tính thành tích.",
            f"{named[1]}, within the achievement period.",
        ),
    )


def _ratio(question: Question, answer: Answer, grounds: Grounds, threshold: Ratio | None) -> _Proof:
    numerator, denominator = answer.numerator, answer.denominator
    if numerator is None and denominator is None:
        return _SILENT
    if numerator is None or denominator is None:
        return _Proof(
            NEEDS_PERSON,
            Reason(
                "ratio_incomplete",
                "Cần đủ hai số: số đạt và tổng số.",
                "Two numbers are needed: those who meet it and the total.",
            ),
        )
    if denominator <= 0 or numerator < 0 or numerator > denominator:
        return _Proof(
            FAILED,
            Reason(
                "ratio_impossible",
                f"Số đạt ({show_number(numerator)}) không thể lớn hơn tổng số ({show_number(denominator)}).",
                f"Those who meet it ({show_number(numerator, 'en')}) cannot be more than "
                f"the total ({show_number(denominator, 'en')}).",
            ),
        )
    assert threshold is not None  # held by the loader and by a CHECK
    flags = () if answer.document_on is None else _dated(answer.document_on, grounds, before=False)
    return _Proof(*_against(question, numerator, denominator, threshold), flags)


def _external_target(question: Question, answer: Answer, grounds: Grounds) -> _Proof:
    target = grounds.targets.get(question.external_target or "")
    if target is not None and target.value is not None:
        return _ratio(question, answer, grounds, target.value)
    judged = _ratio(question, answer, grounds, (0, 1))
    if not judged.answered or judged.outcome != PASSED:
        return judged
    assert answer.numerator is not None
    assert answer.denominator is not None
    shown = _figures(answer.numerator, answer.denominator, None)
    title = Label(question.external_target or "?", question.external_target or "?")
    source = question.legal_source or ""
    if target is not None:
        title, source = target.title, target.source
    return _Proof(
        NEEDS_PERSON,
        Reason(
            "target_not_set",
            f"{shown.vi}. Chưa có chỉ tiêu “{title.vi}” cho thời gian này; cần người đối chiếu với {source}.",
            f"{shown.en}. The target “{title.en}” is not set for this period; "
            f"a person compares it with {source}.",
        ),
        judged.flags,
    )


def _against(
    question: Question, numerator: int, denominator: int, threshold: Ratio
) -> tuple[Outcome, Reason]:
    shown = _figures(numerator, denominator, threshold)
    need = Label(show_threshold(threshold), show_threshold(threshold, "en"))
    if meets(numerator, denominator, threshold):
        return PASSED, Reason(
            "ratio_met", f"{shown.vi}, cần từ {need.vi}.", f"{shown.en}; at least {need.en} is needed."
        )
    more = lacking(numerator, denominator, threshold)
    counted = question.ratio_of or Label("", "")
    vi, en = (f"{counted.vi} ".lstrip(), f"{counted.en} ".lstrip())
    return FAILED, Reason(
        "ratio_not_met",
        f"{shown.vi} còn thấp hơn {need.vi}. "
        f"Cần thêm ít nhất {show_number(more)} {vi}trên {show_number(denominator)}.",
        f"{shown.en} is below {need.en}. "
        f"At least {show_number(more, 'en')} more {en}of {show_number(denominator, 'en')} are needed.",
    )


def _figures(numerator: int, denominator: int, threshold: Ratio | None) -> Label:
    vi, en = (
        f"{show_number(numerator, language)} / {show_number(denominator, language)} = "
        f"{show_percentage(numerator, denominator, threshold, language)}"
        for language in ("vi", "en")
    )
    return Label(vi, en)


def _dated(on: date, grounds: Grounds, *, before: bool = True) -> tuple[Reason, ...]:
    """Return the flag of a paper dated outside the achievement period."""
    if on > grounds.achievement_to:
        return (
            Reason(
                EVIDENCE_AFTER_PERIOD,
                f"Minh chứng ngày {show_day(on)} sau khi hết thời gian tính thành tích "
                f"({show_day(grounds.achievement_to)}).",
                f"The evidence of {show_day(on, 'en')} is later than the end of the achievement period "
                f"({show_day(grounds.achievement_to, 'en')}).",
            ),
        )
    if before and on < grounds.achievement_from:
        return (
            Reason(
                EVIDENCE_BEFORE_PERIOD,
                f"Minh chứng ngày {show_day(on)} trước thời gian tính thành tích "
                f"(từ {show_day(grounds.achievement_from)}).",
                f"The evidence of {show_day(on, 'en')} is earlier than the achievement period "
                f"(from {show_day(grounds.achievement_from, 'en')}).",
            ),
        )
    return ()


_NOT_ANSWERED = Reason("not_answered", "Chưa có câu trả lời.", "Not answered yet.")
_APPLIES_TO_ALL = Reason(
    "applies_to_all",
    "Tiêu chuẩn này áp dụng cho mọi đối tượng của nhóm, không bỏ qua được.",
    "This criterion applies to the whole class and cannot be left out.",
)
_SILENT = _Proof(NEEDS_PERSON, _NOT_ANSWERED, answered=False)


def _unanswered() -> Finding:
    return Finding(NEEDS_PERSON, (_NOT_ANSWERED,), answered=False)


def _not_for_this(only: Label) -> Reason:
    return Reason(
        "not_applicable", f"Không áp dụng: chỉ dành cho {only.vi}.", f"Not applicable: only for {only.en}."
    )


def _said_not_applicable(only: Label) -> Reason:
    return Reason(
        "said_not_applicable",
        f"Đơn vị cho là không áp dụng (chỉ dành cho {only.vi}); cần người kiểm tra.",
        f"The unit says that it does not apply (only for {only.en}); a person checks this.",
    )
