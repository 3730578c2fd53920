"""``make bench``: print every ratio beside what the foundation is asked to reach. Bounded: 4 minutes at most.

``--quick`` ends within one minute and says less surely. The exit code is 0 whatever the figures are: speed is
shown, never tested, and a busy machine is no fault of the program.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from storage import migrate
from storage.database import Database, FairLock
from storage.local import LocalFiles
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner
from tests.bench.crew import crew
from tests.bench.measure import Measured, Run, Slice, alternate, ratio, threads
from tests.bench.reads import statements_of_dossier_pages, statements_of_inbox_pages
from tests.bench.steps import look_up, machine_steps
from tests.bench.transitions import (
    CLIENTS,
    NoTurn,
    bench_world,
    make_floor_on_postgres,
    make_floor_on_sqlite,
    postgres_floor,
    postgres_works,
    product,
    sqlite_floor,
)
from tests.services.postgres import started_postgres
from workflow.worker import Worker

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Length:
    """How long to measure: slices of one thing, and the longer ones with the sequencer, in seconds."""

    rounds: int
    seconds: float
    long_rounds: int
    long_seconds: float


FULL = Length(rounds=11, seconds=0.6, long_rounds=7, long_seconds=2.4)
QUICK = Length(rounds=3, seconds=0.3, long_rounds=2, long_seconds=2.0)


def show(name: str, value: str, target: str, reached: bool | None, also: str = "") -> None:
    """Print one row; ``reached`` None: shown without a target."""
    verdict = {True: "reached", False: "NOT reached", None: ""}[reached]
    print(f"{name:<58} {value:>8}  {target:<9} {verdict:<12} {also}".rstrip(), flush=True)


def beside_floor(name: str, measured: dict[str, Measured], floor: str, target: float) -> None:
    reached = ratio(measured, "product", floor)
    also = f"{measured['product'].rate:.0f} beside {measured[floor].rate:.0f} a second"
    show(name, f"{reached:.2f}", f">= {target:.2f}", reached >= target, also)


def record_cost(name: str, measured: dict[str, Measured], target: float | None) -> None:
    cost = 1 - ratio(measured, "with", "without")
    if target is None:
        show(name, f"{cost:.1%}", "shown", None)
    else:
        show(name, f"{cost:.1%}", f"<= {target:.0%}", cost <= target)


def with_record(
    run: Run, database: Database, folder: Path, sequencer: Sequencer
) -> tuple[tuple[str, Run], tuple[str, Run]]:
    """Return the run with the sequencer at work as the worker lets it, and the run without; what was left
    waiting is sequenced after each, outside the time that is measured.
    """

    def drain(done: Slice) -> Slice:
        while sequencer.run_once().more:
            pass
        return done

    def with_sequencer(seconds: float) -> Slice:
        worker = Worker(database, LocalFiles(folder), sequencer, threads=0)  # only the thread that sequences
        worker.start()
        try:
            done = run(seconds)
        finally:
            worker.stop()
        if worker.problem is not None:
            raise RuntimeError(worker.problem)
        return drain(done)

    return ("without", lambda seconds: drain(run(seconds))), ("with", with_sequencer)


def sequencer_of(database: Database, folder: Path) -> Sequencer:
    folder.mkdir()
    return Sequencer(database, FileKeySigner.make(folder, database.origin, database.epoch))


def on_postgres(folder: Path, length: Length) -> None:
    with started_postgres(durable=True) as server:
        with psycopg.connect(server.url_of("postgres").replace("+psycopg", "")) as asked:
            settings = asked.execute(
                "SELECT version(), current_setting('fsync'), current_setting('synchronous_commit')"
            ).fetchone()
        assert settings is not None
        print(f"# {settings[0].split(' (')[0]}, fsync {settings[1]}, synchronous_commit {settings[2]}")
        url, floor_url = server.create_database(), server.create_database()
        migrate.upgrade(url)
        make_floor_on_postgres(floor_url)
        database = Database(url)
        try:
            account = bench_world(database).accounts["diem"]
            one = alternate(
                [
                    ("floor", threads(postgres_floor(floor_url), 1)),
                    ("product", threads(product(database, account), 1)),
                ],
                rounds=length.rounds,
                seconds=length.seconds,
            )
            beside_floor("transition / raw floor, PostgreSQL, 1 client", one, "floor", 0.45)
            with crew(
                postgres_works, (url, floor_url, account), processes=PROCESSES, clients=CLIENTS // PROCESSES
            ) as named:
                many = alternate(
                    [("floor", named("floor")), ("product", named("product"))],
                    rounds=length.rounds,
                    seconds=length.seconds,
                )
                beside_floor("transition / raw floor, PostgreSQL, 8 clients", many, "floor", 0.45)
                sequencer = sequencer_of(database, folder / "keys-postgres")
                record = alternate(
                    with_record(named("product"), database, folder / "files", sequencer),
                    rounds=length.long_rounds,
                    seconds=length.long_seconds,
                )
                record_cost("sequencer and signed checkpoints, PostgreSQL, 8 writers", record, 0.05)
        finally:
            database.close()


def on_sqlite(folder: Path, length: Length) -> None:
    import sqlite3

    print(f"# SQLite {sqlite3.sqlite_version}, WAL, synchronous FULL, one process")
    url = f"sqlite:///{folder / 'vinhdanh.sqlite'}"
    migrate.upgrade(url)
    database = Database(url)
    try:
        world = bench_world(database)
        work = product(database, world.accounts["diem"])
        floors: Mapping[str, Callable[[int], None]] = {
            name: _sqlite_floor(folder / f"floor-{name}.sqlite", name) for name in ("queued", "unqueued")
        }
        one = alternate(
            [("floor", threads(floors["unqueued"], 1)), ("product", threads(work, 1))],
            rounds=length.rounds,
            seconds=length.seconds,
        )
        beside_floor("transition / raw floor, SQLite FULL, 1 client", one, "floor", 0.35)
        many = alternate(
            [
                ("queued", threads(floors["queued"], CLIENTS)),
                ("product", threads(work, CLIENTS)),
                ("unqueued", threads(floors["unqueued"], CLIENTS)),
            ],
            rounds=length.rounds,
            seconds=length.seconds,
        )
        name = "transition / raw floor, SQLite FULL, 8 clients"
        beside_floor(f"{name}, fair queue", many, "queued", 0.35)
        beside_floor(f"{name}, busy wait", many, "unqueued", 0.35)
        waits = {name: one.longest / one.median for name, one in many.items()}
        also = f"floor: {waits['queued']:.0f} with the queue, {waits['unqueued']:.0f} with busy wait"
        show(
            "longest wait / median, SQLite FULL, 8 clients",
            f"{waits['product']:.1f}",
            "<= 20",
            waits["product"] <= 20,
            also,
        )
        record = alternate(
            with_record(
                threads(work, CLIENTS), database, folder / "files", sequencer_of(database, folder / "keys")
            ),
            rounds=length.long_rounds,
            seconds=length.long_seconds,
        )
        record_cost("sequencer and signed checkpoints, SQLite, 8 writers", record, None)
        for page, (few, most) in (
            ("dossier page, 3 -> 200 nominees", statements_of_dossier_pages(world)),
            ("inbox page, 3 -> 8 rows", statements_of_inbox_pages(world)),
        ):
            show(f"statements, {page}", f"{few}->{most}", "constant", few == most)
    finally:
        database.close()


def _sqlite_floor(path: Path, name: str) -> Callable[[int], None]:
    make_floor_on_sqlite(path)
    return sqlite_floor(path, FairLock() if name == "queued" else NoTurn())


def in_memory(length: Length) -> None:
    measured = alternate(
        [
            ("judged by the library", threads(machine_steps(anew=True), 1)),
            ("judged before", threads(machine_steps(anew=False), 1)),
            ("look-up", threads(look_up, 1)),
        ],
        rounds=length.rounds * 4,  # short slices and many: a neighbour's burst then hits few of them
        seconds=min(length.seconds, 0.05),
    )
    for name in ("judged by the library", "judged before"):
        slower = 1 / ratio(measured, name, "look-up")
        show(f"one step {name} / dict look-up", f"{slower:.0f} x", "<= 60 x", slower <= 60)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one minute instead of four")
    parser.add_argument("--seconds", type=float, help="length of every slice")
    given = parser.parse_args()
    length = QUICK if given.quick else FULL
    if given.seconds is not None:
        length = Length(length.rounds, given.seconds, length.long_rounds, given.seconds)
    begun = time.monotonic()
    load = os.getloadavg()[0]
    print(
        f"# Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} before the start"
        + (" (busy: the ratios are unsteady)" if load > (os.cpu_count() or 1) / 2 else "")
    )
    print("# ratios of medians inside this run, order alternating; quote nothing else")
    with tempfile.TemporaryDirectory(prefix="vinhdanh-bench-") as folder:
        in_memory(length)
        on_postgres(Path(folder), length)
        on_sqlite(Path(folder), length)
    print(f"# {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
