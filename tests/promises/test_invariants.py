"""The program that checks everything finds what it is there to find: each rule is broken once, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.blob import Blob
from storage.database import Tx
from storage.record import By, Head, Moved, append
from tests.promises.installation import Installation
from tests.promises.invariants import Deed, broken

REMOVED = "DELETE FROM record_leaf WHERE seq = (SELECT max(seq) - 1 FROM record_leaf)"


def drop_triggers(tx: Tx) -> None:
    """What whoever owns the database can do before he does what the triggers refuse."""
    for name in list(
        tx.connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
    ):
        tx.connection.execute(text(f'DROP TRIGGER "{name}"'))


def entry(tx: Tx, dossier: str, action: str, function: str, came: str, went: str) -> None:
    """A well-formed entry, properly chained, that says what no command would."""
    row = tx.connection.execute(
        text("SELECT chain_length, chain_head, version FROM dossier WHERE ref = :ref"), {"ref": dossier}
    ).one()
    edition, actor = tx.connection.execute(
        text(
            "SELECT c.sha256, a.ref FROM config_document c, dossier d, account a"
            " WHERE c.id = d.edition_id AND d.ref = :ref AND a.login = 'diem'"
        ),
        {"ref": dossier},
    ).one()
    head = append(
        tx,
        subject=("dossier", dossier),
        head=Head(row.chain_length, row.chain_head),
        action=action,
        by=By(account_ref=actor, function=function, org_unit_ref=None),
        moves=[Moved("dossier", dossier, row.version, row.version + 1, came, went)],
        workflow_sha256=edition,
    )
    tx.connection.execute(
        text(
            "UPDATE dossier SET chain_length = :n, chain_head = :h, version = version + 1, state = :s WHERE ref = :ref"
        ),
        {"n": head.length, "h": head.hash, "s": went, "ref": dossier},
    )


SQL = {
    "I4": "UPDATE dossier SET state = 'passed', version = version + 1",
    "I7": "UPDATE blob SET sha256 = '" + "0" * 64 + "' WHERE id = 1",
    "I9": "INSERT INTO outbox (key, kind, payload, run_at, attempt, state, created_at) VALUES"
    " ('notice/1', 'notify', '{}', '2024-11-04 02:00:00.000000', 5, 'dead', '2024-11-04 02:00:00.000000')",
    "I10": "UPDATE quota_pool SET used = used + 1 WHERE id = 1",
    "I11": "INSERT INTO participation SELECT dossier_id, person_id, 'decide', first_at FROM participation LIMIT 1",
    "I13": "INSERT INTO session (ref, token_hash, account_id, created_at, last_seen_at, expires_at) SELECT"
    " '0', '0', id, '2024-11-04 02:00:00.000000', '2024-11-04 02:00:00.000000', '2030-01-01 00:00:00.000000'"
    " FROM account WHERE login = 'loc'; UPDATE account SET state = 'disabled' WHERE login = 'loc'",
}  # fmt: skip


def sql(rule: str) -> Callable[[Installation, Tx, str], None]:
    def run(installation: Installation, tx: Tx, dossier: str) -> None:
        for statement in SQL[rule].split("; "):
            tx.connection.exec_driver_sql(statement)

    return run


def a_gap(installation: Installation, tx: Tx, dossier: str) -> None:
    drop_triggers(tx)
    tx.connection.exec_driver_sql(REMOVED)


def an_edited_entry(installation: Installation, tx: Tx, dossier: str) -> None:
    drop_triggers(tx)
    tx.connection.exec_driver_sql(
        "UPDATE record_entry SET body = replace(body, '\"submit\"', '\"withdraw\"')"
    )


def an_unlawful_step(installation: Installation, tx: Tx, dossier: str) -> None:
    entry(tx, dossier, "approve", "decider", "received", "approved")


def a_step_by_the_wrong_function(installation: Installation, tx: Tx, dossier: str) -> None:
    entry(tx, dossier, "start_appraisal", "award_officer", "received", "under_appraisal")


def two_duties_in_the_record(installation: Installation, tx: Tx, dossier: str) -> None:
    entry(tx, dossier, "start_appraisal", "nominator", "received", "under_appraisal")


def an_orphan(installation: Installation, tx: Tx, dossier: str) -> None:
    installation.files.put([b"nobody names me"], media_type="text/plain")


def a_lost_object(installation: Installation, tx: Tx, dossier: str) -> None:
    installation.files.remove(tx.session.query(Blob.key).order_by(Blob.id).limit(1).scalar())


BREAKS: tuple[tuple[str, Callable[[Installation, Tx, str], None]], ...] = (
    ("I3", a_gap),
    ("I4", sql("I4")),
    ("I5", an_unlawful_step),
    ("I5", a_step_by_the_wrong_function),
    ("I6", an_edited_entry),
    ("I7", sql("I7")),
    ("I7", a_lost_object),
    ("I8", an_orphan),
    ("I9", sql("I9")),
    ("I10", sql("I10")),
    ("I11", sql("I11")),
    ("I11", two_duties_in_the_record),
    ("I13", sql("I13")),
)


def said(installation: Installation, **given: object) -> list[str]:
    return broken(
        installation.world.database, installation.files, installation.keys, grace=timedelta(0), **given
    )  # type: ignore[arg-type]  # keywords of the call


@pytest.fixture
def settled(small: Installation) -> tuple[Installation, str]:
    dossier = small.dossier("received")
    small.check()
    return small, dossier


@pytest.mark.parametrize(("rule", "harm"), BREAKS, ids=[f"{rule}-{harm.__name__}" for rule, harm in BREAKS])
def test_each_broken_rule_is_named(
    settled: tuple[Installation, str], rule: str, harm: Callable[[Installation, Tx, str], None]
) -> None:
    installation, dossier = settled
    assert said(installation) == []
    with installation.world.database.writing() as tx:
        harm(installation, tx, dossier)
    assert any(rule in line.split()[0] for line in said(installation)), said(installation)


def test_the_journal_of_a_client_is_held_against_the_record(settled: tuple[Installation, str]) -> None:
    installation, dossier = settled
    installation.world.act("diem", dossier, "start_appraisal", idem_key="a-key-of-mine-1")
    done = Deed("a-key-of-mine-1", dossier, "start_appraisal", acknowledged=True)
    lost = Deed("a-key-of-mine-2", dossier, "finish_appraisal", acknowledged=True)
    unknown = Deed("a-key-of-mine-3", dossier, "finish_appraisal")
    installation.settle()
    assert said(installation, journal=[done, unknown]) == []
    assert [line.split()[0] for line in said(installation, journal=[done, lost])] == ["I1"]


def test_personal_data_in_a_log_is_named(settled: tuple[Installation, str], tmp_path: Path) -> None:
    installation, _ = settled
    log = tmp_path / "a.log"
    log.write_text('{"event": "saw Th\\u1ecb Kim Ng\\u00e2n"}', encoding="utf-8")
    assert [line.split()[0] for line in said(installation, canaries=["Thị Kim Ngân"], logs=[log])] == ["I15"]
    assert said(installation, canaries=["Thị Kim Ngân"]) == []
