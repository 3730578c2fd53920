"""Units, people and what the system gave up, for administrators; to everybody else none of it exists."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response

from web.api import bodies
from web.api.operation import ADMIN, Call, next_link, operation
from web.api.shapes import CHANGED, page_of, shape
from web.wiring import wired
from workflow import administration, jobs

ETAG = {"ETag": "The version, for `If-Match`."}

administer = partial(operation, scope=ADMIN, tag="administration")
listing = partial(administer, "GET", headers={"Link": "The next page."})
add = partial(administer, "POST", status=201, idempotent=True)
change = partial(administer, "POST", seen=True, idempotent=True, headers={"ETag": "The new version."})


@listing("/org-units", query=bodies.SearchQuery, answers=page_of(administration.UnitRow))
def list_units(call: Call) -> Any:
    """List the units of today, in Vietnamese order."""
    page = administration.list_org_units(wired().database, call.actor, **call.query)
    return page, next_link(page.next)


@add(
    "/org-units",
    body=bodies.NewUnit,
    answers=shape(administration.Added),
    headers={**ETAG, "Location": "The address of the unit."},
)
def add_unit(call: Call) -> Any:
    """Add a unit."""
    added = administration.add_org_unit(wired().database, call.actor, **call.body, idem_key=call.idem_key)
    return added, {"Location": f"/api/v1/org-units/{added.ref}"}


@administer("GET", "/org-units/<unit>", answers=shape(administration.UnitView), headers=ETAG)
def read_unit(call: Call, unit: str) -> administration.UnitView:
    """Read a unit with its whole dated history."""
    return administration.org_unit_view(wired().database, call.actor, unit)


@change("/org-units/<unit>/names", body=bodies.UnitName, answers=CHANGED, status=201)
def rename_unit(call: Call, unit: str) -> Mapping[str, int]:
    """Give a unit a new name, parent or body from a day on."""
    return {"version": administration.rename_org_unit(wired().database, call.actor, unit, **call.change)}


@change("/org-units/<unit>/end", body=bodies.UnitEnd, answers=CHANGED)
def close_unit(call: Call, unit: str) -> Mapping[str, int]:
    """Close a unit from a day on

    Its past stays. What it performs for bodies ends, which moves their versions as well.
    """
    return {"version": administration.close_org_unit(wired().database, call.actor, unit, **call.change)}


@change("/org-units/<unit>/functions", body=bodies.FunctionBody, answers=CHANGED, status=201)
def give_function(call: Call, unit: str) -> Mapping[str, int]:
    """Say who performs a function for this body from a day on

    Whoever performed it before stops that day. The unit must be open on that day; one that is to be closed performs it
    until then. The version is this body's.
    """
    version = administration.set_function(wired().database, call.actor, body_ref=unit, **call.change)
    return {"version": version}


@listing("/people", query=bodies.SearchQuery, answers=page_of(administration.PersonRow))
def list_people(call: Call) -> Any:
    """List people, in Vietnamese order of given names."""
    page = administration.list_people(wired().database, call.actor, **call.query)
    return page, next_link(page.next)


@add(
    "/people",
    body=bodies.NewPerson,
    answers=shape(administration.Invited),
    headers={**ETAG, "Location": "The address of the person."},
)
def invite_person(call: Call) -> Any:
    """Invite a person

    The answer holds the secret of the activation link, shown this once: a repetition has null in its place.
    """
    invited = administration.invite_person(wired().database, call.actor, **call.body, idem_key=call.idem_key)
    return invited, {"Location": f"/api/v1/people/{invited.person_ref}"}


@administer("GET", "/people/<person>", answers=shape(administration.PersonView), headers=ETAG)
def read_person(call: Call, person: str) -> administration.PersonView:
    """Read a person with what they do where."""
    return administration.person_view(wired().database, call.actor, person)


@change(
    "/people/<person>/memberships",
    body=bodies.NewMembership,
    answers=shape(administration.Added),
    status=201,
)
def add_membership(call: Call, person: str) -> administration.Added:
    """Give a person a function in a unit from a day on

    The version is the person's.
    """
    return administration.add_membership(wired().database, call.actor, person, **call.change)


@change("/memberships/<membership>/end", body=bodies.MembershipEnd, answers=CHANGED)
def end_membership(call: Call, membership: str) -> Mapping[str, int]:
    """End a membership on a day

    The version is the person's.
    """
    version = administration.end_membership(wired().database, call.actor, membership, **call.change)
    return {"version": version}


@change("/people/<person>/disable", body=bodies.Disabling, answers=CHANGED, seen=False)
def disable_account(call: Call, person: str) -> Mapping[str, int]:
    """Disable a person's account; sessions and tokens stop at once

    No version is asked, and one that is sent is not looked at: what the person does meanwhile holds nothing up. Only
    an account that is disabled already is refused.
    """
    version = administration.disable_account(wired().database, call.actor, person, idem_key=call.idem_key)
    return {"version": version}


@change("/people/<person>/enable", body=bodies.Seen, answers=shape(administration.Link))
def enable_account(call: Call, person: str) -> administration.Link:
    """Enable a person's account again

    One that never had a password gets a link.
    """
    return administration.enable_account(wired().database, call.actor, person, **call.change)


@change("/people/<person>/link", body=bodies.Seen, answers=shape(administration.Link), status=201)
def make_link(call: Call, person: str) -> administration.Link:
    """Make a link for a new password, or for activation; earlier ones die

    Its secret is shown this once: a repetition has null in its place.
    """
    return administration.make_link(wired().database, call.actor, person, **call.change)


@listing("/jobs", query=bodies.PageQuery, answers=page_of(jobs.GivenUpRow))
def list_jobs(call: Call) -> Any:
    """List what the system gave up after trying several times

    The latest promised first.
    """
    page = jobs.given_up(wired().database, call.actor, **call.query)
    return page, next_link(page.next)


@administer("POST", "/jobs/again", body=bodies.JobAgain, answers=None, status=204, idempotent=True)
def try_job_again(call: Call) -> Response:
    """Have a job that was given up tried again at once."""
    jobs.try_again(wired().database, call.actor, call.body["key"], idem_key=call.idem_key)
    return Response(status=204)
