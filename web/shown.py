"""How values appear on a page: numbers, days, sizes, icons, the menu. Everything that templates may call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, url_for
from uuid_utils import uuid7

from dossiers import numbers
from dossiers.days import local_day
from dossiers.functions import ADMINISTRATOR, AUDITOR, DECIDER, UNIT_FUNCTIONS
from web.auth import actor_or_none, language
from web.icons import PATHS
from web.security import REPEATABLE
from web.wiring import wired
from web.words import t
from workflow.actor import Actor
from workflow.history import EntryView
from workflow.inbox import counts_for
from workflow.notices import REMINDER
from workflow.view.dossier import DossierView
from workflow.view.fields import FieldView
from workflow.view.nominees import AnswerView, NomineeView
from workflow.words import FUNCTION_NAMES, said

STATIC = Path(__file__).resolve().parent / "static"

# A state or finding that the rules give, as the verdict shown: kind (colour last), icon, words.
FINDINGS = {
    "passed": ("ok", "check", "Đạt"),
    "failed": ("bad", "x", "Chưa đạt"),
    "needs_person": ("warn", "help-circle", "Cần người xem"),
    "unanswered": ("still", "minus", "Chưa trả lời"),
}
KINDS_OF_NOMINEE = {"collective": "users-group", "household": "home-heart", "individual": "user"}
FILE_ICONS = {"application/pdf": "file-type-pdf", "image/jpeg": "photo", "image/png": "photo"}


# The mark of a deed on a timeline: its icon and kind; the route's own actions carry more in their label.
DEED_MARKS = {
    "opened": ("pencil", ""),
    "filled_in": ("pencil", ""),
    "nominee_added": ("plus", ""),
    "nominee_filled_in": ("pencil", ""),
    "nominee_removed": ("minus", ""),
    "paper_attached": ("upload", ""),
    "paper_replaced": ("versions", ""),
    "paper_withdrawn": ("file-minus", ""),
}


PURPOSES = {
    "submit": "bản gửi",
    "agenda": "bản họp xét",
    "decision": "bản quyết định",
    "handover": "bản bàn giao",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu. ``section`` is what a page calls itself to be shown as the current one."""

    section: str
    label: str
    url: str
    count: int = 0


def install(app: Flask) -> None:
    """Give the templates of ``app`` their filters and words."""
    environment = app.jinja_env
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(
        day=_spoken(numbers.show_day),
        weekday=_spoken(numbers.show_weekday),
        time=numbers.show_time,
        moment=_spoken(numbers.show_moment),
        size=_spoken(numbers.show_size),
        number=_spoken(numbers.show_number),
        short_hash=short_hash,
        function_name=function_name,
        local_day=local_day,
        begin=lambda text: text[:1].upper() + text[1:],
        purpose=purpose,
        told=told,
        iso_day=lambda text: numbers.show_day(date.fromisoformat(text), language()),
    )
    marks = environment.get_template("marks.html", globals={"icon_paths": PATHS}).make_module()
    environment.globals.update(
        t=t,
        icon=marks.icon,  # type: ignore[attr-defined]  # a macro of the template
        lotus=marks.lotus,  # type: ignore[attr-defined]  # as above
        asset=asset,
        language=language,
        actor=actor_or_none,
        menu=menu,
        home_label=home_label,
        is_demo=lambda: wired().settings.demo,
        new_key=lambda: str(uuid7()),
        file_icon=lambda media_type: FILE_ICONS.get(media_type, "file-text"),
        finding=lambda name: FINDINGS.get(name, FINDINGS["needs_person"]),
        kind_icon=lambda kind: KINDS_OF_NOMINEE.get(kind, "users-group"),
        deed_mark=deed_mark,
        paper_choices=paper_choices,
        field_text=field_text,
        notice_words=notice_words,
        why_here=why_here,
        frozen_paper=frozen_paper,
        remark_targets=remark_targets,
        max_file_bytes=lambda: wired().settings.max_file_bytes,
        state_of_work=state_of_work,
        percent=percent,
        words_in=lambda text: len((text or "").split()),
        repeatable=REPEATABLE,
    )


def deed_mark(entry: EntryView) -> tuple[str, str]:
    """Return icon and kind of the mark of an entry."""
    if entry.action in DEED_MARKS:
        return DEED_MARKS[entry.action]
    if any(move.kind == "dossier" and move.state_from != move.state_to for move in entry.moves):
        return "arrow-right", "run"
    return (
        ("checklist", "ok") if any(move.kind == "nominee" for move in entry.moves) else ("circle-check", "")
    )


def field_text(field: FieldView, value: str | None = None) -> str:
    """Return the value of a form's field as people read it; a day as day/month/year, a choice in words."""
    value = field.value if value is None else value
    if field.kind == "date" and value:
        return numbers.show_day(date.fromisoformat(value), language())
    if field.kind == "count" and value.isdecimal():
        return numbers.show_number(int(value), language()) if len(value) > 4 else value
    return dict(field.choices).get(value, value)


def paper_choices(view: DossierView) -> list[tuple[str, str]]:
    """Return the papers of a dossier as choices of a form."""
    return [(paper.ref, f"{paper.kind_label}: {paper.versions[0].name}") for paper in view.papers]


def remark_targets(view: DossierView) -> list[tuple[str, str]]:
    """Return what a remark can point at: the dossier, its fields, papers, nominees and criteria."""
    targets = [("dossier:", t("Cả hồ sơ"))]
    targets += [(f"field:{field.key}", field.label) for field in view.fields]
    targets += [(f"paper:{ref}", label) for ref, label in paper_choices(view)]
    for nominee in view.nominees:
        targets.append((f"nominee:{nominee.ref}", nominee.name))
        targets += [
            (f"criterion:{nominee.ref}/{answer.code}", f"{nominee.name}: {answer.code}")
            for answer in nominee.answers
        ]
    return targets


def told(value: object) -> str:
    """Return a recorded value as text on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def state_of_work(nominee: NomineeView) -> tuple[str, str, str, str]:
    """Return how far a nominee's form is, for the unit: kind, icon, label, and one line of truth."""
    count = dict.fromkeys(FINDINGS, 0)
    for answer in nominee.answers:
        if answer.applies is not False:
            count[answer.finding] = count.get(answer.finding, 0) + 1
    truth = [t("{n} tiêu chuẩn", n=sum(count.values()))]
    if count["passed"]:
        truth.append(t("{n} đạt", n=count["passed"]))
    if count["failed"]:
        truth.append(t("{n} chưa đạt", n=count["failed"]))
    if count["needs_person"]:
        truth.append(t("{n} cần người xem", n=count["needs_person"]))
    line = " · ".join(truth)
    if nominee.missing:
        return "warn", "list-check", t("Còn {n} việc", n=len(nominee.missing)), line
    if count["failed"]:
        return "bad", "circle-x", t("{n} chỗ chưa đạt", n=count["failed"]), line
    return "ok", "circle-check", t("Xong"), line


def percent(answer: AnswerView) -> str:
    """Return the ratio of an answer as people read it, "" when there is none."""
    said_then = answer.answer
    if said_then is None or said_then.numerator is None or not said_then.denominator:
        return ""
    threshold = None
    if answer.threshold_num is not None and answer.threshold_den:
        threshold = (answer.threshold_num, answer.threshold_den)
    return numbers.show_percentage(said_then.numerator, said_then.denominator, threshold, language())


def typed_number(number: int | None) -> str:
    """Return a number as a form field shows it again."""
    return "" if number is None else numbers.show_number(number)


def typed_day(day: date | None) -> str:
    """Return a day as a form field shows it again, always day/month/year."""
    return "" if day is None else numbers.show_day(day)


def function_name(name: str) -> str:
    """Return what a function is called on a page."""
    return said(FUNCTION_NAMES[name], language()) if name in FUNCTION_NAMES else name


def purpose(name: str) -> str:
    """Return for what a version was frozen, in words."""
    return t(PURPOSES.get(name, name))


def notice_words(view: DossierView, kind: str) -> str:
    """Return of what somebody was told: the deed as the timeline calls it."""
    if kind == REMINDER:
        return t("Nhắc hạn")
    return next((entry.action_label for entry in view.timeline if entry.action == kind), t("Được báo"))


@dataclass(frozen=True, slots=True)
class WhyHere:
    """The deed that brought a dossier back to its unit: its coded reason in words, and what was typed with
    it.
    """

    deed: EntryView
    code_label: str
    lines: tuple[str, ...]


def why_here(view: DossierView) -> WhyHere | None:
    """Return why a sent dossier is with its unit again, None for a draft or when it was long ago."""
    if not view.submissions or not view.editable:
        return None
    for deed in view.timeline:
        if any(m.kind == "dossier" and m.state_to == view.state != m.state_from for m in deed.moves):
            fields = deed.changes.get("fields") or {}
            lines = tuple(str(value) for value in fields.values() if not _is_day(value))
            label = dict(view.reason_codes).get(deed.changes.get("reason_code", ""), "")
            return WhyHere(deed, label, lines)
    return None


def frozen_paper(view: DossierView, paper: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name of a paper of a frozen version and what kind of paper it is, as far as both are still
    known: a paper that was taken out since has neither.
    """
    for one in view.papers:
        for version in one.versions:
            if version.ref == paper.get("version_ref"):
                return version.name, one.kind_label
    kind = dict(view.paper_kinds).get(str(paper.get("kind")), "")
    return kind or t("Tệp"), ""


def _is_day(value: object) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def short_hash(digest: str | None) -> str:
    """Return the first 8 characters of a hash in two groups, as they stand on papers."""
    return "" if not digest else f"{digest[:4]} {digest[4:8]}"


def asset(path: str) -> str:
    """Return the address of a static file with its fingerprint, so that it may be kept for a year."""
    return url_for("static", filename=path, v=_fingerprint(path))


@cache
def _fingerprint(path: str) -> str:
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]


def menu() -> list[Entry]:
    """Return the entries of the menu for who is signed in, at most five."""
    actor = actor_or_none()
    if actor is None:
        return []
    wanted: list[tuple[bool, str, str, str]] = [
        (has_desk(actor), "start", home_label(), "home.start"),
        (bool(actor.functions & UNIT_FUNCTIONS), "unit", t("Hồ sơ của đơn vị"), "home.unit_dossiers"),
        (actor.has(AUDITOR), "record", t("Tìm trong sổ ghi"), "history.record_search"),
        (has_desk(actor) or actor.has(AUDITOR), "search", t("Tra cứu"), "home.search"),
        (actor.has(ADMINISTRATOR), "units", t("Đơn vị"), "administration.units"),
        (actor.has(ADMINISTRATOR), "people", t("Người dùng"), "administration.people"),
        (True, "help", t("Trợ giúp"), "about.help_page"),
    ]
    return [
        Entry(section, label, url_for(endpoint), _waiting(actor) if section == "start" else 0)
        for shown, section, label, endpoint in wanted
        if shown and endpoint in current_app.view_functions
    ]


def home_label() -> str:
    """Return what the person's own list of work is called."""
    actor = actor_or_none()
    if actor is None:
        return t("Trang đầu")
    if actor.has(DECIDER):
        return t("Chờ tôi quyết định")
    if actor.functions & UNIT_FUNCTIONS:
        return t("Trang của tôi")
    if not has_desk(actor) and actor.has(AUDITOR):
        return t("Tìm trong sổ ghi")
    return t("Việc của tôi")


def has_desk(actor: Actor) -> bool:
    """Tell whether dossiers can wait for this person: auditors and administrators have no step in any."""
    return bool(actor.functions - {AUDITOR, ADMINISTRATOR})


def today() -> date:
    """Return today in Viet Nam by the installation's clock."""
    day: date | None = g.get("today")
    if day is None:
        with wired().database.reading() as tx:
            day = g.today = local_day(tx.now)
    return day


def _waiting(actor: Actor) -> int:
    count: int | None = g.get("waiting_count")
    if count is None:
        count = g.waiting_count = counts_for(wired().database, actor).waiting
    return count


def _spoken(show: Callable[..., str]) -> Callable[..., str]:
    """Return ``show`` with the language of the page; nothing for None."""

    def shown(value: object) -> str:
        if value is None:
            return ""
        if show is numbers.show_day and isinstance(value, datetime):
            value = local_day(value)
        return show(value, language())

    return shown
