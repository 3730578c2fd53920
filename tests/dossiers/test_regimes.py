"""Which law applies on which day, and what is said where nobody knows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dossiers.editions import read_configuration
from dossiers.refusals import NeedsPerson
from dossiers.regimes import load_regime, regime_on, verified_regime_on
from dossiers.written import ConfigurationInvalid

SHIPPED = tuple(read_configuration(Path("config")).regimes.values())


@pytest.mark.parametrize(
    ("day", "code", "doubt"),
    [
        (date(2023, 12, 31), None, "regime_not_covered"),
        (date(2024, 1, 1), "law2022-decree98", None),
        (date(2024, 11, 5), "law2022-decree98", None),  # SC-01
        (date(2025, 6, 16), "law2022-decree98", None),  # SC-14: complete before 1 July 2025
        (date(2025, 6, 30), "law2022-decree98", None),
        (date(2025, 7, 1), "law2022-decree152", None),
        (date(2025, 11, 19), "law2022-decree152", None),  # SC-02
        (date(2026, 9, 30), "law2022-decree152", None),
        (date(2026, 10, 1), "law2022-amended-2026", "regime_not_verified"),
        (date(2026, 11, 5), "law2022-amended-2026", "regime_not_verified"),  # SC-08
    ],
)
def test_the_regime_of_a_day(day: date, code: str | None, doubt: str | None) -> None:
    found = regime_on(SHIPPED, day)
    assert (found.regime and found.regime.code) == code
    assert (found.doubt and found.doubt.code) == doubt
    if doubt is None:
        assert verified_regime_on(SHIPPED, day).code == code
    else:
        with pytest.raises(NeedsPerson, match=doubt):
            verified_regime_on(SHIPPED, day)


def test_the_sentence_names_the_missing_text() -> None:
    doubt = regime_on(SHIPPED, date(2026, 10, 1)).doubt
    assert doubt is not None
    assert "06/2026/QH16" in doubt.sentence("vi")
    assert "01/10/2026" in doubt.sentence("vi")
    assert "law 06/2026/QH16" in doubt.sentence("en")


def test_two_regimes_on_one_day_need_a_person() -> None:
    twin = load_regime(SHIPPED[-1].head.body.replace(b"code: law2022-decree98", b"code: another"))
    assert twin.code == "another"
    found = regime_on([*SHIPPED, twin], date(2024, 11, 5))
    assert found.regime is None
    assert found.doubt is not None
    assert found.doubt.code == "regimes_overlap"


def test_a_newer_edition_takes_the_place_of_the_older() -> None:
    second, tenth = (
        load_regime(SHIPPED[-1].head.body.replace(b'edition: "1"', b'edition: "%d"' % n)) for n in (2, 10)
    )
    found = regime_on([tenth, *SHIPPED, second], date(2024, 11, 5)).regime
    assert found is not None
    assert found.head.edition == "10"


@pytest.mark.parametrize("day", [date(2024, 11, 5), date(2025, 11, 19)])
def test_limits_and_rules_are_data_with_their_sources(day: date) -> None:
    regime = verified_regime_on(SHIPPED, day)
    limits = {code: limit.working_days for code, limit in regime.time_limits.items()}
    assert limits["return_notice"] == 5
    assert limits["appraisal"] == 20
    assert limits["submit_after_opinions"] == 10
    assert limits["decision_copy"] == 10
    assert list(regime.rules) == [f"R-{n:02d}" for n in range(1, 13)]
    assert regime.votes["base_titles"].share == (80, 100)
    assert regime.votes["movement"].share is None
    assert all(item.source for item in (*regime.rules.values(), *regime.time_limits.values()))


@pytest.mark.parametrize(
    ("day", "circular"),
    [(date(2025, 7, 15), "01/2024/TT-BNV"), (date(2025, 8, 5), "15/2025/TT-BNV")],
)
def test_texts_of_a_regime_have_their_own_days(day: date, circular: str) -> None:
    titles = [text.title.vi for text in verified_regime_on(SHIPPED, day).texts_on(day)]
    assert any(circular in title for title in titles)
    assert len([title for title in titles if "TT-BNV" in title]) == 1


def test_an_unverified_regime_must_say_what_is_missing() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        load_regime(
            b"kind: regime\ncode: x\nedition: '1'\ntitle: {vi: X, en: X}\nverified: false\n"
            b"time_limits:\n  - {code: a, label: {vi: A, en: A}, working_days: 0, source: s, mark: rumour}\n"
        )
    found = {(problem.path, problem.code) for problem in refused.value.problems}
    assert {
        ("missing_texts", "missing"),
        ("in_force_from", "missing"),
        ("time_limits[0].working_days", "not_a_number"),
        ("time_limits[0].mark", "unknown_word"),
        ("time_limits[0].starts", "missing"),
    } <= found
