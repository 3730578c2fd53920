"""What the forms of a dossier and of a nominee may hold: a closed list, so that nothing else can be
smuggled in.

A content is kept whole in an immutable revision. Values are kept as typed by the person (dates as ISO days,
integers as digits), so that the form can be shown again as it was.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dossiers.numbers import NotADay, NotANumber, parse_count, parse_day
from dossiers.refusals import Invalid, InvalidForm, Refusal
from storage.base import TextRefused, nfc


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: ``kind`` is text, long_text, date, count or choice; ``limit`` counts characters.

    ``needed`` fields are asked for before sending; a draft may leave any field empty.
    """

    key: str
    kind: str
    vi: str
    en: str
    limit: int = 300
    needed: bool = False
    choices: tuple[tuple[str, str, str], ...] = ()

    def label(self, language: str) -> str:
        """Return the label in ``vi`` or ``en``."""
        return self.en if language == "en" else self.vi


DOSSIER_FIELDS: tuple[FormField, ...] = (
    FormField("title", "text", "Tên hồ sơ", "Title", 300),
    FormField("submission_paper_no", "text", "Số tờ trình", "Number of the submission paper", 60),
    FormField("submission_paper_on", "date", "Ngày tờ trình", "Date of the submission paper"),
    FormField("minutes_no", "text", "Số biên bản họp Hội đồng", "Number of the council's minutes", 60),
    FormField("minutes_on", "date", "Ngày họp", "Date of the meeting"),
    FormField("council_members", "count", "Tổng số thành viên Hội đồng", "Members of the council"),
    FormField("council_present", "count", "Số thành viên có mặt", "Members present"),
    FormField("summary", "long_text", "Tóm tắt đề nghị", "Summary", 10_000),
)

_ACHIEVEMENT = FormField(
    "achievement", "long_text", "Thành tích đạt được", "Achievement", 40_000, needed=True
)
_PRIOR = FormField(
    "prior_awards", "long_text", "Các hình thức đã được khen thưởng", "Awards already received", 4_000
)

NOMINEE_FIELDS: Mapping[str, tuple[FormField, ...]] = {
    "individual": (
        FormField(
            "honorific",
            "choice",
            "Danh xưng",
            "Form of address",
            needed=True,
            choices=(("ong", "Ông", "Mr"), ("ba", "Bà", "Ms")),
        ),
        FormField("birth_year", "count", "Năm sinh", "Year of birth", 4),
        FormField("position", "text", "Chức vụ", "Position", 200),
        FormField(
            "workplace", "text", "Đơn vị công tác hoặc nơi ở", "Workplace or residence", 300, needed=True
        ),
        _ACHIEVEMENT,
        _PRIOR,
    ),
    "household": (
        FormField("address", "text", "Địa chỉ", "Address", 300, needed=True),
        FormField("members", "count", "Số người trong hộ", "Members of the household"),
        _ACHIEVEMENT,
        _PRIOR,
    ),
    "collective": (
        FormField("address", "text", "Địa chỉ trụ sở", "Address", 300),
        FormField("members", "count", "Tổng số người", "Members"),
        FormField("women", "count", "Trong đó nữ", "Of whom women"),
        FormField(
            "training_institution",
            "choice",
            "Là cơ sở đào tạo",
            "Is a training institution",
            choices=(("yes", "Có", "Yes"), ("no", "Không", "No")),
        ),
        _ACHIEVEMENT,
        _PRIOR,
    ),
}

NAME_LIMIT = 200


def clean_text(value: object, *, field: str, limit: int) -> str:
    """Return ``value`` as trimmed NFC text of at most ``limit`` characters.

    Raises ``Invalid`` naming ``field`` when it is no text, too long or holds characters no text has.
    """
    if not isinstance(value, str):
        raise Invalid("value_wrong_type", field=field)
    try:
        text = nfc(value.replace("\r\n", "\n")).strip()
    except TextRefused:
        raise Invalid("text_unreadable", field=field) from None
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text):
        raise Invalid("text_unreadable", field=field)
    if len(text) > limit:
        raise Invalid("text_too_long", field=field, limit=limit, length=len(text))
    return text


def clean_name(value: object, *, field: str = "name") -> str:
    """Return the full name of a nominee on one line. Raises ``Invalid`` when it is empty or too long."""
    name = " ".join(clean_text(value, field=field, limit=NAME_LIMIT).split())
    if not name:
        raise Invalid("name_missing", field=field)
    return name


def clean_fields(given: Mapping[str, object], allowed: tuple[FormField, ...]) -> dict[str, str]:
    """Return the given values, each read as its field asks; an empty text stands for “not filled in”.

    Raises ``InvalidForm`` with every problem: a field that does not exist, a day that is none, a choice not
    offered.
    """
    fields = {field.key: field for field in allowed}
    problems: list[Refusal] = []
    clean: dict[str, str] = {}
    for key, value in given.items():
        field = fields.get(key)
        if field is None:
            problems.append(Invalid("field_unknown", field=key[:60]))
            continue
        try:
            clean[key] = _clean_value(field, value)
        except Invalid as problem:
            problems.append(problem)
    if problems:
        raise InvalidForm(tuple(problems))
    return clean


def _clean_value(field: FormField, value: object) -> str:
    text = clean_text(str(value) if isinstance(value, int) else value, field=field.key, limit=field.limit)
    if not text:
        return ""
    if field.kind == "date":
        try:
            return parse_day(text).isoformat()
        except NotADay:
            raise Invalid("day_unreadable", field=field.key, value=text[:40]) from None
    if field.kind == "count":
        try:
            return str(parse_count(text))
        except NotANumber:
            raise Invalid("count_unreadable", field=field.key, value=text[:40]) from None
    if field.kind == "choice" and text not in {choice[0] for choice in field.choices}:
        raise Invalid("choice_unknown", field=field.key)
    return text


@dataclass(frozen=True, slots=True)
class SealedContent:
    """A content as it is kept: canonical text, salt, and the commitment that the record may name."""

    text: str
    salt: bytes
    commitment: str


def seal(content: Mapping[str, Any]) -> SealedContent:
    """Return ``content`` as canonical JSON with a fresh 32-byte salt and SHA-256 over salt and text (hex)."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    salt = secrets.token_bytes(32)
    return SealedContent(text, salt, hashlib.sha256(salt + text.encode()).hexdigest())
