"""Org units, their functions and their award rounds as a file: how an installation gets its first ones.

Unlike editions these are live data: a file is taken in once, and what has changed since is never overwritten.
Units, functions and rounds that are there already are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

from sqlalchemy import select

from dossiers.award_round import LATE_RULES, OCCASIONS, AwardRound, QuotaPool
from dossiers.configuration import AwardForm, ConfigDocument
from dossiers.functions import FUNCTIONS, SIDE_FUNCTIONS, UNIT_FUNCTIONS
from dossiers.org_unit import ADMIN_LEVELS, BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.programmes import Programme, load_programme
from dossiers.refusals import SENTENCES, Conflict
from dossiers.text import fold, sort_key
from dossiers.written import HEAD_KEYS, Entry, Head, open_written, read_head
from states.definition import Label
from storage.database import Tx

SENTENCES.update(
    {
        "document_not_published": (
            "Đợt {round} cần {kind} “{name}” nhưng chưa được công bố. Hãy đưa cấu hình vào trước.",
            "The round {round} needs the {kind} “{name}”, which is not published. "
            "Bring the configuration in first.",
        ),
    }
)

KINDS = (
    "peoples_committee",
    "secretariat",
    "division",
    "education_division",
    "home_affairs_division",
    "culture_social_division",
    "provincial_department",
    "home_affairs_department",
    "inspectorate",
    "fatherland_front",
    "socio_political_org",
    "learning_promotion_association",
    "health_centre",
    "health_station",
    "lower_secondary_school",
    "primary_school",
    "preschool",
    "vocational_institution",
    "community_learning_centre",
    "hamlet",
    "self_managed_group",
    "enterprise",
)


@dataclass(frozen=True, slots=True)
class WrittenUnit:
    """One org unit during one period. ``body`` is the code of the committee it proposes to."""

    code: str
    kind: str
    admin_level: str
    name: str
    place_name: str
    parent: str | None
    body: str | None
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class WrittenFunction:
    """``unit`` performs ``function`` for ``body`` during ``[from_on, to_on)``."""

    body: str
    function: str
    unit: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class WrittenRound:
    """One award round; its quotas are those of its programme for the occasion.

    ``body_above`` decides the forms that the programme marks as decided above. ``assumptions`` are what
    nobody has confirmed about the round.
    """

    code: str
    name: Label
    programme: str
    programme_edition: str
    workflow: str
    calendar: str
    decider_body: str
    body_above: str | None
    occasion: str
    opens_at: datetime
    closes_at: datetime
    late_rule: str
    achievement_from: date
    achievement_to: date
    assumptions: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class OrgUnitFile:
    """What one file says."""

    head: Head
    units: Mapping[str, WrittenUnit]
    functions: tuple[WrittenFunction, ...]
    rounds: tuple[WrittenRound, ...]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """The rows that were new; the caller writes their entries of the record."""

    units: tuple[OrgUnit, ...]
    functions: tuple[BodyFunction, ...]
    rounds: tuple[AwardRound, ...]
    pools: tuple[QuotaPool, ...]


def load_org_units(data: bytes) -> OrgUnitFile:
    """Return the units, functions and rounds written in ``data`` (YAML of kind ``org_units``).

    Raises ``ConfigurationInvalid`` with every problem: unknown units, circles of parents, a function nobody
    can perform for a body, rounds that end before they begin.
    """
    root = open_written(data)
    root.only(*HEAD_KEYS, "from", "units", "functions", "rounds")
    head = read_head(root, data, "org_units")
    first_day = root.day("from")
    units: dict[str, WrittenUnit] = {}
    places: dict[str, Entry] = {}
    for entry in root.each("units"):
        unit = _unit(entry, first_day)
        if unit.code in units:
            entry.note("twice", name=unit.code)
        else:
            units[unit.code], places[unit.code] = unit, entry
    for unit in units.values():
        for key, other in (("parent", unit.parent), ("body", unit.body)):
            if other is not None and other not in units:
                places[unit.code].note("unknown_name", what=key, name=other)
        if _in_a_circle(unit, units):
            places[unit.code].note("circle", name=unit.code)
    functions = [
        function for entry in root.each("functions") for function in _functions(entry, first_day, units)
    ]
    rounds = [_round(entry, units) for entry in root.each("rounds")]
    root.finish()
    return OrgUnitFile(head, MappingProxyType(units), tuple(functions), tuple(rounds))


def take_in(tx: Tx, file: OrgUnitFile) -> TakenIn:
    """Make the rows of ``file`` that are not there yet: units by code, functions by their first day, rounds
    by code.

    Raises ``Conflict`` (``document_not_published``) when a round needs an edition that is not in the table.
    """
    units = _take_in_units(tx, file)
    functions = _take_in_functions(tx, file)
    rounds: list[AwardRound] = []
    pools: list[QuotaPool] = []
    for written in file.rounds:
        if tx.session.scalar(select(AwardRound.id).where(AwardRound.code == written.code)) is None:
            row, row_pools = _take_in_round(tx, written)
            rounds.append(row)
            pools.extend(row_pools)
    return TakenIn(tuple(units), tuple(functions), tuple(rounds), tuple(pools))


def _unit(entry: Entry, first_day: date) -> WrittenUnit:
    entry.only("code", "kind", "admin_level", "name", "place_name", "parent", "body", "from", "to")
    unit = WrittenUnit(
        code=entry.code("code"),
        kind=entry.word("kind", KINDS),
        admin_level=entry.word("admin_level", ADMIN_LEVELS),
        name=entry.text("name", limit=300),
        place_name=entry.text("place_name", limit=100),
        parent=entry.code_or_none("parent"),
        body=entry.code_or_none("body"),
        from_on=entry.day_or_none("from") or first_day,
        to_on=entry.day_or_none("to"),
    )
    if unit.to_on is not None and unit.to_on <= unit.from_on:
        entry.note("ends_before")
    return unit


def _in_a_circle(unit: WrittenUnit, units: Mapping[str, WrittenUnit]) -> bool:
    above, steps = unit.parent, 0
    while above is not None and above in units and steps <= len(units):
        if above == unit.code:
            return True
        above, steps = units[above].parent, steps + 1
    return False


def _functions(entry: Entry, first_day: date, units: Mapping[str, WrittenUnit]) -> list[WrittenFunction]:
    entry.only("body", "functions", "unit", "from", "to")
    body, unit = entry.code("body"), entry.code("unit")
    for key, code in (("body", body), ("unit", unit)):
        if code and code not in units:
            entry.note("unknown_name", what=key, name=code)
    performed = [f for f in FUNCTIONS if f not in UNIT_FUNCTIONS | SIDE_FUNCTIONS]
    names = entry.words("functions", performed)
    if not names:
        entry.want("functions")
    from_on, to_on = entry.day_or_none("from") or first_day, entry.day_or_none("to")
    return [WrittenFunction(body, name, unit, from_on, to_on) for name in names]


def _round(entry: Entry, units: Mapping[str, WrittenUnit]) -> WrittenRound:
    entry.only(
        "code",
        "name",
        "programme",
        "programme_edition",
        "workflow",
        "calendar",
        "decider_body",
        "body_above",
        "occasion",
        "opens_at",
        "closes_at",
        "late_rule",
        "achievement_from",
        "achievement_to",
        "assumptions",
    )
    written = WrittenRound(
        code=entry.short_code("code"),
        name=entry.label("name"),
        programme=entry.code("programme"),
        programme_edition=entry.text("programme_edition", limit=20),
        workflow=entry.code("workflow"),
        calendar=entry.code("calendar"),
        decider_body=entry.code("decider_body"),
        body_above=entry.code_or_none("body_above"),
        occasion=entry.word("occasion", OCCASIONS),
        opens_at=entry.moment("opens_at"),
        closes_at=entry.moment("closes_at"),
        late_rule=entry.word("late_rule", LATE_RULES),
        achievement_from=entry.day("achievement_from"),
        achievement_to=entry.day("achievement_to"),
        assumptions=entry.labels("assumptions"),
    )
    for key, code in (("decider_body", written.decider_body), ("body_above", written.body_above)):
        if code and code not in units:
            entry.note("unknown_name", what=key, name=code)
    if written.closes_at <= written.opens_at or written.achievement_to < written.achievement_from:
        entry.note("ends_before")
    return written


def _take_in_units(tx: Tx, file: OrgUnitFile) -> list[OrgUnit]:
    new: list[OrgUnit] = []
    for written in file.units.values():
        if tx.session.scalar(select(OrgUnit.id).where(OrgUnit.code == written.code)) is None:
            unit = OrgUnit(code=written.code, kind=written.kind, admin_level=written.admin_level)
            tx.session.add(unit)
            new.append(unit)
    tx.session.flush()  # periods name their parents by id
    for unit in new:
        written = file.units[unit.code]
        tx.session.add(
            OrgUnitPeriod(
                org_unit_id=unit.id,
                from_on=written.from_on,
                to_on=written.to_on,
                name=written.name,
                sort_key=sort_key(written.name),
                search_text=fold(f"{written.name} {written.code}"),
                place_name=written.place_name,
                parent_id=None if written.parent is None else _unit_id(tx, written.parent),
                body_id=None if written.body is None else _unit_id(tx, written.body),
            )
        )
    tx.session.flush()
    return new


def _take_in_functions(tx: Tx, file: OrgUnitFile) -> list[BodyFunction]:
    new: list[BodyFunction] = []
    for written in file.functions:
        body_id, unit_id = _unit_id(tx, written.body), _unit_id(tx, written.unit)
        known = select(BodyFunction.id).where(
            BodyFunction.body_id == body_id,
            BodyFunction.function == written.function,
            BodyFunction.performing_unit_id == unit_id,
            BodyFunction.from_on == written.from_on,
        )
        if tx.session.scalar(known) is None:
            row = BodyFunction(
                body_id=body_id,
                function=written.function,
                performing_unit_id=unit_id,
                from_on=written.from_on,
                to_on=written.to_on,
            )
            tx.session.add(row)
            new.append(row)
    tx.session.flush()
    return new


def _take_in_round(tx: Tx, written: WrittenRound) -> tuple[AwardRound, list[QuotaPool]]:
    document = _document(tx, written, "programme", written.programme, written.programme_edition)
    programme = load_programme(document.body)
    row = AwardRound(
        code=written.code,
        name_vi=written.name.vi,
        name_en=written.name.en,
        programme_id=document.id,
        workflow_id=_document(tx, written, "workflow", written.workflow).id,
        calendar_code=_document(tx, written, "calendar", written.calendar).code,
        decider_body_id=_unit_id(tx, written.decider_body),
        occasion=written.occasion,
        opens_at=written.opens_at,
        closes_at=written.closes_at,
        late_rule=written.late_rule,
        achievement_from=written.achievement_from,
        achievement_to=written.achievement_to,
    )
    tx.session.add(row)
    tx.session.flush()  # pools name their round by id
    return row, _pools(tx, written, programme, row)


def _pools(tx: Tx, written: WrittenRound, programme: Programme, row: AwardRound) -> list[QuotaPool]:
    catalogue = _document(tx, written, "award_catalogue", programme.award_catalogue)
    forms: dict[str, int] = dict(
        tx.session.execute(
            select(AwardForm.code, AwardForm.id).where(AwardForm.catalogue_id == catalogue.id)
        ).all()
    )
    pools: list[QuotaPool] = []
    for quota in programme.quotas_for(written.occasion):
        above = programme.award_forms[quota.form].decided_above
        if above and written.body_above is None:
            continue
        pools.append(
            QuotaPool(
                round_id=row.id,
                award_form_id=forms[quota.form],
                decider_body_id=_unit_id(tx, written.body_above or "") if above else row.decider_body_id,
                nominee_kind=quota.kind,
                size=quota.size,
                source=quota.source,
            )
        )
    tx.session.add_all(pools)
    tx.session.flush()
    return pools


def _document(
    tx: Tx, written: WrittenRound, kind: str, code: str, edition: str | None = None
) -> ConfigDocument:
    """Return the document, its newest edition where none is asked for."""
    wanted = select(ConfigDocument).where(ConfigDocument.kind == kind, ConfigDocument.code == code)
    if edition is not None:
        wanted = wanted.where(ConfigDocument.edition == edition)
    found = tx.session.scalars(wanted.order_by(ConfigDocument.id.desc()).limit(1)).one_or_none()
    if found is None:
        name = code if edition is None else f"{code} {edition}"
        raise Conflict("document_not_published", round=written.code, kind=kind, name=name)
    return found


def _unit_id(tx: Tx, code: str) -> int:
    return tx.session.execute(select(OrgUnit.id).where(OrgUnit.code == code)).scalar_one()
