"""Entries and their chains: the form, what may stand in them, and many writers at once."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.base import new_ref
from storage.canonical import NotCanonical, canonical, moment_text
from storage.database import Database, TestClock
from storage.record import (
    EMPTY,
    AttachmentMark,
    By,
    Entry,
    Head,
    Moved,
    NotForTheRecord,
    append,
    compose,
    entries_of,
    head_of,
    idem_key_mark,
    payload_of,
    payloads_of,
)
from storage.sequencer import time_of
from tests.storage.ledger import CHAU, ORIGIN, Ledger, a_history

REF = "01935a5e-0000-7000-8000-000000000001"
MOMENT = datetime(2024, 11, 18, 2, 0, 0, 5, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs" / "record.md"

FIELDS = """
v origin epoch subject position event_id ts_utc
actor_id actor_function actor_org_unit acting_for authority session_ref request_id idem_key
action moves edition regime dossier_version workflow_sha256
payload_commit attachments decision_pdf_sha256 reason_commit prev
"""


def an_entry(**changed: Any) -> Entry:
    said: dict[str, Any] = {
        "subject": ("dossier", REF),
        "head": Head(3, "a" * 64),
        "action": "return_dossier",
        "by": CHAU,
        "moves": [Moved("dossier", REF, 3, 4, "under_appraisal", "returned")],
        "edition": "giang_thanh@2024",
        "workflow_sha256": "b" * 64,
        "regime": "law-2022",
        "dossier_version": 2,
        "attachments": [AttachmentMark("blob/ab/abcd", "c" * 64, 2048, "application/pdf")],
        "now": MOMENT,
        "origin": ORIGIN,
        "epoch": 1,
    }
    return compose(**(said | changed))


@pytest.mark.parametrize("now", [MOMENT, datetime(999, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_the_time_of_an_entry_is_read_without_parsing_it(now: datetime) -> None:
    for entry in (
        an_entry(now=now),
        an_entry(now=now, workflow_sha256=None),
        an_entry(now=now, origin='"ts_utc":"2000-01-01",'),
    ):
        assert time_of(entry.body) == json.loads(entry.body)["ts_utc"] == moment_text(now)
    assert time_of("{}") == ""


def test_an_entry_holds_these_fields_and_no_other() -> None:
    content = json.loads(an_entry(reason="Thiếu biên bản").body)
    assert sorted(content) == sorted(FIELDS.split())
    assert content["ts_utc"] == "2024-11-18T02:00:00.000005Z"
    assert (content["position"], content["prev"]) == (4, "a" * 64)
    assert content["subject"] == {"kind": "dossier", "ref": REF}
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", content["event_id"]
    )


def test_the_first_entry_of_a_chain_names_no_predecessor() -> None:
    first = an_entry(head=EMPTY)
    assert (first.position, first.prev) == (1, "0" * 64)
    assert first.head == Head(1, first.hash)


def test_the_body_is_what_rfc_8785_asks_and_its_hash_is_over_these_bytes() -> None:
    entry = an_entry(payload={"b": 1, "a": "é"}, reason="Thiếu", by=By(None, None, None))
    assert rfc8785.dumps(json.loads(entry.body)).decode() == entry.body
    assert entry.body.isascii()
    assert entry.hash == hashlib.sha256(entry.body.encode()).hexdigest()


def test_payload_and_reason_are_commitments() -> None:
    entry = an_entry(payload={"to": "Trường Tiểu học", "b": 2}, reason="Thiếu biên bản họp")
    content = json.loads(entry.body)
    payload, reason = entry.commitments
    assert (content["payload_commit"], content["reason_commit"]) == (payload.commitment, reason.commitment)
    assert payload.payload == '{"b":2,"to":"Trường Tiểu học"}'
    assert reason.payload == '"Thiếu biên bản họp"'
    for kept in entry.commitments:
        assert len(kept.salt) == 32
        assert hashlib.sha256(kept.salt + kept.payload.encode()).hexdigest() == kept.commitment
    assert an_entry().commitments == ()


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("subject", {"subject": ("dossier", "GT-2024-0044")}),
        ("subject", {"subject": ("person", REF)}),
        ("action", {"action": "Return"}),
        ("action", {"action": "trả lại"}),
        ("account_ref", {"by": By("Nguyễn Văn An", None, None)}),
        ("account_ref", {"by": By("an.nguyen", None, None)}),
        ("function", {"by": By(REF, "Thẩm định", None)}),
        ("org_unit_ref", {"by": By(REF, None, "Phòng Nội vụ")}),
        ("acting_for", {"by": By(REF, None, None, acting_for="Chủ tịch")}),
        ("authority", {"by": By(REF, None, None, authority="QĐ 12")}),
        ("session_ref", {"by": By(REF, None, None, session_ref="two words")}),
        ("request_id", {"by": By(REF, None, None, request_id="079085001234")}),
        ("edition", {"edition": "bản 2024"}),
        ("regime", {"regime": "0912345678"}),
        ("workflow_sha256", {"workflow_sha256": "short"}),
        ("decision_pdf_sha256", {"decision_pdf_sha256": "B" * 64}),
        ("dossier_version", {"dossier_version": "2"}),
        ("moves", {"moves": [Moved("person", REF, 1, 2, "a", "b")]}),
        ("moves", {"moves": [Moved("nominee", REF, 1, 2, "a", "đã nhận")]}),
        ("moves", {"moves": [Moved("nominee", REF, 1, True, "a", "b")]}),
        ("attachments", {"attachments": [AttachmentMark("tờ trình.pdf", "c" * 64, 1, "application/pdf")]}),
        ("attachments", {"attachments": [AttachmentMark("k", "c" * 64, 1, "Tờ trình")]}),
    ],
)
def test_nothing_but_references_codes_and_hashes_gets_in(field: str, changed: dict[str, Any]) -> None:
    with pytest.raises(NotForTheRecord) as refused:
        an_entry(**changed)
    assert refused.value.field == field
    value = str(next(iter(changed.values())))
    assert value not in str(refused.value)


def test_a_clients_idempotency_key_is_kept_as_its_hash() -> None:
    by = By(REF, None, None, idem_key="Nguyễn Văn An 079085001234")
    content = json.loads(an_entry(by=by).body)
    assert content["idem_key"] == idem_key_mark("Nguyễn Văn An 079085001234")
    assert re.fullmatch("sha256:[0-9a-f]{64}", content["idem_key"])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("aàbđ€𐀀\ufb33", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_canonical_text_says_the_same_and_is_stable(value: Any) -> None:
    try:
        written = canonical(value)
    except NotCanonical as refused:
        assert "two keys" in str(refused)  # noqa: PT017  # hypothesis may find keys that are one in NFC
        return
    again = json.loads(written)
    assert canonical(again) == written
    assert rfc8785.dumps(again).decode() == written


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        float("nan"),
        {"a": [1.0]},
        2**53,
        b"bytes",
        {1: "a"},
        object(),
        "\0",
        "\ud800",
        {"\u00e1": 1, "a\u0301": 2},
        datetime(2024, 1, 1),  # noqa: DTZ001  # a naive moment is the point
    ],
    ids=[
        "half", "nan", "float inside", "huge", "bytes", "number as key", "object", "nul", "surrogate",
        "one key in NFC", "naive",
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_moments_days_and_text_are_written_one_way() -> None:
    saigon = timezone(timedelta(hours=7))
    assert canonical([datetime(2024, 11, 18, 9, tzinfo=saigon), date(2024, 2, 9), "Tie\u0302\u0301n"]) == (
        '["2024-11-18T02:00:00.000000Z","2024-02-09","Tiến"]'
    )


def an_installation(database: Database) -> None:
    with database.writing() as tx:
        tx.connection.execute(
            text("INSERT INTO installation (id, origin, epoch, created_at) VALUES (1, :origin, 1, :now)"),
            {"origin": ORIGIN, "now": "2024-11-18 02:00:00"},
        )


def test_entries_are_read_back_as_they_were_written(database: Database, clock: TestClock) -> None:
    an_installation(database)
    with database.writing() as tx:
        head = append(
            tx, subject=("account", REF), head=EMPTY, action="account.disable", by=CHAU, reason="Nghỉ hưu"
        )
        head = append(
            tx, subject=("account", REF), head=head, action="account.enable", by=CHAU, payload={"until": None}
        )
    with database.reading() as tx:
        assert head_of(tx, "account", REF) == head
        assert head_of(tx, "account", new_ref()) == EMPTY
        first, second = entries_of(tx, "account", REF)
        assert entries_of(tx, "account", REF, after=1) == [second]
        assert entries_of(tx, "account", REF, limit=1) == [first]
        assert (first.position, first.seq, second.prev) == (1, None, first.hash)
        assert first.content["ts_utc"] == "2024-11-18T02:00:00.000000Z"
        assert payload_of(tx, first.content["reason_commit"]) == "Nghỉ hưu"
        assert payload_of(tx, second.content["payload_commit"]) == {"until": None}
        assert payload_of(tx, None) is None
        assert payload_of(tx, "f" * 64) is None
        assert len(payloads_of(tx, [first.content["reason_commit"], second.content["payload_commit"]])) == 2


def test_a_head_that_is_not_the_last_does_not_fork_the_chain(database: Database) -> None:
    an_installation(database)
    with database.writing() as tx:
        append(tx, subject=("account", REF), head=EMPTY, action="open", by=CHAU)
    with pytest.raises(IntegrityError), database.writing() as tx:
        append(tx, subject=("account", REF), head=EMPTY, action="open", by=CHAU)


def test_a_change_that_is_undone_leaves_no_entry(database: Database) -> None:
    an_installation(database)

    def write_and_give_up() -> None:
        with database.writing() as tx:
            append(tx, subject=("account", REF), head=EMPTY, action="open", by=CHAU, reason="Không")
            raise LookupError

    with pytest.raises(LookupError):
        write_and_give_up()
    with database.reading() as tx:
        for table in ("record_entry", "record_queue", "record_payload"):
            assert tx.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_canary_data_of_a_person_stands_in_payloads_only(database: Database, tmp_path: Path) -> None:
    canaries = ["Nguyễn Thị Kim Canary", "079085001234", "0912345678"]
    ledger = Ledger.open(database, tmp_path / "keys")
    ref = ledger.add()
    ledger.move(ref, "remark", None, payload={"name": canaries[0], "cccd": canaries[1]}, reason=canaries[2])
    ledger.sequence()
    with database.reading() as tx:
        for table in ("record_entry", "record_queue", "record_leaf", "record_checkpoint", "record_payload"):
            rows = tx.connection.execute(text(f"SELECT * FROM {table}")).all()
            said = "\n".join(str(tuple(row)) for row in rows)
            assert any(canary in said for canary in canaries) == (table == "record_payload")
    files = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert not any(canary.encode() in files for canary in canaries)


def test_eight_writers_on_different_subjects_keep_every_chain_and_the_tree(
    database: Database, tmp_path: Path
) -> None:
    ledger = Ledger.open(database, tmp_path / "keys")
    refs = [ledger.add() for _ in range(8)]
    failed: list[BaseException] = []
    done = threading.Event()

    def write(ref: str) -> None:
        try:
            for n in range(12):
                ledger.move(ref, "remark", f"state_{n}", reason=f"Ghi chú {n}")
        except BaseException as error:
            failed.append(error)

    def sequence() -> None:
        try:
            while not done.wait(0.005):
                ledger.sequencer.run_once()
        except BaseException as error:
            failed.append(error)

    sequencing = threading.Thread(target=sequence)
    writing = [threading.Thread(target=write, args=(ref,)) for ref in refs]
    for thread in (sequencing, *writing):
        thread.start()
    for thread in writing:
        thread.join()
    done.set()
    sequencing.join()
    ledger.sequence()
    assert failed == []
    last = ledger.signer.last().note  # the thread may have signed it, which keeps no notes
    assert last is not None
    verdict = ledger.verdict(known=[last])
    assert verdict.code == 0, verdict.lines()
    assert (verdict.entries, verdict.size, verdict.waiting) == (8 * 13, 8 * 13, 0)


def test_the_script_of_the_docs_checks_the_chains(
    database: Database, clock: TestClock, tmp_path: Path
) -> None:
    found = re.search(r"```python\n(# chains\.py.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    script = tmp_path / "chains.py"
    script.write_text(found[1], encoding="utf-8")
    assert len([line for line in found[1].splitlines() if line.strip()]) <= 20
    a_history(Ledger.open(database, tmp_path / "keys"), clock)
    with database.reading() as tx:
        bodies = tx.connection.execute(
            text("SELECT body FROM record_entry JOIN record_leaf ON entry_id = id ORDER BY seq")
        ).scalars()
        lines = list(bodies)
    assert run_script(script, lines) == (0, "12 entries in 3 chains")
    assert run_script(script, [lines[1], lines[0], *lines[2:]])[0] == 0  # chains do not know of each other
    assert run_script(script, [*lines[:3], lines[3].replace("submit", "refuse"), *lines[4:]])[0] == 1
    assert run_script(script, [*lines[:3], *lines[4:]])[0] == 1
    assert run_script(script, [*lines[:3], lines[6], *lines[4:6], lines[3], *lines[7:]])[0] == 1


def run_script(script: Path, lines: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(script)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()
