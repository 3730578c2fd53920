"""What the tables promise as a whole: a walk over the metadata of every table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, DateTime, Float, ForeignKeyConstraint, Numeric, Table, Text, select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.types import Integer, TypeDecorator

from dossiers.tables import metadata
from storage.base import Folded, NfcText, TextRefused, UtcDateTime
from storage.database import Database
from tests.storage.rows import DAY, fill, insert_row

TABLES = metadata.sorted_tables

# Followed from this row to the other only: nobody asks the other row for all that point to it. Whoever
# writes such a question takes the column from here and gives it an index.
FORWARD_ONLY = {
    "attachment_use.criterion_id",
    "attachment_version.supplied_by",
    "award_round.decider_body_id",
    "award_round.parent_round_id",
    "award_round.programme_id",
    "award_round.workflow_id",
    "config_document.published_by",
    "criterion.programme_id",
    "criterion_answer.criterion_id",
    "decision.blob_id",
    "decision.body_id",
    "decision.decided_by",
    "decision.dossier_version_id",
    "decision.signer_id",
    "dossier.claimed_by",
    "dossier.created_by",
    "dossier.edition_id",
    "dossier.regime_id",
    "dossier.revision_id",
    "nominee.award_form_id",
    "nominee.class_id",
    "nominee.edition_id",
    "nominee.nominated_by_unit_id",
    "nominee.revision_id",
    "participation.person_id",
    "person.subject_id",
    "quota_pool.award_form_id",
    "quota_pool.decider_body_id",
    "remark.written_by",
    "revision.written_by",
}


def _named(table: Table) -> str:
    return table.name


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_money_and_ratios_are_integers(table: Table) -> None:
    for column in table.columns:
        kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
        assert not isinstance(kind, Numeric | Float), f"{column} is neither đồng nor a part of a ratio"


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_moments_are_aware_and_named_as_such(table: Table) -> None:
    for column in table.columns:
        assert not isinstance(column.type, DateTime), f"{column} is a DateTime: use UtcDateTime"
        if isinstance(column.type, UtcDateTime):
            assert column.name == "at" or column.name.endswith(("_at", "_since", "_until")), str(column)
        if column.name.endswith("_on"):
            assert column.type.python_type.__name__ in ("date", "bool"), str(column)


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_numbers_inside_are_wide_and_refs_outside_are_unique(table: Table) -> None:
    for column in table.columns:
        if isinstance(column.type, Integer):
            assert column.type.__visit_name__ == "big_integer", f"{column} is narrower than BIGINT"
        if column.name == "ref":
            assert column.unique, f"{column} names a row outside and is not unique"


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_links_that_are_read_backwards_have_an_index(table: Table) -> None:
    led = {next(iter(index.columns)).name for index in table.indexes}
    led |= {
        next(iter(constraint.columns)).name
        for constraint in table.constraints
        if constraint.__visit_name__ in ("primary_key_constraint", "unique_constraint")
    }
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            first = next(iter(key.columns)).name
            name = f"{table.name}.{first}"
            assert (first in led) != (name in FORWARD_ONLY), name


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_nothing_is_deleted_behind_anybodys_back(table: Table) -> None:
    for key in table.foreign_keys:
        assert key.ondelete is None, f"{key} deletes rows that nobody asked to delete"


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_intervals_end_after_they_begin(table: Table) -> None:
    for begin, end in (("from_on", "to_on"), ("in_force_from", "in_force_to"), ("opens_at", "closes_at")):
        if begin in table.columns and end in table.columns:
            assert any(
                f"{end} > {begin}" in str(check.sqltext)
                for check in table.constraints
                if isinstance(check, CheckConstraint)
            ), f"{table.name} has no CHECK that {end} is after {begin}"


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_names_fit_both_databases(table: Table) -> None:
    names = [table.name, *(column.name for column in table.columns)]
    names += [str(index.name) for index in table.indexes]
    names += [str(constraint.name) for constraint in table.constraints if constraint.name]
    assert [name for name in names if len(name) > 63] == []


@pytest.mark.parametrize("table", TABLES, ids=_named)
def test_keys_to_sort_and_search_by_are_compared_byte_by_byte(table: Table) -> None:
    for column in table.columns:
        if column.name in ("sort_key", "search_text"):
            assert column.type is Folded or column.type._variant_mapping == Folded._variant_mapping, str(
                column
            )
        elif isinstance(column.type, Text):
            assert not column.type._variant_mapping, f"{column} is compared like a sort key"


def test_the_page_about_the_tables_names_each_of_them_once() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text(encoding="utf-8")
    lists = re.findall(r"^\| table \| a row is .*\n\|---.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    cells = [line.split("|")[1] for rows in lists for line in rows.splitlines()]
    named = [name.strip() for cell in cells for name in cell.split(",")]
    assert sorted(named) == sorted(metadata.tables)


def test_both_databases_sort_alike(database: Database) -> None:
    keys = ["z", "a b", "ab", "a", "0", "an", "a1", "an b", "", "Z"]
    person = metadata.tables["person"]
    with database.writing() as tx:
        for key in keys:
            insert_row(tx.connection, person, {}, {"sort_key": key})
    with database.reading() as tx:
        found = tx.connection.execute(select(person.c.sort_key).order_by(person.c.sort_key)).scalars().all()
    assert found == sorted(keys)


def test_text_is_kept_composed_and_moments_come_back_aware(database: Database) -> None:
    person, installation = metadata.tables["person"], metadata.tables["installation"]
    in_giang_thanh = datetime(2024, 11, 18, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=7)))
    with database.writing() as tx:
        row = insert_row(tx.connection, person, {}, {"full_name": "Đa\u0323\u0306ng Thị Ư\u0309ng"})
        assert row["full_name"] == "Đặng Thị Ửng"
        row = insert_row(tx.connection, installation, {}, {"created_at": in_giang_thanh})
        assert row["created_at"] == in_giang_thanh
        assert row["created_at"].tzinfo is UTC


def test_a_moment_where_a_day_is_asked_is_refused_alike(database: Database) -> None:
    period = metadata.tables["org_unit_period"]
    for moment in (datetime(2024, 11, 18, 2, tzinfo=UTC), datetime(2024, 11, 18)):  # noqa: DTZ001  # either kind
        with database.reading() as tx, pytest.raises(StatementError, match="a moment where a day is asked"):
            tx.connection.execute(select(period).where(period.c.from_on <= moment))


@pytest.mark.parametrize("said", ["Đặng\x00Ửng", "\ud800"])
def test_text_that_no_column_can_keep_is_refused(said: str) -> None:
    with pytest.raises(TextRefused):
        NfcText().process_bind_param(said, None)  # type: ignore[arg-type]  # the dialect does not matter


def test_every_foreign_key_is_enforced(database: Database) -> None:
    with database.writing() as tx:
        made = fill(tx.connection)
    for table in TABLES:
        for key in table.foreign_keys:
            if key.parent.name == "state_subject" or table.name in _WRITTEN_ONCE:
                continue
            values: dict[str, object] = {
                key.parent.name: "nowhere" if key.parent.name == "state" else 987654321
            }
            if key.parent.name == "regime_id":
                values["complete_on"] = DAY  # or the CHECK that ties them would refuse first
            with pytest.raises(IntegrityError, match=r"(?i)foreign key"), database.writing() as tx:
                tx.connection.execute(table.update().values(values))
    assert made["dossier"]["state"] == "draft"


_WRITTEN_ONCE = {
    "record_entry",
    "record_leaf",
    "record_checkpoint",
    "config_document",
    "workflow_state",
    "nominee_class",
    "criterion",
    "award_form",
    "dossier_version",
    "attachment_version",
    "revision",
}
