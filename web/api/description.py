"""The OpenAPI description at /api/v1/openapi.json, drawn from the operations themselves."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from flask_smorest import Api
from marshmallow import Schema, fields

from web.api import bodies, problems
from web.api.operation import SCOPES
from web.api.shapes import answer

VERSION = "1.0.0"

ABOUT = """\
Everything that the pages can do, for programs. An operation is done by the person behind the bearer token,
may do exactly what that person may do, and is written to the record like their own deeds.

* **Errors** are `application/problem+json` with a stable `code`; `detail` is the sentence for people, in
  Vietnamese or, with `Accept-Language: en`, in English. What the person may not know of answers 404 like what
  does not exist.
* **Versions.** Every change of a dossier, a unit or a person names the version that the client saw
  (`seen_version`, or `If-Match`). If it has changed since, nothing is written, and the answer (409, or 412 for
  `If-Match`) tells in `meanwhile` what happened. Disabling an account asks for none.
* **Idempotency.** With an `Idempotency-Key` the same request again, for 7 days, answers what the first one
  answered and does nothing; the same key with another body is refused (422). The secret of a link is never
  answered twice.
* **Pages.** Lists return `next`, which goes into `after`, and a `Link` header with `rel="next"`.
* **Strictness.** Unknown members, members given twice and unknown parameters are refused.
"""

_WHEN: dict[int, tuple[str, str]] = {
    400: ("The request cannot be read.", "json_unreadable"),
    401: ("There is no bearer token, or none that may be used now.", "token_invalid"),
    403: ("The token lacks the scope, or the person may not do this.", "function_missing"),
    404: ("There is no such thing, or the person may not know of it.", "not_found"),
    406: ("The client takes no form that the answer has.", "not_acceptable"),
    409: ("The thing is not in the state, or not at the version, that this needs.", "changed_meanwhile"),
    412: ("`If-Match` named a version that is no longer the present one.", "changed_meanwhile"),
    413: ("The body is larger than is taken.", "too_large"),
    415: ("The body is of a type that is not read.", "media_type_refused"),
    422: ("What was sent cannot be accepted; `problems` names each place.", "form_has_errors"),
    429: ("Too many tries; `Retry-After` says how long to wait.", "busy"),
    503: ("A part the deed needs does not answer now. Nothing was lost.", "busy"),
}


class ProblemPart(Schema):
    """One of several problems."""

    code = fields.String(required=True)
    detail = fields.String(required=True)
    field = fields.String()


class Problem(Schema):
    """A problem after RFC 9457."""

    type = fields.String(required=True, metadata={"description": "A URN made of the code."})
    title = fields.String(required=True, metadata={"description": "A short name in English."})
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; programs decide by it."})
    detail = fields.String(required=True, metadata={"description": "The sentence for people."})
    request_id = fields.String(required=True, metadata={"description": "Found in the server's log."})
    field = fields.String(metadata={"description": "The member, parameter or header it is about."})
    problems = fields.List(fields.Nested(ProblemPart))
    meanwhile = fields.Nested(
        answer(
            "Meanwhile",
            "What happened since the client looked.",
            version=fields.Integer(),
            state=fields.String(),
            time=fields.String(),
            happened=fields.String(),
        )
    )


class VinhDanhApi(Api):
    """flask-smorest's description, without its own error handling: web/errors answers every error."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        return

    def _register_responses(self) -> None:
        return

    def _register_etag_headers(self) -> None:
        return

    def _register_pagination_header(self) -> None:
        return


def describe(app: Flask) -> VinhDanhApi:
    """Return the description of ``app``'s API, still without operations."""
    described = VinhDanhApi(
        app,
        spec_kwargs={
            "title": "Vinh Danh",
            "version": VERSION,
            "openapi_version": "3.1.0",
            "info": {"description": ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "servers": [{"url": "/"}],
        },
    )
    components = described.spec.components
    scopes = "".join(f"\n* `{scope}`: {says}" for scope, says in SCOPES.items())
    components.security_scheme(
        "bearer",
        {
            "type": "http",
            "scheme": "bearer",
            "description": f"Made with `vinhdanh token create`. Scopes:{scopes}",
        },
    )
    components.schema("Problem", schema=Problem)
    for status, (says, code) in _WHEN.items():
        headers: dict[str, Any] = {"Content-Language": {"schema": {"type": "string"}}}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
        components.response(
            f"Problem{status}",
            {
                "description": says,
                "headers": headers,
                "content": {
                    problems.MEDIA_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "example": _example(status, code),
                    }
                },
            },
        )
    components.parameter(
        "IfMatch",
        "header",
        {
            "name": "If-Match",
            "description": "The version that the client saw, as `ETag` gave it; instead of `seen_version`.",
            "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'},
            "example": '"7"',
        },
    )
    components.parameter(
        "IdempotencyKey",
        "header",
        {
            "name": "Idempotency-Key",
            "description": "A text that only this request has: the same request again then acts once.",
            "schema": {"type": "string", "pattern": "^[!-~]{8,200}$"},
            "example": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10",
        },
    )
    return described


def _example(status: int, code: str) -> dict[str, Any]:
    return {
        "type": f"urn:vinhdanh:problem:{code}",
        "title": problems.title_of(code),
        "status": status,
        "code": code,
        "detail": "…",
        "request_id": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10",
    }


def serve(app: Flask, described: VinhDanhApi) -> None:
    """Give the finished description its address. It names no installation, so nobody must be known for it."""
    finished = described.spec.to_dict()
    written = {**vars(bodies), "Problem": Problem, "ProblemPart": ProblemPart}
    for name, schema in finished["components"]["schemas"].items():
        if "properties" in schema:
            schema["additionalProperties"] = False  # apispec says it only of schemas without a description
        if name in written:
            schema["description"] = " ".join((written[name].__doc__ or "").split())
    text = json.dumps(finished, ensure_ascii=False, sort_keys=False)

    def openapi() -> Response:
        return Response(text, content_type="application/json")

    app.add_url_rule("/api/v1/openapi.json", "api.openapi", openapi, methods=["GET"])
