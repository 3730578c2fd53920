"""One row for every table of the product, made from the tables themselves, for migrations with data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Column, Connection, Date, LargeBinary, Table, select
from sqlalchemy.types import BigInteger, Boolean, Integer, TypeDecorator

from dossiers.tables import metadata
from storage.base import UtcDateTime

MOMENT = datetime(2024, 11, 18, 2, 0, tzinfo=UTC)
DAY = date(2024, 11, 18)

# What the CHECKs of a table ask for, where a made-up word would not do.
_SAID: dict[str, dict[str, Any]] = {
    "org_unit": {"admin_level": "commune"},
    "body_function": {"function": "nominator"},
    "membership": {"function": "nominator"},
    "subject": {"kind": "individual"},
    "account_token": {"purpose": "activate"},
    "config_document": {"kind": "workflow"},
    "nominee_class": {"kind": "individual"},
    "criterion": {"proofs": "attested", "proof_join": "all"},
    "award_form": {"family": "commendation_form"},
    "award_round": {"occasion": "annual", "closes_at": datetime(2025, 1, 1, tzinfo=UTC)},
    "quota_pool": {"nominee_kind": "individual"},
    "dossier": {"state": "draft"},
    "nominee": {"state": "draft"},
    "revision": {"owner_kind": "dossier", "content": "{}", "salt": b"salt"},
    "dossier_version": {"purpose": "submit"},
    "participation": {"duty": "propose"},
    "remark": {"target_kind": "dossier"},
    "attachment": {"kind": "minutes"},
    "decision": {"state": "approved"},
    "outbox": {"state": "ready"},
}

RECORD = ("record_entry", "record_payload", "record_queue", "record_leaf", "record_checkpoint")


def fill(connection: Connection, *, record: bool = True) -> dict[str, dict[str, Any]]:
    """Put a row into every table (but the record's when ``record`` is False); return them by table."""
    made: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        if table.name in RECORD and not record:
            continue
        if table.name == "record_queue":  # filled by the trigger of record_entry
            made[table.name] = {"entry_id": made["record_entry"]["id"]}
            continue
        for extra in _variants(table):
            made[table.name] = insert_row(connection, table, made, extra)
    return made


def insert_row(
    connection: Connection, table: Table, made: dict[str, dict[str, Any]], said: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Insert a row with ``said`` in it and something fitting everywhere else; return it as it was kept."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if said and column.name in said:
            values[column.name] = said[column.name]
        elif column.name in _SAID.get(table.name, {}):
            values[column.name] = _SAID[table.name][column.name]
        elif column.nullable or column.default is not None or column.autoincrement is True:
            continue
        else:
            values[column.name] = _something(column, made)
    key = connection.execute(table.insert().values(values)).inserted_primary_key
    assert key is not None
    found = connection.execute(
        select(table).where(*(column == value for column, value in zip(table.primary_key, key, strict=True)))
    ).one()
    return dict(found._mapping)


def everything(connection: Connection) -> dict[str, list[Any]]:
    """Return all rows of all tables, to be compared."""
    return {
        table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in metadata.sorted_tables
    }


def _variants(table: Table) -> list[dict[str, Any]]:
    if table.name != "workflow_state":
        return [{}]
    return [{"subject": subject, "key": "draft"} for subject in ("dossier", "nominee")]


def _something(column: Column[Any], made: dict[str, dict[str, Any]]) -> Any:
    for key in column.foreign_keys:
        other, wanted = key.target_fullname.split(".")
        if other in made and other != column.table.name:
            return made[other][wanted]
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(column.type, UtcDateTime):
        return MOMENT
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, BigInteger | Integer):
        return 1
    if isinstance(kind, Date):
        return DAY
    if isinstance(kind, LargeBinary):
        return b"\x00\xff"
    length = getattr(kind, "length", None) or 64
    return f"{column.table.name} {column.name} Đặng"[:length]
