"""Who may take a turn: the state's acting function, and every other function that may do its main deed as well.

A unit's head may send what waits for the nominator; a registry clerk may issue what waits for the award officer. The
dossier's row names one waiting function; here the others are found from the editions, so that their lists show it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from dossiers.configuration import ConfigDocument
from states.definition import Edition
from storage.database import Tx
from workflow.editions import edition_of


@dataclass(frozen=True, slots=True)
class SharedTurn:
    """In ``state`` of an edition the dossier waits for ``waiting_function``, and another may take the turn too."""

    edition_id: int
    state: str
    waiting_function: str


def takes_turn(edition: Edition, state: str, function: str) -> bool:
    """Tell whether ``function`` may take the turn in ``state``: it is the acting one, or may do the main deed."""
    acting = edition.dossier.states[state].acting_function
    if acting is None:
        return False
    return function == acting or any(
        action.main and function in action.performers_in(state) for action in edition.dossier.actions.values()
    )


def shared_turns(tx: Tx, function: str) -> Sequence[SharedTurn]:
    """Return the states of all editions in which ``function`` may take a turn that waits for another function."""
    ids = tx.connection.execute(select(ConfigDocument.id).where(ConfigDocument.kind == "workflow")).scalars()
    found = []
    for edition_id in ids:
        edition = edition_of(tx, edition_id)
        for state in edition.dossier.states.values():
            acting = state.acting_function
            if acting is not None and acting != function and takes_turn(edition, state.key, function):
                found.append(SharedTurn(edition_id, state.key, acting))
    return found


def returned_nominee_states(tx: Tx) -> Sequence[str]:
    """Return the states of nominees that lie with their unit again, in any edition."""
    ids = tx.connection.execute(select(ConfigDocument.id).where(ConfigDocument.kind == "workflow")).scalars()
    return sorted(
        {
            state.key
            for edition_id in ids
            for state in edition_of(tx, edition_id).nominee.states.values()
            if state.sent_back
        }
    )
