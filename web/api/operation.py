"""One way for every operation: who, which scope, which form, what was sent, one command, the answer.

``operation`` is the only decorator that the modules of the API use. What it is told is what the OpenAPI
description says, so that the two cannot drift.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request
from flask_smorest import Blueprint
from marshmallow import Schema

from dossiers.refusals import Conflict, Forbidden, Invalid, Missing
from web.api import problems, reading
from web.api.fields import REF, Body
from web.wiring import wired
from workflow import accounts
from workflow.actor import Actor, load_actor

READ, WRITE, ADMIN = "read", "write", "admin"
SCOPES: Mapping[str, str] = {
    READ: "See what the account's person may see.",
    WRITE: "Do what the account's person may do with dossiers.",
    ADMIN: "Arrange units and people, and have tried again what the system gave up, as an administrator.",
}
"""What a token may be used for (``accounts.TOKEN_SCOPES``); nobody gets more than they may do themselves."""

CODE = r"[0-9A-Za-z][0-9A-Za-z._-]{0,59}"
KEY = r"[a-z][a-z0-9_]{0,59}"

# What the variable parts of an address mean. What does not fit is not found, as if it did not exist.
PLACES: Mapping[str, tuple[str, str]] = {
    "dossier": (f"(?:{REF}|{CODE})", "The dossier's ref or its code, for example GT-2024-0044."),
    "nominee": (REF, "The nominee's ref."),
    "paper": (REF, "The paper's ref."),
    "file": (REF, "The ref of one version of a paper."),
    "action": (KEY, "The key of an action, as the dossier's `actions` name it."),
    "unit": (f"(?:{REF}|{CODE})", "The unit's ref or its code."),
    "person": (REF, "The person's ref."),
    "membership": (REF, "The membership's ref."),
    "token": (REF, "The token's ref."),
    "session": (REF, "The session's ref."),
    "n": (r"[0-9]+", "The number of the frozen version."),
}

JSON_PROBLEM = {"content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_ALWAYS = (400, 401, 403, 404, 406, 422, 429, 503)
_WHEN_CHANGING = (409, 412)
_WITH_A_BODY = (413, 415)


class Door(Blueprint):
    """The blueprint of the API: flask-smorest's, with our parser, and the problems in every description."""

    ARGUMENTS_PARSER = reading.StrictParser()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(self._prepare_problem_doc)

    @staticmethod
    def _prepare_problem_doc(doc: dict[str, Any], doc_info: dict[str, Any], **_: Any) -> dict[str, Any]:
        told = doc_info.get("told", {})
        for status in told.get("problems", ()):
            doc.setdefault("responses", {})[status] = f"Problem{status}"
        doc.setdefault("parameters", []).extend(told.get("headers", ()))
        doc.setdefault("responses", {}).update(told.get("responses", {}))
        doc.update({key: told[key] for key in ("operationId", "security", "requestBody") if key in told})
        return doc


api = Door("api", __name__, url_prefix="/api/v1", description="Vinh Danh")


@api.after_request
def _tell_language(response: Response) -> Response:
    if response.is_json and "Content-Language" not in response.headers and g.get("language"):
        response.headers["Content-Language"] = g.language
    return response


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its operation sees it: the person, and what was sent, read and bounded."""

    actor: Actor
    scopes: frozenset[str]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    idem_key: str | None = None
    matched: int | None = None

    @property
    def seen_version(self) -> int:
        """The version that the client saw, from ``seen_version`` or ``If-Match``.

        Raises ``Invalid`` when neither says it, or each says another.
        """
        said = self.body.get("seen_version", self.query.get("seen_version"))
        if said is None and self.matched is None:
            raise Invalid("seen_version_missing", field="seen_version")
        if said is not None and self.matched is not None and said != self.matched:
            raise Invalid("seen_version_twice", field="seen_version")
        return int(said if said is not None else self.matched)  # type: ignore[arg-type]  # one of them is there

    @property
    def change(self) -> dict[str, Any]:
        """The body as a command takes it, with the version seen and the key. Raises as ``seen_version`` does."""
        return {**self.body, "seen_version": self.seen_version, "idem_key": self.idem_key}


def operation(
    method: str,
    rule: str,
    *,
    scope: str,
    tag: str,
    answers: type[Schema] | None,
    status: int = 200,
    query: type[Body] | None = None,
    body: type[Body] | None = None,
    seen: bool = False,
    idempotent: bool = False,
    upload: Mapping[str, Any] | None = None,
    example: Mapping[str, Any] | None = None,
    media_type: str | None = reading.JSON,
    headers: Mapping[str, str] | None = None,
    files: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a view under ``rule`` as an operation of the API.

    The view gets a ``Call`` and the parts of the address, and returns what ``answers`` shows, or a response.
    ``seen`` operations ask which version the client saw, ``idempotent`` ones take an ``Idempotency-Key``,
    ``upload`` describes a multipart body that the view reads itself; ``media_type`` None leaves the choice to
    the view, which then answers with one of ``files``.
    """

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        changing = method != "GET"

        def carry_out(*read: Any, **places: Any) -> Any:
            call: Call = g.api_call
            given = list(read)  # in the order of the decorators: the query, then the body
            if query is not None:
                call = replace(call, query=given.pop(0))
            if body is not None:
                call = replace(call, body=given.pop(0))
            try:
                return _with_version(view(call, **places))
            except Conflict as refused:
                if refused.code == "changed_meanwhile" and call.matched is not None:
                    raise problems.PreconditionFailed(
                        refused.code, field="If-Match", **refused.values
                    ) from None
                raise

        inner: Callable[..., Any] = wraps(view)(carry_out)
        told_headers = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in (headers or {}).items()
        }
        if answers is not None or status == HTTPStatus.NO_CONTENT:
            inner = api.response(status, answers, headers=told_headers or None)(inner)
        if body is not None:
            inner = api.arguments(body, location="json", example=example)(inner)
        if query is not None:
            inner = api.arguments(query, location="query")(inner)

        @wraps(inner)
        def guarded(**places: Any) -> Any:
            _authenticate(scope)
            if media_type is not None:
                reading.require_accepted(media_type)
            _require_places(places)
            if query is None:
                _require_no_query()
            if body is None and upload is None:
                reading.require_no_body()
            g.api_call = replace(
                g.api_call,
                idem_key=reading.idem_key() if idempotent else None,
                matched=reading.matched_version() if seen else None,
            )
            return inner(**places)

        has_body = body is not None or upload is not None
        statuses = (*_ALWAYS, *(_WHEN_CHANGING if changing else ()), *(_WITH_A_BODY if has_body else ()))
        told: dict[str, Any] = {
            "operationId": view.__name__,
            "security": [{"bearer": [scope]}],
            "problems": statuses,
            "headers": [*(["IfMatch"] if seen else []), *(["IdempotencyKey"] if idempotent else [])],
        }
        if upload is not None:
            told["requestBody"] = upload
        if files:
            told["responses"] = _download(files)
        guarded._apidoc = {**getattr(inner, "_apidoc", {}), "told": told}  # type: ignore[attr-defined]  # smorest reads it there
        parameters = [_described(place) for place in re.findall(r"<(?:int[^>]*:)?([a-z]+)>", rule)]
        api.route(rule, methods=[method], parameters=parameters, tags=[tag])(guarded)
        return view

    return register


def _described(place: str) -> dict[str, Any]:
    pattern, says = PLACES[place]
    told: dict[str, Any] = {"name": place, "in": "path", "description": says}
    # A number's schema comes from its converter.
    return told if place == "n" else {**told, "schema": {"type": "string", "pattern": f"^{pattern}$"}}


def _download(media_types: tuple[str, ...]) -> dict[int, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    tag = {"ETag": {"description": "The SHA-256 of the bytes.", "schema": {"type": "string"}}}
    name = {"Content-Disposition": {"description": "Its name (RFC 6266).", "schema": {"type": "string"}}}
    return {
        200: {
            "description": "The bytes.",
            "content": dict.fromkeys(media_types, binary),
            "headers": {**tag, **name},
        },
        304: {"description": "The client has these bytes already.", "headers": tag},
    }


def _with_version(result: Any) -> Any:
    """Return a view's result with the version it tells as its ``ETag``."""
    if isinstance(result, Response):
        return result
    told, headers = result if isinstance(result, tuple) else (result, {})
    version = told.get("version") if isinstance(told, dict) else getattr(told, "version", None)
    return (told, {**headers, "ETag": f'"{version}"'}) if isinstance(version, int) else (told, headers)


def _authenticate(scope: str) -> None:
    """Find the person behind the bearer token; cookies are not looked at.

    Raises ``Unauthorised``, and ``Forbidden`` when the token lacks ``scope``.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not kind:
        raise problems.Unauthorised("token_missing")
    if kind.lower() != "bearer" or not re.fullmatch(r"[!-~]{1,200}", token):
        raise problems.Unauthorised("token_invalid")
    with wired().database.reading() as tx:
        row = accounts.find_token(tx, token)
        if row is None:
            raise problems.Unauthorised("token_invalid")
        try:
            actor = load_actor(tx, row.account_id, session_ref=row.ref, request_id=g.request_id)
        except Missing:
            raise problems.Unauthorised("token_invalid") from None
        scopes = frozenset(row.scopes.split())
    g.acting = actor  # for the log, also of what is refused from here on
    g.language = problems.asked_language() or actor.language
    g.api_call = Call(replace(actor, language=g.language), scopes)
    if scope not in scopes:
        raise Forbidden("scope_missing", scope=scope)


def _require_places(places: Mapping[str, Any]) -> None:
    for name, value in places.items():
        if isinstance(value, str) and not re.fullmatch(PLACES[name][0], value):
            raise Missing("not_found")


def _require_no_query() -> None:
    for name in reading.once(request.args.to_dict(flat=False)):
        raise Invalid("field_unknown", field=name[:60].encode("utf-8", "replace").decode())


def next_link(page_next: str | None) -> dict[str, str]:
    """Return the ``Link`` header to the next page of a list, nothing at its end."""
    if page_next is None:
        return {}
    query = {**request.args.to_dict(), "after": page_next}
    return {"Link": f'<{request.path}?{urlencode(query)}>; rel="next"'}
