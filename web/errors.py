"""One table: exception → status and sentence. Every door answers an error from here; nothing else of it
leaves.

A page shows the sentence and the request id. The trace, if there is one, goes to the log under the same id.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, make_response, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from dossiers.refusals import SENTENCES, Refusal
from storage.base import TextRefused
from storage.database import DatabaseBusy, DatabaseUnavailable, NotInstalled, OutcomeUnknown
from storage.files import (
    FileCut,
    FileDamaged,
    FileMissing,
    FilesError,
    FileTooBig,
    RangeOutside,
    StoreUnavailable,
)
from web.api import problems
from web.auth import SessionEnded, language
from web.wiring import wired

log = structlog.get_logger("web")

RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door says about an error: HTTP status, stable code, and the sentence in the reader's
    language.
    """

    status: int
    code: str
    sentence: str
    field: str | None = None
    retry_after: int | None = None


# First match counts, so that a kind stands before the family it belongs to. A Refusal brings its own status.
TABLE: tuple[tuple[type[BaseException], int, str], ...] = (
    (SessionEnded, 401, "session_ended"),
    (CSRFError, 400, "form_expired"),
    (TextRefused, 400, "text_refused"),
    (FileTooBig, 413, "file_too_big_for_us"),
    (FileCut, 400, "file_cut"),
    (FileMissing, 503, "file_not_readable"),
    (FileDamaged, 503, "file_not_readable"),
    (RangeOutside, 416, "bad_request"),
    (StoreUnavailable, 503, "store_unavailable"),
    (FilesError, 503, "store_unavailable"),
    (OutcomeUnknown, 503, "outcome_unknown"),
    (DatabaseBusy, 503, "busy"),
    (DatabaseUnavailable, 503, "busy"),
    (NotInstalled, 503, "busy"),
)

# What the web framework itself raises, by status.
OF_STATUS = {
    400: "bad_request",
    401: "session_ended",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "bad_request",
    411: "bad_request",
    413: "too_large",
    414: "bad_request",
    415: "bad_request",
    416: "bad_request",
    429: "busy",
    431: "bad_request",
    503: "busy",
}


def answer_for(error: BaseException) -> Answer:
    """Return what to say about ``error``; for one that nobody foresaw, 500 and that it was noted."""
    spoken = language()
    if isinstance(error, Refusal):
        seconds = error.values.get("seconds") if error.status == 429 else None
        wait = seconds if isinstance(seconds, int) else RETRY_AFTER_SECONDS if error.status == 503 else None
        return Answer(error.status, error.code, error.sentence(spoken), error.field, wait)
    for kind, status, code in TABLE:
        if isinstance(error, kind):
            return _answer(status, code, spoken)
    if isinstance(error, HTTPException) and error.code is not None and 400 <= error.code < 500:
        return _answer(error.code, OF_STATUS.get(error.code, "bad_request"), spoken)
    return _answer(500, "unforeseen", spoken)


def _answer(status: int, code: str, spoken: str) -> Answer:
    vi, en = SENTENCES[code]
    return Answer(
        status, code, en if spoken == "en" else vi, None, RETRY_AFTER_SECONDS if status == 503 else None
    )


def install(app: Flask) -> None:
    """Let every error of ``app`` be answered from the table."""

    @app.errorhandler(Exception)
    def page_for(error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
            return make_response(error.get_response())
        if problems.is_ours():
            problems.speak_without_cookies()
        answer = answer_for(error)
        if answer.status >= 500:
            log.error("request_failed", request_id=g.get("request_id"), code=answer.code, exc_info=error)
        if answer.status == 500 and wired().settings.debug and not problems.is_ours():
            # For whoever works on the code: production refuses the setting.
            trace = "".join(traceback.format_exception(error))
            return Response(trace, 500, content_type="text/plain; charset=utf-8")
        response = (
            problems.answer(answer.status, answer.code, answer.sentence, answer.field, error)
            if problems.is_ours()
            else _page(answer)
        )
        response.status_code = answer.status
        if answer.retry_after is not None:
            response.headers["Retry-After"] = str(answer.retry_after)
        if isinstance(error, HTTPException) and error.code == 405 and getattr(error, "valid_methods", None):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]  # werkzeug: MethodNotAllowed only
        return response


def _page(answer: Answer) -> Response:
    try:
        return make_response(render_template("error.html", answer=answer))
    except Exception as broken:  # the last resort: the page about the error must not be an error
        log.error("error_page_failed", request_id=g.get("request_id"), exc_info=broken)
        text = f"{answer.sentence}\n\n{g.get('request_id', '')}\n"
        return Response(text, content_type="text/plain; charset=utf-8")


SENTENCES.update(
    {
        "bad_request": (
            "Không đọc được yêu cầu này. Hãy quay lại trang trước và làm lại.",
            "This request cannot be read. Go back to the page before and do it again.",
        ),
        "text_refused": (
            "Có ký tự không lưu được. Hãy xóa chữ vừa dán và nhập lại.",
            "It holds a character that cannot be kept. Remove what was pasted and type it again.",
        ),
        "form_expired": (
            "Trang này mở đã lâu nên chưa gửi được. Hãy quay lại, mở lại trang và gửi lần nữa.",
            "This page was open for too long and could not be sent. Go back, open it anew and send it again.",
        ),
        "forbidden": (
            "Bạn không làm được việc này ở đây. Nếu cần, hãy hỏi quản trị đơn vị.",
            "You may not do this here. If you need to, ask your administrator.",
        ),
        "method_not_allowed": (
            "Trang này không dùng theo cách đó. Hãy mở từ trang chủ.",
            "This page cannot be used that way. Open it from the start page.",
        ),
        "too_large": (
            "Nội dung gửi lên quá lớn. Hãy chia nhỏ hoặc chọn tệp nhẹ hơn rồi gửi lại.",
            "What was sent is too large. Split it or choose a smaller file, and send it again.",
        ),
        "file_too_big_for_us": (
            "Tệp quá lớn. Hãy chụp lại với cỡ nhỏ hơn hoặc tách thành nhiều tệp.",
            "The file is too big. Scan it smaller or split it into several files.",
        ),
        "file_cut": (
            "Tệp chưa tới đủ, có thể do mất mạng. Chưa có gì được ghi; hãy đưa lên lại.",
            "The file did not arrive whole; perhaps the line was lost. Nothing was kept; upload it again.",
        ),
        "file_not_readable": (
            "Tệp này tạm thời không mở được: bản lưu không khớp hoặc không thấy. Quản trị sẽ được báo.",
            "This file cannot be opened now: what is stored does not match or is missing.",
        ),
        "outcome_unknown": (
            "Mất liên lạc đúng lúc đang ghi. Hãy mở lại hồ sơ để xem việc vừa làm đã được ghi chưa.",
            "The line was lost while writing. Open the dossier again to see whether your deed was kept.",
        ),
        "busy": (
            "Máy chủ đang bận. Chưa có gì được ghi; hãy thử lại sau ít giây.",
            "The server is busy. Nothing was written; try again in a few seconds.",
        ),
        "unforeseen": (
            "Có trục trặc ngoài dự tính. Chưa chắc việc vừa làm đã được ghi; hãy mở lại trang để xem. "
            "Nếu cần trợ giúp, hãy báo mã yêu cầu dưới đây.",
            "Something unforeseen went wrong. Open the page again to see whether your deed was kept. "
            "If you need help, give the request code below.",
        ),
    }
)
