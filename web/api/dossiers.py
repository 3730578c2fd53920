"""Rounds, dossiers and nominees: what the proposing unit writes, and what everybody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from dossiers.criteria import Answer
from web.api import bodies
from web.api.operation import READ, WRITE, Call, next_link, operation
from web.api.shapes import CHANGED, answer, page_of, shape
from web.wiring import wired
from workflow import draft, inbox
from workflow.view.dossier import DossierView, dossier_view
from workflow.view.rounds import RoundView, rounds_for
from workflow.view.sent import FrozenView, frozen_version

ROUNDS = answer("Rounds", "Award rounds.", rows=fields.List(fields.Nested(shape(RoundView))))
OPENED = shape(draft.DossierKey)
ADDED = shape(draft.NomineeKey)


@operation("GET", "/rounds", scope=READ, tag="rounds", answers=ROUNDS)
def list_rounds(call: Call) -> Mapping[str, Any]:
    """List the rounds my units may propose to

    With their times, and whether they take dossiers now.
    """
    return {"rows": rounds_for(wired().database, call.actor)}


@operation(
    "GET",
    "/dossiers",
    scope=READ,
    tag="dossiers",
    query=bodies.DossiersQuery,
    answers=page_of(inbox.InboxRow),
    headers={"Link": "The next page."},
)
def list_dossiers(call: Call) -> Any:
    """List and search the dossiers I may see

    The newest first.
    """
    query = call.query
    page = inbox.own_dossiers(
        wired().database,
        call.actor,
        after=query.get("after"),
        limit=query["limit"],
        search=query.get("search"),
        round_code=query.get("round"),
        state=query.get("state"),
    )
    return page, next_link(page.next)


@operation(
    "POST",
    "/dossiers",
    scope=WRITE,
    tag="dossiers",
    body=bodies.NewDossier,
    answers=OPENED,
    status=201,
    idempotent=True,
    example={"round_code": "GT-2024", "title": "Đề nghị khen thưởng năm 2024"},
    headers={"ETag": "The version, for `If-Match`.", "Location": "The address of the dossier."},
)
def open_dossier(call: Call) -> Any:
    """Open a draft in a round."""
    key = draft.open_dossier(
        wired().database,
        call.actor,
        round_code=call.body["round_code"],
        unit_ref=call.body.get("unit_ref"),
        title=call.body["title"],
        idem_key=call.idem_key,
    )
    return key, {"Location": f"/api/v1/dossiers/{key.ref}"}


@operation(
    "GET",
    "/dossiers/<dossier>",
    scope=READ,
    tag="dossiers",
    answers=shape(DossierView),
    headers={"ETag": "The version, for `If-Match`."},
)
def read_dossier(call: Call, dossier: str) -> DossierView:
    """Read a dossier, whole

    Its form, nominees, papers, remarks, clocks, latest deeds, and the actions that are mine to do. Readers of
    other units see what was last sent, not what the unit is mending.
    """
    return dossier_view(wired().database, call.actor, dossier)


@operation(
    "PATCH",
    "/dossiers/<dossier>",
    scope=WRITE,
    tag="dossiers",
    body=bodies.DossierFields,
    answers=CHANGED,
    seen=True,
    idempotent=True,
    example={"seen_version": 7, "fields": {"minutes_no": "12/BB-HĐ", "minutes_on": "2024-11-01"}},
    headers={"ETag": "The new version."},
)
def fill_in_dossier(call: Call, dossier: str) -> Mapping[str, int]:
    """Fill in the dossier's form

    While it is a draft, returned, or asked to be supplemented.
    """
    version = draft.fill_in(
        wired().database,
        call.actor,
        dossier,
        seen_version=call.seen_version,
        fields=call.body["fields"],
        idem_key=call.idem_key,
    )
    return {"version": version}


@operation(
    "GET",
    "/dossiers/<dossier>/versions/<int(min=1,max=100000):n>",
    scope=READ,
    tag="dossiers",
    answers=shape(FrozenView),
)
def read_frozen_version(call: Call, dossier: str, n: int) -> FrozenView:
    """Read a frozen version exactly as it was sent or decided."""
    return frozen_version(wired().database, call.actor, dossier, n)


@operation(
    "POST",
    "/dossiers/<dossier>/nominees",
    scope=WRITE,
    tag="nominees",
    body=bodies.NewNominee,
    answers=ADDED,
    status=201,
    seen=True,
    idempotent=True,
    example={"seen_version": 2, "class_code": "agency_district", "name": "Khoa Nội"},
    headers={"ETag": "The dossier's new version."},
)
def add_nominee(call: Call, dossier: str) -> draft.NomineeKey:
    """Add a nominee."""
    body = call.body
    return draft.add_nominee(
        wired().database,
        call.actor,
        dossier,
        seen_version=call.seen_version,
        class_code=body["class_code"],
        name=body["name"],
        award_form=body["award_form"],
        fields=body.get("fields"),
        idem_key=call.idem_key,
    )


@operation(
    "PATCH",
    "/nominees/<nominee>",
    scope=WRITE,
    tag="nominees",
    body=bodies.NomineeChange,
    answers=CHANGED,
    seen=True,
    idempotent=True,
    example={"seen_version": 3, "answers": {"1": {"attested": True}}},
    headers={"ETag": "The dossier's new version."},
)
def fill_in_nominee(call: Call, nominee: str) -> Mapping[str, int]:
    """Fill in a nominee's form and answer its criteria

    Every wrong value is named at once, and then none is written.
    """
    body = call.body
    answers = {code: Answer(**said) for code, said in body.get("answers", {}).items()}
    version = draft.fill_in_nominee(
        wired().database,
        call.actor,
        nominee,
        seen_version=call.seen_version,
        name=body.get("name"),
        award_form=body.get("award_form"),
        fields=body.get("fields"),
        answers=answers,
        idem_key=call.idem_key,
    )
    return {"version": version}


@operation(
    "DELETE",
    "/nominees/<nominee>",
    scope=WRITE,
    tag="nominees",
    query=bodies.SeenQuery,
    answers=CHANGED,
    seen=True,
    idempotent=True,
    headers={"ETag": "The dossier's new version."},
)
def remove_nominee(call: Call, nominee: str) -> Mapping[str, int]:
    """Take a nominee out of a dossier that was never sent."""
    version = draft.remove_nominee(
        wired().database, call.actor, nominee, seen_version=call.seen_version, idem_key=call.idem_key
    )
    return {"version": version}
