"""The catalogue of award forms: what can be awarded, to whom, and the position that decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from dossiers.written import HEAD_KEYS, Head, open_written, read_head
from states.definition import Label

FAMILIES = ("commendation_form", "emulation_title")
NOMINEE_KINDS = ("collective", "individual", "household")
DECIDER_POSITIONS = (
    "state_president",
    "prime_minister",
    "minister",
    "committee_chair_province",
    "committee_chair_district",
    "committee_chair_commune",
    "department_director",
    "agency_head",
    "front_or_union_head",
)


@dataclass(frozen=True, slots=True)
class AwardFormEntry:
    """One award form (danh hiệu thi đua hoặc hình thức khen thưởng).

    ``last_day``: the last day on which its decider may still give it. ``mark``: how far its source is
    verified.
    """

    code: str
    family: str
    label: Label
    decider_position: str
    kinds: tuple[str, ...]
    legal_source: str
    last_day: date | None
    mark: str | None


@dataclass(frozen=True, slots=True)
class AwardCatalogue:
    """One edition of the catalogue, its forms by code in the order of the file."""

    head: Head
    forms: Mapping[str, AwardFormEntry]


def load_award_catalogue(data: bytes) -> AwardCatalogue:
    """Return the catalogue written in ``data`` (YAML of kind ``award_catalogue``).

    Raises ``ConfigurationInvalid`` with every problem.
    """
    root = open_written(data)
    root.only(*HEAD_KEYS, "forms")
    head = read_head(root, data, "award_catalogue")
    forms: dict[str, AwardFormEntry] = {}
    for entry in root.each("forms"):
        entry.only("code", "family", "label", "decider_position", "kinds", "legal_source", "last_day", "mark")
        form = AwardFormEntry(
            code=entry.code("code"),
            family=entry.word("family", FAMILIES),
            label=entry.label("label"),
            decider_position=entry.word("decider_position", DECIDER_POSITIONS),
            kinds=entry.words("kinds", NOMINEE_KINDS),
            legal_source=entry.text("legal_source"),
            last_day=entry.day_or_none("last_day"),
            mark=entry.text_or_none("mark"),
        )
        if not form.kinds:
            entry.want("kinds")
        if form.code in forms:
            entry.note("twice", name=form.code)
        forms[form.code] = form
    if not forms:
        root.want("forms")
    root.finish()
    return AwardCatalogue(head, MappingProxyType(forms))
