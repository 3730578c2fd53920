"""Acting: every action of the edition, on a dossier or on one of its nominees, through one command."""

from __future__ import annotations

from web.api import bodies
from web.api.operation import WRITE, Call, operation
from web.api.shapes import shape
from web.wiring import wired
from workflow import decide

OUTCOME = shape(decide.Outcome)


@operation(
    "POST",
    "/dossiers/<dossier>/actions/<action>",
    scope=WRITE,
    tag="actions",
    body=bodies.Deed,
    answers=OUTCOME,
    seen=True,
    idempotent=True,
    example={"seen_version": 9, "reason": "Thiếu biên bản họp.", "reason_code": "missing_paper"},
    headers={"ETag": "The dossier's new version."},
)
def act(call: Call, dossier: str, action: str) -> decide.Outcome:
    """Act on a dossier

    The dossier's `actions` name what is mine to do here, what it needs, and what stands in the way.
    """
    return _act(call, dossier, action, None)


@operation(
    "POST",
    "/dossiers/<dossier>/nominees/<nominee>/actions/<action>",
    scope=WRITE,
    tag="actions",
    body=bodies.Deed,
    answers=OUTCOME,
    seen=True,
    idempotent=True,
    example={"seen_version": 9},
    headers={"ETag": "The dossier's new version."},
)
def act_on_nominee(call: Call, dossier: str, nominee: str, action: str) -> decide.Outcome:
    """Act on one nominee of a dossier

    The nominee's `actions` name what is mine to do.
    """
    return _act(call, dossier, action, nominee)


def _act(call: Call, dossier: str, action: str, nominee: str | None) -> decide.Outcome:
    body = call.body
    return decide.act(
        wired().database,
        call.actor,
        dossier,
        action,
        seen_version=call.seen_version,
        reason=body.get("reason"),
        reason_code=body.get("reason_code"),
        fields=body.get("fields"),
        remarks=tuple(decide.RemarkInput(**remark) for remark in body.get("remarks", ())),
        nominee_ref=nominee,
        idem_key=call.idem_key,
    )
