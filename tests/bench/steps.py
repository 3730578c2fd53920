"""One step through ``states.machine`` beside a dict look-up with a role check, in memory."""

from __future__ import annotations

from pathlib import Path

from dossiers.vocabulary import VOCABULARY
from states.loader import load_edition
from states.machine import machine_for
from tests.bench.measure import Work

TABLE = {
    ("ping", "go"): ("pong", frozenset({"appraiser"})),
    ("pong", "back"): ("ping", frozenset({"appraiser"})),
}
MET = {"not_on_hold": True}


def step_by_table(state: str, action: str, role: str) -> str:
    """Return where the action leads; the least that any program would do."""
    target, roles = TABLE[state, action]
    if role not in roles:
        raise PermissionError(action)
    return target


def look_up(_: int) -> None:
    """Do 1,000 steps by table."""
    state = "ping"
    for _ in range(500):
        for action in ("go", "back"):
            state = step_by_table(state, action, "appraiser")


def machine_steps() -> Work:
    """Return 1,000 steps through the machine of the bench edition, which is built once."""
    machine = machine_for(load_edition((Path(__file__).parent / "edition.yaml").read_bytes(), VOCABULARY))

    def steps(_: int) -> None:
        state = "ping"
        for _ in range(500):
            for action in ("go", "back"):
                state = machine.advance("dossier", state, action, MET).state_to

    return steps
