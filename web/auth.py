"""Who is there: the session cookie, the person behind it, and the table that says which route is for whom.

The cookie holds a random token, the database its hash (``workflow/accounts``); the person and their
functions are loaded anew for every request, so that a place that ended is felt at once. flask-login
carries the person through the request; its own cookie is not used.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Flask, Response, g, make_response, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response as AnyResponse

from config.settings import Settings
from dossiers.refusals import SENTENCES, Forbidden, Missing
from web import security
from web.policy import POLICY
from web.wiring import wired
from workflow import accounts
from workflow.actor import Actor, load_actor

SESSION_COOKIE = "session"
DEVICE_COOKIE = "device"
LANGUAGE_COOKIE = "language"
YEAR = 365 * 24 * 3600


class SessionEnded(Exception):
    """Something was to be changed, but nobody is signed in (any more)."""


class SignedInPerson(UserMixin):
    """The person of this request, as flask-login wants one."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def get_id(self) -> str:
        """Return the outer name of the account."""
        return self.actor.account_ref


def install(app: Flask, settings: Settings) -> None:
    """Put the guards that know people on ``app``. Called after ``web.security.install``."""
    manager = LoginManager()
    manager.session_protection = None  # nothing of ours is kept in flask-login's own session keys
    manager.request_loader(_person_of)
    manager.init_app(app)

    @app.before_request
    def guard_route() -> AnyResponse | None:
        if request.endpoint is None:
            return None  # the routing itself answers 404 or 405
        access = POLICY.get(request.endpoint)
        if access is None:
            raise Missing("not_found")  # closed by default
        if request.endpoint == "static" or access.bearer or request.path in ("/healthz", "/readyz"):
            return None
        actor = actor_or_none()
        if not access.public:
            if actor is None:
                if request.method in security.SAFE_METHODS:
                    return redirect(url_for("door.log_in", next=_wanted()), 303)
                raise SessionEnded
            if access.functions and not access.functions & actor.functions:
                raise Forbidden("not_your_function")
        if request.method not in security.SAFE_METHODS:
            security.csrf.protect()
        security.guard_text()
        return None

    @app.after_request
    def note_use(response: Response) -> Response:
        live: accounts.LiveSession | None = g.get("live_session")
        if live is not None and live.is_due and response.status_code < 500:
            accounts.note_use(wired().database, live)  # at most once a minute, and not a part of the request
        return response


def _wanted() -> str | None:
    """Return the page that was asked for, as the address said it; None for the first page."""
    query = request.query_string.decode("ascii", "replace")
    target = quote(request.path) + (f"?{query}" if query else "")
    return None if target == "/" else target


def _person_of(_request: Any) -> SignedInPerson | None:
    token = request.cookies.get(security.cookie_name(wired().settings, SESSION_COOKIE))
    if not token or len(token) > 100:
        return None
    with wired().database.reading() as tx:
        live = accounts.find_session(tx, token)
        if live is None:
            return None
        try:
            actor = load_actor(tx, live.account_id, session_ref=live.ref, request_id=g.request_id)
        except Missing:
            return None
    g.live_session = live
    g.acting = actor  # for the log
    return SignedInPerson(actor)


def actor_or_none() -> Actor | None:
    """Return who is signed in, or None."""
    return current_user.actor if current_user.is_authenticated else None


def the_actor() -> Actor:
    """Return who is signed in; the route's line in the policy table has made sure that somebody is."""
    actor = actor_or_none()
    if actor is None:
        raise SessionEnded
    return actor


def language() -> str:
    """Return the language of the page: the person's own, or the one chosen before signing in."""
    chosen: str | None = g.get("language")
    if chosen is None:
        actor = None if request.endpoint in (None, "static") else actor_or_none()
        cookie = request.cookies.get(security.cookie_name(wired().settings, LANGUAGE_COOKIE))
        chosen = actor.language if actor is not None else cookie
        chosen = g.language = chosen if chosen in ("vi", "en") else "vi"
    return chosen


def begin(signed_in: accounts.SignedIn, target: str) -> Response:
    """Return the redirect that gives the browser its new session; what stood in the old form cookie is
    gone.
    """
    session.clear()
    response = make_response(redirect(security.safe_next(target), 303))
    set_cookie(response, SESSION_COOKIE, signed_in.token, max_age=int(accounts.ABSOLUTE.total_seconds()))
    return response


def set_cookie(response: Response, what: str, value: str, *, max_age: int) -> None:
    """Set a cookie of ours: HttpOnly, SameSite=Lax, and Secure with ``__Host-`` where the public URL is
    https.
    """
    settings = wired().settings
    response.set_cookie(
        security.cookie_name(settings, what),
        value,
        max_age=max_age,
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def drop_session_cookie(response: Response) -> None:
    """Take the session cookie back from the browser."""
    set_cookie(response, SESSION_COOKIE, "", max_age=0)


SENTENCES.update(
    {
        "not_your_function": (
            "Trang này dành cho chức năng khác. Nếu bạn cần dùng, hãy hỏi quản trị đơn vị.",
            "This page is for another function. If you need it, ask your administrator.",
        ),
        "session_ended": (
            "Bạn đã lâu không thao tác nên phiên làm việc đã đóng. Đăng nhập lại để làm tiếp.",
            "You were away for a while, so the session was closed. Log in again to go on.",
        ),
    }
)
