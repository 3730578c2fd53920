"""The routes this installation ships, read as a table and walked along the scenarios."""

from __future__ import annotations

import pytest

from states.definition import Edition
from states.diagram import as_mermaid
from states.machine import ConditionsUnmet, WrongState, machine_for
from tests.states.editions import SHIPPED, edition_of, shipped

ALL = pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)

# Giang Thành, the envelope: action | from → to | who. `=` stays, `clock` is the worker.
GIANG_THANH = """
submit                 draft               -> submitted            nominator unit_head
answer_supplement      supplement_requested -> submitted           nominator unit_head
resubmit               returned            -> submitted            nominator unit_head
withdraw               submitted           -> withdrawn            nominator unit_head
withdraw               supplement_requested -> withdrawn           nominator unit_head
withdraw               returned            -> withdrawn            nominator unit_head
withdraw               received            -> withdrawn            nominator unit_head
withdraw               under_appraisal     -> withdrawn            nominator unit_head
withdraw               at_review_meeting   -> withdrawn            nominator unit_head
withdraw               passed              -> withdrawn            nominator unit_head
withdraw               pending_decision    -> withdrawn            nominator unit_head
receive                submitted           -> received             intake
request_supplement     submitted           -> supplement_requested intake
return_overdue         supplement_requested -> returned            clock
return_dossier         submitted           -> returned             intake
return_dossier         received            -> returned             intake appraiser appraisal_head
return_dossier         under_appraisal     -> returned             appraiser appraisal_head
return_dossier         at_review_meeting   -> returned             appraisal_head
unlock_resubmission    returned            -> =                    appraisal_head
start_appraisal        received            -> under_appraisal      appraiser
finish_appraisal       under_appraisal     -> at_review_meeting    appraiser
record_review_meeting  at_review_meeting   -> passed               appraisal_head
reject_at_review       at_review_meeting   -> refused              appraisal_head
return_to_appraisal    at_review_meeting   -> under_appraisal      appraisal_head
return_to_appraisal    passed              -> under_appraisal      award_officer
submit_for_decision    passed              -> pending_decision     award_officer
issue                  approved            -> issued               award_officer registry_clerk
approve                pending_decision    -> approved             decider
revoke_approval        approved            -> pending_decision     decider
return_for_review      pending_decision    -> passed               decider
send_up                pending_decision    -> escalated            decider
refuse                 submitted           -> refused              intake
refuse                 received            -> refused              appraisal_head
refuse                 under_appraisal     -> refused              appraisal_head
refuse                 pending_decision    -> refused              decider
hold                   received            -> =                    appraiser appraisal_head
hold                   under_appraisal     -> =                    appraiser appraisal_head
hold                   at_review_meeting   -> =                    appraisal_head
hold                   passed              -> =                    award_officer
hold                   pending_decision    -> =                    award_officer
release                received            -> =                    appraiser appraisal_head
release                under_appraisal     -> =                    appraiser appraisal_head
release                at_review_meeting   -> =                    appraisal_head
release                passed              -> =                    award_officer
release                pending_decision    -> =                    award_officer
"""


def test_the_route_of_giang_thanh_is_this_table():
    told = set()
    for action in shipped("giang-thanh").dossier.actions.values():
        for source in action.sources:
            who = "clock" if action.by_system else " ".join(action.performers_in(source))
            told.add((action.key, source, action.target or "=", who))
    table = set()
    for line in GIANG_THANH.strip().splitlines():
        action, source, _, target, *who = line.split()
        table.add((action, source, target, " ".join(who)))
    assert told == table


def test_the_two_tier_route_puts_a_council_in_place_of_the_review_meeting_and_nothing_else():
    three, two = shipped("giang-thanh").dossier, shipped("xa-hai-cap").dossier
    renamed = {
        "at_review_meeting": "at_council",
        "passed": "council_passed",
        "record_review_meeting": "record_council_result",
        "reject_at_review": "reject_at_council",
    }
    states = {renamed.get(key, key) for key in three.states} | {"council_rejected"}
    assert set(two.states) == states
    assert set(two.actions) == {renamed.get(key, key) for key in three.actions}
    assert two.actions["record_council_result"].functions == ("council_secretary",)
    assert two.actions["reject_at_council"].target == "council_rejected"
    assert set(shipped("giang-thanh").nominee.actions) == set(shipped("xa-hai-cap").nominee.actions)


def walk(edition: Edition, *steps: str, start: str = "draft") -> str:
    """The state after the dossier's actions, with every condition met."""
    machine, state = machine_for(edition), start
    for step in steps:
        action = machine.action("dossier", step)
        state = machine.advance("dossier", state, step, dict.fromkeys(action.conditions, True)).state_to
    return state


def test_sc_01_leads_from_the_draft_to_the_issued_decision():
    edition = shipped("giang-thanh")
    steps = {
        "submit": "submitted",
        "receive": "received",
        "start_appraisal": "under_appraisal",
        "finish_appraisal": "at_review_meeting",
        "record_review_meeting": "passed",
        "submit_for_decision": "pending_decision",
        "approve": "approved",
        "issue": "issued",
    }
    state = "draft"
    for step, expected in steps.items():
        state = walk(edition, step, start=state)
        assert state == expected
    assert edition.dossier.states[state].final
    assert edition.dossier.states[state].kind == "gold"


def test_sc_01_carries_each_nominee_from_play_to_the_award():
    machine = machine_for(shipped("giang-thanh"))
    met = {"not_on_hold": True, "criteria_judged": True}
    state = machine.advance("nominee", "in_play", "pass_nominee", met, "under_appraisal").state_to
    assert state == "passed"
    for step in ("submit_for_decision", "issue"):
        driven = machine.action("dossier", step).nominees
        assert driven is not None
        state = machine.advance("nominee", state, driven, {}).state_to
    assert state == "awarded"


def test_sc_02_starts_the_clock_only_when_the_supplement_has_made_the_dossier_complete():
    edition = shipped("xa-hai-cap")
    asked = edition.dossier.actions["request_supplement"]
    assert [(op.verb, op.limit) for op in asked.clock] == [("start", "supplement")]
    assert [f.key for f in asked.fields if f.required] == ["due_on", "missing_papers"]
    assert "start_regime" in edition.dossier.actions["receive"].effects
    assert edition.dossier.limits["appraisal"].working_days == 20
    assert walk(edition, "submit", "request_supplement", "answer_supplement", "receive") == "received"
    # only a new sending counts, not the answer to a request
    assert "count_submission" not in edition.dossier.actions["answer_supplement"].effects
    assert "freeze_version_submit" in edition.dossier.actions["answer_supplement"].effects


@ALL
def test_sc_02_the_clock_returns_the_dossier_when_nothing_arrives(path):
    edition = edition_of(path)
    limit = edition.dossier.limits["supplement"]
    assert (limit.due_field, limit.on_expiry, limit.remind_before) == ("due_on", "return_overdue", 1)
    action = edition.dossier.actions["return_overdue"]
    assert action.by_system
    assert action.functions == ()
    assert action.given_reason is not None
    assert action.given_reason.code == "supplement_overdue"
    assert action.given_reason.label.vi == "Quá hạn bổ sung"
    assert walk(edition, "submit", "request_supplement", "return_overdue", "resubmit") == "submitted"


def test_sc_03_a_third_submission_needs_unlocking():
    machine = machine_for(shipped("giang-thanh"))
    others = {"has_nominees": True, "criteria_answered": True}
    with pytest.raises(ConditionsUnmet) as caught:
        machine.advance("dossier", "returned", "resubmit", {**others, "resubmission_allowed": False})
    assert caught.value.names == ("resubmission_allowed",)
    unlock = machine.advance("dossier", "returned", "unlock_resubmission", {})
    assert unlock.state_to == "returned"
    assert "unlock_resubmission" in unlock.effects


@ALL
def test_sc_04_the_unit_may_withdraw_until_the_decision_and_not_after(path):
    dossier = edition_of(path).dossier
    withdraw = dossier.actions["withdraw"]
    assert withdraw.requires == ("reason",)
    undecided = {s.key for s in dossier.states.values() if s.group in ("with_unit", "in_process")}
    assert set(withdraw.sources) == undecided - {"draft"}


@ALL
def test_sc_15_a_hold_stops_the_clocks_and_every_way_on(path):
    edition = edition_of(path)
    machine = machine_for(edition)
    dossier = edition.dossier
    hold, release = dossier.actions["hold"], dossier.actions["release"]
    assert hold.target is release.target is None
    assert set(hold.sources) == set(release.sources)
    assert {op.verb for op in hold.clock} == {"pause"}
    assert {op.limit for op in hold.clock} == {op.limit for op in release.clock}
    for state in hold.sources:
        for action in machine.actions_from("dossier", state):
            if action.key not in ("withdraw", "release"):
                assert "not_on_hold" in action.conditions, f"{action.key} from {state}"


@ALL
def test_whoever_holds_a_final_dossier_waits_for_nothing(path):
    edition = edition_of(path)
    machine = machine_for(edition)
    for state in edition.dossier.states.values():
        if state.final:
            assert machine.actions_from("dossier", state.key) == ()
            with pytest.raises(WrongState):
                machine.advance("dossier", state.key, "withdraw", {})


@ALL
def test_every_way_back_to_the_unit_gives_a_reason(path):
    edition = edition_of(path)
    for definition in (edition.dossier, edition.nominee):
        for action in definition.actions.values():
            if action.backwards and not action.driven:
                assert "reason" in action.requires or action.given_reason is not None, action.key
    assert edition.dossier.actions["return_dossier"].requires == ("reason", "reason_code")


@ALL
def test_separate_people_propose_appraise_and_decide(path):
    dossier = edition_of(path).dossier
    assert set(dossier.actions["approve"].functions) == {"decider"}
    assert set(dossier.actions["submit"].functions) == {"nominator", "unit_head"}
    assert not set(dossier.actions["finish_appraisal"].functions) & {"decider", "nominator", "unit_head"}


@ALL
def test_the_nominee_has_the_ten_states_of_the_design_and_one_for_a_later_round(path):
    assert set(edition_of(path).nominee.states) == {
        "in_play",
        "returned",
        "passed",
        "not_passed",
        "listed",
        "awarded",
        "escalated",
        "withdrawn",
        "superseded",
        "cancelled",
        "deferred",
    }


@ALL
def test_the_words_of_the_states_are_those_of_the_visual_language(path):
    states = edition_of(path).dossier.states
    words = {
        "draft": ("Nháp", "draft"),
        "submitted": ("Đã gửi", "run"),
        "received": ("Đã tiếp nhận", "run"),
        "supplement_requested": ("Chờ bổ sung", "warn"),
        "returned": ("Trả lại để sửa", "warn"),
        "under_appraisal": ("Đang thẩm định", "run"),
        "pending_decision": ("Chờ quyết định", "run"),
        "approved": ("Đã duyệt", "ok"),
        "issued": ("Đã ban hành", "gold"),
        "withdrawn": ("Đã rút", "still"),
        "escalated": ("Trình cấp trên", "run"),
    }
    for key, (label, kind) in words.items():
        assert (states[key].label.vi, states[key].kind) == (label, kind)
    assert states["returned"].label_for("nominator").vi == "Cần bạn sửa"
    assert states["returned"].label_for("intake").vi == "Chờ đơn vị sửa"
    assert states["pending_decision"].kind_for("decider") == "warn"
    assert [key for key, state in states.items() if state.editable] == [
        "draft",
        "supplement_requested",
        "returned",
    ]


@ALL
def test_the_drawing_shows_every_state_and_every_way(path):
    edition = edition_of(path)
    for subject in ("dossier", "nominee"):
        drawn = as_mermaid(edition, subject).splitlines()
        definition = edition.machine(subject)
        assert drawn[0] == "stateDiagram-v2"
        for state in definition.states.values():
            assert f'  state "{state.label.vi}" as {state.key}' in drawn
        ways = [line for line in drawn if "-->" in line and "[*]" not in line]
        assert len(ways) == sum(len(action.sources) for action in definition.actions.values())
