"""Administration: org units with their dated names and functions, people with their places and accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dossiers.functions import FUNCTIONS, UNIT_FUNCTIONS
from dossiers.numbers import NotADay, parse_day
from dossiers.org_unit import ADMIN_LEVELS
from dossiers.refusals import Conflict, Invalid, InvalidForm, Missing, Refusal
from web import auth, forms, shown
from web.wiring import wired
from web.words import t
from workflow import administration, jobs

pages = Blueprint("administration", __name__, url_prefix="/admin")

A_PAGE = 50
CHOICES = 100  # units offered in a select; beyond it the unit's code is typed

KINDS = {
    "peoples_committee": "Ủy ban nhân dân",
    "division": "Phòng chuyên môn",
    "provincial_department": "Sở, ngành tỉnh",
    "secretariat": "Văn phòng",
    "fatherland_front": "Ủy ban Mặt trận Tổ quốc",
    "socio_political_org": "Tổ chức chính trị - xã hội",
    "learning_promotion_association": "Hội Khuyến học",
    "health_centre": "Trung tâm Y tế",
    "health_station": "Trạm Y tế",
    "preschool": "Trường mầm non",
    "primary_school": "Trường tiểu học",
    "lower_secondary_school": "Trường trung học cơ sở",
    "vocational_institution": "Cơ sở giáo dục nghề nghiệp",
    "enterprise": "Doanh nghiệp",
    "hamlet": "Ấp, khu phố",
    "self_managed_group": "Tổ nhân dân tự quản",
    "inspectorate": "Thanh tra",
}
LEVELS = {
    "province": "Cấp tỉnh",
    "district": "Cấp huyện",
    "commune": "Cấp xã",
    "hamlet": "Ấp, khu phố",
    "none": "Không thuộc cấp nào",
}


@pages.get("/units")
def units() -> str:
    """List org units by their name of today; what the system gave up is found from here."""
    count = jobs.count_given_up(wired().database, auth.the_actor())
    return _list("units", administration.list_org_units, levels=LEVELS, given_up=count)


def _list(name: str, rows: Callable[..., Any], **more: Any) -> str:
    """Return a page of a list that can be searched: ``administration.<name>`` with its template."""
    asked = request.args.get("q", "").strip()[:200]
    page = rows(
        wired().database,
        auth.the_actor(),
        after=request.args.get("after"),
        limit=A_PAGE,
        search=asked or None,
    )
    following = url_for(f"administration.{name}", after=page.next, q=asked or None) if page.next else None
    return render_template(f"administration/{name}.html", page=page, asked=asked, more=following, **more)


@pages.route("/units/new", methods=["GET", "POST"])
def new_unit() -> AnyResponse:
    """Add an org unit."""

    def add() -> AnyResponse:
        added = administration.add_org_unit(
            wired().database,
            auth.the_actor(),
            code=forms.text("code", 100).strip(),
            kind=forms.text("kind", 60).strip(),
            admin_level=forms.text("admin_level", 20),
            name=forms.text("name", 500),
            place_name=forms.text("place_name", 500),
            from_on=_day("from_on"),
            parent_ref=forms.text("parent", 60) or None,
            body_ref=forms.text("body", 60) or None,
            idem_key=forms.key(),
        )
        flash(t("Đã thêm đơn vị."), "ok")
        return redirect(url_for("administration.unit", unit_ref=added.ref), 303)

    return _form(
        add,
        lambda **more: render_template(
            "administration/new_unit.html", levels=_levels(), kinds=_kinds(), units=_unit_choices(), **more
        ),
    )


@pages.get("/units/<unit_ref>")
def unit(unit_ref: str) -> str:
    """Show one org unit with its whole dated history."""
    return _unit_page(unit_ref)


def _unit_page(unit_ref: str, *, problems: Any = (), typed: Any = None, happened: str | None = None) -> str:
    view = administration.org_unit_view(wired().database, auth.the_actor(), unit_ref)
    return render_template(
        "administration/unit.html",
        view=view,
        levels=LEVELS,
        functions=[(name, shown.function_name(name)) for name in FUNCTIONS if name not in UNIT_FUNCTIONS],
        units=_unit_choices(),
        problems=problems,
        typed=typed or {},
        happened=happened,
    )


@pages.post("/units/<unit_ref>/rename")
def rename_unit(unit_ref: str) -> AnyResponse:
    """Give a unit another name, place or parent from a day on; the old name stays for the days before."""

    def rename() -> AnyResponse:
        administration.rename_org_unit(
            wired().database,
            auth.the_actor(),
            unit_ref,
            seen_version=forms.version(),
            name=forms.text("name", 500),
            place_name=forms.text("place_name", 500) or None,
            parent_ref=forms.text("parent", 60) or None,
            from_on=_day("from_on"),
            idem_key=forms.key(),
        )
        flash(t("Đã ghi tên mới. Giấy tờ trước ngày đó vẫn mang tên cũ."), "ok")
        return redirect(url_for("administration.unit", unit_ref=unit_ref), 303)

    return _form(rename, lambda **more: _unit_page(unit_ref, **more))


@pages.post("/units/<unit_ref>/functions")
def set_function(unit_ref: str) -> AnyResponse:
    """Say which unit performs a function for this body from a day on."""

    def give() -> AnyResponse:
        administration.set_function(
            wired().database,
            auth.the_actor(),
            body_ref=unit_ref,
            seen_version=forms.version(),
            function=forms.text("function", 60),
            unit_ref=forms.text("unit", 60),
            from_on=_day("function_from_on"),
            idem_key=forms.key(),
        )
        flash(t("Đã giao chức năng."), "ok")
        return redirect(url_for("administration.unit", unit_ref=unit_ref), 303)

    return _form(give, lambda **more: _unit_page(unit_ref, **more))


@pages.get("/people")
def people() -> str:
    """List people in the order of their given names."""
    return _list("people", administration.list_people)


@pages.route("/people/new", methods=["GET", "POST"])
def invite() -> AnyResponse:
    """Invite a person: the page that answers shows the activation link, once."""

    def add() -> AnyResponse:
        invited = administration.invite_person(
            wired().database,
            auth.the_actor(),
            full_name=forms.text("full_name", 500),
            login=forms.text("login", 200),
            email=forms.text("email", 500) or None,
            unit_ref=forms.text("unit", 60),
            function=forms.text("function", 60),
            position_title=forms.text("position_title", 500),
            from_on=_day("from_on"),
            to_on=_day_or_none("to_on"),
            idem_key=forms.key(),
        )
        return _with_link(invited.person_ref, "activate", invited.token)

    return _form(
        add,
        lambda **more: render_template(
            "administration/invite.html", units=_unit_choices(), functions=_functions(), **more
        ),
    )


@pages.get("/people/<person_ref>")
def person(person_ref: str) -> str:
    """Show one person with every place, past and coming."""
    return _person_page(person_ref)


def _person_page(
    person_ref: str,
    *,
    problems: Any = (),
    typed: Any = None,
    happened: str | None = None,
    ending: str | None = None,
    link: str | None = None,
    link_was_shown: bool = False,
) -> str:
    """Return the page of a person; ``ending`` is the membership that a refused form was to end."""
    view = administration.person_view(wired().database, auth.the_actor(), person_ref)
    return render_template(
        "administration/person.html",
        view=view,
        units=_unit_choices(),
        functions=_functions(),
        problems=problems,
        typed=typed or {},
        happened=happened,
        ending=ending,
        link=link,
        link_was_shown=link_was_shown,
        today=shown.today(),
    )


def _with_link(person_ref: str, purpose: str, token: str | None) -> AnyResponse:
    """Return the page of a person with the link just made, or that it was shown to the same press before.

    The link's whole address is always under the configured public address (promise T25).
    """
    if token is None:
        return make_response(_person_page(person_ref, link_was_shown=True))
    link = wired().settings.public_url.rstrip("/") + url_for(f"door.{purpose}", token=token)
    return make_response(_person_page(person_ref, link=link))


@pages.post("/people/<person_ref>/memberships")
def add_membership(person_ref: str) -> AnyResponse:
    """Give a person a function in a unit from a day on."""

    def add() -> AnyResponse:
        administration.add_membership(
            wired().database,
            auth.the_actor(),
            person_ref,
            seen_version=forms.version(),
            unit_ref=forms.text("unit", 60),
            function=forms.text("function", 60),
            position_title=forms.text("position_title", 500),
            from_on=_day("from_on"),
            to_on=_day_or_none("to_on"),
            idem_key=forms.key(),
        )
        flash(t("Đã giao chức năng."), "ok")
        return redirect(url_for("administration.person", person_ref=person_ref), 303)

    return _form(add, lambda **more: _person_page(person_ref, **more))


@pages.post("/people/<person_ref>/memberships/<membership_ref>/end")
def end_membership(person_ref: str, membership_ref: str) -> AnyResponse:
    """End a person's function from a day on."""

    def end() -> AnyResponse:
        administration.end_membership(
            wired().database,
            auth.the_actor(),
            membership_ref,
            seen_version=forms.version(),
            on=_day("on"),
            idem_key=forms.key(),
        )
        flash(t("Đã ghi ngày kết thúc."), "ok")
        return redirect(url_for("administration.person", person_ref=person_ref), 303)

    return _form(end, lambda **more: _person_page(person_ref, ending=membership_ref, **more))


@pages.post("/people/<person_ref>/disable")
def disable(person_ref: str) -> AnyResponse:
    """Disable an account; its sessions end at once."""

    def stop() -> AnyResponse:
        administration.disable_account(
            wired().database,
            auth.the_actor(),
            person_ref,
            idem_key=forms.key(),
        )
        flash(t("Đã khóa tài khoản. Mọi phiên đăng nhập đã đóng."), "ok")
        return redirect(url_for("administration.person", person_ref=person_ref), 303)

    return _form(stop, lambda **more: _person_page(person_ref, **more))


@pages.post("/people/<person_ref>/enable")
def enable(person_ref: str) -> AnyResponse:
    """Enable an account again; one that never had a password gets a new activation link."""

    def open_again() -> AnyResponse:
        link = administration.enable_account(
            wired().database,
            auth.the_actor(),
            person_ref,
            seen_version=forms.version(),
            idem_key=forms.key(),
        )
        if link.purpose is not None:
            return _with_link(person_ref, link.purpose, link.token)
        flash(t("Đã mở lại tài khoản."), "ok")
        return redirect(url_for("administration.person", person_ref=person_ref), 303)

    return _form(open_again, lambda **more: _person_page(person_ref, **more))


@pages.post("/people/<person_ref>/link")
def new_link(person_ref: str) -> AnyResponse:
    """Make a link for a new password, shown once on the page that answers."""

    def make() -> AnyResponse:
        link = administration.make_link(
            wired().database,
            auth.the_actor(),
            person_ref,
            seen_version=forms.version(),
            idem_key=forms.key(),
        )
        return _with_link(person_ref, link.purpose or "reset", link.token)

    return _form(make, lambda **more: _person_page(person_ref, **more))


@pages.get("/jobs")
def given_up() -> str:
    """List what the system promised and could not do."""
    return _jobs_page(after=request.args.get("after"))


@pages.post("/jobs/again")
def try_again() -> AnyResponse:
    """Have the system do again what it gave up."""

    def again() -> AnyResponse:
        jobs.try_again(
            wired().database,
            auth.the_actor(),
            forms.text("job", 200),
            idem_key=forms.key(),
        )
        flash(t("Hệ thống đang làm lại việc này. Nếu vẫn chưa được, việc sẽ trở lại danh sách."), "ok")
        return redirect(url_for("administration.given_up"), 303)

    return _form(again, lambda **more: _jobs_page(problems=more["problems"]))


def _jobs_page(*, after: str | None = None, problems: Any = ()) -> str:
    page = jobs.given_up(wired().database, auth.the_actor(), after=after, limit=A_PAGE)
    more = url_for("administration.given_up", after=page.next) if page.next else None
    return render_template("administration/jobs.html", page=page, more=more, problems=problems)


def _form(do: Callable[[], AnyResponse], page: Callable[..., str]) -> AnyResponse:
    """Do what a form asks, or show it again with what was typed and what is wrong."""
    if request.method == "GET":
        return make_response(page(problems=[], typed={}, happened=None))
    try:
        return do()
    except (Invalid, Conflict, Missing) as refused:
        if refused.status == 404 and refused.field is None:
            raise
        happened, problems = forms.heard(refused)
        answer = page(problems=problems, typed=request.form, happened=happened)
        return make_response(answer, 422 if refused.status == 404 else refused.status)


def _day(name: str) -> date:
    day = _day_or_none(name)
    if day is None:
        raise InvalidForm((Invalid("value_missing", field=name, label=t("Ngày")),))
    return day


def _day_or_none(name: str) -> date | None:
    given = forms.text(name, 60).strip()
    if not given:
        return None
    try:
        return parse_day(given)
    except NotADay:
        problem: Refusal = Invalid("day_unreadable", field=name, value=given[:40])
        raise problem from None


def _unit_choices() -> list[tuple[str, str]]:
    page = administration.list_org_units(wired().database, auth.the_actor(), limit=CHOICES)
    return [(row.ref, row.name) for row in page.rows]


def _functions() -> list[tuple[str, str]]:
    return [(name, shown.function_name(name)) for name in FUNCTIONS]


def _levels() -> list[tuple[str, str]]:
    return [(level, t(LEVELS[level])) for level in ADMIN_LEVELS]


def _kinds() -> list[tuple[str, str]]:
    return [(kind, t(label)) for kind, label in KINDS.items()]
