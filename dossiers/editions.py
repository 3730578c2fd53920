"""Configuration in force: files read as a whole, and published once into ``config_document`` and its rows.

The table is the truth; the files are what is published when they are new. An edition that was published never
changes: the same code and edition with other bytes is refused, and next year's plan is another edition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import select

from dossiers.awards import AwardCatalogue, load_award_catalogue
from dossiers.calendar import Calendar, load_calendar
from dossiers.configuration import AwardForm, ConfigDocument, Criterion, NomineeClass
from dossiers.programmes import Programme, load_programme
from dossiers.refusals import SENTENCES, Conflict
from dossiers.regimes import Regime, load_regime
from dossiers.text import sort_key
from dossiers.written import ConfigurationInvalid, Head, complaint
from states.problems import Problem
from states.reading import bytes_of
from storage.database import Tx

SENTENCES.update(
    {
        "edition_changed": (
            "Ấn bản {edition} của {document} đã được dùng và không sửa được nữa. "
            "Hãy lưu nội dung mới thành ấn bản khác.",
            "Edition {edition} of {document} is in use and can no longer be changed. "
            "Save the new content as another edition.",
        ),
        "edition_copied": (
            "Nội dung này đã được công bố là {document}, ấn bản {edition}.",
            "This very content has already been published as {document}, edition {edition}.",
        ),
    }
)

Loaded = TypeVar("Loaded", Calendar, Regime, AwardCatalogue, Programme)
Key = tuple[str, str]  # code, edition


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything the folder ``config/`` holds apart from workflows and documents, by code and edition."""

    calendars: Mapping[Key, Calendar]
    regimes: Mapping[Key, Regime]
    catalogues: Mapping[Key, AwardCatalogue]
    programmes: Mapping[Key, Programme]


@dataclass(frozen=True, slots=True)
class Published:
    """A document in the table; ``fresh`` when it was put there just now."""

    document: ConfigDocument
    fresh: bool


def read_configuration(folder: Path) -> Configuration:
    """Return what the files under ``folder`` (the project's ``config``) say.

    Reads ``calendars``, ``regimes``, ``awards`` and ``programmes`` (``*.yaml``). Raises
    ``ConfigurationInvalid`` with every problem of every file, each path led by its file's name, also where
    documents do not fit together.
    """
    problems: list[Problem] = []
    configuration = Configuration(
        calendars=_read(folder / "calendars", load_calendar, problems),
        regimes=_read(folder / "regimes", load_regime, problems),
        catalogues=_read(folder / "awards", load_award_catalogue, problems),
        programmes=_read(folder / "programmes", load_programme, problems),
    )
    if not problems:
        problems.extend(_unfitting(configuration))
    if problems:
        raise ConfigurationInvalid(problems)
    return configuration


def publish(
    tx: Tx, configuration: Configuration, *, published_by: int | None = None
) -> tuple[Published, ...]:
    """Put every document of ``configuration`` into the tables; those that are there already stay as they are.

    ``published_by`` is an account id, None for the installation itself. Returns all documents, catalogues
    before the programmes that need them. Raises ``Conflict`` (``edition_changed``) and changes nothing when
    an edition in use has other bytes. The caller writes the entries of the record for what is fresh.
    """
    published = []
    for calendar in configuration.calendars.values():
        published.append(publish_document(tx, calendar.head, published_by=published_by))
    for regime in configuration.regimes.values():
        published.append(publish_document(tx, regime.head, published_by=published_by))
    for catalogue in configuration.catalogues.values():
        published.append(publish_catalogue(tx, catalogue, published_by=published_by))
    for programme in configuration.programmes.values():
        published.append(publish_programme(tx, programme, published_by=published_by))
    return tuple(published)


def publish_catalogue(tx: Tx, catalogue: AwardCatalogue, *, published_by: int | None = None) -> Published:
    """Publish an award catalogue and make a row of each of its forms. Raises as ``keep_document``."""
    published = publish_document(tx, catalogue.head, published_by=published_by)
    if published.fresh:
        for form in catalogue.forms.values():
            tx.session.add(
                AwardForm(
                    catalogue_id=published.document.id,
                    code=form.code,
                    family=form.family,
                    decider_position=form.decider_position,
                    label_vi=form.label.vi,
                    label_en=form.label.en,
                    legal_source=form.legal_source,
                )
            )
        tx.session.flush()
    return published


def publish_programme(tx: Tx, programme: Programme, *, published_by: int | None = None) -> Published:
    """Publish a programme and make a row of each class and of each criterion. Raises as ``keep_document``."""
    published = publish_document(tx, programme.head, published_by=published_by)
    if not published.fresh:
        return published
    programme_id = published.document.id
    for ordinal, one in enumerate(programme.classes.values(), 1):
        nominee_class = NomineeClass(
            programme_id=programme_id,
            code=one.code,
            kind=one.kind,
            ordinal=ordinal,
            label_vi=one.label.vi,
            label_en=one.label.en,
            legal_source=one.legal_source,
        )
        tx.session.add(nominee_class)
        tx.session.flush()  # the criteria need nominee_class.id
        for place, question in enumerate(one.criteria, 1):
            numerator, denominator = question.threshold or (None, None)
            tx.session.add(
                Criterion(
                    programme_id=programme_id,
                    class_id=nominee_class.id,
                    code=question.code,
                    ordinal=place,
                    text_vi=question.text.vi,
                    text_en=question.text.en,
                    proofs=" ".join(question.proofs),
                    proof_join=question.join,
                    applies_when=question.applies_when,
                    threshold_num=numerator,
                    threshold_den=denominator,
                    ratio_of_vi=None if question.ratio_of is None else question.ratio_of.vi,
                    ratio_of_en=None if question.ratio_of is None else question.ratio_of.en,
                    external_target=question.external_target,
                    legal_source=question.legal_source,
                )
            )
    tx.session.flush()
    return published


def publish_document(tx: Tx, head: Head, *, published_by: int | None = None) -> Published:
    """Publish the document of ``head``. Raises as ``keep_document``."""
    return keep_document(
        tx,
        kind=head.kind,
        code=head.code,
        edition=head.edition,
        body=head.body,
        in_force_from=head.in_force_from,
        last_day=head.last_day,
        verified=head.verified,
        published_by=published_by,
    )


def keep_document(
    tx: Tx,
    *,
    kind: str,
    code: str,
    edition: str,
    body: bytes,
    in_force_from: date | None = None,
    last_day: date | None = None,
    verified: bool = False,
    published_by: int | None = None,
) -> Published:
    """Return the row of ``config_document`` for this edition, put there now where it is new (of any kind).

    Raises ``Conflict`` where the edition is in use with other bytes, or where the same bytes already have
    another name. ``last_day`` is inclusive; the row keeps the first day after it.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    known = tx.session.scalars(
        select(ConfigDocument).where(
            ConfigDocument.kind == kind, ConfigDocument.code == code, ConfigDocument.edition == edition
        )
    ).one_or_none()
    if known is not None:
        if known.sha256 != sha256:
            raise Conflict("edition_changed", document=code, edition=edition)
        return Published(known, fresh=False)
    twin = tx.session.scalars(
        select(ConfigDocument).where(ConfigDocument.kind == kind, ConfigDocument.sha256 == sha256)
    ).one_or_none()
    if twin is not None:
        raise Conflict("edition_copied", document=twin.code, edition=twin.edition)
    document = ConfigDocument(
        kind=kind,
        code=code,
        edition=edition,
        sha256=sha256,
        body=body,
        in_force_from=in_force_from,
        in_force_to=None if last_day is None else last_day + timedelta(days=1),
        verified=verified,
        published_by=published_by,
        published_at=tx.now,
    )
    tx.session.add(document)
    tx.session.flush()  # whoever asked needs document.id
    return Published(document, fresh=True)


def _read(folder: Path, load: Callable[[bytes], Loaded], problems: list[Problem]) -> Mapping[Key, Loaded]:
    found: dict[Key, Loaded] = {}
    files: dict[Key, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        name = f"{folder.name}/{path.name}"
        try:
            loaded = load(bytes_of(path))
        except ConfigurationInvalid as invalid:
            problems.extend(_in_file(name, problem) for problem in invalid.problems)
            continue
        key = (loaded.head.code, loaded.head.edition)
        if key in found:
            problems.append(complaint(name, "edition_twice", name=" ".join(key), other=files[key]))
        found[key], files[key] = loaded, name
    return MappingProxyType(found)


def _in_file(name: str, problem: Problem) -> Problem:
    path = f"{name}: {problem.path}" if problem.path else name
    return Problem(path, problem.code, problem.message_vi, problem.message, problem.line)


def _unfitting(configuration: Configuration) -> list[Problem]:
    """Return what does not fit between documents that are each well written."""
    problems: list[Problem] = []
    catalogues: dict[str, AwardCatalogue] = {}
    for (code, _), catalogue in sorted(
        configuration.catalogues.items(), key=lambda item: sort_key(item[0][1])
    ):
        catalogues[code] = catalogue  # the newest edition is the one in use
    codes = {code for code, _ in configuration.programmes}
    for (code, edition), programme in configuration.programmes.items():
        where = f"programmes {code} {edition}"
        if programme.feeds is not None and programme.feeds not in codes:
            problems.append(
                complaint(f"{where}: feeds", "unknown_name", what="programme", name=programme.feeds)
            )
        in_use = catalogues.get(programme.award_catalogue)
        if in_use is None:
            problems.append(
                complaint(
                    f"{where}: award_catalogue",
                    "unknown_name",
                    what="award_catalogue",
                    name=programme.award_catalogue,
                )
            )
            continue
        for form in programme.award_forms.values():
            entry = in_use.forms.get(form.code)
            if entry is None:
                problems.append(
                    complaint(f"{where}: award_forms", "unknown_name", what="award form", name=form.code)
                )
                continue
            for kind in form.kinds:
                if kind not in entry.kinds:
                    problems.append(
                        complaint(f"{where}: award_forms", "form_not_for_kind", name=form.code, kind=kind)
                    )
    return problems
