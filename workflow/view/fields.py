"""The fields of a form or of an action, as shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dossiers.contents import FormField


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of a form or of an action, with its value when it has one."""

    key: str
    kind: str
    label: str
    required: bool
    value: str = ""
    limit: int | None = None
    choices: tuple[tuple[str, str], ...] = ()


def form(fields: Sequence[FormField], values: Mapping[str, Any], language: str) -> tuple[FieldView, ...]:
    """Return a form's fields in their order, each with what ``values`` holds for it."""
    return tuple(
        FieldView(
            field.key,
            field.kind,
            field.label(language),
            field.needed,
            str(values.get(field.key, "")),
            field.limit,
            tuple((key, en if language == "en" else vi) for key, vi, en in field.choices),
        )
        for field in fields
    )
