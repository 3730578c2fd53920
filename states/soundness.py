"""Whether an edition can be lived with: states reached and left, turns somebody's, clocks ended.

Pure graph questions on an `Edition` that may still hold wrong names (the loader calls it for every file,
so that all problems come at once). Where a name is unknown, the graph is given the benefit of the doubt:
an unknown target may lead anywhere, an unknown source may come from anywhere, and only the name itself is
complained about. The empty text is a name the loader has already complained about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from states.definition import Action, Edition, Limit, MachineDefinition
from states.problems import Problem, problem

REASON = "reason"
REASON_CODE = "reason_code"


def unsound(edition: Edition) -> tuple[Problem, ...]:
    """Every problem of the two graphs and of what joins them."""
    found: list[Problem] = []
    for machine in (edition.dossier, edition.nominee):
        found.extend(_names(edition, machine))
        found.extend(_graph(machine))
        found.extend(_turns(edition, machine))
        found.extend(_deeds(edition, machine))
        found.extend(_clocks(machine))
    found.extend(_between(edition))
    return tuple(found)


# -- names -----------------------------------------------------------------------------------------


def _names(edition: Edition, machine: MachineDefinition) -> Iterator[Problem]:
    """References to states, limits, steps, actions and reason codes that do not exist."""
    at = machine.subject
    steps = {step.key for step in edition.route}
    if machine.initial and machine.initial not in machine.states:
        yield problem(f"{at}.initial", "unknown_state", name=machine.initial)
    for state in machine.states.values():
        if state.route_step is not None and state.route_step not in steps:
            where = f"{at}.states.{state.key}.route_step"
            yield problem(where, "unknown_route_step", name=state.route_step)
    for action in machine.actions.values():
        here = f"{at}.actions.{action.key}"
        for source in action.sources:
            if source and source not in machine.states:
                yield problem(f"{here}.sources", "unknown_state", name=source)
        if action.target and action.target not in machine.states:
            yield problem(f"{here}.target", "unknown_state", name=action.target)
        for operation in action.clock:
            if operation.limit not in machine.limits:
                yield problem(f"{here}.clock", "unknown_limit", name=operation.limit)
        for code in action.reason_codes:
            if code not in edition.reason_codes:
                yield problem(f"{here}.reason_codes", "unknown_reason_code", name=code)
        given = action.given_reason.code if action.given_reason is not None else ""
        if given and given not in edition.reason_codes:
            yield problem(f"{here}.given_reason.code", "unknown_reason_code", name=given)
    for limit in machine.limits.values():
        if limit.on_expiry is not None and limit.on_expiry not in machine.actions:
            where = f"{at}.limits.{limit.code}.on_expiry"
            yield problem(where, "unknown_action", name=limit.on_expiry)


# -- the graph -------------------------------------------------------------------------------------


def _edges(machine: MachineDefinition) -> dict[str, set[str]]:
    """State → states one action away, itself left out; an unknown name stands for every state."""
    everywhere = set(machine.states)
    edges: dict[str, set[str]] = {key: set() for key in machine.states}
    for action in machine.actions.values():
        if action.target is None:
            continue
        targets = {action.target} if action.target in machine.states else everywhere
        for source in action.sources:
            for known in (source,) if source in machine.states else everywhere:
                edges[known] |= targets - {known}
    return edges


def _reached(edges: dict[str, set[str]], starts: Iterable[str]) -> set[str]:
    reached = set(starts)
    waiting = deque(reached)
    while waiting:
        for target in edges[waiting.popleft()] - reached:
            reached.add(target)
            waiting.append(target)
    return reached


def _graph(machine: MachineDefinition) -> Iterator[Problem]:
    """Unreachable states, dead ends, cycles without exit, ways out of final states."""
    at = f"{machine.subject}.states"
    edges = _edges(machine)
    if machine.initial in machine.states:
        reached = _reached(edges, [machine.initial])
        for key in machine.states:
            if key not in reached:
                yield problem(f"{at}.{key}", "unreachable")

    against: dict[str, set[str]] = {key: set() for key in machine.states}
    for source, targets in edges.items():
        for target in targets:
            against[target].add(source)
    can_end = _reached(against, [s.key for s in machine.states.values() if s.final])
    told: set[str] = set()
    ahead_of = {key: _reached(edges, [key]) for key in machine.states if key not in can_end}
    for key, ahead in ahead_of.items():
        if key in told:
            continue
        if not edges[key]:
            yield problem(f"{at}.{key}", "dead_end")
            continue
        # Only the cycle itself is named, not the states that lead into it.
        if all(key in ahead_of[other] for other in ahead):
            told |= ahead
            yield problem(f"{at}.{key}", "cycle_without_exit", names=", ".join(sorted(ahead)))

    for action in machine.actions.values():
        finals = [s for s in action.sources if s in machine.states and machine.states[s].final]
        here = f"{machine.subject}.actions.{action.key}"
        if action.from_final:
            if not finals and all(s in machine.states for s in action.sources):
                yield problem(f"{here}.from_final", "from_final_unused")
        else:
            for source in finals:
                yield problem(f"{here}.sources", "final_with_exit", state=source)


# -- turns -----------------------------------------------------------------------------------------


def _drivers(edition: Edition, action: Action) -> list[Action]:
    """The dossier's actions that apply this action of the nominee."""
    return [a for a in edition.dossier.actions.values() if a.nominees == action.key]


def _turns(edition: Edition, machine: MachineDefinition) -> Iterator[Problem]:
    """Who may do what, and whether the one whose turn it is can do anything."""
    system = {limit.on_expiry for limit in machine.limits.values() if limit.on_expiry is not None}
    calls = {a.nominees for a in edition.dossier.actions.values() if a.nominees is not None}
    for action in machine.actions.values():
        here = f"{machine.subject}.actions.{action.key}"
        if action.by_system or action.driven:
            if action.functions:
                yield problem(f"{here}.functions", "performers_not_allowed")
            asked = {"requires": action.requires, "fields": action.fields}
            if action.driven:  # judged by the conditions of the dossier's action alone
                asked["conditions"] = action.conditions
            if any(asked.values()):
                names = ", ".join(name for name, wanted in asked.items() if wanted)
                yield problem(here, "asks_nobody", names=names)
            # A misspelt call may have meant this one; it is complained about where it stands.
            if action.by_system and action.key not in system and system <= set(machine.actions):
                yield problem(here, "never_by_system")
            if action.driven and action.key not in calls and calls <= set(edition.nominee.actions):
                yield problem(here, "never_driven")
        else:
            for source in action.sources:
                if source in machine.states and not action.performers_in(source):
                    yield problem(f"{here}.sources", "nobody_may", state=source)

    for state in machine.states.values():
        here = f"{machine.subject}.states.{state.key}.acting_function"
        if state.final:
            if state.acting_function is not None:
                yield problem(here, "acting_not_allowed")
            continue
        if state.acting_function is None:
            yield problem(here, "acting_missing")
            continue
        if state.acting_function and not _moves_on(edition, machine, state.key, state.acting_function):
            yield problem(here, "acting_cannot_act", function=state.acting_function)
        yield from _two_mains(machine, state.key)


def _moves_on(edition: Edition, machine: MachineDefinition, state: str, function: str) -> bool:
    """True when the function can do something in `state` that leads to another state.

    A state that nothing leaves is a dead end and complained about as such.
    """
    leaving = [
        a
        for a in machine.actions.values()
        if a.target is not None
        and a.target != state
        and (state in a.performers or any(s not in machine.states for s in a.sources))
    ]
    if not leaving:
        return True
    for action in leaving:
        if state not in action.performers or function in action.performers_in(state):
            return True
        if action.driven and any(function in d.functions for d in _drivers(edition, action)):
            return True
    return False


def _two_mains(machine: MachineDefinition, state: str) -> Iterator[Problem]:
    """A page has one filled button for each reader."""
    mains: dict[str, list[str]] = {}
    for action in machine.actions.values():
        if action.main:
            for function in action.performers_in(state):
                mains.setdefault(function, []).append(action.key)
    for function, keys in mains.items():
        if len(keys) > 1:
            where = f"{machine.subject}.actions.{keys[1]}.main"
            names = ", ".join(keys)
            yield problem(where, "two_main_actions", function=function, state=state, names=names)


# -- deeds -----------------------------------------------------------------------------------------


def _deeds(edition: Edition, machine: MachineDefinition) -> Iterator[Problem]:
    """Reasons where the way leads back."""
    for action in machine.actions.values():
        here = f"{machine.subject}.actions.{action.key}"
        target = machine.states.get(action.target) if action.target is not None else None
        if target is not None and target.sent_back and not action.backwards:
            yield problem(f"{here}.backwards", "backwards_unmarked", state=target.key)
        if action.given_reason is not None and not action.by_system:
            yield problem(f"{here}.given_reason", "given_reason_not_allowed")
        if REASON_CODE in action.requires and not action.reason_codes:
            yield problem(f"{here}.reason_codes", "no_reason_codes")
        if not (action.backwards or action.from_final):
            continue
        if action.by_system:
            if action.given_reason is None:
                yield problem(f"{here}.given_reason", "given_reason_missing")
        elif action.driven:
            for driver in _drivers(edition, action):
                if REASON not in driver.requires:
                    where = f"dossier.actions.{driver.key}.requires"
                    yield problem(where, "driver_without_reason", name=driver.key)
        elif REASON not in action.requires:
            code = "backwards_without_reason" if action.backwards else "final_without_reason"
            yield problem(f"{here}.requires", code)


# -- clocks ----------------------------------------------------------------------------------------


def _clocks(machine: MachineDefinition) -> Iterator[Problem]:
    """Each limit starts, ends before the end, and calls an action that is possible when it runs out."""
    for limit in machine.limits.values():
        here = f"{machine.subject}.limits.{limit.code}"
        starters = [
            a
            for a in machine.actions.values()
            if any(op.verb == "start" and op.limit == limit.code for op in a.clock)
        ]
        if not starters:
            yield problem(here, "limit_never_started")
            continue
        if limit.due_field is not None and limit.working_days is None:
            for starter in starters:
                if not any(
                    f.key == limit.due_field and f.kind in ("date", "") and f.required for f in starter.fields
                ):
                    where = f"{here}.due_field"
                    yield problem(where, "due_field_missing", action=starter.key, name=limit.due_field)
        if not _all_states_known(machine):
            continue  # an unknown name may hide the way on which the clock starts or ends
        running, paused = _open_in(machine, limit.code)
        for key, state in machine.states.items():
            if state.final and (key in running or key in paused):
                yield problem(here, "limit_left_open", state=key)
            shown = state.limit is not None and state.limit.code == limit.code
            if shown and key not in running and key not in paused:
                where = f"{machine.subject}.states.{key}.limit"
                yield problem(where, "limit_not_open_here", name=limit.code)
        yield from _expiry(machine, limit, running)


def _all_states_known(machine: MachineDefinition) -> bool:
    named = {machine.initial}
    for action in machine.actions.values():
        named.update(action.sources)
        if action.target is not None:
            named.add(action.target)
    return named <= set(machine.states)


def _expiry(machine: MachineDefinition, limit: Limit, running: set[str]) -> Iterator[Problem]:
    action = machine.actions.get(limit.on_expiry) if limit.on_expiry is not None else None
    if action is None:
        return
    where = f"{machine.subject}.limits.{limit.code}.on_expiry"
    if not action.by_system:
        yield problem(where, "expiry_not_by_system", name=action.key)
    for key in machine.states:
        if key in running and not machine.states[key].final and key not in action.sources:
            yield problem(where, "expiry_not_possible", state=key, name=action.key)


def _open_in(machine: MachineDefinition, limit: str) -> tuple[set[str], set[str]]:
    """The states in which the clock may be running, and those in which it may be paused.

    A walk over (state, clock) pairs from the initial state; every state named must exist.
    """
    seen = {(machine.initial, "closed")}
    waiting = deque(seen)
    while waiting:
        state, clock = waiting.popleft()
        for action in machine.actions.values():
            if state not in action.performers:
                continue
            target = state if action.target is None else action.target
            pair = (target, _after(action, limit, clock))
            if pair not in seen:
                seen.add(pair)
                waiting.append(pair)
    return {s for s, c in seen if c == "running"}, {s for s, c in seen if c == "paused"}


def _after(action: Action, limit: str, clock: str) -> str:
    """The clock after the action, with the meaning that ClockOperation promises."""
    for operation in action.clock:
        if operation.limit != limit:
            continue
        if operation.verb == "start" and clock == "closed":
            clock = "running"
        elif operation.verb == "pause" and clock == "running":
            clock = "paused"
        elif operation.verb == "resume" and clock == "paused":
            clock = "running"
        elif operation.verb == "end":
            clock = "closed"
    return clock


# -- between the two machines ----------------------------------------------------------------------


def _between(edition: Edition) -> Iterator[Problem]:
    """What the dossier's actions do to nominees, and when the nominees' own actions are open."""
    nominee, dossier = edition.nominee, edition.dossier
    for action in dossier.actions.values():
        if action.nominees is None:
            continue
        driven = nominee.actions.get(action.nominees)
        if driven is None:
            yield problem(f"dossier.actions.{action.key}.nominees", "unknown_action", name=action.nominees)
            continue
        for source in action.sources:
            if driven.while_dossier and source not in driven.while_dossier:
                where = f"nominee.actions.{driven.key}.while_dossier"
                yield problem(where, "driver_outside", state=source, name=action.key)
    for action in nominee.actions.values():
        for state in action.while_dossier:
            if state not in dossier.states:
                where = f"nominee.actions.{action.key}.while_dossier"
                yield problem(where, "unknown_state", name=state)
