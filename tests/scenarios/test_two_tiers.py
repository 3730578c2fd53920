"""The two-tier route end to end: a commune's council is a recorded step, its figures must add up."""

from __future__ import annotations

from datetime import date

import pytest

from dossiers.criteria import Answer
from dossiers.refusals import InvalidForm
from storage.database import Database, TestClock
from storage.files import Files
from tests.builders import ATTESTED, a_commune, a_draft, a_person, award_form_code, give_paper
from workflow.view.dossier import dossier_view

COUNCIL = {
    "met_on": "25/11/2025",
    "minutes_number": "08/BB-HĐTĐKT",
    "members_total": "11",
    "members_present": "9",
    "written_opinions": "1",
    "votes_yes": "10",
}


def test_a_teacher_is_honoured_by_the_chair_of_the_commune(
    database: Database, clock: TestClock, files: Files
) -> None:
    clock.set(clock.now().replace(year=2025, month=11, day=7))
    world = a_commune(database, clock).at(2025, 11, 7)
    with database.writing() as tx:
        a_person(
            tx, world, "clerk", "Trần Thị Thu Thủy", "phong-vhxh-tan-giang", "Thư ký", ("council_secretary",)
        )
    dossier, nominee = a_draft(
        world,
        who="tri_school",
        round_code="TG-2025",
        class_code="individual_other",
        name="Huỳnh Thị Tư",
        form=award_form_code("commune"),
        fields={"honorific": "ba", "workplace": "Hội Khuyến học xã"},
        answers={
            "GT-I-0": ATTESTED,
            "GT-IB-1": ATTESTED,
            "GT-IB-2": Answer(
                document_no="60/QĐ-HKH", document_on=date(2025, 10, 2), document_issuer="Hội Khuyến học xã"
            ),
        },
    )
    for kind in ("submission_paper", "minutes", "achievement_report"):
        give_paper(world, files, "tri_school", dossier, kind)
    give_paper(world, files, "tri_school", dossier, "evidence", nominees=(nominee,))
    world.act("head_school", dossier, "submit")
    world.at(2025, 11, 10).act("linh", dossier, "receive")
    world.act("linh", dossier, "start_appraisal")
    world.act("linh", dossier, "pass_nominee", nominee_ref=nominee)
    world.act("linh", dossier, "finish_appraisal")
    assert world.state(dossier) == "at_council"

    world.at(2025, 11, 25)
    required = {
        field.key: COUNCIL.get(field.key, "Thống nhất đề nghị khen thưởng.")
        for action in dossier_view(database, world.actor("clerk"), dossier).actions
        if action.key == "record_council_result"
        for field in action.fields
    }
    for wrong, field in (({"members_present": "99"}, "members_present"), ({"votes_yes": "11"}, "votes_yes")):
        with pytest.raises(InvalidForm) as refused:
            world.act("clerk", dossier, "record_council_result", fields={**required, **wrong})
        assert [problem.field for problem in refused.value.problems] == [field]
    world.act("clerk", dossier, "record_council_result", fields=required)
    assert world.state(dossier) == "council_passed"

    world.act(
        "my",
        dossier,
        "submit_for_decision",
        fields={"submission_number": "5/TTr", "submitted_on": "25/11/2025"},
    )
    world.at(2025, 12, 2).act("van", dossier, "approve")
    paper = give_paper(world, files, "my", dossier, "decision")
    done = world.act(
        "my", dossier, "issue", fields={"number": "118", "issued_on": "02/12/2025", "decision_paper": paper}
    )
    assert done.state == "issued"
    view = dossier_view(database, world.actor("tri_school"), dossier)
    assert view.decision is not None
    assert view.decision.doc_number == "118/QĐ-UBND"
    assert all(clock.ended for clock in view.clocks)
