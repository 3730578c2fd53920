"""Runs migrations on the connection that `storage/migrate.py` hands over, inside its transaction.

There is no offline mode: a migration may have to look at the rows before it agrees to go back.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # Both databases undo table definitions with the transaction; Alembic believes it of PostgreSQL only.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
