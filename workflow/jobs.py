"""What the system promised and could not do: an administrator sees it and has it tried again.

A dead job keeps the words of its last error, and those may hold what people wrote (a statement with its
values, a name in a path). They stay in the row for whoever may read the database; only the kind of error,
the name of a class in a program, goes further. A job is named by its key, as the server's log names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dossiers.refusals import SENTENCES, Conflict, Invalid
from states.definition import Label
from storage.database import Database
from storage.outbox import WORKERS_DIED, NotDead, count_dead, dead_letters, is_dead, revive
from workflow.accounts import enter, locked
from workflow.actor import Actor
from workflow.administration import page_limit
from workflow.permissions import require_administrator
from workflow.repeat import repeated_answer
from workflow.words import JOBS, said

COUNTED = 100
"""So many are counted; a page says “99+” for more."""

REASONS: Mapping[str, Label] = {
    "StoreUnavailable": Label("Kho tệp không trả lời.", "The store of files did not answer."),
    "UnknownKind": Label(
        "Bản chương trình đang chạy không biết loại việc này. Hãy chạy bản mới hơn.",
        "The program that runs does not know this kind of job. Run a newer one.",
    ),
    "ClocksFailed": Label(
        "Có hồ sơ không xem được hạn; nhật ký máy chủ nói hồ sơ nào.",
        "The time limits of some dossiers could not be looked after; the server's log says which.",
    ),
}
_DIED = Label("Chương trình dừng giữa lúc đang làm.", "The program ended while it was at work.")
_OTHER = Label(
    "Chương trình gặp lỗi; nhật ký máy chủ ghi chi tiết.",
    "The program met an error; the server's log has the details.",
)

_class_of = re.compile(r"([A-Z][A-Za-z0-9_]{0,79})(?::|$)").match

SENTENCES["job_not_given_up"] = (
    "Việc này không còn trong danh sách: đã có người cho làm lại, hoặc hệ thống đã làm xong.",
    "This is no longer among what was given up: somebody had it tried again, or it is done.",
)
SENTENCES["job_given_up_anew"] = (
    "Việc này đã được làm lại theo lần bấm trước, rồi lại dừng. Hãy xem lý do mới trong danh sách và bấm “Làm lại”"
    " một lần nữa.",
    "This was tried again when you asked before, and was given up anew. See the new reason in the list and ask once"
    " more, as a new request.",
)


@dataclass(frozen=True, slots=True)
class GivenUpRow:
    """Something the system gave up: what it is in words, since when, after how many tries, and why as far as
    that is safe to show. ``error`` is the kind of error, "" when there was none.
    """

    key: str
    kind: str
    what: str
    since: datetime
    tries: int
    error: str
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUpPage:
    """A page of what was given up, the latest promised first."""

    rows: tuple[GivenUpRow, ...]
    next: str | None


def given_up(database: Database, actor: Actor, *, after: str | None = None, limit: int = 50) -> GivenUpPage:
    """Return what the system gave up; ``after`` is the cursor of the page before.

    Raises ``Missing`` for others than administrators, ``Invalid`` for an unreadable cursor.
    """
    require_administrator(actor)
    with database.reading() as tx:
        try:
            letters = dead_letters(tx, after=after, limit=page_limit(limit) + 1)
        except LookupError:
            raise Invalid("cursor_unreadable", field="after") from None
    rows = []
    for letter in letters[:limit]:
        found = _class_of(letter.error)
        error = found[1] if found else ""
        why = _DIED if letter.error.startswith(WORKERS_DIED) else REASONS.get(error, _OTHER)
        what = said(JOBS[letter.kind], actor.language) if letter.kind in JOBS else letter.kind
        rows.append(
            GivenUpRow(
                letter.key,
                letter.kind,
                what,
                letter.died_at,
                letter.attempt,
                error,
                said(why, actor.language),
            )
        )
    return GivenUpPage(tuple(rows), rows[-1].key if len(letters) > limit else None)


def count_given_up(database: Database, actor: Actor) -> int:
    """Return how much the system gave up, at most `COUNTED`. Raises ``Missing`` for others."""
    require_administrator(actor)
    with database.reading() as tx:
        return count_dead(tx, at_most=COUNTED)


def try_again(database: Database, actor: Actor, key: str, *, idem_key: str | None = None) -> None:
    """Have the system do it again at once; the entry stands in the chain of who asked for it.

    No version is asked: a job lies here or it does not, and one that was given up anew is the same job. Raises
    ``Missing`` for others than administrators, ``Conflict`` when it is not given up (any more), or when this very
    request had it tried again and it was given up anew: nothing would happen, and nobody is told otherwise.
    """
    place = require_administrator(actor)
    with database.writing() as tx:
        repeated = repeated_answer(tx, actor, idem_key, {"deed": "try_again", "job": key})
        if repeated.stored is not None:
            # The answer was kept in the transaction that revived the job, so that it died after that.
            if is_dead(tx, key):
                raise Conflict("job_given_up_anew")
            return
        try:
            kind = revive(tx, key)
        except NotDead:
            raise Conflict("job_not_given_up") from None
        enter(
            tx,
            locked(tx, actor.account_id),
            "job_tried_again",
            by=actor.by(place, idem_key=idem_key),
            payload={"kind": kind, "job": key},
        )
        repeated.settle({})
