"""Findings: one table of answers, boundaries of ratios, and the sentences people read."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.configuration import Criterion
from dossiers.criteria import (
    EVIDENCE_AFTER_PERIOD,
    EVIDENCE_BEFORE_PERIOD,
    Answer,
    Grounds,
    Question,
    Target,
    answer_of,
    circumstances_of,
    evaluate,
    failed_codes,
    question_of,
)
from dossiers.nominee import CriterionAnswer
from states.definition import Label

TEXT = Label("Tiêu chuẩn", "Criterion")
FAMILIES = Label("gia đình", "families")
GT_2024 = Grounds(date(2024, 1, 1), date(2024, 10, 31), today=date(2024, 11, 26))


def ratio(threshold: tuple[int, int]) -> Question:
    return Question("GT-C-7", TEXT, ("ratio",), threshold=threshold, ratio_of=FAMILIES)


ATTESTED = Question("GT-C-1", TEXT, ("attested",))
DOCUMENT = Question("GT-C-5", TEXT, ("document",))
EITHER = Question("GT-C-3", TEXT, ("attested", "document"), join="any")
INITIATIVE = Question("GT-IA-2", TEXT, ("recognised_initiative", "document"))
TARGET = Question("TT-C-4", TEXT, ("external_target",), external_target="qd677", legal_source="QĐ 677/QĐ-TTg")
TRAINING = Question("GT-E-2", TEXT, ("attested",), applies_when="training_institution")
DECREE = Answer(document_no="1187/QĐ-UBND", document_on=date(2024, 9, 30), document_issuer="UBND huyện")


@pytest.mark.parametrize(
    ("question", "answer", "outcome", "code"),
    [
        (ATTESTED, None, "needs_person", "not_answered"),
        (ATTESTED, Answer(), "needs_person", "not_answered"),
        (ATTESTED, Answer(attested=True), "needs_person", "attested"),
        (ATTESTED, Answer(note="24 buổi phát thanh"), "needs_person", "attested"),
        (ATTESTED, Answer(attested=False), "failed", "denied"),
        (ATTESTED, Answer(attested=True, not_applicable=True), "failed", "applies_to_all"),
        (DOCUMENT, Answer(attested=True), "needs_person", "not_answered"),
        (DOCUMENT, DECREE, "passed", "document"),
        (DOCUMENT, Answer(document_no="1187/QĐ-UBND"), "needs_person", "document_incomplete"),
        (EITHER, DECREE, "passed", "document"),
        (EITHER, Answer(attested=True), "needs_person", "attested"),
        (EITHER, Answer(attested=False), "failed", "denied"),
        (INITIATIVE, DECREE, "passed", "document"),
        (INITIATIVE, Answer(note="Tủ sách"), "needs_person", "not_answered"),
        (ratio((60, 100)), Answer(), "needs_person", "not_answered"),
        (ratio((60, 100)), Answer(numerator=5), "needs_person", "ratio_incomplete"),
        (ratio((60, 100)), Answer(numerator=8, denominator=7), "failed", "ratio_impossible"),
        (TARGET, Answer(numerator=7, denominator=7), "needs_person", "target_not_set"),
        (TARGET, Answer(numerator=8, denominator=7), "failed", "ratio_impossible"),
        (TARGET, Answer(attested=True), "needs_person", "not_answered"),
        (TRAINING, Answer(attested=True), "needs_person", "attested"),
        (TRAINING, Answer(not_applicable=True), "needs_person", "said_not_applicable"),
    ],
)
def test_findings(question: Question, answer: Answer | None, outcome: str, code: str) -> None:
    finding = evaluate(question, answer, GT_2024)
    assert finding.outcome == outcome
    assert code in {reason.code for reason in finding.reasons}
    assert finding.answered == (code != "not_answered")
    assert finding.sentence("vi") != finding.sentence("en")


@pytest.mark.parametrize(
    ("numerator", "denominator", "threshold", "outcome"),
    [
        (7999, 10_000, (80, 100), "failed"),
        (8000, 10_000, (80, 100), "passed"),
        (79_999, 100_000, (80, 100), "failed"),
        (999, 1000, (100, 100), "failed"),
        (99_999, 100_000, (100, 100), "failed"),
        (1000, 1000, (100, 100), "passed"),
        (4812, 5901, (80, 100), "passed"),
        (1041, 1773, (60, 100), "failed"),
        (1063, 1773, (60, 100), "failed"),
        (1064, 1773, (60, 100), "passed"),
        (1069, 1773, (60, 100), "passed"),
        (412, 514, (80, 100), "passed"),
        (0, 1, (60, 100), "failed"),
    ],
)
def test_ratios_at_their_boundaries(
    numerator: int, denominator: int, threshold: tuple[int, int], outcome: str
) -> None:
    answer = Answer(numerator=numerator, denominator=denominator)
    assert evaluate(ratio(threshold), answer, GT_2024).outcome == outcome


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_ratio_passes_exactly_from_its_threshold(numerator: int, denominator: int) -> None:
    numerator = min(numerator, denominator)
    finding = evaluate(ratio((80, 100)), Answer(numerator=numerator, denominator=denominator), GT_2024)
    assert (finding.outcome == "passed") == (numerator * 100 >= denominator * 80)


def test_a_failing_ratio_says_how_far_it_is() -> None:
    finding = evaluate(ratio((60, 100)), Answer(numerator=1041, denominator=1773), GT_2024)
    assert finding.sentence("vi") == (
        "1.041 / 1.773 = 58,71% còn thấp hơn 60%. Cần thêm ít nhất 23 gia đình trên 1.773."
    )
    assert finding.sentence("en") == (
        "1,041 / 1,773 = 58.71% is below 60%. At least 23 more families of 1,773 are needed."
    )


def test_sc_03_passes_with_the_flag_when_the_evidence_is_later_than_the_period() -> None:
    answer = Answer(
        numerator=1069,
        denominator=1773,
        document_no="96/QĐ-UBND",
        document_on=date(2024, 11, 25),
        document_issuer="UBND xã",
    )
    finding = evaluate(ratio((60, 100)), answer, GT_2024)
    assert finding.outcome == "passed"
    assert finding.has_flag(EVIDENCE_AFTER_PERIOD)
    assert "60,29%" in finding.sentence("vi")
    assert "25/11/2024" in finding.sentence("vi")
    assert "31/10/2024" in finding.sentence("vi")


@pytest.mark.parametrize(
    ("on", "outcome", "flag"),
    [
        (date(2023, 12, 31), "passed", EVIDENCE_BEFORE_PERIOD),
        (date(2024, 1, 1), "passed", None),
        (date(2024, 10, 31), "passed", None),
        (date(2024, 11, 1), "needs_person", EVIDENCE_AFTER_PERIOD),
        (date(2024, 11, 26), "needs_person", EVIDENCE_AFTER_PERIOD),
        (date(2024, 11, 27), "failed", None),
    ],
)
def test_papers_by_their_date(on: date, outcome: str, flag: str | None) -> None:
    finding = evaluate(DOCUMENT, Answer(document_no="1", document_on=on, document_issuer="A"), GT_2024)
    assert finding.outcome == outcome
    assert {raised.code for raised in finding.flags} == ({flag} if flag else set())


def test_an_external_target_that_is_set_is_met_or_not() -> None:
    title = Label("Công dân học tập", "Learning citizens")
    grounds = Grounds(
        date(2030, 1, 1),
        date(2030, 10, 31),
        targets={"qd677": Target("qd677", title, "QĐ 677/QĐ-TTg", (80, 100))},
    )
    assert evaluate(TARGET, Answer(numerator=80, denominator=100), grounds).outcome == "passed"
    assert evaluate(TARGET, Answer(numerator=79, denominator=100), grounds).outcome == "failed"


def test_a_target_nobody_has_set_names_the_text() -> None:
    finding = evaluate(TARGET, Answer(numerator=7, denominator=7), GT_2024)
    assert "7 / 7 = 100,00%" in finding.sentence("vi")
    assert "QĐ 677/QĐ-TTg" in finding.sentence("vi")


@pytest.mark.parametrize(("choice", "outcome"), [("yes", "failed"), ("no", "passed"), ("", "needs_person")])
def test_a_criterion_for_some_depends_on_what_the_form_says(choice: str, outcome: str) -> None:
    grounds = Grounds(
        GT_2024.achievement_from,
        GT_2024.achievement_to,
        circumstances=circumstances_of({"training_institution": choice}),
    )
    assert evaluate(TRAINING, Answer(not_applicable=True), grounds).outcome == outcome


def test_joined_by_all_one_failed_proof_fails_and_one_open_proof_waits() -> None:
    both = Question("X", TEXT, ("document", "ratio"), threshold=(80, 100), ratio_of=FAMILIES)
    paper = {"document_no": "1", "document_on": date(2024, 5, 5), "document_issuer": "A"}
    assert evaluate(both, Answer(numerator=8, denominator=10, **paper), GT_2024).outcome == "passed"  # type: ignore[arg-type]  # a table
    assert evaluate(both, Answer(numerator=7, denominator=10, **paper), GT_2024).outcome == "failed"  # type: ignore[arg-type]  # a table
    assert evaluate(both, Answer(**paper), GT_2024).outcome == "needs_person"  # type: ignore[arg-type]  # a table
    assert evaluate(both, Answer(numerator=7, denominator=10), GT_2024).outcome == "failed"


def test_rows_become_questions_and_answers() -> None:
    row = Criterion(
        code="GT-C-7",
        text_vi="Gia đình",
        text_en="Families",
        proofs="ratio document",
        proof_join="any",
        threshold_num=60,
        threshold_den=100,
        ratio_of_vi="gia đình",
        ratio_of_en="families",
    )
    question = question_of(row)
    assert (question.proofs, question.join, question.threshold) == (("ratio", "document"), "any", (60, 100))
    answer = answer_of(CriterionAnswer(numerator=1041, denominator=1773, not_applicable=False))
    assert answer is not None
    assert answer_of(None) is None
    assert failed_codes([question], {"GT-C-7": answer}, GT_2024) == ("GT-C-7",)
    assert failed_codes([question], {}, GT_2024) == ()
