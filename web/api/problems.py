"""Errors as the API tells them: application/problem+json (RFC 9457) with a stable code beside the sentence.

``detail`` speaks the language that ``Accept-Language`` asks for, else the person's own; everything else in
the body is the same in every language. A dossier that is foreign and one that is missing get the same body.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, g, request

from dossiers.refusals import SENTENCES, Refusal

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"
LANGUAGES = ("vi", "en")

# The changes of a dossier that a latecomer is told of (``changed_meanwhile``).
MEANWHILE = ("version", "state", "time", "happened")


class Unauthorised(Refusal):
    """Nobody is behind the request: no bearer token, or none that may be used now."""

    status = 401


class BadRequest(Refusal):
    """What came is not what the API reads: not JSON, a name twice, characters no text has."""

    status = 400


class NotAcceptable(Refusal):
    """The client takes no form that the answer has."""

    status = 406


class PreconditionFailed(Refusal):
    """``If-Match`` named a version that is no longer the present one."""

    status = 412


class MediaTypeRefused(Refusal):
    """The body is of a type that this operation does not read."""

    status = 415


def is_ours() -> bool:
    """Whether the present request came to the API's part of the site."""
    return request.path.startswith(PREFIX)


def asked_language() -> str | None:
    """Return the first language of ``Accept-Language`` that is spoken here, None when it names none."""
    if "Accept-Language" not in request.headers:
        return None
    return request.accept_languages.best_match(LANGUAGES)


def speak_without_cookies() -> None:
    """Settle the language of an answer given before anybody was known; no cookie is looked at."""
    if g.get("language") is None:
        g.language = asked_language() or "vi"


def answer(status: int, code: str, sentence: str, field: str | None, error: BaseException) -> Response:
    """Return the problem as a response; ``error`` gives what it gathered: several problems, what happened."""
    body: dict[str, Any] = {
        "type": f"urn:vinhdanh:problem:{code}",
        "title": title_of(code),
        "status": status,
        "code": code,
        "detail": sentence,
        "request_id": g.get("request_id", ""),
    }
    if field is not None:
        body["field"] = field
    several = getattr(error, "problems", ())
    if several:
        body["problems"] = [_part(one) for one in several if isinstance(one, Refusal)]
    if isinstance(error, Refusal) and code == "changed_meanwhile":
        body["meanwhile"] = {key: error.values[key] for key in MEANWHILE if key in error.values}
    # A name that was sent may hold lone surrogates, and is told back without them.
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    response = Response(text, status, content_type=MEDIA_TYPE)
    response.headers["Content-Language"] = g.get("language", "vi")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="vinhdanh"'
    if code == "scope_missing":
        response.headers["WWW-Authenticate"] = 'Bearer realm="vinhdanh", error="insufficient_scope"'
    return response


def _part(problem: Refusal) -> Mapping[str, Any]:
    part = {"code": problem.code, "detail": problem.sentence(g.get("language", "vi"))}
    return part if problem.field is None else {**part, "field": problem.field}


def title_of(code: str) -> str:
    """Return the short English name of a problem, the same for every occurrence of its code."""
    return code.replace("_", " ").capitalize()


SENTENCES.update(
    {
        "token_missing": (
            "Yêu cầu này cần khóa truy cập: gửi kèm Authorization: Bearer và khóa.",
            "This needs a bearer token: send Authorization: Bearer and the token.",
        ),
        "token_invalid": (
            "Khóa truy cập này không dùng được: sai, đã hết hạn, đã thu hồi, hoặc tài khoản đã khóa.",
            "This token cannot be used: it is wrong, expired or revoked, or its account is not active.",
        ),
        "scope_missing": (
            "Khóa truy cập này không có phạm vi “{scope}”. Hãy tạo khóa khác có phạm vi đó.",
            "This token lacks the scope “{scope}”. Create one that has it.",
        ),
        "not_acceptable": (
            "Địa chỉ này chỉ trả lời bằng {media_type}. Hãy sửa tiêu đề Accept.",
            "This address answers in {media_type} only. Change the Accept header.",
        ),
        "media_type_refused": (
            "Nội dung gửi lên phải là {media_type}. Hãy sửa tiêu đề Content-Type.",
            "The body must be {media_type}. Change the Content-Type header.",
        ),
        "json_unreadable": (
            "Nội dung gửi lên không phải JSON đọc được (UTF-8, không có NaN).",
            "The body is not JSON that can be read (UTF-8, no NaN).",
        ),
        "json_name_repeated": (
            "Tên “{name}” xuất hiện hai lần trong cùng một đối tượng JSON.",
            "The name “{name}” stands twice in one JSON object.",
        ),
        "parameter_repeated": (
            "Tham số “{name}” được gửi nhiều lần.",
            "The parameter “{name}” was sent more than once.",
        ),
        "body_not_taken": (
            "Thao tác này không nhận nội dung gửi kèm.",
            "This operation takes no body.",
        ),
        "type_wrong": (
            "Giá trị không đúng kiểu dữ liệu mà mục này nhận.",
            "The value is not of the type that this takes.",
        ),
        "missing_value": (
            "Thiếu giá trị bắt buộc.",
            "A required value is missing.",
        ),
        "number_out_of_range": (
            "Số nằm ngoài khoảng cho phép.",
            "The number is outside the range allowed.",
        ),
        "length_wrong": (
            "Độ dài không nằm trong khoảng cho phép.",
            "The length is outside the range allowed.",
        ),
        "seen_version_missing": (
            "Hãy gửi kèm phiên bản bạn đã xem: seen_version, hoặc tiêu đề If-Match.",
            "Say which version you saw: seen_version, or the If-Match header.",
        ),
        "seen_version_twice": (
            "seen_version và If-Match nói hai phiên bản khác nhau.",
            "seen_version and If-Match name different versions.",
        ),
        "if_match_unreadable": (
            'If-Match phải là số phiên bản trong ngoặc kép, ví dụ "7".',
            'If-Match must be a version number in double quotes, for example "7".',
        ),
        "file_missing": (
            "Thiếu tệp: gửi một phần tên “file” có tên tệp.",
            "The file is missing: send one part named “file” with a file name.",
        ),
    }
)
