"""The closed list of functions: what someone does in a step (glossary row 121), and the duties they belong
to.
"""

from __future__ import annotations

NOMINATOR = "nominator"
UNIT_HEAD = "unit_head"
INTAKE = "intake"
APPRAISER = "appraiser"
APPRAISAL_HEAD = "appraisal_head"
AWARD_OFFICER = "award_officer"
DECIDER = "decider"
COUNCIL_SECRETARY = "council_secretary"
REGISTRY_CLERK = "registry_clerk"
AUDITOR = "auditor"
ADMINISTRATOR = "administrator"

FUNCTIONS = (
    NOMINATOR,
    UNIT_HEAD,
    INTAKE,
    APPRAISER,
    APPRAISAL_HEAD,
    AWARD_OFFICER,
    DECIDER,
    COUNCIL_SECRETARY,
    REGISTRY_CLERK,
    AUDITOR,
    ADMINISTRATOR,
)

# Performed in the proposing unit itself; every other function is performed for a body, by the unit that
# `body_function` names on that day.
UNIT_FUNCTIONS = frozenset({NOMINATOR, UNIT_HEAD})

# Never a step of a dossier.
SIDE_FUNCTIONS = frozenset({AUDITOR, ADMINISTRATOR})

# Who proposes does not appraise, who appraises does not review, who reviews does not decide: one person has
# one
# duty in one dossier, for ever.
DUTY = {
    NOMINATOR: "propose",
    UNIT_HEAD: "propose",
    INTAKE: "appraise",
    APPRAISER: "appraise",
    APPRAISAL_HEAD: "appraise",
    COUNCIL_SECRETARY: "appraise",
    AWARD_OFFICER: "review",
    REGISTRY_CLERK: "review",
    DECIDER: "decide",
}
DUTIES = ("propose", "appraise", "review", "decide")


def sql_list(values: tuple[str, ...]) -> str:
    """Return ``values`` as the inside of an SQL ``IN (…)`` for a CHECK constraint."""
    return ", ".join(f"'{value}'" for value in values)
