"""The core tables, and the triggers that hold them to their promises on both databases.

The tables are spelt out so that this file means the same for ever, whatever becomes of the classes. A table
of the record is never rebuilt by a batch operation: copying, dropping and renaming would lose its triggers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # only INTEGER numbers rows by itself there
FOLDED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # sorted byte by byte on both
MOMENT = sa.DateTime(timezone=True)

RECORD = ("record_entry", "record_leaf", "record_checkpoint")
INSERT_ONLY = (
    "config_document",
    "workflow_state",
    "nominee_class",
    "criterion",
    "award_form",
    "dossier_version",
    "attachment_version",
)
# What REPLACE INTO would overwrite without a word: every unique key of the record's tables.
RECORD_KEYS = {
    "record_entry": (
        "id = NEW.id OR event_id = NEW.event_id OR (subject_kind = NEW.subject_kind"
        " AND subject_ref = NEW.subject_ref AND position = NEW.position)"
    ),
    "record_leaf": "seq = NEW.seq OR entry_id = NEW.entry_id",
    "record_checkpoint": "size = NEW.size",
}
# An issued decision stays as it was signed, a revoked one as it was taken back; only the chain may grow.
DECISION_FROZEN = (
    "id", "ref", "dossier_id", "dossier_version_id", "body_id", "state", "decided_by", "decided_at",
    "register_id", "number", "doc_number", "issued_on", "signer_id", "signer_position", "mode", "authority",
    "blob_id", "version",
)  # fmt: skip
REVISION_FROZEN = ("id", "owner_kind", "owner_id", "n", "commitment", "written_by", "written_at")

TABLES = (
    "access_log",
    "blob",
    "idempotency",
    "installation",
    "login_attempt",
    "org_unit",
    "outbox",
    "record_checkpoint",
    "record_entry",
    "record_payload",
    "schedule",
    "body_function",
    "number_register",
    "org_unit_period",
    "record_leaf",
    "record_queue",
    "subject",
    "person",
    "subject_name",
    "account",
    "membership",
    "account_token",
    "api_token",
    "config_document",
    "revision",
    "session",
    "award_form",
    "award_round",
    "nominee_class",
    "workflow_state",
    "criterion",
    "dossier",
    "quota_pool",
    "attachment",
    "dossier_version",
    "notice",
    "participation",
    "remark",
    "attachment_version",
    "decision",
    "nominee",
    "attachment_use",
    "clock_span",
    "criterion_answer",
    "quota_use",
)


def upgrade() -> None:
    _create_tables()
    if op.get_bind().dialect.name == "postgresql":
        _postgresql_promises()
    else:
        _sqlite_promises()


def downgrade() -> None:
    connection = op.get_bind()
    for table in RECORD:
        if connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {table})").scalar_one():
            raise RuntimeError(f"{table} holds rows; a migration never destroys a record")
    for table in reversed(TABLES):
        op.drop_table(table)
    if connection.dialect.name == "postgresql":
        for function in ("refuse_change", "fill_record_queue"):
            op.execute(f"DROP FUNCTION {function}()")


def _refused(statement: str, event: str, table: str, why: str, when: str = "", each: str = "ROW") -> None:
    """Let ``table`` refuse ``event`` with ``why``; ``when`` narrows the rows (SQL on OLD and NEW)."""
    name = f"{table}_refuses_{statement}"
    condition = f" WHEN ({when})" if when else ""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each}{condition}"
            f" EXECUTE FUNCTION refuse_change('{why}')"
        )
        # Also for sessions that call themselves a replica.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    else:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table}{condition}"
            f" BEGIN SELECT RAISE(ABORT, '{table}: {why}'); END"
        )


def _postgresql_promises() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';"
        " END $$"
    )
    op.execute(
        "CREATE FUNCTION fill_record_queue() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO record_queue (entry_id) VALUES (NEW.id); RETURN NULL; END $$"
    )
    for table in (*RECORD, *INSERT_ONLY):
        for statement in ("update", "delete", "truncate"):
            # Per statement, so that even one that meets no row is refused.
            _refused(statement, statement.upper(), table, "rows are written once", each="STATEMENT")
    op.execute(
        "CREATE TRIGGER record_entry_fills_queue AFTER INSERT ON record_entry FOR EACH ROW"
        " EXECUTE FUNCTION fill_record_queue()"
    )
    why = "a payload is kept or erased, never changed"
    _refused("update", "UPDATE", "record_payload", why, each="STATEMENT")
    _row_promises()
    for table in ("revision", "decision", "installation"):
        _refused("truncate", "TRUNCATE", table, "rows are kept", each="STATEMENT")
    # A range of one number stands for equality, so that no extension is needed.
    op.execute(
        "ALTER TABLE org_unit_period ADD CONSTRAINT ex_org_unit_period_overlap EXCLUDE USING gist"
        " (int8range(org_unit_id, org_unit_id, '[]') WITH &&, daterange(from_on, to_on, '[)') WITH &&)"
    )


def _sqlite_promises() -> None:
    for table in (*RECORD, *INSERT_ONLY):
        for statement in ("update", "delete"):
            _refused(statement, statement.upper(), table, "rows are written once")
    for table, taken in RECORD_KEYS.items():
        when = f"EXISTS (SELECT 1 FROM {table} WHERE {taken})"
        _refused("replace", "INSERT", table, "rows are written once, the key exists", when=when)
    op.execute(
        "CREATE TRIGGER record_entry_fills_queue AFTER INSERT ON record_entry"
        " BEGIN INSERT INTO record_queue (entry_id) VALUES (NEW.id); END"
    )
    _refused("update", "UPDATE", "record_payload", "a payload is kept or erased, never changed")
    _row_promises()
    for event in ("INSERT", "UPDATE"):
        _refused(
            f"overlap_on_{event.lower()}",
            event,
            "org_unit_period",
            "periods of one unit overlap",
            when=(
                "EXISTS (SELECT 1 FROM org_unit_period AS other WHERE other.org_unit_id = NEW.org_unit_id"
                " AND other.id IS NOT NEW.id"
                " AND (other.to_on IS NULL OR other.to_on > NEW.from_on)"
                " AND (NEW.to_on IS NULL OR NEW.to_on > other.from_on))"
            ),
        )


def _row_promises() -> None:
    """The promises that both databases word alike."""
    differs = "IS DISTINCT FROM" if op.get_bind().dialect.name == "postgresql" else "IS NOT"

    def changed(columns: tuple[str, ...]) -> str:
        return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)

    _refused("delete", "DELETE", "revision", "revisions are kept; only their content can be erased")
    _refused(
        "update",
        "UPDATE",
        "revision",
        "content and salt can be erased together, nothing else changes",
        when=f"NEW.content IS NOT NULL OR NEW.salt IS NOT NULL OR {changed(REVISION_FROZEN)}",
    )
    closed = "OLD.state IN ('issued', 'revoked')"
    _refused("delete", "DELETE", "decision", "an issued or revoked decision is kept", when=closed)
    _refused(
        "update",
        "UPDATE",
        "decision",
        "an issued or revoked decision does not change",
        when=f"{closed} AND ({changed(DECISION_FROZEN)})",
    )
    _refused("delete", "DELETE", "installation", "the installation is never forgotten")
    _refused(
        "update",
        "UPDATE",
        "installation",
        "only the epoch changes, by one",
        when=f"NEW.epoch {differs} OLD.epoch + 1 OR {changed(('id', 'origin', 'created_at'))}",
    )


def _create_tables() -> None:
    op.create_table(
        "access_log",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=True),
        sa.Column("target_kind", sa.String(length=30), nullable=True),
        sa.Column("target_ref", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"),
    )
    op.create_table(
        "blob",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=200), nullable=False),
        sa.Column("scan_state", sa.String(length=20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "scan_state IN ('off', 'pending', 'clean', 'infected')", name="ck_blob_scan_state"
        ),
        sa.CheckConstraint("size >= 0", name="ck_blob_size"),
        sa.PrimaryKeyConstraint("id", name="pk_blob"),
        sa.UniqueConstraint("key", name="uq_blob_key"),
    )
    op.create_table(
        "idempotency",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency"),
        sa.UniqueConstraint("account_id", "key", name="uq_idempotency_account_id_key"),
    )
    op.create_table(
        "installation",
        sa.Column("id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name="ck_installation_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "login_attempt",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("login_hash", sa.String(length=64), nullable=False),
        sa.Column("peer_hash", sa.String(length=64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempt"),
    )
    op.create_table(
        "org_unit",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("admin_level", sa.String(length=20), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("chain_head", sa.String(length=64), nullable=True),
        sa.Column("chain_length", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "admin_level IN ('province', 'district', 'commune', 'hamlet', 'none')",
            name="ck_org_unit_admin_level",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_org_unit"),
        sa.UniqueConstraint("code", name="uq_org_unit_code"),
        sa.UniqueConstraint("ref", name="uq_org_unit_ref"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("run_at", MOMENT, nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('ready', 'running', 'done', 'dead')", name="ck_outbox_state"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_table(
        "record_checkpoint",
        sa.Column("size", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("compact_range", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_record_checkpoint"),
    )
    op.create_table(
        "record_entry",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("subject_kind", sa.String(length=30), nullable=False),
        sa.Column("subject_ref", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("prev", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_record_entry"),
        sa.UniqueConstraint("event_id", name="uq_record_entry_event_id"),
        sa.UniqueConstraint(
            "subject_kind",
            "subject_ref",
            "position",
            name="uq_record_entry_subject_kind_subject_ref_position",
        ),
    )
    op.create_table(
        "record_payload",
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name="pk_record_payload"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=False),
        sa.Column("zone", sa.String(length=50), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedule"),
        sa.UniqueConstraint("key", name="uq_schedule_key"),
    )
    op.create_table(
        "body_function",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("body_id", BIG_ID, nullable=False),
        sa.Column("function", sa.String(length=30), nullable=False),
        sa.Column("performing_unit_id", BIG_ID, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "function IN ('nominator', 'unit_head', 'intake', 'appraiser', 'appraisal_head',"
            " 'award_officer', 'decider', 'council_secretary', 'registry_clerk', 'auditor',"
            " 'administrator')",
            name="ck_body_function_function",
        ),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ck_body_function_interval"),
        sa.ForeignKeyConstraint(["body_id"], ["org_unit.id"], name="fk_body_function_body_id"),
        sa.ForeignKeyConstraint(
            ["performing_unit_id"], ["org_unit.id"], name="fk_body_function_performing_unit_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_body_function"),
    )
    op.create_table(
        "number_register",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("body_id", BIG_ID, nullable=False),
        sa.Column("series", sa.String(length=40), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("next >= 1", name="ck_number_register_next"),
        sa.ForeignKeyConstraint(["body_id"], ["org_unit.id"], name="fk_number_register_body_id"),
        sa.PrimaryKeyConstraint("id", name="pk_number_register"),
        sa.UniqueConstraint("body_id", "series", "year", name="uq_number_register_body_id_series_year"),
    )
    op.create_table(
        "org_unit_period",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("org_unit_id", BIG_ID, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sort_key", FOLDED, nullable=False),
        sa.Column("search_text", FOLDED, nullable=False),
        sa.Column("place_name", sa.Text(), nullable=False),
        sa.Column("parent_id", BIG_ID, nullable=True),
        sa.Column("body_id", BIG_ID, nullable=True),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ck_org_unit_period_interval"),
        sa.ForeignKeyConstraint(["body_id"], ["org_unit.id"], name="fk_org_unit_period_body_id"),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name="fk_org_unit_period_org_unit_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["org_unit.id"], name="fk_org_unit_period_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_org_unit_period"),
    )
    op.create_table(
        "record_leaf",
        sa.Column("seq", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("entry_id", BIG_ID, nullable=False),
        sa.Column("leaf_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_record_leaf"),
        sa.UniqueConstraint("entry_id", name="uq_record_leaf_entry_id"),
    )
    op.create_table(
        "record_queue",
        sa.Column("entry_id", BIG_ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_record_queue"),
    )
    op.create_table(
        "subject",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("org_unit_id", BIG_ID, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('collective', 'individual', 'household')", name="ck_subject_kind"),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name="fk_subject_org_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subject"),
        sa.UniqueConstraint("ref", name="uq_subject_ref"),
    )
    op.create_table(
        "person",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("sort_key", FOLDED, nullable=False),
        sa.Column("search_text", FOLDED, nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("subject_id", BIG_ID, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_person_subject_id"),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("ref", name="uq_person_ref"),
    )
    op.create_table(
        "subject_name",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("subject_id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sort_key", FOLDED, nullable=False),
        sa.Column("search_text", FOLDED, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ck_subject_name_interval"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_subject_name_subject_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subject_name"),
    )
    op.create_table(
        "account",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", MOMENT, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("totp", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("chain_head", sa.String(length=64), nullable=True),
        sa.Column("chain_length", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("state IN ('invited', 'active', 'disabled')", name="ck_account_state"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_account_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("login", name="uq_account_login"),
        sa.UniqueConstraint("person_id", name="uq_account_person_id"),
        sa.UniqueConstraint("ref", name="uq_account_ref"),
    )
    op.create_table(
        "membership",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("org_unit_id", BIG_ID, nullable=False),
        sa.Column("function", sa.String(length=30), nullable=False),
        sa.Column("position_title", sa.Text(), nullable=False),
        sa.Column("named_desk", sa.Boolean(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("inquiry_scope", sa.Text(), nullable=True),
        sa.CheckConstraint("function <> 'auditor' OR to_on IS NOT NULL", name="ck_membership_auditor_ends"),
        sa.CheckConstraint(
            "function IN ('nominator', 'unit_head', 'intake', 'appraiser', 'appraisal_head',"
            " 'award_officer', 'decider', 'council_secretary', 'registry_clerk', 'auditor',"
            " 'administrator')",
            name="ck_membership_function",
        ),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ck_membership_interval"),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name="fk_membership_org_unit_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_membership_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_membership"),
        sa.UniqueConstraint("ref", name="uq_membership_ref"),
    )
    op.create_table(
        "account_token",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.CheckConstraint("purpose IN ('activate', 'reset')", name="ck_account_token_purpose"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_token_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account_token"),
        sa.UniqueConstraint("token_hash", name="uq_account_token_token_hash"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_api_token_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("ref", name="uq_api_token_ref"),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
    )
    op.create_table(
        "config_document",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("edition", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=True),
        sa.Column("in_force_to", sa.Date(), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("published_by", BIG_ID, nullable=True),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('workflow', 'programme', 'regime', 'award_catalogue', 'calendar', 'template')",
            name="ck_config_document_kind",
        ),
        sa.CheckConstraint(
            "in_force_to IS NULL OR in_force_to > in_force_from", name="ck_config_document_interval"
        ),
        sa.ForeignKeyConstraint(["published_by"], ["account.id"], name="fk_config_document_published_by"),
        sa.PrimaryKeyConstraint("id", name="pk_config_document"),
        sa.UniqueConstraint("kind", "code", "edition", name="uq_config_document_kind_code_edition"),
        sa.UniqueConstraint("kind", "sha256", name="uq_config_document_kind_sha256"),
        sa.UniqueConstraint("ref", name="uq_config_document_ref"),
    )
    op.create_table(
        "revision",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("owner_kind", sa.String(length=10), nullable=False),
        sa.Column("owner_id", BIG_ID, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("written_by", BIG_ID, nullable=True),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.CheckConstraint("owner_kind IN ('dossier', 'nominee')", name="ck_revision_owner_kind"),
        sa.CheckConstraint("(content IS NULL) = (salt IS NULL)", name="ck_revision_erased_whole"),
        sa.ForeignKeyConstraint(["written_by"], ["account.id"], name="fk_revision_written_by"),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.UniqueConstraint("owner_kind", "owner_id", "n", name="uq_revision_owner_kind_owner_id_n"),
    )
    op.create_table(
        "session",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.UniqueConstraint("ref", name="uq_session_ref"),
        sa.UniqueConstraint("token_hash", name="uq_session_token_hash"),
    )
    op.create_table(
        "award_form",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("catalogue_id", BIG_ID, nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("decider_position", sa.String(length=60), nullable=False),
        sa.Column("label_vi", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("legal_source", sa.Text(), nullable=True),
        sa.CheckConstraint("family IN ('commendation_form', 'emulation_title')", name="ck_award_form_family"),
        sa.ForeignKeyConstraint(["catalogue_id"], ["config_document.id"], name="fk_award_form_catalogue_id"),
        sa.PrimaryKeyConstraint("id", name="pk_award_form"),
        sa.UniqueConstraint("catalogue_id", "code", name="uq_award_form_catalogue_id_code"),
        sa.UniqueConstraint("ref", name="uq_award_form_ref"),
    )
    op.create_table(
        "award_round",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("workflow_id", BIG_ID, nullable=False),
        sa.Column("calendar_code", sa.String(length=60), nullable=False),
        sa.Column("decider_body_id", BIG_ID, nullable=False),
        sa.Column("occasion", sa.String(length=20), nullable=False),
        sa.Column("opens_at", MOMENT, nullable=False),
        sa.Column("closes_at", MOMENT, nullable=False),
        sa.Column("late_rule", sa.String(length=30), nullable=False),
        sa.Column("achievement_from", sa.Date(), nullable=False),
        sa.Column("achievement_to", sa.Date(), nullable=False),
        sa.Column("parent_round_id", BIG_ID, nullable=True),
        sa.Column("next_dossier_number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("chain_head", sa.String(length=64), nullable=True),
        sa.Column("chain_length", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "late_rule IN ('reject', 'accept_with_approval', 'defer')", name="ck_award_round_late_rule"
        ),
        sa.CheckConstraint(
            "occasion IN ('annual', 'interim_review', 'final_review')", name="ck_award_round_occasion"
        ),
        sa.CheckConstraint("achievement_to >= achievement_from", name="ck_award_round_achievement"),
        sa.CheckConstraint("closes_at > opens_at", name="ck_award_round_interval"),
        sa.ForeignKeyConstraint(["decider_body_id"], ["org_unit.id"], name="fk_award_round_decider_body_id"),
        sa.ForeignKeyConstraint(
            ["parent_round_id"], ["award_round.id"], name="fk_award_round_parent_round_id"
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["config_document.id"], name="fk_award_round_programme_id"),
        sa.ForeignKeyConstraint(["workflow_id"], ["config_document.id"], name="fk_award_round_workflow_id"),
        sa.PrimaryKeyConstraint("id", name="pk_award_round"),
        sa.UniqueConstraint("code", name="uq_award_round_code"),
        sa.UniqueConstraint("ref", name="uq_award_round_ref"),
    )
    op.create_table(
        "nominee_class",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("label_vi", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("legal_source", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('collective', 'individual', 'household')", name="ck_nominee_class_kind"),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["config_document.id"], name="fk_nominee_class_programme_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_nominee_class"),
        sa.UniqueConstraint("programme_id", "code", name="uq_nominee_class_programme_id_code"),
        sa.UniqueConstraint("ref", name="uq_nominee_class_ref"),
    )
    op.create_table(
        "workflow_state",
        sa.Column("edition_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("acting_function", sa.String(length=30), nullable=True),
        sa.CheckConstraint(
            "acting_function IS NULL OR acting_function IN ('nominator', 'unit_head',"
            " 'intake', 'appraiser', 'appraisal_head', 'award_officer', 'decider',"
            " 'council_secretary', 'registry_clerk', 'auditor', 'administrator')",
            name="ck_workflow_state_function",
        ),
        sa.CheckConstraint("subject IN ('dossier', 'nominee')", name="ck_workflow_state_subject"),
        sa.ForeignKeyConstraint(["edition_id"], ["config_document.id"], name="fk_workflow_state_edition_id"),
        sa.PrimaryKeyConstraint("edition_id", "subject", "key", name="pk_workflow_state"),
    )
    op.create_table(
        "criterion",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("class_id", BIG_ID, nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("text_vi", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("proofs", sa.String(length=120), nullable=False),
        sa.Column("proof_join", sa.String(length=3), nullable=False),
        sa.Column("applies_when", sa.String(length=60), nullable=True),
        sa.Column("threshold_num", sa.BigInteger(), nullable=True),
        sa.Column("threshold_den", sa.BigInteger(), nullable=True),
        sa.Column("ratio_of_vi", sa.Text(), nullable=True),
        sa.Column("ratio_of_en", sa.Text(), nullable=True),
        sa.Column("external_target", sa.String(length=60), nullable=True),
        sa.Column("legal_source", sa.Text(), nullable=True),
        sa.CheckConstraint("proof_join IN ('all', 'any')", name="ck_criterion_proof_join"),
        sa.CheckConstraint(
            "(threshold_num IS NULL) = (threshold_den IS NULL) AND (threshold_den IS NULL OR"
            " threshold_den > 0)",
            name="ck_criterion_threshold",
        ),
        sa.ForeignKeyConstraint(["class_id"], ["nominee_class.id"], name="fk_criterion_class_id"),
        sa.ForeignKeyConstraint(["programme_id"], ["config_document.id"], name="fk_criterion_programme_id"),
        sa.PrimaryKeyConstraint("id", name="pk_criterion"),
        sa.UniqueConstraint("class_id", "code", name="uq_criterion_class_id_code"),
        sa.UniqueConstraint("ref", name="uq_criterion_ref"),
    )
    op.create_table(
        "dossier",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("round_id", BIG_ID, nullable=False),
        sa.Column("proposing_unit_id", BIG_ID, nullable=False),
        sa.Column("edition_id", BIG_ID, nullable=False),
        sa.Column("state_subject", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_since", MOMENT, nullable=False),
        sa.Column("regime_id", BIG_ID, nullable=True),
        sa.Column("complete_on", sa.Date(), nullable=True),
        sa.Column("waiting_function", sa.String(length=30), nullable=True),
        sa.Column("waiting_body_id", BIG_ID, nullable=True),
        sa.Column("claimed_by", BIG_ID, nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("submissions", sa.BigInteger(), nullable=False),
        sa.Column("resubmission_unlocked", sa.Boolean(), nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=True),
        sa.Column("parent_id", BIG_ID, nullable=True),
        sa.Column("revision_id", BIG_ID, nullable=True),
        sa.Column("search_text", FOLDED, nullable=False),
        sa.Column("created_by", BIG_ID, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("chain_head", sa.String(length=64), nullable=True),
        sa.Column("chain_length", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state_subject = 'dossier'", name="ck_dossier_state_subject"),
        sa.CheckConstraint(
            "waiting_function IS NULL OR waiting_function IN ('nominator', 'unit_head',"
            " 'intake', 'appraiser', 'appraisal_head', 'award_officer', 'decider',"
            " 'council_secretary', 'registry_clerk', 'auditor', 'administrator')",
            name="ck_dossier_waiting_function",
        ),
        sa.CheckConstraint("(regime_id IS NULL) = (complete_on IS NULL)", name="ck_dossier_regime"),
        sa.ForeignKeyConstraint(["claimed_by"], ["account.id"], name="fk_dossier_claimed_by"),
        sa.ForeignKeyConstraint(["created_by"], ["account.id"], name="fk_dossier_created_by"),
        sa.ForeignKeyConstraint(
            ["edition_id", "state_subject", "state"],
            ["workflow_state.edition_id", "workflow_state.subject", "workflow_state.key"],
            name="fk_dossier_state",
        ),
        sa.ForeignKeyConstraint(["edition_id"], ["config_document.id"], name="fk_dossier_edition_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["dossier.id"], name="fk_dossier_parent_id"),
        sa.ForeignKeyConstraint(["proposing_unit_id"], ["org_unit.id"], name="fk_dossier_proposing_unit_id"),
        sa.ForeignKeyConstraint(["regime_id"], ["config_document.id"], name="fk_dossier_regime_id"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_dossier_revision_id"),
        sa.ForeignKeyConstraint(["round_id"], ["award_round.id"], name="fk_dossier_round_id"),
        sa.ForeignKeyConstraint(["waiting_body_id"], ["org_unit.id"], name="fk_dossier_waiting_body_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dossier"),
        sa.UniqueConstraint("code", name="uq_dossier_code"),
        sa.UniqueConstraint("ref", name="uq_dossier_ref"),
    )
    op.create_table(
        "quota_pool",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("round_id", BIG_ID, nullable=False),
        sa.Column("award_form_id", BIG_ID, nullable=False),
        sa.Column("decider_body_id", BIG_ID, nullable=False),
        sa.Column("nominee_kind", sa.String(length=20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "nominee_kind IN ('collective', 'individual', 'household')", name="ck_quota_pool_kind"
        ),
        sa.CheckConstraint("size IS NULL OR size >= 0", name="ck_quota_pool_size"),
        sa.CheckConstraint(
            "used >= 0 AND (size IS NULL AND used = 0 OR used <= size)", name="ck_quota_pool_used"
        ),
        sa.ForeignKeyConstraint(["award_form_id"], ["award_form.id"], name="fk_quota_pool_award_form_id"),
        sa.ForeignKeyConstraint(["decider_body_id"], ["org_unit.id"], name="fk_quota_pool_decider_body_id"),
        sa.ForeignKeyConstraint(["round_id"], ["award_round.id"], name="fk_quota_pool_round_id"),
        sa.PrimaryKeyConstraint("id", name="pk_quota_pool"),
        sa.UniqueConstraint("ref", name="uq_quota_pool_ref"),
        sa.UniqueConstraint(
            "round_id", "award_form_id", "decider_body_id", "nominee_kind", name="uq_quota_pool_key"
        ),
    )
    op.create_table(
        "attachment",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('submission_paper', 'minutes', 'achievement_report', 'evidence',"
            " 'initiative_certificate', 'meeting_minutes', 'appraisal_sheet', 'return_notice',"
            " 'supplement_notice', 'withdrawal_request', 'decision', 'other')",
            name="ck_attachment_kind",
        ),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_attachment_dossier_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment"),
        sa.UniqueConstraint("ref", name="uq_attachment_ref"),
    )
    op.create_table(
        "dossier_version",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("frozen_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "purpose IN ('submit', 'agenda', 'decision', 'handover')", name="ck_dossier_version_purpose"
        ),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_dossier_version_dossier_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dossier_version"),
        sa.UniqueConstraint("dossier_id", "n", name="uq_dossier_version_dossier_id_n"),
        sa.UniqueConstraint("ref", name="uq_dossier_version_ref"),
    )
    op.create_table(
        "notice",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("outbox_key", sa.String(length=200), nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_notice_dossier_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_notice_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("outbox_key", "person_id", name="uq_notice_outbox_key_person_id"),
        sa.UniqueConstraint("ref", name="uq_notice_ref"),
    )
    op.create_table(
        "participation",
        sa.Column("dossier_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("person_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("duty", sa.String(length=10), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "duty IN ('propose', 'appraise', 'review', 'decide')", name="ck_participation_duty"
        ),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_participation_dossier_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_participation_person_id"),
        sa.PrimaryKeyConstraint("dossier_id", "person_id", "duty", name="pk_participation"),
    )
    op.create_table(
        "remark",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("round_no", sa.BigInteger(), nullable=False),
        sa.Column("target_kind", sa.String(length=12), nullable=False),
        sa.Column("target_ref", sa.String(length=120), nullable=True),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("audience", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("written_by", BIG_ID, nullable=True),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("audience IN ('unit', 'office')", name="ck_remark_audience"),
        sa.CheckConstraint("state IN ('draft', 'open', 'answered', 'accepted')", name="ck_remark_state"),
        sa.CheckConstraint(
            "target_kind IN ('dossier', 'nominee', 'field', 'paper', 'criterion')",
            name="ck_remark_target_kind",
        ),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_remark_dossier_id"),
        sa.ForeignKeyConstraint(["written_by"], ["account.id"], name="fk_remark_written_by"),
        sa.PrimaryKeyConstraint("id", name="pk_remark"),
        sa.UniqueConstraint("ref", name="uq_remark_ref"),
    )
    op.create_table(
        "attachment_version",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("attachment_id", BIG_ID, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("blob_id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("supplied_by", BIG_ID, nullable=True),
        sa.Column("supplied_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"], ["attachment.id"], name="fk_attachment_version_attachment_id"
        ),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_attachment_version_blob_id"),
        sa.ForeignKeyConstraint(["supplied_by"], ["account.id"], name="fk_attachment_version_supplied_by"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment_version"),
        sa.UniqueConstraint("attachment_id", "n", name="uq_attachment_version_attachment_id_n"),
        sa.UniqueConstraint("ref", name="uq_attachment_version_ref"),
    )
    op.create_table(
        "decision",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("dossier_version_id", BIG_ID, nullable=False),
        sa.Column("body_id", BIG_ID, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by", BIG_ID, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("register_id", BIG_ID, nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("doc_number", sa.String(length=60), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("signer_id", BIG_ID, nullable=True),
        sa.Column("signer_position", sa.Text(), nullable=True),
        sa.Column("mode", sa.String(length=3), nullable=True),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("blob_id", BIG_ID, nullable=True),
        sa.Column("chain_head", sa.String(length=64), nullable=True),
        sa.Column("chain_length", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IS NULL OR mode IN ('KT', 'TL', 'TUQ', 'TM', 'Q')", name="ck_decision_mode"),
        sa.CheckConstraint(
            "state <> 'issued' OR (number IS NOT NULL AND issued_on IS NOT NULL AND signer_id"
            " IS NOT NULL AND blob_id IS NOT NULL AND register_id IS NOT NULL)",
            name="ck_decision_issued_whole",
        ),
        sa.CheckConstraint("state IN ('approved', 'issued', 'revoked')", name="ck_decision_state"),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_decision_blob_id"),
        sa.ForeignKeyConstraint(["body_id"], ["org_unit.id"], name="fk_decision_body_id"),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name="fk_decision_decided_by"),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_decision_dossier_id"),
        sa.ForeignKeyConstraint(
            ["dossier_version_id"], ["dossier_version.id"], name="fk_decision_dossier_version_id"
        ),
        sa.ForeignKeyConstraint(["register_id"], ["number_register.id"], name="fk_decision_register_id"),
        sa.ForeignKeyConstraint(["signer_id"], ["person.id"], name="fk_decision_signer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.UniqueConstraint("ref", name="uq_decision_ref"),
        sa.UniqueConstraint("register_id", "number", name="uq_decision_register_id_number"),
    )
    op.create_index(
        "uq_decision_dossier",
        "decision",
        ["dossier_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'revoked'"),
        postgresql_where=sa.text("state <> 'revoked'"),
    )
    op.create_table(
        "nominee",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=36), nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("class_id", BIG_ID, nullable=False),
        sa.Column("award_form_id", BIG_ID, nullable=True),
        sa.Column("subject_id", BIG_ID, nullable=True),
        sa.Column("nominated_by_unit_id", BIG_ID, nullable=False),
        sa.Column("origin_nominee_id", BIG_ID, nullable=True),
        sa.Column("decision_id", BIG_ID, nullable=True),
        sa.Column("edition_id", BIG_ID, nullable=False),
        sa.Column("state_subject", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sort_key", FOLDED, nullable=False),
        sa.Column("search_text", FOLDED, nullable=False),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("revision_id", BIG_ID, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state_subject = 'nominee'", name="ck_nominee_state_subject"),
        sa.ForeignKeyConstraint(["award_form_id"], ["award_form.id"], name="fk_nominee_award_form_id"),
        sa.ForeignKeyConstraint(["class_id"], ["nominee_class.id"], name="fk_nominee_class_id"),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name="fk_nominee_decision_id"),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_nominee_dossier_id"),
        sa.ForeignKeyConstraint(
            ["edition_id", "state_subject", "state"],
            ["workflow_state.edition_id", "workflow_state.subject", "workflow_state.key"],
            name="fk_nominee_state",
        ),
        sa.ForeignKeyConstraint(["edition_id"], ["config_document.id"], name="fk_nominee_edition_id"),
        sa.ForeignKeyConstraint(
            ["nominated_by_unit_id"], ["org_unit.id"], name="fk_nominee_nominated_by_unit_id"
        ),
        sa.ForeignKeyConstraint(["origin_nominee_id"], ["nominee.id"], name="fk_nominee_origin_nominee_id"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_nominee_revision_id"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_nominee_subject_id"),
        sa.PrimaryKeyConstraint("id", name="pk_nominee"),
        sa.UniqueConstraint("dossier_id", "ordinal", name="uq_nominee_dossier_id_ordinal"),
        sa.UniqueConstraint("ref", name="uq_nominee_ref"),
    )
    op.create_table(
        "attachment_use",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("attachment_id", BIG_ID, nullable=False),
        sa.Column("nominee_id", BIG_ID, nullable=False),
        sa.Column("criterion_id", BIG_ID, nullable=True),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachment.id"], name="fk_attachment_use_attachment_id"),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name="fk_attachment_use_criterion_id"),
        sa.ForeignKeyConstraint(["nominee_id"], ["nominee.id"], name="fk_attachment_use_nominee_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment_use"),
        sa.UniqueConstraint(
            "attachment_id",
            "nominee_id",
            "criterion_id",
            name="uq_attachment_use_attachment_id_nominee_id_criterion_id",
        ),
    )
    op.create_index(
        "uq_attachment_use_whole_nominee",
        "attachment_use",
        ["attachment_id", "nominee_id"],
        unique=True,
        sqlite_where=sa.text("criterion_id IS NULL"),
        postgresql_where=sa.text("criterion_id IS NULL"),
    )
    op.create_table(
        "clock_span",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("dossier_id", BIG_ID, nullable=False),
        sa.Column("nominee_id", BIG_ID, nullable=True),
        sa.Column("limit_code", sa.String(length=40), nullable=False),
        sa.Column("working_days", sa.BigInteger(), nullable=True),
        sa.Column("used_days", sa.BigInteger(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("running_since", MOMENT, nullable=False),
        sa.Column("paused_at", MOMENT, nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("reminded_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossier.id"], name="fk_clock_span_dossier_id"),
        sa.ForeignKeyConstraint(["nominee_id"], ["nominee.id"], name="fk_clock_span_nominee_id"),
        sa.PrimaryKeyConstraint("id", name="pk_clock_span"),
    )
    op.create_index(
        "uq_clock_span_running_dossier",
        "clock_span",
        ["dossier_id", "limit_code"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND nominee_id IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND nominee_id IS NULL"),
    )
    op.create_index(
        "uq_clock_span_running_nominee",
        "clock_span",
        ["nominee_id", "limit_code"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND nominee_id IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND nominee_id IS NOT NULL"),
    )
    op.create_table(
        "criterion_answer",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("nominee_id", BIG_ID, nullable=False),
        sa.Column("criterion_id", BIG_ID, nullable=False),
        sa.Column("attested", sa.Boolean(), nullable=True),
        sa.Column("not_applicable", sa.Boolean(), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=True),
        sa.Column("denominator", sa.BigInteger(), nullable=True),
        sa.Column("document_no", sa.Text(), nullable=True),
        sa.Column("document_on", sa.Date(), nullable=True),
        sa.Column("document_issuer", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("denominator IS NULL OR denominator > 0", name="ck_criterion_answer_denominator"),
        sa.CheckConstraint("numerator IS NULL OR numerator >= 0", name="ck_criterion_answer_numerator"),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name="fk_criterion_answer_criterion_id"),
        sa.ForeignKeyConstraint(["nominee_id"], ["nominee.id"], name="fk_criterion_answer_nominee_id"),
        sa.PrimaryKeyConstraint("id", name="pk_criterion_answer"),
        sa.UniqueConstraint("nominee_id", "criterion_id", name="uq_criterion_answer_nominee_id_criterion_id"),
    )
    op.create_table(
        "quota_use",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("pool_id", BIG_ID, nullable=False),
        sa.Column("nominee_id", BIG_ID, nullable=False),
        sa.Column("seat", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.Column("released_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["nominee_id"], ["nominee.id"], name="fk_quota_use_nominee_id"),
        sa.ForeignKeyConstraint(["pool_id"], ["quota_pool.id"], name="fk_quota_use_pool_id"),
        sa.PrimaryKeyConstraint("id", name="pk_quota_use"),
    )
    op.create_index(
        "uq_quota_use_nominee",
        "quota_use",
        ["nominee_id"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "uq_quota_use_seat",
        "quota_use",
        ["pool_id", "seat"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
