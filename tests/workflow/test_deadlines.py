"""Deadlines: reminded once before the last good day, and what follows when it has passed."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from sqlalchemy import select, text

from dossiers.dossier import ClockSpan, Dossier, Notice
from dossiers.people import Account, Person
from dossiers.refusals import NeedsPerson
from storage.database import Tx
from storage.files import Files
from storage.outbox_tables import Outbox
from storage.record import entries_of
from tests.builders import World
from tests.workflow.journeys import a_dossier
from workflow import deadlines
from workflow.deadlines import Watched, watch_clocks
from workflow.worker import Worker, put_schedules

NOTHING = Watched(reminded=0, expired=0)


@pytest.fixture
def waiting(world: World, files: Files) -> tuple[World, str]:
    """A dossier that the unit must supplement by Tuesday 12/11/2024; it was asked to on Monday 04/11."""
    return world, a_dossier(world, files, "supplement_requested").dossier


def promises(world: World, kind: str) -> list[str]:
    with world.database.reading() as tx:
        return list(tx.connection.execute(select(Outbox.key).where(Outbox.kind == kind)).scalars())


def reminders_of_appraisal(world: World) -> int:
    """How many reminders of the 20 days there are after another watch; the notice of return has its own."""
    watch_clocks(world.database)
    return sum("/appraisal/" in key for key in promises(world, "remind"))


def test_nothing_happens_long_before_the_last_good_day(waiting: tuple[World, str]) -> None:
    world, _ = waiting
    world.at(2024, 11, 8, 23, 59, 59)
    assert watch_clocks(world.database) == NOTHING


def test_the_unit_is_reminded_one_working_day_before_and_only_once(waiting: tuple[World, str]) -> None:
    world, dossier = waiting
    world.at(2024, 11, 11, 0, 0, 0)
    assert watch_clocks(world.database) == Watched(reminded=1, expired=0)
    world.at(2024, 11, 11, 9)
    assert watch_clocks(world.database) == NOTHING
    world.at(2024, 11, 12, 23, 59, 59)
    assert watch_clocks(world.database) == NOTHING
    assert len(promises(world, "remind")) == 1
    assert world.state(dossier) == "supplement_requested"


def test_a_reminder_reaches_those_who_compose_for_the_unit(waiting: tuple[World, str], files: Files) -> None:
    world, _ = waiting
    world.at(2024, 11, 11)
    watch_clocks(world.database)
    Worker(world.database, files, None).work_until_idle()
    with world.database.reading() as tx:
        told = tx.connection.execute(
            select(Account.login, Notice.detail)
            .join(Person, Person.id == Account.person_id)
            .join(Notice, Notice.person_id == Person.id)
            .where(Notice.kind == "reminder")
        ).all()
    assert [row.login for row in told] == ["suong"]
    assert '"due_on": "2024-11-12"' in told[0].detail


def test_the_last_good_day_ends_at_midnight_in_viet_nam(waiting: tuple[World, str]) -> None:
    world, dossier = waiting
    world.at(2024, 11, 12, 23, 59, 59)
    watch_clocks(world.database)
    assert world.state(dossier) == "supplement_requested"
    world.at(2024, 11, 13, 0, 0, 0)
    assert watch_clocks(world.database) == Watched(reminded=0, expired=1)
    assert world.state(dossier) == "returned"
    assert watch_clocks(world.database) == NOTHING


def test_the_clock_acts_as_the_system_with_the_reason_of_the_edition(waiting: tuple[World, str]) -> None:
    world, dossier = waiting
    world.at(2024, 11, 13, 0, 0, 0)
    watch_clocks(world.database)
    with world.database.reading() as tx:
        entry = entries_of(tx, "dossier", dossier, limit=100)[-1].content
        spans = tx.session.scalars(select(ClockSpan).where(ClockSpan.limit_code == "supplement")).all()
    assert (entry["action"], entry["actor_id"], entry["actor_function"]) == ("return_overdue", None, None)
    assert entry["reason_commit"] is not None
    assert [span.ended_at is not None for span in spans] == [True]
    assert promises(world, "notify")[-1].startswith(f"notify/{dossier}/")


def test_a_unit_that_answered_in_time_is_left_alone(waiting: tuple[World, str]) -> None:
    world, dossier = waiting
    world.at(2024, 11, 12, 16).act("suong", dossier, "answer_supplement")
    world.at(2024, 11, 20)
    assert watch_clocks(world.database) == NOTHING
    assert world.state(dossier) == "submitted"


def test_a_watch_that_comes_days_late_expires_and_does_not_remind(waiting: tuple[World, str]) -> None:
    world, _ = waiting
    world.at(2024, 11, 25)
    assert watch_clocks(world.database) == Watched(reminded=0, expired=1)
    assert promises(world, "remind") == []


def test_two_watches_at_once_remind_once_and_expire_once(waiting: tuple[World, str]) -> None:
    world, dossier = waiting
    for day in (11, 13):
        world.at(2024, 11, day)
        begin = threading.Barrier(4)
        done: list[Watched] = []

        def watch(begin: threading.Barrier = begin, done: list[Watched] = done) -> None:
            begin.wait()
            done.append(watch_clocks(world.database))

        threads = [threading.Thread(target=watch) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 4
        assert sum(one.reminded + one.expired for one in done) == 1
    assert len(promises(world, "remind")) == 1
    with world.database.reading() as tx:
        actions = [entry.content["action"] for entry in entries_of(tx, "dossier", dossier)]
    assert actions.count("return_overdue") == 1


def test_a_limit_without_an_action_only_reminds_even_when_it_has_passed(world: World, files: Files) -> None:
    case = a_dossier(world, files, "under_appraisal")
    with world.database.reading() as tx:
        due = tx.session.scalars(select(ClockSpan.due_on).where(ClockSpan.limit_code == "appraisal")).one()
    assert due == date(2024, 12, 2)  # 20 working days after Monday 04/11/2024
    world.at(2024, 11, 26)
    assert reminders_of_appraisal(world) == 0
    world.at(2024, 12, 20)
    assert reminders_of_appraisal(world) == 1
    assert reminders_of_appraisal(world) == 1
    assert world.state(case.dossier) == "under_appraisal"


def test_a_clock_that_was_paused_after_its_reminder_reminds_of_its_new_day(
    small_world: World, files: Files
) -> None:
    world = small_world
    a_dossier(world, files, "under_appraisal")
    world.at(2024, 11, 27)
    assert reminders_of_appraisal(world) == 1
    with world.database.writing() as tx:
        span = tx.session.scalars(select(ClockSpan).where(ClockSpan.limit_code == "appraisal")).one()
        world.at(2024, 11, 28)
        span.paused_at = world.clock.now() if world.clock else None
        span.due_on = None
    assert reminders_of_appraisal(world) == 1
    world.at(2024, 12, 5)
    with world.database.writing() as tx:
        span = tx.session.scalars(select(ClockSpan).where(ClockSpan.limit_code == "appraisal")).one()
        span.paused_at, span.running_since, span.due_on = None, tx.now, date(2024, 12, 9)
    assert reminders_of_appraisal(world) == 2
    assert reminders_of_appraisal(world) == 2


def test_one_dossier_that_cannot_be_moved_does_not_hold_up_the_others(
    small_world: World, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = small_world
    first = a_dossier(world, files, "supplement_requested").dossier
    second = a_dossier(world, files, "supplement_requested").dossier
    moving = deadlines.act_by_clock

    def fail_on_the_first(tx: Tx, dossier_id: int, action: str) -> int | None:
        if dossier_id == min(tx.session.scalars(select(Dossier.id))):
            raise NeedsPerson("calendar_missing", calendar="vn")
        return moving(tx, dossier_id, action)

    put_schedules(world.database)
    world.at(2024, 11, 13)
    with monkeypatch.context() as patched:
        patched.setattr(deadlines, "act_by_clock", fail_on_the_first)
        assert watch_clocks(world.database) == Watched(reminded=0, expired=1, failed=1)
        assert (world.state(first), world.state(second)) == ("supplement_requested", "returned")
        Worker(world.database, files, None).work_until_idle()
        with world.database.reading() as tx:
            job = tx.session.scalars(select(Outbox).where(Outbox.kind == "watch_clocks")).one()
            assert (job.state, job.error is not None) == ("ready", True)  # seen, and tried again
    assert watch_clocks(world.database) == Watched(reminded=0, expired=1)
    assert world.state(first) == "returned"


@pytest.mark.parametrize("after", [None, (date(2024, 11, 5), 7)])
def test_one_read_of_the_clocks_walks_the_index_of_last_days(
    world: World, after: tuple[date, int] | None
) -> None:
    with world.database.reading() as tx:
        if tx.dialect == "postgresql":
            # A table of a few rows is read whole unless the planner is told to think of a large one.
            tx.connection.execute(text("SET LOCAL enable_seqscan = off"))
            tx.connection.execute(text("SET LOCAL enable_sort = off"))
        statement = deadlines._batch(date(2024, 11, 12), after).compile(
            tx.connection.engine, compile_kwargs={"literal_binds": True}
        )
        explain = "EXPLAIN " if tx.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = "\n".join(str(tuple(row)) for row in tx.connection.exec_driver_sql(f"{explain}{statement}"))
    assert "ix_clock_span_due" in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    assert "Sort" not in plan, plan
