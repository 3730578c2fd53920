"""A foreign thing costs as much work as a missing one, so that not even time tells them apart (promise T03).

What is compared is the work and not the seconds: every statement that reaches the database, as the driver sends it.
The rest of a refusal is the same code on the same answer. Counted in this way a difference is one even where no
stopwatch would find it, and a busy machine makes none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from storage.database import Database
from tests.api.conftest import EVERY_SCOPE, Site
from tests.api.test_access import NOTHING, asked, send, without_id
from tests.workflow.journeys import a_dossier
from workflow import accounts

VALUES = re.compile(r"'(?:[^']|'')*'|\b\d+\b")


class Listener:
    """Hears every statement on every connection of a database, whichever way it comes to the driver."""

    def __init__(self, database: Database) -> None:
        self._heard: list[str] = []
        database.close()  # connections that are open are not listened to
        for engine in (database._reader, database._writer):
            event.listen(engine, "connect", self._listen)

    def _listen(self, connection: Any, _: Any) -> None:
        if hasattr(connection, "set_trace_callback"):
            connection.set_trace_callback(self._heard.append)
            return
        heard = self._heard

        class Hearing(connection.cursor_factory):  # type: ignore[misc]  # the driver's own, known at run time only
            def execute(self, query: Any, *rest: Any, **options: Any) -> Any:
                heard.append(query if isinstance(query, str) else str(query))
                return super().execute(query, *rest, **options)

        connection.cursor_factory = Hearing

    def during(self, call: Callable[[], Any]) -> tuple[Any, list[str]]:
        """Return what ``call`` answers, and the statements it led to without their values."""
        self._heard.clear()
        answer = call()
        return answer, [VALUES.sub("?", " ".join(one.split())) for one in self._heard]


def in_service(site: Site, who: str) -> str:
    """Let the site live by the clocks of production from now on; return a token that somebody got then."""
    database = site.world.database
    database.clock = None if database.dialect == "postgresql" else Now()
    return accounts.create_token(
        database,
        account_id=site.world.accounts[who],
        label="x",
        scopes="read write admin",
        lifetime=timedelta(1),
    )


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.mark.parametrize(
    ("state", "who"),
    [
        ("draft", "diem"),
        ("submitted", "tuyen"),
    ],  # a draft is its unit's alone; what was sent, the offices' as well
)
def test_a_foreign_thing_costs_the_statements_of_a_missing_one(
    both_sites: Site, state: str, who: str
) -> None:
    site = both_sites
    case = a_dossier(site.world, site.files, state)
    shown = site.program("suong").get(f"/dossiers/{case.dossier}").json
    paper, version = shown["papers"][0], shown["version"]
    listener = Listener(site.world.database)
    site.tokens[who, EVERY_SCOPE] = in_service(site, who)
    stranger = site.program(who)

    def hear(one: tuple[str, str, Any]) -> tuple[Any, list[str]]:
        return listener.during(lambda: send(stranger, *one))

    real = [
        ("GET", f"/dossiers/{shown['code']}", None),
        *asked(case.dossier, case.nominee, paper["ref"], paper["versions"][0]["ref"], version),
    ]
    none = [
        ("GET", "/dossiers/GT-2024-9999", None),
        *asked(NOTHING, NOTHING, NOTHING, NOTHING, version),
    ]
    hear(real[0])  # what is read once and kept is known from here on
    for there, not_there in zip(real, none, strict=True):
        (foreign, for_foreign), (missing, for_missing) = hear(there), hear(not_there)
        assert without_id(foreign) == without_id(missing)
        assert len(for_foreign) > 2, there
        assert for_foreign == for_missing, there
