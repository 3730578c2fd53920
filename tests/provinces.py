"""Other bodies beside Giang Thành: a second district of its province, and a district of another province.

Each has the offices and people of Giang Thành under its own names, and an open round. ``beside`` gives the world of
one of them, in which the same keys name its own people, so that the same journeys run there.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import update

from dossiers.criteria import Answer
from dossiers.org_unit import BodyFunction, OrgUnitPeriod
from storage.database import Tx
from storage.files import Files
from tests.builders import LONG_AGO, PEOPLE, World, a_draft, a_person, a_round, a_unit, give_paper
from tests.scenarios.test_sc03_return_and_resubmission import ANSWERS
from tests.workflow.journeys import Case


@dataclass(frozen=True, slots=True)
class Body:
    """A district committee: the name of its place, the province above it, the code of its round."""

    key: str
    place: str
    province: str
    round_code: str


NEIGHBOUR = Body("hon-dat", "Hòn Đất", "ubnd-tinh-kien-giang", "HD-2024")
STRANGER = Body("chau-thanh", "Châu Thành", "ubnd-tinh-tay-ninh", "TN-2024")
PROVINCES = {"ubnd-tinh-kien-giang": "Kiên Giang", "ubnd-tinh-tay-ninh": "Tây Ninh"}

# Who performs what for a district committee, by the end of the performing unit's code.
OFFICES = {
    "intake": "gddt",
    "appraiser": "gddt",
    "appraisal_head": "gddt",
    "award_officer": "noi-vu",
    "registry_clerk": "noi-vu",
    "decider": "ubnd",
}
# Where the people of the builders work, by their unit in Giang Thành.
DESKS = {
    "ttyt-giang-thanh": "ttyt",
    "ubnd-xa-phu-loi": "xa",
    "phong-gddt-giang-thanh": "gddt",
    "phong-noi-vu-giang-thanh": "noi-vu",
    "ubnd-huyen-giang-thanh": "ubnd",
}


def a_province(tx: Tx, world: World, code: str, below: str | None = None) -> None:
    """Write the committee of a province where it is not yet, and put the unit ``below`` below it."""
    if code not in world.units:
        place = PROVINCES[code]
        a_unit(tx, world, code, "peoples_committee", "province", f"UBND tỉnh {place}", place)
    if below is not None:
        period = OrgUnitPeriod.org_unit_id == world.units[below]
        tx.session.execute(update(OrgUnitPeriod).where(period).values(parent_id=world.units[code]))


def beside(tx: Tx, world: World, body: Body) -> World:
    """Write ``body`` with its units, people and round beside what ``world`` has; return its own world."""
    a_province(tx, world, body.province)
    committee = f"ubnd-{body.key}"
    a_unit(
        tx,
        world,
        committee,
        "peoples_committee",
        "district",
        f"UBND huyện {body.place}",
        body.place,
        body.province,
    )
    for end, kind, name in (
        ("gddt", "division", "Phòng Giáo dục và Đào tạo"),
        ("noi-vu", "division", "Phòng Nội vụ"),
        ("ttyt", "health_centre", "Trung tâm Y tế"),
        ("xa", "peoples_committee", "UBND xã Bình An"),
    ):
        a_unit(
            tx,
            world,
            f"{end}-{body.key}",
            kind,
            "district",
            f"{name} {body.place}",
            body.place,
            committee,
            committee,
        )
    own = World(world.database, world.clock, units=world.units)
    for function, end in OFFICES.items():
        performing = world.units[f"{end}-{body.key}"]
        tx.session.add(
            BodyFunction(
                body_id=world.units[committee],
                function=function,
                performing_unit_id=performing,
                from_on=LONG_AGO,
            )
        )
    for key, name, unit, position, functions in PEOPLE:
        if unit not in DESKS or "administrator" in functions:
            continue
        own.accounts[key] = a_person(
            tx,
            world,
            f"{key}-{body.key}",
            f"{name} {body.place}",
            f"{DESKS[unit]}-{body.key}",
            position,
            functions,
        )
    a_round(tx, world, code=body.round_code, body=committee)
    return own


def a_case_in(world: World, files: Files, round_code: str, who: str = "suong") -> Case:
    """Return a complete draft of one of the units in ``world``."""
    dossier, nominee = a_draft(
        world,
        who=who,
        round_code=round_code,
        class_code="commune",
        name="Xã Bình An",
        answers={**ANSWERS, "GT-C-7": Answer(numerator=1_200, denominator=1_773)},
    )
    for kind in ("submission_paper", "minutes", "achievement_report"):
        give_paper(world, files, who, dossier, kind)
    give_paper(world, files, who, dossier, "evidence", nominees=(nominee,))
    return Case(world, files, dossier, nominee)
