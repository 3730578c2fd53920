"""The full transition beside the raw floor, on SQLite and PostgreSQL, at one and at eight clients.

Floor: the three writes of a transition (UPDATE with version, INSERT audit, INSERT outbox) and the commit, with
the state known to the caller, in bare driver calls; its rows carry as many bytes as the product's. Thing:
``workflow.decide.act`` as a door calls it: lock, permission, seen version, the edition's judgement, record entry
with its chain, promise, commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import select

from dossiers.configuration import ConfigDocument, WorkflowState
from dossiers.dossier import Dossier
from dossiers.vocabulary import VOCABULARY
from states.definition import SUBJECTS
from states.loader import load_edition
from storage.database import Database
from tests.bench.measure import Work
from tests.builders import World, a_round, a_world
from workflow.actor import load_actor
from workflow.decide import act

CLIENTS = 8
FLOOR_TABLES = (
    "CREATE TABLE floor_dossier (id BIGINT PRIMARY KEY, state TEXT NOT NULL, version BIGINT NOT NULL)",
    "CREATE TABLE floor_audit (id {serial}, dossier_id BIGINT NOT NULL, position BIGINT NOT NULL,"
    " body TEXT NOT NULL, hash TEXT NOT NULL, prev TEXT NOT NULL, UNIQUE (dossier_id, position))",
    "CREATE TABLE floor_outbox (id {serial}, key TEXT NOT NULL UNIQUE, payload TEXT NOT NULL,"
    " state TEXT NOT NULL)",
)
# As long as an entry of the record, its hashes, and a promise are in the bench edition.
BODY, HASH = "x" * 900, "0" * 64
PROMISE = "notify/" + "x" * 36
PAYLOAD = "x" * 150


class Turn(Protocol):
    """A queue in front of the one writer of SQLite."""

    def acquire(self, timeout: float) -> bool: ...

    def release(self) -> None: ...


class NoTurn:
    """No queue: SQLite's own busy waiting decides who writes."""

    def acquire(self, timeout: float) -> bool:
        return True

    def release(self) -> None:
        pass


def bench_world(database: Database) -> World:
    """Return a world with one dossier in state ping for each client, all in the hands of ``diem``."""
    world = a_world(database)
    body = (Path(__file__).parent / "edition.yaml").read_bytes()
    edition = load_edition(body, VOCABULARY)
    with database.writing() as tx:
        document = ConfigDocument(
            kind="workflow", code="bench", edition="1", sha256=edition.sha256, body=body, published_at=tx.now
        )
        tx.session.add(document)
        tx.session.flush()
        for subject in SUBJECTS:
            for state in edition.machine(subject).states.values():
                tx.session.add(
                    WorkflowState(
                        edition_id=document.id,
                        subject=subject,
                        key=state.key,
                        final=state.final,
                        acting_function=state.acting_function,
                    )
                )
        tx.session.flush()
        made = a_round(tx, world, code="BENCH", workflow="bench")
        for number in range(CLIENTS):
            dossier = Dossier(
                code=f"BENCH-{number}",
                round_id=made.id,
                proposing_unit_id=world.units["ttyt-giang-thanh"],
                edition_id=document.id,
                state="ping",
                state_since=tx.now,
                waiting_function="appraiser",
                waiting_body_id=world.units["ubnd-huyen-giang-thanh"],
                submissions=1,
                created_at=tx.now,
            )
            tx.session.add(dossier)
    return world


def product(database: Database, account_id: int) -> Work:
    """Return the product's transition; each client moves its own dossier there and back."""
    with database.reading() as tx:
        actor = load_actor(tx, account_id)
        found = tx.connection.execute(
            select(Dossier.code, Dossier.ref, Dossier.state, Dossier.version).where(
                Dossier.code.startswith("BENCH-")
            )
        )
        refs, states, versions = {}, {}, {}
        for row in found:
            number = int(row.code.rpartition("-")[2])
            refs[number], states[number], versions[number] = row.ref, row.state, row.version

    def work(number: int) -> None:
        done = act(
            database,
            actor,
            refs[number],
            "go" if states[number] == "ping" else "back",
            seen_version=versions[number],
        )
        versions[number], states[number] = done.version, done.state

    return work


def make_floor_on_sqlite(path: Path) -> None:
    setup = sqlite3.connect(path, isolation_level=None)
    for statement in FLOOR_TABLES:
        setup.execute(statement.format(serial="INTEGER PRIMARY KEY"))
    setup.executemany("INSERT INTO floor_dossier VALUES (?, 'ping', 1)", [(n,) for n in range(CLIENTS)])
    setup.close()


def sqlite_floor(path: Path, turn: Turn) -> Work:
    """Return the floor on SQLite: WAL, synchronous FULL, writers in the queue that is given."""
    connections = []
    for _ in range(CLIENTS):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connections.append(connection)
    versions = dict(connections[0].execute("SELECT id, version FROM floor_dossier"))

    def work(number: int) -> None:
        connection = connections[number]
        if not turn.acquire(30):
            raise TimeoutError("no turn within 30 s")
        try:
            connection.execute("BEGIN IMMEDIATE")
            version = versions[number]
            connection.execute(
                "UPDATE floor_dossier SET state = ?, version = ? WHERE id = ? AND version = ?",
                ("pong" if version % 2 else "ping", version + 1, number, version),
            )
            connection.execute(
                "INSERT INTO floor_audit (dossier_id, position, body, hash, prev) VALUES (?, ?, ?, ?, ?)",
                (number, version, BODY, HASH, HASH),
            )
            connection.execute(
                "INSERT INTO floor_outbox (key, payload, state) VALUES (?, ?, 'ready')",
                (f"{PROMISE}/{number}/{version}", PAYLOAD),
            )
            connection.execute("COMMIT")
        finally:
            turn.release()
        versions[number] = version + 1

    return work


def make_floor_on_postgres(url: str) -> None:
    with psycopg.connect(_libpq(url), autocommit=True) as setup:
        for statement in FLOOR_TABLES:
            setup.execute(statement.format(serial="BIGSERIAL PRIMARY KEY").encode())
        for number in range(CLIENTS):
            setup.execute("INSERT INTO floor_dossier VALUES (%s, 'ping', 1)", (number,))


def postgres_floor(url: str) -> Work:
    """Return the floor on PostgreSQL: five round trips through psycopg, nothing else."""
    connections: dict[int, psycopg.Connection] = {}
    with psycopg.connect(_libpq(url)) as asked:
        versions = dict(asked.execute("SELECT id, version FROM floor_dossier").fetchall())

    def work(number: int) -> None:
        connection = connections.get(number)
        if connection is None:
            connection = connections[number] = psycopg.connect(_libpq(url), autocommit=True)
        version = versions[number]
        connection.execute("BEGIN")
        connection.execute(
            "UPDATE floor_dossier SET state = %s, version = %s WHERE id = %s AND version = %s",
            ("pong" if version % 2 else "ping", version + 1, number, version),
        )
        connection.execute(
            "INSERT INTO floor_audit (dossier_id, position, body, hash, prev) VALUES (%s, %s, %s, %s, %s)",
            (number, version, BODY, HASH, HASH),
        )
        connection.execute(
            "INSERT INTO floor_outbox (key, payload, state) VALUES (%s, %s, 'ready')",
            (f"{PROMISE}/{number}/{version}", PAYLOAD),
        )
        connection.execute("COMMIT")
        versions[number] = version + 1

    return work


def postgres_works(first: int, url: str, floor_url: str, account_id: int) -> Mapping[str, Work]:
    """Return what one process of several does on PostgreSQL."""
    return {"product": product(Database(url), account_id), "floor": postgres_floor(floor_url)}


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
