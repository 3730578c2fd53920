"""Units and people, for administrators; to everybody else none of it exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import fields

from web.api import bodies
from web.api.operation import ADMIN, Call, next_link, operation
from web.api.shapes import answer, page_of, shape
from web.wiring import wired
from workflow import accounts, administration, jobs
from workflow.permissions import require_administrator

MADE = answer("Made", "Something new.", ref=fields.String())
LINK = answer(
    "ActivationLink",
    "The secret of a link for a new password. It is shown once and kept nowhere.",
    token=fields.String(allow_none=True, metadata={"description": "null when none is needed."}),
)


@operation(
    "GET",
    "/org-units",
    scope=ADMIN,
    tag="administration",
    query=bodies.SearchQuery,
    answers=page_of(administration.UnitRow),
    headers={"Link": "The next page."},
)
def list_units(call: Call) -> Any:
    """List the units of today, in Vietnamese order."""
    query = call.query
    page = administration.list_org_units(
        wired().database,
        call.actor,
        after=query.get("after"),
        limit=query["limit"],
        search=query.get("search"),
    )
    return page, next_link(page.next)


@operation(
    "POST",
    "/org-units",
    scope=ADMIN,
    tag="administration",
    body=bodies.NewUnit,
    answers=MADE,
    status=201,
    headers={"Location": "The address of the unit."},
)
def add_unit(call: Call) -> Any:
    """Add a unit."""
    ref = administration.add_org_unit(wired().database, call.actor, **call.body)
    return {"ref": ref}, {"Location": f"/api/v1/org-units/{ref}"}


@operation(
    "GET",
    "/org-units/<unit>",
    scope=ADMIN,
    tag="administration",
    answers=shape(administration.UnitView),
    headers={"ETag": "The unit's version, for `If-Match`."},
)
def read_unit(call: Call, unit: str) -> administration.UnitView:
    """Read a unit with its whole dated history."""
    return administration.org_unit_view(wired().database, call.actor, unit)


@operation(
    "POST",
    "/org-units/<unit>/names",
    scope=ADMIN,
    tag="administration",
    body=bodies.UnitName,
    answers=shape(administration.UnitView),
    status=201,
    seen=True,
    headers={"ETag": "The unit's new version."},
)
def rename_unit(call: Call, unit: str) -> administration.UnitView:
    """Give a unit a new name, parent or body from a day on."""
    given = {key: value for key, value in call.body.items() if key != "seen_version"}
    administration.rename_org_unit(
        wired().database, call.actor, unit, seen_version=call.seen_version, **given
    )
    return administration.org_unit_view(wired().database, call.actor, unit)


@operation(
    "POST",
    "/org-units/<unit>/end",
    scope=ADMIN,
    tag="administration",
    body=bodies.UnitEnd,
    answers=shape(administration.UnitView),
    seen=True,
    headers={"ETag": "The unit's new version."},
)
def close_unit(call: Call, unit: str) -> administration.UnitView:
    """Close a unit from a day on

    Its past stays.
    """
    administration.close_org_unit(
        wired().database, call.actor, unit, seen_version=call.seen_version, on=call.body["on"]
    )
    return administration.org_unit_view(wired().database, call.actor, unit)


@operation(
    "POST",
    "/org-units/<unit>/functions",
    scope=ADMIN,
    tag="administration",
    body=bodies.FunctionBody,
    answers=shape(administration.UnitView),
    status=201,
    headers={"ETag": "The unit's new version."},
)
def give_function(call: Call, unit: str) -> administration.UnitView:
    """Say who performs a function for this body from a day on

    Whoever performed it before stops that day.
    """
    administration.set_function(wired().database, call.actor, body_ref=unit, **call.body)
    return administration.org_unit_view(wired().database, call.actor, unit)


@operation(
    "GET",
    "/people",
    scope=ADMIN,
    tag="administration",
    query=bodies.SearchQuery,
    answers=page_of(administration.PersonRow),
    headers={"Link": "The next page."},
)
def list_people(call: Call) -> Any:
    """List people, in Vietnamese order of given names."""
    query = call.query
    page = administration.list_people(
        wired().database,
        call.actor,
        after=query.get("after"),
        limit=query["limit"],
        search=query.get("search"),
    )
    return page, next_link(page.next)


@operation(
    "POST",
    "/people",
    scope=ADMIN,
    tag="administration",
    body=bodies.NewPerson,
    answers=shape(administration.Invited),
    status=201,
    headers={"Location": "The address of the person."},
)
def invite_person(call: Call) -> Any:
    """Invite a person

    The answer holds the secret of the activation link, shown this once.
    """
    invited = administration.invite_person(wired().database, call.actor, **call.body)
    return invited, {"Location": f"/api/v1/people/{invited.person_ref}"}


@operation(
    "GET", "/people/<person>", scope=ADMIN, tag="administration", answers=shape(administration.PersonView)
)
def read_person(call: Call, person: str) -> administration.PersonView:
    """Read a person with what they do where."""
    return administration.person_view(wired().database, call.actor, person)


@operation(
    "POST",
    "/people/<person>/memberships",
    scope=ADMIN,
    tag="administration",
    body=bodies.NewMembership,
    answers=MADE,
    status=201,
)
def add_membership(call: Call, person: str) -> Mapping[str, str]:
    """Give a person a function in a unit from a day on."""
    return {"ref": administration.add_membership(wired().database, call.actor, person, **call.body)}


@operation(
    "POST",
    "/memberships/<membership>/end",
    scope=ADMIN,
    tag="administration",
    body=bodies.MembershipEnd,
    answers=None,
    status=204,
)
def end_membership(call: Call, membership: str) -> Response:
    """End a membership on a day."""
    administration.end_membership(wired().database, call.actor, membership, on=call.body["on"])
    return Response(status=204)


@operation("POST", "/people/<person>/disable", scope=ADMIN, tag="administration", answers=None, status=204)
def disable_account(call: Call, person: str) -> Response:
    """Disable a person's account; sessions and tokens stop at once."""
    administration.disable_account(wired().database, call.actor, person)
    return Response(status=204)


@operation("POST", "/people/<person>/enable", scope=ADMIN, tag="administration", answers=LINK)
def enable_account(call: Call, person: str) -> Mapping[str, str | None]:
    """Enable a person's account again."""
    return {"token": administration.enable_account(wired().database, call.actor, person)}


@operation("POST", "/people/<person>/link", scope=ADMIN, tag="administration", answers=LINK, status=201)
def issue_link(call: Call, person: str) -> Mapping[str, str]:
    """Make a link for a new password, or for activation; earlier ones die."""
    place = require_administrator(call.actor)
    whose = administration.person_view(wired().database, call.actor, person)
    token = accounts.reset_link(wired().database, account_ref=whose.account_ref, by=call.actor.by(place))
    return {"token": token}


@operation(
    "GET",
    "/jobs",
    scope=ADMIN,
    tag="administration",
    query=bodies.PageQuery,
    answers=page_of(jobs.GivenUpRow),
    headers={"Link": "The next page."},
)
def list_jobs(call: Call) -> Any:
    """List what the system gave up after trying several times

    The latest promised first.
    """
    page = jobs.given_up(
        wired().database, call.actor, after=call.query.get("after"), limit=call.query["limit"]
    )
    return page, next_link(page.next)


@operation(
    "POST",
    "/jobs/again",
    scope=ADMIN,
    tag="administration",
    body=bodies.JobAgain,
    answers=None,
    status=204,
    idempotent=True,
)
def try_job_again(call: Call) -> Response:
    """Have a job that was given up tried again at once."""
    jobs.try_again(wired().database, call.actor, call.body["key"], idem_key=call.idem_key)
    return Response(status=204)
