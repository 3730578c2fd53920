"""The worker: every promise has a delivery, an effect happens once, a poison job is parked and seen."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, update

from dossiers.dossier import Dossier, Notice, Participation
from dossiers.people import Account, Membership
from dossiers.vocabulary import EFFECTS as EFFECTS_OF_EDITIONS
from storage import outbox
from storage.blob import Blob
from storage.database import Database, TestClock
from storage.files import Files
from storage.outbox import Job, backlog, claim, dead_letters, promise
from storage.outbox_tables import Outbox, Schedule
from storage.record_tables import RecordCheckpoint, RecordLeaf, RecordQueue
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner, SignerRefused
from tests.builders import World, install
from tests.workflow.journeys import a_case, a_dossier
from workflow import worker as worker_module
from workflow.demo import DELIVERIES
from workflow.effects import EFFECTS
from workflow.notices import deliver_notice
from workflow.worker import AT_LENGTH, IN_ROWS, SCHEDULES, Parts, Worker, put_schedules, sweep_files

ROOT = Path(__file__).resolve().parents[2]
WAIT = 20.0


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it does not within a generous time."""
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)


# --- everything is delivered ----------------------------------------------------------------------


def promised_kinds() -> set[str]:
    """The kinds of every ``Promise(…)``, ``promise(tx, …)`` and schedule in the code."""
    kinds = {one.kind for one in SCHEDULES}
    for folder in ("dossiers", "workflow", "web"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            constants = {
                target.id: str(node.value.value)
                for node in tree.body
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(tree):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                place = {"Promise": 0, "promise": 1, "promising": 1}.get(node.func.id)
                if place is None or len(node.args) <= place:
                    continue
                kind = node.args[place]
                if isinstance(kind, ast.Constant):
                    kinds.add(str(kind.value))
                elif ast.unparse(kind) in constants:
                    kinds.add(constants[ast.unparse(kind)])
                else:
                    # promises_of() and run_due_schedules() hand on what was named elsewhere.
                    assert ast.unparse(kind) in ("one.kind", "row.kind"), f"{path}: {ast.unparse(node)}"
    return kinds


def test_every_promise_made_anywhere_has_a_delivery() -> None:
    kinds = promised_kinds()
    assert {"notify", "remind", "watch_clocks"} <= kinds
    assert kinds <= set(IN_ROWS) | set(AT_LENGTH) | set(DELIVERIES)


def test_every_delivery_is_promised_somewhere_and_is_of_one_sort() -> None:
    assert not set(IN_ROWS) & set(AT_LENGTH)
    assert set(IN_ROWS) | set(AT_LENGTH) | set(DELIVERIES) <= promised_kinds()


def test_every_effect_an_edition_may_name_is_carried_out() -> None:
    assert set(EFFECTS) == EFFECTS_OF_EDITIONS


def test_every_audience_of_a_notice_is_known() -> None:
    source = (ROOT / "workflow" / "effects.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"audience": "([a-z_]+)"', source))
    assert named == {"unit", "next"}


# --- notices --------------------------------------------------------------------------------------


def told(world: World, kind: str) -> list[str]:
    with world.database.reading() as tx:
        return list(
            tx.connection.execute(
                select(Account.login)
                .join(Notice, Notice.person_id == Account.person_id)
                .where(Notice.kind == kind)
                .order_by(Account.login)
            ).scalars()
        )


def test_a_submission_is_told_to_those_whose_turn_it_is(world: World, files: Files) -> None:
    a_dossier(world, files, "submitted")
    Worker(world.database, files, None).work_until_idle()
    assert told(world, "submit") == ["diem"]


def test_a_return_is_told_to_the_unit(world: World, files: Files) -> None:
    a_dossier(world, files, "returned")
    Worker(world.database, files, None).work_until_idle()
    assert told(world, "return_dossier") == ["suong", "thinh"]


def test_who_left_or_was_disabled_before_delivery_is_not_told(world: World, files: Files) -> None:
    a_dossier(world, files, "returned")
    with world.database.writing() as tx:
        tx.connection.execute(update(Account).where(Account.login == "suong").values(state="disabled"))
        left = select(Account.person_id).where(Account.login == "thinh").scalar_subquery()
        tx.connection.execute(
            update(Membership).where(Membership.person_id == left).values(to_on=tx.now.date())
        )
    Worker(world.database, files, None).work_until_idle()
    assert told(world, "return_dossier") == []
    with world.database.reading() as tx:
        assert backlog(tx).dead == 0


def test_who_has_another_duty_in_the_dossier_is_not_told_that_it_is_their_turn(
    world: World, files: Files
) -> None:
    case = a_case(world, files)
    with world.database.writing() as tx:  # the appraiser's clerk also composed this dossier
        person = tx.session.scalars(select(Account.person_id).where(Account.login == "diem")).one()
        dossier = tx.session.scalars(select(Dossier.id).where(Dossier.ref == case.dossier)).one()
        tx.session.add(Participation(dossier_id=dossier, person_id=person, duty="propose", first_at=tx.now))
    case.act("suong", "submit")
    Worker(world.database, files, None).work_until_idle()
    assert told(world, "submit") == []


def test_delivering_the_same_promise_twice_tells_everybody_once(world: World, files: Files) -> None:
    a_dossier(world, files, "submitted")
    job = claim(world.database, "first", timedelta(seconds=60))
    assert job is not None
    for _ in range(2):
        with world.database.writing() as tx:
            deliver_notice(tx, job)
    assert told(world, "submit") == ["diem"]


# --- a worker dies --------------------------------------------------------------------------------


def test_a_worker_that_dies_in_the_middle_leaves_one_effect(
    world: World, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T61: the effect and the end of the job are one transaction, so a death between them undoes both."""
    a_dossier(world, files, "submitted")
    dying = Worker(world.database, files, None, lease=timedelta(milliseconds=50))

    class Death(BaseException):
        """Nothing catches it, as nothing catches SIGKILL."""

    def die(tx: object, job: object) -> None:
        raise Death

    with monkeypatch.context() as patched:
        patched.setattr(worker_module, "finish", die)
        with pytest.raises(Death):
            dying.work_once()
    assert told(world, "submit") == []
    living = Worker(world.database, files, None)
    until(living.work_once)  # when the lease has run out
    assert told(world, "submit") == ["diem"]
    with world.database.reading() as tx:
        assert (backlog(tx).ready, backlog(tx).running, backlog(tx).dead) == (0, 0, 0)


def test_a_slow_worker_that_lost_its_lease_does_nothing(world: World, files: Files) -> None:
    a_dossier(world, files, "submitted")
    slow = claim(world.database, "slow", timedelta(milliseconds=1))
    assert slow is not None
    time.sleep(0.01)
    other = Worker(world.database, files, None)
    assert other.work_once()

    def deliver_late() -> None:
        with world.database.writing() as tx:
            deliver_notice(tx, slow)
            outbox.finish(tx, slow)

    with pytest.raises(outbox.LeaseLost):
        deliver_late()
    assert told(world, "submit") == ["diem"]


def test_a_long_job_keeps_its_lease(database: Database, files: Files) -> None:
    with database.writing() as tx:
        promise(tx, "long", "long/1", {})
    stolen: list[object] = []

    def long(parts: Parts, job: Job) -> None:
        for _ in range(6):
            time.sleep(0.1)
            stolen.append(claim(parts.database, "thief", timedelta(seconds=60)))

    worker = Worker(database, files, None, lease=timedelta(seconds=0.3), more={"long": long})
    assert worker.work_once()
    assert stolen == [None] * 6
    with database.reading() as tx:
        assert tx.session.scalars(select(Outbox.state)).one() == "done"


def test_a_poison_job_is_parked_where_people_see_it_and_others_go_on(
    database: Database, files: Files, clock: TestClock
) -> None:
    """T61: after five tries it is given up; nothing behind it waits."""
    with database.writing() as tx:
        promise(tx, "poison", "poison/1", {})
        promise(tx, "unheard_of", "unheard_of/1", {})
        promise(tx, "good", "good/1", {})
    tries: Counter[str] = Counter()

    def poison(parts: Parts, job: Job) -> None:
        tries["poison"] += 1
        raise RuntimeError("không gửi được")

    def good(parts: Parts, job: Job) -> None:
        tries["good"] += 1

    worker = Worker(database, files, None, more={"poison": poison, "good": good})
    begun = clock.now()
    for _ in range(60):
        worker.work_until_idle()
        clock.advance(timedelta(seconds=1))
    assert clock.now() - begun <= timedelta(seconds=60)
    assert tries == {"poison": 5, "good": 1}
    with database.reading() as tx:
        dead = {letter.key: letter for letter in dead_letters(tx)}
        assert set(dead) == {"poison/1", "unheard_of/1"}
        assert dead["poison/1"].error == "RuntimeError: không gửi được"
        assert dead["unheard_of/1"].error == "UnknownKind: unheard_of"
        assert (backlog(tx).ready, backlog(tx).running) == (0, 0)


def test_many_workers_do_every_job_once(database: Database, files: Files) -> None:
    with database.writing() as tx:
        for n in range(40):
            promise(tx, "count", f"count/{n}", {})
    done: Counter[str] = Counter()
    lock = threading.Lock()

    def count(parts: Parts, job: Job) -> None:
        with lock:
            done[job.key] += 1

    workers = [
        Worker(database, files, None, name=f"w{n}", threads=2, more={"count": count}) for n in range(3)
    ]
    for worker in workers:
        worker.start()
    until(lambda: len(done) == 40)
    assert all(worker.stop() for worker in workers)
    assert set(done.values()) == {1}
    with database.reading() as tx:
        assert backlog(tx).running == 0


def test_stopping_lets_the_running_job_end(database: Database, files: Files) -> None:
    with database.writing() as tx:
        promise(tx, "slow", "slow/1", {})
    begun, may_end = threading.Event(), threading.Event()

    def slow(parts: Parts, job: Job) -> None:
        begun.set()
        assert may_end.wait(WAIT)

    worker = Worker(database, files, None, more={"slow": slow})
    worker.start()
    assert begun.wait(WAIT)
    assert not worker.stop(timeout=0.05)
    may_end.set()
    assert worker.stop()
    with database.reading() as tx:
        assert tx.session.scalars(select(Outbox.state).where(Outbox.key == "slow/1")).one() == "done"


def test_a_worker_outlives_the_loss_of_its_database(
    migrated_postgres_url: str, open_database: Callable[[str], Database], files: Files
) -> None:
    """T58 for the worker: its connections are cut again and again, and every job is still done once."""
    database = open_database(migrated_postgres_url)
    done: Counter[str] = Counter()

    def count(parts: Parts, job: Job) -> None:
        done[job.key] += 1

    worker = Worker(database, files, None, more={"count": count})
    worker.start()
    admin = psycopg.connect(migrated_postgres_url.replace("+psycopg", ""), autocommit=True)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other = open_database(migrated_postgres_url)
    try:
        for n in range(5):
            with other.writing() as tx:
                promise(tx, "count", f"count/{n}", {})
            other.close()  # its own connections are not meant
            admin.execute(cut)
        until(lambda: len(done) == 5)
    finally:
        assert worker.stop()
        admin.close()
    with other.reading() as tx:
        assert set(tx.session.scalars(select(Outbox.state).where(Outbox.kind == "count"))) <= {
            "done",
            "running",
        }
        assert backlog(tx).dead == 0


# --- by the clock ---------------------------------------------------------------------------------


def test_schedules_are_rows_and_the_same_again_changes_nothing(database: Database, clock: TestClock) -> None:
    put_schedules(database)
    with database.reading() as tx:
        before = tx.connection.execute(select(Schedule.__table__).order_by(Schedule.key)).all()
    assert [row.key for row in before] == ["sweep_files", "tidy", "watch_clocks"]
    assert {row.zone for row in before} == {"Asia/Ho_Chi_Minh"}
    clock.advance(timedelta(minutes=3))
    put_schedules(database)
    with database.reading() as tx:
        assert tx.connection.execute(select(Schedule.__table__).order_by(Schedule.key)).all() == before


def test_the_schedules_run_through_a_night_and_delete_nothing_that_is_needed(
    world: World, files: Files
) -> None:
    case = a_dossier(world, files, "supplement_requested")
    put_schedules(world.database)
    worker = Worker(world.database, files, None)
    worker.work_until_idle()
    world.at(2024, 11, 13, 0, 0, 0)
    worker.work_until_idle()  # the watch of midnight
    assert world.state(case.dossier) == "returned"
    world.at(2024, 11, 13, 6)
    worker.work_until_idle()
    with world.database.reading() as tx:
        keys = set(tx.connection.execute(select(Outbox.key).where(Outbox.key.like("schedule/%"))).scalars())
        assert backlog(tx).dead == 0
        assert tx.connection.execute(select(func.count()).select_from(Blob)).scalar_one() == 3
        kept = list(tx.connection.execute(select(Blob.key)).scalars())
    assert all(files.stat(key).size for key in kept)
    assert {key.split("/")[1] for key in keys} == {"watch_clocks", "tidy", "sweep_files"}


def test_a_sweep_removes_what_no_row_names(world: World, files: Files) -> None:
    a_dossier(world, files, "submitted")
    orphan = files.put(iter([b"nobody names me"]), media_type="text/plain")
    world.at(2030, 1, 1)  # the store has its own time: everything in it is old now
    report = sweep_files(world.database, files, pretend=True)
    assert report.removed == (orphan.key,)
    report = sweep_files(world.database, files)
    assert (report.removed, report.seen, report.failed) == ((orphan.key,), 4, ())


# --- the record -----------------------------------------------------------------------------------


@pytest.fixture
def sequencer(world: World, tmp_path: Path) -> Sequencer:
    (tmp_path / "keys").mkdir()
    return Sequencer(world.database, FileKeySigner.make(tmp_path / "keys", "test.vinhdanh/gt"))


def test_what_is_committed_gets_its_place_and_its_signature(
    world: World, files: Files, sequencer: Sequencer
) -> None:
    worker = Worker(world.database, files, sequencer)
    worker.start()
    try:
        a_dossier(world, files, "submitted")

        def sequenced() -> bool:
            with world.database.reading() as tx:
                return tx.connection.execute(select(RecordQueue.entry_id)).first() is None

        until(sequenced)

        def signed() -> bool:
            with world.database.reading() as tx:
                leaves = tx.connection.execute(select(func.count()).select_from(RecordLeaf)).scalar_one()
                size = tx.connection.execute(select(func.max(RecordCheckpoint.size))).scalar_one()
            return bool(size == leaves)

        until(signed)  # a submission is decisive: its checkpoint does not wait
        assert worker.problem is None
    finally:
        assert worker.stop()


def test_stopping_sequences_what_was_committed_until_then(
    world: World, files: Files, sequencer: Sequencer
) -> None:
    worker = Worker(world.database, files, sequencer)
    worker.start()
    a_dossier(world, files, "submitted")
    assert worker.stop()
    with world.database.reading() as tx:
        assert tx.connection.execute(select(RecordQueue.entry_id)).first() is None


def test_a_signer_that_refuses_is_seen_and_jobs_go_on(
    world: World, files: Files, sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SignerRefused("tree_smaller", signed_size=9, size=1)

    monkeypatch.setattr(sequencer, "check", refuse)
    worker = Worker(world.database, files, sequencer)
    worker.start()
    try:
        until(lambda: worker.problem is not None)
        assert "tree_smaller" in (worker.problem or "")
        a_dossier(world, files, "submitted")
        until(lambda: told(world, "submit") == ["diem"])
    finally:
        assert worker.stop()


def test_an_idle_worker_writes_nothing(database: Database, files: Files, tmp_path: Path) -> None:
    with database.writing() as tx:
        install(tx)
    (tmp_path / "keys").mkdir()
    worker = Worker(
        database, files, Sequencer(database, FileKeySigner.make(tmp_path / "keys", "test.vinhdanh/gt"))
    )
    worker.work_until_idle()
    commits: list[int] = []
    database.on_commit(lambda: commits.append(1))
    worker.work_until_idle()
    worker.work_until_idle()
    assert commits == []
