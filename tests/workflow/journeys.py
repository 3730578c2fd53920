"""Ways to bring a dossier into each state of Giang Thành's edition, by the commands people use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dossiers.criteria import Answer
from storage.files import Files
from tests.builders import ATTESTED, World, a_draft, give_paper

MEETING = {
    "met_on": "04/11/2024",
    "minutes_number": "12/BB-PGDĐT",
    "participants": "Phòng Nội vụ, Hội Khuyến học",
    "result": "Thống nhất.",
}
SUBMISSION = {"submission_number": "84/TTr-PNV", "submitted_on": "04/11/2024"}


@dataclass(slots=True)
class Case:
    """A dossier of the health centre with one collective, wherever it is now."""

    world: World
    files: Files
    dossier: str
    nominee: str

    def act(self, who: str, action: str, **given: object) -> None:
        """Let somebody act on it as it is."""
        self.world.act(who, self.dossier, action, **given)


def a_case(world: World, files: Files) -> Case:
    """Return a complete draft of the health centre."""
    dossier, nominee = a_draft(
        world,
        class_code="health_unit",
        name="Trạm Y tế xã Vĩnh Phú",
        answers={
            "TT-COL-00": ATTESTED,
            "TT-C-1": ATTESTED,
            "TT-C-2": ATTESTED,
            "TT-C-3": ATTESTED,
            "TT-C-4": Answer(numerator=7, denominator=7),
        },
    )
    for kind in ("submission_paper", "minutes", "achievement_report"):
        give_paper(world, files, "suong", dossier, kind)
    return Case(world, files, dossier, nominee)


def _submit(case: Case) -> None:
    case.act("suong", "submit")


def _ask_supplement(case: Case) -> None:
    case.act(
        "diem",
        "request_supplement",
        reason="Thiếu minh chứng.",
        fields={"due_on": "12/11/2024", "missing_papers": "Minh chứng Công dân học tập"},
    )


def _return(case: Case) -> None:
    case.act("diem", "return_dossier", reason="Cần sửa số liệu.", reason_code="figures_disagree")


def _receive(case: Case) -> None:
    case.act("diem", "receive")


def _appraise(case: Case) -> None:
    case.act("diem", "start_appraisal")


def _finish(case: Case) -> None:
    case.act("diem", "pass_nominee", nominee_ref=case.nominee)
    case.act("diem", "finish_appraisal")


def _meet(case: Case) -> None:
    case.act("khai", "record_review_meeting", fields=MEETING)


def _submit_up(case: Case) -> None:
    case.act("tuyet", "submit_for_decision", fields=SUBMISSION)


def _approve(case: Case) -> None:
    case.act("an", "approve")


def _issue(case: Case) -> None:
    paper = give_paper(case.world, case.files, "tuyet", case.dossier, "decision")
    case.act("tuyet", "issue", fields={"number": "3412", "issued_on": "04/11/2024", "decision_paper": paper})


def _refuse(case: Case) -> None:
    case.act("khai", "refuse", reason="Không đạt.", reason_code="criterion_not_met")


def _withdraw(case: Case) -> None:
    case.act("suong", "withdraw", reason="Đơn vị xin rút.")


def _send_up(case: Case) -> None:
    case.act("an", "send_up", reason="Đủ tiêu chuẩn Bằng khen.", fields=SUBMISSION)


Step = Callable[[Case], None]
_TO_RECEIVED: tuple[Step, ...] = (_submit, _receive)
_TO_MEETING: tuple[Step, ...] = (*_TO_RECEIVED, _appraise, _finish)
_TO_PENDING: tuple[Step, ...] = (*_TO_MEETING, _meet, _submit_up)

# Every state of the edition and the steps that lead there; a test holds this to the edition.
JOURNEYS: dict[str, tuple[Step, ...]] = {
    "draft": (),
    "submitted": (_submit,),
    "supplement_requested": (_submit, _ask_supplement),
    "returned": (_submit, _return),
    "received": _TO_RECEIVED,
    "under_appraisal": (*_TO_RECEIVED, _appraise),
    "at_review_meeting": _TO_MEETING,
    "passed": (*_TO_MEETING, _meet),
    "pending_decision": _TO_PENDING,
    "approved": (*_TO_PENDING, _approve),
    "issued": (*_TO_PENDING, _approve, _issue),
    "refused": (*_TO_RECEIVED, _refuse),
    "withdrawn": (_submit, _withdraw),
    "escalated": (*_TO_PENDING, _send_up),
}


def a_dossier(world: World, files: Files, state: str) -> Case:
    """Return a dossier in ``state``, brought there step by step."""
    case = a_case(world, files)
    for step in JOURNEYS[state]:
        step(case)
    assert world.state(case.dossier) == state
    return case
