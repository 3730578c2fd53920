"""Numbers and days as people write them in Viet Nam, read generously and shown the same everywhere.

Reading accepts what offices type (``1.041``, ``1 041``, ``5/9/2024``) and refuses what could mean two things.
Showing follows the language of the page: ``vi`` writes 1.773, 58,71% and 05/09/2024; ``en`` writes 1,773,
58.71% and 5 September 2024. Ratios are pairs of integers throughout; no float is ever made of them.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from dossiers.days import VIET_NAM

Ratio = tuple[int, int]

LARGEST_COUNT = 10**15  # fits a BIGINT with room for sums
FIRST_YEAR, LAST_YEAR = 1900, 2100

_PLAIN = re.compile(r"[0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([. ])[0-9]{3})(?:\1[0-9]{3})*")
_PERCENT = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))? ?%?")
_SPACES = re.compile(r"[\s\u00a0\u2007\u202f]+")
_DAY = re.compile(r"([0-9]{1,2})([/.\-])([0-9]{1,2})\2([0-9]{4})")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WORDED_DAY = re.compile(r"(?:ngày )?([0-9]{1,2}) tháng ([0-9]{1,2}) năm ([0-9]{4})")

_WEEKDAYS = (
    ("thứ Hai", "Monday"),
    ("thứ Ba", "Tuesday"),
    ("thứ Tư", "Wednesday"),
    ("thứ Năm", "Thursday"),
    ("thứ Sáu", "Friday"),
    ("thứ Bảy", "Saturday"),
    ("Chủ nhật", "Sunday"),
)
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class NotANumber(ValueError):
    """The text is no whole number, or could be read as two different ones."""


class NotADay(ValueError):
    """The text is no day of the calendar, or leaves the year to be guessed."""


def parse_count(text: str) -> int:
    """Return the whole number ≥ 0 written in ``text``: ``1041``, ``1.041`` or ``1 041``.

    Thousands may be grouped by dots or by spaces, in threes and by one of the two. A comma is a decimal
    comma here, so ``1,041`` raises ``NotANumber``, as do signs, fractions and numbers beyond 10^15.
    """
    text = _SPACES.sub(" ", text).strip()
    if not (_PLAIN.fullmatch(text) or _GROUPED.fullmatch(text)) or len(text) > 40:
        raise NotANumber(text[:40])
    number = int(text.replace(".", "").replace(" ", ""))
    if number > LARGEST_COUNT:
        raise NotANumber(text[:40])
    return number


def parse_percentage(text: str) -> int:
    """Return a percentage in hundredths of a percent: ``58,71``, ``58.71`` and ``58,71 %`` are 5871.

    At most two decimals; raises ``NotANumber`` otherwise.
    """
    found = _PERCENT.fullmatch(_SPACES.sub(" ", text).strip())
    if found is None:
        raise NotANumber(text[:40])
    whole, decimals = found.groups()
    return int(whole) * 100 + int((decimals or "0").ljust(2, "0"))


def parse_day(text: str) -> date:
    """Return the day written in ``text``: ``5/9/2024``, ``05-09-2024``, ``5.9.2024``, ``2024-09-05`` or
    ``ngày 05 tháng 9 năm 2024``. The day always stands before the month, as in Viet Nam.

    Raises ``NotADay`` for days that do not exist, years of two figures and years outside 1900–2100.
    """
    text = _SPACES.sub(" ", text).strip()
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DAY.fullmatch(text):
        day, month, year = int(found[1]), int(found[3]), int(found[4])
    elif found := _WORDED_DAY.fullmatch(text.lower()):
        day, month, year = (int(part) for part in found.groups())
    else:
        raise NotADay(text[:40])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotADay(text[:40])
    try:
        return date(year, month, day)
    except ValueError:
        raise NotADay(text[:40]) from None


def meets(numerator: int, denominator: int, threshold: Ratio) -> bool:
    """Return whether ``numerator / denominator`` reaches ``threshold``, exactly (``denominator`` > 0)."""
    return numerator * threshold[1] >= threshold[0] * denominator


def lacking(numerator: int, denominator: int, threshold: Ratio) -> int:
    """Return how many more must be counted, out of the same ``denominator``, to reach ``threshold``; 0 if
    reached.
    """
    needed = -(-threshold[0] * denominator // threshold[1])  # rounded up
    return max(needed - numerator, 0)


def hundredths_of_percent(numerator: int, denominator: int, threshold: Ratio | None = None) -> int:
    """Return the ratio in hundredths of a percent, rounded half up (4,812 of 5,901 are 8155).

    A value that fails ``threshold`` is cut instead where rounding would lift it onto the threshold
    (79,996 of 100,000 are 7999 against 80/100, not 8000). ``denominator`` > 0, ``numerator`` ≥ 0.
    """
    rounded = (numerator * 20_000 + denominator) // (2 * denominator)
    if (
        threshold is not None
        and not meets(numerator, denominator, threshold)
        and meets(rounded, 10_000, threshold)
    ):
        return numerator * 10_000 // denominator
    return rounded


def show_percentage(
    numerator: int, denominator: int, threshold: Ratio | None = None, language: str = "vi"
) -> str:
    """Return the ratio as people read it, two decimals: ``58,71%`` (``58.71%`` in English)."""
    return _show_hundredths(hundredths_of_percent(numerator, denominator, threshold), language, keep=True)


def show_threshold(threshold: Ratio, language: str = "vi") -> str:
    """Return a threshold as it is written in plans: ``60%``, ``66,67%``; decimals only where there are
    any.
    """
    return _show_hundredths(hundredths_of_percent(*threshold), language, keep=False)


def show_number(number: int, language: str = "vi") -> str:
    """Return ``1.773`` (``1,773`` in English)."""
    shown = f"{number:,}"
    return shown if language == "en" else shown.replace(",", ".")


def show_money(dong: int, language: str = "vi") -> str:
    """Return an amount: ``1.410.000 đồng`` (``VND 1,410,000`` in English)."""
    return f"VND {show_number(dong, 'en')}" if language == "en" else f"{show_number(dong)} đồng"


def show_size(size: int, language: str = "vi") -> str:
    """Return a number of bytes as ``8,3 MB``; one decimal, units of 1024, at most GB."""
    unit = 0
    tenths = size * 10
    while tenths >= 10_240 and unit < 3:
        tenths, unit = (tenths + 512) // 1024, unit + 1
    whole = unit == 0 or tenths % 10 == 0
    mark = "." if language == "en" else ","
    figures = show_number(tenths // 10, language) + ("" if whole else f"{mark}{tenths % 10}")
    return f"{figures} {('B', 'KB', 'MB', 'GB')[unit]}"


def show_day(day: date, language: str = "vi") -> str:
    """Return ``05/09/2024`` (``5 September 2024`` in English)."""
    if language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.day:02d}/{day.month:02d}/{day.year}"


def show_weekday(day: date, language: str = "vi") -> str:
    """Return ``thứ Sáu, 29/11/2024`` (``Friday, 29 November 2024`` in English)."""
    vi, en = _WEEKDAYS[day.weekday()]
    return f"{en if language == 'en' else vi}, {show_day(day, language)}"


def show_day_in_paper(day: date) -> str:
    """Return the day as official papers spell it: ``ngày 05 tháng 9 năm 2024``.

    Decree 30/2020, annex I: days below 10 and the months 1 and 2 get a leading zero, the other months do not.
    """
    month = f"{day.month:02d}" if day.month < 3 else str(day.month)
    return f"ngày {day.day:02d} tháng {month} năm {day.year}"


def show_time(moment: datetime) -> str:
    """Return the time of day in Viet Nam, ``17:00``. ``moment`` is aware."""
    return f"{moment.astimezone(VIET_NAM):%H:%M}"


def show_moment(moment: datetime, language: str = "vi") -> str:
    """Return time and day in Viet Nam: ``17:00 ngày 15/11/2024`` (``17:00, 15 November 2024`` in English)."""
    day = show_day(moment.astimezone(VIET_NAM).date(), language)
    return f"{show_time(moment)}, {day}" if language == "en" else f"{show_time(moment)} ngày {day}"


def _show_hundredths(hundredths: int, language: str, *, keep: bool) -> str:
    whole, rest = divmod(hundredths, 100)
    mark = "." if language == "en" else ","
    decimals = f"{mark}{rest:02d}" if keep or rest else ""
    return f"{show_number(whole, language)}{decimals}%"
