"""SC-03: a ratio fails, the dossier is returned and sent again; the new evidence is dated too late.

Everybody works by program, on the test's clock.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dossiers.criteria import Answer
from tests.builders import ATTESTED, REPORT, World
from tests.scenarios.programs import Programs

FAMILIES = Answer(numerator=1041, denominator=1773)
MORE_FAMILIES = Answer(
    numerator=1069,
    denominator=1773,
    document_no="96/QĐ-UBND",
    document_on=date(2024, 11, 25),
    document_issuer="UBND xã Phú Lợi",
)
ANSWERS = {
    "GT-COL-00": ATTESTED,
    "GT-C-1": ATTESTED,
    "GT-C-2": ATTESTED,
    "GT-C-3": ATTESTED,
    "GT-C-4": Answer(
        document_no="15/QĐ-UBND",
        document_on=date(2024, 8, 20),
        document_issuer="UBND huyện Giang Thành",
        note="Giờ vàng không điện thoại",
    ),
    "GT-C-5": Answer(
        document_no="1187/QĐ-UBND", document_on=date(2024, 9, 30), document_issuer="UBND huyện Giang Thành"
    ),
    "GT-C-6": Answer(numerator=4812, denominator=5901),
    "GT-C-7": FAMILIES,
}


@pytest.fixture
def commune(world: World, programs: Programs) -> tuple[str, str]:
    """The dossier of UBND xã Phú Lợi as received complete on 18/11/2024."""
    world.at(2024, 11, 12)
    dossier = programs.open(
        "tuyen",
        "GT-2024",
        "Đề nghị khen thưởng Xã Phú Lợi",
        submission_paper_no="88/TTr-UBND",
        submission_paper_on="12/11/2024",
    )
    nominee = programs.nominate(
        "tuyen",
        dossier,
        class_code="commune",
        name="Xã Phú Lợi",
        fields={"achievement": REPORT},
        answers=ANSWERS,
    )
    for kind in ("submission_paper", "minutes", "achievement_report"):
        programs.give("tuyen", dossier, kind)
    programs.give("tuyen", dossier, "evidence", nominee_ref=[nominee])
    world.at(2024, 11, 15, 16, 59)
    programs.act("tuyen", dossier, "submit")
    world.at(2024, 11, 18)
    assert programs.act("diem", dossier, "receive")["state"] == "received"
    return dossier, nominee


def finding(programs: Programs, who: str, dossier: str, code: str) -> Any:
    """Return what the unit said to a criterion and what the rules find, as that person sees it."""
    (nominee,) = programs.see(who, dossier)["nominees"]
    return next(answer for answer in nominee["answers"] if answer["code"] == code)


def send_back(world: World, programs: Programs, dossier: str, nominee: str) -> None:
    world.at(2024, 11, 22)
    programs.act(
        "khai",
        dossier,
        "return_dossier",
        reason="Gia đình học tập phải từ 60 % trở lên; hồ sơ ghi 1.041/1.773 gia đình, bằng 58,71 %.",
        reason_code="criterion_not_met",
        remarks=[
            {
                "target_kind": "criterion",
                "target_ref": f"{nominee}/GT-C-7",
                "reason_code": "criterion_not_met",
                "body": "Cần đạt từ 60% trở lên.",
            }
        ],
    )


def test_the_failing_ratio_is_found_and_cannot_be_passed(
    programs: Programs, commune: tuple[str, str]
) -> None:
    dossier, nominee = commune
    six = finding(programs, "diem", dossier, "GT-C-6")
    assert six["finding"] == "passed"
    assert "81,55%" in six["finding_sentence"]
    assert finding(programs, "diem", dossier, "GT-C-5")["finding"] == "passed"
    seven = finding(programs, "diem", dossier, "GT-C-7")
    assert seven["finding"] == "failed"
    assert "58,71%" in seven["finding_sentence"]

    programs.act("diem", dossier, "start_appraisal")
    refused = programs.refused("diem", dossier, "pass_nominee", nominee=nominee)
    assert (refused.status, refused.code) == (409, "condition_criteria_judged")
    assert "GT-C-7" in refused.sentence


def test_a_return_within_five_working_days_opens_the_dossier_to_the_unit(
    world: World, programs: Programs, commune: tuple[str, str]
) -> None:
    dossier, nominee = commune
    clocks = {clock["code"]: clock for clock in programs.see("diem", dossier)["clocks"]}
    assert clocks["return_notice"]["due_on"] == "2024-11-25"

    send_back(world, programs, dossier, nominee)

    seen = programs.see("tuyen", dossier)
    assert (seen["state"], seen["state_label"], seen["editable"]) == ("returned", "Cần bạn sửa", True)
    (remark,) = seen["remarks"]
    assert (remark["target_kind"], remark["target_ref"]) == ("criterion", f"{nominee}/GT-C-7")
    assert remark["target_label"] == "Xã Phú Lợi, GT-C-7"
    assert (remark["reason_code"], remark["state"]) == ("criterion_not_met", "open")
    newest = seen["timeline"][0]
    assert newest["action"] == "return_dossier"
    assert "58,71 %" in newest["reason"]
    clocks = {clock["code"]: clock for clock in seen["clocks"]}
    assert clocks["appraisal"]["paused"]


def test_the_second_submission_passes_with_the_flag_and_the_third_is_refused(
    world: World, programs: Programs, commune: tuple[str, str]
) -> None:
    dossier, nominee = commune
    send_back(world, programs, dossier, nominee)
    world.at(2024, 11, 26)
    programs.answer("tuyen", dossier, nominee, {"GT-C-7": MORE_FAMILIES})
    # While the unit mends, the appraiser still sees what was sent.
    assert "58,71%" in finding(programs, "khai", dossier, "GT-C-7")["finding_sentence"]

    programs.act("tuyen", dossier, "resubmit")
    seven = finding(programs, "diem", dossier, "GT-C-7")
    assert "60,29%" in seven["finding_sentence"]
    assert (seven["finding"], seven["flags"]) == ("passed", ["evidence_after_period"])

    seen = programs.see("diem", dossier)
    assert (seen["submissions"], [one["n"] for one in seen["versions"]]) == (2, [1, 2])
    families = [
        programs.version(who, dossier, n)["nominees"][0]["content"]["answers"]["GT-C-7"]["numerator"]
        for who in ("diem", "tuyen")
        for n in (1, 2)
    ]
    assert families == [1041, 1069] * 2, "the old verdict's figures stay as they were"

    programs.act(
        "diem",
        dossier,
        "return_dossier",
        reason="Minh chứng ngoài kỳ.",
        reason_code="evidence_outside_period",
    )
    refused = programs.refused("tuyen", dossier, "resubmit")
    assert (refused.status, refused.code) == (409, "condition_resubmission_allowed")
    again = programs.refused("diem", dossier, "unlock_resubmission", reason="Cho gửi thêm.")
    assert (again.status, again.code) == (403, "function_missing"), "only the head of appraisal unlocks"

    programs.act("khai", dossier, "unlock_resubmission", reason="Cho gửi thêm một lần để xã bổ sung.")
    assert programs.act("tuyen", dossier, "resubmit")["state"] == "submitted"
    assert programs.see("tuyen", dossier)["submissions"] == 3


def test_the_head_of_appraisal_refuses_it_for_this_round(
    world: World, programs: Programs, commune: tuple[str, str]
) -> None:
    dossier, nominee = commune
    send_back(world, programs, dossier, nominee)
    world.at(2024, 11, 26)
    programs.answer("tuyen", dossier, nominee, {"GT-C-7": MORE_FAMILIES})
    programs.act("tuyen", dossier, "resubmit")
    world.at(2024, 11, 28)
    programs.act("diem", dossier, "receive")
    done = programs.act(
        "khai",
        dossier,
        "refuse",
        reason="Quyết định 96/QĐ-UBND ban hành sau ngày 31/10/2024; đề nghị chuyển sang đợt GT-2025.",
        reason_code="evidence_outside_period",
    )
    assert done["state"] == "refused"
    seen = programs.see("tuyen", dossier)
    assert [nominee["state"] for nominee in seen["nominees"]] == ["not_passed"]
    assert all(clock["ended"] for clock in seen["clocks"])
    assert "GT-2025" in seen["timeline"][0]["reason"]
