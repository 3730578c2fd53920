"""The tests' own PostgreSQL does what its docstring says."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.services.postgres import PostgresServer, started_postgres

pytestmark = pytest.mark.filterwarnings("error")


def _query(url: str, statement: str) -> object:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_a_database_starts_empty_and_speaks_utf8_and_utc(postgres_url: str) -> None:
    assert _query(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert _query(postgres_url, "SHOW server_encoding") == "UTF8"
    assert _query(postgres_url, "SHOW timezone") == "UTC"


def test_a_copy_of_a_template_has_its_rows(postgres_server: PostgresServer) -> None:
    template = postgres_server.create_database()
    with psycopg.connect(template.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE word AS SELECT 'Đặng Thị Ửng' AS text")
    copy = postgres_server.create_database(make_url(template).database)
    assert _query(copy, "SELECT text FROM word") == "Đặng Thị Ửng"
    postgres_server.drop_database(copy)
    postgres_server.drop_database(template)


def test_only_databases_made_here_are_dropped(postgres_server: PostgresServer) -> None:
    with pytest.raises(ValueError, match="was not made"):
        postgres_server.drop_database("postgres")


def test_a_wrong_password_is_refused_over_tcp(postgres_server: PostgresServer, postgres_url: str) -> None:
    if postgres_server.data_folder is None:
        pytest.skip("a server given by VINHDANH_TEST_POSTGRES_URL has rules of its own")
    wrong = make_url(postgres_url).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError, match="password"):
        _query(wrong, "SELECT 1")


def test_a_durable_server_keeps_its_defaults_and_leaves_nothing_behind() -> None:
    with started_postgres(durable=True) as server:
        url = server.create_database()
        assert _query(url, "SHOW fsync") == "on"
        assert _query(url, "SHOW synchronous_commit") == "on"
        pid = int(str(_query(url, "SELECT pg_backend_pid()")))
        folder = server.data_folder
    assert folder is not None
    assert not folder.parent.exists()
    assert not Path(f"/proc/{pid}").exists()
    assert os.environ.get("PGHOST") is None  # nothing leaks into the environment of other tests
