"""What the verification finds when the database's superuser tampers with the record, with and without help
outside.

The table of attacks is that of docs/record.md; the codes are the stable exit codes.
"""

from __future__ import annotations

import json
import random
import sqlite3
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from storage.base import new_ref
from storage.checkpoint import NoteRefused
from storage.database import Database, TestClock
from storage.record import EMPTY, commit, compose, payload_of
from storage.record_tables import RecordEntry, RecordPayload
from storage.sequencer import Sequencer
from storage.signer import SignerRefused
from tests.storage.ledger import CHAU, ORIGIN, Ledger, a_history, flip_signature


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Ledger:
    return Ledger.open(database, tmp_path / "keys")


@pytest.fixture
def refs(ledger: Ledger, clock: TestClock) -> list[str]:
    """Twelve entries at the places 0 to 11, of three things by turns."""
    return a_history(ledger, clock)


def test_an_untouched_record_is_in_order_but_not_anchored(ledger: Ledger, refs: list[str]) -> None:
    verdict = ledger.verdict()
    assert (verdict.code, verdict.first) == (9, None)
    assert (verdict.entries, verdict.size, verdict.waiting, verdict.signed_size) == (12, 12, 0, 12)
    assert any("NOT ANCHORED" in line for line in verdict.lines())


def test_an_untouched_record_continues_every_checkpoint_kept_outside(ledger: Ledger, refs: list[str]) -> None:
    verdict = ledger.verdict(known=ledger.notes)
    assert (verdict.code, verdict.anchored_size) == (0, 12)
    assert not any("NOT ANCHORED" in line for line in verdict.lines())
    verdict = ledger.verdict(known=[ledger.notes[4]])
    assert (verdict.code, verdict.anchored_size) == (0, 5)


def test_an_empty_record_is_in_order(ledger: Ledger) -> None:
    assert (ledger.verdict().code, ledger.verdict().entries) == (9, 0)


def edit_row(ledger: Ledger) -> None:
    ledger.sql(
        "UPDATE record_entry SET body = replace(body, 'approve', 'appprove') WHERE id ="
        " (SELECT entry_id FROM record_leaf WHERE seq = 9)"
    )


def edit_content(contents: list[dict[str, Any]]) -> None:
    contents[7]["actor_function"] = "chair"


def drop_remark(contents: list[dict[str, Any]]) -> None:
    assert contents[7]["action"] == "remark"
    del contents[7]


def slip_in(contents: list[dict[str, Any]]) -> None:
    slipped = json.loads(json.dumps(contents[7]))
    slipped["event_id"] = "00000000-0000-7000-8000-000000000000"
    contents.insert(5, slipped)


def recompute(ledger: Ledger) -> None:
    ledger.rewrite(edit_content, sign=False)


def recompute_and_sign(ledger: Ledger) -> None:
    ledger.rewrite(edit_content, sign=True)


def delete_row(ledger: Ledger) -> None:
    ledger.sql("DELETE FROM record_entry WHERE id = (SELECT entry_id FROM record_leaf WHERE seq = 7)")


def delete_row_and_leaf(ledger: Ledger) -> None:
    delete_row(ledger)
    ledger.sql("DELETE FROM record_leaf WHERE seq = 7")


def delete_and_sign(ledger: Ledger) -> None:
    ledger.rewrite(drop_remark, sign=True)


def swap(ledger: Ledger) -> None:
    """Two entries of one thing change places, each with its own hashes."""
    ledger.sql(
        "UPDATE record_entry SET position = -position WHERE id IN"
        " (SELECT entry_id FROM record_leaf WHERE seq IN (3, 6))",
        "UPDATE record_entry SET position = 5 + position WHERE position < 0",
    )


def swap_leaves(ledger: Ledger) -> None:
    ledger.sql(
        "UPDATE record_leaf SET seq = -seq WHERE seq IN (6, 7)",
        "UPDATE record_leaf SET seq = 13 + seq WHERE seq < 0",
    )


def cut(ledger: Ledger) -> None:
    ledger.cut(4, business_too=False)


def cut_and_put_back(ledger: Ledger) -> None:
    ledger.cut(4, business_too=True)


def roll_back_and_go_on(ledger: Ledger) -> None:
    with ledger.database.reading() as tx:
        ref = tx.connection.execute(text("SELECT ref FROM thing ORDER BY ref LIMIT 1")).scalar_one()
    ledger.cut(4, business_too=True)
    thief = ledger.steal_the_key(ledger.folder / "stolen")
    # A signer that remembers nothing cannot be had from the sequencer, so the thief drops the checkpoints
    # too.
    ledger.sql("DELETE FROM record_checkpoint")
    sequencer = Sequencer(ledger.database, thief, entries_between=1)
    for n in range(5):
        ledger.move(ref, "remark", None, reason=f"Ghi chú {n}")
        sequencer.run_once()


def slip_in_and_sign(ledger: Ledger) -> None:
    ledger.rewrite(slip_in, sign=True)


def set_state(ledger: Ledger) -> None:
    ledger.sql("UPDATE thing SET state = 'awarded' WHERE ref = (SELECT min(ref) FROM thing)")


def set_version(ledger: Ledger) -> None:
    ledger.sql("UPDATE thing SET version = version + 1 WHERE ref = (SELECT min(ref) FROM thing)")


def set_head(ledger: Ledger) -> None:
    ledger.sql("UPDATE thing SET chain_head = :head WHERE ref = (SELECT min(ref) FROM thing)", head="a" * 64)


def lose_row(ledger: Ledger) -> None:
    ledger.sql("DELETE FROM thing WHERE ref = (SELECT min(ref) FROM thing)")


def sneak_row(ledger: Ledger) -> None:
    ledger.sql("INSERT INTO thing VALUES ('0', 'awarded', 1, NULL, 0)")


def reword_reason(ledger: Ledger) -> None:
    ledger.sql("UPDATE record_payload SET payload = '\"Không đủ\"' WHERE payload LIKE '%Đủ%'")


def lose_reasons(ledger: Ledger) -> None:
    ledger.sql("DELETE FROM record_payload")


def lose_queued(ledger: Ledger) -> None:
    with ledger.database.reading() as tx:
        ref = tx.connection.execute(text("SELECT min(ref) FROM thing")).scalar_one()
    ledger.move(ref, "remark", None)
    ledger.sql("DELETE FROM record_queue")


def forge_signature(ledger: Ledger) -> None:
    ledger.sql(
        "UPDATE record_checkpoint SET note = :note WHERE size = 5", note=flip_signature(ledger.notes[4])
    )


def lose_checkpoint(ledger: Ledger) -> None:
    ledger.sql("DELETE FROM record_checkpoint WHERE size = 5")


def write_rubbish(ledger: Ledger) -> None:
    ledger.sql(
        "UPDATE record_entry SET body = '[' WHERE id = (SELECT entry_id FROM record_leaf WHERE seq = 9)"
    )


Attack = Callable[[Ledger], None]

ATTACKS: list[tuple[Attack, int, int, int | None]] = [
    # attack, code without and with checkpoints kept outside, place of the first bad entry with them
    (edit_row, 10, 10, 9),
    (recompute, 12, 12, 7),
    (recompute_and_sign, 9, 14, 7),
    (delete_row, 11, 11, 7),
    (delete_row_and_leaf, 11, 11, 7),
    (delete_and_sign, 9, 14, 7),
    (swap, 11, 11, 3),
    (swap_leaves, 12, 12, 6),
    (cut, 11, 13, 8),
    (cut_and_put_back, 9, 13, 8),
    (roll_back_and_go_on, 9, 14, 8),
    (slip_in_and_sign, 9, 14, 5),
    (set_state, 15, 15, None),
    (set_version, 15, 15, None),
    (set_head, 15, 15, None),
    (lose_row, 15, 15, None),
    (sneak_row, 15, 15, None),
    (reword_reason, 10, 10, 9),
    (lose_reasons, 10, 10, 9),
    (lose_queued, 11, 11, None),
    (forge_signature, 19, 19, 4),
    (lose_checkpoint, 11, 11, 5),
    (write_rubbish, 10, 10, 9),
]


@pytest.mark.parametrize(
    ("attack", "alone", "helped", "first"), ATTACKS, ids=[attack[0].__name__ for attack in ATTACKS]
)
def test_attacks_of_the_superuser(
    ledger: Ledger, refs: list[str], attack: Attack, alone: int, helped: int, first: int | None
) -> None:
    notes = list(ledger.notes)
    attack(ledger)
    assert ledger.verdict().code == alone, ledger.verdict().lines()
    verdict = ledger.verdict(known=notes)
    assert (verdict.code, verdict.first and verdict.first.seq) == (helped, first), verdict.lines()


def test_any_single_edit_of_an_entry_is_found_at_its_place(ledger: Ledger, refs: list[str]) -> None:
    chance = random.Random(20241118)
    for _ in range(15):
        seq = chance.randrange(12)
        with ledger.database.reading() as tx:
            body: str = tx.connection.execute(
                text("SELECT body FROM record_entry JOIN record_leaf ON id = entry_id WHERE seq = :seq"),
                {"seq": seq},
            ).scalar_one()
        at = chance.randrange(len(body))
        changed = body[:at] + chr(ord(body[at]) ^ 1) + body[at + 1 :]
        update = (
            "UPDATE record_entry SET body = :body"
            " WHERE id = (SELECT entry_id FROM record_leaf WHERE seq = :seq)"
        )
        ledger.sql(update, body=changed, seq=seq)
        verdict = ledger.verdict()
        assert verdict.first is not None
        assert (verdict.code, verdict.first.seq) == (10, seq), (at, verdict.lines())
        ledger.sql(update, body=body, seq=seq)
    assert ledger.verdict().code == 9


def test_a_lawful_erasure_leaves_the_record_in_order(ledger: Ledger, refs: list[str]) -> None:
    with ledger.database.reading() as tx:
        contents = tx.connection.execute(
            text("SELECT body FROM record_entry WHERE subject_ref = :ref ORDER BY position"), {"ref": refs[0]}
        ).scalars()
        reason = json.loads(list(contents)[-1])["reason_commit"]
        assert payload_of(tx, reason) == "Đủ điều kiện"
    ledger.move(refs[0], "erased", None, payload={"commitments": [reason]})
    with ledger.database.writing() as tx:
        tx.connection.execute(text("DELETE FROM record_payload WHERE commitment = :c"), {"c": reason})
    ledger.sequence()
    verdict = ledger.verdict()
    assert (verdict.code, verdict.forgotten) == (9, 1), verdict.lines()


def test_entries_that_wait_for_their_place_are_no_finding(ledger: Ledger, refs: list[str]) -> None:
    ledger.move(refs[1], "remark", None)
    verdict = ledger.verdict()
    assert (verdict.code, verdict.entries, verdict.size, verdict.waiting) == (9, 13, 12, 1)


def test_looking_at_what_is_new_only(ledger: Ledger, refs: list[str]) -> None:
    assert ledger.verdict(since=6).entries == 6
    assert ledger.verdict(since=6, known=ledger.notes).code == 0
    edit_row(ledger)
    verdict = ledger.verdict(since=6)
    assert verdict.first is not None
    assert (verdict.code, verdict.first.seq) == (10, 9)
    assert ledger.verdict(since=11).code == 9  # place 9 was looked at by whoever signed for size 11


def test_a_checkpoint_of_another_record_is_no_anchor(ledger: Ledger, refs: list[str]) -> None:
    other = ledger.notes[3].replace("gt.example.vn", "gg.example.vn")
    assert ledger.verdict(known=[other]).code == 19
    for text_of_none in ("nothing of the kind", "", "\n\n", ledger.notes[3][:-30]):
        with pytest.raises(NoteRefused):
            ledger.verdict(known=[text_of_none])


def test_a_file_with_many_known_checkpoints_is_one_text(ledger: Ledger, refs: list[str]) -> None:
    assert ledger.verdict(known=["\n".join(ledger.notes)]).anchored_size == 12


def test_a_signer_of_an_old_database_refuses(ledger: Ledger, refs: list[str]) -> None:
    ledger.cut(3, business_too=True)
    with pytest.raises(SignerRefused, match="tree_smaller") as refused:
        Sequencer(ledger.database, ledger.signer).run_once()
    assert refused.value.code == "tree_smaller"


def test_a_restored_database_that_went_on_is_refused_as_well(ledger: Ledger, refs: list[str]) -> None:
    ledger.cut(3, business_too=True)
    for n in range(4):
        ledger.move(refs[n % 3], "remark", None)
    # The sequencer that is running has looked when it started, and gives places; the signer refuses them.
    with pytest.raises(SignerRefused, match="tree_inconsistent"):
        ledger.sequencer.run_once()
    with pytest.raises(SignerRefused, match="tree_inconsistent"):
        Sequencer(ledger.database, ledger.signer).check()


def test_a_restored_copy_of_the_file_is_refused_and_found(
    sqlite_database: Database, tmp_path: Path, clock: TestClock
) -> None:
    ledger = Ledger.open(sqlite_database, tmp_path / "keys")
    refs = a_history(ledger, clock)
    with sqlite3.connect(sqlite_database.url.database or "") as now, sqlite3.connect(tmp_path / "old") as old:
        now.backup(old)
        ledger.move(refs[0], "revoke", "returned")
        ledger.sequence()
        assert ledger.verdict(known=ledger.notes).code == 0
        old.backup(now)
    now.close()
    old.close()
    with pytest.raises(SignerRefused, match="tree_smaller"):
        Sequencer(sqlite_database, ledger.signer).check()
    verdict = ledger.verdict(known=ledger.notes)
    assert verdict.first is not None
    assert (verdict.code, verdict.first.seq) == (13, 12), verdict.lines()


def test_no_false_alarm_on_histories_by_chance(ledger: Ledger, clock: TestClock) -> None:
    chance = random.Random(2024)
    refs = [ledger.add()]
    for _ in range(60):
        match chance.randrange(5):
            case 0:
                refs.append(ledger.add(f"state_{chance.randrange(3)}"))
            case 1:
                ledger.move(
                    chance.choice(refs), "remark", None, reason="Bổ sung" if chance.random() < 0.5 else None
                )
            case 2:
                clock.advance(timedelta(seconds=chance.randrange(90)))
            case 3:
                ledger.sequence()
            case _:
                ledger.move(chance.choice(refs), "submit", f"state_{chance.randrange(3)}", payload={"n": 1})
    assert ledger.verdict().code == 9, ledger.verdict().lines()
    ledger.sequence()
    verdict = ledger.verdict(known=ledger.notes)
    assert (verdict.code, verdict.waiting) == (0, 0), verdict.lines()


def test_the_memory_it_takes_does_not_grow_with_the_record(database: Database, tmp_path: Path) -> None:
    ledger = Ledger.open(database, tmp_path / "keys")
    entries = [
        compose(
            subject=("account", new_ref()),
            head=EMPTY,
            action="opened",
            by=CHAU,
            reason="Lý do",
            now=datetime(2024, 11, 18, tzinfo=UTC),
            origin=ORIGIN,
            epoch=1,
        )
        for _ in range(6_000)
    ]
    with database.writing() as tx:
        tx.connection.execute(
            insert(RecordPayload), [row for entry in entries for row in entry.payload_rows()]
        )
        tx.connection.execute(insert(RecordEntry), [entry.entry_row() for entry in entries])
    del entries
    while ledger.sequencer.run_once().more:
        pass
    ledger.verdict()  # whatever is made once and kept
    tracemalloc.start()
    verdict = ledger.verdict()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (verdict.code, verdict.entries) == (9, 6_000)
    assert peak < 7_000_000  # the bodies of all entries alone are that much


def test_findings_are_counted_but_not_all_kept(ledger: Ledger, refs: list[str]) -> None:
    for n in range(130):
        ledger.sql("INSERT INTO thing VALUES (:ref, 'awarded', 1, NULL, 0)", ref=f"{n:03}")
    verdict = ledger.verdict()
    assert (verdict.count, len(verdict.findings)) == (130, 100)
    assert any("30 more" in line for line in verdict.lines())


def test_a_commitment_cannot_be_guessed_from_the_text() -> None:
    assert commit("Đủ điều kiện").commitment != commit("Đủ điều kiện").commitment
