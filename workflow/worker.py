"""The worker: keeps the promises made in commits, at their times, and has the record sequenced and signed.

Any number may run on PostgreSQL; on SQLite they are threads of the one process. A job is claimed under a
lease, delivered, and finished; where its effect is rows, effect and finish are one transaction, so it
happens once however often a worker dies. A job that fails comes back later; after the last attempt it is
parked where people see it. Only here is every exception caught, and what was caught is kept with the job.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from sqlalchemy import delete, select

from dossiers.people import Session
from storage import idempotency
from storage.blob import Blob
from storage.database import Database, DatabaseUnavailable, Tx
from storage.files import Files
from storage.outbox import Job, LeaseLost, claim, fail, finish, heartbeat, put_schedule, run_due_schedules
from storage.outbox_tables import Outbox
from storage.sequencer import Sequencer
from storage.sweep import SweepReport, sweep
from workflow.accounts import forget_old_tries
from workflow.deadlines import watch_clocks
from workflow.notices import deliver_notice, deliver_reminder

LEASE = timedelta(seconds=60)
LOOK_EVERY_SECONDS = 1.0
"""How long an idle worker sleeps when nobody wakes it: the commits of other processes are noticed after
this.
"""
SEQUENCE_PAUSE_SECONDS = 0.4
"""The least time between two runs of the sequencer, so that a burst of commits shares one signature; an
entry still has its place within a second."""
LONGEST_PAUSE_SECONDS = 30.0
STOP_WITHIN_SECONDS = 20.0

KEPT_ANSWERS = timedelta(days=7)
KEPT_TRIES = timedelta(days=2)
KEPT_SESSIONS = timedelta(days=30)
KEPT_SCHEDULE_JOBS = timedelta(days=14)
SWEEP_GRACE = timedelta(hours=24)
"""Longer than any upload can take between its bytes and its row."""

ZONE = "Asia/Ho_Chi_Minh"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a delivery may use."""

    database: Database
    files: Files


InRows = Callable[[Tx, Job], None]
"""A delivery whose whole effect is rows: run in the transaction that finishes the job."""
AtLength = Callable[[Parts, Job], None]
"""A delivery with transactions of its own, or with bytes: repeating it must do no harm."""


class UnknownKind(LookupError):
    """Nobody delivers promises of this kind; a newer program may have made it."""

    code: ClassVar[str] = "job_kind_unknown"


class ClocksFailed(RuntimeError):
    """Some dossiers could not be looked after by the clock; the others were."""

    code: ClassVar[str] = "clocks_failed"


def _watch(parts: Parts, job: Job) -> None:
    watched = watch_clocks(parts.database)
    if watched.reminded or watched.expired:
        log.info("clocks: %d reminded, %d expired", watched.reminded, watched.expired)
    if watched.failed:
        raise ClocksFailed(f"{watched.failed} clocks could not be looked after; the log says why")


def _tidy(tx: Tx, job: Job) -> None:
    """Forget what has served its time: answers to repetitions, tries to log in, dead sessions, done
    schedules.
    """
    idempotency.forget_older_than(tx, tx.now - KEPT_ANSWERS)
    forget_old_tries(tx, tx.now - KEPT_TRIES)
    tx.connection.execute(delete(Session).where(Session.expires_at < tx.now - KEPT_SESSIONS))
    # The key of a schedule's promise holds its moment, which never comes again; no other promise is
    # forgotten.
    tx.connection.execute(
        delete(Outbox).where(
            Outbox.state == "done",
            Outbox.finished_at < tx.now - KEPT_SCHEDULE_JOBS,
            Outbox.key.startswith("schedule/", autoescape=True),
        )
    )


def _sweep(parts: Parts, job: Job) -> None:
    report = sweep_files(parts.database, parts.files)
    log.info(
        "storage sweep: %d seen, %d removed, %d failed", report.seen, len(report.removed), len(report.failed)
    )


def sweep_files(
    database: Database, files: Files, *, grace: timedelta = SWEEP_GRACE, pretend: bool = False
) -> SweepReport:
    """Remove stored objects older than ``grace`` that no row names; see `storage.sweep.sweep`."""

    def named(keys: Sequence[str]) -> set[str]:
        with database.reading() as tx:
            return set(tx.connection.execute(select(Blob.key).where(Blob.key.in_(keys))).scalars())

    with database.reading() as tx:
        now = tx.now
    return sweep(files, named, grace, now, pretend=pretend)


IN_ROWS: Mapping[str, InRows] = {"notify": deliver_notice, "remind": deliver_reminder, "tidy": _tidy}
AT_LENGTH: Mapping[str, AtLength] = {"watch_clocks": _watch, "sweep_files": _sweep}


@dataclass(frozen=True, slots=True)
class Recurring:
    """One schedule as it is put into its row; ``cron`` is read in ``ZONE``."""

    key: str
    kind: str
    cron: str


SCHEDULES = (
    Recurring("watch_clocks", "watch_clocks", "*/10 * * * *"),
    Recurring("tidy", "tidy", "20 2 * * *"),
    Recurring("sweep_files", "sweep_files", "40 2 * * *"),
)


def put_schedules(database: Database) -> None:
    """Write the schedules of this version of the program; the same again changes nothing."""
    with database.writing() as tx:
        for one in SCHEDULES:
            put_schedule(tx, one.key, one.kind, one.cron, ZONE, {})


class Worker:
    """The threads that keep promises. ``start`` returns at once; ``stop`` lets what is running end.

    ``sequencer`` None: another process builds the tree. ``more`` are further deliveries at length, by kind.
    """

    def __init__(
        self,
        database: Database,
        files: Files,
        sequencer: Sequencer | None,
        *,
        name: str = "worker",
        threads: int = 1,
        lease: timedelta = LEASE,
        more: Mapping[str, AtLength] | None = None,
    ) -> None:
        self.database = database
        self.parts = Parts(database, files)
        self.sequencer = sequencer
        self.name = name
        self.lease = lease
        self.at_length = {**AT_LENGTH, **(more or {})}
        self.problem: str | None = None
        """Why the record is not being sequenced now; None while it is."""
        self._stopping = threading.Event()
        self._woken = [threading.Event() for _ in range(threads)]
        self._sequence = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(woken,), name=f"{name}-{n}", daemon=True)
            for n, woken in enumerate(self._woken)
        ]
        if sequencer is not None:
            self._threads.append(
                threading.Thread(target=self._keep_sequencing, name=f"{name}-sequencer", daemon=True)
            )

    def start(self) -> None:
        """Write the schedules, then begin. Raises `DatabaseUnavailable`."""
        put_schedules(self.database)
        self.database.on_commit(self.wake)
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Have everybody look for work now; returns at once."""
        for woken in (*self._woken, self._sequence):
            woken.set()

    def stop(self, timeout: float = STOP_WITHIN_SECONDS) -> bool:
        """Take no more work, wait for what is running, sequence what was committed; whether all ended in
        time.

        A job that did not end comes back when its lease has run out.
        """
        self._stopping.set()
        self.wake()
        until = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(until - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def work_once(self) -> bool:
        """Put what is due by the clock into the queue and deliver one job; whether there was one.

        Raises `DatabaseUnavailable` when the database does not answer; a failing delivery raises nothing.
        """
        run_due_schedules(self.database)
        job = claim(self.database, self.name, self.lease)
        if job is None:
            return False
        try:
            self._deliver(job)
        except LeaseLost:
            log.warning("job %s was given to another worker", job.key)
        except Exception as error:
            log.exception("job %s failed, attempt %d", job.key, job.attempt)
            fail(self.database, job, error)
        return True

    def work_until_idle(self) -> int:
        """Deliver everything that is due now and sequence the record; return how many jobs there were."""
        count = 0
        while self.work_once():
            count += 1
        if self.sequencer is not None:
            while self.sequencer.run_once().more:
                pass
        return count

    def _deliver(self, job: Job) -> None:
        in_rows = IN_ROWS.get(job.kind)
        if in_rows is not None:
            with self.database.writing() as tx:
                in_rows(tx, job)
                finish(tx, job)
            return
        at_length = self.at_length.get(job.kind)
        if at_length is None:
            raise UnknownKind(job.kind)
        with _Heartbeat(self.database, job):
            at_length(self.parts, job)
        with self.database.writing() as tx:
            finish(tx, job)

    def _work(self, woken: threading.Event) -> None:
        pause = LOOK_EVERY_SECONDS
        while not self._stopping.is_set():
            woken.clear()
            try:
                while self.work_once():
                    if self._stopping.is_set():
                        return
                pause = LOOK_EVERY_SECONDS
            except DatabaseUnavailable as error:
                log.warning("the worker waits for the database: %s", error)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._stopping.wait(pause)
            except Exception:
                log.exception("the worker failed and goes on")
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._stopping.wait(pause)
            woken.wait(LOOK_EVERY_SECONDS)

    def _keep_sequencing(self) -> None:
        assert self.sequencer is not None
        pause = LOOK_EVERY_SECONDS
        while True:
            last = (
                self._stopping.is_set()
            )  # asked before the run: what was committed until then gets its place
            self._sequence.clear()
            try:
                while self.sequencer.run_once().more:
                    pass
                self.problem = None
                pause = LOOK_EVERY_SECONDS
            except Exception as error:
                # A refusing signer, a damaged tree or a lost database: commits go on, the page says NOT
                # SEQUENCED.
                said = f"{type(error).__name__}: {error}"
                if said != self.problem:
                    log.exception("the record is not being sequenced")
                self.problem = said
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._stopping.wait(pause)
            if last:
                return
            self._stopping.wait(SEQUENCE_PAUSE_SECONDS)
            self._sequence.wait(LOOK_EVERY_SECONDS)


class _Heartbeat:
    """Prolongs the lease of a job while it is being delivered."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._job = job
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{job.id}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._job.lease.total_seconds() / 3):
            try:
                heartbeat(self._database, self._job)
            except LeaseLost:
                return  # finishing it will say so and roll back
            except DatabaseUnavailable:
                continue
