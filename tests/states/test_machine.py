"""The calculator: what comes out, what is refused, and that threads may share it."""

from __future__ import annotations

import random
import threading

import pytest
import transitions

from states.definition import ClockOperation
from states.machine import (
    ConditionsMissing,
    ConditionsUnmet,
    Machine,
    UnknownAction,
    WrongState,
    machine_for,
)
from tests.states.editions import SHIPPED, SMALL, edition_of


@pytest.fixture
def machine() -> Machine:
    return machine_for(edition_of(SMALL))


def test_a_move_says_everything_it_would_do(machine: Machine):
    move = machine.advance("dossier", "submitted", "issue", {"quota_available": True, "not_on_hold": True})
    assert (move.subject, move.action) == ("dossier", "issue")
    assert (move.state_from, move.state_to) == ("submitted", "issued")
    assert move.effects == ("use_quota", "notify_unit")
    assert move.clock == (ClockOperation("end", "appraisal"),)
    assert move.nominees == "award_nominee"


def test_a_recorded_step_stays_where_it_is(machine: Machine):
    move = machine.advance("dossier", "submitted", "note", {})
    assert move.state_from == move.state_to == "submitted"


def test_an_unknown_action_is_refused_first(machine: Machine):
    with pytest.raises(UnknownAction) as caught:
        machine.advance("dossier", "nowhere", "to_issued", {})
    assert caught.value.action == "to_issued"


@pytest.mark.parametrize("state", ["draft", "issued", "nowhere", ""])
def test_an_action_from_a_wrong_state_is_refused_before_its_conditions(machine: Machine, state: str):
    def never() -> bool:
        raise AssertionError("a condition was asked although the state is wrong")

    with pytest.raises(WrongState) as caught:
        machine.advance("dossier", state, "issue", {"quota_available": never, "not_on_hold": never})
    assert (caught.value.action, caught.value.state) == ("issue", state)


def test_all_unmet_conditions_are_named_and_each_is_asked_once(machine: Machine):
    asked: list[str] = []

    def no(name: str):
        def answer() -> bool:
            asked.append(name)
            return False

        return answer

    conditions = {"not_on_hold": no("not_on_hold"), "quota_available": no("quota_available")}
    with pytest.raises(ConditionsUnmet) as caught:
        machine.advance("dossier", "submitted", "issue", conditions)
    assert caught.value.names == ("quota_available", "not_on_hold")
    assert asked == ["quota_available", "not_on_hold"]


@pytest.mark.parametrize("answer", [1, "yes", object(), None, 0])
def test_only_true_itself_is_a_yes(machine: Machine, answer: object):
    conditions = {"quota_available": lambda: answer, "not_on_hold": True}
    with pytest.raises(ConditionsUnmet) as caught:
        machine.advance("dossier", "submitted", "issue", conditions)  # type: ignore[arg-type]  # a wrong mapping is the point
    assert caught.value.names == ("quota_available",)


def test_a_condition_nobody_answers_is_a_fault_and_not_a_yes(machine: Machine):
    with pytest.raises(ConditionsMissing, match="not_on_hold"):
        machine.advance("dossier", "submitted", "issue", {"quota_available": True})


def test_a_condition_that_raises_leaves_nothing_behind(machine: Machine):
    def broken() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        machine.advance("dossier", "submitted", "issue", {"quota_available": broken, "not_on_hold": True})
    met = {"quota_available": True, "not_on_hold": True}
    assert machine.advance("dossier", "submitted", "issue", met).state_to == "issued"


def test_a_nominee_action_is_open_only_while_the_dossier_is_where_it_says(machine: Machine):
    for dossier_state in ("draft", "issued", None):
        with pytest.raises(WrongState):
            machine.advance("nominee", "in_play", "withdraw_nominee", {}, dossier_state)
    assert machine.advance("nominee", "in_play", "withdraw_nominee", {}, "submitted").state_to == "withdrawn"


def test_the_actions_of_a_state_come_in_the_order_of_the_edition(machine: Machine):
    assert [a.key for a in machine.actions_from("dossier", "submitted")] == [
        "return_dossier",
        "issue",
        "note",
    ]
    assert machine.actions_from("dossier", "issued") == ()
    assert machine.actions_from("dossier", "nowhere") == ()
    assert [a.key for a in machine.actions_from("nominee", "in_play", "draft")] == ["award_nominee"]


def test_the_machine_of_an_edition_is_built_once():
    edition = edition_of(SMALL)
    assert machine_for(edition) is machine_for(edition)
    assert machine_for(edition_of(SHIPPED[0])) is not machine_for(edition)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_the_library_agrees_with_the_edition_about_every_pair(path):
    """Every state × every action: allowed exactly where the edition says, and leading there."""
    edition = edition_of(path)
    machine = Machine(edition)
    for subject in ("dossier", "nominee"):
        definition = edition.machine(subject)
        for state in definition.states:
            for action in definition.actions.values():
                yes = dict.fromkeys(action.conditions, True)
                beside = action.while_dossier[0] if action.while_dossier else None
                if state in action.sources:
                    move = machine.advance(subject, state, action.key, yes, beside)
                    assert move.state_to == (action.target or state)
                else:
                    with pytest.raises(WrongState):
                        machine.advance(subject, state, action.key, yes, beside)


def test_nothing_of_the_librarys_own_can_be_triggered(machine: Machine):
    for subject in ("dossier", "nominee"):
        library = machine._libraries[subject]
        assert set(library.events) == set(machine.edition.machine(subject).actions)
        assert library.models == []
        assert isinstance(library, transitions.Machine)


def test_eight_threads_share_one_machine():
    edition = edition_of(SHIPPED[0])
    machine = machine_for(edition)
    wrong: list[object] = []
    ready = threading.Barrier(8)

    def walk(seed: int) -> None:
        chance = random.Random(seed)
        ready.wait()
        state = edition.dossier.initial
        for _ in range(500):
            actions = machine.actions_from("dossier", state)
            if not actions:
                state = edition.dossier.initial
                continue
            action = chance.choice(actions)
            move = machine.advance("dossier", state, action.key, dict.fromkeys(action.conditions, True))
            if move.state_to != (action.target or state) or move.state_from != state:
                wrong.append(move)
            state = move.state_to

    threads = [threading.Thread(target=walk, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
