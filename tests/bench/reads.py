"""How many statements a page sends: the same for 3 nominees and for 200, for 3 rows of the inbox and for 25."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event

from storage.database import Database
from tests.bench.transitions import CLIENTS
from tests.builders import World, a_draft, a_round
from workflow.draft import add_nominee
from workflow.inbox import waiting_for_me
from workflow.view.dossier import dossier_view

FEW, MANY = 3, 200


@contextmanager
def counted(database: Database) -> Iterator[Callable[[Callable[[], object]], int]]:
    """Give a function that counts the statements SQLite itself sees while something is done."""
    seen: list[str] = []

    def taken(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(seen.append)

    def count(what: Callable[[], object]) -> int:
        what()  # editions and calendars are read once and kept
        seen.clear()
        what()
        return len(seen)

    event.listen(database._reader, "checkout", taken)
    try:
        yield count
    finally:
        event.remove(database._reader, "checkout", taken)


def a_dossier_of(world: World, nominees: int) -> str:
    """Return the ref of a draft with so many nominees."""
    ref, _ = a_draft(world, round_code="READS", class_code="health_unit", name="Khoa Dược", answers={})
    actor = world.actor("suong")
    version = world.version(ref)
    for number in range(1, nominees):
        version = add_nominee(
            world.database, actor, ref, seen_version=version, class_code="health_unit", name=f"Tổ {number}"
        ).version
    return ref


def statements_of_dossier_pages(world: World) -> tuple[int, int]:
    """Return the number of statements of the page of a dossier with few nominees, and with many."""
    with world.database.writing() as tx:
        a_round(tx, world, code="READS", opens=(2020, 1, 1), closes=(2099, 12, 31))
    actor = world.actor("suong")
    refs = [a_dossier_of(world, nominees) for nominees in (FEW, MANY)]
    with counted(world.database) as count:
        few, many = [count(lambda ref=ref: dossier_view(world.database, actor, ref)) for ref in refs]  # type: ignore[misc]  # bound now
    return few, many


def statements_of_inbox_pages(world: World) -> tuple[int, int]:
    """Return the number of statements of an inbox page with 3 rows, and with as many as there are."""
    actor = world.actor("diem")
    with counted(world.database) as count:
        few = count(lambda: waiting_for_me(world.database, actor, limit=FEW))
        many = count(lambda: waiting_for_me(world.database, actor, limit=CLIENTS))
    return few, many
