"""Two at once: one wins, the other is told; the same request many times acts once."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, update

from dossiers.award_round import QuotaPool, QuotaUse
from dossiers.days import local_day
from dossiers.dossier import Dossier
from dossiers.org_unit import BodyFunction
from dossiers.refusals import Conflict, Forbidden, Invalid, Missing, Refusal
from storage.database import Database
from storage.files import Files
from storage.record import entries_of
from storage.record_tables import RecordEntry
from tests.builders import World, a_pdf, a_round, a_world
from tests.workflow.journeys import SUBMISSION, a_dossier
from tests.workflow.test_permissions import give_function
from workflow.attach import attach, withdraw_attachment
from workflow.decide import Outcome, act
from workflow.draft import fill_in, fill_in_nominee, open_dossier, remove_nominee
from workflow.engine import lock, write
from workflow.history import history_of


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run every call in a thread of its own, all let go together; return results or refusals in order."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except Refusal as refused:
            return refused

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def entries(world: World, dossier: str, action: str) -> int:
    """Count the record's entries of one deed on one dossier."""
    with world.database.reading() as tx:
        bodies = tx.session.scalars(
            select(RecordEntry.body).where(
                RecordEntry.subject_kind == "dossier", RecordEntry.subject_ref == dossier
            )
        )
        return sum(f'"action":"{action}"' in body for body in bodies)


def twice_fifty(world: World, files: Files, rounds: int) -> None:
    for number in range(rounds):
        case = a_dossier(world, files, "submitted")
        diem = world.actor("diem")
        seen = world.version(case.dossier)

        receive = partial(
            act,
            world.database,
            diem,
            case.dossier,
            "receive",
            seen_version=seen,
            idem_key=f"receive-{number:04d}",
        )
        answers = at_once([receive] * 50)
        assert all(isinstance(answer, Outcome) for answer in answers), answers
        assert sum(not answer.repeated for answer in answers) == 1
        assert {(answer.state, answer.version) for answer in answers} == {("received", seen + 1)}
        assert entries(world, case.dossier, "receive") == 1


def test_the_same_request_fifty_times_at_once_acts_once_and_answers_the_same(
    world: World, files: Files
) -> None:
    twice_fifty(world, files, rounds=2)


@pytest.mark.long
def test_the_same_request_fifty_times_at_once_in_a_hundred_rounds(world: World, files: Files) -> None:
    twice_fifty(world, files, rounds=100)


def test_another_request_under_a_used_key_is_refused(world: World, files: Files) -> None:
    case = a_dossier(world, files, "submitted")
    world.act("diem", case.dossier, "receive", idem_key="once-only-1")
    with pytest.raises(Invalid) as refused:
        world.act("diem", case.dossier, "start_appraisal", idem_key="once-only-1")
    assert refused.value.code == "idempotency_key_reused"
    # The key belongs to the account: somebody else may use the same one.
    world.act("khai", case.dossier, "return_dossier", reason="x", reason_code="other", idem_key="once-only-1")


def test_a_refused_request_may_be_repeated_when_its_reason_is_gone(world: World, files: Files) -> None:
    case = a_dossier(world, files, "submitted")
    seen = world.version(case.dossier)
    with pytest.raises(Invalid):
        world.act("diem", case.dossier, "return_dossier", reason="", reason_code="other", idem_key="retry-00")
    done = world.act(
        "diem",
        case.dossier,
        "return_dossier",
        reason="Thiếu.",
        reason_code="other",
        idem_key="retry-00",
        seen_version=seen,
    )
    assert done.state == "returned"


def approve_against_return(world: World, files: Files, rounds: int) -> None:
    dice = random.Random(20241121)
    for _ in range(rounds):
        case = a_dossier(world, files, "pending_decision")
        chair, deputy = world.actor("an"), world.actor("loc")
        seen = world.version(case.dossier)
        calls: list[Callable[[], Any]] = [
            partial(act, world.database, chair, case.dossier, "approve", seen_version=seen),
            partial(
                act,
                world.database,
                deputy,
                case.dossier,
                "return_for_review",
                seen_version=seen,
                reason="Xem lại danh sách.",
            ),
        ]
        dice.shuffle(calls)
        answers = at_once(calls)
        won = [answer for answer in answers if isinstance(answer, Outcome)]
        lost = [answer for answer in answers if not isinstance(answer, Outcome)]
        assert len(won) == 1, answers
        assert isinstance(lost[0], Conflict)
        assert lost[0].code == "changed_meanwhile"
        assert lost[0].values["happened"], "the loser is told what happened"
        assert world.state(case.dossier) == won[0].state
        assert (
            entries(world, case.dossier, "approve") + entries(world, case.dossier, "return_for_review") == 1
        )
        assert history_of(world.database, world.actor("phong"), case.dossier).broken_at is None
        if won[0].action == "approve":
            world.act("an", case.dossier, "revoke_approval", reason="Giải phóng chỉ tiêu cho lượt sau.")


def test_approve_against_return_has_one_winner(world: World, files: Files) -> None:
    approve_against_return(world, files, rounds=6)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_approve_against_return_has_one_winner_in_a_thousand_rounds(world: World, files: Files) -> None:
    approve_against_return(world, files, rounds=1000)


def test_twelve_approvals_at_once_for_ten_seats_end_at_ten(world: World, files: Files) -> None:
    cases = [a_dossier(world, files, "pending_decision") for _ in range(12)]
    chair = world.actor("an")
    seen = [world.version(case.dossier) for case in cases]
    answers = at_once(
        [
            partial(act, world.database, chair, case.dossier, "approve", seen_version=version)
            for case, version in zip(cases, seen, strict=True)
        ]
    )
    won = [answer for answer in answers if isinstance(answer, Outcome)]
    assert len(won) == 10, answers
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"condition_quota_available"}
    with world.database.reading() as tx:
        pool = tx.session.scalars(select(QuotaPool).where(QuotaPool.nominee_kind == "collective")).one()
        seats = tx.session.scalars(select(QuotaUse.seat).where(QuotaUse.pool_id == pool.id)).all()
        assert (pool.used, sorted(seats)) == (10, list(range(1, 11)))
        decided = tx.session.scalar(
            select(func.count()).select_from(Dossier).where(Dossier.state == "approved")
        )
        assert decided == 10


def test_a_stale_version_is_told_what_happened_meanwhile(world: World, files: Files) -> None:
    case = a_dossier(world, files, "received")
    seen = world.version(case.dossier)
    case.act("khai", "return_dossier", reason="Số liệu chưa khớp.", reason_code="figures_disagree")
    with pytest.raises(Conflict) as refused:
        world.act("diem", case.dossier, "start_appraisal", seen_version=seen)
    sentence = refused.value.sentence()
    assert "Huỳnh Văn Khải" in sentence
    assert "Trả lại để sửa" in sentence
    # A stranger to the deed is refused before version and state are looked at.
    with pytest.raises(Forbidden):
        world.act("suong", case.dossier, "start_appraisal", seen_version=seen)


def test_every_writing_of_the_unit_may_be_repeated(world: World, files: Files) -> None:
    case = a_dossier(world, files, "draft")
    suong = world.actor("suong")
    database = world.database

    def twice(change: Callable[[int], Any]) -> None:
        seen = world.version(case.dossier)
        first = change(seen)
        assert world.version(case.dossier) == seen + 1
        assert change(seen) == first, (
            "the repetition is answered as the first time, though the version moved on"
        )
        assert world.version(case.dossier) == seen + 1

    twice(
        lambda seen: fill_in(
            database, suong, case.dossier, seen_version=seen, fields={"summary": "Một"}, idem_key="write-001"
        )
    )
    twice(
        lambda seen: fill_in_nominee(
            database, suong, case.nominee, seen_version=seen, fields={"members": "7"}, idem_key="write-002"
        )
    )

    def put(seen: int) -> Any:
        return attach(
            database,
            files,
            suong,
            case.dossier,
            seen_version=seen,
            kind="evidence",
            name="minh-chung.pdf",
            stream=io.BytesIO(a_pdf("một")),
            size_limit=10_000,
            dossier_limit=100_000,
            idem_key="write-003",
        )

    twice(put)
    paper = put(world.version(case.dossier) - 1).ref
    twice(lambda seen: withdraw_attachment(database, suong, paper, seen_version=seen, idem_key="write-004"))
    twice(lambda seen: remove_nominee(database, suong, case.nominee, seen_version=seen, idem_key="write-005"))
    with pytest.raises(Invalid):
        fill_in(
            database,
            suong,
            case.dossier,
            seen_version=world.version(case.dossier),
            fields={"summary": "Hai"},
            idem_key="write-001",
        )


def test_a_duty_that_is_being_noted_counts_for_who_waits_behind_it(world: World, files: Files) -> None:
    """Khai, who also serves the award office, sends the next deed with the version the first will lead to."""
    case = a_dossier(world, files, "at_review_meeting")
    give_function(world, "khai", "award_officer", "phong-noi-vu-giang-thanh")
    khai = world.actor("khai")
    seen = world.version(case.dossier)
    behind = partial(
        act,
        world.database,
        khai,
        case.dossier,
        "submit_for_decision",
        seen_version=seen + 1,
        fields=SUBMISSION,
    )
    with ThreadPoolExecutor(1) as pool:
        with world.database.writing() as tx:
            deed = lock(tx, khai, case.dossier)
            deed.place = deed.standing.places["appraisal_head"]
            deed.action = "record_review_meeting"
            deed.changes = {"state": "passed", "waiting_function": "award_officer"}
            waiting = pool.submit(behind)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
            write(deed)
        with pytest.raises(Forbidden) as refused:
            waiting.result(timeout=10)
    assert refused.value.code == "duties_conflict"


def test_who_locks_a_dossier_later_acts_later(
    migrated_postgres_url: str, open_database: Callable[[str], Database]
) -> None:
    """By the clock of the database, of which a transaction else knows only its own beginning."""
    world = a_world(open_database(migrated_postgres_url))
    with world.database.writing() as tx:
        a_round(tx, world, code="NOW", opens=(2020, 1, 1), closes=(2099, 12, 31))
    nominator = world.actor("suong")
    dossier = open_dossier(world.database, nominator, round_code="NOW").ref
    with world.database.writing() as tx:
        tx.connection.exec_driver_sql("SELECT 1")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(
                fill_in, world.database, nominator, dossier, seen_version=1, fields={"summary": "Một"}
            ).result(timeout=10)
        deed = lock(tx, nominator, dossier)
        deed.action = "filled_in"
        write(deed)
    with world.database.reading() as tx:
        moments = [entry.content["ts_utc"] for entry in entries_of(tx, "dossier", dossier)]
    assert len(moments) == 3
    assert moments == sorted(moments)


def test_a_function_that_ended_while_somebody_waited_is_over(
    migrated_postgres_url: str,
    open_database: Callable[[str], Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transaction began before midnight and has the lock after it."""
    world = a_world(open_database(migrated_postgres_url))
    with world.database.writing() as tx:
        a_round(tx, world, code="NOW", opens=(2020, 1, 1), closes=(2099, 12, 31))
    dossier = open_dossier(world.database, world.actor("suong"), round_code="NOW").ref
    diem = world.actor("diem")
    today = local_day(datetime.now(UTC))
    with world.database.writing() as tx:
        tx.session.execute(update(Dossier).values(submissions=1))
        tx.session.execute(update(BodyFunction).values(to_on=today + timedelta(days=1)))
    with world.database.writing() as tx:
        assert "intake" in lock(tx, diem, dossier).standing.places
    monkeypatch.setattr("workflow.engine.local_day", lambda _: today + timedelta(days=1))
    with world.database.writing() as tx, pytest.raises(Missing):
        lock(tx, diem, dossier)
