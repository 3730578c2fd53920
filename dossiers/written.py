"""Configuration as it is written: a strictly read YAML tree, walked entry by entry, every mistake noted on
the way.

The tree comes from ``states.reading`` (no tags, no aliases, no duplicate keys, bounded depth and size). Each
loader asks for the entries it knows; what is missing, misspelt or of the wrong shape becomes a problem with
its path and line, and reading goes on, so that one look shows everything that must be mended.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from dossiers.days import VIET_NAM
from dossiers.numbers import Ratio
from dossiers.refusals import SENTENCES, Invalid
from states.definition import Label
from states.problems import EditionInvalid, Problem, shorten
from states.reading import Broken, Node, read

MAX_TEXT = 2_000
MAX_PROBLEMS = 200

SENTENCES.update(
    {
        "configuration_invalid": (
            "Tệp cấu hình có {count} chỗ sai. Chỗ đầu tiên, {where}: {first}",
            "The configuration has {count} mistakes. The first one, {where}: {first_en}",
        ),
    }
)

# code → (Vietnamese, English). The words in braces are filled from the complaint.
COMPLAINTS: dict[str, tuple[str, str]] = {
    "missing": ("Thiếu mục này.", "This entry is missing."),
    "unknown_key": ("Không có mục nào tên là {name} ở đây.", "There is no entry called {name} here."),
    "not_a_mapping": ("Ở đây cần một nhóm mục (tên: giá trị).", "This must be a mapping (name: value)."),
    "not_a_list": ("Ở đây cần một danh sách.", "This must be a list."),
    "not_text": ("Ở đây cần chữ.", "This must be text."),
    "too_long": ("Dài hơn {limit} ký tự.", "Longer than {limit} characters."),
    "not_a_number": (
        "Ở đây cần số nguyên từ {low} đến {high}.",
        "This must be a whole number, {low} to {high}.",
    ),
    "not_a_flag": ("Ở đây cần true hoặc false.", "This must be true or false."),
    "not_a_day": ("Ở đây cần một ngày, viết như 2024-11-15.", "This must be a day, written 2024-11-15."),
    "not_a_moment": (
        "Ở đây cần ngày giờ Việt Nam, viết như 2024-11-15 17:00.",
        "This must be a moment in Viet Nam, written 2024-11-15 17:00.",
    ),
    "not_a_ratio": (
        "Ở đây cần một tỷ lệ, viết như 80/100 (không quá 1).",
        "This must be a ratio, written 80/100 (not above 1).",
    ),
    "bad_code": (
        "Mã {name} chỉ gồm chữ thường a–z, chữ số, gạch nối và gạch dưới, bắt đầu bằng chữ.",
        "The code {name} may only hold a–z, digits, hyphens and underscores, and begins with a letter.",
    ),
    "bad_short_code": (
        "Mã {name} phải có dạng như GT-C-7 hoặc GT-2024.",
        "The code {name} is written like GT-C-7 or GT-2024.",
    ),
    "unknown_word": ("{name} không nằm trong: {allowed}.", "{name} is none of: {allowed}."),
    "twice": ("{name} được ghi hai lần.", "{name} stands twice."),
    "wrong_kind": (
        "Tệp này ghi loại {name}, ở đây cần {wanted}.",
        "The file is of kind {name}, not {wanted}.",
    ),
    "ends_before": ("Kết thúc trước khi bắt đầu.", "It ends before it begins."),
    "gap": ("Lịch hở từ {from_on} đến {to_on}.", "The calendar leaves {from_on} to {to_on} open."),
    "overlap": ("Chồng lên {name}.", "It overlaps {name}."),
    "outside": ("{name} nằm ngoài khoảng này.", "{name} lies outside this span."),
    "holiday_on_weekend": ("{name} vốn là ngày nghỉ cuối tuần.", "{name} is a weekend day already."),
    "worked_on_weekday": ("{name} vốn là ngày làm việc.", "{name} is a working day already."),
    "ratio_needed": ("Minh chứng tỷ lệ cần ngưỡng (threshold).", "A ratio proof needs a threshold."),
    "ratio_not_wanted": ("Chỉ minh chứng tỷ lệ mới có ngưỡng.", "Only a ratio proof has a threshold."),
    "ratio_of_needed": (
        "Minh chứng bằng số cần ghi đếm cái gì (ratio_of).",
        "A proof in numbers needs the thing that is counted (ratio_of).",
    ),
    "target_needed": (
        "Minh chứng theo chỉ tiêu ngoài cần external_target.",
        "A proof by external target needs external_target.",
    ),
    "target_not_wanted": (
        "Chỉ minh chứng external_target mới có chỉ tiêu ngoài.",
        "Only an external_target proof names a target.",
    ),
    "unknown_name": ("Không có {what} nào tên là {name}.", "There is no {what} called {name}."),
    "circle": ("{name} đứng trên chính nó.", "{name} stands above itself."),
    "unused": ("{name} không được dùng ở đâu.", "{name} is used nowhere."),
    "quota_of_absent_form": (
        "Hình thức {name} không thuộc phong trào này.",
        "The award form {name} is not among those of the programme.",
    ),
    "form_not_for_kind": ("{name} không tặng cho {kind}.", "{name} is not given to a {kind}."),
    "edition_twice": ("{name} đã có ở tệp {other}.", "{name} already stands in {other}."),
    "more_problems": ("Còn nhiều lỗi nữa, chưa liệt kê.", "There are more problems, not listed."),
}

_CODE = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_EDITION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,19}")
_SHORT_CODE = re.compile(r"[A-ZĐ]{1,4}(-[0-9A-ZĐ]{1,6}){1,2}[a-zđ]?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)")
_RATIO = re.compile(r"([0-9]{1,9})/([1-9][0-9]{0,8})")

_NO_LABEL = Label("", "")


class ConfigurationInvalid(Invalid):
    """A configuration cannot be used; ``problems`` names every reason, each with its path."""

    def __init__(self, problems: Iterable[Problem], *, file: str = "") -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        where = ": ".join(part for part in (file, first.path) if part)
        count = len(self.problems)
        super().__init__(
            "configuration_invalid",
            count=count,
            where=where or "tệp",
            first=first.message_vi,
            first_en=first.message,
        )

    def __str__(self) -> str:
        return "; ".join(f"{p.path or '(file)'}: {p.message}" for p in self.problems[:20])


@dataclass(frozen=True, slots=True)
class Head:
    """What every configuration document says of itself. ``last_day`` is the last day in force (inclusive).

    ``verified`` tells whether somebody answers for its content; what is missing stands in ``open_points``.
    ``sha256`` (hex) is the hash of ``body``, the bytes it was read from: its identity.
    """

    kind: str
    code: str
    edition: str
    title: Label
    in_force_from: date | None
    last_day: date | None
    verified: bool
    open_points: tuple[Label, ...]
    body: bytes
    sha256: str

    def holds_on(self, day: date) -> bool:
        """Return whether the document is in force on ``day``; without dates it always is."""
        return (self.in_force_from is None or self.in_force_from <= day) and (
            self.last_day is None or day <= self.last_day
        )


HEAD_KEYS = ("kind", "code", "edition", "title", "in_force_from", "last_day", "verified", "open_points")


class Entry:
    """One value of the file with its path; a question that has no good answer is noted and answered with a
    blank.

    The blanks never leave a loader: ``finish`` raises as soon as anything was noted.
    """

    def __init__(self, node: Node, path: str, problems: list[Problem]) -> None:
        self.node = node
        self.path = path
        self.problems = problems

    # --- asking
    # -----------------------------------------------------------------------------------------------

    def only(self, *keys: str) -> None:
        """Note every entry whose name is none of ``keys``."""
        for key, node in self._mapping().items():
            if key not in keys:
                self._note("unknown_key", f"{self.path}.{key}" if self.path else key, node.line, name=key)

    def has(self, key: str) -> bool:
        """Return whether there is an entry ``key`` that is not empty."""
        node = self._mapping().get(key)
        return node is not None and node.value is not None

    def text(self, key: str, *, limit: int = MAX_TEXT) -> str:
        """Return the text of ``key``, which must be there."""
        return self._text(self._needed(key), limit)

    def text_or_none(self, key: str) -> str | None:
        """Return the text of ``key``, or None where it is not written."""
        return self.text(key) if self.has(key) else None

    def code(self, key: str) -> str:
        """Return the code written at ``key``: a–z, digits, hyphens, underscores; at most 60."""
        entry = self._needed(key)
        return self._matching(entry, _CODE, "bad_code")

    def code_or_none(self, key: str) -> str | None:
        """Return the code written at ``key``, or None."""
        return self.code(key) if self.has(key) else None

    def short_code(self, key: str) -> str:
        """Return a code in capitals such as ``GT-Đ-2``, ``R-01`` or ``GT-2024``; at most 30 characters."""
        return self._matching(self._needed(key), _SHORT_CODE, "bad_short_code")

    def label(self, key: str) -> Label:
        """Return the words at ``key`` in both languages."""
        entry = self._needed(key)
        if entry is None:
            return _NO_LABEL
        entry.only("vi", "en")
        return Label(entry.text("vi"), entry.text("en"))

    def label_or_none(self, key: str) -> Label | None:
        """Return the words at ``key``, or None where they are not written."""
        return self.label(key) if self.has(key) else None

    def labels(self, key: str) -> tuple[Label, ...]:
        """Return a list of words in both languages; empty where there is none."""
        found = []
        for entry in self.each(key):
            entry.only("vi", "en")
            found.append(Label(entry.text("vi"), entry.text("en")))
        return tuple(found)

    def whole(self, key: str, low: int, high: int) -> int:
        """Return the whole number at ``key``, from ``low`` to ``high``."""
        entry = self._needed(key)
        if entry is None:
            return low
        value = entry.node.value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            if not isinstance(value, Broken):
                entry.note("not_a_number", low=low, high=high)
            return low
        return value

    def whole_or_none(self, key: str, low: int, high: int) -> int | None:
        """Return the whole number at ``key``, or None where it is not written (or written ``null``)."""
        return self.whole(key, low, high) if self.has(key) else None

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Return the true or false at ``key``; without ``default`` it must be there."""
        if default is not None and not self.has(key):
            return default
        entry = self._needed(key)
        if entry is None:
            return False
        if not isinstance(entry.node.value, bool):
            if not isinstance(entry.node.value, Broken):
                entry.note("not_a_flag")
            return False
        return entry.node.value

    def day(self, key: str) -> date:
        """Return the day at ``key``."""
        entry = self._needed(key)
        return date.min if entry is None else entry.as_day()

    def day_or_none(self, key: str) -> date | None:
        """Return the day at ``key``, or None where it is not written."""
        return self.day(key) if self.has(key) else None

    def as_day(self) -> date:
        """Return this value as a day."""
        value = self.node.value
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        if not isinstance(value, Broken):
            self.note("not_a_day")
        return date.min

    def moment(self, key: str) -> datetime:
        """Return the moment at ``key``, written in the time of Viet Nam; aware."""
        blank = datetime(1, 1, 2, tzinfo=VIET_NAM)
        entry = self._needed(key)
        if entry is None:
            return blank
        value = entry.node.value
        if isinstance(value, str) and (found := _MOMENT.fullmatch(value)):
            try:
                return datetime.fromisoformat(f"{found[1]} {found[2]}").replace(tzinfo=VIET_NAM)
            except ValueError:
                pass
        if not isinstance(value, Broken):
            entry.note("not_a_moment")
        return blank

    def ratio_or_none(self, key: str) -> Ratio | None:
        """Return a ratio written ``80/100``, at most one whole, or None where it is not written."""
        if not self.has(key):
            return None
        entry = self._needed(key)
        value = None if entry is None else entry.node.value
        if isinstance(value, str) and (found := _RATIO.fullmatch(value)) and int(found[1]) <= int(found[2]):
            return int(found[1]), int(found[2])
        if entry is not None and not isinstance(value, Broken):
            entry.note("not_a_ratio")
        return None

    def word(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        """Return the word at ``key``, one of ``allowed``; without ``default`` it must be there."""
        if default is not None and not self.has(key):
            return default
        entry = self._needed(key)
        return "" if entry is None else entry.as_word(allowed)

    def as_word(self, allowed: Iterable[str]) -> str:
        """Return this value as one of ``allowed``."""
        word = self._text(self, MAX_TEXT)
        allowed = tuple(allowed)
        if word and word not in allowed:
            self.note("unknown_word", name=word, allowed=", ".join(allowed))
        return word

    def words(self, key: str, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
        """Return a list of different words, each one of ``allowed`` where given; empty where there is
        none.
        """
        allowed = None if allowed is None else tuple(allowed)
        found: list[str] = []
        for entry in self.each(key):
            word = self._text(entry, MAX_TEXT) if allowed is None else entry.as_word(allowed)
            if word in found:
                entry.note("twice", name=word)
            found.append(word)
        return tuple(found)

    def want(self, key: str) -> None:
        """Note that ``key`` is missing or empty."""
        path = f"{self.path}.{key}" if self.path else key
        self._note("missing", path, self.node.line)

    def each(self, key: str) -> list[Entry]:
        """Return the items of the list at ``key``; empty where there is none."""
        if not self.has(key):
            return []
        entry = self._needed(key)
        if entry is None or isinstance(entry.node.value, Broken):
            return []
        if not isinstance(entry.node.value, list):
            entry.note("not_a_list")
            return []
        return [Entry(node, f"{entry.path}[{n}]", self.problems) for n, node in enumerate(entry.node.value)]

    def under(self, key: str) -> Entry:
        """Return the entry at ``key``, an empty mapping where it is missing."""
        return self._needed(key) or Entry(Node({}, self.node.line), f"{self.path}.{key}", [])

    # --- answering
    # --------------------------------------------------------------------------------------------

    def note(self, code: str, **words: object) -> None:
        """Note the problem ``code`` of COMPLAINTS here."""
        self._note(code, self.path, self.node.line, **words)

    def finish(self) -> None:
        """Raise ``ConfigurationInvalid`` with every problem noted so far, in the order of the file."""
        if self.problems:
            found = sorted(self.problems, key=lambda problem: problem.line or 0)
            if len(found) > MAX_PROBLEMS:
                found = [*found[:MAX_PROBLEMS], complaint("", "more_problems")]
            raise ConfigurationInvalid(found)

    def _note(self, code: str, path: str, line: int | None, **words: object) -> None:
        self.problems.append(complaint(path, code, line, **words))

    def _mapping(self) -> dict[str, Node]:
        value = self.node.value
        if isinstance(value, dict):
            return value
        if not isinstance(value, Broken):
            self.note("not_a_mapping")
            self.node.value = {}  # said once
        return {}

    def _needed(self, key: str) -> Entry | None:
        node = self._mapping().get(key)
        path = f"{self.path}.{key}" if self.path else key
        if node is None or node.value is None:
            self._note("missing", path, node.line if node else self.node.line)
            return None
        return Entry(node, path, self.problems)

    def _text(self, entry: Entry | None, limit: int) -> str:
        if entry is None or isinstance(entry.node.value, Broken):
            return ""
        value = entry.node.value
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)  # an unquoted number is meant as its figures
        if not isinstance(value, str) or not value:
            entry.note("not_text")
            return ""
        if len(value) > limit:
            entry.note("too_long", limit=limit)
        return value

    def _matching(self, entry: Entry | None, pattern: re.Pattern[str], code: str) -> str:
        text = self._text(entry, 60)
        if entry is not None and text and not pattern.fullmatch(text):
            entry.note(code, name=text)
        return text


def complaint(path: str, code: str, line: int | None = None, **words: object) -> Problem:
    """Return the problem ``code`` at ``path``; ``name``, the word from the file, is shortened and made
    printable.
    """
    name = words.get("name")
    shown = {**words, "name": shorten(name) if isinstance(name, str) else name}
    vi, en = COMPLAINTS[code]
    return Problem(path, code, vi.format(**shown), en.format(**shown), line)


def open_written(data: bytes) -> Entry:
    """Return the root of the YAML document ``data``.

    Raises ``ConfigurationInvalid`` where nothing sensible can be read; smaller mistakes are noted in the
    root.
    """
    try:
        node, problems = read(data)
    except EditionInvalid as invalid:
        raise ConfigurationInvalid(invalid.problems) from invalid
    return Entry(node, "", list(problems))


def read_head(root: Entry, data: bytes, kind: str) -> Head:
    """Return the head of a document of ``kind``, noting what is wrong with it."""
    found = root.text("kind")
    if found and found != kind:
        root.note("wrong_kind", name=found, wanted=kind)
    edition = root._matching(root._needed("edition"), _EDITION, "bad_code")
    in_force_from, last_day = root.day_or_none("in_force_from"), root.day_or_none("last_day")
    if in_force_from is not None and last_day is not None and last_day < in_force_from:
        root.note("ends_before")
    return Head(
        kind=kind,
        code=root.code("code"),
        edition=edition[:20],
        title=root.label("title"),
        in_force_from=in_force_from,
        last_day=last_day,
        verified=root.flag("verified"),
        open_points=root.labels("open_points"),
        body=data,
        sha256=hashlib.sha256(data).hexdigest(),
    )
