"""A dossier waits for me if and only if permission and state allow me an action of that turn."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dossiers.days import local_day
from dossiers.dossier import Dossier
from states.machine import machine_for
from storage.files import Files
from tests.builders import PEOPLE, World
from tests.workflow.journeys import JOURNEYS, a_dossier
from workflow.editions import edition_of
from workflow.engine import look
from workflow.inbox import counts_for, waiting_for_me
from workflow.permissions import acting_place, is_visible


def may_take_the_turn(world: World, who: str, dossier: str) -> bool:
    """Judge by permission and state alone: is an action of this turn this person's to do here?

    The turn's actions are those of the acting function, and the main one, whoever may do it.
    """
    actor = world.actor(who)
    with world.database.reading() as tx:
        row = tx.session.scalars(select(Dossier).where(Dossier.ref == dossier)).one()
        if not is_visible(tx, actor, row.id, local_day(tx.now)):
            return False
        edition = edition_of(tx, row.edition_id)
        turn = edition.dossier.states[row.state].acting_function
        standing = look(tx, actor, dossier).standing
        for action in machine_for(edition).actions_from("dossier", row.state):
            place = acting_place(standing, action, row.state)
            if place is not None and turn is not None and (action.main or place.function == turn):
                return True
        return False


@pytest.mark.parametrize("state", JOURNEYS)
def test_it_waits_for_exactly_those_who_may_take_the_turn(world: World, files: Files, state: str) -> None:
    case = a_dossier(world, files, state)
    for who, *_ in PEOPLE:
        waits = case.dossier in {row.ref for row in waiting_for_me(world.database, world.actor(who)).rows}
        assert waits == may_take_the_turn(world, who, case.dossier), who
        assert counts_for(world.database, world.actor(who)).waiting == (1 if waits else 0)


def test_every_state_of_the_edition_has_a_journey(small_world: World) -> None:
    with small_world.database.reading() as tx:
        from dossiers.configuration import ConfigDocument

        edition_id = tx.session.scalars(
            select(ConfigDocument.id).where(
                ConfigDocument.kind == "workflow", ConfigDocument.code == "giang-thanh"
            )
        ).one()
        assert set(edition_of(tx, edition_id).dossier.states) == set(JOURNEYS)


def test_who_did_one_duty_is_not_asked_for_another(small_world: World, files: Files) -> None:
    world = small_world
    case = a_dossier(world, files, "at_review_meeting")
    from datetime import date

    from dossiers.people import Account, Membership

    with world.database.writing() as tx:
        person = tx.session.scalars(
            select(Account.person_id).where(Account.id == world.accounts["diem"])
        ).one()
        tx.session.add(
            Membership(
                person_id=person,
                org_unit_id=world.units["phong-noi-vu-giang-thanh"],
                function="award_officer",
                position_title="Phó Trưởng phòng",
                from_on=date(2024, 11, 1),
            )
        )
    case.act(
        "khai",
        "record_review_meeting",
        fields={
            "met_on": "04/11/2024",
            "minutes_number": "1/BB",
            "participants": "các ngành",
            "result": "Thống nhất",
        },
    )
    assert waiting_for_me(world.database, world.actor("diem")).rows == ()
    assert len(waiting_for_me(world.database, world.actor("tuyet")).rows) == 1


def test_a_head_of_unit_and_a_registry_clerk_find_what_they_may_do(small_world: World, files: Files) -> None:
    from tests.builders import a_person

    world = small_world
    with world.database.writing() as tx:
        a_person(
            tx, world, "clerk", "Văn Thư Một", "phong-noi-vu-giang-thanh", "Văn thư", ("registry_clerk",)
        )
    draft = a_dossier(world, files, "draft")
    approved = a_dossier(world, files, "approved")
    assert [row.ref for row in waiting_for_me(world.database, world.actor("thinh")).rows] == [draft.dossier]
    clerks = waiting_for_me(world.database, world.actor("clerk")).rows
    assert [(row.ref, row.action_key) for row in clerks] == [(approved.dossier, "issue")]


def test_a_nominee_returned_by_itself_waits_for_its_unit(small_world: World, files: Files) -> None:
    world = small_world
    case = a_dossier(world, files, "under_appraisal")
    case.act("diem", "return_nominee", nominee_ref=case.nominee, reason="Thiếu.", reason_code="other")
    assert [row.ref for row in waiting_for_me(world.database, world.actor("suong")).rows] == [case.dossier]
    assert [row.ref for row in waiting_for_me(world.database, world.actor("diem")).rows] == [case.dossier]
    case.act("suong", "resubmit_nominee", nominee_ref=case.nominee)
    assert waiting_for_me(world.database, world.actor("suong")).rows == ()
