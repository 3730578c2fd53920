"""Papers come in by a plain form and go out as they came: verified, under their own name, never run here."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dossiers.refusals import Conflict, Invalid, Unavailable
from web import auth, forms, security
from web.pages.dossier import seen
from web.wiring import wired
from web.words import t
from workflow import attach

pages = Blueprint("papers", __name__)


@pages.post("/dossiers/<code>/papers")
def upload(code: str) -> AnyResponse:
    """Take one file in, as a new paper or as a new version of one."""
    settings = wired().settings
    view = seen(code)
    file = request.files.get("file")
    back = security.safe_next(request.form.get("next"), url_for("dossier.papers_page", code=view.code))
    try:
        if file is None or not file.filename:
            raise Invalid("file_not_chosen", field="file")
        key = attach.attach(
            wired().database,
            wired().files,
            auth.the_actor(),
            view.ref,
            kind=forms.text("kind", 60),
            name=file.filename,
            stream=file.stream,  # type: ignore[arg-type]  # werkzeug's stream reads bytes
            size_limit=settings.max_file_bytes,
            dossier_limit=settings.max_dossier_bytes,
            nominee_refs=request.form.getlist("nominee_ref"),
            criterion_code=forms.text("criterion", 60) or None,
            replaces=forms.text("replaces", 60) or None,
        )
    except (Invalid, Conflict, Unavailable) as refused:
        page = render_template(
            "dossier/papers.html",
            view=seen(code),
            tab="papers",
            problems=forms.problems_of(refused),
            typed=request.form,
        )
        return make_response(page, refused.status)
    flash(t("Đã nhận tệp {name}.", name=key.name), "ok")
    return redirect(back, 303)


@pages.post("/dossiers/<code>/papers/<paper_ref>/withdraw")
def withdraw(code: str, paper_ref: str) -> AnyResponse:
    """Take a paper out of the current set; its versions are kept."""
    attach.withdraw_attachment(wired().database, auth.the_actor(), paper_ref, seen_version=forms.version())
    flash(t("Đã bỏ giấy tờ khỏi hồ sơ. Các bản đã nhận vẫn được lưu."), "ok")
    return redirect(url_for("dossier.papers_page", code=code), 303)


@pages.get("/files/<version_ref>")
def download(version_ref: str) -> Response:
    """Give out one version of a paper, as a download whatever type it says it is (promise T30)."""
    found = attach.open_attachment(wired().database, wired().files, auth.the_actor(), version_ref)
    response = Response(found.chunks, mimetype=found.media_type, direct_passthrough=True)
    response.content_length = found.size
    response.headers["Content-Disposition"] = disposition(found.name)
    response.headers["Content-Security-Policy"] = security.DOWNLOAD_POLICY
    return response


def disposition(name: str) -> str:
    """Return the header that names a download: ASCII for old browsers, the true name for the rest."""
    plain = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    plain = "".join(letter for letter in plain if 32 <= ord(letter) < 127 and letter not in '"\\%;')
    return f"attachment; filename=\"{plain.strip() or 'tep'}\"; filename*=UTF-8''{quote(name, safe='')}"
