"""What waits for me, how much of it, and the history of a dossier with the verdict on its chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from dossiers.refusals import Invalid
from web.api import bodies
from web.api.operation import READ, Call, next_link, operation
from web.api.shapes import answer, page_of, shape
from web.wiring import wired
from workflow import history, inbox

HISTORY = answer(
    "HistoryPage",
    "Entries of the record about one dossier, oldest first.",
    ref=fields.String(),
    code=fields.String(),
    rows=fields.List(fields.Nested(shape(history.EntryView))),
    next=fields.String(allow_none=True, metadata={"description": "Send it as `after`; null at the end."}),
)
VERDICT = answer(
    "Verdict",
    "Whether the chain of a dossier's entries holds.",
    ref=fields.String(),
    code=fields.String(),
    length=fields.Integer(metadata={"description": "Entries in the chain."}),
    intact=fields.Boolean(),
    broken_at=fields.Integer(
        allow_none=True, metadata={"description": "The first position that does not hold, else null."}
    ),
)


@operation(
    "GET",
    "/waiting",
    scope=READ,
    tag="my work",
    query=bodies.WaitingQuery,
    answers=page_of(inbox.InboxRow),
    headers={"Link": "The next page."},
)
def list_waiting(call: Call) -> Any:
    """List what waits for me

    The most urgent first; what has no deadline comes last.
    """
    query = call.query
    page = inbox.waiting_for_me(
        wired().database,
        call.actor,
        after=query.get("after"),
        limit=query["limit"],
        function=query.get("function"),
        search=query.get("search"),
        state=query.get("state"),
        overdue_only=query["overdue"],
    )
    return page, next_link(page.next)


@operation("GET", "/waiting/counts", scope=READ, tag="my work", answers=shape(inbox.Counts))
def count_waiting(call: Call) -> inbox.Counts:
    """Count what waits for me

    Each count stops at 99.
    """
    return inbox.counts_for(wired().database, call.actor)


@operation(
    "GET",
    "/dossiers/<dossier>/history",
    scope=READ,
    tag="record",
    query=bodies.HistoryQuery,
    answers=HISTORY,
    headers={"Link": "The next page."},
)
def read_history(call: Call, dossier: str) -> Any:
    """Read the history of a dossier

    A hundred entries at a time, oldest first.
    """
    found = history.history_of(
        wired().database, call.actor, dossier, after=_position(call.query.get("after"))
    )
    following = None if found.next is None else str(found.next)
    page = {"ref": found.ref, "code": found.code, "rows": found.entries, "next": following}
    return page, next_link(following)


@operation("GET", "/dossiers/<dossier>/history/verdict", scope=READ, tag="record", answers=VERDICT)
def verify_history(call: Call, dossier: str) -> Mapping[str, Any]:
    """Verify the chain of a dossier's entries

    Every entry is held against the one before it and against the dossier's own row.
    """
    found = history.history_of(wired().database, call.actor, dossier, whole=True)
    return {
        "ref": found.ref,
        "code": found.code,
        "length": found.length,
        "intact": found.broken_at is None,
        "broken_at": found.broken_at,
    }


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Invalid("cursor_unreadable", field="after")
    return int(cursor)
