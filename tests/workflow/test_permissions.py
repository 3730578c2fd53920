"""The permission matrix is a document that people can read, and this test reads it."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from dossiers.dossier import Dossier
from dossiers.people import Account, Membership
from dossiers.refusals import Conflict, Forbidden, Invalid, Missing, Refusal
from storage.files import Files
from tests.builders import World, a_person, give_paper
from tests.workflow.journeys import JOURNEYS, a_dossier
from workflow.attach import withdraw_attachment
from workflow.decide import act
from workflow.draft import add_nominee, fill_in, fill_in_nominee, open_dossier, remove_nominee
from workflow.history import history_of
from workflow.inbox import own_dossiers, waiting_for_me
from workflow.view.dossier import dossier_view

LETTERS = {
    "N": ("nominator", "ttyt-giang-thanh"),
    "H": ("unit_head", "ttyt-giang-thanh"),
    "I": ("intake", "phong-gddt-giang-thanh"),
    "A": ("appraiser", "phong-gddt-giang-thanh"),
    "P": ("appraisal_head", "phong-gddt-giang-thanh"),
    "O": ("award_officer", "phong-noi-vu-giang-thanh"),
    "R": ("registry_clerk", "phong-noi-vu-giang-thanh"),
    "D": ("decider", "ubnd-huyen-giang-thanh"),
}


def read_matrix() -> dict[tuple[str, str], str]:
    """Return the letters of every cell, by action and state."""
    lines = (Path(__file__).parent / "permission_matrix.txt").read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("action "))
    short = {state[:5]: state for state in JOURNEYS}
    short.update({"appra": "under_appraisal", "meeti": "at_review_meeting"})
    columns = [short[word] for word in lines[start].split()[1:]]
    cells = {}
    for line in lines[start + 1 :]:
        action, *letters = line.split()
        for state, cell in zip(columns, letters, strict=True):
            cells[action, state] = cell.strip(".")
    return cells


MATRIX = read_matrix()
ACTIONS = sorted({action for action, _ in MATRIX})


def fresh_people(world: World) -> None:
    """Give each letter a person of its own, who has done nothing yet."""
    with world.database.writing() as tx:
        for letter, (function, unit) in LETTERS.items():
            a_person(tx, world, f"fresh-{letter}", f"Người Mới {letter}", unit, "Chuyên viên", (function,))


def rows_of(world: World) -> str:
    """Return every dossier's ref, state and version as text: what a refused deed must leave alone."""
    with world.database.reading() as tx:
        out = io.StringIO()
        csv.writer(out).writerows(
            tx.session.execute(select(Dossier.ref, Dossier.state, Dossier.version).order_by(Dossier.id))
        )
        return out.getvalue()


@pytest.mark.parametrize("state", JOURNEYS)
def test_each_function_is_offered_exactly_its_cells(small_world: World, files: Files, state: str) -> None:
    case = a_dossier(small_world, files, state)
    fresh_people(small_world)
    offered: dict[str, set[str]] = {action: set() for action in ACTIONS}
    for letter in LETTERS:
        try:
            view = dossier_view(small_world.database, small_world.actor(f"fresh-{letter}"), case.dossier)
        except Missing:
            assert state == "draft", letter  # a draft is nobody's but the unit's
            continue
        for action in view.actions:
            offered[action.key].add(letter)
    expected = {action: set(MATRIX[action, state]) for action in ACTIONS}
    expected["release"] = set()  # nothing is on hold
    assert offered == expected


def test_a_hold_may_be_released_by_those_the_table_names(small_world: World, files: Files) -> None:
    case = a_dossier(small_world, files, "under_appraisal")
    case.act("diem", "hold", reason="Có đơn thư.", fields={"hold_kind": "complaint"})
    fresh_people(small_world)
    offered = {
        letter
        for letter in LETTERS
        for action in dossier_view(
            small_world.database, small_world.actor(f"fresh-{letter}"), case.dossier
        ).actions
        if action.key == "release"
    }
    assert offered == set(MATRIX["release", "under_appraisal"])
    with pytest.raises(Conflict):
        case.act("diem", "finish_appraisal")
    case.act("diem", "release", reason="Kết luận không vi phạm.")


@pytest.mark.parametrize("state", JOURNEYS)
def test_every_other_deed_is_refused_and_changes_nothing(
    small_world: World, files: Files, state: str
) -> None:
    case = a_dossier(small_world, files, state)
    fresh_people(small_world)
    before = rows_of(small_world)
    seen = small_world.version(case.dossier)
    people = [f"fresh-{letter}" for letter in LETTERS] + ["tuyen", "khoi", "phong"]
    for who in people:
        actor = small_world.actor(who)
        for action in ACTIONS:
            letter = who.removeprefix("fresh-")
            if letter in MATRIX[action, state]:
                continue
            with pytest.raises(Refusal) as refused:
                act(small_world.database, actor, case.dossier, action, seen_version=seen, reason="Thử.")
            if who in ("tuyen", "khoi"):
                assert isinstance(refused.value, Missing), (who, action)
            else:
                assert isinstance(refused.value, Forbidden | Missing | Conflict), (who, action)
                assert refused.value.code in (
                    "function_missing",
                    "action_by_system",
                    "wrong_state",
                    "not_found",
                ), (who, action)
    assert rows_of(small_world) == before


def test_a_foreign_dossier_is_the_same_as_a_missing_one(world: World, files: Files) -> None:
    case = a_dossier(world, files, "received")
    stranger = world.actor("tuyen")
    database = world.database
    seen = world.version(case.dossier)
    tries = {
        "view": lambda ref: dossier_view(database, stranger, ref),
        "history": lambda ref: history_of(database, stranger, ref),
        "act": lambda ref: act(database, stranger, ref, "withdraw", seen_version=seen, reason="x"),
        "fill_in": lambda ref: fill_in(database, stranger, ref, seen_version=seen, fields={}),
        "nominee": lambda ref: add_nominee(
            database, stranger, ref, seen_version=seen, class_code="commune", name="X"
        ),
    }
    for name, attempt in tries.items():
        answers = []
        for ref in (case.dossier, "0198c0de-0000-7000-8000-000000000000", "GT-2024-9999", "x' OR 1=1"):
            with pytest.raises(Missing) as refused:
                attempt(ref)
            answers.append((refused.value.code, refused.value.sentence(), refused.value.values))
        assert len(set(map(str, answers))) == 1, name
    with pytest.raises(Missing):
        fill_in_nominee(database, stranger, case.nominee, seen_version=seen, fields={})
    with pytest.raises(Missing):
        remove_nominee(database, stranger, case.nominee, seen_version=seen)
    paper = dossier_view(database, world.actor("suong"), case.dossier).papers[0]
    with pytest.raises(Missing):
        withdraw_attachment(database, stranger, paper.ref, seen_version=seen)
    assert own_dossiers(database, stranger).rows == ()
    assert own_dossiers(database, stranger, search="vinh phu").rows == ()
    assert waiting_for_me(database, stranger).rows == ()


def give_function(world: World, who: str, function: str, unit: str) -> None:
    """Let somebody take over another function as well, from 1 November on."""
    with world.database.writing() as tx:
        person = tx.session.scalars(select(Account.person_id).where(Account.id == world.accounts[who])).one()
        tx.session.add(
            Membership(
                person_id=person,
                org_unit_id=world.units[unit],
                function=function,
                position_title="Kiêm nhiệm",
                from_on=date(2024, 11, 1),
            )
        )


@pytest.mark.parametrize(
    ("who", "function", "unit", "state", "action"),
    [
        ("suong", "intake", "phong-gddt-giang-thanh", "submitted", "receive"),
        ("suong", "appraiser", "phong-gddt-giang-thanh", "received", "start_appraisal"),
        ("suong", "decider", "ubnd-huyen-giang-thanh", "pending_decision", "approve"),
        ("diem", "award_officer", "phong-noi-vu-giang-thanh", "passed", "submit_for_decision"),
        ("diem", "decider", "ubnd-huyen-giang-thanh", "pending_decision", "approve"),
        ("khai", "decider", "ubnd-huyen-giang-thanh", "pending_decision", "approve"),
        ("tuyet", "decider", "ubnd-huyen-giang-thanh", "pending_decision", "approve"),
        ("an", "award_officer", "phong-noi-vu-giang-thanh", "approved", "issue"),
        ("diem", "nominator", "ttyt-giang-thanh", "returned", "resubmit"),
        ("khai", "unit_head", "ttyt-giang-thanh", "approved", "withdraw"),
    ],
)
def test_one_person_has_one_duty_in_one_dossier(
    world: World, files: Files, who: str, function: str, unit: str, state: str, action: str
) -> None:
    case = a_dossier(world, files, state)
    give_function(world, who, function, unit)
    before = rows_of(world)
    with pytest.raises(Forbidden) as refused:
        world.act(who, case.dossier, action, reason="x")
    assert refused.value.code == "duties_conflict"
    assert rows_of(world) == before


def test_a_place_that_ended_is_felt_at_the_next_request(world: World, files: Files) -> None:
    case = a_dossier(world, files, "submitted")
    with world.database.writing() as tx:
        person = tx.session.scalars(
            select(Account.person_id).where(Account.id == world.accounts["diem"])
        ).one()
        for place in tx.session.scalars(select(Membership).where(Membership.person_id == person)):
            place.to_on = date(2024, 11, 4)
    with pytest.raises(Missing):
        world.act("diem", case.dossier, "receive")


def test_only_the_unit_writes_and_only_while_it_may(world: World, files: Files) -> None:
    case = a_dossier(world, files, "received")
    seen = world.version(case.dossier)
    for who, expected in (
        ("suong", Conflict),
        ("thinh", Conflict),
        ("diem", Forbidden),
        ("an", Forbidden),
        ("phong", Forbidden),
    ):
        with pytest.raises(expected):
            fill_in(
                world.database, world.actor(who), case.dossier, seen_version=seen, fields={"summary": "x"}
            )
    with pytest.raises(Forbidden):
        open_dossier(world.database, world.actor("diem"), round_code="GT-2024")
    with pytest.raises(Conflict):
        give_paper(world, files, "suong", case.dossier, "evidence")
    with pytest.raises(Forbidden):
        give_paper(world, files, "suong", case.dossier, "decision")
    with pytest.raises(Forbidden):
        give_paper(world, files, "tuyet", case.dossier, "decision")  # it is not the award officer's turn


def test_fields_outside_the_form_are_refused(world: World, files: Files) -> None:
    case = a_dossier(world, files, "draft")
    seen = world.version(case.dossier)
    for key in ("state", "version", "owner_id", "approved_by", "quota", "role", "submissions"):
        with pytest.raises(Invalid) as refused:
            fill_in(
                world.database, world.actor("suong"), case.dossier, seen_version=seen, fields={key: "issued"}
            )
        assert [problem.code for problem in refused.value.problems] == ["field_unknown"]  # type: ignore[attr-defined]  # its own exception, known from the match above
        with pytest.raises(Invalid):
            world.act("suong", case.dossier, "submit", fields={key: "issued"})
    assert world.state(case.dossier) == "draft"
