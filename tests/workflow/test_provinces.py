"""Who reaches whose dossiers, with a second district of the province and a second province beside (promise T02)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from dossiers.people import Account, Membership
from dossiers.refusals import Forbidden, Missing
from storage.database import Tx
from storage.files import Files
from tests.builders import World, a_person
from tests.provinces import NEIGHBOUR, STRANGER, a_case_in, a_province, beside
from tests.workflow.journeys import JOURNEYS, Case
from tests.workflow.test_permissions import ACTIONS, rows_of
from workflow.attach import open_attachment, withdraw_attachment
from workflow.decide import act
from workflow.draft import add_nominee, fill_in, fill_in_nominee, remove_nominee
from workflow.history import history_of
from workflow.inbox import own_dossiers, waiting_for_me
from workflow.view.dossier import dossier_view
from workflow.view.sent import frozen_version

# Own: of the person's unit, for an office the one it serves. ``acts`` when it is their turn.
TABLE = """
                       own      other_unit  other_body  other_province
nominator              acts     nothing     nothing     nothing
unit_head              acts     nothing     nothing     nothing
head_of_the_committee  reads    reads       nothing     nothing
head_of_the_province   reads    reads       reads       nothing
intake                 acts     acts        nothing     nothing
appraiser              acts     acts        nothing     nothing
appraisal_head         acts     acts        nothing     nothing
award_officer          acts     acts        nothing     nothing
registry_clerk         acts     acts        nothing     nothing
decider                acts     acts        nothing     nothing
inquiry_into_one_body  reads    reads       nothing     nothing
inquiry_into_all       reads    reads       reads       reads
administrator          nothing  nothing     nothing     nothing
"""
WHERE, *_ROWS = (line.split() for line in TABLE.strip().splitlines())
REACH = {who: dict(zip(WHERE, cells, strict=True)) for who, *cells in _ROWS}

# Function and unit of each; nobody of them has had a part in any dossier.
PEOPLE = {
    "nominator": ("nominator", "ttyt-giang-thanh"),
    "unit_head": ("unit_head", "ttyt-giang-thanh"),
    "head_of_the_committee": ("unit_head", "ubnd-huyen-giang-thanh"),
    "head_of_the_province": ("unit_head", "ubnd-tinh-kien-giang"),
    "intake": ("intake", "phong-gddt-giang-thanh"),
    "appraiser": ("appraiser", "phong-gddt-giang-thanh"),
    "appraisal_head": ("appraisal_head", "phong-gddt-giang-thanh"),
    "award_officer": ("award_officer", "phong-noi-vu-giang-thanh"),
    "registry_clerk": ("registry_clerk", "phong-noi-vu-giang-thanh"),
    "decider": ("decider", "ubnd-huyen-giang-thanh"),
    "inquiry_into_one_body": ("auditor", "thanh-tra-tinh"),
    "inquiry_into_all": ("auditor", "thanh-tra-tinh"),
    "administrator": ("administrator", "ubnd-huyen-giang-thanh"),
}

# When somebody of the function has something to do; the others are asked in the last of these states.
TURN = {
    "nominator": "submitted",
    "unit_head": "submitted",
    "intake": "submitted",
    "appraiser": "received",
    "appraisal_head": "at_review_meeting",
    "award_officer": "passed",
    "decider": "pending_decision",
    "registry_clerk": "approved",
}
STATES = tuple(dict.fromkeys(TURN.values()))


@pytest.fixture
def cases(small_world: World, files: Files) -> dict[str, Case]:
    """One draft for each place of the table."""
    world = small_world
    with world.database.writing() as tx:
        a_province(tx, world, NEIGHBOUR.province, below="ubnd-huyen-giang-thanh")
        neighbour, stranger = beside(tx, world, NEIGHBOUR), beside(tx, world, STRANGER)
        for who, (function, unit) in PEOPLE.items():
            a_person(tx, world, who, f"Người Mới {who}", unit, "Chuyên viên", (function,))
        inquire(tx, world, "inquiry_into_one_body", "ubnd-huyen-giang-thanh")
    commune = World(
        world.database, world.clock, {**world.accounts, "suong": world.accounts["tuyen"]}, world.units
    )
    return {
        "own": a_case_in(world, files, "GT-2024"),
        "other_unit": a_case_in(commune, files, "GT-2024"),
        "other_body": a_case_in(neighbour, files, NEIGHBOUR.round_code),
        "other_province": a_case_in(stranger, files, STRANGER.round_code),
    }


def inquire(tx: Tx, world: World, who: str, bodies: str) -> None:
    """Let an auditor's inquiry cover these bodies only."""
    person = select(Account.person_id).where(Account.id == world.accounts[who]).scalar_subquery()
    tx.session.execute(update(Membership).where(Membership.person_id == person).values(inquiry_scope=bodies))


def finds(world: World, who: str, case: Case) -> str:
    """Return what somebody finds of a dossier by every door; the doors must agree."""
    database, actor, ref = world.database, world.actor(who), case.dossier
    listed = [row.ref for row in own_dossiers(database, actor, limit=100).rows]
    searched = [row.ref for row in own_dossiers(database, actor, limit=100, search="binh an").rows]
    assert (ref in listed) == (ref in searched)
    looks: list[Callable[[], Any]] = [
        lambda: dossier_view(database, actor, ref),
        lambda: history_of(database, actor, ref),
        lambda: frozen_version(database, actor, ref, 1),
    ]
    if ref in listed:
        view, _, _ = (look() for look in looks)
        paper = view.papers[0]
        assert b"".join(open_attachment(database, case.files, actor, paper.versions[0].ref).chunks)
        return "acts" if view.actions or any(nominee.actions for nominee in view.nominees) else "reads"
    for look in looks:
        with pytest.raises(Missing):
            look()
    assert ref not in [row.ref for row in waiting_for_me(database, actor, limit=100).rows]
    return "nothing"


def require_no_deed(world: World, who: str, case: Case, expected: str) -> None:
    """Try every deed of somebody who may only read, or find nothing, and see it refused as such."""
    database, actor, ref = world.database, world.actor(who), case.dossier
    seen = world.version(ref)
    owner = world.actor("inquiry_into_all")
    paper = dossier_view(database, owner, ref).papers[0]
    deeds: list[Callable[[], Any]] = [
        lambda: fill_in(database, actor, ref, seen_version=seen, fields={}),
        lambda: add_nominee(database, actor, ref, seen_version=seen, class_code="commune", name="X"),
        lambda: fill_in_nominee(database, actor, case.nominee, seen_version=seen, fields={}),
        lambda: remove_nominee(database, actor, case.nominee, seen_version=seen),
        lambda: withdraw_attachment(database, actor, paper.ref, seen_version=seen),
    ]
    for action in ACTIONS:
        deeds.append(
            lambda action=action: act(database, actor, ref, action, seen_version=seen, reason="Thử.")
        )
    for deed in deeds:
        with pytest.raises(Missing if expected == "nothing" else Forbidden) as refused:
            deed()
        if expected == "nothing":
            assert refused.value.code == "not_found"
    if expected == "nothing":
        with pytest.raises(Missing):
            open_attachment(database, case.files, actor, paper.versions[0].ref)


def test_everybody_reaches_what_the_table_says(small_world: World, cases: dict[str, Case]) -> None:
    world = small_world
    found: dict[str, dict[str, str]] = {}
    done = 0
    for state in STATES:
        for case in cases.values():
            for step in JOURNEYS[state][done:]:
                step(case)
            assert world.state(case.dossier) == state
        done = len(JOURNEYS[state])
        for who in REACH:
            if TURN.get(who, STATES[-1]) == state:
                found[who] = {where: finds(world, who, case) for where, case in cases.items()}
    assert found == REACH
    before = rows_of(world)
    for who, cells in REACH.items():
        for where, expected in cells.items():
            if expected != "acts":
                require_no_deed(world, who, cases[where], expected)
    assert rows_of(world) == before


def test_a_draft_is_nobodys_but_its_units(small_world: World, cases: dict[str, Case]) -> None:
    for who in REACH:
        actor = small_world.actor(who)
        listed = {row.ref for row in own_dossiers(small_world.database, actor).rows}
        own = {cases["own"].dossier} if who in ("nominator", "unit_head") else set()
        assert listed == own, who
        for case in cases.values():
            if case.dossier not in own:
                with pytest.raises(Missing):
                    dossier_view(small_world.database, actor, case.dossier)
