"""Programmes (phong trào thi đua): their nominee classes, criteria, award forms, quotas and targets, as
written.

One edition is one file. Its classes and criteria become rows when it is published (``dossiers.editions``)
and are never edited: next year's plan is another edition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from dossiers.award_round import OCCASIONS
from dossiers.awards import NOMINEE_KINDS
from dossiers.configuration import PROOFS
from dossiers.criteria import CIRCUMSTANCES, Question, Target
from dossiers.numbers import Ratio
from dossiers.written import HEAD_KEYS, Entry, Head, open_written, read_head
from states.definition import Label

PAPERS = ("submission_paper", "minutes", "achievement_report", "evidence", "initiative_certificate")
_RATIO_PROOFS = frozenset({"ratio", "external_target"})

_PROGRAMME_KEYS = (
    "legal_basis",
    "award_catalogue",
    "owner_unit",
    "feeds",
    "papers",
    "phases",
    "report_dates",
    "external_targets",
    "common_criteria",
    "classes",
    "award_forms",
    "quotas",
)
_CRITERION_KEYS = (
    "code",
    "text",
    "proofs",
    "join",
    "applies_when",
    "threshold",
    "ratio_of",
    "external_target",
    "legal_source",
)


@dataclass(frozen=True, slots=True)
class ProgrammeClass:
    """A nominee class (đối tượng) with its criteria in the order of the file."""

    code: str
    kind: str
    label: Label
    legal_source: str | None
    criteria: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class TargetPeriod:
    """The value of an external target for achievement periods that end from ``from_year`` to ``to_year``.

    ``value`` None: the text exists, its figure was not found and nobody has entered it.
    """

    from_year: int
    to_year: int
    value: Ratio | None


@dataclass(frozen=True, slots=True)
class ExternalTarget:
    """A target that another text sets (QĐ 677, QĐ 1268), by year."""

    code: str
    title: Label
    source: str
    periods: tuple[TargetPeriod, ...]

    def on(self, day: date) -> Target:
        """Return the target for an achievement period that ends on ``day``; its value is None where not
        set.
        """
        for period in self.periods:
            if period.from_year <= day.year <= period.to_year:
                return Target(self.code, self.title, self.source, period.value)
        return Target(self.code, self.title, self.source, None)


@dataclass(frozen=True, slots=True)
class ProgrammeForm:
    """An award form the programme may lead to, on which occasions and for which kinds of nominees."""

    code: str
    occasions: tuple[str, ...]
    kinds: tuple[str, ...]
    decided_above: bool


@dataclass(frozen=True, slots=True)
class ProgrammeQuota:
    """How many of one form may be given to one kind on one occasion. ``size`` None: not set, must be
    asked.
    """

    occasion: str
    form: str
    kind: str
    size: int | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the movement and the year of its review."""

    label: Label
    from_year: int
    to_year: int
    review: str
    review_year: int


@dataclass(frozen=True, slots=True)
class ReportDate:
    """A report due every year before ``month``/``day`` (that day itself is too late)."""

    sender: Label
    addressee: Label
    month: int
    day: int
    source: str


@dataclass(frozen=True, slots=True)
class Programme:
    """One edition of a programme.

    ``owner_unit`` is the code of the org unit whose plan it is. ``feeds`` names the programme of a higher
    plan: the classes of this one may then be used in its rounds, by dossiers that ``owner_unit`` proposes.
    """

    head: Head
    legal_basis: tuple[Label, ...]
    award_catalogue: str
    owner_unit: str
    feeds: str | None
    papers: tuple[str, ...]
    phases: tuple[Phase, ...]
    report_dates: tuple[ReportDate, ...]
    external_targets: Mapping[str, ExternalTarget]
    classes: Mapping[str, ProgrammeClass]
    award_forms: Mapping[str, ProgrammeForm]
    quotas: tuple[ProgrammeQuota, ...]

    @property
    def code(self) -> str:
        """The code of the programme."""
        return self.head.code

    def targets_on(self, day: date) -> Mapping[str, Target]:
        """Return every external target as it stands for an achievement period that ends on ``day``."""
        return {code: target.on(day) for code, target in self.external_targets.items()}

    def quotas_for(self, occasion: str) -> tuple[ProgrammeQuota, ...]:
        """Return the quotas of one occasion."""
        return tuple(quota for quota in self.quotas if quota.occasion == occasion)


def load_programme(data: bytes) -> Programme:
    """Return the programme written in ``data`` (YAML of kind ``programme``).

    Raises ``ConfigurationInvalid`` with every problem. References to other documents (catalogue, fed
    programme) are checked by ``dossiers.editions.read_configuration``.
    """
    root = open_written(data)
    root.only(*HEAD_KEYS, *_PROGRAMME_KEYS)
    head = read_head(root, data, "programme")
    targets = _external_targets(root)
    common = _common_criteria(root, targets)
    classes = _classes(root, targets, common)
    forms = _award_forms(root)
    programme = Programme(
        head=head,
        legal_basis=root.labels("legal_basis"),
        award_catalogue=root.code("award_catalogue"),
        owner_unit=root.code("owner_unit"),
        feeds=root.code_or_none("feeds"),
        papers=root.words("papers", PAPERS),
        phases=tuple(_phase(entry) for entry in root.each("phases")),
        report_dates=tuple(_report_date(entry) for entry in root.each("report_dates")),
        external_targets=MappingProxyType(targets),
        classes=MappingProxyType(classes),
        award_forms=MappingProxyType(forms),
        quotas=_quotas(root, forms),
    )
    root.finish()
    return programme


def _external_targets(root: Entry) -> dict[str, ExternalTarget]:
    targets: dict[str, ExternalTarget] = {}
    for entry in root.each("external_targets"):
        entry.only("code", "title", "source", "periods")
        periods = []
        for period in entry.each("periods"):
            period.only("from_year", "to_year", "value")
            from_year = period.whole("from_year", 2000, 2100)
            to_year = period.whole("to_year", 2000, 2100)
            if to_year < from_year:
                period.note("ends_before")
            periods.append(TargetPeriod(from_year, to_year, period.ratio_or_none("value")))
        target = ExternalTarget(
            entry.code("code"), entry.label("title"), entry.text("source"), tuple(periods)
        )
        if target.code in targets:
            entry.note("twice", name=target.code)
        targets[target.code] = target
    return targets


def _common_criteria(root: Entry, targets: Mapping[str, ExternalTarget]) -> dict[str, Question]:
    common: dict[str, Question] = {}
    for entry in root.each("common_criteria"):
        question = _criterion(entry, targets)
        if question.code in common:
            entry.note("twice", name=question.code)
        common[question.code] = question
    return common


def _classes(
    root: Entry, targets: Mapping[str, ExternalTarget], common: Mapping[str, Question]
) -> dict[str, ProgrammeClass]:
    classes: dict[str, ProgrammeClass] = {}
    used: set[str] = set()
    for entry in root.each("classes"):
        entry.only("code", "kind", "label", "legal_source", "begins_with", "criteria")
        criteria: list[Question] = []
        for code in entry.words("begins_with"):
            if code in common:
                criteria.append(common[code])
                used.add(code)
            else:
                entry.note("unknown_name", what="common_criteria", name=code)
        for item in entry.each("criteria"):
            question = _criterion(item, targets)
            if any(question.code == other.code for other in criteria):
                item.note("twice", name=question.code)
            criteria.append(question)
        one = ProgrammeClass(
            entry.code("code"),
            entry.word("kind", NOMINEE_KINDS),
            entry.label("label"),
            entry.text_or_none("legal_source"),
            tuple(criteria),
        )
        if one.code in classes:
            entry.note("twice", name=one.code)
        classes[one.code] = one
    if not classes:
        root.want("classes")
    for code in common.keys() - used:
        root.note("unused", name=code)
    return classes


def _criterion(entry: Entry, targets: Mapping[str, ExternalTarget]) -> Question:
    entry.only(*_CRITERION_KEYS)
    question = Question(
        code=entry.short_code("code"),
        text=entry.label("text"),
        proofs=entry.words("proofs", PROOFS),
        join=entry.word("join", ("all", "any"), default="all"),
        applies_when=entry.word("applies_when", CIRCUMSTANCES) if entry.has("applies_when") else None,
        threshold=entry.ratio_or_none("threshold"),
        ratio_of=entry.label_or_none("ratio_of"),
        external_target=entry.code_or_none("external_target"),
        legal_source=entry.text_or_none("legal_source"),
    )
    if not question.proofs:
        entry.want("proofs")
    if "ratio" in question.proofs and not entry.has("threshold"):
        entry.note("ratio_needed")
    if "ratio" not in question.proofs and entry.has("threshold"):
        entry.note("ratio_not_wanted")
    if _RATIO_PROOFS & set(question.proofs) and question.ratio_of is None:
        entry.note("ratio_of_needed")
    if "external_target" in question.proofs and question.external_target is None:
        entry.note("target_needed")
    if question.external_target is not None and "external_target" not in question.proofs:
        entry.note("target_not_wanted")
    if question.external_target is not None and question.external_target not in targets:
        entry.note("unknown_name", what="external_targets", name=question.external_target)
    return question


def _award_forms(root: Entry) -> dict[str, ProgrammeForm]:
    forms: dict[str, ProgrammeForm] = {}
    for entry in root.each("award_forms"):
        entry.only("form", "occasions", "kinds", "decided_above")
        form = ProgrammeForm(
            entry.code("form"),
            entry.words("occasions", OCCASIONS),
            entry.words("kinds", NOMINEE_KINDS),
            entry.flag("decided_above", default=False),
        )
        if form.code in forms:
            entry.note("twice", name=form.code)
        for key, values in (("occasions", form.occasions), ("kinds", form.kinds)):
            if not values:
                entry.want(key)
        forms[form.code] = form
    return forms


def _quotas(root: Entry, forms: Mapping[str, ProgrammeForm]) -> tuple[ProgrammeQuota, ...]:
    quotas: dict[tuple[str, str, str], ProgrammeQuota] = {}
    for entry in root.each("quotas"):
        entry.only("occasion", "form", "kind", "size", "source")
        quota = ProgrammeQuota(
            entry.word("occasion", OCCASIONS),
            entry.code("form"),
            entry.word("kind", NOMINEE_KINDS),
            entry.whole_or_none("size", 0, 100_000),
            entry.text_or_none("source"),
        )
        form = forms.get(quota.form)
        if form is None:
            entry.note("quota_of_absent_form", name=quota.form)
        elif quota.kind and quota.kind not in form.kinds:
            entry.note("form_not_for_kind", name=quota.form, kind=quota.kind)
        key = (quota.occasion, quota.form, quota.kind)
        if key in quotas:
            entry.note("twice", name=" / ".join(key))
        quotas[key] = quota
    return tuple(quotas.values())


def _phase(entry: Entry) -> Phase:
    entry.only("label", "from_year", "to_year", "review", "review_year")
    phase = Phase(
        entry.label("label"),
        entry.whole("from_year", 2000, 2100),
        entry.whole("to_year", 2000, 2100),
        entry.word("review", ("interim_review", "final_review")),
        entry.whole("review_year", 2000, 2100),
    )
    if phase.to_year < phase.from_year:
        entry.note("ends_before")
    return phase


def _report_date(entry: Entry) -> ReportDate:
    entry.only("sender", "addressee", "due_before", "source")
    due = entry.under("due_before")
    due.only("month", "day")
    return ReportDate(
        entry.label("sender"),
        entry.label("addressee"),
        due.whole("month", 1, 12),
        due.whole("day", 1, 31),
        entry.text("source"),
    )
