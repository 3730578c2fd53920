"""One step through ``states.machine`` beside a dict look-up with a role check, in memory."""

from __future__ import annotations

from pathlib import Path

from dossiers.vocabulary import VOCABULARY
from states.loader import load_edition
from states.machine import machine_for
from tests.bench.measure import Work

MET = {"not_on_hold": True}


def is_appraiser(functions: frozenset[str]) -> bool:
    return "appraiser" in functions


TABLE = {("ping", "go"): ("pong", is_appraiser), ("pong", "back"): ("ping", is_appraiser)}


class Thing:
    """What has a state."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


def step_by_table(thing: Thing, action: str, functions: frozenset[str]) -> None:
    """Move the thing if one of the functions may: the least that a program for people would do."""
    target, may = TABLE[thing.state, action]
    if not may(functions):
        raise PermissionError(action)
    thing.state = target


def look_up(_: int) -> None:
    """Do 1,000 steps by table."""
    thing, functions = Thing("ping"), frozenset({"intake", "appraiser"})
    for _ in range(500):
        for action in ("go", "back"):
            step_by_table(thing, action, functions)


def machine_steps(*, anew: bool) -> Work:
    """Return 1,000 steps through the machine of the bench edition, which is built once.

    ``anew``: the library judges each of them; else it has judged both arrows before and is remembered.
    """
    machine = machine_for(load_edition((Path(__file__).parent / "edition.yaml").read_bytes(), VOCABULARY))

    def steps(_: int) -> None:
        state = "ping"
        for _ in range(500):
            for action in ("go", "back"):
                if anew:
                    machine._moves.clear()
                state = machine.advance("dossier", state, action, MET).state_to

    return steps
