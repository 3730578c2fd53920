"""One dossier: where it stands, who holds it, what is in it, what was done; as a list of tasks for who writes
it.
"""

from __future__ import annotations

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response as AnyResponse

from dossiers.functions import DECIDER
from dossiers.refusals import Missing
from web import auth, forms
from web.wiring import wired
from workflow.view.dossier import DossierView, dossier_view
from workflow.view.nominees import NomineeView
from workflow.view.sent import frozen_version

pages = Blueprint("dossier", __name__, url_prefix="/dossiers/<code>")


def seen(code: str) -> DossierView:
    """Return the dossier as the person of this request may see it. Raises ``Missing``."""
    return dossier_view(wired().database, auth.the_actor(), code)


def nominee_in(view: DossierView, nominee_ref: str) -> NomineeView:
    """Return one nominee of a dossier. Raises ``Missing``."""
    for nominee in view.nominees:
        if nominee.ref == nominee_ref:
            return nominee
    raise Missing("not_found")


def overtaken(view: DossierView, sentence: str, status: int = 409) -> AnyResponse:
    """Show that somebody was quicker: what stands in the way, the newest deed, and all that was typed."""
    page = render_template(
        "act/conflict.html",
        view=view,
        sentence=sentence,
        latest=next(iter(view.timeline), None),
        typed=forms.words_typed(),
    )
    return make_response(page, status)


@pages.get("")
def dossier_page(code: str) -> str:
    """Show the dossier: tasks for who writes it, the decision for who decides, the whole for others."""
    view = seen(code)
    if view.editable:
        return render_template("dossier/tasks.html", view=view, tab="tasks")
    if view.actions and auth.the_actor().has(DECIDER):
        return render_template("dossier/decision.html", view=view, tab="nominees")
    return render_template("dossier/nominees.html", view=view, tab="nominees")


@pages.get("/papers")
def papers_page(code: str) -> str:
    """Show the papers, and the form to add one where the reader may."""
    return render_template("dossier/papers.html", view=seen(code), tab="papers", problems=[], typed={})


@pages.get("/remarks")
def remarks_page(code: str) -> str:
    """Show what was asked to be mended, round by round."""
    return render_template("dossier/remarks.html", view=seen(code), tab="remarks")


@pages.get("/deeds")
def deeds_page(code: str) -> str:
    """Show the latest deeds, the clocks, the frozen versions, and who was told."""
    return render_template("dossier/deeds.html", view=seen(code), tab="deeds")


@pages.get("/versions/<int:n>")
def version_page(code: str, n: int) -> str:
    """Show a frozen version exactly as it was sent or decided."""
    frozen = frozen_version(wired().database, auth.the_actor(), code, n)
    return render_template("dossier/version.html", frozen=frozen, view=seen(code), tab="deeds")


@pages.get("/nominees/<nominee_ref>")
def nominee_page(code: str, nominee_ref: str) -> str:
    """Show one nominee: answers, what the rules find, evidence, and what the reader may do about it."""
    view = seen(code)
    nominee = nominee_in(view, nominee_ref)
    places = [one.ref for one in view.nominees]
    here = places.index(nominee.ref)
    following = view.nominees[here + 1] if here + 1 < len(places) else None
    return render_template(
        "dossier/nominee.html", view=view, nominee=nominee, following=following, tab="nominees"
    )
