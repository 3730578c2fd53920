"""One program that checks what must be true at every moment, run after every fault.

``broken`` reads the database, the store and the logs as an auditor with all rights would, and returns a line
for each thing that is not as it must be. By hand, on a stopped or a running installation::

    python -m tests.promises.invariants DATABASE_URL FILES_URL KEY_FOLDER

The numbers are those of the design of the record: I1 acknowledged deeds stand in the record exactly once,
I2 unknown outcomes at most once, I3 places without a gap, I4 replay gives the rows, I5 every step is one of
the edition that it names, I6 chains, roots and signatures hold, I7 every row's object is there and whole,
I8 every object has a row or is young, I9 promises are kept once, I10 quotas hold, I11 nobody has two duties
in one dossier, I12 one winner for each version, I13 no session of a disabled person, I14 the signed decision
is the one in the record, I15 personal data is in no log and in no entry.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from dossiers.award_round import QuotaPool, QuotaUse
from dossiers.configuration import ConfigDocument
from dossiers.decision import Decision
from dossiers.dossier import Dossier, Notice, Participation
from dossiers.functions import DUTY
from dossiers.people import Account, Session
from dossiers.vocabulary import VOCABULARY
from states.definition import Action, Edition
from states.loader import load_edition
from storage.blob import Blob
from storage.database import Database, Tx
from storage.files import Files, FilesError, files_from_url
from storage.outbox_tables import Outbox
from storage.record import idem_key_mark
from storage.record_tables import AccessLog, RecordEntry, RecordLeaf
from storage.verify import NOT_ANCHORED, OK
from workflow.audit import verify_record

YOUNG = timedelta(hours=24)


@dataclass(slots=True)
class Deed:
    """One line of a client's journal: what it asked under which key, and whether it heard that it was done."""

    key: str
    dossier: str
    action: str
    acknowledged: bool = False


def broken(
    database: Database,
    files: Files,
    keys: Path,
    *,
    journal: Sequence[Deed] = (),
    canaries: Sequence[str] = (),
    logs: Sequence[Path] = (),
    grace: timedelta = YOUNG,
    drained: bool = True,
) -> list[str]:
    """Return what is wrong, nothing when all is well. ``drained``: the workers have had time to finish."""
    verdict = verify_record(database, keys=keys)
    said = [f"I3/I4/I6 {finding.line()}" for finding in verdict.findings]
    if verdict.code not in (OK, NOT_ANCHORED):
        said.append(f"I6 audit verify ends with {verdict.code}")
    with database.reading() as tx:
        entries = [
            json.loads(body)
            for body in tx.connection.execute(select(RecordEntry.body).order_by(RecordEntry.id)).scalars()
        ]
        said += _journal(entries, journal)
        said += _places(tx)
        said += _steps(entries, _editions(tx))
        said += _winners(entries)
        said += _duties(tx, entries)
        said += _quotas(tx)
        said += _sessions(tx)
        said += _decisions(tx, entries)
        said += _promises(tx, drained)
        said += _canaries(tx, canaries, logs)
        blobs = {row.key: (row.sha256, row.size) for row in tx.connection.execute(select(Blob.__table__))}
    said += _objects(files, blobs, grace)
    return said


Entry = Mapping[str, Any]


def _journal(entries: Sequence[Entry], journal: Sequence[Deed]) -> Iterator[str]:
    kept = Counter((entry["idem_key"], entry["subject"]["ref"], entry["action"]) for entry in entries)
    by_key = Counter(entry["idem_key"] for entry in entries if entry["subject"]["kind"] == "dossier")
    for deed in journal:
        mark = idem_key_mark(deed.key)
        count = kept[(mark, deed.dossier, deed.action)]
        if deed.acknowledged and count != 1:
            yield f"I1 {deed.action} on {deed.dossier} was acknowledged and stands there {count} times"
        if count > 1 or by_key[mark] > 1:
            yield f"I2 {deed.action} on {deed.dossier} stands there {by_key[mark]} times"


def _places(tx: Tx) -> Iterator[str]:
    count, last = tx.connection.execute(
        select(func.count(), func.coalesce(func.max(RecordLeaf.seq), -1)).select_from(RecordLeaf)
    ).one()
    if last != count - 1:
        yield f"I3 {count} places, the last is {last}"


def _editions(tx: Tx) -> dict[str, Edition]:
    rows = tx.connection.execute(select(ConfigDocument.body).where(ConfigDocument.kind == "workflow"))
    editions = [load_edition(body, VOCABULARY) for body in rows.scalars()]
    return {edition.sha256: edition for edition in editions}


def _steps(entries: Sequence[Entry], editions: Mapping[str, Edition]) -> Iterator[str]:
    """I5: a state changes only by an action of the edition that the entry names, along one of its arrows."""
    for entry in entries:
        if entry["subject"]["kind"] != "dossier":
            continue
        where = f"{entry['action']} on {entry['subject']['ref']} position {entry['position']}"
        edition = editions.get(entry["workflow_sha256"])
        if edition is None:
            yield f"I5 {where} names an edition that is not kept"
            continue
        of_dossier = edition.dossier.actions.get(entry["action"])
        of_nominee = edition.nominee.actions.get(entry["action"])
        for move in entry["moves"]:
            came, went = move["state_from"], move["state_to"]
            if move["kind"] == "dossier":
                if of_dossier is not None and not _leads(of_dossier, came, went):
                    yield f"I5 {where}: the dossier went {came} → {went}"
                elif of_dossier is None and came != went and came is not None:
                    yield f"I5 {where}: no action of the edition, and the dossier went {came} → {went}"
                acted = of_dossier is not None and entry["actor_id"] is not None
                if acted and entry["actor_function"] not in of_dossier.performers_in(came):
                    yield f"I5 {where}: {entry['actor_function']} may not do that in {came}"
            else:
                driven = None
                if of_dossier is not None and of_dossier.nominees is not None:
                    driven = edition.nominee.actions[of_dossier.nominees]
                one = of_nominee or driven
                if one is None and came != went and came is not None and went is not None:
                    yield f"I5 {where}: a nominee went {came} → {went}"
                if one is not None and came is not None and not _leads(one, came, went):
                    yield f"I5 {where}: a nominee went {came} → {went}"


def _leads(action: Action, came: str | None, went: str | None) -> bool:
    return came in action.sources and went == (action.target or came)


def _winners(entries: Sequence[Entry]) -> Iterator[str]:
    """I12: of everybody who saw one version, one changed it."""
    taken = Counter(
        (move["kind"], move["ref"], move["version_from"]) for entry in entries for move in entry["moves"]
    )
    for (kind, ref, version), count in taken.items():
        if count > 1:
            yield f"I12 version {version} of {kind} {ref} was followed {count} times"


def _duties(tx: Tx, entries: Sequence[Entry]) -> Iterator[str]:
    """I11, from the rows and, independently, from the record."""
    rows = tx.connection.execute(
        select(Dossier.ref, Participation.person_id, func.count())
        .join(Dossier, Dossier.id == Participation.dossier_id)
        .group_by(Dossier.ref, Participation.person_id)
        .having(func.count() > 1)
    )
    for ref, person, count in rows:
        yield f"I11 person {person} has {count} duties in {ref}"
    duties: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        duty = DUTY.get(entry["actor_function"] or "")
        if entry["subject"]["kind"] == "dossier" and duty is not None:
            duties[(entry["subject"]["ref"], entry["actor_id"])].add(duty)
    for (ref, actor), found in duties.items():
        if len(found) > 1:
            yield f"I11 {actor} acted on {ref} as {sorted(found)}"


def _quotas(tx: Tx) -> Iterator[str]:
    taken: Counter[int] = Counter(
        tx.connection.execute(select(QuotaUse.pool_id).where(QuotaUse.released_at.is_(None))).scalars()
    )
    for pool in tx.connection.execute(select(QuotaPool.__table__)):
        if pool.used != taken[pool.id]:
            yield f"I10 pool {pool.ref} says {pool.used} seats, {taken[pool.id]} are taken"
        if pool.size is not None and taken[pool.id] > pool.size:
            yield f"I10 pool {pool.ref} of {pool.size} seats has {taken[pool.id]} taken"


def _sessions(tx: Tx) -> Iterator[str]:
    alive = tx.connection.execute(
        select(Account.ref)
        .join(Session, Session.account_id == Account.id)
        .where(Account.state == "disabled", Session.ended_at.is_(None), Session.expires_at > tx.now)
    ).scalars()
    for ref in alive:
        yield f"I13 the disabled account {ref} has a session that nobody ended"


def _decisions(tx: Tx, entries: Sequence[Entry]) -> Iterator[str]:
    signed = {
        entry["decision_pdf_sha256"] for entry in entries if entry.get("decision_pdf_sha256") is not None
    }
    rows = tx.connection.execute(
        select(Decision.ref, Blob.sha256)
        .join(Blob, Blob.id == Decision.blob_id)
        .where(Decision.state == "issued")
    )
    for ref, sha256 in rows:
        if sha256 not in signed:
            yield f"I14 the paper of decision {ref} is not the one that the record names"


def _promises(tx: Tx, drained: bool) -> Iterator[str]:
    rows = tx.connection.execute(
        select(Notice.outbox_key, Notice.person_id, func.count())
        .group_by(Notice.outbox_key, Notice.person_id)
        .having(func.count() > 1)
    )
    for key, person, count in rows:
        yield f"I9 person {person} was told {count} times of {key}"
    for state, key, error in tx.connection.execute(select(Outbox.state, Outbox.key, Outbox.error)):
        if state == "dead":
            yield f"I9 {key} was given up: {error}"
        elif drained and state != "done" and not key.startswith("schedule/"):
            yield f"I9 {key} is {state} after everything else is done"


def _canaries(tx: Tx, canaries: Sequence[str], logs: Sequence[Path]) -> Iterator[str]:
    """I15: neither as it was written nor as JSON escapes it."""
    spelt = {canary: (canary, json.dumps(canary)[1:-1]) for canary in canaries}
    places: list[tuple[str, str]] = [
        (f"the log {path.name}", path.read_text(encoding="utf-8", errors="replace")) for path in logs
    ]
    if canaries:
        places.append(
            ("the record", "\n".join(tx.connection.execute(select(RecordEntry.body)).scalars())),
        )
        details = tx.connection.execute(select(AccessLog.detail, AccessLog.target_ref))
        places.append(("the access log", "\n".join(f"{row.detail} {row.target_ref}" for row in details)))
    for name, text in places:
        for canary, forms in spelt.items():
            if any(form in text for form in forms):
                yield f"I15 {canary!r} stands in {name}"


def _objects(files: Files, blobs: Mapping[str, tuple[str, int]], grace: timedelta) -> Iterator[str]:
    for key, (sha256, size) in blobs.items():
        try:
            seen = hashlib.sha256()
            for chunk in files.open_verified(key, sha256=sha256, size=size):
                seen.update(chunk)
        except FilesError as error:
            yield f"I7 {key}: {type(error).__name__}"
            continue
        if seen.hexdigest() != sha256:
            yield f"I7 {key} was given out with other bytes"
    now = datetime.now(UTC)  # objects carry the time of the store, which is this machine's
    for found in list(files.keys()):
        if found.key not in blobs and now - found.modified_at > grace:
            yield f"I8 {found.key} belongs to nobody"


def main(database_url: str, files_url: str, keys: str) -> int:
    database = Database(database_url)
    try:
        said = broken(database, files_from_url(files_url), Path(keys), drained=False)
    finally:
        database.close()
    for line in said:
        print(line)
    print(f"{len(said)} broken")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
