"""The conditions that an edition may name, each one function over the facts of a dossier.

Whoever acts hands in ``Facts``; a condition touches only what it needs. The sentence shown when a condition
does not hold is ``condition_<name>`` in ``dossiers.refusals``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

# A dossier may be sent this often before the head of appraisal must unlock another time (SC-03).
SUBMISSIONS_WITHOUT_UNLOCKING = 2


class Facts(Protocol):
    """What conditions may ask. Every property is read at most once, when first asked."""

    @property
    def now(self) -> datetime:
        """The moment of the deed."""

    @property
    def today(self) -> date:
        """The day of the deed in Viet Nam."""

    @property
    def opens_at(self) -> datetime:
        """When the round begins to take dossiers."""

    @property
    def closes_at(self) -> datetime:
        """The last moment at which the round takes dossiers."""

    @property
    def on_hold(self) -> bool:
        """Whether the thing acted on, dossier or nominee, is suspended itself."""

    @property
    def under_hold(self) -> bool:
        """Whether it or the dossier around it is suspended."""

    @property
    def held_nominees(self) -> Sequence[str]:
        """Refs of nominees in play that are suspended."""

    @property
    def failed_criteria(self) -> Sequence[str]:
        """Codes of criteria whose figures or papers fail by rule, of the nominee acted on."""

    @property
    def submissions(self) -> int:
        """How often the dossier was sent."""

    @property
    def resubmission_unlocked(self) -> bool:
        """Whether the head of appraisal has allowed another time."""

    @property
    def nominee_states(self) -> Sequence[str]:
        """The state of every nominee."""

    @property
    def missing_papers(self) -> Sequence[str]:
        """What the checklist asks for and the dossier does not hold."""

    @property
    def open_questions(self) -> Sequence[str]:
        """Criteria that no nominee's form has answered, and needed fields left empty."""

    @property
    def quota_needs(self) -> Sequence[QuotaNeed]:
        """What awarding the nominees that passed would take from each pool."""

    @property
    def supplement_due_on(self) -> date | None:
        """The last day of a running supplement limit."""

    @property
    def has_decision_paper(self) -> bool:
        """Whether a signed decision is among the papers."""


class QuotaNeed(Protocol):
    """How many seats one pool would give, and what it has."""

    @property
    def needed(self) -> int:
        """Seats this dossier asks for."""

    @property
    def size(self) -> int | None:
        """Seats of the pool; None when nobody has set it (or there is no pool)."""

    @property
    def used(self) -> int:
        """Seats already taken."""


# Nominee states that still count for the dossier: neither ended nor given back.
IN_PLAY = frozenset({"in_play", "passed", "listed"})
UNDECIDED = frozenset({"in_play", "returned"})
PASSED = frozenset({"passed", "listed"})


def has_nominees(facts: Facts) -> bool:
    """At least one nominee is in play."""
    return any(state in IN_PLAY or state == "returned" for state in facts.nominee_states)


def papers_complete(facts: Facts) -> bool:
    """Every paper of the checklist is there."""
    return not facts.missing_papers


def criteria_answered(facts: Facts) -> bool:
    """Every applicable criterion of every nominee has an answer."""
    return not facts.open_questions


def round_open(facts: Facts) -> bool:
    """The round takes dossiers at this very moment; 17:00:00 of the last day is in time, 17:00:01 is late."""
    return facts.opens_at <= facts.now.replace(microsecond=0) <= facts.closes_at


def not_on_hold(facts: Facts) -> bool:
    """Consideration is not suspended, neither here nor around it."""
    return not facts.under_hold


def is_on_hold(facts: Facts) -> bool:
    """Consideration is suspended."""
    return facts.on_hold


def resubmission_allowed(facts: Facts) -> bool:
    """The dossier may be sent once more: below the limit, or unlocked."""
    return facts.submissions < SUBMISSIONS_WITHOUT_UNLOCKING or facts.resubmission_unlocked


def criteria_judged(facts: Facts) -> bool:
    """Every criterion has an answer and none fails by rule; what needs a person, the appraiser judges."""
    return not facts.failed_criteria and not facts.open_questions


def no_nominee_on_hold(facts: Facts) -> bool:
    """No nominee that goes forward is suspended."""
    return not facts.held_nominees


def all_nominees_appraised(facts: Facts) -> bool:
    """No nominee waits for a verdict, nor lies with the unit to be mended."""
    return not any(state in UNDECIDED for state in facts.nominee_states)


def some_nominee_passed(facts: Facts) -> bool:
    """At least one nominee may go forward."""
    return any(state in PASSED for state in facts.nominee_states)


def quota_set(facts: Facts) -> bool:
    """Every pool that would be asked has a size."""
    return all(need.size is not None for need in facts.quota_needs)


def quota_available(facts: Facts) -> bool:
    """Every pool that would be asked has seats left. A pool without a size is `quota_set`'s to refuse."""
    return all(need.size is None or need.used + need.needed <= need.size for need in facts.quota_needs)


def supplement_time_left(facts: Facts) -> bool:
    """The time to supplement has not run out."""
    return facts.supplement_due_on is None or facts.today <= facts.supplement_due_on


def decision_paper_attached(facts: Facts) -> bool:
    """The signed decision is among the papers."""
    return facts.has_decision_paper


CONDITIONS: Mapping[str, Callable[[Facts], bool]] = {
    condition.__name__: condition
    for condition in (
        has_nominees,
        papers_complete,
        criteria_answered,
        round_open,
        not_on_hold,
        is_on_hold,
        resubmission_allowed,
        criteria_judged,
        no_nominee_on_hold,
        all_nominees_appraised,
        some_nominee_passed,
        quota_set,
        quota_available,
        supplement_time_left,
        decision_paper_attached,
    )
}
