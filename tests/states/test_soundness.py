"""The graph questions, asked of machines nobody wrote by hand. The wording is held by the corpus."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from states.definition import (
    Action,
    ClockOperation,
    ClockVerb,
    Edition,
    MachineDefinition,
    State,
    frozen_mapping,
)
from states.soundness import _after, unsound
from tests.states.editions import SMALL, edition_of

BASE = edition_of(SMALL)
STATES = [f"s{i}" for i in range(6)]
GRAPH_CODES = {"unreachable", "dead_end", "cycle_without_exit", "final_with_exit"}


def an_edition(finals: set[str], ways: set[tuple[str, str]]) -> Edition:
    """A dossier's machine with these ways between its states, one action each, starting in s0."""
    state, action = BASE.dossier.states["draft"], BASE.dossier.actions["note"]
    states: dict[str, State] = {
        key: replace(
            state,
            key=key,
            final=key in finals,
            acting_function=None if key in finals else "nominator",
            route_step=None,
        )
        for key in STATES
    }
    actions: dict[str, Action] = {
        f"a{i}": replace(
            action, key=f"a{i}", performers=frozen_mapping({source: ("nominator",)}), target=target, fields=()
        )
        for i, (source, target) in enumerate(sorted(ways))
    }
    dossier = MachineDefinition(
        "dossier", "s0", frozen_mapping(states), frozen_mapping(actions), frozen_mapping({})
    )
    nominee = replace(BASE.nominee, actions=frozen_mapping({}))
    return replace(BASE, dossier=dossier, nominee=nominee)


def reach(start: str, ways: set[tuple[str, str]]) -> set[str]:
    """All states on some way from `start`, by the plainest means: as many rounds as there are states."""
    reached = {start}
    for _ in STATES:
        reached |= {target for source, target in ways if source in reached}
    return reached


@settings(max_examples=300, deadline=None)
@given(
    st.sets(st.sampled_from(STATES), max_size=3),
    st.sets(st.tuples(st.sampled_from(STATES), st.sampled_from(STATES)), max_size=12),
)
def test_a_graph_is_sound_exactly_when_every_state_is_reached_and_can_end(
    finals: set[str], ways: set[tuple[str, str]]
):
    told = {
        (problem.code, problem.path)
        for problem in unsound(an_edition(finals, ways))
        if problem.path.startswith("dossier.") and problem.code in GRAPH_CODES
    }
    unreached = set(STATES) - reach("s0", ways)
    assert {path for code, path in told if code == "unreachable"} == {
        f"dossier.states.{s}" for s in unreached
    }

    stuck = {s for s in STATES if not reach(s, ways) & finals}
    complaints = {path.rsplit(".", 1)[1] for code, path in told if code in ("dead_end", "cycle_without_exit")}
    assert complaints <= stuck
    # every stuck state leads into one that is named
    assert bool(complaints) == bool(stuck)
    assert all(any(reach(named, ways) <= reach(state, ways) for named in complaints) for state in stuck)

    leaving = any(source in finals for source, _ in ways)
    assert ("final_with_exit" in {code for code, _ in told}) == leaving


def test_a_sound_edition_has_nothing_to_say():
    assert unsound(BASE) == ()


@pytest.mark.parametrize(
    ("verb", "closed", "running", "paused"),
    [
        ("start", "running", "running", "paused"),
        ("pause", "closed", "paused", "paused"),
        ("resume", "closed", "running", "running"),
        ("end", "closed", "closed", "closed"),
    ],
)
def test_a_clock_operation_does_nothing_where_it_does_not_apply(
    verb: ClockVerb, closed: str, running: str, paused: str
):
    action = replace(BASE.dossier.actions["note"], clock=(ClockOperation(verb, "appraisal"),))
    assert [_after(action, "appraisal", clock) for clock in ("closed", "running", "paused")] == [
        closed,
        running,
        paused,
    ]
    assert _after(action, "another", "running") == "running"
