"""An installation is made once, takes in what is new, and never lets an edition in use change."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from dossiers.award_round import AwardRound
from dossiers.configuration import AwardForm, ConfigDocument, Criterion, NomineeClass, WorkflowState
from dossiers.dossier import ClockSpan, Dossier
from dossiers.nominee import Nominee
from dossiers.org_unit import OrgUnit
from dossiers.people import Account, Membership
from dossiers.refusals import Conflict, Invalid, Missing
from storage import migrate
from storage.database import Database, Tx
from storage.files import Files
from storage.record import entries_of
from storage.record_tables import RecordEntry
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner, SignerRefused
from tests.builders import World
from tests.workflow.journeys import a_dossier
from workflow import audit
from workflow.agreement import check_editions
from workflow.installation import (
    EditionsRefused,
    Installed,
    add_user,
    check_files,
    import_org_units,
    init,
    installed_origin,
)

ORIGIN = "example.vn/vinhdanh"
CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped configuration that a test may change."""
    folder = tmp_path / "config"
    for name in ("workflows", "programmes", "regimes", "awards", "calendars"):
        shutil.copytree(CONFIG / name, folder / name)
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def count(tx: Tx, table: type) -> int:
    return tx.connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_the_first_time_makes_row_key_and_editions_with_their_entries(
    database: Database, keys: Path, config: Path
) -> None:
    assert installed_origin(database) is None
    made = init(database, origin=ORIGIN, keys=keys, config=config)
    assert (made.origin, made.epoch, made.fresh) == (ORIGIN, 1, True)
    assert {"workflow giang-thanh/1", "workflow xa-hai-cap/1"} <= set(made.imported)
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    with database.reading() as tx:
        documents = tx.session.scalars(select(ConfigDocument)).all()
        assert {d.kind for d in documents} == {
            "workflow",
            "programme",
            "regime",
            "award_catalogue",
            "calendar",
        }
        assert len(documents) == len(made.imported) == len(list(config.rglob("*.yaml")))
        assert min(count(tx, table) for table in (NomineeClass, Criterion, AwardForm, WorkflowState)) > 0
        for document in documents:
            (entry,) = entries_of(tx, "config_document", document.ref)
            assert entry.content["edition"] == f"{document.code}/{document.edition}"
            assert entry.content["actor_id"] is None


def test_the_same_again_changes_nothing(database: Database, keys: Path, config: Path) -> None:
    init(database, origin=ORIGIN, keys=keys, config=config)
    with database.reading() as tx:
        before = (count(tx, RecordEntry), count(tx, WorkflowState))
    kept = {path.name: path.read_bytes() for path in keys.iterdir()}
    again = Installed(origin=ORIGIN, epoch=1, fresh=False, imported=())
    assert init(database, origin=None, keys=keys, config=config) == again
    assert init(database, origin=ORIGIN, keys=keys, config=config) == again
    with database.reading() as tx:
        assert (count(tx, RecordEntry), count(tx, WorkflowState)) == before
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == kept


def test_an_edition_in_use_never_changes_and_the_refusal_names_the_file(
    database: Database, keys: Path, config: Path
) -> None:
    init(database, origin=ORIGIN, keys=keys, config=config)
    for name in ("workflows/giang-thanh.yaml", "calendars/vn.yaml"):
        path = config / name
        path.write_bytes(path.read_bytes() + b"\n# a harmless remark\n")
    with pytest.raises(EditionsRefused) as refused:
        init(database, origin=None, keys=keys, config=config)
    assert {(p.file, p.code) for p in refused.value.problems} == {
        ("workflows/giang-thanh.yaml", "edition_changed"),
        ("calendars/vn.yaml", "edition_changed"),
    }
    assert "workflows/giang-thanh.yaml" in " ".join(p.line("vi") for p in refused.value.problems)
    assert refused.value.sentence("vi")


def test_the_next_edition_comes_in_beside_the_one_in_use(
    database: Database, keys: Path, config: Path
) -> None:
    init(database, origin=ORIGIN, keys=keys, config=config)
    old = (config / "workflows" / "giang-thanh.yaml").read_text(encoding="utf-8")
    (config / "workflows" / "giang-thanh-2.yaml").write_text(
        old.replace('edition: "1"', 'edition: "2"', 1), encoding="utf-8"
    )
    made = init(database, origin=None, keys=keys, config=config)
    assert made.imported == ("workflow giang-thanh/2",)
    assert check_editions(database) == ()


def test_every_mistake_of_every_file_is_told_and_nothing_comes_in(
    database: Database, keys: Path, config: Path
) -> None:
    (config / "workflows" / "bad.yaml").write_text("code: [1\n", encoding="utf-8")
    (config / "regimes" / "bad.yaml").write_text("kind: regime\ncode: Ä\n", encoding="utf-8")
    with pytest.raises(EditionsRefused) as refused:
        init(database, origin=ORIGIN, keys=keys, config=config)
    lines = [problem.line("vi") for problem in refused.value.problems]
    assert any(line.startswith("workflows/bad.yaml") for line in lines)
    assert sum("regimes/bad.yaml" in line for line in lines) >= 2
    assert {problem.line() for problem in check_files(config)} == set(lines)
    assert installed_origin(database) is None
    with database.reading() as tx:
        assert count(tx, ConfigDocument) == 0
    shutil.rmtree(config / "workflows")
    (config / "regimes" / "bad.yaml").unlink()
    assert init(database, origin=ORIGIN, keys=keys, config=config).fresh  # the key made before is taken up


@pytest.mark.parametrize("origin", ["", "x", "Có dấu", "a b", "https://example.vn", "a+b/c", "x" * 200])
def test_an_unfit_origin_is_refused(sqlite_database: Database, keys: Path, config: Path, origin: str) -> None:
    with pytest.raises(Invalid) as refused:
        init(sqlite_database, origin=origin, keys=keys, config=config)
    assert refused.value.code == "origin_unfit"
    assert not keys.exists()


def test_the_first_time_needs_an_origin_and_it_never_changes(
    sqlite_database: Database, keys: Path, config: Path
) -> None:
    with pytest.raises(Invalid) as missing:
        init(sqlite_database, origin=None, keys=keys, config=config)
    assert missing.value.code == "origin_missing"
    init(sqlite_database, origin=ORIGIN, keys=keys, config=config)
    with pytest.raises(Conflict) as fixed:
        init(sqlite_database, origin="other.vn/x", keys=keys, config=config)
    assert ORIGIN in fixed.value.sentence("en")


def test_a_key_that_has_signed_is_not_given_to_an_empty_database(
    sqlite_database: Database, keys: Path, config: Path, tmp_path: Path
) -> None:
    init(sqlite_database, origin=ORIGIN, keys=keys, config=config)
    Sequencer(sqlite_database, FileKeySigner(keys)).run_once()
    empty_url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    migrate.upgrade(empty_url)
    empty = Database(empty_url)
    try:
        with pytest.raises(Conflict) as refused:
            init(empty, origin=ORIGIN, keys=keys, config=config)
        assert refused.value.code == "record_key_of_another"
        assert installed_origin(empty) is None
    finally:
        empty.close()


def test_two_starts_at_once_make_one_installation(database: Database, keys: Path, config: Path) -> None:
    done: list[Installed | BaseException] = []
    FileKeySigner.make(_made(keys), ORIGIN)  # two starts on one PostgreSQL share no folder; the key is there

    def start() -> None:
        try:
            done.append(init(database, origin=ORIGIN, keys=keys, config=config))
        except BaseException as error:
            done.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(one, Installed) for one in done), done
    assert [one.fresh for one in done if isinstance(one, Installed)].count(True) == 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# --- units and people -----------------------------------------------------------------------------


def test_units_and_rounds_come_in_once_with_their_entries(
    database: Database, keys: Path, config: Path
) -> None:
    files = sorted((CONFIG / "org_units").glob("*.yaml"))
    init(database, origin=ORIGIN, keys=keys, config=config, org_units=files)
    with database.reading() as tx:
        units, rounds = count(tx, OrgUnit), count(tx, AwardRound)
        assert units > 10
        assert {"GT-2024", "TG-2025"} <= set(tx.session.scalars(select(AwardRound.code)))
        for unit in tx.session.scalars(select(OrgUnit)):
            entries = entries_of(tx, "org_unit", unit.ref)
            assert entries[0].content["action"] == "unit_added"
            assert (unit.chain_length, unit.chain_head) == (len(entries), entries[-1].hash)
        before = count(tx, RecordEntry)
    with database.writing() as tx:
        for path in files:
            import_org_units(tx, path)
    with database.reading() as tx:
        assert (count(tx, OrgUnit), count(tx, AwardRound), count(tx, RecordEntry)) == (units, rounds, before)
    Sequencer(database, FileKeySigner(keys)).run_once()
    verdict = audit.verify_record(database, keys=keys)
    assert (verdict.code, verdict.count) == (9, 0)  # nothing wrong found, but not anchored


def test_the_first_administrator_comes_from_the_command_line(
    database: Database, keys: Path, config: Path
) -> None:
    init(database, origin=ORIGIN, keys=keys, config=config)
    given = {
        "full_name": "Lý Minh Khôi",
        "login": "khoi",
        "function": "administrator",
        "position_title": "Chuyên viên",
        "unit_code": "ubnd-huyen",
    }
    with pytest.raises(Missing):
        add_user(database, **given)
    added = add_user(database, **given, unit_name="UBND huyện Giang Thành")
    assert added.token
    with database.reading() as tx:
        account = tx.session.scalars(select(Account)).one()
        assert (account.ref, account.state) == (added.account_ref, "invited")
        member = tx.session.scalars(select(Membership)).one()
        assert (member.function, member.from_on) == ("administrator", date(2024, 11, 18))
        entry = entries_of(tx, "account", account.ref)[0].content
        assert (entry["action"], entry["actor_id"]) == ("account_invited", None)
    with pytest.raises(Conflict):
        add_user(database, **given)


# --- rows against editions ------------------------------------------------------------------------

Harm = Callable[[Tx, int], None]


def _harm_waiting_function(tx: Tx, dossier_id: int) -> None:
    tx.connection.execute(update(Dossier).where(Dossier.id == dossier_id).values(waiting_function="decider"))


def _harm_waiting_body(tx: Tx, dossier_id: int) -> None:
    unit = select(OrgUnit.id).where(OrgUnit.code == "ttyt-giang-thanh").scalar_subquery()
    tx.connection.execute(update(Dossier).where(Dossier.id == dossier_id).values(waiting_body_id=unit))


def _harm_state(tx: Tx, dossier_id: int) -> None:
    # Foreign keys hold states to rows of workflow_state; only a state of another edition's rows slips in.
    tx.connection.execute(
        text(
            "INSERT INTO workflow_state (edition_id, subject, key, final)"
            " SELECT edition_id, 'dossier', 'invented', false FROM dossier WHERE id = :id"
        ),
        {"id": dossier_id},
    )
    tx.connection.execute(update(Dossier).where(Dossier.id == dossier_id).values(state="invented"))


def _harm_due(tx: Tx, dossier_id: int) -> None:
    tx.connection.execute(update(Dossier).where(Dossier.id == dossier_id).values(due_on=date(2030, 1, 1)))


def _harm_clock(tx: Tx, dossier_id: int) -> None:
    tx.connection.execute(
        update(ClockSpan)
        .where(ClockSpan.dossier_id == dossier_id, ClockSpan.limit_code == "return_notice")
        .values(limit_code="invented")
    )


def _harm_regime(tx: Tx, dossier_id: int) -> None:
    other = select(ConfigDocument.id).where(ConfigDocument.kind == "calendar").limit(1).scalar_subquery()
    tx.connection.execute(update(Dossier).where(Dossier.id == dossier_id).values(regime_id=other))


def _harm_nominee_edition(tx: Tx, dossier_id: int) -> None:
    other = select(ConfigDocument.id).where(ConfigDocument.code == "xa-hai-cap").scalar_subquery()
    tx.connection.execute(update(Nominee).where(Nominee.dossier_id == dossier_id).values(edition_id=other))


HARMS: dict[str, Harm] = {
    "waiting_function": _harm_waiting_function,
    "waiting_body": _harm_waiting_body,
    "state_unknown": _harm_state,
    "due_on": _harm_due,
    "limit_unknown": _harm_clock,
    "regime": _harm_regime,
    "nominee_edition": _harm_nominee_edition,
}


@pytest.mark.parametrize("code", sorted(HARMS))
def test_rows_that_left_their_edition_are_found(small_world: World, files: Files, code: str) -> None:
    case = a_dossier(small_world, files, "under_appraisal")
    assert check_editions(small_world.database) == ()
    with small_world.database.writing() as tx:
        dossier = tx.session.execute(
            select(Dossier.id, Dossier.code).where(Dossier.ref == case.dossier)
        ).one()
        HARMS[code](tx, dossier.id)
    found = {one.code: one for one in check_editions(small_world.database)}
    assert code in found
    assert found[code].count == 1
    assert found[code].example == dossier.code
    assert dossier.code in found[code].line("vi")


def test_both_databases_find_the_same(world: World, files: Files) -> None:
    case = a_dossier(world, files, "under_appraisal")
    assert check_editions(world.database) == ()
    together = ("waiting_function", "due_on", "limit_unknown", "regime", "nominee_edition")
    with world.database.writing() as tx:
        dossier_id = tx.session.scalars(select(Dossier.id).where(Dossier.ref == case.dossier)).one()
        for code in together:
            HARMS[code](tx, dossier_id)
    assert {one.code for one in check_editions(world.database)} == {*together}


def test_a_missing_key_of_an_existing_installation_is_never_made_anew(
    sqlite_database: Database, keys: Path, config: Path
) -> None:
    init(sqlite_database, origin=ORIGIN, keys=keys, config=config)
    shutil.rmtree(keys)
    init(sqlite_database, origin=None, keys=keys, config=config)
    with pytest.raises(SignerRefused):
        FileKeySigner(keys)
