"""SC-02: a school's dossier comes in incomplete; the commune asks for a supplement, and the clock waits."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from dossiers.criteria import Answer
from dossiers.dossier import Dossier, Notice
from dossiers.people import Person
from dossiers.refusals import Conflict
from storage.database import Database, TestClock
from storage.files import Files
from tests.builders import ATTESTED, World, a_commune, a_draft, award_form_code, give_paper
from workflow.view import dossier_view, frozen_version
from workflow.worker import Worker, put_schedules


@pytest.fixture
def commune(database: Database, clock: TestClock) -> World:
    """Tân Giang on the Monday the school sends its dossier."""
    clock.set(clock.now().replace(year=2025, month=11, day=10))
    return a_commune(database, clock).at(2025, 11, 10)


@pytest.fixture
def worker(commune: World, files: Files) -> Worker:
    """The worker, run by hand: every promise and every schedule that is due is kept at once."""
    put_schedules(commune.database)
    return Worker(commune.database, files, None)


@pytest.fixture
def school(commune: World, files: Files) -> tuple[str, str]:
    """Thầy Nguyễn Hữu Trí's dossier as sent on 10/11/2025: no minutes, no citizen's decision."""
    dossier, nominee = a_draft(
        commune,
        who="tri_school",
        round_code="TG-2025",
        class_code="individual_staff",
        name="Nguyễn Hữu Trí",
        form=award_form_code("commune"),
        fields={"honorific": "ong", "workplace": "Trường THCS Tân Giang"},
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
    give_paper(commune, files, "tri_school", dossier, "submission_paper")
    give_paper(commune, files, "tri_school", dossier, "achievement_report")
    give_paper(
        commune,
        files,
        "tri_school",
        dossier,
        "initiative_certificate",
        nominees=(nominee,),
        criterion="GT-IA-2",
    )
    commune.act("head_school", dossier, "submit")
    return dossier, nominee


def ask_for_supplement(world: World, dossier: str) -> None:
    world.at(2025, 11, 12).act(
        "linh",
        dossier,
        "request_supplement",
        reason="Hồ sơ còn thiếu giấy tờ theo danh mục.",
        fields={"due_on": "19/11/2025", "missing_papers": "Biên bản họp Hội đồng trường; Công dân học tập"},
    )


def told(world: World, dossier: str) -> list[tuple[str, str]]:
    """Return who was told of what, in order."""
    with world.database.reading() as tx:
        return [
            (row.full_name, row.kind)
            for row in tx.session.execute(
                select(Person.full_name, Notice.kind)
                .join(Notice, Notice.person_id == Person.id)
                .join(Dossier, Dossier.id == Notice.dossier_id)
                .where(Dossier.ref == dossier)
                .order_by(Notice.id)
            )
        ]


def test_what_is_missing_is_listed_and_stops_the_receipt(commune: World, school: tuple[str, str]) -> None:
    dossier, _ = school
    commune.at(2025, 11, 12)
    missing = dossier_view(commune.database, commune.actor("linh"), dossier).missing_papers
    assert "Biên bản xét khen thưởng" in missing
    assert any("GT-IA-3" in line for line in missing)
    with pytest.raises(Conflict) as refused:
        commune.act("linh", dossier, "receive")
    assert refused.value.code == "condition_papers_complete"

    ask_for_supplement(commune, dossier)
    view = dossier_view(commune.database, commune.actor("tri_school"), dossier)
    assert (view.state, view.due_on, view.editable) == ("supplement_requested", date(2025, 11, 19), True)
    assert view.complete_on is None, "the regime and the appraisal clock wait for the complete dossier"
    assert [clock.code for clock in view.clocks] == ["supplement"]
    assert "Biên bản xét khen thưởng" in view.missing_papers, "the school sees the list as well"


def test_the_supplement_completes_the_dossier_and_starts_the_clock(
    commune: World, files: Files, worker: Worker, school: tuple[str, str]
) -> None:
    dossier, nominee = school
    ask_for_supplement(commune, dossier)
    worker.work_until_idle()
    assert ("Phạm Thị Ngọc Lan", "request_supplement") in told(commune, dossier)

    commune.at(2025, 11, 17, 8)
    worker.work_until_idle()
    assert not [kind for _, kind in told(commune, dossier) if kind == "reminder"]
    commune.at(2025, 11, 18, 8)  # the fourth working day
    worker.work_until_idle()
    worker.work_until_idle()
    reminded = [name for name, kind in told(commune, dossier) if kind == "reminder"]
    assert reminded == ["Phạm Thị Ngọc Lan"], "whose turn it is, once"

    give_paper(commune, files, "tri_school", dossier, "minutes")
    give_paper(commune, files, "tri_school", dossier, "evidence", nominees=(nominee,), criterion="GT-IA-3")
    give_paper(commune, files, "tri_school", dossier, "achievement_report", name="bao-cao-co-xac-nhan.pdf")
    commune.act("head_school", dossier, "answer_supplement")

    # The round closed on 14/11: a supplement inside the allowed time is no late submission.
    commune.at(2025, 11, 19).act("linh", dossier, "receive")
    view = dossier_view(commune.database, commune.actor("linh"), dossier)
    assert (view.state, view.late, view.complete_on) == ("received", False, date(2025, 11, 19))
    assert view.due_on == date(2025, 12, 17)
    assert [(version.n, version.purpose) for version in view.versions] == [(1, "submit"), (2, "submit")]
    first = frozen_version(commune.database, commune.actor("linh"), dossier, 1)
    second = frozen_version(commune.database, commune.actor("linh"), dossier, 2)
    assert "minutes" not in {paper["kind"] for paper in first.papers}
    assert "minutes" in {paper["kind"] for paper in second.papers}


def test_when_nothing_arrives_the_clock_returns_the_dossier(
    commune: World, worker: Worker, school: tuple[str, str]
) -> None:
    dossier, _ = school
    ask_for_supplement(commune, dossier)
    commune.at(2025, 11, 19, 23, 59, 59)
    worker.work_until_idle()
    assert commune.state(dossier) == "supplement_requested", "the last good day is whole"

    commune.at(2025, 11, 20, 0, 10)
    worker.work_until_idle()
    view = dossier_view(commune.database, commune.actor("tri_school"), dossier)
    assert view.state == "returned"
    newest = view.timeline[0]
    assert (newest.action, newest.who) == ("return_overdue", "Hệ thống, theo thời hạn")
    assert newest.reason is not None
    assert "bổ sung" in newest.reason.lower()
    assert ("Phạm Thị Ngọc Lan", "return_overdue") in told(commune, dossier)
    assert ("Neáng Sóc Linh", "request_supplement") not in told(commune, dossier)
