"""Help, accessibility, the choice of language, and the two answers for machines that watch the service."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from storage.database import DatabaseUnavailable, NotInstalled
from storage.files import FilesError
from web import auth, forms, security
from web.wiring import wired
from workflow import accounts

pages = Blueprint("about", __name__)


@pages.get("/help")
def help_page() -> str:
    """Explain the route of a dossier and where to ask."""
    return render_template("about/help.html")


@pages.get("/accessibility")
def accessibility() -> str:
    """Say what we promise people who use other eyes, hands or devices."""
    return render_template("about/accessibility.html")


@pages.post("/language")
def language() -> AnyResponse:
    """Choose the language of the pages: for the account, or for this browser before signing in."""
    chosen = forms.text("language", 2)
    response = make_response(redirect(security.safe_next(request.form.get("next")), 303))
    actor = auth.actor_or_none()
    if actor is not None:
        accounts.choose_language(wired().database, actor.account_id, chosen)
    if chosen in ("vi", "en"):
        auth.set_cookie(response, auth.LANGUAGE_COOKIE, chosen, max_age=auth.YEAR)
    return response


@pages.get("/healthz")
def healthz() -> Response:
    """Answer that the process serves."""
    return jsonify(status="ok")


@pages.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer whether work can be done. A store of files that is down degrades the service only."""
    try:
        with wired().database.reading() as tx:
            _ = tx.epoch
    except (DatabaseUnavailable, NotInstalled):
        return jsonify(status="unavailable", database="down"), 503
    try:
        wired().files.check()
    except FilesError:
        return jsonify(status="degraded", database="ok", files="down"), 200
    return jsonify(status="ok", database="ok", files="ok"), 200
