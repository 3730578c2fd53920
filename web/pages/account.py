"""My account: who I am here, my password, where I am signed in, the tokens of my programs."""

from __future__ import annotations

from flask import Blueprint, flash, g, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from dossiers.refusals import Invalid, Refusal
from web import auth, forms
from web.wiring import wired
from web.words import t
from workflow import accounts

pages = Blueprint("account", __name__, url_prefix="/account")


@pages.get("")
def account_page() -> str:
    """Show my account."""
    return _page()


def _page(problems: list[forms.Problem] | None = None) -> str:
    actor = auth.the_actor()
    with wired().database.reading() as tx:
        sessions = accounts.sessions_of(tx, actor.account_id, current_ref=actor.session_ref)
        tokens = accounts.tokens_of(tx, actor.account_id)
    return render_template("account/account.html", sessions=sessions, tokens=tokens, problems=problems or [])


@pages.post("/password")
def change_password() -> AnyResponse:
    """Change my password; every other session of mine ends."""
    actor = auth.the_actor()
    try:
        if forms.text("new", 1000) != forms.text("again", 1000):
            raise Invalid("passwords_differ", field="again")
        signed_in = accounts.change_password(
            wired().database,
            account_id=actor.account_id,
            session_ref=actor.session_ref or "",
            current=forms.text("current", 1000),
            new=forms.text("new", 1000),
            key=wired().key,
            request_id=g.request_id,
        )
    except Refusal as refused:
        return make_response(_page(forms.problems_of(refused)), refused.status)
    g.live_session = None  # the old one is dead
    response = auth.begin(signed_in, url_for("account.account_page"))
    flash(t("Mật khẩu đã đổi. Các nơi đăng nhập khác đã được đóng."), "ok")
    return response


@pages.post("/sessions/<session_ref>/end")
def end_session(session_ref: str) -> AnyResponse:
    """End one of my sessions."""
    accounts.end_session(wired().database, auth.the_actor().account_id, session_ref)
    flash(t("Đã đóng phiên đăng nhập đó."), "ok")
    return redirect(url_for("account.account_page"), 303)


@pages.post("/sessions/end-others")
def end_other_sessions() -> AnyResponse:
    """End all my sessions but this one."""
    actor = auth.the_actor()
    with wired().database.writing() as tx:
        accounts.end_sessions(tx, actor.account_id, but_ref=actor.session_ref)
    flash(t("Đã đóng các phiên đăng nhập khác."), "ok")
    return redirect(url_for("account.account_page"), 303)


@pages.post("/tokens/<token_ref>/revoke")
def revoke_token(token_ref: str) -> AnyResponse:
    """Revoke one of my bearer tokens."""
    accounts.revoke_token(wired().database, auth.the_actor().account_id, token_ref)
    flash(t("Đã thu hồi khóa."), "ok")
    return redirect(url_for("account.account_page"), 303)
