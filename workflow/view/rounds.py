"""The rounds a unit may propose to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from dossiers.award_round import AwardRound
from dossiers.days import local_day
from dossiers.functions import UNIT_FUNCTIONS
from dossiers.org_unit import OrgUnitPeriod
from storage.database import Database
from workflow.actor import Actor, valid_on


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round as a unit chooses it: whether it takes dossiers now, and until when."""

    code: str
    name: str
    opens_at: datetime
    closes_at: datetime
    is_open: bool


def rounds_for(database: Database, actor: Actor) -> tuple[RoundView, ...]:
    """Return the rounds the actor's units may propose to: those of bodies the units belong to."""
    units = sorted({place.unit_id for place in actor.places if place.function in UNIT_FUNCTIONS})
    with database.reading() as tx:
        day = local_day(tx.now)
        bodies = select(OrgUnitPeriod.body_id).where(
            OrgUnitPeriod.org_unit_id.in_(units),
            OrgUnitPeriod.body_id.is_not(None),
            valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
        )
        return tuple(
            RoundView(
                one.code,
                one.name_en if actor.language == "en" else one.name_vi,
                one.opens_at,
                one.closes_at,
                one.opens_at <= tx.now.replace(microsecond=0) <= one.closes_at,
            )
            for one in tx.session.scalars(
                select(AwardRound)
                .where(AwardRound.decider_body_id.in_(bodies))
                .order_by(AwardRound.closes_at.desc())
            )
        )
