"""A dossier waits for me if and only if permission and state allow me an action of that turn."""

from __future__ import annotations

import pytest
from sqlalchemy import select

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
    """Judge by permission and state alone: some action of the acting function is this person's to do here."""
    actor = world.actor(who)
    with world.database.reading() as tx:
        row = tx.session.scalars(select(Dossier).where(Dossier.ref == dossier)).one()
        from dossiers.days import local_day

        if not is_visible(tx, actor, row.id, local_day(tx.now)):
            return False
        edition = edition_of(tx, row.edition_id)
        turn = edition.dossier.states[row.state].acting_function
        standing = look(tx, actor, dossier).standing
        return any(
            place is not None and place.function == turn
            for action in machine_for(edition).actions_from("dossier", row.state)
            if turn in action.performers_in(row.state)
            for place in [acting_place(standing, action, row.state)]
        )


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
