"""The record of real commands, held against the rows that they wrote."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import text

from dossiers.evidence import chain_ends, states
from dossiers.tables import metadata
from storage.checkpoint import TreeHead
from storage.database import Database, TestClock, Tx
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner
from storage.verify import Verdict, verify
from tests.builders import ATTESTED, World, a_draft, a_world

OTHER_STATE = (
    "SELECT max(key) FROM workflow_state AS other WHERE subject = '{0}'"
    " AND other.edition_id = {0}.edition_id AND other.key <> {0}.state"
)


@pytest.fixture
def world(database: Database, clock: TestClock) -> World:
    return a_world(database, clock)


@pytest.fixture
def signer(world: World, tmp_path: Path) -> FileKeySigner:
    with world.database.reading() as tx:
        head = TreeHead(tx.origin, tx.epoch, 0, b"")
    folder = tmp_path / "keys"
    folder.mkdir()
    return FileKeySigner.make(folder, head.origin, head.epoch)


def a_recorded_draft(world: World) -> None:
    world.at(2024, 10, 28)
    a_draft(world, class_code="health_unit", name="Trạm Y tế xã Vĩnh Phú", answers={"TT-C-1": ATTESTED})


def verified(tx: Tx, signer: FileKeySigner) -> Verdict:
    return verify(tx, public_keys=[signer.public_key], heads=chain_ends(), states=states())


def test_every_table_that_keeps_the_end_of_a_chain_is_looked_at() -> None:
    keeping = {table.name for table in metadata.tables.values() if "chain_head" in table.c}
    assert set(chain_ends()) == keeping


def test_a_draft_is_what_its_record_says(world: World, signer: FileKeySigner) -> None:
    a_recorded_draft(world)
    Sequencer(world.database, signer).run_once()
    with world.database.reading() as tx:
        found = verified(tx, signer)
    assert found.code == 9, found.lines()
    assert found.entries == found.size > 2


DEEDS = (
    f"UPDATE dossier SET state = ({OTHER_STATE.format('dossier')})",
    "UPDATE dossier SET version = version + 1",
    f"UPDATE nominee SET state = ({OTHER_STATE.format('nominee')})",
    "UPDATE nominee SET version = version + 1",
    "UPDATE nominee SET ref = '01935a5e-0000-7000-8000-000000000001'",
    "UPDATE dossier SET chain_head = NULL, chain_length = 0",
)


class Undone(Exception):
    """Leaves a writing transaction without keeping anything of it."""


def test_rows_changed_behind_the_records_back_are_found(world: World, signer: FileKeySigner) -> None:
    a_recorded_draft(world)

    def code_after(deed: str) -> int:
        code = 0
        with contextlib.suppress(Undone), world.database.writing() as tx:
            assert tx.connection.execute(text(deed)).rowcount == 1
            code = verified(tx, signer).code
            raise Undone
        return code

    assert [code_after(deed) for deed in DEEDS] == [15] * len(DEEDS)
    with world.database.reading() as tx:
        assert verified(tx, signer).code == 9
