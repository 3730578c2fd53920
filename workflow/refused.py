"""Conditions that do not hold, as refusals with the figures their sentences show."""

from __future__ import annotations

from typing import Any

from dossiers.numbers import show_moment
from dossiers.refusals import Conflict, Refusal
from workflow.facts import DossierFacts


class ConditionsRefused(Conflict):
    """Several conditions do not hold; ``problems`` keeps one refusal for each."""

    def __init__(self, problems: tuple[Refusal, ...]) -> None:
        super().__init__("conditions_unmet", count=len(problems))
        self.problems = problems


def condition_refusal(name: str, facts: DossierFacts) -> Refusal:
    """Return the refusal that says why the condition ``name`` does not hold for these facts."""
    return Conflict(f"condition_{name}", **_figures(name, facts))


def _figures(name: str, facts: DossierFacts) -> dict[str, Any]:
    if name == "papers_complete":
        return {"count": len(facts.missing_papers)}
    if name == "criteria_answered":
        return {"count": len(facts.open_questions)}
    if name == "no_nominee_on_hold":
        return {"count": len(facts.held_nominees)}
    if name == "criteria_judged":
        open_ones = [gap.partition(":")[2] for gap in facts.open_questions]
        return {"codes": ", ".join(dict.fromkeys([*facts.failed_criteria, *open_ones]))}
    if name == "round_open":
        return {"closes_at": show_moment(facts.closes_at), "opens_at": show_moment(facts.opens_at)}
    if name in ("quota_set", "quota_available"):
        for need in facts.quota_needs:
            short = need.size is None if name == "quota_set" else (need.size or 0) < need.used + need.needed
            if short:
                return {
                    "kind": need.nominee_kind,
                    "size": need.size,
                    "used": need.used,
                    "needed": need.needed,
                }
    return {}
