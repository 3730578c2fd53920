"""One reader before one dossier: who they are in it, and whether they see it live or as it was last sent.

While the unit mends a dossier that was sent, other readers see what was last sent, not the mending.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import select

from dossiers.dossier import DossierVersion
from dossiers.functions import SIDE_FUNCTIONS, UNIT_FUNCTIONS
from states.definition import Edition
from states.machine import machine_for
from storage.database import Tx
from workflow.actor import Actor
from workflow.classes import targets_for
from workflow.engine import Deed
from workflow.facts import DossierFacts
from workflow.permissions import sees_office


class Sight:
    """What every part of the view asks for: the dossier, its facts, and its reader. Each thing is read once."""

    def __init__(self, tx: Tx, actor: Actor, deed: Deed) -> None:
        self.tx, self.actor, self.deed, self.row = tx, actor, deed, deed.row
        self.language = actor.language
        self.edition: Edition = deed.edition
        self.machine = machine_for(deed.edition)
        self.state = self.edition.dossier.states[self.row.state]
        self.ours = any(
            place.function in UNIT_FUNCTIONS and place.unit_id == self.row.proposing_unit_id
            for place in actor.places
        )
        self.inner = sees_office(actor, deed.standing)
        self.facts = DossierFacts(deed)

    @cached_property
    def manifest(self) -> Mapping[str, Any] | None:
        """The last sent version when the reader must not see the unit's mending, else None."""
        if self.ours or not self.state.editable or self.row.submissions == 0:
            return None
        text = self.tx.session.scalar(
            select(DossierVersion.manifest)
            .where(DossierVersion.dossier_id == self.row.id, DossierVersion.purpose == "submit")
            .order_by(DossierVersion.n.desc())
            .limit(1)
        )
        return None if text is None else json.loads(text)

    @cached_property
    def reader(self) -> str | None:
        """The function as which the reader is spoken to."""
        standing = self.deed.standing.places
        if self.row.waiting_function in standing:
            return str(self.row.waiting_function)
        return next(iter(standing), None) or next(
            (place.function for place in self.actor.places if place.function not in SIDE_FUNCTIONS), None
        )

    @property
    def may_write(self) -> bool:
        """Whether the reader composes for the proposing unit."""
        return any(self.deed.standing.may_serve(function) for function in UNIT_FUNCTIONS)

    @cached_property
    def targets(self) -> Any:
        """The external targets of the dossier's programme."""
        return targets_for(self.tx, self.row)
