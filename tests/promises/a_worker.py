"""A worker process with a short lease, for tests: ``python -m tests.promises.a_worker URL FOLDER``.

It is the worker of ``vinhdanh worker`` in everything but the length of its lease, so that a test need not wait
a minute for what a killed one held. It says ``ready`` and works until it is killed.
"""

from __future__ import annotations

import signal
import sys
from datetime import timedelta

from storage.database import Database
from storage.local import LocalFiles
from workflow.worker import Worker

LEASE = timedelta(seconds=2)


def main(url: str, folder: str) -> None:
    worker = Worker(Database(url), LocalFiles(folder), None, lease=LEASE)
    worker.start()
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
