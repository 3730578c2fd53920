"""The person behind the token: who they are here, where they are signed in, and which tokens they have.

Passwords never travel through the API, and a token cannot make another: both stay with the pages and with
``vinhdanh token create``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import fields

from web.api import bodies
from web.api.operation import READ, WRITE, Call, operation
from web.api.shapes import answer, shape
from web.wiring import wired
from workflow import accounts

PLACE = answer(
    "Place",
    "A function that a person performs in a unit.",
    unit_ref=fields.String(),
    unit_name=fields.String(),
    function=fields.String(),
    position_title=fields.String(),
    from_on=fields.Date(),
    to_on=fields.Date(allow_none=True),
)
ME = answer(
    "Me",
    "The person behind the token.",
    account_ref=fields.String(),
    person_ref=fields.String(),
    full_name=fields.String(),
    login=fields.String(),
    language=fields.String(metadata={"description": "The language of this answer."}),
    places=fields.List(fields.Nested(PLACE)),
    scopes=fields.List(fields.String(), metadata={"description": "What this token may be used for."}),
)
TOKENS = answer(
    "Tokens", "Bearer tokens that may be used now.", rows=fields.List(fields.Nested(shape(accounts.TokenRow)))
)
SESSIONS = answer(
    "Sessions", "Browsers that are signed in.", rows=fields.List(fields.Nested(shape(accounts.SessionRow)))
)


@operation("GET", "/me", scope=READ, tag="me", answers=ME)
def read_me(call: Call) -> Mapping[str, Any]:
    """Tell who I am here."""
    actor = call.actor
    return {
        "account_ref": actor.account_ref,
        "person_ref": actor.person_ref,
        "full_name": actor.full_name,
        "login": actor.login,
        "language": actor.language,
        "places": actor.places,
        "scopes": sorted(call.scopes),
    }


@operation("PUT", "/me/language", scope=WRITE, tag="me", body=bodies.LanguageBody, answers=None, status=204)
def choose_language(call: Call) -> Response:
    """Choose the language of my sentences and labels."""
    accounts.choose_language(wired().database, call.actor.account_id, call.body["language"])
    return Response(status=204)


@operation("GET", "/me/tokens", scope=READ, tag="me", answers=TOKENS)
def list_tokens(call: Call) -> Mapping[str, Any]:
    """List my bearer tokens."""
    with wired().database.reading() as tx:
        return {"rows": accounts.tokens_of(tx, call.actor.account_id)}


@operation("DELETE", "/me/tokens/<token>", scope=WRITE, tag="me", answers=None, status=204)
def revoke_token(call: Call, token: str) -> Response:
    """Revoke one of my bearer tokens

    It may be the one that is used for this.
    """
    accounts.revoke_token(wired().database, call.actor.account_id, token)
    return Response(status=204)


@operation("GET", "/me/sessions", scope=READ, tag="me", answers=SESSIONS)
def list_sessions(call: Call) -> Mapping[str, Any]:
    """List where I am signed in."""
    with wired().database.reading() as tx:
        return {"rows": accounts.sessions_of(tx, call.actor.account_id, current_ref=None)}


@operation("DELETE", "/me/sessions/<session>", scope=WRITE, tag="me", answers=None, status=204)
def end_session(call: Call, session: str) -> Response:
    """End one of my sessions."""
    accounts.end_session(wired().database, call.actor.account_id, session)
    return Response(status=204)
