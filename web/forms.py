"""Reading what a form sent, and keeping what was typed when it could not be taken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask import request

from dossiers.refusals import SENTENCES, Refusal
from web.auth import language


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend, as the page shows it beside its field and in the summary."""

    field: str | None
    sentence: str


def text(name: str, limit: int = 50_000) -> str:
    """Return a field as it was typed, "" when it is missing; browsers' line ends become plain ones."""
    return request.form.get(name, "").replace("\r\n", "\n")[:limit]


NOT_WORDS = {"csrf_token", "version", "key", "rows", "next", "stay", "more"}


def words_typed() -> str:
    """Return everything a person typed into this form, for a page that cannot show the form again.

    What was chosen from a list is left out: its code says nothing. An answer stands behind its criterion.
    """
    lines = []
    for name, value in request.form.items(multi=True):
        said = value.strip()
        if (
            said
            and name not in NOT_WORDS
            and not re.fullmatch(r"[a-z0-9_]*[a-z_][a-z0-9_]*(:.*)?|[0-9a-f-]{36}", said)
        ):
            criterion = re.fullmatch(r"answers\.(.+)\.[a-z_]+", name)
            lines.append(f"{criterion[1]}: {said}" if criterion else said)
    return "\n".join(lines).replace("\r\n", "\n")


def key() -> str | None:
    """Return the key under which the form that was sent acts once."""
    return text("key", 100) or None


def version() -> int:
    """Return the version of what the page showed; 0, which nothing has, if unreadable."""
    given = request.form.get("version", "")
    return int(given) if re.fullmatch(r"[0-9]{1,9}", given) else 0


def problems_of(error: Refusal) -> list[Problem]:
    """Return the problems of a refusal, one for each thing to mend."""
    found: Iterable[Refusal] = getattr(error, "problems", (error,))  # some refusals gather several
    return [Problem(one.field, one.sentence(language())) for one in found]


def heard(error: Refusal) -> tuple[str | None, list[Problem]]:
    """Part a refusal into what happened meanwhile, if that is what it tells, and things to mend."""
    problems = problems_of(error)
    if error.code == "changed_meanwhile":
        return problems[0].sentence, []
    return None, problems


def field_id(name: str) -> str:
    """Return the id of a field's element: its name with everything but letters and digits as a hyphen."""
    return "f-" + re.sub(r"[^0-9A-Za-zĐđ]+", "-", name).strip("-")


SENTENCES.update(
    {
        "round_not_chosen": ("Hãy chọn đợt khen thưởng.", "Choose an award round."),
        "class_not_chosen": ("Hãy chọn đối tượng.", "Choose a nominee class."),
        "file_not_chosen": ("Hãy chọn một tệp trên máy.", "Choose a file on your device."),
    }
)
