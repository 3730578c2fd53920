"""SC-01: a health centre's dossier with a collective and an individual, from draft to a numbered decision.

Everybody works by program, on the test's clock. ``compose`` makes the same draft by commands, for other tests.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from dossiers.award_round import QuotaPool
from dossiers.criteria import Answer
from storage.files import Files
from tests.builders import ATTESTED, CITIZEN, REPORT, World, a_draft, award_form_code, give_paper
from tests.scenarios.programs import Programs
from workflow.draft import add_nominee, fill_in_nominee

STATION_NAME = "Trạm Y tế xã Vĩnh Phú"
STATION_FIELDS = {"members": "7", "women": "5"}
STATION = {
    "TT-COL-00": ATTESTED,
    "TT-C-1": ATTESTED,
    "TT-C-2": ATTESTED,
    "TT-C-3": ATTESTED,
    "TT-C-4": Answer(numerator=7, denominator=7),
}
NGAN_FIELDS = {
    "honorific": "ba",
    "workplace": "Trạm Y tế xã Vĩnh Phú",
    "position": "Y sĩ",
    "achievement": REPORT,
}
NGAN = {
    "TT-I-0": ATTESTED,
    "TT-I-1": ATTESTED,
    "TT-I-2": Answer(
        document_no="212/QĐ-TTYT",
        document_on=date(2024, 9, 5),
        document_issuer="Trung tâm Y tế Giang Thành",
        note="Tủ sách sức khỏe lưu động",
    ),
    "TT-I-3": CITIZEN,
}


def compose(world: World, files: Files) -> tuple[str, str, str]:
    """Compose SC-01's dossier as Mai Sương did; return the refs of the dossier and of both nominees."""
    world.at(2024, 10, 28)
    dossier, station = a_draft(
        world,
        class_code="health_unit",
        name=STATION_NAME,
        answers=STATION,
        fields=STATION_FIELDS,
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
        fields=NGAN_FIELDS,
        answers=NGAN,
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


def appraised(world: World, files: Files) -> tuple[str, str, str]:
    """Return what ``compose`` does, with both nominees passed by the appraiser and the dossier at its meeting."""
    dossier, station, ngan = compose(world, files)
    world.at(2024, 11, 4)
    for who, action in (("thinh", "submit"), ("diem", "receive"), ("diem", "start_appraisal")):
        world.act(who, dossier, action)
    for nominee in (station, ngan):
        world.act("diem", dossier, "pass_nominee", nominee_ref=nominee)
    world.act("diem", dossier, "finish_appraisal")
    return dossier, station, ngan


def compose_by_program(world: World, programs: Programs) -> tuple[str, str, str]:
    """Compose the same dossier through the API; return the refs of the dossier and of both nominees."""
    world.at(2024, 10, 28)
    dossier = programs.open(
        "suong",
        "GT-2024",
        "Đề nghị khen thưởng năm 2024",
        submission_paper_no="1612/TTr-TTYT",
        submission_paper_on="04/11/2024",
    )
    station = programs.nominate(
        "suong",
        dossier,
        class_code="health_unit",
        name=STATION_NAME,
        fields={"achievement": REPORT, **STATION_FIELDS},
        answers=STATION,
    )
    ngan = programs.nominate(
        "suong",
        dossier,
        class_code="health_staff",
        name="Thị Kim Ngân",
        fields=NGAN_FIELDS,
        answers=NGAN,
    )
    world.at(2024, 11, 1)
    for kind in ("submission_paper", "minutes", "achievement_report"):
        programs.give("suong", dossier, kind)
    for number in range(7):
        name = f"Công dân học tập {number + 1}.pdf"
        programs.give("suong", dossier, "evidence", name=name, nominee_ref=[station])
    programs.give("suong", dossier, "initiative_certificate", nominee_ref=[ngan], criterion="TT-I-2")
    programs.give("suong", dossier, "evidence", nominee_ref=[ngan], criterion="TT-I-3")
    return dossier, station, ngan


def test_a_dossier_travels_from_the_health_centre_to_a_numbered_decision(
    world: World, programs: Programs
) -> None:
    dossier, station, ngan = compose_by_program(world, programs)

    world.at(2024, 11, 4)
    assert programs.act("thinh", dossier, "submit")["state"] == "submitted"

    world.at(2024, 11, 5)
    programs.act("diem", dossier, "receive")
    seen = programs.see("diem", dossier)
    assert (seen["state"], seen["complete_on"]) == ("received", "2024-11-05")
    assert seen["regime_label"]
    assert seen["due_on"] == "2024-12-03"  # 20 working days

    world.at(2024, 11, 12)
    programs.act("diem", dossier, "start_appraisal")
    programs.act("diem", dossier, "pass_nominee", nominee=station)
    programs.act("diem", dossier, "pass_nominee", nominee=ngan)
    assert programs.act("diem", dossier, "finish_appraisal")["state"] == "at_review_meeting"

    world.at(2024, 11, 18)
    done = programs.act(
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
    assert done["state"] == "passed"

    world.at(2024, 11, 21)
    programs.act(
        "tuyet",
        dossier,
        "submit_for_decision",
        fields={"submission_number": "84/TTr-PNV", "submitted_on": "21/11/2024"},
    )
    world.at(2024, 11, 25)
    refused = programs.refused("diem", dossier, "approve")
    assert (refused.status, refused.code) == (403, "function_missing"), "who appraises does not decide"
    programs.act("an", dossier, "approve")
    paper = programs.give("tuyet", dossier, "decision", name="3412-QD-UBND.pdf")
    done = programs.act(
        "tuyet",
        dossier,
        "issue",
        fields={"number": "3412/QĐ-UBND", "issued_on": "25/11/2024", "decision_paper": paper},
    )
    assert done["state"] == "issued"

    seen = programs.see("suong", dossier)
    assert [nominee["state"] for nominee in seen["nominees"]] == ["awarded", "awarded"]
    assert {step["status"] for step in seen["route"]} == {"done"}
    decision = seen["decision"]
    assert (decision["doc_number"], decision["issued_on"], decision["state"], decision["signer"]) == (
        "3412/QĐ-UBND",
        "2024-11-25",
        "issued",
        "Trịnh Hoài An",
    )
    with world.database.reading() as tx:  # neither pages nor programs show the quotas yet
        used = dict(tx.session.execute(select(QuotaPool.nominee_kind, QuotaPool.used)).all())
        assert used == {"collective": 1, "individual": 1, "household": 0}

    auditor = programs.of("phong")
    verdict = auditor.get(f"/dossiers/{dossier}/history/verdict").json
    assert verdict["intact"]
    assert verdict["length"] >= 9
    entries = auditor.get(f"/dossiers/{dossier}/history").json["rows"]
    assert len(entries) == verdict["length"]
    assert [entry["action"] for entry in entries][-3:] == ["approve", "paper_attached", "issue"]
    received = next(entry for entry in entries if entry["action"] == "receive")
    assert (received["who"], received["unit_name"]) == ("Thạch Ngọc Diễm", "Phòng Giáo dục và Đào tạo")
