"""The full transition beside the raw floor, on SQLite and PostgreSQL, at one and at eight clients.

Floor: the three writes of a transition (UPDATE with version, INSERT audit, INSERT outbox) and the commit, with
the state known to the caller, in bare driver calls. Thing: ``workflow.decide.act`` as a door calls it.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import psycopg

from dossiers.configuration import ConfigDocument, WorkflowState
from dossiers.dossier import Dossier
from dossiers.vocabulary import VOCABULARY
from states.loader import load_edition
from storage.database import Database
from tests.bench.measure import Work
from tests.builders import World, a_round, a_world
from workflow.actor import Actor
from workflow.decide import act

CLIENTS = 8
FLOOR_TABLES = (
    "CREATE TABLE floor_dossier (id BIGINT PRIMARY KEY, state TEXT NOT NULL, version BIGINT NOT NULL)",
    "CREATE TABLE floor_audit (id {serial}, dossier_id BIGINT NOT NULL, position BIGINT NOT NULL, body "
    "TEXT NOT NULL,"
    " hash TEXT NOT NULL, UNIQUE (dossier_id, position))",
    "CREATE TABLE floor_outbox (id {serial}, key TEXT NOT NULL UNIQUE, payload TEXT NOT NULL, state TEXT "
    "NOT NULL)",
)
BODY = "x" * 700  # an entry of the record has about as many bytes


def bench_world(database: Database) -> tuple[World, list[str], list[Actor]]:
    """Return a world with one dossier in state ping for each client."""
    world = a_world(database)
    body = (Path(__file__).parent / "edition.yaml").read_bytes()
    edition = load_edition(body, VOCABULARY)
    with database.writing() as tx:
        document = ConfigDocument(
            kind="workflow", code="bench", edition="1", sha256=edition.sha256, body=body, published_at=tx.now
        )
        tx.session.add(document)
        tx.session.flush()
        for subject in ("dossier", "nominee"):
            for state in edition.machine(subject).states.values():  # type: ignore[arg-type]  # both are subjects
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
        refs = []
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
            tx.session.flush()
            refs.append(dossier.ref)
    actors = [world.actor("diem") for _ in range(CLIENTS)]
    return world, refs, actors


def product(world: World, refs: list[str], actors: list[Actor]) -> Work:
    """Return the product's transition; each client moves its own dossier there and back."""
    versions = [1] * CLIENTS
    states = ["ping"] * CLIENTS

    def work(number: int) -> None:
        done = act(
            world.database,
            actors[number],
            refs[number],
            "go" if states[number] == "ping" else "back",
            seen_version=versions[number],
        )
        versions[number], states[number] = done.version, done.state

    return work


def sqlite_floor(path: Path, turn: Any) -> Work:
    """Return the floor on SQLite: WAL, synchronous FULL, writers in the same fair queue as the product's."""
    local = threading.local()
    setup = sqlite3.connect(path, isolation_level=None)
    for statement in FLOOR_TABLES:
        setup.execute(statement.format(serial="INTEGER PRIMARY KEY"))
    setup.executemany("INSERT INTO floor_dossier VALUES (?, 'ping', 1)", [(n,) for n in range(CLIENTS)])
    setup.close()
    versions = [1] * CLIENTS

    def work(number: int) -> None:
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = local.connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        version = versions[number]
        assert turn.acquire(30)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "UPDATE floor_dossier SET state = ?, version = ? WHERE id = ? AND version = ?",
                ("pong" if version % 2 else "ping", version + 1, number, version),
            )
            connection.execute(
                "INSERT INTO floor_audit (dossier_id, position, body, hash) VALUES (?, ?, ?, ?)",
                (number, version, BODY, "0" * 64),
            )
            connection.execute(
                "INSERT INTO floor_outbox (key, payload, state) VALUES (?, ?, 'ready')",
                (f"{number}/{version}", "{}"),
            )
            connection.execute("COMMIT")
        finally:
            turn.release()
        versions[number] = version + 1

    return work


def postgres_floor(url: str) -> Work:
    """Return the floor on PostgreSQL: five round trips through psycopg, nothing else."""
    local = threading.local()
    dsn = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(dsn, autocommit=True) as setup:
        for statement in FLOOR_TABLES:
            setup.execute(statement.format(serial="BIGSERIAL PRIMARY KEY"))
        for number in range(CLIENTS):
            setup.execute("INSERT INTO floor_dossier VALUES (%s, 'ping', 1)", (number,))
    versions = [1] * CLIENTS

    def work(number: int) -> None:
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = local.connection = psycopg.connect(dsn, autocommit=True)
        version = versions[number]
        connection.execute("BEGIN")
        connection.execute(
            "UPDATE floor_dossier SET state = %s, version = %s WHERE id = %s AND version = %s",
            ("pong" if version % 2 else "ping", version + 1, number, version),
        )
        connection.execute(
            "INSERT INTO floor_audit (dossier_id, position, body, hash) VALUES (%s, %s, %s, %s)",
            (number, version, BODY, "0" * 64),
        )
        connection.execute(
            "INSERT INTO floor_outbox (key, payload, state) VALUES (%s, %s, 'ready')",
            (f"{number}/{version}", "{}"),
        )
        connection.execute("COMMIT")
        versions[number] = version + 1

    return work
