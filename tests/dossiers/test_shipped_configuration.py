"""What is shipped: the configuration of Giang Thành is whole, and says what its plan says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Float, Numeric, func, select

import dossiers.tables as tables
from dossiers.award_round import AwardRound, QuotaPool
from dossiers.configuration import AwardForm, ConfigDocument, Criterion, NomineeClass
from dossiers.criteria import question_of
from dossiers.days import VIET_NAM
from dossiers.editions import Configuration, keep_document, publish, read_configuration
from dossiers.org_unit import BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.org_unit_file import load_org_units, take_in
from dossiers.programmes import Programme
from dossiers.refusals import Conflict
from dossiers.vocabulary import VOCABULARY
from states.loader import load_edition
from storage.base import Base
from storage.database import Database, Tx

CONFIG = Path("config")
SHIPPED = read_configuration(CONFIG)
GIANG_THANH = SHIPPED.programmes["xhht-giang-thanh", "2024"]
HEALTH_CENTRE = SHIPPED.programmes["xhht-ttyt-giang-thanh", "2024"]
TAN_GIANG = SHIPPED.programmes["xhht-tan-giang", "2025"]
ORG_UNIT_FILES = sorted((CONFIG / "org_units").glob("*.yaml"))

# seeds.md §2.2: class, kind, criteria in order.
CLASSES = {
    "agency_district": ("collective", "GT-COL-00 GT-A-1 GT-A-2 GT-A-3 GT-A-4 GT-A-5"),
    "front_mass_org": ("collective", "GT-COL-00 GT-B-1 GT-B-2 GT-B-3 GT-B-4 GT-B-5a GT-B-5b"),
    "commune": ("collective", "GT-COL-00 GT-C-1 GT-C-2 GT-C-3 GT-C-4 GT-C-5 GT-C-6 GT-C-7"),
    "hamlet": ("collective", "GT-COL-00 GT-D-1 GT-D-2 GT-D-3 GT-D-4"),
    "self_managed_group": ("collective", "GT-COL-00 GT-Đ-1 GT-Đ-2 GT-Đ-3"),
    "education_institution": ("collective", "GT-COL-00 GT-E-1 GT-E-2 GT-E-3 GT-E-4a GT-E-4b GT-E-4c"),
    "enterprise": ("collective", "GT-COL-00 GT-F-1 GT-F-2 GT-F-3 GT-F-4a GT-F-4b GT-F-5"),
    "household": ("household", "GT-H-0 GT-H-1 GT-H-2"),
    "individual_staff": ("individual", "GT-I-0 GT-IA-1 GT-IA-2 GT-IA-3"),
    "individual_other": ("individual", "GT-I-0 GT-IB-1 GT-IB-2"),
}
THRESHOLDS = {
    "GT-B-5b": 80,
    "GT-C-6": 80,
    "GT-C-7": 60,
    "GT-D-3": 90,
    "GT-D-4": 70,
    "GT-Đ-2": 100,
    "GT-Đ-3": 80,
    "GT-E-4b": 80,
    "GT-E-4c": 80,
}


def test_the_ten_classes_and_all_their_criteria() -> None:
    found = {
        code: (one.kind, " ".join(question.code for question in one.criteria))
        for code, one in GIANG_THANH.classes.items()
    }
    assert found == CLASSES
    assert list(found) == list(CLASSES)


def test_the_numeric_thresholds() -> None:
    found = {
        question.code: question.threshold
        for one in GIANG_THANH.classes.values()
        for question in one.criteria
        if "ratio" in question.proofs
    }
    assert found == {code: (percent, 100) for code, percent in THRESHOLDS.items()}


@pytest.mark.parametrize(
    ("class_code", "criterion", "proofs", "join", "source"),
    [
        ("agency_district", "GT-A-4", ("external_target",), "all", "QĐ 677/QĐ-TTg"),
        ("agency_district", "GT-A-5", ("document",), "all", "24/2023/TT-BGDĐT"),
        ("front_mass_org", "GT-B-3", ("attested", "recognised_initiative"), "any", "157/KH-UBND, IV.2.1.b"),
        ("commune", "GT-C-3", ("attested", "document"), "any", "157/KH-UBND, IV.2.1.c"),
        ("commune", "GT-C-5", ("document",), "all", "25/2023/TT-BGDĐT"),
        ("self_managed_group", "GT-Đ-2", ("ratio",), "all", "157/KH-UBND, IV.2.1.đ"),
        ("enterprise", "GT-F-4a", ("external_target",), "all", "QĐ 1268/QĐ-TTg"),
        ("enterprise", "GT-F-4b", ("external_target",), "all", "QĐ 1268/QĐ-TTg"),
        ("household", "GT-H-2", ("document",), "all", "Hội Khuyến học"),
        (
            "individual_staff",
            "GT-IA-2",
            ("recognised_initiative", "document"),
            "all",
            "157/KH-UBND, IV.2.3.a",
        ),
        ("individual_other", "GT-IB-2", ("document",), "all", "QĐ 324/QĐ-KHVN"),
    ],
)
def test_proofs_and_sources(
    class_code: str, criterion: str, proofs: tuple[str, ...], join: str, source: str
) -> None:
    question = next(q for q in GIANG_THANH.classes[class_code].criteria if q.code == criterion)
    assert (question.proofs, question.join) == (proofs, join)
    assert question.legal_source is not None
    assert source in question.legal_source


@pytest.mark.parametrize("programme", SHIPPED.programmes.values(), ids=lambda programme: programme.code)
def test_every_criterion_has_both_languages_and_a_source(programme: Programme) -> None:
    for one in programme.classes.values():
        assert one.criteria
        for question in one.criteria:
            assert question.text.vi
            assert question.text.en
            assert question.text.vi != question.text.en
            assert question.legal_source


def test_only_training_institutions_are_asked_for_open_education() -> None:
    conditional = {
        question.code: question.applies_when
        for one in GIANG_THANH.classes.values()
        for question in one.criteria
        if question.applies_when
    }
    assert conditional == {"GT-E-2": "training_institution"}


@pytest.mark.parametrize(
    ("occasion", "kind", "size"),
    [
        ("annual", "collective", 10),
        ("annual", "individual", 20),
        ("annual", "household", None),
        ("interim_review", "collective", 15),
        ("interim_review", "individual", 30),
        ("interim_review", "household", None),
        ("final_review", "collective", 15),
        ("final_review", "individual", 30),
        ("final_review", "household", None),
    ],
)
def test_quotas_of_the_district_certificate(occasion: str, kind: str, size: int | None) -> None:
    found = [
        quota.size
        for quota in GIANG_THANH.quotas_for(occasion)
        if (quota.form, quota.kind) == ("certificate_of_merit_district", kind)
    ]
    assert found == [size]


def test_the_health_centre_feeds_the_district_and_has_no_quota_of_its_own() -> None:
    assert (HEALTH_CENTRE.feeds, HEALTH_CENTRE.owner_unit) == ("xhht-giang-thanh", "ttyt-giang-thanh")
    assert HEALTH_CENTRE.quotas == ()
    assert [q.code for q in HEALTH_CENTRE.classes["health_unit"].criteria] == [
        "TT-COL-00", "TT-C-1", "TT-C-2", "TT-C-3", "TT-C-4",
    ]  # fmt: skip
    assert [q.code for q in HEALTH_CENTRE.classes["health_staff"].criteria] == [
        "TT-I-0", "TT-I-1", "TT-I-2", "TT-I-3",
    ]  # fmt: skip


def test_the_commune_keeps_the_criteria_it_can_use() -> None:
    for code, one in TAN_GIANG.classes.items():
        assert [q.code for q in one.criteria] == [q.code for q in GIANG_THANH.classes[code].criteria]
    sizes = {
        quota.kind: quota.size
        for quota in TAN_GIANG.quotas_for("annual")
        if quota.form == "certificate_of_merit_commune"
    }
    assert sizes == {"collective": 4, "individual": 8, "household": 3}


def test_targets_of_other_texts_are_set_only_where_they_are_known() -> None:
    assert GIANG_THANH.targets_on(date(2024, 10, 31))["qd677_staff"].value is None
    assert GIANG_THANH.targets_on(date(2030, 10, 31))["qd677_staff"].value == (80, 100)
    assert GIANG_THANH.targets_on(date(2031, 10, 31))["qd677_staff"].value is None
    # The plan names workers' training and workers as learning citizens in one sentence: two targets, asked apart.
    for code in ("qd1268_training", "qd1268_citizens"):
        assert GIANG_THANH.targets_on(date(2030, 10, 31))[code].value is None


def test_deciders_are_positions_and_departments_give_no_diplomas() -> None:
    forms = SHIPPED.catalogues["vn", "2024-1"].forms
    assert forms["certificate_of_merit_district"].decider_position == "committee_chair_district"
    assert forms["certificate_of_merit_district"].last_day == date(2025, 6, 30)
    assert forms["certificate_of_merit_commune"].decider_position == "committee_chair_commune"
    assert not [
        form.code
        for form in forms.values()
        if form.code.startswith("diploma") and form.decider_position == "department_director"
    ]


@pytest.mark.parametrize("file", ORG_UNIT_FILES, ids=lambda file: file.stem)
def test_org_unit_files_load_and_every_committee_has_all_its_functions(file: Path) -> None:
    written = load_org_units(file.read_bytes())
    assert {function.function for function in written.functions} == {
        "intake",
        "appraiser",
        "appraisal_head",
        "award_officer",
        "council_secretary",
        "registry_clerk",
        "decider",
    }
    for one in written.rounds:
        assert one.assumptions
        assert (one.programme, one.programme_edition) in SHIPPED.programmes


def test_the_rounds_of_the_scenarios() -> None:
    rounds = {one.code: one for file in ORG_UNIT_FILES for one in load_org_units(file.read_bytes()).rounds}
    assert set(rounds) == {"GT-2024", "GT-2025", "TG-2025", "TG-2026"}
    assert rounds["GT-2024"].closes_at == datetime(2024, 11, 15, 17, tzinfo=VIET_NAM)
    assert rounds["TG-2025"].closes_at == datetime(2025, 11, 14, 17, tzinfo=VIET_NAM)
    assert rounds["TG-2025"].late_rule == "accept_with_approval"
    assert rounds["TG-2026"].closes_at.date() == date(2026, 11, 13)
    for code, first, last in (
        ("GT-2024", date(2024, 1, 1), date(2024, 10, 31)),
        ("GT-2025", date(2024, 11, 1), date(2025, 10, 31)),
        ("TG-2025", date(2024, 11, 1), date(2025, 10, 31)),
        ("TG-2026", date(2025, 11, 1), date(2026, 10, 31)),
    ):
        assert (rounds[code].achievement_from, rounds[code].achievement_to) == (first, last)


def test_no_table_has_a_column_that_rounds() -> None:
    assert tables is not None  # the whole metadata is loaded
    rounding = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Numeric | Float)
    ]
    assert rounding == []


def _publish_all(tx: Tx, configuration: Configuration = SHIPPED) -> None:
    publish(tx, configuration)
    for path in sorted((CONFIG / "workflows").glob("*.yaml")):
        body = path.read_bytes()
        edition = load_edition(body, VOCABULARY)
        keep_document(tx, kind="workflow", code=edition.code, edition=edition.edition, body=body)


def test_publishing_makes_the_rows_and_a_second_time_changes_nothing(database: Database) -> None:
    with database.writing() as tx:
        first = publish(tx, SHIPPED)
        assert all(one.fresh for one in first)
    with database.writing() as tx:
        assert not any(one.fresh for one in publish(tx, SHIPPED))
    with database.reading() as tx:
        assert tx.session.scalar(select(func.count(ConfigDocument.id))) == len(first)
        programme_id = tx.session.execute(
            select(ConfigDocument.id).where(ConfigDocument.code == "xhht-giang-thanh")
        ).scalar_one()
        classes = tx.session.scalars(
            select(NomineeClass)
            .where(NomineeClass.programme_id == programme_id)
            .order_by(NomineeClass.ordinal)
        ).all()
        assert [one.code for one in classes] == list(CLASSES)
        for row in classes:
            criteria = tx.session.scalars(
                select(Criterion).where(Criterion.class_id == row.id).order_by(Criterion.ordinal)
            ).all()
            assert tuple(question_of(one) for one in criteria) == GIANG_THANH.classes[row.code].criteria
        assert tx.session.scalar(select(func.count(AwardForm.id))) == len(
            SHIPPED.catalogues["vn", "2024-1"].forms
        )
        regime = tx.session.execute(
            select(ConfigDocument).where(ConfigDocument.code == "law2022-decree98")
        ).scalar_one()
        assert (regime.in_force_from, regime.in_force_to) == (date(2024, 1, 1), date(2025, 7, 1))
        assert regime.verified


def test_an_edition_in_use_never_changes(database: Database) -> None:
    with database.writing() as tx:
        publish(tx, SHIPPED)
    body = GIANG_THANH.head.body
    with pytest.raises(Conflict, match="edition_changed") as refused, database.writing() as tx:
        keep_document(
            tx, kind="programme", code="xhht-giang-thanh", edition="2024", body=body + b"\n# one word\n"
        )
    assert "2024" in refused.value.sentence("vi")
    with pytest.raises(Conflict, match="edition_copied"), database.writing() as tx:
        keep_document(tx, kind="programme", code="xhht-giang-thanh", edition="2025", body=body)
    with database.reading() as tx:
        kept = tx.session.execute(
            select(ConfigDocument.body).where(ConfigDocument.code == "xhht-giang-thanh")
        ).scalar_one()
        assert kept == body


def test_org_units_rounds_and_pools_are_taken_in_once(database: Database) -> None:
    files = [load_org_units(file.read_bytes()) for file in ORG_UNIT_FILES]
    with database.writing() as tx:
        _publish_all(tx)
        taken = [take_in(tx, file) for file in files]
    assert [len(one.units) for one in taken] == [len(file.units) for file in files]
    with database.writing() as tx:
        for file in files:
            again = take_in(tx, file)
            assert (again.units, again.functions, again.rounds, again.pools) == ((), (), (), ())
    with database.reading() as tx:
        pools = {
            (round_code, form, kind, body): size
            for round_code, form, kind, body, size in tx.session.execute(
                select(AwardRound.code, AwardForm.code, QuotaPool.nominee_kind, OrgUnit.code, QuotaPool.size)
                .join(AwardRound, AwardRound.id == QuotaPool.round_id)
                .join(AwardForm, AwardForm.id == QuotaPool.award_form_id)
                .join(OrgUnit, OrgUnit.id == QuotaPool.decider_body_id)
            )
        }
        district, body = "certificate_of_merit_district", "ubnd-huyen-giang-thanh"
        assert pools["GT-2024", district, "collective", body] == 10
        assert pools["GT-2024", district, "individual", body] == 20
        assert pools["GT-2024", district, "household", body] is None
        above = ("diploma_of_commendation_province", "collective", "ubnd-tinh-kien-giang")
        assert pools["GT-2024", *above] is None
        assert pools["TG-2025", "certificate_of_merit_commune", "household", "ubnd-xa-tan-giang"] == 3
        closes = tx.session.execute(
            select(AwardRound.closes_at).where(AwardRound.code == "GT-2024")
        ).scalar_one()
        assert closes - datetime(2024, 11, 15, 10, tzinfo=closes.tzinfo) == timedelta(0)
        station = tx.session.execute(
            select(OrgUnitPeriod.name, OrgUnitPeriod.parent_id)
            .join(OrgUnit, OrgUnit.id == OrgUnitPeriod.org_unit_id)
            .where(OrgUnit.code == "tyt-vinh-phu")
        ).one()
        centre = tx.session.execute(select(OrgUnit.id).where(OrgUnit.code == "ttyt-giang-thanh")).scalar_one()
        assert station == ("Trạm Y tế xã Vĩnh Phú", centre)
        assert tx.session.scalar(select(func.count(BodyFunction.id))) == 14


def test_a_round_without_its_workflow_is_refused_and_leaves_nothing(database: Database) -> None:
    with database.writing() as tx:
        publish(tx, SHIPPED)
    with pytest.raises(Conflict, match="document_not_published") as refused, database.writing() as tx:
        take_in(tx, load_org_units(ORG_UNIT_FILES[0].read_bytes()))
    assert "giang-thanh" in refused.value.sentence("en")
    with database.reading() as tx:
        assert tx.session.scalar(select(func.count(OrgUnit.id))) == 0
