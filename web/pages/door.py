"""The door: logging in and out, activation, a new password, and on a demo one click for each person."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from dossiers.functions import (
    ADMINISTRATOR,
    APPRAISAL_HEAD,
    APPRAISER,
    AUDITOR,
    AWARD_OFFICER,
    COUNCIL_SECRETARY,
    DECIDER,
    INTAKE,
    NOMINATOR,
    REGISTRY_CLERK,
    UNIT_HEAD,
)
from dossiers.refusals import Invalid, Refusal
from web import auth, forms, security
from web.wiring import wired
from web.words import t
from workflow import accounts
from workflow.demo import demo_progress

pages = Blueprint("door", __name__)

# What each function does, in a few words, with the icon of its badge on the demo's log-in page.
DOES = {
    NOMINATOR: ("building-community", "Lập, gửi hồ sơ, trả lời khi bị trả"),
    UNIT_HEAD: ("building-community", "Xem và gửi hồ sơ của đơn vị"),
    INTAKE: ("inbox", "Tiếp nhận hồ sơ"),
    APPRAISER: ("checklist", "Thẩm định"),
    APPRAISAL_HEAD: ("users-group", "Chủ trì họp xét, trả hồ sơ"),
    COUNCIL_SECRETARY: ("messages", "Thư ký Hội đồng"),
    AWARD_OFFICER: ("list-details", "Lập danh sách, trình quyết định"),
    REGISTRY_CLERK: ("file-certificate", "Lấy số, ban hành"),
    DECIDER: ("signature", "Quyết định"),
    AUDITOR: ("zoom-check", "Xem và kiểm tra toàn bộ vết"),
    ADMINISTRATOR: ("settings", "Đơn vị, người dùng"),
}


@pages.route("/login", methods=["GET", "POST"])
def log_in() -> AnyResponse:
    """Show the door, or let in whoever has the right password."""
    target = security.safe_next(request.values.get("next"))
    if request.method == "GET":
        if auth.actor_or_none() is not None:
            return redirect(target, 303)
        return _door(target)
    name = forms.text("login", 200)
    device = request.cookies.get(security.cookie_name(wired().settings, auth.DEVICE_COOKIE))
    try:
        signed_in = accounts.sign_in(
            wired().database,
            login=name,
            password=forms.text("password", 1000),
            peer=request.remote_addr or "",
            key=wired().key,
            device=device[:200] if device else None,
            request_id=g.request_id,
        )
    except (Invalid, accounts.TooManyTries) as refused:
        response = _door(target, login=name, problems=forms.problems_of(refused))
        response.status_code = refused.status
        if refused.status == 429:
            response.headers["Retry-After"] = str(refused.values["seconds"])
        return response
    response = auth.begin(signed_in, target)
    mark = accounts.device_mark(wired().key, name)
    auth.set_cookie(response, auth.DEVICE_COOKIE, mark, max_age=auth.YEAR)
    return response


def _door(target: str, *, login: str = "", problems: list[forms.Problem] | None = None) -> Response:
    people: list[tuple[accounts.DemoPerson, list[tuple[str, str]]]] = []
    loading = None
    if wired().settings.demo:
        with wired().database.reading() as tx:
            people = [(one, [DOES[f] for f in one.functions]) for one in accounts.people_of_demo(tx)]
        loading = demo_progress(wired().database)
    return make_response(
        render_template(
            "door/log_in.html",
            target=target,
            login=login,
            problems=problems or [],
            people=people,
            loading=loading,
        )
    )


@pages.post("/logout")
def log_out() -> AnyResponse:
    """End the session here and on the server."""
    token = request.cookies.get(security.cookie_name(wired().settings, auth.SESSION_COOKIE))
    if token:
        accounts.sign_out(wired().database, token, request_id=g.request_id)
        g.live_session = None
    session.clear()
    response = make_response(redirect(url_for("door.log_in"), 303))
    auth.drop_session_cookie(response)
    # Not "cookies": the browser keeps its device mark, so that nobody else's guessing can hold it up.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@pages.get("/forgot")
def forgot() -> str:
    """Say how to get a new password; it asks for nothing, so it tells nothing about who has an account."""
    return render_template("door/forgot.html")


@pages.route("/activate/<token>", methods=["GET", "POST"])
def activate(token: str) -> AnyResponse:
    """Let an invited person choose a password."""
    return _new_password("activate", token)


@pages.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> AnyResponse:
    """Let a person with a reset link choose a new password."""
    return _new_password("reset", token)


def _new_password(purpose: str, token: str) -> AnyResponse:
    with wired().database.reading() as tx:
        whose = accounts.invitation(tx, purpose, token)
    problems: list[forms.Problem] = []
    if request.method == "POST":
        try:
            password = forms.text("password", 1000)
            if password != forms.text("again", 1000):
                raise Invalid("passwords_differ", field="again")
            accounts.set_password_by_link(
                wired().database, purpose=purpose, token=token, password=password, request_id=g.request_id
            )
        except Refusal as refused:
            if refused.status == 404:
                raise
            problems = forms.problems_of(refused)
        else:
            flash(t("Mật khẩu đã được đặt. Hãy đăng nhập."), "ok")
            return redirect(url_for("door.log_in"), 303)
    page = render_template("door/new_password.html", whose=whose, purpose=purpose, problems=problems)
    return make_response(page, 422 if problems else 200)


def as_person(account_ref: str) -> AnyResponse:
    """Begin a session as a person of the demo. Registered by the composition root on a demo only."""
    signed_in = accounts.sign_in_for_demo(wired().database, account_ref, request_id=g.request_id)
    return auth.begin(signed_in, security.safe_next(request.form.get("next")))
