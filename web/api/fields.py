"""What a value in a request may be: closed types whose errors are refusals with stable codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from dossiers.numbers import FIRST_YEAR, LAST_YEAR
from dossiers.refusals import SENTENCES, Invalid, InvalidForm, Refusal
from storage.base import TextRefused, nfc

LARGEST_VERSION = 2**31 - 1
REF = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE = re.compile(r"[\t\n\r\x85\u2028\u2029]")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS = re.compile(r"[0-9]{1,9}")


class Body(Schema):
    """What a request carries. A name that is not listed is refused, so that nothing can be smuggled in."""

    error_messages = {"unknown": "field_unknown", "type": "type_wrong"}

    class Meta:
        unknown = RAISE


class _Coded(fields.Field):
    """A field whose standard errors are codes of refusals."""

    default_error_messages = {
        "required": "missing_value",
        "null": "missing_value",
        "invalid": "type_wrong",
        "type": "type_wrong",
    }


class Text(_Coded, fields.String):
    """Text of ``least`` to ``most`` characters without control characters; in one line unless ``lines``."""

    def __init__(
        self,
        most: int,
        *,
        least: int = 0,
        pattern: str | None = None,
        one_of: Sequence[str] | None = None,
        lines: bool = False,
        describe: str = "",
        example: Any = None,
        **options: Any,
    ) -> None:
        said: dict[str, Any] = {"maxLength": most}
        if least:
            said["minLength"] = least
        if pattern is not None:
            said["pattern"] = f"^{pattern}$"
        if one_of is not None:
            said = {"enum": [*one_of, None] if options.get("allow_none") else list(one_of)}
        super().__init__(metadata=_said(said, describe, example), **options)
        self.most, self.least, self.lines = most, least, lines
        self.pattern = re.compile(pattern) if pattern else None
        self.one_of = one_of

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str):
            raise wrong("type_wrong")
        try:
            text = nfc(value)
        except TextRefused:
            raise wrong("text_unreadable") from None
        if _CONTROL.search(text) or (not self.lines and _LINE.search(text)):
            raise wrong("text_unreadable")
        if self.one_of is not None:
            if text not in self.one_of:
                raise wrong("choice_unknown")
            return text
        if len(value) > self.most:
            raise wrong("text_too_long", limit=self.most, length=len(value))
        if len(value) < self.least:
            raise wrong("length_wrong")
        if self.pattern is not None and not self.pattern.fullmatch(text):
            raise wrong("type_wrong")
        return text


class RefText(Text):
    """The outer name of something: a UUID in small letters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(36, pattern=REF, **options)


class Whole(_Coded, fields.Integer):
    """A whole number between two bounds. ``as_text``: it comes as digits, from a query or a form."""

    def __init__(
        self,
        least: int,
        most: int,
        *,
        as_text: bool = False,
        describe: str = "",
        example: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(metadata=_said({"minimum": least, "maximum": most}, describe, example), **options)
        self.least, self.most, self.as_text = least, most, as_text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if self.as_text and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong("type_wrong")
        if not self.least <= value <= self.most:
            raise wrong("number_out_of_range")
        return value


class Flag(_Coded, fields.Boolean):
    """True or false, written so; ``as_text``: the words in a query."""

    def __init__(
        self, *, as_text: bool = False, describe: str = "", example: Any = None, **options: Any
    ) -> None:
        super().__init__(metadata=_said({}, describe, example), **options)
        self.as_text = as_text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if self.as_text and value in ("true", "false"):
            return bool(value == "true")
        if not isinstance(value, bool):
            raise wrong("type_wrong")
        return value


class Day(_Coded, fields.Date):
    """A day as YYYY-MM-DD."""

    def __init__(self, *, describe: str = "", example: Any = None, **options: Any) -> None:
        super().__init__(metadata=_said({}, describe, example), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date:
        if not isinstance(value, str):
            raise wrong("type_wrong")
        try:
            day = date.fromisoformat(value) if _ISO_DAY.fullmatch(value) else None
        except ValueError:
            day = None
        if day is None:
            raise wrong("day_unreadable", value=value[:40])
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise wrong("day_out_of_range")
        return day


class Several(_Coded, fields.List):
    """A list of at most ``most`` values."""

    def __init__(self, inner: Any, most: int, *, describe: str = "", **options: Any) -> None:
        super().__init__(inner, metadata=_said({"maxItems": most}, describe, None), **options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong("type_wrong")
        if len(value) > self.most:
            raise wrong("length_wrong")
        return super()._deserialize(value, attr, data, **options)


class Named(_Coded, fields.Dict):
    """Values by name, at most 200; which names there are is the form's affair."""

    def __init__(
        self, values: fields.Field, *, describe: str = "", example: Any = None, **options: Any
    ) -> None:
        super().__init__(
            keys=Text(60, least=1),
            values=values,
            metadata=_said({"maxProperties": 200}, describe, example),
            **options,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, dict):
            raise wrong("type_wrong")
        if len(value) > 200:
            raise wrong("length_wrong")
        return super()._deserialize(value, attr, data, **options)


class Part(_Coded, fields.Nested):
    """An object inside the body."""


def wrong(code: str, **values: Any) -> ValidationError:
    """Return the error that turns into the refusal ``code`` at the place where it is raised."""
    return ValidationError([Invalid(code, **values)])


def refusal_of(error: ValidationError) -> Refusal:
    """Return what a body or query was refused for, each problem named by its place."""
    problems = tuple(_flat(error.messages, ()))
    return problems[0] if len(problems) == 1 else InvalidForm(problems)


def _flat(said: Any, place: tuple[str, ...]) -> Iterator[Refusal]:
    if isinstance(said, Mapping):
        for key, value in said.items():
            # Named tells wrong keys from wrong values; people look for the name alone.
            step = () if key in ("_schema", "value", "key") and place else (str(key)[:60],)
            yield from _flat(value, (*place, *step) if key != "_schema" else place)
        return
    for one in said if isinstance(said, list) else [said]:
        code = one.code if isinstance(one, Refusal) else one if one in SENTENCES else "type_wrong"
        values = one.values if isinstance(one, Refusal) else {}
        yield Invalid(code, field=".".join(place) or None, **values)


def _said(said: dict[str, Any], describe: str, example: Any) -> dict[str, Any]:
    if describe:
        said["description"] = describe
    if example is not None:
        said["examples"] = [example]
    return said
