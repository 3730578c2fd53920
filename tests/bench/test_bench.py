"""The bench runs and prints every row; what it measures is not tested."""

from __future__ import annotations

import subprocess
import sys

ROWS = (
    "one step judged by the library / dict look-up",
    "one step judged before / dict look-up",
    "transition / raw floor, PostgreSQL, 1 client",
    "transition / raw floor, PostgreSQL, 8 clients",
    "sequencer and signed checkpoints, PostgreSQL, 8 writers",
    "transition / raw floor, SQLite FULL, 1 client",
    "transition / raw floor, SQLite FULL, 8 clients, fair queue",
    "transition / raw floor, SQLite FULL, 8 clients, busy wait",
    "longest wait / median, SQLite FULL, 8 clients",
    "sequencer and signed checkpoints, SQLite, 8 writers",
    "statements, dossier page, 3 -> 200 nominees",
    "statements, inbox page, 3 -> 8 rows",
)


def test_every_row_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--seconds", "0.05"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert [line[:58].rstrip() for line in printed] == list(ROWS)
    constant = [line for line in printed if line.startswith("statements,")]
    assert all(" reached" in line for line in constant), constant
