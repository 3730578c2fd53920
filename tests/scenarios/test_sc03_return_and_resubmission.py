"""SC-03: a ratio fails, the dossier is returned and sent again; the new evidence is dated too late."""

from __future__ import annotations

from datetime import date

import pytest

from dossiers.criteria import Answer
from dossiers.refusals import Conflict
from storage.files import Files
from tests.builders import ATTESTED, World, a_draft, give_paper
from workflow.decide import RemarkInput
from workflow.draft import fill_in_nominee
from workflow.view import dossier_view, frozen_version

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
def commune(world: World, files: Files) -> tuple[str, str]:
    """The dossier of UBND xã Phú Lợi as received complete on 18/11/2024."""
    world.at(2024, 11, 12)
    dossier, nominee = a_draft(world, who="tuyen", class_code="commune", name="Xã Phú Lợi", answers=ANSWERS)
    for kind in ("submission_paper", "minutes", "achievement_report"):
        give_paper(world, files, "tuyen", dossier, kind)
    give_paper(world, files, "tuyen", dossier, "evidence", nominees=(nominee,))
    world.at(2024, 11, 15, 16, 59).act("tuyen", dossier, "submit")
    world.at(2024, 11, 18).act("diem", dossier, "receive")
    return dossier, nominee


def finding(world: World, who: str, dossier: str, code: str) -> tuple[str, str, tuple[str, ...]]:
    """Return what the rules find about a criterion, as that person sees it."""
    nominee = dossier_view(world.database, world.actor(who), dossier).nominees[0]
    found = next(one for one in nominee.answers if one.code == code)
    return found.finding, found.finding_sentence, found.flags


def send_back(world: World, dossier: str) -> None:
    world.at(2024, 11, 22).act(
        "khai",
        dossier,
        "return_dossier",
        reason="Gia đình học tập phải từ 60 % trở lên; hồ sơ ghi 1.041/1.773 gia đình, bằng 58,71 %.",
        reason_code="criterion_not_met",
        remarks=[RemarkInput("criterion", "GT-C-7", "criterion_not_met", "Cần đạt từ 60% trở lên.")],
    )


def test_the_failing_ratio_is_found_and_cannot_be_passed(world: World, commune: tuple[str, str]) -> None:
    dossier, nominee = commune
    assert finding(world, "diem", dossier, "GT-C-6")[0] == "passed"
    outcome, sentence, _ = finding(world, "diem", dossier, "GT-C-7")
    assert outcome == "failed"
    assert "58,71%" in sentence

    world.act("diem", dossier, "start_appraisal")
    with pytest.raises(Conflict) as refused:
        world.act("diem", dossier, "pass_nominee", nominee_ref=nominee)
    assert refused.value.code == "condition_criteria_judged"
    assert "GT-C-7" in refused.value.sentence()


def test_a_return_within_five_working_days_opens_the_dossier_to_the_unit(
    world: World, commune: tuple[str, str]
) -> None:
    dossier, _ = commune
    view = dossier_view(world.database, world.actor("diem"), dossier)
    notice = next(clock for clock in view.clocks if clock.code == "return_notice")
    assert notice.due_on == date(2024, 11, 25)

    send_back(world, dossier)

    view = dossier_view(world.database, world.actor("tuyen"), dossier)
    assert (view.state, view.state_label, view.editable) == ("returned", "Cần bạn sửa", True)
    assert [remark.target_ref for remark in view.remarks] == ["GT-C-7"]
    appraisal = next(clock for clock in view.clocks if clock.code == "appraisal")
    assert appraisal.paused


def test_the_second_submission_passes_with_the_flag_and_the_third_is_refused(
    world: World, commune: tuple[str, str]
) -> None:
    dossier, nominee = commune
    send_back(world, dossier)
    world.at(2024, 11, 26)
    fill_in_nominee(
        world.database,
        world.actor("tuyen"),
        nominee,
        seen_version=world.version(dossier),
        answers={"GT-C-7": MORE_FAMILIES},
    )
    # While the unit mends, the appraiser still sees what was sent.
    assert "58,71%" in finding(world, "khai", dossier, "GT-C-7")[1]

    world.act("tuyen", dossier, "resubmit")
    outcome, sentence, flags = finding(world, "diem", dossier, "GT-C-7")
    assert "60,29%" in sentence
    assert outcome in ("passed", "needs_person")
    assert "evidence_after_period" in flags

    view = dossier_view(world.database, world.actor("diem"), dossier)
    assert view.submissions == 2
    first = frozen_version(world.database, world.actor("diem"), dossier, 1)
    assert first.nominees[0]["content"]["answers"]["GT-C-7"]["numerator"] == 1041
    second = frozen_version(world.database, world.actor("diem"), dossier, 2)
    assert second.nominees[0]["content"]["answers"]["GT-C-7"]["numerator"] == 1069

    world.act(
        "diem",
        dossier,
        "return_dossier",
        reason="Minh chứng ngoài kỳ.",
        reason_code="evidence_outside_period",
    )
    with pytest.raises(Conflict) as refused:
        world.act("tuyen", dossier, "resubmit")
    assert refused.value.code == "condition_resubmission_allowed"

    world.act("khai", dossier, "unlock_resubmission", reason="Cho gửi thêm một lần để xã bổ sung.")
    assert world.act("tuyen", dossier, "resubmit").state == "submitted"


def test_the_head_of_appraisal_refuses_it_for_this_round(world: World, commune: tuple[str, str]) -> None:
    dossier, _ = commune
    done = world.at(2024, 11, 28).act(
        "khai",
        dossier,
        "refuse",
        reason="Quyết định 96/QĐ-UBND ban hành sau ngày 31/10/2024; đề nghị chuyển sang đợt GT-2025.",
        reason_code="evidence_outside_period",
    )
    assert done.state == "refused"
    view = dossier_view(world.database, world.actor("tuyen"), dossier)
    assert [nominee.state for nominee in view.nominees] == ["not_passed"]
    assert all(clock.ended for clock in view.clocks)
