"""The same request fifty times at once acts once and gives everybody the same answer."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from storage.database import Database, TestClock, Tx
from storage.idempotency import KeyReused, forget_older_than, remember, settle
from storage.outbox_tables import Idempotency

BODY = "a" * 64
OTHER_BODY = "b" * 64


def _asked(database: Database, key: str = "key-0001", body: str = BODY, account_id: int = 1) -> str:
    """Answer as a command does: act only when the request is new, and say how often anybody has acted."""
    with database.writing() as tx:
        known = remember(tx, account_id, key, body)
        if known is not None:
            return known
        answer = f"answer {_acted(tx)}"
        settle(tx, account_id, key, answer)
        return answer


def _acted(tx: Tx) -> int:
    tx.connection.execute(
        text("INSERT INTO deed SELECT count(*) + 1 FROM deed"),
    )
    return int(tx.connection.execute(text("SELECT count(*) FROM deed")).scalar_one())


def _deeds(database: Database) -> int:
    with database.reading() as tx:
        return int(tx.connection.execute(text("SELECT count(*) FROM deed")).scalar_one())


@pytest.fixture
def database(database: Database) -> Database:
    """Both databases of conftest, with a table that counts what was done."""
    return _with_deeds(database)


@pytest.fixture
def postgres_database(postgres_database: Database) -> Database:
    return _with_deeds(postgres_database)


def _with_deeds(database: Database) -> Database:
    with database.writing() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS deed (n integer NOT NULL)")
    return database


def test_a_repetition_gets_the_first_answer(database: Database) -> None:
    assert [_asked(database) for _ in range(3)] == ["answer 1"] * 3
    assert _deeds(database) == 1


def test_another_body_under_the_same_key_is_refused(database: Database) -> None:
    _asked(database)
    with pytest.raises(KeyReused):
        _asked(database, body=OTHER_BODY)
    assert _deeds(database) == 1


def test_keys_belong_to_accounts(database: Database) -> None:
    assert _asked(database, account_id=1) == "answer 1"
    assert _asked(database, account_id=2, body=OTHER_BODY) == "answer 2"


def test_a_deed_that_failed_leaves_its_key_free(database: Database) -> None:
    with pytest.raises(LookupError), database.writing() as tx:
        _remember_and_fail(tx)
    assert _asked(database) == "answer 1"


def _remember_and_fail(tx: Tx) -> None:
    assert remember(tx, 1, "key-0001", BODY) is None
    _acted(tx)
    raise LookupError


def test_keys_are_forgotten_after_their_time(database: Database, clock: TestClock) -> None:
    _asked(database, "old-key-1")
    clock.advance(timedelta(days=7, seconds=1))
    _asked(database, "new-key-1")
    with database.writing() as tx:
        assert forget_older_than(tx, tx.now - timedelta(days=7)) == 1
    assert _asked(database, "new-key-1") == "answer 2"
    assert _asked(database, "old-key-1") == "answer 3"


def test_an_empty_answer_is_an_answer(database: Database) -> None:
    with database.writing() as tx:
        assert remember(tx, 1, "key-0001", BODY) is None
        settle(tx, 1, "key-0001", "")
    with database.writing() as tx:
        assert remember(tx, 1, "key-0001", BODY) == ""


def test_a_deed_that_forgot_to_settle_is_found_out(database: Database) -> None:
    with database.writing() as tx:
        remember(tx, 1, "key-0001", BODY)
    with pytest.raises(RuntimeError, match="never settled"):
        _asked(database)
    with pytest.raises(LookupError), database.writing() as tx:
        settle(tx, 1, "key-0002", "answer")


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.long)])
def test_fifty_at_once_act_once_and_hear_the_same(database: Database, rounds: int) -> None:
    for round_ in range(1, rounds + 1):
        together = threading.Barrier(50, timeout=60)
        answers: list[str] = []
        failures: list[BaseException] = []

        def ask(
            key: str = f"round {round_}", together: threading.Barrier = together,
            answers: list[str] = answers, failures: list[BaseException] = failures,
        ) -> None:  # fmt: skip
            together.wait()
            try:
                answers.append(_asked(database, key))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert answers == [f"answer {round_}"] * 50
        assert _deeds(database) == round_
    with database.reading() as tx:
        assert tx.connection.execute(select(func.count()).select_from(Idempotency)).scalar_one() == rounds


def test_a_repetition_waits_for_a_first_that_fails_and_then_acts(postgres_database: Database) -> None:
    """On SQLite a second writer cannot even begin; on PostgreSQL it waits on the unique key."""
    first_is_in = threading.Event()
    go_on = threading.Event()
    answers: list[str] = []

    def first() -> None:
        with pytest.raises(LookupError), postgres_database.writing() as tx:
            _hold_the_place(tx, first_is_in, go_on)

    one = threading.Thread(target=first)
    one.start()
    assert first_is_in.wait(10)
    two = threading.Thread(target=lambda: answers.append(_asked(postgres_database)))
    two.start()
    _wait_until_somebody_waits(postgres_database)
    assert answers == []
    go_on.set()
    one.join(10)
    two.join(10)
    assert answers == ["answer 1"]


def _hold_the_place(tx: Tx, is_in: threading.Event, go_on: threading.Event) -> None:
    assert remember(tx, 1, "key-0001", BODY) is None
    is_in.set()
    assert go_on.wait(10)
    raise LookupError


def _wait_until_somebody_waits(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while True:
        with database.reading() as tx:
            if tx.connection.execute(waiting).scalar_one():
                return
