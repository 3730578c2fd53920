"""The words an edition may use: our functions, conditions, effects, requirements, icons and groups."""

from __future__ import annotations

from dossiers.conditions import CONDITIONS
from dossiers.functions import FUNCTIONS
from states.definition import Vocabulary

EFFECTS = frozenset(
    {
        "start_regime",
        "freeze_version_submit",
        "freeze_version_decision",
        "use_quota",
        "release_quota",
        "set_hold",
        "clear_hold",
        "notify_unit",
        "notify_next",
        "open_decision",
        "revoke_decision",
        "number_decision",
        "count_submission",
        "unlock_resubmission",
    }
)

REQUIREMENTS = frozenset({"reason", "reason_code"})

# Tabler's outline icons that pages can draw (language.md §5); states name one each.
ICONS = frozenset(
    {
        "pencil",
        "send",
        "inbox",
        "file-plus",
        "arrow-back-up",
        "zoom-check",
        "users",
        "circle-check",
        "hourglass",
        "file-certificate",
        "circle-x",
        "file-minus",
        "arrow-up",
        "circle-dashed",
        "check",
        "x",
        "list-check",
        "award",
        "versions",
        "file-off",
        "player-pause",
        "signature",
    }
)

GROUPS = frozenset(
    {"with_unit", "in_process", "decided", "closed", "escalated", "in_play", "returned", "not_passed"}
)

VOCABULARY = Vocabulary(
    functions=frozenset(FUNCTIONS),
    conditions=frozenset(CONDITIONS),
    effects=EFFECTS,
    requirements=REQUIREMENTS,
    icons=ICONS,
    groups=GROUPS,
)
