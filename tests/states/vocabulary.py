"""The words the shipped editions use, as docs/workflow-editions.md lists them."""

from __future__ import annotations

from states.definition import Vocabulary

VOCABULARY = Vocabulary(
    functions=frozenset(
        [
            "nominator",
            "unit_head",
            "intake",
            "appraiser",
            "appraisal_head",
            "award_officer",
            "decider",
            "council_secretary",
            "registry_clerk",
            "auditor",
            "administrator",
        ]
    ),
    conditions=frozenset(
        [
            "has_nominees",
            "papers_complete",
            "round_open",
            "not_on_hold",
            "is_on_hold",
            "resubmission_allowed",
            "all_nominees_appraised",
            "some_nominee_passed",
            "quota_set",
            "quota_available",
            "decision_paper_attached",
            "supplement_time_left",
            "criteria_answered",
            "criteria_judged",
            "no_nominee_on_hold",
        ]
    ),
    effects=frozenset(
        [
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
        ]
    ),
    requirements=frozenset({"reason", "reason_code"}),
    icons=frozenset(
        [
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
        ]
    ),
    groups=frozenset(
        ["with_unit", "in_process", "decided", "closed", "escalated", "in_play", "returned", "not_passed"]
    ),
)
