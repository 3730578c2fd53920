"""Who may: the only place that decides it. Closed by default; a refusal carries its reason, ready to be shown.

The edition names the functions that may perform an action. Here stands what no edition can change: from which
unit a function reaches which dossiers (scope), whose dossiers a reader may know of (sight), and that one person
has one duty in one dossier (separation of duties: who proposes does not appraise, who appraises does not decide).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from dossiers.award_round import AwardRound
from dossiers.dossier import Dossier, Participation
from dossiers.functions import ADMINISTRATOR, AUDITOR, DUTY, SIDE_FUNCTIONS, UNIT_FUNCTIONS
from dossiers.org_unit import BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.refusals import Forbidden, Missing, Refusal
from states.definition import Action
from storage.database import Tx
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


_BLANK: Any = literal_column("' '")  # spelt out: a prepared statement has no values of its own

# What every deed asks, as columns beside the dossier's and its round's: one statement brings both.
_DUTIES_HAD = (
    select(func.aggregate_strings(Participation.duty, _BLANK))
    .where(Participation.dossier_id == Dossier.id, Participation.person_id == bindparam("person_id"))
    .correlate(Dossier)
    .scalar_subquery()
)


def standing_columns(day: ColumnElement[date]) -> tuple[ColumnElement[str | None], ColumnElement[str | None]]:
    """Return the columns ``duties_had`` and ``reached`` for a query on ``dossier`` joined to its ``award_round``.

    The query takes ``person_id``; `standing_from` reads the two. ``day`` is the day in Viet Nam that counts.
    """
    reached = (
        select(
            func.aggregate_strings(
                BodyFunction.function
                + literal_column("':'", String)
                + cast(BodyFunction.performing_unit_id, String),
                _BLANK,
            )
        )
        .where(BodyFunction.body_id == AwardRound.decider_body_id, BodyFunction.from_on <= day)
        .where(or_(BodyFunction.to_on.is_(None), BodyFunction.to_on > day))
        .correlate(AwardRound)
        .scalar_subquery()
    )
    return _DUTIES_HAD.label("duties_had"), reached.label("reached")


@dataclass(frozen=True, slots=True)
class Sight:
    """Which dossiers a reader may know of on one day, resolved to ids so that every list finds its index.

    ``units`` are the reader's own, ``below`` those under them; ``rounds`` are those of bodies that
    a desk serves or an inquiry names; ``audits`` says that an inquiry covers every body.
    """

    units: tuple[int, ...]
    below: tuple[int, ...]
    rounds: tuple[int, ...]
    audits: bool

    def covers(self) -> ColumnElement[bool]:
        """Return the SQL condition on ``dossier``.

        The unit sees its own dossiers, and those of units below it once they were sent; who performs a function for
        a body sees the submitted dossiers of that body's rounds; an auditor those inside the inquiry; an
        administrator none.
        """
        sights: list[ColumnElement[bool]] = []
        if self.units:
            sights.append(Dossier.proposing_unit_id.in_(self.units))
        if self.below:
            sights.append(and_(Dossier.proposing_unit_id.in_(self.below), Dossier.submissions > 0))
        if self.rounds:
            sights.append(and_(Dossier.round_id.in_(self.rounds), Dossier.submissions > 0))
        if self.audits:
            sights.append(Dossier.submissions > 0)
        return or_(*sights) if sights else false()


def sight_of(tx: Tx, actor: Actor, day: date) -> Sight:
    """Return what ``actor`` may know of on ``day``: at most three small queries, whatever the dossiers are."""
    units = sorted({place.unit_id for place in actor.places if place.function in UNIT_FUNCTIONS})
    desks = sorted(
        {
            (place.function, place.unit_id)
            for place in actor.places
            if place.function not in UNIT_FUNCTIONS | SIDE_FUNCTIONS
        }
    )
    inquiries = [place.inquiry_scope for place in actor.places if place.function == AUDITOR]
    below: list[int] = []
    if units:
        below = [one for one in tx.connection.execute(_units_below(units, day)).scalars() if one not in units]
    rounds: list[int] = []
    if desks:
        rounds.extend(
            tx.connection.execute(
                select(AwardRound.id)
                .join(BodyFunction, BodyFunction.body_id == AwardRound.decider_body_id)
                .where(
                    tuple_(BodyFunction.function, BodyFunction.performing_unit_id).in_(desks),
                    valid_on(BodyFunction.from_on.expression, BodyFunction.to_on.expression, day),
                )
            ).scalars()
        )
    codes = [code for scope in inquiries if scope for code in scope.split()]
    if codes:
        # An inquiry names the bodies it covers by their codes, parted by spaces; one without a scope covers all.
        rounds.extend(
            tx.connection.execute(
                select(AwardRound.id)
                .join(OrgUnit, OrgUnit.id == AwardRound.decider_body_id)
                .where(OrgUnit.code.in_(codes))
            ).scalars()
        )
    return Sight(
        units=tuple(units),
        below=tuple(sorted(set(below))),
        rounds=tuple(sorted(set(rounds))),
        audits=any(not scope for scope in inquiries),
    )


def _units_below(unit_ids: list[int], day: date) -> Any:
    below = select(OrgUnit.id).where(OrgUnit.id.in_(unit_ids)).cte("units_below", recursive=True)
    children = select(OrgUnitPeriod.org_unit_id).where(
        OrgUnitPeriod.parent_id == below.c.id,
        valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
    )
    return select(below.union(children).c.id)


def is_visible(tx: Tx, actor: Actor, dossier_id: int, day: date) -> bool:
    """Tell whether ``actor`` may know of the dossier."""
    covered = sight_of(tx, actor, day).covers()
    found = tx.connection.execute(select(Dossier.id).where(Dossier.id == dossier_id, covered))
    return found.first() is not None


def sees_office(actor: Actor, standing: Standing) -> bool:
    """Tell whether ``actor`` may read what the offices say among themselves in a dossier they may know of.

    The offices that have a part in it and auditors may; people of the proposing unit, and of units above it, read
    what is addressed to the unit.
    """
    return actor.has(AUDITOR) or any(function not in UNIT_FUNCTIONS for function in standing.places)


def standing_from(row: Any, actor: Actor) -> Standing:
    """Return what ``actor`` is in a dossier, from a row with `standing_columns`, however many places they hold."""
    places: dict[str, Place] = {}
    reached = (row.reached or "").split()
    for place in actor.places:
        if place.function in UNIT_FUNCTIONS:
            if place.unit_id == row.proposing_unit_id:
                places.setdefault(place.function, place)
        elif place.function not in SIDE_FUNCTIONS and f"{place.function}:{place.unit_id}" in reached:
            places.setdefault(place.function, place)
    return Standing(places, frozenset((row.duties_had or "").split()))


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
    held = False
    for functions in action.performers.values():
        for function in functions:
            if standing.may_serve(function):
                return None
            held = held or function in standing.places
    return Forbidden("duties_conflict" if held else "function_missing")


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
