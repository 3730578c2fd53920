"""Legal regimes: which texts apply to a dossier, chosen by the day on which it was received complete.

The regime of that day is frozen on the dossier. A day that no regime covers, or whose regime nobody has
verified, never falls back to a neighbour: the finding says that a person is needed and which text is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from dossiers.numbers import Ratio, show_day
from dossiers.refusals import SENTENCES, NeedsPerson
from dossiers.text import sort_key
from dossiers.written import HEAD_KEYS, Head, open_written, read_head
from states.definition import Label

# How a statement is grounded: in a seed document, in a stored secondary source, deduced, or not found at all.
MARKS = ("seed", "stored_page", "deduced", "memory", "not_found")
EFFECTS = ("block", "warn", "inform", "record")

SENTENCES.update(
    {
        "regime_not_covered": (
            "Chưa có văn bản nào được đưa vào hệ thống cho ngày {day}. "
            "Cần bổ sung chế độ pháp lý của ngày này trước khi tiếp nhận hồ sơ.",
            "No legal text has been entered for {day}. "
            "The regime of that day must be added before the dossier is received.",
        ),
        "regime_not_verified": (
            "Quy định áp dụng cho ngày {day} chưa được xác minh: {missing}",
            "The law that applies on {day} is not verified: {missing_en}",
        ),
        "regimes_overlap": (
            "Hai chế độ pháp lý cùng áp dụng cho ngày {day}: {names}.",
            "Two legal regimes apply on {day}: {names}.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class LegalText:
    """A law, decree or circular of the regime. Its own dates may be narrower than the regime's."""

    kind: str
    title: Label
    in_force_from: date | None
    last_day: date | None
    mark: str


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A time limit of the law, in working days; ``starts`` says from when it runs."""

    code: str
    label: Label
    working_days: int
    starts: Label
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A principle that becomes a check (R-01 …): data for the checks that judge by it."""

    code: str
    title: Label
    effect: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class VoteRule:
    """The part of all members of a council that must agree (law.md §6); ``share`` None: not found, to be
    set.
    """

    code: str
    label: Label
    share: Ratio | None
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class Regime:
    """The law of a period. ``head.verified`` False: it must not be applied without a person."""

    head: Head
    texts: tuple[LegalText, ...]
    missing_texts: tuple[Label, ...]
    time_limits: Mapping[str, TimeLimit]
    rules: Mapping[str, Rule]
    votes: Mapping[str, VoteRule]
    transition: tuple[Label, ...]

    @property
    def code(self) -> str:
        """The code of the regime."""
        return self.head.code

    @property
    def title(self) -> Label:
        """The name of the regime."""
        return self.head.title

    def texts_on(self, day: date) -> tuple[LegalText, ...]:
        """Return the texts in force on ``day``."""
        return tuple(
            text
            for text in self.texts
            if (text.in_force_from is None or text.in_force_from <= day)
            and (text.last_day is None or day <= text.last_day)
        )


@dataclass(frozen=True, slots=True)
class RegimeFinding:
    """The regime of a day. With a ``doubt`` a person must find out; an unverified regime is still named."""

    regime: Regime | None
    doubt: NeedsPerson | None


def regime_on(regimes: Iterable[Regime], day: date) -> RegimeFinding:
    """Return which of ``regimes`` applies to a dossier received complete on ``day``; never raises.

    Of several editions of one regime the newest counts (2 before 10).
    """
    newest: dict[str, Regime] = {}
    for regime in sorted(regimes, key=lambda regime: sort_key(regime.head.edition)):
        newest[regime.code] = regime
    found = [regime for regime in newest.values() if regime.head.holds_on(day)]
    if not found:
        return RegimeFinding(None, NeedsPerson("regime_not_covered", day=show_day(day)))
    if len(found) > 1:
        names = ", ".join(sorted(regime.title.vi for regime in found))
        return RegimeFinding(None, NeedsPerson("regimes_overlap", day=show_day(day), names=names))
    regime = found[0]
    if not regime.head.verified:
        missing = regime.missing_texts or (regime.title,)
        return RegimeFinding(
            regime,
            NeedsPerson(
                "regime_not_verified",
                day=show_day(day),
                missing="; ".join(text.vi for text in missing),
                missing_en="; ".join(text.en for text in missing),
            ),
        )
    return RegimeFinding(regime, None)


def verified_regime_on(regimes: Iterable[Regime], day: date) -> Regime:
    """Return the verified regime of ``day``. Raises ``NeedsPerson``, naming the missing text, where there is
    none.
    """
    found = regime_on(regimes, day)
    if found.doubt is not None:
        raise found.doubt
    assert found.regime is not None
    return found.regime


def load_regime(data: bytes) -> Regime:
    """Return the regime written in ``data`` (YAML of kind ``regime``).

    Raises ``ConfigurationInvalid`` with every problem.
    """
    root = open_written(data)
    root.only(*HEAD_KEYS, "texts", "missing_texts", "time_limits", "rules", "votes", "transition")
    head = read_head(root, data, "regime")
    if head.in_force_from is None:
        root.day("in_force_from")  # a regime always has a first day
    texts = []
    for entry in root.each("texts"):
        entry.only("kind", "title", "in_force_from", "last_day", "mark")
        texts.append(
            LegalText(
                entry.word("kind", ("law", "decree", "circular")),
                entry.label("title"),
                entry.day_or_none("in_force_from"),
                entry.day_or_none("last_day"),
                entry.word("mark", MARKS),
            )
        )
    limits: dict[str, TimeLimit] = {}
    for entry in root.each("time_limits"):
        entry.only("code", "label", "working_days", "starts", "source", "mark")
        limit = TimeLimit(
            entry.code("code"),
            entry.label("label"),
            entry.whole("working_days", 1, 400),
            entry.label("starts"),
            entry.text("source"),
            entry.word("mark", MARKS),
        )
        if limit.code in limits:
            entry.note("twice", name=limit.code)
        limits[limit.code] = limit
    rules: dict[str, Rule] = {}
    for entry in root.each("rules"):
        entry.only("code", "title", "effect", "source", "mark")
        rule = Rule(
            entry.short_code("code"),
            entry.label("title"),
            entry.word("effect", EFFECTS),
            entry.text("source"),
            entry.word("mark", MARKS),
        )
        if rule.code in rules:
            entry.note("twice", name=rule.code)
        rules[rule.code] = rule
    votes: dict[str, VoteRule] = {}
    for entry in root.each("votes"):
        entry.only("code", "label", "share", "source", "mark")
        vote = VoteRule(
            entry.code("code"),
            entry.label("label"),
            entry.ratio_or_none("share"),
            entry.text("source"),
            entry.word("mark", MARKS),
        )
        if vote.code in votes:
            entry.note("twice", name=vote.code)
        votes[vote.code] = vote
    missing = root.labels("missing_texts")
    if not head.verified and not missing:
        root.want("missing_texts")  # an unverified regime says what is missing
    transition = root.labels("transition")
    root.finish()
    return Regime(
        head,
        tuple(texts),
        missing,
        MappingProxyType(limits),
        MappingProxyType(rules),
        MappingProxyType(votes),
        transition,
    )
