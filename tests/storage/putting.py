"""A process of its own that puts one file: to be measured, traced or killed.

``python -m tests.storage.putting measure URL BYTES`` puts and reads back that many bytes and prints by how
many bytes each of the two raised the process. ``… put URL BYTES TIMES`` prints each key when `put` has
returned, or why it was refused. ``… dawdle URL`` puts without end, in small pieces,
and prints a line with the first.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from storage.files import FilesError, files_from_url

STATUS = Path("/proc/self/status")
BLOCK = bytes(range(256)) * 256  # 64 KiB


def pieces(size: int) -> Iterator[bytes]:
    for begin in range(0, size, len(BLOCK)):
        yield BLOCK[: size - begin]


def resident(which: str) -> int:
    """VmRSS (now) or VmHWM (the most since it was reset), in bytes."""
    found = re.search(rf"^{which}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def measure(url: str, size: int) -> None:
    files = files_from_url(url)
    # What imports, connections and the first parts take once is no growth; a large file comes after them.
    warm = files.put(pieces(100_000), media_type="application/pdf")
    for _ in files.open_verified(warm.key, sha256=warm.sha256, size=warm.size):
        pass
    grown = {}
    before = start_measuring()
    stored = files.put(pieces(size), media_type="application/pdf")
    grown["put"] = resident("VmHWM") - before
    before = start_measuring()
    for _ in files.open_verified(stored.key, sha256=stored.sha256, size=stored.size):
        pass
    grown["read"] = resident("VmHWM") - before
    files.remove(stored.key)
    print(json.dumps({"size": stored.size, **grown}))


def start_measuring() -> int:
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins again at VmRSS
    return resident("VmRSS")


def put(url: str, size: int, times: int) -> None:
    files = files_from_url(url)
    for _ in range(times):
        try:
            said = f"stored {files.put(pieces(size), media_type='application/pdf').key}"
        except FilesError as error:
            said = f"refused {error.code}"
        os.write(1, said.encode() + b"\n")  # one call, so that a trace shows one acknowledgement


def dawdle(url: str) -> None:
    def endless() -> Iterator[bytes]:
        print("begun", flush=True)
        while True:
            yield BLOCK
            time.sleep(0.001)

    files_from_url(url).put(endless(), media_type="application/pdf")


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "put":
        put(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        dawdle(sys.argv[2])
