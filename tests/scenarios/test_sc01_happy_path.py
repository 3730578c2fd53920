"""SC-01: a health centre's dossier with a collective and an individual, from draft to a numbered decision."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from dossiers.award_round import QuotaPool
from dossiers.criteria import Answer
from dossiers.decision import Decision
from dossiers.dossier import Dossier
from storage.files import Files
from tests.builders import ATTESTED, CITIZEN, REPORT, World, a_draft, award_form_code, give_paper
from workflow.draft import add_nominee, fill_in_nominee
from workflow.history import history_of
from workflow.view import dossier_view


def compose(world: World, files: Files) -> tuple[str, str, str]:
    """Compose SC-01's dossier as Mai Sương did; return the refs of the dossier and of both nominees."""
    world.at(2024, 10, 28)
    dossier, station = a_draft(
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
        fields={"members": "7", "women": "5"},
    )
    ngan = add_nominee(
        world.database,
        world.actor("suong"),
        dossier,
        seen_version=world.version(dossier),
        class_code="health_staff",
        name="Thị Kim Ngân",
        award_form=award_form_code(),
    )
    fill_in_nominee(
        world.database,
        world.actor("suong"),
        ngan.ref,
        seen_version=ngan.version,
        fields={
            "honorific": "ba",
            "workplace": "Trạm Y tế xã Vĩnh Phú",
            "position": "Y sĩ",
            "achievement": REPORT,
        },
        answers={
            "TT-I-0": ATTESTED,
            "TT-I-1": ATTESTED,
            "TT-I-2": Answer(
                document_no="212/QĐ-TTYT",
                document_on=date(2024, 9, 5),
                document_issuer="Trung tâm Y tế Giang Thành",
                note="Tủ sách sức khỏe lưu động",
            ),
            "TT-I-3": CITIZEN,
        },
    )
    world.at(2024, 11, 1)
    for kind in ("submission_paper", "minutes", "achievement_report"):
        give_paper(world, files, "suong", dossier, kind)
    for number in range(7):
        give_paper(
            world,
            files,
            "suong",
            dossier,
            "evidence",
            name=f"Công dân học tập {number + 1}.pdf",
            nominees=(station,),
        )
    give_paper(
        world, files, "suong", dossier, "initiative_certificate", nominees=(ngan.ref,), criterion="TT-I-2"
    )
    give_paper(world, files, "suong", dossier, "evidence", nominees=(ngan.ref,), criterion="TT-I-3")
    return dossier, station, ngan.ref


def test_a_dossier_travels_from_the_health_centre_to_a_numbered_decision(world: World, files: Files) -> None:
    dossier, station, ngan = compose(world, files)

    world.at(2024, 11, 4).act("thinh", dossier, "submit")
    assert world.state(dossier) == "submitted"

    world.at(2024, 11, 5).act("diem", dossier, "receive")
    with world.database.reading() as tx:
        row = tx.session.scalars(select(Dossier).where(Dossier.ref == dossier)).one()
        assert row.state == "received"
        assert row.complete_on == date(2024, 11, 5)
        assert row.regime_id is not None
        assert row.due_on == date(2024, 12, 3)  # 20 working days

    world.at(2024, 11, 12).act("diem", dossier, "start_appraisal")
    world.act("diem", dossier, "pass_nominee", nominee_ref=station)
    world.act("diem", dossier, "pass_nominee", nominee_ref=ngan)
    world.act("diem", dossier, "finish_appraisal")
    assert world.state(dossier) == "at_review_meeting"

    world.at(2024, 11, 18).act(
        "khai",
        dossier,
        "record_review_meeting",
        fields={
            "met_on": "18/11/2024",
            "minutes_number": "12/BB-PGDĐT",
            "participants": "Phòng Nội vụ, Hội Khuyến học, Phòng Tài chính - Kế hoạch",
            "result": "Thống nhất đề nghị khen thưởng.",
        },
    )
    assert world.state(dossier) == "passed"

    world.at(2024, 11, 21).act(
        "tuyet",
        dossier,
        "submit_for_decision",
        fields={"submission_number": "84/TTr-PNV", "submitted_on": "21/11/2024"},
    )
    world.at(2024, 11, 25).act("an", dossier, "approve")
    paper = give_paper(world, files, "tuyet", dossier, "decision", name="3412-QD-UBND.pdf")
    done = world.act(
        "tuyet",
        dossier,
        "issue",
        fields={"number": "3412/QĐ-UBND", "issued_on": "25/11/2024", "decision_paper": paper},
    )
    assert done.state == "issued"

    with world.database.reading() as tx:
        used = dict(tx.session.execute(select(QuotaPool.nominee_kind, QuotaPool.used)).all())
        assert used == {"collective": 1, "individual": 1, "household": 0}
        decision = tx.session.scalars(select(Decision)).one()
        assert (decision.doc_number, decision.issued_on, decision.state) == (
            "3412/QĐ-UBND",
            date(2024, 11, 25),
            "issued",
        )
    view = dossier_view(world.database, world.actor("suong"), dossier)
    assert [nominee.state for nominee in view.nominees] == ["awarded", "awarded"]
    assert {step.status for step in view.route} == {"done"}
    assert view.decision is not None
    assert view.decision.signer == "Trịnh Hoài An"

    history = history_of(world.database, world.actor("phong"), dossier)
    assert history.broken_at is None
    assert history.length >= 9
    told = [entry.action for entry in history.entries]
    assert told[-3:] == ["approve", "paper_attached", "issue"]
    appraiser = next(entry for entry in history.entries if entry.action == "receive")
    assert (appraiser.who, appraiser.unit_name) == ("Thạch Ngọc Diễm", "Phòng Giáo dục và Đào tạo")
