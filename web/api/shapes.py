"""How answers look: a schema drawn from each view, so that the API shows every view whole.

A view's field becomes a member of the same name; a tuple becomes an array; the pairs of code and label that
templates take become objects. Nothing is optional: what is not there is null.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields as fields_of
from datetime import date, datetime
from functools import cache
from typing import Any, Union, get_args, get_origin

from marshmallow import RAISE, Schema, fields

from workflow.view.actions import ActionView
from workflow.view.dossier import DossierView
from workflow.view.fields import FieldView
from workflow.view.nominees import AnswerView
from workflow.view.papers import PaperView

# Tuples of plain values, and the names their places get.
PAIRS: Mapping[tuple[type, str], tuple[str, ...]] = {
    (FieldView, "choices"): ("code", "label"),
    (ActionView, "reason_codes"): ("code", "label"),
    (PaperView, "nominees"): ("ref", "name"),
    (DossierView, "classes"): ("code", "label", "kind"),
    (DossierView, "award_forms"): ("code", "label"),
    (DossierView, "paper_kinds"): ("code", "label"),
    (DossierView, "reason_codes"): ("code", "label"),
}

# A view is called as its class without ``View``, unless that name belongs to something else.
NAMES: Mapping[type, str] = {AnswerView: "CriterionAnswer"}

_PLAIN: Mapping[type, type[fields.Field]] = {
    str: fields.String,
    int: fields.Integer,
    bool: fields.Boolean,
    date: fields.Date,
    datetime: fields.DateTime,
}


class Pairs(fields.List):
    """An array of objects, made from tuples whose places have names."""

    def __init__(self, names: tuple[str, ...], **options: Any) -> None:
        super().__init__(fields.Nested(_named(names)), **options)
        self.names = names

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> list[Any] | None:
        named = [dict(zip(self.names, one, strict=True)) for one in value]
        return super()._serialize(named, attr, obj, **options)


@cache
def _named(names: tuple[str, ...]) -> type[Schema]:
    members = {name: fields.String(required=True) for name in names}
    return _schema("".join(name.title() for name in names), "A value with its name.", members)


@cache
def shape(view: type) -> type[Schema]:
    """Return the schema of a view (a frozen dataclass); it is called as the view is, without ``View``."""
    hints = typing.get_type_hints(view)
    members = {
        field.name: Pairs(PAIRS[view, field.name], required=True)
        if (view, field.name) in PAIRS
        else _field(hints[field.name])
        for field in fields_of(view)
    }
    name = NAMES.get(view, view.__name__.removesuffix("View"))
    return _schema(name, " ".join((view.__doc__ or "").split()), members)


@cache
def page_of(row: type) -> type[Schema]:
    """Return the schema of a page of a list: its rows, and the cursor of the next page."""
    name = row.__name__.removesuffix("View").removesuffix("Row")
    return _schema(
        f"{name}Page",
        "A page of a list.",
        {
            "rows": fields.List(fields.Nested(shape(row)), required=True),
            "next": fields.String(
                required=True,
                allow_none=True,
                metadata={"description": "Send it as `after` to get the next page; null at the end."},
            ),
        },
    )


def _field(hint: Any, **options: Any) -> fields.Field:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (one,) = [part for part in inner if part is not types.NoneType]
        return _field(one, allow_none=True)
    options["required"] = True
    if hint in _PLAIN:
        return _PLAIN[hint](**options)
    if origin is tuple:
        return fields.List(_field(inner[0]), **options)
    if hint is Any or origin is not None:
        return fields.Dict(keys=fields.String(), **options)
    return fields.Nested(shape(hint), **options)


def _schema(name: str, describe: str, members: Mapping[str, Any]) -> type[Schema]:
    meta = type("Meta", (), {"unknown": RAISE, "description": describe})
    made: type[Schema] = type(name, (Schema,), {**members, "Meta": meta})
    return made


def answer(name: str, describe: str, **members: fields.Field) -> type[Schema]:
    """Return the schema of an answer that no view has: every member is required."""
    for member in members.values():
        member.required = True
    return _schema(name, describe, members)


CHANGED = answer(
    "Changed",
    "A change that was written.",
    version=fields.Integer(metadata={"description": "The new version of what was changed."}),
)
