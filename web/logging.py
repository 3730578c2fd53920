"""The log: one line of JSON per event on standard error, in UTC, under the request's id, without personal
data.

A line names routes, not addresses with names in them, and people by the ref of their account, with that of
the session or token they came by. JSON escapes what was sent, so that no input can forge a second line (promise T87).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import structlog
import structlog.tracebacks
from flask import Flask, Response, g, request
from uuid_utils import uuid7

_levels = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _kind_and_frames(exc_info: Any) -> list[dict[str, Any]]:
    """Return what happened where, without words or locals: a database's error may hold a whole row."""
    told = _transform(exc_info)
    for one in told:
        one.pop("exc_value", None)
        one.pop("exc_notes", None)
    return told


def configure(level: str = "info", stream: Any = None) -> None:
    """Set up the log of the process. ``stream`` is standard error unless a test looks elsewhere."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.ExceptionRenderer(_kind_and_frames),
            structlog.processors.JSONRenderer(ensure_ascii=True, sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_levels[level]),
        logger_factory=structlog.PrintLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def install(app: Flask) -> None:
    """Give every request of ``app`` an id, and every response a line in the log."""
    log = structlog.get_logger("web")

    @app.before_request
    def begin() -> None:
        g.request_id = str(uuid7())
        g.begun = time.perf_counter()

    @app.after_request
    def note(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code < 400:
            return response
        acting = g.get("acting")
        log.info(
            "request",
            request_id=g.get("request_id"),
            method=request.method if request.method.isalpha() else "?",
            route=str(request.url_rule) if request.url_rule else None,
            status=response.status_code,
            ms=round((time.perf_counter() - g.get("begun", time.perf_counter())) * 1000),
            peer=request.remote_addr,
            account=acting.account_ref if acting is not None else None,
            session=acting.session_ref if acting is not None else None,
        )
        response.headers.setdefault("X-Request-Id", g.get("request_id", ""))
        return response
