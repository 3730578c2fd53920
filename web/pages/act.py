"""Act: one page for every action of the edition, with its reason, fields, remarks and question."""

from __future__ import annotations

import re

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dossiers.refusals import Conflict, Invalid
from web import auth, forms
from web.pages.dossier import nominee_in, overtaken, seen
from web.wiring import wired
from web.words import t
from workflow import decide
from workflow.decide import RemarkInput
from workflow.view.actions import ActionView
from workflow.view.dossier import DossierView

pages = Blueprint("act", __name__, url_prefix="/dossiers/<code>")

REMARK_ROWS = 3
REMARK_ROWS_AT_MOST = 30


@pages.route("/act/<action>", methods=["GET", "POST"])
def act(code: str, action: str) -> AnyResponse:
    """Show the page of an action on the dossier, or perform it."""
    return _act(code, action, None)


@pages.route("/nominees/<nominee_ref>/act/<action>", methods=["GET", "POST"])
def act_on_nominee(code: str, nominee_ref: str, action: str) -> AnyResponse:
    """Show the page of an action on one nominee, or perform it."""
    return _act(code, action, nominee_ref)


def _act(code: str, action: str, nominee_ref: str | None) -> AnyResponse:
    view = seen(code)
    found = _offered(view, action, nominee_ref)
    if request.method == "GET":
        if found is None:
            return overtaken(view, t("Việc này không có ở bước hiện nay của hồ sơ."), 404)
        return _page(view, found, nominee_ref)
    if "more" in request.form and found is not None:
        return _page(view, found, nominee_ref, more=REMARK_ROWS)
    try:
        outcome = decide.act(
            wired().database,
            auth.the_actor(),
            view.ref,
            action,
            seen_version=forms.version(),
            reason=forms.text("reason") or None,
            reason_code=forms.text("reason_code", 60) or None,
            fields=_fields(),
            remarks=_remarks(),
            nominee_ref=nominee_ref,
            idem_key=forms.key(),
        )
    except (Invalid, Conflict) as refused:
        problems = forms.problems_of(refused)
        view = seen(code)
        found = _offered(view, action, nominee_ref)
        happened = problems[0].sentence if refused.code == "changed_meanwhile" else None
        if found is None:
            return overtaken(view, problems[0].sentence, refused.status)
        return _page(view, found, nominee_ref, [] if happened else problems, happened, refused.status)
    if found is None:  # the same request again, after the deed was done
        flash(t("Việc này đã được ghi trước đó, hồ sơ {code}.", code=outcome.code), "ok")
    else:
        flash(t("Đã ghi: {deed}, hồ sơ {code}.", deed=found.label, code=outcome.code), "ok")
    if nominee_ref is not None:
        return redirect(url_for("dossier.nominee_page", code=outcome.code, nominee_ref=nominee_ref), 303)
    return redirect(url_for("dossier.dossier_page", code=outcome.code), 303)


def _page(
    view: DossierView,
    action: ActionView,
    nominee_ref: str | None,
    problems: list[forms.Problem] | None = None,
    happened: str | None = None,
    status: int = 200,
    more: int = 0,
) -> AnyResponse:
    nominee = None if nominee_ref is None else nominee_in(view, nominee_ref)
    given = request.form.get("rows", "")
    rows = int(given) if re.fullmatch("[0-9]{1,3}", given) else REMARK_ROWS
    page = render_template(
        "act/send.html" if view.editable and action.main and nominee is None else "act/act.html",
        view=view,
        action=action,
        nominee=nominee,
        problems=problems or [],
        happened=happened,
        typed=request.form,
        rows=min(rows + more, REMARK_ROWS_AT_MOST),
        tab="nominees",
    )
    return make_response(page, status)


def _offered(view: DossierView, action: str, nominee_ref: str | None) -> ActionView | None:
    actions = view.actions if nominee_ref is None else nominee_in(view, nominee_ref).actions
    return next((one for one in actions if one.key == action), None)


def _fields() -> dict[str, str]:
    """Return what was typed into the action's own fields."""
    return {
        name.removeprefix("field."): forms.text(name) for name in request.form if name.startswith("field.")
    }


def _remarks() -> list[RemarkInput]:
    """Return the remarks that have words or a code; an empty row is no remark."""
    remarks = []
    for row in range(REMARK_ROWS_AT_MOST):
        code, body = forms.text(f"remark.{row}.code", 60), forms.text(f"remark.{row}.body")
        if not code and not body.strip():
            continue
        kind, _, ref = forms.text(f"remark.{row}.target", 200).partition(":")
        remarks.append(RemarkInput(kind or "dossier", ref or None, code, body))
    return remarks
