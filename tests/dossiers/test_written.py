"""Wrong files: every problem at once, each with its path, in both languages, and nothing taken in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dossiers.awards import load_award_catalogue
from dossiers.editions import read_configuration
from dossiers.org_unit_file import load_org_units
from dossiers.programmes import load_programme
from dossiers.written import COMPLAINTS, ConfigurationInvalid

PROGRAMME = """
kind: programme
code: a-programme
edition: "1"
title: {vi: Phong trào, en: Movement}
verified: true
award_catalogue: vn
owner_unit: a-unit
external_targets:
  - code: a_target
    title: {vi: Chỉ tiêu, en: Target}
    source: QĐ 1
    periods: [{from_year: 2024, to_year: 2025, value: 80/100}]
classes:
  - code: a_class
    kind: collective
    label: {vi: Nhóm, en: Class}
    criteria:
      - code: GT-A-1
        text: {vi: Một, en: One}
        proofs: [ratio]
        threshold: 80/100
        ratio_of: {vi: người, en: people}
award_forms:
  - form: a_form
    occasions: [annual]
    kinds: [collective]
quotas:
  - {occasion: annual, form: a_form, kind: collective, size: 10}
"""

FIRST = "classes[0].criteria[0]"

# what is changed in the good file → where the complaint stands, and which it is
WRONG = [
    ("code: a-programme", "code: A Programme", "code", "bad_code"),
    ("kind: programme", "kind: regime", "", "wrong_kind"),
    ("verified: true", "verified: perhaps", "verified", "not_a_flag"),
    ("title: {vi: Phong trào, en: Movement}", "title: {vi: Phong trào}", "title.en", "missing"),
    ("owner_unit: a-unit", "owners: a-unit", "owners", "unknown_key"),
    ("value: 80/100", "value: 80%", "external_targets[0].periods[0].value", "not_a_ratio"),
    ("value: 80/100", "value: 101/100", "external_targets[0].periods[0].value", "not_a_ratio"),
    ("to_year: 2025", "to_year: 2023", "external_targets[0].periods[0]", "ends_before"),
    ("kind: collective\n    label", "kind: crowd\n    label", "classes[0].kind", "unknown_word"),
    ("code: GT-A-1", "code: first", f"{FIRST}.code", "bad_short_code"),
    ("threshold: 80/100", "threshold: 0.8", f"{FIRST}.threshold", "not_a_ratio"),
    ("        threshold: 80/100\n", "", FIRST, "ratio_needed"),
    ("proofs: [ratio]", "proofs: [attested]", FIRST, "ratio_not_wanted"),
    ("proofs: [ratio]", "proofs: [ratio, rumour]", f"{FIRST}.proofs[1]", "unknown_word"),
    ("proofs: [ratio]", "proofs: [ratio, ratio]", f"{FIRST}.proofs[1]", "twice"),
    ("proofs: [ratio]", "proofs: []", f"{FIRST}.proofs", "missing"),
    ("proofs: [ratio]", "proofs: [ratio, external_target]", FIRST, "target_needed"),
    ("proofs: [ratio]", "proofs: [ratio]\n        external_target: b_target", FIRST, "unknown_name"),
    ("proofs: [ratio]", "proofs: [ratio]\n        external_target: a_target", FIRST, "target_not_wanted"),
    ("proofs: [ratio]", "proofs: [ratio]\n        join: some", f"{FIRST}.join", "unknown_word"),
    ("proofs: [ratio]", "proofs: [ratio]\n        applies_when: x", f"{FIRST}.applies_when", "unknown_word"),
    ("        ratio_of: {vi: người, en: people}\n", "", FIRST, "ratio_of_needed"),
    ("    criteria:", "    begins_with: [GT-COL-00]\n    criteria:", "classes[0]", "unknown_name"),
    ("kinds: [collective]", "kinds: []", "award_forms[0].kinds", "missing"),
    ("form: a_form, kind: collective", "form: b_form, kind: collective", "quotas[0]", "quota_of_absent_form"),
    ("form: a_form, kind: collective", "form: a_form, kind: household", "quotas[0]", "form_not_for_kind"),
    ("size: 10", "size: -1", "quotas[0].size", "not_a_number"),
    ("size: 10", "size: 10.5", "quotas[0].size", "not_a_number"),
    ("size: 10}", "size: 10}\n  - {occasion: annual, form: a_form, kind: collective}", "quotas[1]", "twice"),
    ("classes:", "classes: &all", "classes", "alias"),
    ("edition: \"1\"", "edition: \"1\"\nedition: \"2\"", "", "duplicate_key"),
    ("edition: \"1\"", "edition: !!python/name:os.system 1", "edition", "tag"),
]  # fmt: skip


def test_the_file_the_table_starts_from_is_good() -> None:
    programme = load_programme(PROGRAMME.encode())
    assert programme.quotas_for("annual")[0].size == 10
    assert programme.quotas_for("final_review") == ()


@pytest.mark.parametrize(("good", "wrong", "path", "code"), WRONG)
def test_one_mistake_is_named_where_it_stands(good: str, wrong: str, path: str, code: str) -> None:
    assert good in PROGRAMME
    with pytest.raises(ConfigurationInvalid) as refused:
        load_programme(PROGRAMME.replace(good, wrong, 1).encode())
    assert (path, code) in {(problem.path, problem.code) for problem in refused.value.problems}


def test_ten_mistakes_are_named_at_once() -> None:
    text = PROGRAMME
    changes = [WRONG[n] for n in (0, 2, 3, 5, 8, 9, 14, 22, 24, 26)]
    for good, wrong, _, _ in changes:
        text = text.replace(good, wrong, 1)
    with pytest.raises(ConfigurationInvalid) as refused:
        load_programme(text.encode())
    found = {(problem.path, problem.code) for problem in refused.value.problems}
    for _, _, path, code in changes:
        assert (path, code) in found
    lines = [problem.line for problem in refused.value.problems if problem.line]
    assert lines == sorted(lines)
    assert f"{len(refused.value.problems)}" in refused.value.sentence("vi")
    assert "10 mistakes" in refused.value.sentence("en")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"a: [", b"\xff", b"text", b"- " * 60 + b"x", b"a: 1\n---\nb: 2", b"null"]
)
def test_what_is_no_configuration_is_refused_whole(data: bytes) -> None:
    for load in (load_programme, load_award_catalogue, load_org_units):
        with pytest.raises(ConfigurationInvalid) as refused:
            load(data)
        assert refused.value.sentence("vi")


def test_every_complaint_can_be_said_in_both_languages() -> None:
    for vi, en in COMPLAINTS.values():
        assert vi
        assert en
        assert vi != en


def test_units_that_stand_above_themselves_and_functions_of_nobody() -> None:
    text = """
kind: org_units
code: test
edition: "1"
title: {vi: Đơn vị, en: Units}
verified: true
from: 2024-01-01
units:
  - {code: a, kind: division, admin_level: district, name: A, place_name: A, parent: b}
  - {code: b, kind: division, admin_level: district, name: B, place_name: B, parent: a, body: nobody}
  - {code: b, kind: bakery, admin_level: moon, name: B, place_name: B, to: 2023-01-01}
functions:
  - {body: a, functions: [nominator], unit: c}
rounds:
  - code: T-2024
    name: {vi: Đợt, en: Round}
    programme: p
    programme_edition: "1"
    workflow: w
    calendar: vn
    decider_body: z
    occasion: monthly
    opens_at: 2024-11-15 17:00
    closes_at: 2024-11-15 07:00
    late_rule: shrug
    achievement_from: 2024-01-01
    achievement_to: 2023-12-31
"""
    with pytest.raises(ConfigurationInvalid) as refused:
        load_org_units(text.encode())
    found = {(problem.path, problem.code) for problem in refused.value.problems}
    assert {
        ("units[0]", "circle"),
        ("units[2]", "twice"),
        ("units[2].kind", "unknown_word"),
        ("units[2].admin_level", "unknown_word"),
        ("units[2]", "ends_before"),
        ("functions[0]", "unknown_name"),
        ("functions[0].functions[0]", "unknown_word"),
        ("rounds[0]", "unknown_name"),
        ("rounds[0].occasion", "unknown_word"),
        ("rounds[0].late_rule", "unknown_word"),
        ("rounds[0]", "ends_before"),
    } <= found


def test_documents_that_do_not_fit_together_are_named_with_their_file(tmp_path: Path) -> None:
    for folder in ("awards", "calendars", "programmes", "regimes"):
        shutil.copytree(Path("config") / folder, tmp_path / folder)
    centre = tmp_path / "programmes" / "xhht-ttyt-giang-thanh-2024.yaml"
    text = centre.read_text("utf-8")
    centre.write_text(
        text.replace("feeds: xhht-giang-thanh", "feeds: nothing").replace(
            "form: certificate_of_merit_department", "form: certificate_of_nothing"
        ),
        "utf-8",
    )
    with pytest.raises(ConfigurationInvalid) as refused:
        read_configuration(tmp_path)
    assert {problem.code for problem in refused.value.problems} == {"unknown_name"}
    assert all("xhht-ttyt-giang-thanh" in problem.path for problem in refused.value.problems)
    assert len(refused.value.problems) == 2

    shutil.copy(centre, tmp_path / "programmes" / "copy.yaml")
    (tmp_path / "calendars" / "broken.yaml").write_text("kind: [", "utf-8")
    with pytest.raises(ConfigurationInvalid) as refused:
        read_configuration(tmp_path)
    paths = [problem.path for problem in refused.value.problems]
    assert any(path.startswith("calendars/broken.yaml") for path in paths)
    assert any(problem.code == "edition_twice" for problem in refused.value.problems)
