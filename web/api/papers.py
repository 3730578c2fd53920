"""Papers: one file in by multipart/form-data, any version out as it came, verified while it streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, request
from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage

from dossiers.attachment import PAPER_KINDS
from dossiers.file_types import ALLOWED
from dossiers.refusals import Invalid
from web import security
from web.api import bodies, reading
from web.api.fields import LARGEST_VERSION, REF, refusal_of
from web.api.operation import READ, WRITE, Call, operation
from web.api.problems import BadRequest, MediaTypeRefused
from web.api.shapes import CHANGED, shape
from web.pages.papers import disposition
from web.wiring import wired
from workflow import attach

ENDPOINT = "api.add_paper"

_FORM: Mapping[str, Any] = {
    "description": "The file and what it is.",
    "required": True,
    "content": {
        reading.FORM: {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["file", "kind"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "The bytes; a part with a file name. PDF, Word, Excel, JPG or PNG.",
                    },
                    "kind": {
                        "type": "string",
                        "enum": list(PAPER_KINDS),
                        "description": "The kind of paper.",
                    },
                    "seen_version": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": LARGEST_VERSION,
                        "description": bodies.SEEN,
                    },
                    "nominee_ref": {
                        "type": "array",
                        "maxItems": 200,
                        "items": {"type": "string", "pattern": f"^{REF}$"},
                        "description": "Whom it serves; the part may be repeated.",
                    },
                    "criterion": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 60,
                        "description": "The criterion it proves.",
                    },
                    "replaces": {
                        "type": "string",
                        "pattern": f"^{REF}$",
                        "description": "The paper of which this is the next version.",
                    },
                },
            }
        }
    },
}


@operation(
    "POST",
    "/dossiers/<dossier>/papers",
    scope=WRITE,
    tag="papers",
    upload=_FORM,
    answers=shape(attach.AttachmentKey),
    status=201,
    seen=True,
    idempotent=True,
    headers={"ETag": "The dossier's new version."},
)
def add_paper(call: Call, dossier: str) -> attach.AttachmentKey:
    """Add a paper, or the next version of one

    The office that holds the dossier adds its own kinds of paper, the unit all others.
    """
    settings = wired().settings
    form, file = _sent()
    call = replace(call, body=form)
    return attach.attach(
        wired().database,
        wired().files,
        call.actor,
        dossier,
        seen_version=call.seen_version,
        kind=form["kind"],
        name=file.filename or "",
        stream=file.stream,  # type: ignore[arg-type]  # werkzeug's stream reads bytes
        size_limit=settings.max_file_bytes,
        dossier_limit=settings.max_dossier_bytes,
        nominee_refs=form.get("nominee_ref", ()),
        criterion_code=form.get("criterion"),
        replaces=form.get("replaces"),
        idem_key=call.idem_key,
    )


def _sent() -> tuple[Mapping[str, Any], FileStorage]:
    if request.mimetype != reading.FORM:
        raise MediaTypeRefused("media_type_refused", media_type=reading.FORM)
    files = request.files.to_dict(flat=False)
    several = frozenset({"nominee_ref"})
    given = reading.once(request.form.to_dict(flat=False), several)
    for name, parts in files.items():
        if name != "file":
            raise Invalid("field_unknown", field=name[:60].encode("utf-8", "replace").decode())
        if len(parts) > 1:
            raise BadRequest("parameter_repeated", name="file")
    if "file" in given:
        raise Invalid("file_missing", field="file")  # a part without a file name is a text
    try:
        form: Mapping[str, Any] = bodies.NewPaper().load(given)
    except ValidationError as error:
        raise refusal_of(error) from None
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid("file_missing", field="file")
    return form, file


@operation(
    "DELETE",
    "/papers/<paper>",
    scope=WRITE,
    tag="papers",
    query=bodies.SeenQuery,
    answers=CHANGED,
    seen=True,
    idempotent=True,
    headers={"ETag": "The dossier's new version."},
)
def withdraw_paper(call: Call, paper: str) -> Mapping[str, int]:
    """Take a paper out of the current set

    Its versions are kept, and so is the trace.
    """
    version = attach.withdraw_attachment(
        wired().database, call.actor, paper, seen_version=call.seen_version, idem_key=call.idem_key
    )
    return {"version": version}


@operation(
    "GET",
    "/files/<file>",
    scope=READ,
    tag="papers",
    answers=None,
    media_type=None,
    files=tuple(ALLOWED),
)
def download_file(call: Call, file: str) -> Response:
    """Download one version of a paper

    The bytes are held against their SHA-256 while they go out; when they do not hold, the transfer is broken
    off and never ends cleanly.
    """
    found = attach.open_attachment(wired().database, wired().files, call.actor, file)
    tag = found.sha256
    close = getattr(found.chunks, "close", None)
    headers = {
        "Content-Disposition": disposition(found.name),
        "Content-Security-Policy": security.DOWNLOAD_POLICY,
    }
    if request.if_none_match.contains(tag):
        response = Response(status=304, headers=headers)
        if close is not None:
            close()
    else:
        try:
            reading.require_accepted(found.media_type)
        except Exception:
            if close is not None:
                close()
            raise
        response = Response(found.chunks, mimetype=found.media_type, headers=headers, direct_passthrough=True)
        response.content_length = found.size
    response.set_etag(tag)
    return response
