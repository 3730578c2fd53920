"""A PostgreSQL of the tests' own: started in a temporary folder, gone afterwards.

Fixtures:

- ``postgres_server`` (session): a running `PostgresServer`; when ``VINHDANH_TEST_POSTGRES_URL`` is set,
  the server behind that URL is used instead and only databases made here are dropped.
- ``postgres_url`` (test): the URL of a fresh, empty database, dropped after the test.

Nothing of the machine's own clusters is touched: only ``initdb`` and ``postgres`` are run, as the user
``postgres`` when the tests run as root (initdb refuses root), else as the current user.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

OLDEST_MAJOR = 15
READY_WITHIN_SECONDS = 30.0  # 0.6 s on an idle machine; generous because the cores may be shared
STOPPED_WITHIN_SECONDS = 10.0
TRIES_FOR_A_PORT = 5


class PostgresMissing(RuntimeError):
    """No usable PostgreSQL programs on this machine; the message names the Debian package."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server, as its superuser sees it.

    `url` names the maintenance database; it is a ``postgresql+psycopg`` URL with the password inside.
    """

    url: URL
    data_folder: Path | None = None  # None: somebody else's server
    _made: list[str] = field(default_factory=list, repr=False)

    def url_of(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """The URL of one database, for the superuser or for another user; password in clear."""
        url = self.url.set(database=database)
        if user is not None:
            url = url.set(username=user, password=password or "")
        return url.render_as_string(hide_password=False)

    def create_database(self, template: str | None = None, *, owner: str | None = None) -> str:
        """Make a database (a copy of `template`, a database name, when given) and return its URL.

        Nobody may be connected to the template. The database is dropped with the server, or earlier by
        `drop_database`.
        """
        name = f"vd_{secrets.token_hex(6)}"
        # template0 keeps the encoding and the collation of initdb and is never connected to.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        if owner is not None:
            statement += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
        self._execute(statement)
        self._made.append(name)
        return self.url_of(name)

    def create_role(self, name: str, password: str) -> None:
        """Make a login role without any right of its own."""
        self._execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
        )

    def drop_database(self, url_or_name: str) -> None:
        """Drop a database made here, disconnecting whoever is still in it."""
        name = make_url(url_or_name).database if "://" in url_or_name else url_or_name
        if name not in self._made:
            raise ValueError(f"{name!r} was not made by create_database")
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.remove(name)

    def _drop_all(self) -> None:
        for name in list(self._made):
            self.drop_database(name)

    def _execute(self, statement: sql.Composable) -> None:
        # CREATE and DROP DATABASE may not run inside a transaction.
        with psycopg.connect(_libpq(self.url), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def started_postgres(
    *, durable: bool = False, settings: dict[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Start a server on a free loopback port and stop it at the end, leaving no file behind.

    `durable=False` turns fsync, synchronous commit and full-page writes off, which tests of anything but
    durability want; `durable=True` keeps the server's defaults. `settings` are further ``-c`` settings.
    Raises `PostgresMissing` when the programs are not there or too old.
    """
    programs = _programs()
    account = _account_for_the_server()
    folder = Path(tempfile.mkdtemp(prefix="vd-pg-"))  # short: a socket's path may have 107 bytes
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        password = secrets.token_hex(16)
        data = folder / "data"
        _initdb(programs, folder, data, password, account)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "max_connections": "200",
            "timezone": "UTC",
            "logging_collector": "off",
        }
        if not durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options |= settings or {}
        process, url = _start(programs, folder, data, options, password, account)
        server = PostgresServer(url, data)
        try:
            yield server
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of this test run."""
    given = os.environ.get("VINHDANH_TEST_POSTGRES_URL")
    if given:
        server = PostgresServer(make_url(given))
        try:
            yield server
        finally:
            server._drop_all()
        return
    with started_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database that lives as long as the test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _programs() -> Path:
    """The folder with initdb and postgres: the newest of Debian's, else whatever PATH has."""
    debian = sorted(
        (folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()),
        key=lambda folder: int(folder.parent.name),
    )
    if debian:
        programs = debian[-1]
    else:
        found = shutil.which("initdb")
        if found is None:
            raise PostgresMissing("initdb not found: install Debian's package postgresql")
        programs = Path(found).resolve().parent
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    major = int(version.stdout.split()[2].split(".")[0])
    if major < OLDEST_MAJOR:
        raise PostgresMissing(f"PostgreSQL {major} found, {OLDEST_MAJOR} or newer needed")
    return programs


def _account_for_the_server() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresMissing("no user postgres: install Debian's package postgresql") from None


def _as_account(account: pwd.struct_passwd | None) -> list[str]:
    # The server dies with the tests even when they are killed: SIGQUIT is its immediate shutdown.
    command = ["setpriv", "--pdeathsig=QUIT"]
    if account is not None:
        command += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return command


def _initdb(
    programs: Path, folder: Path, data: Path, password: str, account: pwd.struct_passwd | None
) -> None:
    password_file = folder / "password"
    password_file.write_text(password + "\n", encoding="ascii")
    if account is not None:
        os.chown(password_file, account.pw_uid, account.pw_gid)
    done = subprocess.run(
        [
            *_as_account(account), str(programs / "initdb"), "--pgdata", str(data), "--username=postgres",
            f"--pwfile={password_file}", "--auth-local=trust", "--auth-host=password",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        ],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _start(
    programs: Path, folder: Path, data: Path, options: dict[str, str], password: str,
    account: pwd.struct_passwd | None,
) -> tuple[subprocess.Popen[bytes], URL]:  # fmt: skip
    log_path = folder / "log"
    for _ in range(TRIES_FOR_A_PORT):
        port = _free_port()
        command = [*_as_account(account), str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with log_path.open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        url = URL.create("postgresql+psycopg", "postgres", password, "127.0.0.1", port, "postgres")
        try:
            _wait_until_ready(process, url, data)
        except ConnectionError:
            continue  # somebody took the port between asking and starting
        except BaseException:
            _stop(process)
            raise
        return process, url
    raise RuntimeError(f"PostgreSQL did not start:\n{log_path.read_text(errors='replace')}")


def _wait_until_ready(process: subprocess.Popen[bytes], url: URL, data: Path) -> None:
    """Return when our own server answers; ConnectionError when the process ended instead."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        if process.poll() is not None:
            raise ConnectionError("the server ended while starting")
        try:
            with psycopg.connect(_libpq(url), autocommit=True, connect_timeout=5) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL not ready after {READY_WITHIN_SECONDS} s: {error}") from error
            time.sleep(0.05)
            continue
        if row is None or Path(row[0]) != data:
            raise RuntimeError(f"another server answers on {url.host}:{url.port}: {row}")
        return


def _stop(process: subprocess.Popen[bytes]) -> None:
    for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, last resort
        with suppress(ProcessLookupError):
            process.send_signal(stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED_WITHIN_SECONDS)
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
