"""A large file passes through in constant memory."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.services.stores import Store

MIB = 1024 * 1024


def test_a_large_file_raises_the_process_by_at_most_32_mib(any_store: Store) -> None:
    size = 512 * MIB
    measured = subprocess.run(
        [sys.executable, "-m", "tests.storage.putting", "measure", any_store.url, str(size)],
        capture_output=True,
        text=True,
        check=True,
    )
    grown = json.loads(measured.stdout)
    assert grown["size"] == size
    assert grown["put"] <= 32 * MIB, grown
    assert grown["read"] <= 32 * MIB, grown
