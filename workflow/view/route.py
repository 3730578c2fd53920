"""The way of a dossier as discs in a row: what is done, where it lies now, and with whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, select

from dossiers.functions import UNIT_FUNCTIONS
from dossiers.org_unit import BodyFunction, OrgUnitPeriod
from workflow.actor import valid_on
from workflow.view.reader import Sight
from workflow.words import said


@dataclass(frozen=True, slots=True)
class RouteStepView:
    """One disc of the route: ``status`` is done, now, back (sent back) or todo."""

    key: str
    label: str
    status: str
    unit_name: str


def performers_of(sight: Sight) -> dict[str, str]:
    """Return the name of the unit that performs each function for the dossier's body today."""
    day = sight.deed.today
    return {
        row.function: row.name
        for row in sight.tx.connection.execute(
            select(BodyFunction.function, OrgUnitPeriod.name)
            .join(
                OrgUnitPeriod,
                and_(
                    OrgUnitPeriod.org_unit_id == BodyFunction.performing_unit_id,
                    valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
                ),
            )
            .where(
                BodyFunction.body_id == sight.row.decider_body_id,
                valid_on(BodyFunction.from_on.expression, BodyFunction.to_on.expression, day),
            )
        )
    }


def holder_of(sight: Sight, unit_name: str, performers: Mapping[str, str]) -> str:
    """Return the name of the unit that the dossier waits for, empty when it waits for nobody."""
    function = sight.row.waiting_function
    if function is None:
        return ""
    return unit_name if function in UNIT_FUNCTIONS else performers.get(function, "")


def route_of(sight: Sight, unit_name: str, performers: Mapping[str, str]) -> tuple[RouteStepView, ...]:
    """Return the steps of the edition's route in their order."""
    keys = [step.key for step in sight.edition.route]
    here = keys.index(sight.state.route_step) if sight.state.route_step in keys else None
    finished = sight.state.final and sight.state.kind == "gold"
    steps = []
    for place, step in enumerate(sight.edition.route):
        if here is None:
            status = "todo"
        elif place < here or finished:
            status = "done"
        elif place == here:
            status = "back" if sight.state.sent_back else "now"
        else:
            status = "todo"
        name = unit_name if step.function in UNIT_FUNCTIONS else performers.get(step.function, "")
        steps.append(RouteStepView(step.key, said(step.label, sight.language), status, name))
    return tuple(steps)
