"""A worker as a process of its own, for tests: ``python -m tests.storage.outbox_worker URL NAME MODE``.

It says ``ready`` and waits for a line on its standard input. ``drain`` does every job that is due and notes
each one in the table ``effect`` in the transaction that finishes it; ``hang`` claims one job and never
finishes it.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from sqlalchemy import text

from storage.database import Database
from storage.outbox import claim, finish

NOTE = text("INSERT INTO effect (job_key, worker) VALUES (:key, :worker)")


def main(url: str, worker: str, mode: str) -> None:
    database = Database(url)
    with database.reading() as tx:
        tx.connection.exec_driver_sql("SELECT 1")
    print("ready", flush=True)
    sys.stdin.readline()
    if mode == "hang":
        job = claim(database, worker, timedelta(seconds=1))
        print("claimed" if job else "nothing", flush=True)
        time.sleep(60)
    while job := claim(database, worker, timedelta(seconds=30)):
        with database.writing() as tx:
            tx.connection.execute(NOTE, {"key": job.key, "worker": worker})
            finish(tx, job)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
