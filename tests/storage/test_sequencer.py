"""Places in the tree, checkpoints when they are due, and a signer that remembers."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.checkpoint import OriginRefused, TreeHead, parse_note
from storage.database import Database, TestClock
from storage.sequencer import Sequencer, is_decisive
from storage.signer import KEY_FILE, MEMORY_FILE, FileKeySigner, SignerRefused
from storage.tree import EMPTY_ROOT, CompactRange, consistency_proof, leaf_hash
from tests.storage.ledger import ORIGIN, Ledger

AT = datetime(2024, 11, 18, 2, tzinfo=UTC)


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Ledger:
    """An office whose checkpoints come as they do in service."""
    opened = Ledger.open(database, tmp_path / "keys")
    opened.sequencer = Sequencer(database, opened.signer)
    return opened


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    return folder


def count(ledger: Ledger, table: str) -> int:
    with ledger.database.reading() as tx:
        counted: int = tx.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    return counted


def test_an_empty_queue_is_no_work(ledger: Ledger) -> None:
    done = ledger.sequencer.run_once()
    assert (done.count, done.size, done.checkpoint, done.more) == (0, 0, None, False)


def test_entries_get_gapless_places_in_the_order_they_came(ledger: Ledger) -> None:
    refs = [ledger.add() for _ in range(3)]
    assert count(ledger, "record_queue") == 3
    assert ledger.sequencer.run_once().count == 3
    ledger.move(refs[1], "remark", None)
    done = ledger.sequencer.run_once()
    assert (done.count, done.size, count(ledger, "record_queue")) == (1, 4, 0)
    with ledger.database.reading() as tx:
        rows = tx.connection.execute(
            text(
                "SELECT seq, body, leaf_hash FROM record_leaf JOIN record_entry ON id = entry_id ORDER BY seq"
            )
        ).all()
    assert [row.seq for row in rows] == [0, 1, 2, 3]
    assert [json.loads(row.body)["subject"]["ref"] for row in rows] == [*refs, refs[1]]
    assert [row.leaf_hash for row in rows] == [leaf_hash(row.body.encode()).hex() for row in rows]


def test_a_batch_ends_at_a_thousand(ledger: Ledger) -> None:
    ref = ledger.add()
    with ledger.database.writing() as tx:
        # Only the number of rows matters here, so they are written without chains.
        tx.connection.execute(
            text(
                "INSERT INTO record_entry"
                " (origin, epoch, subject_kind, subject_ref, position, event_id, body, hash, prev)"
                " VALUES (:origin, 1, 'account', :ref, :n, :event, '{\"action\":\"x\"}', :h, :h)"
            ),
            [
                {"origin": ORIGIN, "ref": ref, "n": n, "event": f"{n:036}", "h": "0" * 64}
                for n in range(1, 1_101)
            ],
        )
    first, second = ledger.sequencer.run_once(), ledger.sequencer.run_once()
    assert [(first.count, first.more), (second.count, second.more)] == [(1_000, True), (101, False)]
    assert second.checkpoint is not None
    assert second.checkpoint.head.size == 1_101


@pytest.mark.parametrize(
    "action", ["submit", "approve", "return_dossier", "decision.issue", "refuse", "revoke"]
)
def test_a_decision_is_signed_at_once(ledger: Ledger, action: str) -> None:
    ref = ledger.add()
    assert ledger.sequencer.run_once().checkpoint is not None  # the first of all
    ledger.move(ref, "remark", None)
    assert ledger.sequencer.run_once().checkpoint is None
    ledger.move(ref, action, "next")
    checkpoint = ledger.sequencer.run_once().checkpoint
    assert checkpoint is not None
    assert checkpoint.head.size == 3
    assert checkpoint.is_signed_by([ledger.signer.public_key])


def test_words_that_only_look_decisive_are_not() -> None:
    assert not is_decisive("resubmission_unlock")
    assert not is_decisive("issued_elsewhere")
    assert is_decisive("withdraw")


def test_ten_entries_or_sixty_seconds_are_signed(ledger: Ledger, clock: TestClock) -> None:
    ref = ledger.add()
    ledger.sequencer.run_once()
    for _ in range(9):
        ledger.move(ref, "remark", None)
    assert ledger.sequencer.run_once().checkpoint is None
    ledger.move(ref, "remark", None)
    checkpoint = ledger.sequencer.run_once().checkpoint
    assert checkpoint is not None
    assert checkpoint.head.size == 11
    ledger.move(ref, "remark", None)
    clock.advance(timedelta(seconds=59))
    assert ledger.sequencer.run_once().checkpoint is None
    clock.advance(timedelta(seconds=1))
    checkpoint = ledger.sequencer.run_once().checkpoint
    assert checkpoint is not None
    assert checkpoint.at == clock.now()
    assert ledger.sequencer.run_once().checkpoint is None  # nothing new, however long it takes
    assert ledger.verdict().code == 9


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=3653)])
def test_a_checkpoint_from_the_future_does_not_hold_back_the_next(
    ledger: Ledger, clock: TestClock, ahead: timedelta
) -> None:
    clock.advance(ahead)
    ref = ledger.add()
    assert ledger.sequencer.run_once().checkpoint is not None
    clock.advance(-ahead)
    ledger.move(ref, "remark", None)
    checkpoint = ledger.sequencer.run_once().checkpoint
    assert checkpoint is not None
    assert checkpoint.at == clock.now()
    assert ledger.verdict().code == 9


def clock_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "storage.sequencer"]


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=1), timedelta(days=3653)])
def test_a_clock_behind_the_record_is_told_once(
    ledger: Ledger, clock: TestClock, caplog: pytest.LogCaptureFixture, jump: timedelta
) -> None:
    def write() -> None:
        ledger.add()
        ledger.sequencer.run_once()

    write()
    clock.advance(timedelta(minutes=4))
    write()
    clock.advance(timedelta(minutes=-4))  # put right by little
    write()
    assert clock_warnings(caplog) == []
    for by in (jump, -jump):  # ahead and put right; then behind
        clock.advance(by)
        write()
        write()
    told = [
        f"the clock is wrong, or was: the record is dated {jump.total_seconds():.0f} seconds ahead of now"
    ]
    assert clock_warnings(caplog) == told
    clock.advance(-jump)
    write()
    write()
    assert clock_warnings(caplog) == told * 2


def test_a_wrong_clock_is_told_when_the_sequencer_comes_late(
    ledger: Ledger, clock: TestClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.advance(timedelta(days=1))
    ledger.add()
    clock.advance(timedelta(days=-1))
    ledger.add()
    assert ledger.sequencer.run_once().count == 2
    assert len(clock_warnings(caplog)) == 1


def test_each_checkpoint_names_the_one_before(ledger: Ledger) -> None:
    ref = ledger.add()
    checkpoints = []
    for action in ("submit", "return", "submit"):
        ledger.move(ref, action, "next")
        checkpoint = ledger.sequencer.run_once().checkpoint
        assert checkpoint is not None
        checkpoints.append(checkpoint)
    assert [checkpoint.prev for checkpoint in checkpoints] == [
        "0" * 64,
        checkpoints[0].text_hash(),
        checkpoints[1].text_hash(),
    ]


def test_a_stop_between_signature_and_row_loses_nothing(ledger: Ledger) -> None:
    ref = ledger.add()
    ledger.sequencer.run_once()
    ledger.move(ref, "submit", "submitted")
    ledger.sequencer.run_once()
    ledger.sql("DELETE FROM record_checkpoint WHERE size = 2")  # as if the transaction had not been kept
    ledger.move(ref, "approve", "approved")
    Sequencer(ledger.database, ledger.signer).run_once()
    verdict = ledger.verdict()
    assert (verdict.code, verdict.checkpoints) == (9, 3), verdict.lines()


def test_only_one_sequencer_works_at_a_time(postgres_database: Database, tmp_path: Path) -> None:
    ledger = Ledger.open(postgres_database, tmp_path / "keys")
    ledger.add()
    other = Sequencer(ledger.database, ledger.signer)
    other.check()
    with ledger.sequencer._alone() as tx:
        assert tx is not None
        done = []
        thread = threading.Thread(target=lambda: done.append(other.run_once()))
        thread.start()
        thread.join()
        assert [(run.count, run.checkpoint) for run in done] == [(0, None)]
    assert other.run_once().count == 1


def test_a_signer_of_another_record_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    signer = FileKeySigner.make(folder, "gg.example.vn/vinhdanh")
    with pytest.raises(SignerRefused) as refused:
        Sequencer(ledger.database, signer).run_once()
    assert refused.value.code == "another_record"


def test_a_fresh_key_on_a_signed_record_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add()
    ledger.sequencer.run_once()
    folder = tmp_path / "fresh"
    folder.mkdir()
    with pytest.raises(SignerRefused) as refused:
        Sequencer(ledger.database, FileKeySigner.make(folder, ORIGIN)).check()
    assert refused.value.code == "memory_behind"


def test_init_makes_a_key_that_only_its_owner_may_read(keys: Path) -> None:
    signer = FileKeySigner.make(keys, ORIGIN)
    assert stat.S_IMODE((keys / KEY_FILE).stat().st_mode) == 0o600
    assert signer.last().head == TreeHead(ORIGIN, 1, 0, EMPTY_ROOT)
    assert signer.verifier_key().startswith(f"{ORIGIN}/1+")
    assert FileKeySigner(keys).public_key == signer.public_key
    with pytest.raises(FileExistsError):
        FileKeySigner.make(keys, ORIGIN)
    assert FileKeySigner(keys).public_key == signer.public_key
    with pytest.raises(OriginRefused):
        FileKeySigner.make(keys, "Giang Thành")


def test_keys_and_memories_that_are_not_fit(keys: Path) -> None:
    with pytest.raises(SignerRefused, match="key_missing"):
        FileKeySigner(keys)
    FileKeySigner.make(keys, ORIGIN)
    (keys / KEY_FILE).chmod(0o640)
    with pytest.raises(SignerRefused, match="key_open"):
        FileKeySigner(keys)
    (keys / KEY_FILE).chmod(0o600)
    signer = FileKeySigner(keys)
    memory = (keys / MEMORY_FILE).read_text()
    for broken in ("", "{}", memory.replace('"size":0', '"size":1'), memory[:-5]):
        (keys / MEMORY_FILE).write_text(broken)
        with pytest.raises(SignerRefused, match="memory_missing"):
            signer.last()
    (keys / MEMORY_FILE).unlink()
    with pytest.raises(SignerRefused, match="memory_missing"):
        signer.sign(TreeHead(ORIGIN, 1, 1, leaf_hash(b"")), [], AT)
    (keys / KEY_FILE).write_text("half a key")
    with pytest.raises(SignerRefused, match="key_damaged"):
        FileKeySigner(keys)


def test_a_signer_signs_continuations_only_and_remembers_them(keys: Path) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(9)]
    five, nine = CompactRange().extended(leaves[:5]), CompactRange().extended(leaves)
    FileKeySigner.make(keys, ORIGIN)

    def sign(tree: CompactRange, proof: list[bytes], epoch: int = 1) -> str:
        # Another process each time: what it knows, it knows from the file.
        return FileKeySigner(keys).sign(TreeHead(ORIGIN, epoch, tree.size, tree.root()), proof, AT)

    note = sign(five, [])
    assert FileKeySigner(keys).last().note == note
    assert sign(five, []) == note
    other_five = CompactRange().extended(leaves[4:])
    proof = consistency_proof(five, leaves[5:])
    other_nine = CompactRange().extended([*leaves[1:], leaves[0]])
    for tree, shown, code in (
        (CompactRange().extended(leaves[:4]), [], "tree_smaller"),
        (CompactRange(), [], "tree_smaller"),
        (other_five, [], "tree_inconsistent"),
        (nine, [], "tree_inconsistent"),
        (nine, proof[:-1], "tree_inconsistent"),
        (other_nine, proof, "tree_inconsistent"),
    ):
        with pytest.raises(SignerRefused, match=code):
            sign(tree, shown)
        assert FileKeySigner(keys).last().note == note
    with pytest.raises(SignerRefused, match="another_record"):
        sign(nine, proof, epoch=2)
    assert parse_note(sign(nine, proof)).prev == parse_note(note).text_hash()


def test_what_triggers_refuse_even_to_the_tables_owner(ledger: Ledger) -> None:
    ledger.add()
    ledger.sequencer.run_once()
    statements = [
        f"{verb} {table}{rest}"
        for table, column in (
            ("record_entry", "hash"),
            ("record_leaf", "leaf_hash"),
            ("record_checkpoint", "root"),
        )
        for verb, rest in (
            ("UPDATE", f" SET {column} = {column}"),
            ("DELETE FROM", ""),
            ("TRUNCATE", " CASCADE"),
        )
    ]
    statements += [
        f"REPLACE INTO {table} SELECT * FROM {table}"
        for table in ("record_entry", "record_leaf", "record_checkpoint")
    ]
    statements.append("UPDATE record_payload SET payload = ''")
    ledger.move(ledger.add(), "remark", None, reason="để có một dòng")
    ledger.sequencer.run_once()
    sqlite = ledger.database.dialect == "sqlite"
    refused = 0
    for statement in statements:
        if statement.startswith("TRUNCATE" if sqlite else "REPLACE"):
            continue  # the other database's word
        with pytest.raises(IntegrityError, match=r"rows are written once|kept or erased"):
            with ledger.database.writing() as tx:
                tx.connection.execute(text(statement))
        refused += 1
    assert refused == 10
    assert ledger.verdict().code == 9
