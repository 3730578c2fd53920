"""The decision history: the record's own entries, with the verdict on the chain, and the auditor's search."""

from __future__ import annotations

import re

from flask import Blueprint, render_template, request, url_for

from web import auth
from web.pages.dossier import seen
from web.pages.home import A_PAGE
from web.wiring import wired
from workflow import inbox
from workflow.history import history_of

pages = Blueprint("history", __name__)


@pages.get("/dossiers/<code>/history")
def dossier_history(code: str) -> str:
    """Show the trace of a dossier, oldest first; on top what of its chain was checked, and the verdict on that."""
    after = request.args.get("after", "")
    begin = int(after) if re.fullmatch("[0-9]{1,9}", after) else 0
    whole = request.args.get("check") == "whole"
    history = history_of(wired().database, auth.the_actor(), code, after=begin, whole=whole)
    view = seen(code)
    names = {nominee.ref: nominee.name for nominee in view.nominees}
    return render_template(
        "history/history.html", history=history, view=view, nominee_names=names, begin=begin
    )


@pages.get("/record")
def record_search() -> str:
    """Find the dossier whose trace is to be read."""
    asked = request.args.get("q", "").strip()[:200]
    page = inbox.own_dossiers(
        wired().database,
        auth.the_actor(),
        after=request.args.get("after"),
        limit=A_PAGE,
        search=asked or None,
    )
    more = url_for("history.record_search", after=page.next, q=asked or None) if page.next else None
    return render_template("history/search.html", page=page, asked=asked, more=more)
