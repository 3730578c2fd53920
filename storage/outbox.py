"""Promises: what must happen after a commit, kept in the same transaction as the reason for it.

At least once, by any number of workers: a claim is a lease, a lost lease is fenced off when the job is
finished, a job that fails comes back later and later, and after `MOST_ATTEMPTS` it is parked where people
see it. An effect happens once because the job's own rows and its `finish` are one transaction, or, where it
leaves the building, because the receiver is handed the job's unique key.

Due times follow ``tx.now``. Leases follow the clock of the database (of the process on SQLite) and never a
test clock: they are about processes, not about deadlines.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from croniter import croniter
from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.base import UtcDateTime
from storage.database import POSTGRESQL, SQLITE, Database, Tx
from storage.outbox_tables import Outbox, Schedule
from storage.prepared import Change, Prepared, change_together

MOST_ATTEMPTS = 5
"""A job is tried so often; then it is dead until somebody revives it."""
BACKOFF = timedelta(seconds=2)
"""The first pause; each further one doubles, ± half at random: a poison job is parked within a minute."""
LONGEST_ERROR = 1000
WORKERS_DIED = "no worker lived through it"
"""The ``error`` of a job that ended its workers and so never failed itself begins with this."""

_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode  # `dumps` makes one anew each time
# Spelt out, or the partial indexes would not be used.
_OPEN = text("state IN ('ready', 'running')")
_DEAD = text("state = 'dead'")
_PROMISED: Mapping[str, Any] = {
    name: bindparam(name) for name in ("key", "kind", "payload", "run_at", "attempt", "state", "created_at")
}
_INSERT_PROMISE = {
    SQLITE: Prepared(
        sqlite.insert(Outbox).values(_PROMISED).on_conflict_do_nothing(index_elements=["key"]).inline()
    ),
    POSTGRESQL: Prepared(
        postgresql.insert(Outbox).values(_PROMISED).on_conflict_do_nothing(index_elements=["key"]).inline()
    ),
}
_INSERT_SCHEDULE = {
    SQLITE: sqlite.insert(Schedule).on_conflict_do_nothing(index_elements=["key"]).inline(),
    POSTGRESQL: postgresql.insert(Schedule).on_conflict_do_nothing(index_elements=["key"]).inline(),
}


class LeaseLost(Exception):
    """The job was given to somebody else meanwhile; what was done for it must be rolled back."""

    code: ClassVar[str] = "lease_lost"


class NotDead(LookupError):
    """There is no dead job with this key."""

    code: ClassVar[str] = "job_not_dead"


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed promise. ``owner`` names this claim and no other; ``attempt`` counts from 1."""

    id: int
    key: str
    kind: str
    payload: Mapping[str, Any]
    attempt: int
    owner: str
    lease: timedelta


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up. ``error`` is for the log only: an exception's words may hold what people wrote."""

    key: str
    kind: str
    attempt: int
    error: str
    died_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many jobs are in each open state, and since when the eldest due one has waited."""

    ready: int
    running: int
    dead: int
    oldest_due: datetime | None


def promise(tx: Tx, kind: str, key: str, payload: Mapping[str, Any], run_at: datetime | None = None) -> None:
    """Have a worker do ``kind`` with ``payload`` (JSON values) from ``run_at`` on; at once when None.

    A second promise under the same ``key`` is the same promise and is ignored, whatever became of the first.
    """
    change_together(tx, [promising(tx, kind, key, payload, run_at)])


def promising(
    tx: Tx, kind: str, key: str, payload: Mapping[str, Any], run_at: datetime | None = None
) -> Change:
    """Return what writes the promise that ``promise`` would make, for those who write more in one go."""
    return Change(
        _INSERT_PROMISE[tx.dialect],
        {
            "key": key,
            "kind": kind,
            "payload": _as_json(payload),
            "run_at": run_at or tx.now,
            "attempt": 0,
            "state": "ready",
            "created_at": tx.now,
        },
    )


def claim(database: Database, worker: str, lease: timedelta) -> Job | None:
    """Take the eldest due job for ``lease``; None when nothing is due.

    A job whose worker died comes back when its lease has run out; one that took `MOST_ATTEMPTS` workers with
    it is parked instead.
    """
    with database.reading() as tx:
        # A look that takes no lock: an idle worker neither queues with the writers nor wakes itself.
        if tx.connection.execute(select(Outbox.id).where(_due(tx)).limit(1)).first() is None:
            return None
    with database.writing() as tx:
        while True:
            found = tx.connection.execute(
                select(Outbox.id, Outbox.key, Outbox.kind, Outbox.payload, Outbox.attempt)
                .where(_due(tx))
                .order_by(Outbox.run_at, Outbox.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if found is None:
                return None
            if found.attempt >= MOST_ATTEMPTS:
                _park(tx, found.id, f"{WORKERS_DIED}, {found.attempt} times")
                continue
            owner = f"{worker[:60]}#{uuid4()}"
            tx.connection.execute(
                update(Outbox)
                .where(Outbox.id == found.id)
                .values(
                    state="running",
                    owner=owner,
                    attempt=found.attempt + 1,
                    lease_until=_in(tx, lease),
                )
            )
            return Job(
                id=found.id,
                key=found.key,
                kind=found.kind,
                payload=json.loads(found.payload),
                attempt=found.attempt + 1,
                owner=owner,
                lease=lease,
            )


def heartbeat(database: Database, job: Job) -> None:
    """Prolong the lease by its length from now. Raises `LeaseLost` when the job is no longer ours."""
    with database.writing() as tx:
        done = tx.connection.execute(_mine(job).values(lease_until=_in(tx, job.lease)))
        if done.rowcount != 1:
            raise LeaseLost(job.key)


def finish(tx: Tx, job: Job) -> None:
    """Mark the job as done, in the transaction of what it did.

    Raises `LeaseLost` when the job was given to another worker; let it leave the ``writing()`` block, so that
    nothing is done twice.
    """
    done = tx.connection.execute(
        _mine(job).values(state="done", owner=None, lease_until=None, error=None, finished_at=tx.now)
    )
    if done.rowcount != 1:
        raise LeaseLost(job.key)


def fail(database: Database, job: Job, error: BaseException | str) -> None:
    """Say that this attempt failed: the job comes back after a pause, or is parked after the last attempt.

    A job that is no longer ours is left to whoever has it.
    """
    said = _told(error)
    with database.writing() as tx:
        if job.attempt >= MOST_ATTEMPTS:
            mine = tx.connection.execute(
                select(Outbox.id).where(Outbox.id == job.id, Outbox.owner == job.owner).with_for_update()
            )
            if mine.first() is not None:
                _park(tx, job.id, said)
            return
        pause = BACKOFF * 2 ** (job.attempt - 1) * random.uniform(0.5, 1.5)
        tx.connection.execute(
            _mine(job).values(state="ready", owner=None, lease_until=None, error=said, run_at=tx.now + pause)
        )


def dead_letters(tx: Tx, *, after: str | None = None, limit: int = 100) -> list[DeadLetter]:
    """Return the jobs that were given up, the latest promised first; ``after`` is the key of the last one seen.

    Raises ``LookupError`` when no job has that key; one that was revived meanwhile still has its place.
    """
    statement = (
        select(Outbox.key, Outbox.kind, Outbox.attempt, Outbox.error, Outbox.finished_at)
        .where(_DEAD)
        .order_by(Outbox.id.desc())
        .limit(limit)
    )
    if after is not None:
        last = tx.connection.execute(select(Outbox.id).where(Outbox.key == after)).scalar_one_or_none()
        if last is None:
            raise LookupError(after)
        statement = statement.where(Outbox.id < last)
    rows = tx.connection.execute(statement)
    return [DeadLetter(r.key, r.kind, r.attempt, r.error or "", r.finished_at) for r in rows]


def count_dead(tx: Tx, *, at_most: int) -> int:
    """Return how many jobs were given up, ``at_most`` for so many and more."""
    some = select(Outbox.id).where(_DEAD).limit(at_most).subquery()
    return tx.connection.execute(select(func.count()).select_from(some)).scalar_one()


def is_dead(tx: Tx, key: str) -> bool:
    """Tell whether the job of this key lies dead now."""
    return tx.connection.execute(select(Outbox.id).where(Outbox.key == key, _DEAD)).first() is not None


def revive(tx: Tx, key: str) -> str:
    """Let a dead job be tried again from the first attempt, at once; return its kind. Raises `NotDead`."""
    kind = tx.connection.execute(
        update(Outbox)
        .where(Outbox.key == key, _DEAD)
        .values(state="ready", attempt=0, run_at=tx.now, finished_at=None)
        .returning(Outbox.kind)
    ).scalar_one_or_none()
    if kind is None:
        raise NotDead(key)
    return str(kind)


def backlog(tx: Tx) -> Backlog:
    """Return what waits, runs and lies dead now."""
    rows = tx.connection.execute(
        select(
            Outbox.state,
            func.count(),
            func.min(case((Outbox.run_at <= tx.now, Outbox.run_at))),
        )
        .where(Outbox.state != "done")
        .group_by(Outbox.state)
    ).all()
    counted = {state: count for state, count, _ in rows}
    waiting = [oldest for state, _, oldest in rows if state == "ready" and oldest is not None]
    return Backlog(
        ready=counted.get("ready", 0),
        running=counted.get("running", 0),
        dead=counted.get("dead", 0),
        oldest_due=waiting[0] if waiting else None,
    )


def put_schedule(tx: Tx, key: str, kind: str, cron: str, zone: str, payload: Mapping[str, Any]) -> None:
    """Have ``kind`` promised at every moment of the cron line, read in ``zone`` (an IANA name).

    Known by its ``key``; the same again changes nothing, another cron line or zone starts counting from now.
    Raises ``ValueError`` for a cron line that cannot be read, ``ZoneInfoNotFoundError`` for the zone.
    """
    if not croniter.is_valid(cron):
        raise ValueError(f"not a cron line: {cron!r}")
    next_at = _next_time(cron, zone, tx.now)
    body = _as_json(payload)
    known = tx.connection.execute(
        select(Schedule.id, Schedule.cron, Schedule.zone).where(Schedule.key == key).with_for_update()
    ).first()
    if known is None:
        # Two processes may start at once: the second finds the first's row.
        tx.connection.execute(
            _INSERT_SCHEDULE[tx.dialect],
            {
                "key": key,
                "kind": kind,
                "cron": cron,
                "zone": zone,
                "payload": body,
                "next_at": next_at,
                "enabled": True,
            },
        )
        return
    changed: dict[str, Any] = {"kind": kind, "payload": body}
    if (known.cron, known.zone) != (cron, zone):
        changed |= {"cron": cron, "zone": zone, "next_at": next_at}
    tx.connection.execute(update(Schedule).where(Schedule.id == known.id).values(changed))


def run_due_schedules(database: Database) -> int:
    """Promise what every due schedule asks for; return how many did.

    Times that passed while nobody was running are made good by one promise, not by one each. The promise's
    key holds the moment it is for, so two workers, or a restart in the same minute, promise it once.
    """
    with database.reading() as tx:
        due = select(Schedule.id).where(Schedule.enabled, Schedule.next_at <= tx.now)
        if tx.connection.execute(due.limit(1)).first() is None:
            return 0
    with database.writing() as tx:
        rows = tx.connection.execute(
            select(Schedule)
            .with_only_columns(
                Schedule.id, Schedule.key, Schedule.kind, Schedule.cron, Schedule.zone, Schedule.payload,
                Schedule.next_at,
            )
            .where(Schedule.enabled, Schedule.next_at <= tx.now)
            .order_by(Schedule.id)
            .with_for_update(skip_locked=True)
        ).all()  # fmt: skip
        for row in rows:
            moment: datetime = row.next_at
            promise(
                tx,
                row.kind,
                f"schedule/{row.key}/{moment:%Y-%m-%dT%H:%M:%SZ}",
                json.loads(row.payload),
                run_at=moment,
            )
            tx.connection.execute(
                update(Schedule)
                .where(Schedule.id == row.id)
                .values(next_at=_next_time(row.cron, row.zone, tx.now))
            )
        return len(rows)


def _next_time(cron: str, zone: str, after: datetime) -> datetime:
    moment: datetime = croniter(cron, after.astimezone(ZoneInfo(zone))).get_next(datetime)
    return moment.astimezone(UTC)


def _due(tx: Tx) -> ColumnElement[bool]:
    """What may be taken now: ready and due, or running under a lease that has run out.

    What was promised for at once is due whatever its time: it may have been made under a clock that ran ahead.
    """
    free = or_(Outbox.state == "ready", Outbox.lease_until < _clock(tx))
    due = or_(Outbox.run_at <= tx.now, Outbox.run_at == Outbox.created_at)
    return and_(_OPEN, due, free)


def _mine(job: Job) -> Any:
    return update(Outbox).where(Outbox.id == job.id, Outbox.owner == job.owner, Outbox.state == "running")


def _park(tx: Tx, job_id: int, error: str) -> None:
    tx.connection.execute(
        update(Outbox)
        .where(Outbox.id == job_id)
        .values(state="dead", owner=None, lease_until=None, error=error, finished_at=tx.now)
    )


def _clock(tx: Tx) -> ColumnElement[Any]:
    """The clock that leases are measured by."""
    if tx.dialect == POSTGRESQL:
        return func.clock_timestamp()
    return literal(datetime.now(UTC), UtcDateTime())


def _in(tx: Tx, lease: timedelta) -> ColumnElement[Any]:
    if tx.dialect == POSTGRESQL:
        return func.clock_timestamp() + literal(lease)
    return literal(datetime.now(UTC) + lease, UtcDateTime())


def _told(error: BaseException | str) -> str:
    """What is kept of an error: enough to understand it, nothing that a text column cannot hold."""
    said = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return said.replace("\x00", "").encode("utf-8", "replace").decode()[:LONGEST_ERROR]
