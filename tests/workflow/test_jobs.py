"""What the system gave up: administrators see it without anybody's data and have it tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from dossiers.people import Account
from dossiers.refusals import Conflict, Invalid, Missing
from storage.files import Files, StoreUnavailable
from storage.outbox import MOST_ATTEMPTS, Job, promise
from storage.record import entries_of
from tests.builders import World, a_job_given_up
from workflow.demo import DELIVERIES
from workflow.jobs import COUNTED, GivenUpRow, count_given_up, given_up, try_again
from workflow.words import JOBS
from workflow.worker import AT_LENGTH, IN_ROWS, Parts, Worker

NAME = "Trần Thị Mộng Nghi"
AN_HOUR = timedelta(hours=1)


def work(
    world: World, files: Files, deliver: Callable[[Parts, Job], None], tries: int = MOST_ATTEMPTS
) -> None:
    """Let a worker try what is due so many times, with a delivery for letters."""
    worker = Worker(world.database, files, None, more={"letter": deliver})
    assert world.clock is not None
    for _ in range(tries):
        worker.work_until_idle()
        world.clock.advance(AN_HOUR)


def fails(error: Exception) -> Callable[[Parts, Job], None]:
    def deliver(parts: Parts, job: Job) -> None:
        raise error

    return deliver


def letters(world: World, *keys: str, kind: str = "letter") -> None:
    with world.database.writing() as tx:
        for key in keys:
            promise(tx, kind, key, {"to": NAME})


def test_every_kind_of_job_has_its_words() -> None:
    assert set(JOBS) == {*IN_ROWS, *AT_LENGTH, *DELIVERIES}


def test_what_was_given_up_is_told_in_words_and_without_anybodys_data(world: World, files: Files) -> None:
    letters(world, "letter/1")
    letters(world, "sweep/1", kind="sweep_files")
    away = fails(StoreUnavailable(NAME, "s3://secret"))
    worker = Worker(
        world.database, files, None, more={"letter": fails(ValueError(NAME)), "sweep_files": away}
    )
    assert world.clock is not None
    for _ in range(MOST_ATTEMPTS):
        worker.work_until_idle()
        stopped = world.clock.now()
        world.clock.advance(AN_HOUR)
    rows = given_up(world.database, world.actor("khoi")).rows
    assert rows == (
        GivenUpRow("sweep/1", "sweep_files", "Xóa tệp không thuộc hồ sơ nào", stopped, MOST_ATTEMPTS,
                   "StoreUnavailable", "Kho tệp không trả lời."),
        GivenUpRow("letter/1", "letter", "letter", stopped, MOST_ATTEMPTS, "ValueError",
                   "Chương trình gặp lỗi; nhật ký máy chủ ghi chi tiết."),
    )  # fmt: skip


def test_a_job_that_ended_its_workers_says_so(world: World) -> None:
    from storage.outbox import claim

    letters(world, "letter/1")
    for _ in range(MOST_ATTEMPTS):
        assert claim(world.database, "w", timedelta(seconds=-1)) is not None
    assert claim(world.database, "w", AN_HOUR) is None
    (row,) = given_up(world.database, world.actor("khoi")).rows
    assert (row.error, row.reason) == ("", "Chương trình dừng giữa lúc đang làm.")


def test_what_is_tried_again_is_done_and_the_record_says_who_asked(world: World, files: Files) -> None:
    letters(world, "letter/1")
    work(world, files, fails(ValueError(NAME)))
    khoi = world.actor("khoi")
    assert count_given_up(world.database, khoi) == 1
    try_again(world.database, khoi, "letter/1")
    assert count_given_up(world.database, khoi) == 0
    done: list[str] = []
    work(world, files, lambda parts, job: done.append(f"{job.key} {job.attempt}"), tries=1)
    assert done == ["letter/1 1"]
    with world.database.reading() as tx:
        assert entries_of(tx, "account", khoi.account_ref)[-1].content["action"] == "job_tried_again"
    with pytest.raises(Conflict) as late:
        try_again(world.database, khoi, "letter/1")
    assert late.value.code == "job_not_given_up"


def test_what_fails_again_comes_back(world: World, files: Files) -> None:
    letters(world, "letter/1")
    work(world, files, fails(ValueError(NAME)))
    try_again(world.database, world.actor("khoi"), "letter/1")
    work(world, files, fails(KeyError(NAME)))
    (row,) = given_up(world.database, world.actor("khoi")).rows
    assert (row.key, row.tries, row.error) == ("letter/1", MOST_ATTEMPTS, "KeyError")


def test_the_same_request_twice_tries_again_once(world: World, files: Files) -> None:
    letters(world, "letter/1", "letter/2")
    work(world, files, fails(ValueError(NAME)))
    khoi = world.actor("khoi")
    for _ in range(2):
        try_again(world.database, khoi, "letter/1", idem_key="first-press")
    with pytest.raises(Invalid) as other:
        try_again(world.database, khoi, "letter/2", idem_key="first-press")
    assert other.value.code == "idempotency_key_reused"
    with world.database.reading() as tx:
        length = tx.session.scalars(select(Account.chain_length).where(Account.id == khoi.account_id)).one()
    assert length == 1


def test_the_same_request_after_it_was_given_up_anew_is_told_so(world: World, files: Files) -> None:
    letters(world, "letter/1")
    work(world, files, fails(ValueError(NAME)))
    khoi = world.actor("khoi")
    try_again(world.database, khoi, "letter/1", idem_key="first-press")
    work(world, files, fails(ValueError(NAME)), tries=MOST_ATTEMPTS - 1)
    try_again(world.database, khoi, "letter/1", idem_key="first-press")  # still being tried: the first answer
    work(world, files, fails(ValueError(NAME)), tries=1)
    with pytest.raises(Conflict) as old:
        try_again(world.database, khoi, "letter/1", idem_key="first-press")
    assert old.value.code == "job_given_up_anew"
    assert count_given_up(world.database, khoi) == 1
    try_again(world.database, khoi, "letter/1", idem_key="second-press")
    assert count_given_up(world.database, khoi) == 0


def test_a_long_list_is_read_in_parts_and_counted_up_to_a_bound(world: World) -> None:
    keys = [f"letter/{n:03}" for n in range(COUNTED + 5)]
    a_job_given_up(world, *keys)
    khoi = world.actor("khoi")
    assert count_given_up(world.database, khoi) == COUNTED
    found: list[str] = []
    page = given_up(world.database, khoi, limit=40)
    while page.next is not None:
        assert len(page.rows) == 40
        found += [row.key for row in page.rows]
        try_again(world.database, khoi, page.next)  # gone from the list, and still the place to go on from
        page = given_up(world.database, khoi, after=page.next, limit=40)
    assert found + [row.key for row in page.rows] == keys[::-1]
    with pytest.raises(Invalid):
        given_up(world.database, khoi, after="nowhere")
    with pytest.raises(Invalid):
        given_up(world.database, khoi, limit=101)


def test_to_others_it_does_not_exist(small_world: World, files: Files) -> None:
    letters(small_world, "letter/1")
    work(small_world, files, fails(ValueError(NAME)))
    for who in ("suong", "diem", "khai", "tuyet", "an", "phong"):
        actor = small_world.actor(who)
        for attempt, given in (
            (given_up, ()),
            (count_given_up, ()),
            (try_again, ("letter/1",)),
            (try_again, ("x",)),
        ):
            with pytest.raises(Missing) as refused:
                attempt(small_world.database, actor, *given)  # type: ignore[operator]  # commands of one shape
            assert refused.value.code == "not_found"
    assert count_given_up(small_world.database, small_world.actor("khoi")) == 1
