"""SC-02: a school's dossier comes in incomplete; the commune asks for a supplement, and the clock waits.

Everybody works by program, on the test's clock.
"""

from __future__ import annotations

from datetime import date

import pytest

from dossiers.criteria import Answer
from storage.database import Database, TestClock
from storage.files import Files
from tests.builders import ATTESTED, World, a_commune, award_form_code
from tests.scenarios.programs import Programs
from workflow.worker import Worker, put_schedules

MISSING = "Biên bản họp Hội đồng trường; Công dân học tập"
DAY = slice(0, 10)  # of a moment in an answer; those looked at here lie in the middle of their day


@pytest.fixture
def world(database: Database, clock: TestClock) -> World:
    """Tân Giang on the Monday the school sends its dossier."""
    clock.set(clock.now().replace(year=2025, month=11, day=10))
    return a_commune(database, clock).at(2025, 11, 10)


@pytest.fixture
def worker(world: World, files: Files) -> Worker:
    """The worker, run by hand: every promise and every schedule that is due is kept at once."""
    put_schedules(world.database)
    return Worker(world.database, files, None)


@pytest.fixture
def school(programs: Programs) -> tuple[str, str]:
    """Thầy Nguyễn Hữu Trí's dossier as sent on 10/11/2025: no minutes, no citizen's decision."""
    dossier = programs.open(
        "tri_school",
        "TG-2025",
        "Đề nghị khen thưởng Nguyễn Hữu Trí",
        submission_paper_no="21/TTr-THCS",
        submission_paper_on="10/11/2025",
    )
    nominee = programs.nominate(
        "tri_school",
        dossier,
        class_code="individual_staff",
        name="Nguyễn Hữu Trí",
        form=award_form_code("commune"),
        fields={
            "honorific": "ong",
            "workplace": "Trường THCS Tân Giang",
            "achievement": "Lập góc học liệu mở, 38 buổi hướng dẫn tự học cho 96 học sinh.",
        },
        answers={
            "GT-I-0": ATTESTED,
            "GT-IA-1": ATTESTED,
            "GT-IA-2": Answer(
                document_no="37/QĐ-UBND",
                document_on=date(2025, 9, 12),
                document_issuer="UBND xã Tân Giang",
                note="Góc học liệu mở",
            ),
            "GT-IA-3": Answer(note="Đang chờ quyết định công nhận."),
        },
    )
    programs.give("tri_school", dossier, "submission_paper")
    programs.give("tri_school", dossier, "achievement_report", text="chưa có xác nhận của cấp trình")
    programs.give("tri_school", dossier, "initiative_certificate", nominee_ref=[nominee], criterion="GT-IA-2")
    assert programs.act("head_school", dossier, "submit")["state"] == "submitted"
    return dossier, nominee


def ask_for_supplement(world: World, programs: Programs, dossier: str) -> None:
    world.at(2025, 11, 12)
    programs.act(
        "linh",
        dossier,
        "request_supplement",
        reason="Hồ sơ còn thiếu giấy tờ theo danh mục.",
        fields={"due_on": "19/11/2025", "missing_papers": MISSING},
    )


def told(programs: Programs, dossier: str) -> list[tuple[str, str]]:
    """Return who was told of what, the newest first, as the school reads it."""
    return [(notice["name"], notice["kind"]) for notice in programs.see("tri_school", dossier)["notices"]]


def test_what_is_missing_is_listed_and_stops_the_receipt(
    world: World, programs: Programs, school: tuple[str, str]
) -> None:
    dossier, _ = school
    world.at(2025, 11, 12)
    missing = programs.see("linh", dossier)["missing_papers"]
    assert "Biên bản xét khen thưởng" in missing
    assert any("GT-IA-3" in line for line in missing)
    refused = programs.refused("linh", dossier, "receive")
    assert (refused.status, refused.code) == (409, "condition_papers_complete")
    assert "còn thiếu 2 giấy tờ" in refused.sentence

    ask_for_supplement(world, programs, dossier)
    seen = programs.see("tri_school", dossier)
    assert (seen["state"], seen["due_on"], seen["editable"]) == ("supplement_requested", "2025-11-19", True)
    assert seen["complete_on"] is None, "the regime and the appraisal clock wait for the complete dossier"
    assert [(clock["code"], clock["ended"]) for clock in seen["clocks"]] == [("supplement", False)]
    assert seen["missing_papers"] == missing, "the school sees the list as well"
    newest = seen["timeline"][0]
    assert (newest["action"], newest["changes"]["fields"]["missing_papers"]) == (
        "request_supplement",
        MISSING,
    )


def test_the_supplement_completes_the_dossier_and_starts_the_clock(
    world: World, programs: Programs, worker: Worker, school: tuple[str, str]
) -> None:
    dossier, nominee = school
    ask_for_supplement(world, programs, dossier)
    worker.work_until_idle()
    assert ("Phạm Thị Ngọc Lan", "request_supplement") in told(programs, dossier)

    world.at(2025, 11, 17, 8)
    worker.work_until_idle()
    assert "reminder" not in [kind for _, kind in told(programs, dossier)]
    world.at(2025, 11, 18, 8)  # the fourth working day
    worker.work_until_idle()
    worker.work_until_idle()
    reminded = [name for name, kind in told(programs, dossier) if kind == "reminder"]
    assert reminded == ["Phạm Thị Ngọc Lan"], "whose turn it is, once"

    papers = {paper["kind"]: paper["ref"] for paper in programs.see("tri_school", dossier)["papers"]}
    report = papers["achievement_report"]
    programs.give("tri_school", dossier, "minutes")
    programs.give("tri_school", dossier, "evidence", nominee_ref=[nominee], criterion="GT-IA-3")
    programs.give(
        "tri_school", dossier, "achievement_report", replaces=report, text="có xác nhận của cấp trình"
    )
    kept = {paper["kind"] for paper in programs.see("linh", dossier)["papers"]}
    assert "minutes" not in kept, "while the school mends, the commune reads what was sent"
    programs.act("head_school", dossier, "answer_supplement")

    # The round closed on 14/11: a supplement inside the allowed time is no late submission.
    world.at(2025, 11, 19)
    programs.act("linh", dossier, "receive")
    seen = programs.see("linh", dossier)
    assert (seen["state"], seen["late"], seen["complete_on"]) == ("received", False, "2025-11-19")
    assert seen["due_on"] == "2025-12-17"
    clocks = {clock["code"]: clock for clock in seen["clocks"]}
    assert clocks["supplement"]["ended"]
    appraisal = clocks["appraisal"]
    assert (appraisal["started_at"][DAY], appraisal["due_on"]) == ("2025-11-19", "2025-12-17")
    assert (appraisal["paused"], appraisal["ended"]) == (False, False)

    assert [(one["n"], one["purpose"]) for one in seen["versions"]] == [(1, "submit"), (2, "submit")]
    assert [one["frozen_at"][DAY] for one in seen["versions"]] == ["2025-11-10", "2025-11-18"]
    for who in ("linh", "tri_school"):  # both are kept, and readable down to their bytes
        first, second = programs.version(who, dossier, 1), programs.version(who, dossier, 2)
        assert sorted(paper["kind"] for paper in first["papers"]) == [
            "achievement_report",
            "initiative_certificate",
            "submission_paper",
        ]
        assert sorted(paper["kind"] for paper in second["papers"]) == [
            "achievement_report",
            "evidence",
            "initiative_certificate",
            "minutes",
            "submission_paper",
        ]
        reports = {
            paper["sha256"]
            for paper in (*first["papers"], *second["papers"])
            if paper["kind"] == "achievement_report"
        }
        assert len(reports) == 2, "the report without the confirmation is kept beside the one that has it"


def test_when_nothing_arrives_the_clock_returns_the_dossier(
    world: World, programs: Programs, worker: Worker, school: tuple[str, str]
) -> None:
    dossier, _ = school
    ask_for_supplement(world, programs, dossier)
    world.at(2025, 11, 19, 23, 59, 59)
    worker.work_until_idle()
    assert programs.see("linh", dossier)["state"] == "supplement_requested", "the last good day is whole"

    world.at(2025, 11, 20, 0, 10)
    worker.work_until_idle()
    seen = programs.see("tri_school", dossier)
    assert (seen["state"], seen["editable"]) == ("returned", True)
    newest = seen["timeline"][0]
    assert (newest["action"], newest["who"]) == ("return_overdue", "Hệ thống, theo thời hạn")
    assert newest["reason"] == "Quá hạn bổ sung"
    assert ("Phạm Thị Ngọc Lan", "return_overdue") in told(programs, dossier)
    assert ("Neáng Sóc Linh", "request_supplement") not in told(programs, dossier)
    assert [version["n"] for version in seen["versions"]] == [1]
    assert programs.version("tri_school", dossier, 1)["purpose"] == "submit"
