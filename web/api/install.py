"""Putting the API on the application."""

from __future__ import annotations

from flask import Flask

from web.api import (  # noqa: F401  # each registers its operations on the blueprint
    actions,
    administration,
    desk,
    dossiers,
    me,
    papers,
)
from web.api.description import describe, serve
from web.api.operation import api


def install(app: Flask) -> None:
    """Put /api/v1 and its description on ``app``."""
    described = describe(app)
    described.register_blueprint(api)
    serve(app, described)
    app.config["UPLOAD_ENDPOINTS"] = (*app.config.get("UPLOAD_ENDPOINTS", ()), papers.ENDPOINT)
