"""The only meeting with `transitions`, used as a calculator.

One shared machine of the library per definition, without models: a throw-away token with a state goes
in, a frozen `Move` comes out. No callback, no condition and no name from YAML ever reaches the library,
so it can import nothing, run nothing and keep nothing alive; a failed condition is our exception, never
a silent False. What it gives us is its judgement of which trigger leads from where to where. That judgement
depends on nothing but the arrow, so it is asked once for each and remembered: a step is then a look-up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from transitions import Machine as Library

from states.definition import SUBJECTS, Action, ClockOperation, Edition, MachineDefinition, Subject


class MoveRefused(Exception):
    """The edition does not allow the deed."""

    code = "move_refused"


class UnknownAction(MoveRefused):
    """The edition has no such action for this subject."""

    code = "unknown_action"

    def __init__(self, action: str) -> None:
        super().__init__(f"unknown action {action!r}")
        self.action = action


class WrongState(MoveRefused):
    """The action does not lead from the present state, or is closed while the dossier is where it is.

    `state` is the one that is in the way: the subject's own, or the dossier's for a nominee.
    """

    code = "wrong_state"

    def __init__(self, action: str, state: str) -> None:
        super().__init__(f"{action!r} does not lead from {state!r}")
        self.action = action
        self.state = state


class ConditionsUnmet(MoveRefused):
    """`names` are all conditions that do not hold, in the order of the edition."""

    code = "conditions_unmet"

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class ConditionsMissing(LookupError):
    """The caller supplied no answer for conditions the action names: a fault of the program."""


class Move(NamedTuple):
    """What an allowed deed would do. Nothing has happened yet: the caller writes it down.

    `state_to` equals `state_from` for a recorded step. `nominees` is the nominee action to apply to each
    nominee whose state is among that action's sources.
    """

    subject: Subject
    action: str
    state_from: str
    state_to: str
    effects: tuple[str, ...]
    clock: tuple[ClockOperation, ...]
    nominees: str | None


class _Token:
    """Carries a state into the library and back; born and forgotten within one step."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


class _Calculator(Library):
    """The library without what we never give it: callbacks to look for, states that are enums or unknown."""

    def callbacks(self, funcs: object, event_data: object) -> None:
        """Call nobody."""

    def get_state(self, state: str | Enum) -> Any:
        """Return the library's state of that name."""
        return self.states[str(state)]


class Machine:
    """The two machines of one edition. Threads may share it: nothing of it changes but what it remembers."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self._libraries = {subject: _library(edition.machine(subject)) for subject in SUBJECTS}
        self._steps = {
            (subject, key): (action, self._libraries[subject].events[key].trigger)
            for subject in SUBJECTS
            for key, action in edition.machine(subject).actions.items()
        }
        # What the library judged: frozen, and as many as the edition has arrows.
        self._moves: dict[tuple[Subject, str, str], Move] = {}
        self._from_state = {subject: _by_state(edition.machine(subject)) for subject in SUBJECTS}

    def action(self, subject: Subject, action: str) -> Action:
        """The action of that name; raises UnknownAction."""
        found = self.edition.machine(subject).actions.get(action)
        if found is None:
            raise UnknownAction(action)
        return found

    def actions_from(
        self, subject: Subject, state: str, dossier_state: str | None = None
    ) -> tuple[Action, ...]:
        """The actions that lead from `state`, in the order of the edition, whoever may do them.

        For a nominee, `dossier_state` leaves out those closed while the dossier is there; None leaves
        out none. An unknown state has no actions.
        """
        actions = self._from_state[subject].get(state, ())
        if dossier_state is None:
            return actions
        return tuple(a for a in actions if not a.while_dossier or dossier_state in a.while_dossier)

    def advance(
        self,
        subject: Subject,
        state: str,
        action: str,
        conditions: Mapping[str, Callable[[], bool] | bool],
        dossier_state: str | None = None,
    ) -> Move:
        """Judge the deed and return what it would do.

        `conditions` answers at least every condition the action names, each as a bool or a function
        called once; only True itself counts as met. `dossier_state` is needed for nominee actions that
        are open only in some states of the dossier; without it they are refused.
        Raises UnknownAction, WrongState, ConditionsUnmet (checked in this order), ConditionsMissing.
        """
        step = self._steps.get((subject, action))
        if step is None:
            raise UnknownAction(action)
        found, trigger = step
        if state not in found.performers:
            raise WrongState(action, state)
        if found.while_dossier and dossier_state not in found.while_dossier:
            raise WrongState(action, dossier_state or "")
        if found.conditions:
            _require(found, conditions)
        move = self._moves.get((subject, action, state))
        if move is None:
            token = _Token(state)
            # MachineError cannot come: the loader and the two checks above have seen the source.
            if not trigger(token):
                raise WrongState(action, state)
            move = Move(subject, action, state, token.state, found.effects, found.clock, found.nominees)
            self._moves[subject, action, state] = move
        return move


def _require(action: Action, conditions: Mapping[str, Callable[[], bool] | bool]) -> None:
    missing = [name for name in action.conditions if name not in conditions]
    if missing:
        raise ConditionsMissing(f"no answer for {', '.join(missing)}, needed by {action.key}")
    unmet = []
    for name in action.conditions:
        answer = conditions[name]
        if answer is not True and (not callable(answer) or answer() is not True):
            unmet.append(name)
    if unmet:
        raise ConditionsUnmet(tuple(unmet))


def _library(definition: MachineDefinition) -> Library:
    library = _Calculator(
        model=None,
        states=list(definition.states),
        initial=None,
        auto_transitions=False,  # otherwise every state could be reached from every state
        send_event=True,
        queued=False,  # one queue for all models would let threads step on each other
    )
    for action in definition.actions.values():
        # dest None is the library's internal transition: recorded, state untouched
        library.add_transition(action.key, list(action.sources), action.target)
    return library


def _by_state(definition: MachineDefinition) -> dict[str, tuple[Action, ...]]:
    return {
        state: tuple(a for a in definition.actions.values() if state in a.performers)
        for state in definition.states
    }


_machines: dict[str, Machine] = {}
_machines_lock = threading.Lock()


def machine_for(edition: Edition) -> Machine:
    """The machine of this edition, built once per process and hash of its bytes."""
    machine = _machines.get(edition.sha256)
    if machine is None:
        with _machines_lock:
            machine = _machines.get(edition.sha256)
            if machine is None:
                machine = _machines[edition.sha256] = Machine(edition)
    return machine
