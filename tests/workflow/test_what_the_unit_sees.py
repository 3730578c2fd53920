"""What offices say among themselves stays there; what is addressed to the unit reaches it."""

from __future__ import annotations

import io

import pytest

from dossiers.refusals import Conflict, Forbidden, Missing
from storage.files import Files
from tests.builders import MEGABYTE, World, a_pdf, give_paper, person_of
from tests.scenarios.test_sc01_happy_path import appraised
from tests.workflow.journeys import MEETING, SUBMISSION, a_case, a_dossier
from workflow.administration import add_membership, disable_account, enable_account, list_people
from workflow.attach import attach, open_attachment, withdraw_attachment
from workflow.decide import RemarkInput
from workflow.draft import Answer, fill_in_nominee
from workflow.history import history_of
from workflow.inbox import own_dossiers
from workflow.view.dossier import dossier_view

SECRET = "Đơn tố cáo số 12 của một người dân"


def test_why_consideration_is_suspended_is_not_told_to_the_unit(world: World, files: Files) -> None:
    case = a_dossier(world, files, "under_appraisal")
    case.act("diem", "hold", reason=SECRET, fields={"hold_kind": "complaint"})
    for who in ("suong", "thinh"):
        view = dossier_view(world.database, world.actor(who), case.dossier)
        told = [entry for entry in view.timeline if entry.action == "hold"]
        assert [entry.reason for entry in told] == [None]
        history = history_of(world.database, world.actor(who), case.dossier)
        assert SECRET not in str(history)
    for who in ("khai", "phong"):
        assert SECRET in str(history_of(world.database, world.actor(who), case.dossier))


def test_a_remark_to_another_office_is_not_the_units(world: World, files: Files) -> None:
    case = a_dossier(world, files, "pending_decision")
    case.act(
        "an",
        "return_for_review",
        reason="Xem lại danh sách.",
        remarks=[RemarkInput("dossier", None, "other", "Cân nhắc lại trường hợp này.")],
    )
    assert dossier_view(world.database, world.actor("suong"), case.dossier).remarks == ()
    assert len(dossier_view(world.database, world.actor("tuyet"), case.dossier).remarks) == 1


def test_a_remark_says_in_words_where_it_points(small_world: World, files: Files) -> None:
    case = a_dossier(small_world, files, "submitted")
    report = next(
        paper
        for paper in dossier_view(small_world.database, small_world.actor("suong"), case.dossier).papers
        if paper.kind == "achievement_report"
    )
    places = {
        ("dossier", None): "",
        ("nominee", case.nominee): "Trạm Y tế xã Vĩnh Phú",
        ("criterion", f"{case.nominee}/TT-C-4"): "Trạm Y tế xã Vĩnh Phú, TT-C-4",
        ("paper", report.ref): "Báo cáo thành tích",
        ("paper", "evidence"): "Minh chứng",
        ("field", "submission_paper_no"): "Số tờ trình",
    }
    case.act(
        "diem",
        "return_dossier",
        reason="Cần sửa.",
        reason_code="figures_disagree",
        remarks=[RemarkInput(kind, ref, "figures_disagree", "Xem lại.") for kind, ref in places],
    )
    view = dossier_view(small_world.database, small_world.actor("suong"), case.dossier)
    assert [remark.target_label for remark in view.remarks] == list(places.values())


def test_a_remark_is_answered_by_sending_again_and_stands_in_the_record(world: World, files: Files) -> None:
    case = a_dossier(world, files, "submitted")
    case.act(
        "diem",
        "return_dossier",
        reason="Cần sửa.",
        reason_code="figures_disagree",
        remarks=[RemarkInput("nominee", case.nominee, "figures_disagree", "Số người chưa khớp.")],
    )
    view = dossier_view(world.database, world.actor("suong"), case.dossier)
    assert [(remark.state, remark.body) for remark in view.remarks] == [("open", "Số người chưa khớp.")]
    entry = history_of(world.database, world.actor("phong"), case.dossier).entries[-1]
    assert entry.changes["remarks"][0]["body"] == "Số người chưa khớp."
    case.act("suong", "resubmit")
    view = dossier_view(world.database, world.actor("diem"), case.dossier)
    assert [remark.state for remark in view.remarks] == ["answered"]


def test_the_minutes_of_the_offices_are_not_the_units_and_not_a_colleagues_to_take(
    world: World, files: Files
) -> None:
    case = a_dossier(world, files, "at_review_meeting")
    paper = give_paper(world, files, "khai", case.dossier, "meeting_minutes")
    view = dossier_view(world.database, world.actor("khai"), case.dossier)
    version = next(one for one in view.papers if one.ref == paper).versions[0].ref
    assert paper not in {
        one.ref for one in dossier_view(world.database, world.actor("suong"), case.dossier).papers
    }
    with pytest.raises(Missing):
        open_attachment(world.database, files, world.actor("suong"), version)
    assert b"".join(open_attachment(world.database, files, world.actor("tuyet"), version).chunks)
    case.act(
        "khai",
        "record_review_meeting",
        fields={"met_on": "04/11/2024", "minutes_number": "1", "participants": "x", "result": "x"},
    )
    with pytest.raises(Forbidden) as refused:
        withdraw_attachment(
            world.database, world.actor("tuyet"), paper, seen_version=world.version(case.dossier)
        )
    assert refused.value.code == "paper_of_another"


def test_the_draft_of_a_unit_below_is_its_own(world: World, files: Files) -> None:
    from sqlalchemy import select

    from dossiers.org_unit import OrgUnitPeriod
    from tests.builders import a_person

    with world.database.writing() as tx:
        for period in tx.session.scalars(
            select(OrgUnitPeriod).where(OrgUnitPeriod.org_unit_id == world.units["ttyt-giang-thanh"])
        ):
            period.parent_id = world.units["ubnd-xa-phu-loi"]
        a_person(tx, world, "above", "Người Cấp Trên", "ubnd-xa-phu-loi", "Công chức", ("nominator",))
    case = a_case(world, files)
    with pytest.raises(Missing):
        dossier_view(world.database, world.actor("above"), case.dossier)
    assert own_dossiers(world.database, world.actor("above")).rows == ()
    case.act("suong", "submit")
    assert [row.ref for row in own_dossiers(world.database, world.actor("above")).rows] == [case.dossier]
    with pytest.raises(Forbidden):
        case.act("above", "withdraw", reason="x")


def test_a_nominee_returned_by_itself_takes_its_papers_and_comes_back_before_the_meeting(
    world: World, files: Files
) -> None:
    case = a_dossier(world, files, "under_appraisal")
    case.act(
        "diem", "return_nominee", nominee_ref=case.nominee, reason="Thiếu.", reason_code="missing_papers"
    )
    with pytest.raises(Conflict):
        give_paper(world, files, "suong", case.dossier, "evidence")
    give_paper(world, files, "suong", case.dossier, "evidence", nominees=(case.nominee,))
    with pytest.raises(Conflict) as refused:
        case.act("diem", "finish_appraisal")
    assert refused.value.code in ("condition_all_nominees_appraised", "conditions_unmet")
    # When the whole dossier goes back, sending it again takes the nominee along.
    case.act("diem", "return_dossier", reason="Cả hồ sơ cần sửa.", reason_code="other")
    case.act("suong", "resubmit")
    view = dossier_view(world.database, world.actor("diem"), case.dossier)
    assert [nominee.state for nominee in view.nominees] == ["in_play"]


@pytest.mark.parametrize("state", ["issued", "withdrawn", "refused", "escalated"])
def test_nothing_is_written_into_a_dossier_that_has_ended(world: World, files: Files, state: str) -> None:
    case = a_dossier(world, files, state)
    with pytest.raises(Conflict):
        fill_in_nominee(
            world.database,
            world.actor("suong"),
            case.nominee,
            seen_version=world.version(case.dossier),
            name="Tên khác",
        )
    with pytest.raises(Conflict):
        give_paper(world, files, "suong", case.dossier, "withdrawal_request")


def test_the_request_to_withdraw_goes_wherever_the_dossier_is(world: World, files: Files) -> None:
    case = a_dossier(world, files, "under_appraisal")
    give_paper(world, files, "suong", case.dossier, "withdrawal_request")
    case.act("suong", "withdraw_nominee", nominee_ref=case.nominee, reason="Gia đình xin rút.")


def test_an_answer_with_nothing_in_it_is_no_answer(small_world: World, files: Files) -> None:
    case = a_case(small_world, files)
    fill_in_nominee(
        small_world.database,
        small_world.actor("suong"),
        case.nominee,
        seen_version=small_world.version(case.dossier),
        answers={"TT-C-1": Answer()},
    )
    view = dossier_view(small_world.database, small_world.actor("suong"), case.dossier)
    assert "TT-C-1" in view.nominees[0].missing
    with pytest.raises(Conflict) as refused:
        case.act("suong", "submit")
    assert refused.value.code == "condition_criteria_answered"


def test_an_administrator_never_becomes_a_decider(world: World) -> None:
    from datetime import date

    khoi = world.actor("khoi")
    people = {row.login: row.ref for row in list_people(world.database, khoi, limit=100).rows}
    given = {
        "unit_ref": "ubnd-huyen-giang-thanh",
        "function": "decider",
        "position_title": "Chủ tịch",
        "from_on": date(2024, 11, 1),
        "seen_version": 1,
    }
    with pytest.raises(Conflict) as own:
        add_membership(world.database, khoi, people["khoi"], **given)  # type: ignore[arg-type]  # words by name
    assert own.value.code == "not_your_own_place"
    for who, function in (("phong", "decider"), ("an", "administrator"), ("diem", "administrator")):
        with pytest.raises(Conflict) as other:
            add_membership(world.database, khoi, people[who], **{**given, "function": function})  # type: ignore[arg-type]  # as above
        assert other.value.code == "function_stands_alone"


def test_a_token_does_not_outlive_being_disabled(world: World) -> None:
    from datetime import timedelta

    from workflow.accounts import create_token, find_token

    token = create_token(
        world.database,
        account_id=world.accounts["diem"],
        label="máy in",
        scopes="read",
        lifetime=timedelta(days=30),
    )
    khoi, diem = world.actor("khoi"), person_of(world, "diem")
    version = disable_account(world.database, khoi, diem.ref)
    enable_account(world.database, khoi, diem.ref, seen_version=version)
    with world.database.reading() as tx:
        assert find_token(tx, token) is None


def test_nobody_new_joins_after_the_round_has_closed(world: World, files: Files) -> None:
    from workflow.draft import add_nominee

    case = a_dossier(world, files, "returned")
    world.at(2024, 11, 18)
    with pytest.raises(Conflict) as refused:
        add_nominee(
            world.database,
            world.actor("suong"),
            case.dossier,
            seen_version=world.version(case.dossier),
            class_code="health_unit",
            name="Khoa Dược",
        )
    assert refused.value.code == "round_closed"
    attach(
        world.database,
        files,
        world.actor("suong"),
        case.dossier,
        kind="evidence",
        name="bo-sung.pdf",
        stream=io.BytesIO(a_pdf("bổ sung")),
        size_limit=MEGABYTE,
        dossier_limit=MEGABYTE,
    )


def test_the_chair_may_leave_one_out_and_decide_on_the_others(world: World, files: Files) -> None:
    dossier, station, _ = appraised(world, files)
    world.act(
        "khai",
        dossier,
        "record_review_meeting",
        fields={"met_on": "04/11/2024", "minutes_number": "1", "participants": "x", "result": "x"},
    )
    world.act(
        "tuyet",
        dossier,
        "submit_for_decision",
        fields={"submission_number": "1", "submitted_on": "04/11/2024"},
    )
    world.act("an", dossier, "fail_nominee", nominee_ref=station, reason="Chưa tiêu biểu.")
    world.act("an", dossier, "approve")
    view = dossier_view(world.database, world.actor("an"), dossier)
    assert [nominee.state for nominee in view.nominees] == ["not_passed", "listed"]


def test_who_held_the_dossier_hears_that_it_was_withdrawn(world: World, files: Files) -> None:
    from workflow.worker import Worker

    case = a_dossier(world, files, "under_appraisal")
    Worker(world.database, files, None).work_until_idle()
    case.act("suong", "withdraw", reason="Đơn vị xin rút.")
    Worker(world.database, files, None).work_until_idle()
    view = dossier_view(world.database, world.actor("diem"), case.dossier)
    assert ("Thạch Ngọc Diễm", "withdraw") in {(notice.name, notice.kind) for notice in view.notices}


def test_the_others_go_on_when_a_suspended_nominee_is_left_to_a_later_round(
    world: World, files: Files
) -> None:
    dossier, station, _ = appraised(world, files)
    world.act("khai", dossier, "record_review_meeting", fields=MEETING)
    world.act(
        "tuyet",
        dossier,
        "hold_nominee",
        nominee_ref=station,
        reason="Đang xem xét kỷ luật.",
        fields={"hold_kind": "discipline"},
    )
    with pytest.raises(Conflict) as refused:
        world.act("tuyet", dossier, "submit_for_decision", fields=SUBMISSION)
    assert refused.value.code == "condition_no_nominee_on_hold"
    assert "để lại đợt sau" in refused.value.sentence("vi")
    world.act("tuyet", dossier, "defer_nominee", nominee_ref=station, reason="Chưa có kết luận.")
    world.act("tuyet", dossier, "submit_for_decision", fields=SUBMISSION)
    world.act("an", dossier, "approve")
    view = dossier_view(world.database, world.actor("suong"), dossier)
    assert [(one.state, one.on_hold) for one in view.nominees] == [("deferred", False), ("listed", False)]


def test_nobody_is_left_to_a_later_round_without_being_suspended(world: World, files: Files) -> None:
    case = a_dossier(world, files, "under_appraisal")
    with pytest.raises(Conflict) as refused:
        case.act("diem", "defer_nominee", nominee_ref=case.nominee, reason="Chưa có kết luận.")
    assert refused.value.code == "condition_is_on_hold"


def test_while_the_unit_mends_the_offices_read_the_papers_and_the_award_form_that_were_sent(
    world: World, files: Files
) -> None:
    case = a_dossier(world, files, "returned")
    before = dossier_view(world.database, world.actor("diem"), case.dossier)
    assert before.nominees[0].award_form is not None
    minutes = next(paper for paper in before.papers if paper.kind == "minutes")
    withdraw_attachment(
        world.database, world.actor("suong"), minutes.ref, seen_version=world.version(case.dossier)
    )
    give_paper(world, files, "suong", case.dossier, "evidence", nominees=(case.nominee,))
    other = next(
        code
        for code, _ in dossier_view(world.database, world.actor("suong"), case.dossier).award_forms
        if code != before.nominees[0].award_form
    )
    fill_in_nominee(
        world.database,
        world.actor("suong"),
        case.nominee,
        seen_version=world.version(case.dossier),
        award_form=other,
    )
    own = dossier_view(world.database, world.actor("suong"), case.dossier)
    assert own.nominees[0].award_form == other
    assert "Biên bản xét khen thưởng" in own.missing_papers
    now = dossier_view(world.database, world.actor("diem"), case.dossier)
    assert now.nominees[0].award_form == before.nominees[0].award_form
    assert now.nominees[0].award_form_label == before.nominees[0].award_form_label
    assert now.missing_papers == before.missing_papers
    assert now.papers == before.papers
    assert [one.papers for one in now.nominees[0].answers] == [
        one.papers for one in before.nominees[0].answers
    ]
