"""Every table of the product in one import: for migrations, and for whoever needs the whole metadata."""

from __future__ import annotations

from dossiers import (  # noqa: F401  # imported for their tables
    attachment,
    award_round,
    configuration,
    decision,
    dossier,
    nominee,
    org_unit,
    people,
    subject,
)
from storage import blob, outbox_tables, record_tables  # noqa: F401  # imported for their tables
from storage.base import Base

metadata = Base.metadata
