"""What an installation is before anybody works in it: its name, its key, the editions in force, the first
people.

``init`` may run at every start: what is there already is left alone, what is new in the configuration
folder is taken in, and an edition that changed under its old number is refused, naming the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import insert, select, text

from dossiers.award_round import AwardRound
from dossiers.configuration import ConfigDocument, WorkflowState
from dossiers.days import local_day
from dossiers.editions import Configuration, Published, keep_document, publish, read_configuration
from dossiers.functions import ADMINISTRATOR
from dossiers.org_unit import OrgUnit
from dossiers.org_unit_file import TakenIn, load_org_units, take_in
from dossiers.refusals import SENTENCES, Conflict, Invalid, Missing
from dossiers.vocabulary import VOCABULARY
from dossiers.written import ConfigurationInvalid
from states.definition import SUBJECTS, Edition
from states.loader import load_edition
from states.problems import EditionInvalid, Problem
from states.reading import bytes_of
from storage.checkpoint import OriginRefused, checked_origin
from storage.database import POSTGRESQL, Database, NotInstalled, Tx
from storage.record import EMPTY, By, Head, append
from storage.record_tables import Installation
from storage.signer import KEY_FILE, FileKeySigner
from workflow.actor import Actor, Place
from workflow.administration import Invited, add_org_unit, invite_person

SYSTEM = By(account_ref=None, function=None, org_unit_ref=None)
"""Nobody: the program itself, at the word of whoever runs it on the machine."""

_LOCK = 0x696E_6974  # "init" in ASCII: one at a time on one PostgreSQL database

# Folder under config/ → kind of document.
FOLDERS = {
    "calendars": "calendar",
    "awards": "award_catalogue",
    "regimes": "regime",
    "workflows": "workflow",
    "programmes": "programme",
}

SENTENCES.update(
    {
        "origin_missing": (
            "Lần cài đặt đầu cần một tên gốc cho sổ ghi, giữ nguyên mãi mãi, ví dụ: "
            "vinhdanh init --origin thidua.giangthanh.gov.vn/vinhdanh",
            "The first installation needs the name of its record, kept for ever, for example: "
            "vinhdanh init --origin thidua.giangthanh.gov.vn/vinhdanh",
        ),
        "origin_unfit": (
            "Tên gốc {origin} không dùng được: chỉ gồm chữ thường a–z, chữ số, dấu chấm, gạch và /, "
            "từ 3 đến 100 ký tự, ví dụ thidua.giangthanh.gov.vn/vinhdanh.",
            "The origin {origin} cannot be used: small letters a–z, digits, dots, hyphens and slashes only, "
            "3 to 100 of them, for example thidua.giangthanh.gov.vn/vinhdanh.",
        ),
        "origin_fixed": (
            "Bản cài đặt này đã mang tên gốc {kept}; tên gốc không bao giờ đổi.",
            "This installation is called {kept} already; an origin never changes.",
        ),
        "record_key_of_another": (
            "Khóa ký trong thư mục khóa thuộc sổ ghi {signs_for} (đã ký {size} mục), không phải cơ sở "
            "dữ liệu trống này. Hãy nối lại đúng cơ sở dữ liệu, hoặc dùng thư mục dữ liệu khác.",
            "The signing key in the key folder belongs to the record {signs_for} (signed up to {size}), "
            "not to this empty database. Connect the right database, or use another data folder.",
        ),
        "unit_unknown": (
            "Không có đơn vị nào mã {unit}. Thêm --unit-name để lập đơn vị ấy.",
            "There is no unit with the code {unit}. Add --unit-name to make it.",
        ),
        "editions_refused": (
            "Không nhận được cấu hình: {count} chỗ sai. {first}",
            "The configuration cannot be taken in: {count} problems. {first_en}",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing wrong with one configuration file, in both languages. ``path`` is the place inside the
    file.
    """

    file: str
    path: str
    code: str
    vi: str
    en: str

    def line(self, language: str = "vi") -> str:
        """Return the problem as one line: file, place, sentence."""
        where = ": ".join(part for part in (self.file, self.path) if part)
        return f"{where}: {self.en if language == 'en' else self.vi}"


class EditionsRefused(Invalid):
    """Files of the configuration cannot be taken in; ``problems`` names every one, nothing was taken in."""

    def __init__(self, problems: tuple[FileProblem, ...]) -> None:
        first = problems[0]
        super().__init__(
            "editions_refused", count=len(problems), first=first.line("vi"), first_en=first.line("en")
        )
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Installed:
    """What ``init`` found or made. ``imported`` are the editions taken in now, as ``kind code/edition``."""

    origin: str
    epoch: int
    fresh: bool
    imported: tuple[str, ...]


def installed_origin(database: Database) -> str | None:
    """Return the origin of the installation in this database, None when ``init`` never ran on it."""
    try:
        return database.origin
    except NotInstalled:
        return None


def init(
    database: Database, *, origin: str | None, keys: Path, config: Path, org_units: Sequence[Path] = ()
) -> Installed:
    """Make the installation if there is none, and take in every new edition under ``config``.

    ``origin`` names the record; needed the first time, and refused afterwards when it is another one.
    ``keys`` is the folder of the signing key, made when it is missing. All rows come in one transaction;
    the key comes before it, and a key that has signed nothing yet is taken up again by the next try.

    Raises ``Invalid`` (origin missing or unfit), ``Conflict`` (another origin, another record's key),
    ``EditionsRefused``, `storage.signer.SignerRefused` (the key of an existing installation is not there or
    not whole), `storage.database.DatabaseUnavailable`.
    """
    kept = installed_origin(database)
    if kept is None:
        _make_key(keys, _fit(origin))
    elif origin is not None and origin != kept:
        raise Conflict("origin_fixed", field="origin", kept=kept)
    with database.writing() as tx:
        if tx.dialect == POSTGRESQL:
            tx.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        fresh = tx.connection.execute(select(Installation.id)).first() is None
        if fresh:
            tx.connection.execute(
                insert(Installation).values(id=1, origin=_fit(origin), epoch=1, created_at=tx.now)
            )
        imported = import_editions(tx, config)
        for path in org_units:
            import_org_units(tx, path)
        return Installed(tx.origin, tx.epoch, fresh, imported)


def _fit(origin: str | None) -> str:
    if origin is None:
        raise Invalid("origin_missing", field="origin")
    try:
        return checked_origin(origin)
    except OriginRefused:
        raise Invalid("origin_unfit", field="origin", origin=origin[:100]) from None


def _make_key(keys: Path, origin: str) -> None:
    """Make the signing key of a fresh installation; one that signed nothing for this origin may stay."""
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (keys / KEY_FILE).exists():
        FileKeySigner.make(keys, origin)
        return
    last = FileKeySigner(keys).last().head
    if last.size or last.origin != origin:
        raise Conflict("record_key_of_another", signs_for=last.name, size=last.size)


# --- editions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the configuration folder: ``name`` inside the folder, its kind and its bytes."""

    name: str
    kind: str
    body: bytes
    sha256: str


def import_editions(tx: Tx, config: Path) -> tuple[str, ...]:
    """Take in every edition under ``config`` whose bytes are not known yet; return their names.

    When all are known nothing is even parsed. Raises ``EditionsRefused`` with every problem of every file;
    the caller's transaction is then rolled back whole.
    """
    known = {
        (row.kind, row.code, row.edition): row.sha256
        for row in tx.connection.execute(
            select(ConfigDocument.kind, ConfigDocument.code, ConfigDocument.edition, ConfigDocument.sha256)
        )
    }
    hashes = {(kind, sha256) for (kind, _, _), sha256 in known.items()}
    files = _files(config)
    fresh = [file for file in files if (file.kind, file.sha256) not in hashes]
    if not fresh:
        return ()
    workflows, configuration, problems = _read(config, fresh)
    named = {(file.kind, file.sha256): file.name for file in files}
    for kind, code, edition, sha256 in _identities(workflows, configuration):
        if known.get((kind, code, edition), sha256) != sha256:
            problems.append(_edition_changed(named[kind, sha256], code, edition))
    if problems:
        raise EditionsRefused(tuple(problems))
    published = list(publish(tx, configuration)) if configuration is not None else []
    published += [_publish_workflow(tx, edition, body) for edition, body in workflows]
    taken_in = [one.document for one in published if one.fresh]
    for document in taken_in:
        _enter(tx, document, named[document.kind, document.sha256])
    return tuple(f"{document.kind} {document.code}/{document.edition}" for document in taken_in)


def check_files(config: Path) -> tuple[FileProblem, ...]:
    """Return every problem of every file under ``config``, without a database."""
    return tuple(_read(config, _files(config))[2])


def _files(config: Path) -> list[_File]:
    found = []
    for folder, kind in FOLDERS.items():
        for path in sorted((config / folder).glob("*.yaml")):
            body = bytes_of(path)
            found.append(_File(f"{folder}/{path.name}", kind, body, hashlib.sha256(body).hexdigest()))
    return found


def _read(
    config: Path, files: Sequence[_File]
) -> tuple[list[tuple[Edition, bytes]], Configuration | None, list[FileProblem]]:
    """Return the workflow editions of ``files``, the configuration beside them where a file of it is among
    them, and everything that is wrong.
    """
    workflows = []
    problems: list[FileProblem] = []
    for file in files:
        if file.kind != "workflow":
            continue
        try:
            workflows.append((load_edition(file.body, VOCABULARY), file.body))
        except EditionInvalid as invalid:
            problems.extend(_problem(file.name, problem) for problem in invalid.problems)
    configuration = None
    if any(file.kind != "workflow" for file in files):
        try:
            configuration = read_configuration(config)  # as a whole: its documents lean on each other
        except ConfigurationInvalid as invalid:
            problems.extend(_problem("", problem) for problem in invalid.problems)
    return workflows, configuration, problems


def _identities(
    workflows: Sequence[tuple[Edition, bytes]], configuration: Configuration | None
) -> list[tuple[str, str, str, str]]:
    """Return kind, code, edition and hash of everything that was read."""
    found = [("workflow", edition.code, edition.edition, edition.sha256) for edition, _ in workflows]
    if configuration is not None:
        for documents in (
            configuration.calendars,
            configuration.regimes,
            configuration.catalogues,
            configuration.programmes,
        ):
            heads = [document.head for document in documents.values()]
            found += [(head.kind, head.code, head.edition, head.sha256) for head in heads]
    return found


def _problem(file: str, problem: Problem) -> FileProblem:
    where = problem.path if problem.line is None else f"{problem.path} (dòng/line {problem.line})".strip()
    return FileProblem(file, where, problem.code, problem.message_vi, problem.message)


def _edition_changed(file: str, code: str, edition: str) -> FileProblem:
    return FileProblem(
        file,
        "edition",
        "edition_changed",
        f"Ấn bản {code}/{edition} đã được dùng với nội dung khác. Ấn bản đang dùng không bao giờ sửa: hãy "
        f"khôi phục tệp, rồi viết thay đổi thành tệp mới với số ấn bản mới.",
        f"The edition {code}/{edition} is in use with other bytes. An edition in use is never edited: "
        f"restore the file and write the change as a new file with a new edition.",
    )


def _publish_workflow(tx: Tx, edition: Edition, body: bytes) -> Published:
    # The soundness check answers for it; whether it fits the law is the office's decision.
    published = keep_document(
        tx, kind="workflow", code=edition.code, edition=edition.edition, body=body, verified=True
    )
    if published.fresh:
        rows = [
            {
                "edition_id": published.document.id,
                "subject": subject,
                "key": state.key,
                "final": state.final,
                "acting_function": state.acting_function,
            }
            for subject in SUBJECTS
            for state in edition.machine(subject).states.values()
        ]
        tx.connection.execute(insert(WorkflowState), rows)
    return published


def _enter(tx: Tx, document: ConfigDocument, file: str) -> None:
    """Write the first and only entry of the document's chain."""
    append(
        tx,
        subject=("config_document", document.ref),
        head=EMPTY,
        action="edition_taken_in",
        by=SYSTEM,
        edition=f"{document.code}/{document.edition}",
        workflow_sha256=document.sha256 if document.kind == "workflow" else None,
        payload={"kind": document.kind, "file": file, "sha256": document.sha256},
    )


# --- org units ------------------------------------------------------------------------------------


def import_org_units(tx: Tx, path: Path) -> TakenIn:
    """Take in the units, functions and rounds of a file of ``config/org_units`` that are not there yet.

    Live data: what is there is left alone, so the same file again changes nothing. Each new unit and round
    gets the first entry of its chain, each new function an entry in the chain of the body it is performed
    for. Assumes that the editions the rounds name are taken in. Raises ``EditionsRefused``, ``Conflict``.
    """
    file = f"org_units/{path.name}"
    try:
        written = load_org_units(bytes_of(path))
    except ConfigurationInvalid as invalid:
        raise EditionsRefused(tuple(_problem(file, problem) for problem in invalid.problems)) from None
    taken = take_in(tx, written)
    sha256 = written.head.sha256
    for unit in taken.units:
        _enter_row(tx, "org_unit", unit, "unit_added", {"code": unit.code, "file": file, "sha256": sha256})
    for function in taken.functions:
        body = tx.session.get_one(OrgUnit, function.body_id)
        performing = tx.session.get_one(OrgUnit, function.performing_unit_id)
        words = {
            "function": function.function,
            "unit": performing.ref,
            "from_on": function.from_on.isoformat(),
            "file": file,
        }
        _enter_row(tx, "org_unit", body, "function_given", words)
    for one in taken.rounds:
        _enter_row(tx, "award_round", one, "round_opened", {"code": one.code, "file": file, "sha256": sha256})
    tx.session.flush()
    return taken


def _enter_row(tx: Tx, kind: str, row: OrgUnit | AwardRound, action: str, payload: Mapping[str, str]) -> None:
    head = append(
        tx,
        subject=(kind, row.ref),
        head=Head(row.chain_length, row.chain_head),
        action=action,
        by=SYSTEM,
        payload=payload,
    )
    row.chain_head, row.chain_length = head.hash, head.length


# --- the first people -----------------------------------------------------------------------------

# Whoever runs the command line on the machine: administers without an account, and the record says so.
_OPERATOR = Actor(
    account_id=0,
    account_ref=None,  # type: ignore[arg-type]  # By() takes None for the system itself
    person_id=0,
    person_ref="",
    full_name="",
    login="",
    language="vi",
    places=(
        Place(
            unit_id=0,
            unit_ref=None,  # type: ignore[arg-type]  # as above
            unit_name="",
            function=ADMINISTRATOR,
            position_title="",
            from_on=date.min,
            to_on=None,
        ),
    ),
)


def add_user(
    database: Database,
    *,
    full_name: str,
    login: str,
    unit_code: str,
    function: str,
    position_title: str,
    unit_name: str | None = None,
    email: str | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
) -> Invited:
    """Invite a person at the word of whoever runs the machine; the token activates the account once.

    The first administrator comes in here, when nobody is there who could invite him. ``unit_name`` makes the
    unit where there is none of this code. ``from_on`` is today unless given. Raises ``Missing`` (no such
    unit) and what `workflow.administration.invite_person` raises.
    """
    with database.reading() as tx:
        day = from_on or local_day(tx.now)
        unit_ref = tx.session.scalar(select(OrgUnit.ref).where(OrgUnit.code == unit_code))
    if unit_ref is None:
        if unit_name is None:
            raise Missing("unit_unknown", field="unit", unit=unit_code[:60])
        unit_ref = add_org_unit(
            database,
            _OPERATOR,
            code=unit_code,
            kind="agency",
            admin_level="none",
            name=unit_name,
            place_name=unit_name,
            from_on=day,
        ).ref
    return invite_person(
        database,
        _OPERATOR,
        full_name=full_name,
        login=login,
        unit_ref=unit_ref,
        function=function,
        position_title=position_title,
        from_on=day,
        to_on=to_on,
        email=email,
    )
