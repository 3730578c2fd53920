"""How values appear on a page: numbers, days, sizes, icons, the menu. Everything that templates may call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

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

STATIC = Path(__file__).resolve().parent / "static"

# A state or finding that the rules give, as the verdict shown: kind (colour last), icon, words.
FINDINGS = {
    "passed": ("ok", "check", "Đạt"),
    "failed": ("bad", "x", "Chưa đạt"),
    "needs_person": ("warn", "help-circle", "Cần người xem"),
    "not_applicable": ("still", "minus", "Không áp dụng"),
}
KINDS_OF_NOMINEE = {"collective": "users-group", "household": "home-heart", "individual": "user"}
FILE_ICONS = {"application/pdf": "file-type-pdf", "image/jpeg": "photo", "image/png": "photo"}


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
        local_day=local_day,
    )
    marks = environment.get_template("marks.html", globals={"icon_paths": PATHS}).make_module()
    environment.globals.update(
        t=t,
        icon=marks.icon,  # type: ignore[attr-defined]  # a macro of the template
        lotus=marks.lotus,  # type: ignore[attr-defined]
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
        words_in=lambda text: len((text or "").split()),
        repeatable=REPEATABLE,
    )


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
    from workflow.inbox import counts_for  # the inbox needs no web page to be tested

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
