"""A clock that is wrong for a while does lasting harm to nobody (promise T59).

The moment of a transaction jumps by an hour, a day or ten years, to and fro, as when a machine starts with an
empty battery and is put right later. ``MORNING`` is the true time.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from dossiers.people import Account
from dossiers.refusals import Invalid, Missing, Refusal
from storage.database import Database, Tx
from storage.record_tables import RecordEntry, RecordLeaf
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner
from tests.builders import person_of
from tests.promises.installation import ANSWERS_WITHIN, ROOT, Installation, all_at_once
from tests.promises.test_what_is_let_out import require_log
from workflow import accounts
from workflow.administration import make_link

MORNING = datetime(2024, 11, 4, 2, 0, tzinfo=UTC)
TEN_YEARS = timedelta(days=3653)
JUMPS = {
    f"{sign}{name}": by * (1 if sign == "+" else -1)
    for name, by in (("1h", timedelta(hours=1)), ("1d", timedelta(days=1)), ("10y", TEN_YEARS))
    for sign in "+-"
}
CORRECTED = timedelta(minutes=5)
"""By how much a clock is put right in ordinary times without anybody having to sign in again."""

every_jump = pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)


def at(installation: Installation, moment: datetime) -> Database:
    """Let it be ``moment``; return the database to ask then."""
    assert installation.world.clock is not None
    installation.world.clock.set(moment)
    return installation.world.database


def ref_of(database: Database, login: str) -> str:
    with database.reading() as tx:
        ref = tx.session.scalar(select(Account.ref).where(Account.login == login))
        assert ref is not None
        return ref


def lifetime(
    installation: Installation, is_alive: Callable[[Tx], bool], use: Callable[[], None] = lambda: None
) -> tuple[bool, timedelta]:
    """Let the right time pass for three days in steps of twenty minutes; return whether the thing could be used
    at once, and how long it was alive from the first time that it could. ``use`` is what its owner does.
    """
    alive: list[datetime] = []
    moment = MORNING
    while moment < MORNING + timedelta(days=3):
        with at(installation, moment).reading() as tx:
            if is_alive(tx):
                alive.append(moment)
        use()
        moment += timedelta(minutes=20)
    return bool(alive) and alive[0] == MORNING, alive[-1] - alive[0] if alive else timedelta(0)


@every_jump
def test_a_session_begun_under_a_wrong_clock_ends_in_its_time(small: Installation, jump: timedelta) -> None:
    begun = accounts.sign_in_for_demo(at(small, MORNING + jump), ref_of(small.world.database, "diem"))
    used: list[accounts.LiveSession] = []

    def is_alive(tx: Tx) -> bool:
        found = accounts.find_session(tx, begun.token)
        if found is not None:
            used.append(found)
        return found is not None

    def use() -> None:  # she never pauses
        if used:
            accounts.note_use(small.world.database, used[-1])

    at_once, lived = lifetime(small, is_alive, use)
    assert lived <= accounts.ABSOLUTE
    assert not (at_once and jump > CORRECTED), "one from the future is none"


def test_a_session_outlives_a_clock_that_is_put_right_by_a_minute(small: Installation) -> None:
    begun = accounts.sign_in_for_demo(at(small, MORNING), ref_of(small.world.database, "diem"))
    for correction in (timedelta(minutes=-1), timedelta(0), timedelta(minutes=1)):
        with at(small, MORNING + correction).reading() as tx:
            assert accounts.find_session(tx, begun.token) is not None


@every_jump
def test_a_token_of_the_api_made_under_a_wrong_clock_ends_in_its_time(
    small: Installation, jump: timedelta
) -> None:
    token = accounts.create_token(
        at(small, MORNING + jump),
        account_id=small.world.accounts["diem"],
        label="một ngày",
        scopes="read",
        lifetime=timedelta(days=1),
    )
    at_once, lived = lifetime(small, lambda tx: accounts.find_token(tx, token) is not None)
    assert lived <= timedelta(days=1)
    assert not (at_once and jump > CORRECTED)


@every_jump
def test_a_link_made_under_a_wrong_clock_ends_in_its_time(small: Installation, jump: timedelta) -> None:
    at(small, MORNING)
    khoi, diem = small.world.actor("khoi"), person_of(small.world, "diem")
    token = make_link(at(small, MORNING + jump), khoi, diem.ref, seen_version=diem.version).token
    assert token is not None

    def is_alive(tx: Tx) -> bool:
        try:
            accounts.invitation(tx, "reset", token)
        except Missing:
            return False
        return True

    at_once, lived = lifetime(small, is_alive)
    assert lived <= accounts.RESET_WITHIN
    assert not (at_once and jump > CORRECTED)


@every_jump
def test_wrong_passwords_typed_under_a_wrong_clock_lock_nobody_out_for_years(
    small: Installation, jump: timedelta
) -> None:
    def try_it(database: Database) -> None:
        with pytest.raises((Invalid, accounts.TooManyTries)):
            accounts.sign_in(database, login="diem", password="sai", peer="10.0.0.1", key=b"k" * 32)

    for _ in range(6):
        try_it(at(small, MORNING + jump))
    # A quarter of an hour after the clock was put right, a password is looked at again.
    with pytest.raises(Invalid) as refused:
        accounts.sign_in(
            at(small, MORNING + timedelta(minutes=15)),
            login="diem",
            password="sai",
            peer="10.0.0.1",
            key=b"k" * 32,
        )
    assert refused.value.code == "login_failed"


def test_the_record_keeps_its_order_through_every_jump(installation: Installation) -> None:
    """Places follow the order of the commits, whatever time they carry; every chain and root holds."""
    dossier = installation.dossier("pending_decision")
    sequencer = Sequencer(installation.world.database, FileKeySigner(installation.keys))
    deeds = []
    for jump in (timedelta(0), *JUMPS.values(), timedelta(0)):
        at(installation, MORNING + jump)
        # Papers stay what they are under every clock; a deed that a deadline forbids may be refused.
        for action in ("hold", "release"):
            given = {"fields": {"hold_kind": "complaint"}} if action == "hold" else {}
            deeds.append(outcome(installation, dossier, action, given))
        while sequencer.run_once().more:
            pass
    at(installation, MORNING)
    assert sum(deeds) >= 8, "most deeds were done"
    with installation.world.database.reading() as tx:
        ids = tx.session.scalars(select(RecordLeaf.entry_id).order_by(RecordLeaf.seq)).all()
        assert list(ids) == sorted(ids)
        assert len(ids) == len(tx.session.scalars(select(RecordEntry.id)).all())
    installation.check()


def outcome(installation: Installation, dossier: str, action: str, given: dict[str, object]) -> bool:
    try:
        installation.world.act("tuyet", dossier, action, reason="Đơn thư.", **given)
    except Refusal:
        return False  # nobody has a function ten years ago
    return True


def test_a_wrong_clock_is_one_line_of_the_log_and_names_nobody(small: Installation) -> None:
    at(small, MORNING + timedelta(days=1))
    small.dossier("received")
    at(small, MORNING)
    with small.serving() as server:  # its clock is the right one
        deadline = time.monotonic() + ANSWERS_WITHIN
        while not (told := [line for line in server.lines() if "clock" in line]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        events = require_log(server)
    (line,) = told
    event = json.loads(line)
    assert event in events
    assert set(event) == {"at", "event", "level", "logger"}
    assert (event["level"], event["logger"]) == ("warning", "storage.sequencer")
    assert re.fullmatch(
        r"the clock is wrong, or was: the record is dated 86[34]\d\d seconds ahead of now", event["event"]
    )
    small.check()


SUBMIT = """
import sys
from datetime import datetime
from dossiers.refusals import Refusal
from storage.database import Database, FixedClock
from workflow.actor import load_actor
from workflow.decide import act
clock = FixedClock(datetime.fromisoformat(sys.argv[3]))
database = Database(sys.argv[1], clock=clock)
for line in sys.stdin:
    moment, dossier, seen = line.split()
    clock.set(datetime.fromisoformat(moment))
    with database.reading() as tx:
        actor = load_actor(tx, int(sys.argv[2]))
    try:
        print(act(database, actor, dossier, "submit", seen_version=int(seen)).state, flush=True)
    except Refusal as refused:
        print(refused.code, flush=True)
database.close()
"""
AROUND_THE_END = {
    "2024-11-15T16:59:59+07:00": "submitted",
    "2024-11-15T17:00:00+07:00": "submitted",
    "2024-11-15T17:00:00.999999+07:00": "submitted",
    "2024-11-15T17:00:01+07:00": "condition_round_open",
}


def test_the_round_closes_at_seventeen_hundred_for_three_processes_at_once(
    installation: Installation,
) -> None:
    """The round of the builders closes on 15 November 2024 at 17:00:00 in Viet Nam, and that second is good."""
    world = installation.world
    url, account = installation.environment["VINHDANH_DATABASE_URL"], str(world.accounts["suong"])
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SUBMIT, url, account, MORNING.isoformat()],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(3)
        ]

        def submit(process: subprocess.Popen[str], moment: str, dossier: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{moment} {dossier} {world.version(dossier)}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        for moment, expected in AROUND_THE_END.items():
            said = all_at_once(
                [partial(submit, process, moment, installation.dossier("draft")) for process in processes]
            )
            assert said == [expected] * 3, moment
    installation.check()
