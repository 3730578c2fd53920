"""Where everybody begins: what waits for me, my unit's dossiers, and the search."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dossiers.functions import ADMINISTRATOR, AUDITOR, UNIT_FUNCTIONS
from web import auth, shown
from web.wiring import wired
from workflow import inbox

pages = Blueprint("home", __name__)

A_PAGE = 25
FIRST_FEW = 10


@pages.get("/")
def start() -> str | AnyResponse:
    """Show where the person works: a unit's home, a desk, or the pages of auditors and administrators."""
    actor = auth.the_actor()
    database = wired().database
    if not shown.has_desk(actor):
        if actor.has(AUDITOR):
            return redirect(url_for("history.record_search"), 303)
        if actor.has(ADMINISTRATOR):
            return redirect(url_for("administration.units"), 303)
        return render_template("home/nothing.html")
    if actor.functions <= UNIT_FUNCTIONS | {AUDITOR, ADMINISTRATOR}:
        waiting = inbox.waiting_for_me(database, actor, limit=FIRST_FEW)
        own = inbox.own_dossiers(database, actor, limit=FIRST_FEW)
        counts = inbox.counts_for(database, actor)
        return render_template("home/unit.html", waiting=waiting, own=own, counts=counts, today=shown.today())
    return _desk()


@pages.get("/waiting")
def waiting() -> str:
    """Show everything that waits for me, the most urgent first."""
    return _desk()


def _desk() -> str:
    actor = auth.the_actor()
    database = wired().database
    asked = _asked("q")
    function = _asked("function")
    overdue = request.args.get("overdue") == "1"
    page = inbox.waiting_for_me(
        database,
        actor,
        after=request.args.get("after"),
        limit=A_PAGE,
        function=function if function in actor.functions else None,
        search=asked,
        overdue_only=overdue,
    )
    kept: dict[str, Any] = {"q": asked, "function": function, "overdue": "1" if overdue else None}
    return render_template(
        "home/desk.html",
        page=page,
        counts=inbox.counts_for(database, actor),
        functions=sorted(actor.functions - {AUDITOR, ADMINISTRATOR}),
        function=function,
        overdue=overdue,
        asked=asked or "",
        today=shown.today(),
        more=url_for("home.waiting", after=page.next, **kept) if page.next else None,
    )


@pages.get("/dossiers")
def unit_dossiers() -> str:
    """Show the dossiers of my unit, the newest first."""
    return _listed("home/unit_dossiers.html", "home.unit_dossiers")


@pages.get("/search")
def search() -> str:
    """Find a dossier by its code, unit or nominee; marks may be left out."""
    return _listed("home/search.html", "home.search")


def _listed(template: str, endpoint: str) -> str:
    asked = _asked("q")
    page = inbox.own_dossiers(
        wired().database,
        auth.the_actor(),
        after=request.args.get("after"),
        limit=A_PAGE,
        search=asked,
    )
    more = url_for(endpoint, after=page.next, q=asked) if page.next else None
    return render_template(template, page=page, asked=asked or "", more=more)


def _asked(name: str) -> str | None:
    return request.args.get(name, "").strip()[:200] or None
