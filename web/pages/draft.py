"""The unit writes: choose a round, fill in the dossier, add nominees, answer criteria."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dossiers.criteria import Answer
from dossiers.functions import UNIT_FUNCTIONS
from dossiers.numbers import NotADay, NotANumber, parse_count, parse_day
from dossiers.refusals import Conflict, Invalid, InvalidForm, Refusal
from web import auth, forms
from web.pages.dossier import nominee_in, overtaken, seen
from web.shown import typed_day, typed_number
from web.wiring import wired
from web.words import t
from workflow import draft
from workflow.view.dossier import DossierView
from workflow.view.fields import FieldView
from workflow.view.nominees import AnswerView, NomineeView
from workflow.view.rounds import rounds_for

pages = Blueprint("draft", __name__)


class SentMeanwhile(Conflict):
    """The dossier is not with its writers now; what was typed into its form must still be shown."""


@pages.errorhandler(SentMeanwhile)
def sent_meanwhile(refused: SentMeanwhile) -> AnyResponse:
    """Say that the dossier was sent, by whom, and give back what was typed."""
    view = seen((request.view_args or {})["code"])
    return overtaken(view, refused.sentence(auth.language()), refused.status)


@pages.route("/dossiers/new", methods=["GET", "POST"])
def new_dossier() -> AnyResponse:
    """Choose a round and open a draft in it."""
    actor = auth.the_actor()
    problems: list[forms.Problem] = []
    status = 200
    if request.method == "POST":
        try:
            round_code = forms.text("round", 60)
            if not round_code:
                raise Invalid("round_not_chosen", field="round")
            key = draft.open_dossier(
                wired().database,
                actor,
                round_code=round_code,
                unit_ref=forms.text("unit", 40) or None,
                title=forms.text("title", 1000),
                idem_key=forms.key(),
            )
        except (Invalid, Conflict) as refused:
            problems, status = forms.problems_of(refused), refused.status
        else:
            flash(t("Đã lập hồ sơ {code}. Hãy làm lần lượt các việc dưới đây.", code=key.code), "ok")
            return redirect(url_for("dossier.dossier_page", code=key.code), 303)
    units = {place.unit_ref: place.unit_name for place in actor.places if place.function in UNIT_FUNCTIONS}
    page = render_template(
        "draft/new_dossier.html",
        rounds=rounds_for(wired().database, actor),
        units=units,
        problems=problems,
        typed=request.form,
    )
    return make_response(page, status)


@pages.route("/dossiers/<code>/general", methods=["GET", "POST"])
def general(code: str) -> AnyResponse:
    """Fill in the dossier's own form."""
    view = _editable(code)
    typed: Mapping[str, str] = {field.key: _typed_field(field) for field in view.fields}
    problems: list[forms.Problem] = []
    happened, status = None, 200
    if request.method == "POST":
        typed = {field.key: forms.text(field.key) for field in view.fields if field.key in request.form}
        try:
            draft.fill_in(
                wired().database, auth.the_actor(), view.ref, seen_version=forms.version(), fields=typed
            )
        except (Invalid, Conflict) as refused:
            happened, problems = forms.heard(refused)
            view, status = seen(code), refused.status
        else:
            flash(t("Đã lưu thông tin chung."), "ok")
            return redirect(url_for("dossier.dossier_page", code=view.code), 303)
    page = render_template("draft/general.html", view=view, typed=typed, problems=problems, happened=happened)
    return make_response(page, status)


@pages.route("/dossiers/<code>/nominees/new", methods=["GET", "POST"])
def new_nominee(code: str) -> AnyResponse:
    """Add a nominee: class, name, award form; the rest comes on the next page."""
    view = _editable(code)
    problems: list[forms.Problem] = []
    happened, status = None, 200
    if request.method == "POST":
        try:
            if not forms.text("class_code", 60):
                raise Invalid("class_not_chosen", field="class_code")
            key = draft.add_nominee(
                wired().database,
                auth.the_actor(),
                view.ref,
                seen_version=forms.version(),
                class_code=forms.text("class_code", 60),
                name=forms.text("name", 1000),
                award_form=forms.text("award_form", 60) or None,
                idem_key=forms.key(),
            )
        except (Invalid, Conflict) as refused:
            happened, problems = forms.heard(refused)
            view, status = seen(code), refused.status
        else:
            return redirect(url_for("draft.edit_nominee", code=view.code, nominee_ref=key.ref), 303)
    page = render_template(
        "draft/new_nominee.html", view=view, typed=request.form, problems=problems, happened=happened
    )
    return make_response(page, status)


@pages.route("/dossiers/<code>/nominees/<nominee_ref>/edit", methods=["GET", "POST"])
def edit_nominee(code: str, nominee_ref: str) -> AnyResponse:
    """Fill in a nominee: who, for what, the answer to each criterion, the report."""
    view = _editable(code)
    nominee = nominee_in(view, nominee_ref)
    typed: Mapping[str, str] = _as_typed(nominee)
    problems: list[forms.Problem] = []
    happened, status = None, 200
    if request.method == "POST":
        typed = {name: forms.text(name) for name in request.form}
        try:
            draft.fill_in_nominee(
                wired().database,
                auth.the_actor(),
                nominee.ref,
                seen_version=forms.version(),
                name=forms.text("name", 1000),
                award_form=forms.text("award_form", 60) or None,
                fields={f.key: forms.text(f"fields.{f.key}") for f in nominee.fields},
                answers=_answers(nominee.answers),
            )
        except (Invalid, Conflict) as refused:
            happened, problems = forms.heard(refused)
            keys = {field.key for field in nominee.fields}
            problems = [
                forms.Problem(f"fields.{p.field}" if p.field in keys else p.field, p.sentence)
                for p in problems
            ]
            view, status = seen(code), refused.status
            nominee = nominee_in(view, nominee_ref)
        else:
            following = _following(view, nominee) if "next" in request.form else None
            flash(t("Đã lưu {name}.", name=forms.text("name", 200)), "ok")
            if following is not None:
                target = url_for("draft.edit_nominee", code=view.code, nominee_ref=following.ref)
            elif "stay" in request.form:
                target = url_for("draft.edit_nominee", code=view.code, nominee_ref=nominee.ref)
            else:
                target = url_for("dossier.dossier_page", code=view.code)
            return redirect(target, 303)
    page = render_template(
        "draft/edit_nominee.html",
        view=view,
        nominee=nominee,
        following=_following(view, nominee),
        typed=typed,
        problems=problems,
        happened=happened,
    )
    return make_response(page, status)


@pages.route("/dossiers/<code>/nominees/<nominee_ref>/remove", methods=["GET", "POST"])
def remove_nominee(code: str, nominee_ref: str) -> AnyResponse:
    """Ask, then take a nominee out of a dossier that was never sent."""
    view = _editable(code)
    nominee = nominee_in(view, nominee_ref)
    problems: list[forms.Problem] = []
    happened, status = None, 200
    if request.method == "POST":
        try:
            draft.remove_nominee(
                wired().database, auth.the_actor(), nominee.ref, seen_version=forms.version()
            )
        except Conflict as refused:
            happened, problems = forms.heard(refused)
            view, status = seen(code), refused.status
        else:
            flash(t("Đã bỏ {name} khỏi hồ sơ.", name=nominee.name), "ok")
            return redirect(url_for("dossier.dossier_page", code=view.code), 303)
    page = render_template(
        "draft/remove_nominee.html", view=view, nominee=nominee, problems=problems, happened=happened
    )
    return make_response(page, status)


def _editable(code: str) -> DossierView:
    """Return a dossier that the person may write in now. Raises ``SentMeanwhile`` when it is not."""
    view = seen(code)
    if not view.editable:
        raise SentMeanwhile("not_editable_now", state=view.state)
    return view


def _following(view: DossierView, nominee: NomineeView) -> NomineeView | None:
    later = [one for one in view.nominees if one.ordinal > nominee.ordinal]
    return later[0] if later else None


def _typed_field(field: FieldView) -> str:
    """Return a field's value as its input shows it again; a day always as day/month/year."""
    return typed_day(date.fromisoformat(field.value)) if field.kind == "date" and field.value else field.value


def _as_typed(nominee: NomineeView) -> dict[str, str]:
    """Return a nominee as its form's fields hold it."""
    typed = {"name": nominee.name, "award_form": nominee.award_form or ""}
    typed.update({f"fields.{field.key}": _typed_field(field) for field in nominee.fields})
    for one in nominee.answers:
        said: Any = one.answer
        if said is None:
            continue
        begin = f"answers.{one.code}"
        if said.attested is not None:
            typed[f"{begin}.attested"] = "yes" if said.attested else "no"
        typed[f"{begin}.not_applicable"] = "yes" if said.not_applicable else ""
        typed[f"{begin}.numerator"] = typed_number(said.numerator)
        typed[f"{begin}.denominator"] = typed_number(said.denominator)
        typed[f"{begin}.document_no"] = said.document_no or ""
        typed[f"{begin}.document_on"] = typed_day(said.document_on)
        typed[f"{begin}.document_issuer"] = said.document_issuer or ""
        typed[f"{begin}.note"] = said.note or ""
    return typed


def _answers(asked: tuple[AnswerView, ...]) -> dict[str, Answer]:
    """Read the answers that the form holds. Raises ``InvalidForm`` with every one it cannot read."""
    problems: list[Refusal] = []
    answers: dict[str, Answer] = {}
    for one in asked:
        begin = f"answers.{one.code}"
        given = {name: forms.text(f"{begin}.{name}").strip() for name in Answer.__slots__}
        if not any(given.values()) and one.answer is None:
            continue
        values: dict[str, Any] = {
            "attested": {"yes": True, "no": False}.get(given["attested"]),
            "not_applicable": given["not_applicable"] == "yes",
        }
        for name in ("numerator", "denominator"):
            try:
                values[name] = parse_count(given[name]) if given[name] else None
            except NotANumber:
                problems.append(Invalid("count_unreadable", field=f"{begin}.{name}", value=given[name][:40]))
        try:
            values["document_on"] = parse_day(given["document_on"]) if given["document_on"] else None
        except NotADay:
            problems.append(
                Invalid("day_unreadable", field=f"{begin}.document_on", value=given["document_on"][:40])
            )
        for name in ("document_no", "document_issuer", "note"):
            values[name] = given[name] or None
        if not problems:
            answers[one.code] = Answer(**values)
    if problems:
        raise InvalidForm(tuple(problems))
    return answers
