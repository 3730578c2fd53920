"""The indexes that lists and pages read by. No row is touched: going back and forth keeps all data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_access_log_at", "access_log"),
    ("ix_idempotency_created_at", "idempotency"),
    ("ix_login_attempt_login", "login_attempt"),
    ("ix_login_attempt_peer", "login_attempt"),
    ("ix_outbox_due", "outbox"),
    ("ix_body_function_body", "body_function"),
    ("ix_body_function_unit", "body_function"),
    ("ix_org_unit_period_body_id", "org_unit_period"),
    ("ix_org_unit_period_parent", "org_unit_period"),
    ("ix_org_unit_period_unit", "org_unit_period"),
    ("ix_subject_org_unit_id", "subject"),
    ("ix_person_sort_key", "person"),
    ("ix_subject_name_sort_key", "subject_name"),
    ("ix_subject_name_subject", "subject_name"),
    ("ix_membership_person", "membership"),
    ("ix_membership_unit", "membership"),
    ("ix_account_token_account_id", "account_token"),
    ("ix_api_token_account_id", "api_token"),
    ("ix_session_account_id", "session"),
    ("ix_session_expires_at", "session"),
    ("ix_dossier_parent_id", "dossier"),
    ("ix_dossier_round_state", "dossier"),
    ("ix_dossier_unit", "dossier"),
    ("ix_dossier_waiting", "dossier"),
    ("ix_attachment_dossier", "attachment"),
    ("ix_notice_dossier", "notice"),
    ("ix_notice_person", "notice"),
    ("ix_remark_dossier", "remark"),
    ("ix_attachment_version_blob", "attachment_version"),
    ("ix_nominee_decision_id", "nominee"),
    ("ix_nominee_origin_nominee_id", "nominee"),
    ("ix_nominee_subject", "nominee"),
    ("ix_attachment_use_nominee", "attachment_use"),
    ("ix_clock_span_dossier_id", "clock_span"),
    ("ix_clock_span_due", "clock_span"),
)


def upgrade() -> None:
    op.create_index("ix_access_log_at", "access_log", ["at"], unique=False)
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)
    op.create_index("ix_login_attempt_login", "login_attempt", ["login_hash", "at"], unique=False)
    op.create_index("ix_login_attempt_peer", "login_attempt", ["peer_hash", "at"], unique=False)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["run_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('ready', 'running')"),
        postgresql_where=sa.text("state IN ('ready', 'running')"),
    )
    op.create_index(
        "ix_body_function_body", "body_function", ["body_id", "function", "from_on"], unique=False
    )
    op.create_index(
        "ix_body_function_unit", "body_function", ["performing_unit_id", "function"], unique=False
    )
    op.create_index("ix_org_unit_period_body_id", "org_unit_period", ["body_id"], unique=False)
    op.create_index("ix_org_unit_period_parent", "org_unit_period", ["parent_id", "from_on"], unique=False)
    op.create_index("ix_org_unit_period_unit", "org_unit_period", ["org_unit_id", "from_on"], unique=False)
    op.create_index("ix_subject_org_unit_id", "subject", ["org_unit_id"], unique=False)
    op.create_index("ix_person_sort_key", "person", ["sort_key"], unique=False)
    op.create_index("ix_subject_name_sort_key", "subject_name", ["sort_key"], unique=False)
    op.create_index("ix_subject_name_subject", "subject_name", ["subject_id", "from_on"], unique=False)
    op.create_index("ix_membership_person", "membership", ["person_id", "function"], unique=False)
    op.create_index("ix_membership_unit", "membership", ["org_unit_id", "function"], unique=False)
    op.create_index("ix_account_token_account_id", "account_token", ["account_id"], unique=False)
    op.create_index("ix_api_token_account_id", "api_token", ["account_id"], unique=False)
    op.create_index("ix_session_account_id", "session", ["account_id"], unique=False)
    op.create_index("ix_session_expires_at", "session", ["expires_at"], unique=False)
    op.create_index(
        "ix_dossier_parent_id",
        "dossier",
        ["parent_id"],
        unique=False,
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("ix_dossier_round_state", "dossier", ["round_id", "state", "id"], unique=False)
    op.create_index("ix_dossier_unit", "dossier", ["proposing_unit_id", "id"], unique=False)
    op.create_index(
        "ix_dossier_waiting",
        "dossier",
        ["waiting_body_id", "waiting_function", "due_on", "id"],
        unique=False,
        sqlite_where=sa.text("waiting_function IS NOT NULL"),
        postgresql_where=sa.text("waiting_function IS NOT NULL"),
    )
    op.create_index("ix_attachment_dossier", "attachment", ["dossier_id", "id"], unique=False)
    op.create_index("ix_notice_dossier", "notice", ["dossier_id", "id"], unique=False)
    op.create_index("ix_notice_person", "notice", ["person_id", "id"], unique=False)
    op.create_index("ix_remark_dossier", "remark", ["dossier_id", "round_no", "id"], unique=False)
    op.create_index("ix_attachment_version_blob", "attachment_version", ["blob_id"], unique=False)
    op.create_index("ix_nominee_decision_id", "nominee", ["decision_id"], unique=False)
    op.create_index("ix_nominee_origin_nominee_id", "nominee", ["origin_nominee_id"], unique=False)
    op.create_index("ix_nominee_subject", "nominee", ["subject_id"], unique=False)
    op.create_index("ix_attachment_use_nominee", "attachment_use", ["nominee_id"], unique=False)
    op.create_index("ix_clock_span_dossier_id", "clock_span", ["dossier_id"], unique=False)
    op.create_index(
        "ix_clock_span_due",
        "clock_span",
        ["due_on", "id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL AND paused_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND paused_at IS NULL"),
    )


def downgrade() -> None:
    for index, table in reversed(INDEXES):
        op.drop_index(index, table_name=table)
