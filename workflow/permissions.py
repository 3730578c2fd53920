"""Who may: the only place that decides it. Closed by default; a refusal carries its reason, ready to be
shown.

The edition names the functions that may perform an action. Here stands what no edition can change: from which
unit a function reaches which dossiers (scope), whose dossiers a reader may know of (sight), and that one
person
has one duty in one dossier (separation of duties: who proposes does not appraise, who appraises does not
decide).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    String,
    and_,
    bindparam,
    false,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from dossiers.award_round import AwardRound
from dossiers.dossier import Dossier, Participation
from dossiers.functions import ADMINISTRATOR, AUDITOR, DUTY, SIDE_FUNCTIONS, UNIT_FUNCTIONS
from dossiers.org_unit import BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.refusals import Forbidden, Missing, Refusal
from states.definition import Action
from storage.database import Tx
from storage.prepared import Prepared
from workflow.actor import Actor, Place, valid_on


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is in one dossier: the places they may act from, by function, and the duties they
    already had.
    """

    places: Mapping[str, Place]
    duties: frozenset[str]

    def may_serve(self, function: str) -> bool:
        """Tell whether the person holds ``function`` here and had no other duty in this dossier."""
        return function in self.places and self.duties <= {DUTY[function]}


# Built once: this is asked in every deed.
_STANDING = union_all(
    select(
        literal_column("'duty'", String).label("what"),
        Participation.duty.label("word"),
        literal_column("0", BigInteger).label("unit_id"),
    ).where(
        Participation.dossier_id == bindparam("dossier_id"), Participation.person_id == bindparam("person_id")
    ),
    select(literal_column("'place'", String), BodyFunction.function, BodyFunction.performing_unit_id).where(
        BodyFunction.body_id == bindparam("body_id"),
        BodyFunction.from_on <= bindparam("day", type_=Date),
        or_(BodyFunction.to_on.is_(None), BodyFunction.to_on > bindparam("day", type_=Date)),
    ),
)
_ASK_STANDING = Prepared(_STANDING)


def visible_to(actor: Actor, day: date) -> ColumnElement[bool]:
    """Return the SQL condition on ``dossier`` that holds for what ``actor`` may know of on ``day``.

    The unit sees its own dossiers and those of units below it; who performs a function for a body sees the
    submitted dossiers of that body's rounds; an auditor sees submitted dossiers inside the scope of the
    inquiry; an administrator sees none.
    """
    own_units = sorted({place.unit_id for place in actor.places if place.function in UNIT_FUNCTIONS})
    desks = sorted(
        {
            (place.function, place.unit_id)
            for place in actor.places
            if place.function not in UNIT_FUNCTIONS | SIDE_FUNCTIONS
        }
    )
    sights: list[ColumnElement[bool]] = []
    if own_units:
        sights.append(Dossier.proposing_unit_id.in_(_units_below(own_units, day)))
    if desks:
        rounds = (
            select(AwardRound.id)
            .join(BodyFunction, BodyFunction.body_id == AwardRound.decider_body_id)
            .where(
                tuple_(BodyFunction.function, BodyFunction.performing_unit_id).in_(desks),
                valid_on(BodyFunction.from_on.expression, BodyFunction.to_on.expression, day),
            )
        )
        sights.append(and_(Dossier.submissions > 0, Dossier.round_id.in_(rounds)))
    for place in actor.places:
        if place.function == AUDITOR:
            sights.append(and_(Dossier.submissions > 0, _inside_inquiry(place)))
    return or_(*sights) if sights else false()


def _units_below(unit_ids: list[int], day: date) -> Any:
    below = select(OrgUnit.id).where(OrgUnit.id.in_(unit_ids)).cte("units_below", recursive=True)
    children = select(OrgUnitPeriod.org_unit_id).where(
        OrgUnitPeriod.parent_id == below.c.id,
        valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
    )
    return select(below.union(children).c.id)


def _inside_inquiry(place: Place) -> ColumnElement[bool]:
    """An inquiry without a scope covers every body; else the scope lists codes of bodies, parted by spaces."""
    if not place.inquiry_scope:
        return literal(True)
    bodies = select(OrgUnit.id).where(OrgUnit.code.in_(place.inquiry_scope.split()))
    return Dossier.round_id.in_(select(AwardRound.id).where(AwardRound.decider_body_id.in_(bodies)))


def is_visible(tx: Tx, actor: Actor, dossier_id: int, day: date) -> bool:
    """Tell whether ``actor`` may know of the dossier."""
    found = tx.connection.execute(select(Dossier.id).where(Dossier.id == dossier_id, visible_to(actor, day)))
    return found.first() is not None


def standing_of(
    tx: Tx, actor: Actor, *, dossier_id: int, proposing_unit_id: int, body_id: int, day: date
) -> Standing:
    """Return what ``actor`` is in the dossier on ``day``: one query, however many places the person holds."""
    places: dict[str, Place] = {}
    for place in actor.places:
        if place.function in UNIT_FUNCTIONS and place.unit_id == proposing_unit_id:
            places.setdefault(place.function, place)
    desks = [place for place in actor.places if place.function not in UNIT_FUNCTIONS | SIDE_FUNCTIONS]
    rows = _ASK_STANDING.rows(
        tx, {"dossier_id": dossier_id, "person_id": actor.person_id, "body_id": body_id, "day": day}
    )
    reached = {(row.word, row.unit_id) for row in rows if row.what == "place"}
    for place in desks:
        if (place.function, place.unit_id) in reached:
            places.setdefault(place.function, place)
    return Standing(places=places, duties=frozenset(row.word for row in rows if row.what == "duty"))


def acting_place(standing: Standing, action: Action, state: str) -> Place | None:
    """Return the place from which ``action`` may be performed in ``state``, or None."""
    for function in action.performers_in(state):
        if standing.may_serve(function):
            return standing.places[function]
    return None


def refusal(standing: Standing, action: Action) -> Refusal | None:
    """Return why this person may not perform ``action`` in this dossier in any state, or None.

    Asked before the state and the version are looked at, so that a stranger learns nothing of them.
    """
    if action.by_system:
        return Forbidden("action_by_system")
    held = [function for function in action.functions if function in standing.places]
    if not held:
        return Forbidden("function_missing")
    if not any(standing.may_serve(function) for function in held):
        return Forbidden("duties_conflict")
    return None


def require(standing: Standing, action: Action) -> None:
    """Raise the ``refusal`` of ``action`` if there is one."""
    refused = refusal(standing, action)
    if refused is not None:
        raise refused


def require_proposer(standing: Standing) -> Place:
    """Return the place from which the unit's own people write in their dossier; raise ``Forbidden`` for
    others.
    """
    held = [function for function in sorted(UNIT_FUNCTIONS) if function in standing.places]
    if not held:
        raise Forbidden("function_missing")
    for function in held:
        if standing.may_serve(function):
            return standing.places[function]
    raise Forbidden("duties_conflict")


def require_administrator(actor: Actor) -> Place:
    """Return the place from which ``actor`` administers; raise ``Missing`` for everybody else."""
    for place in actor.places:
        if place.function == ADMINISTRATOR:
            return place
    raise Missing("not_found")
