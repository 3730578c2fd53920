"""Reading what a program sent, strictly: what could be read in two ways is refused, never guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import Request, request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from dossiers.refusals import Invalid
from web.api.fields import LARGEST_VERSION, refusal_of
from web.api.problems import BadRequest, MediaTypeRefused, NotAcceptable

JSON = "application/json"
FORM = "multipart/form-data"
DEEPEST = 20
"""Levels of arrays and objects in a body; the deepest one that is read has four."""

_IF_MATCH = re.compile(r'"([1-9][0-9]{0,8})"')
_IDEM_KEY = re.compile(r"[!-~]{8,200}")


class StrictParser(FlaskParser):
    """Webargs' way from a request to a schema, with our reading before it and our refusals behind it."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the body as JSON. Raises ``MediaTypeRefused`` and ``BadRequest``."""
        return strict_json(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Return the query, each name once."""
        return once(req.args.to_dict(flat=False))

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **options: Any) -> NoReturn:
        """Raise what the schema found as refusals; the statuses of webargs are not used."""
        messages = error.messages
        if isinstance(messages, dict) and len(messages) == 1:
            (inside,) = (
                messages.values()
            )  # webargs names the place it read from; a field needs no such prefix
            error = ValidationError(inside)
        raise refusal_of(error)


def strict_json(req: Request) -> Any:
    """Return the body as JSON values.

    Refuses another media type, text that is not UTF-8, a name twice in one object, NaN and infinities,
    numbers of thousands of digits, and depths that nothing here has.
    """
    if req.mimetype != JSON:
        raise MediaTypeRefused("media_type_refused", media_type=JSON)
    try:
        text = req.get_data(cache=False).decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_no_float)
    except (ValueError, RecursionError):  # UnicodeDecodeError and too many digits are ValueErrors
        raise BadRequest("json_unreadable") from None
    _require_shallow(value, DEEPEST)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise BadRequest("json_name_repeated", name=name[:60].encode("utf-8", "replace").decode())
        made[name] = value
    return made


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _no_float(text: str) -> object:
    return _Fraction()


class _Fraction:
    """Stands for a number with a fraction or an exponent, which no field takes."""


def _require_shallow(value: Any, left: int) -> None:
    if left == 0:
        raise BadRequest("json_unreadable")
    if isinstance(value, dict):
        for one in value.values():
            _require_shallow(one, left - 1)
    elif isinstance(value, list):
        for one in value:
            _require_shallow(one, left - 1)


def once(given: Mapping[str, list[str]], several: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return parameters by name; raises ``BadRequest`` for one that came twice and is not in ``several``."""
    read: dict[str, Any] = {}
    for name, values in given.items():
        if name in several:
            read[name] = values
        elif len(values) > 1:
            raise BadRequest("parameter_repeated", name=name[:60].encode("utf-8", "replace").decode())
        else:
            read[name] = values[0]
    return read


def require_no_body() -> None:
    """Raise ``BadRequest`` when a body came that nobody will read."""
    if request.content_length or "Transfer-Encoding" in request.headers:
        raise BadRequest("body_not_taken")


def require_accepted(media_type: str) -> None:
    """Raise ``NotAcceptable`` when the client takes no ``media_type``."""
    if "Accept" in request.headers and not request.accept_mimetypes.best_match([media_type]):
        raise NotAcceptable("not_acceptable", media_type=media_type)


def matched_version() -> int | None:
    """Return the version that ``If-Match`` names, None without the header."""
    given = request.headers.get("If-Match")
    if given is None:
        return None
    found = _IF_MATCH.fullmatch(given.strip())
    if found is None:
        raise BadRequest("if_match_unreadable", field="If-Match")
    return min(int(found[1]), LARGEST_VERSION)


def idem_key() -> str | None:
    """Return the client's key for this request, None without the header."""
    given = request.headers.get("Idempotency-Key")
    if given is not None and not _IDEM_KEY.fullmatch(given):
        raise Invalid("idempotency_key_malformed", field="Idempotency-Key")
    return given
