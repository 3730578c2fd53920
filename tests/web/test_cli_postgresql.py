"""The command line on PostgreSQL, with the tables owned by another role than the application's."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select

from storage.database import Database
from storage.outbox import promise
from storage.outbox_tables import Outbox
from tests.services.postgres import PostgresServer
from web.cli import main
from web.startup import lock_data_dir


@pytest.fixture
def settings(
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """The environment of an installation with two roles, as docs/operations.md describes it."""
    mark = secrets.token_hex(4)
    owner, app = f"vd_owner_{mark}", f"vd_app_{mark}"
    for role in (owner, app):
        postgres_server.create_role(role, "secret")
    url = postgres_server.create_database(owner=owner)
    name = url.rpartition("/")[2]
    for variable in list(os.environ):
        if variable.startswith("VINHDANH_") and not variable.startswith("VINHDANH_TEST_"):
            monkeypatch.delenv(variable)
    given = {
        "VINHDANH_DATA_DIR": str(tmp_path / "data"),
        "VINHDANH_DEMO": "0",
        "VINHDANH_DATABASE_URL": postgres_server.url_of(name, user=app, password="secret"),
        "VINHDANH_DATABASE_OWNER_URL": postgres_server.url_of(name, user=owner, password="secret"),
    }
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)

    yield given
    postgres_server.drop_database(url)
    admin = postgres_server.url_of("postgres").replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        for role in (owner, app):
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_every_command_works_with_the_rights_of_the_application(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    units = Path(__file__).resolve().parents[2] / "config" / "org_units" / "giang-thanh.yaml"
    assert main(["init", "--origin", "example.vn/pg", "--org-units", str(units)]) == 0
    assert main(["init"]) == 0
    database = Database(settings["VINHDANH_DATABASE_URL"])
    try:
        with database.writing() as tx:
            for kind in ("watch_clocks", "tidy", "sweep_files"):
                promise(tx, kind, f"{kind}/now", {})
        assert main(["worker", "--once"]) == 0
        with database.reading() as tx:
            assert set(tx.session.scalars(select(Outbox.state))) == {"done"}
    finally:
        database.close()
    assert main(["audit", "verify"]) == 9
    assert main(["workflow", "check"]) == 0
    assert (
        main(
            [
                "user", "add", "khoi", "--name", "Lý Minh Khôi", "--function", "administrator",
                "--unit", "ubnd-huyen-giang-thanh", "--position", "Chuyên viên",
            ]
        )
        == 0
    )  # fmt: skip
    capsys.readouterr()
    assert main(["doctor"]) == 1  # the server of the tests keeps nothing safe
    said = capsys.readouterr().out
    assert "rights on the record are separated" in said
    assert "a commit may be lost: PostgreSQL: fsync is off" in said
    assert "secret@" not in said


def test_several_workers_may_run_beside_each_other(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Only SQLite's data folder is for one process; here a second one is not refused."""
    assert main(["init", "--origin", "example.vn/pg"]) == 0
    with lock_data_dir(Path(settings["VINHDANH_DATA_DIR"])):
        assert main(["worker", "--once"]) == 0


def test_a_machine_without_the_signing_key_works_and_does_not_sequence(
    settings: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["init", "--origin", "example.vn/pg"]) == 0
    monkeypatch.setenv("VINHDANH_DATA_DIR", str(tmp_path / "second"))
    (tmp_path / "second" / "files").mkdir(parents=True)
    monkeypatch.setenv("VINHDANH_FILES_URL", (tmp_path / "data" / "files").as_uri())
    assert main(["worker", "--once"]) == 0
    assert "does not sequence" in capsys.readouterr().err


def test_a_database_that_does_not_answer_is_a_sentence(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VINHDANH_DATABASE_OWNER_URL")
    monkeypatch.setenv("VINHDANH_DATABASE_URL", "postgresql+psycopg://vd:hidden@127.0.0.1:1/none")
    assert main(["serve"]) == 4
    complaint = capsys.readouterr().err
    assert "The database does not answer" in complaint
    assert "hidden" not in complaint
    assert "Traceback" not in complaint


def test_production_does_not_start_on_a_database_that_may_lose_what_it_confirmed(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--origin", "example.vn/pg"]) == 0
    monkeypatch.setenv("VINHDANH_MODE", "production")
    monkeypatch.setenv("VINHDANH_SECRET_KEY", secrets.token_hex(32))
    for command in (["serve"], ["up"], ["worker"]):
        assert main(command) == 3
        complaint = capsys.readouterr().err
        assert "fsync is off" in complaint
        assert "Traceback" not in complaint
