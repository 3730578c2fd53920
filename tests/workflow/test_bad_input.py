"""What people type wrong gets its clear answer; nothing is lost and nothing half-done is kept."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from sqlalchemy import func, select

from dossiers.attachment import AttachmentVersion
from dossiers.criteria import Answer
from dossiers.dossier import Dossier
from dossiers.refusals import Conflict, Forbidden, Invalid, InvalidForm, Missing
from storage.blob import Blob
from storage.files import Files
from tests.builders import World, a_pdf, give_paper
from tests.workflow.journeys import a_case, a_dossier
from tests.workflow.test_permissions import rows_of
from workflow.attach import attach, open_attachment
from workflow.decide import act
from workflow.draft import add_nominee, fill_in, fill_in_nominee, open_dossier
from workflow.view.dossier import dossier_view


def problems(refused: pytest.ExceptionInfo[InvalidForm]) -> list[tuple[str, str | None]]:
    """Return code and field of every problem."""
    return [(problem.code, problem.field) for problem in refused.value.problems]


def test_an_unknown_action_is_named(small_world: World, files: Files) -> None:
    case = a_dossier(small_world, files, "submitted")
    for action in ("approve_everything", "reset_nominee", "", "x" * 500, "__class__"):
        with pytest.raises(Invalid) as refused:
            small_world.act("diem", case.dossier, action)
        assert refused.value.code == "action_unknown"


def test_a_missing_reason_stands_beside_its_field_with_everything_else(
    small_world: World, files: Files
) -> None:
    case = a_dossier(small_world, files, "submitted")
    with pytest.raises(InvalidForm) as refused:
        small_world.act(
            "diem", case.dossier, "request_supplement", fields={"due_on": "31/11/2024", "state": "issued"}
        )
    assert problems(refused) == [
        ("reason_missing", "reason"),
        ("field_unknown", "state"),
        ("day_unreadable", "due_on"),
        ("value_missing", "missing_papers"),
    ]
    assert small_world.state(case.dossier) == "submitted"


@pytest.mark.parametrize(
    ("day", "code"), [("01/11/2024", "due_day_passed"), ("12/11/2042", "due_day_too_far")]
)
def test_a_day_that_passed_or_never_comes_is_no_time_to_supplement(
    small_world: World, files: Files, day: str, code: str
) -> None:
    case = a_dossier(small_world, files, "submitted")
    with pytest.raises(Invalid) as refused:
        small_world.act(
            "diem",
            case.dossier,
            "request_supplement",
            reason="Thiếu.",
            fields={"due_on": day, "missing_papers": "Biên bản"},
        )
    assert refused.value.code == code
    assert dossier_view(small_world.database, small_world.actor("diem"), case.dossier).clocks == ()


def test_a_meeting_cannot_be_recorded_before_it_happened(small_world: World, files: Files) -> None:
    case = a_dossier(small_world, files, "at_review_meeting")
    with pytest.raises(InvalidForm) as refused:
        small_world.act(
            "khai",
            case.dossier,
            "record_review_meeting",
            fields={"met_on": "05/11/2024", "minutes_number": "1", "participants": "x", "result": "x"},
        )
    assert problems(refused) == [("day_in_future", "met_on")]


def test_an_unknown_class_and_a_closed_round_are_refused(small_world: World, files: Files) -> None:
    case = a_case(small_world, files)
    with pytest.raises(Invalid) as refused:
        add_nominee(
            small_world.database,
            small_world.actor("suong"),
            case.dossier,
            seen_version=small_world.version(case.dossier),
            class_code="astronaut",
            name="Ai Đó",
        )
    assert (refused.value.code, refused.value.field) == ("class_unknown", "class_code")
    small_world.at(2024, 11, 15, 17, 0, 1)
    with pytest.raises(Conflict) as closed:
        small_world.act("suong", case.dossier, "submit")
    assert closed.value.code == "condition_round_open"
    with pytest.raises(Conflict) as too_late:
        open_dossier(small_world.database, small_world.actor("suong"), round_code="GT-2024")
    assert too_late.value.code == "round_closed"
    small_world.at(2024, 11, 15, 17, 0, 0).act("suong", case.dossier, "submit")


def test_a_round_of_another_body_is_unknown(small_world: World) -> None:
    from tests.builders import a_round, a_unit

    with small_world.database.writing() as tx:
        a_unit(tx, small_world, "ubnd-huyen-khac", "peoples_committee", "district", "UBND huyện Khác", "Khác")
        a_round(tx, small_world, code="KH-2024", body="ubnd-huyen-khac")
    with pytest.raises(Missing) as refused:
        open_dossier(small_world.database, small_world.actor("suong"), round_code="KH-2024")
    assert refused.value.code == "round_unknown"


def test_wrong_figures_are_named_all_at_once(small_world: World, files: Files) -> None:
    case = a_case(small_world, files)
    seen = small_world.version(case.dossier)
    with pytest.raises(InvalidForm) as refused:
        fill_in_nominee(
            small_world.database,
            small_world.actor("suong"),
            case.nominee,
            seen_version=seen,
            name="   ",
            fields={"women": "năm", "helper": "x"},
            answers={
                "TT-C-4": Answer(numerator=8, denominator=7),
                "TT-C-1": Answer(document_on=date(204, 1, 1)),
                "TT-C-2": Answer(numerator=1),
                "GT-A-1": Answer(attested=True),
            },
        )
    assert sorted(problems(refused), key=str) == [
        ("count_unreadable", "women"),
        ("criterion_unknown", "answers.GT-A-1"),
        ("day_out_of_range", "answers.TT-C-1.document_on"),
        ("field_unknown", "helper"),
        ("name_missing", "name"),
        ("numerator_too_large", "answers.TT-C-4.numerator"),
        ("ratio_incomplete", "answers.TT-C-2.denominator"),
    ]
    assert small_world.version(case.dossier) == seen


def test_decomposed_text_is_composed_and_unreadable_text_refused(small_world: World, files: Files) -> None:
    case = a_case(small_world, files)
    name = unicodedata.normalize("NFD", "Trạm Y tế xã Vĩnh Điều")
    version = fill_in_nominee(
        small_world.database,
        small_world.actor("suong"),
        case.nominee,
        seen_version=small_world.version(case.dossier),
        name=name,
    )
    view = dossier_view(small_world.database, small_world.actor("suong"), case.dossier)
    assert view.nominees[0].name == unicodedata.normalize("NFC", name)
    for text in ("a\x00b", "\ud800", "\x1b[31m"):
        with pytest.raises(InvalidForm) as refused:
            fill_in(
                small_world.database,
                small_world.actor("suong"),
                case.dossier,
                seen_version=version,
                fields={"summary": text},
            )
        assert problems(refused) == [("text_unreadable", "summary")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "file_empty"),
        (b"MZ\x90\x00" + b"\x00" * 400, "file_type"),
        (b"<html><script>x</script>", "file_type"),
    ],
)
def test_a_file_that_is_no_paper_is_refused_and_leaves_no_row(
    small_world: World, files: Files, body: bytes, code: str
) -> None:
    case = a_case(small_world, files)
    before = rows_of(small_world)
    with pytest.raises(Invalid) as refused:
        give_paper(small_world, files, "suong", case.dossier, "evidence", body=body)
    assert (refused.value.code, refused.value.field) == (code, "file")
    assert rows_of(small_world) == before


def test_a_file_above_the_limit_leaves_neither_row_nor_object(small_world: World, files: Files) -> None:
    import io

    case = a_case(small_world, files)
    objects = len(list(files.keys()))
    with pytest.raises(Invalid) as refused:
        attach(
            small_world.database,
            files,
            small_world.actor("suong"),
            case.dossier,
            kind="evidence",
            name="to.pdf",
            stream=io.BytesIO(a_pdf() + b" " * 5000),
            size_limit=4000,
            dossier_limit=10**9,
        )
    assert refused.value.code == "file_too_big"
    assert len(list(files.keys())) == objects


NAMES = {
    "../../etc/passwd.pdf": "passwd.pdf",
    "C:\\Users\\a\\báo cáo.pdf": "báo cáo.pdf",
    unicodedata.normalize("NFD", "Biên bản Hội đồng.pdf"): "Biên bản Hội đồng.pdf",
    'a"b\r\nSet-Cookie: x.pdf': "a b Set-Cookie x.pdf",
    "\u202egpj.exe.pdf": "gpj.exe.pdf",
    "con.pdf": "tep con.pdf",
    "": "tep",
    "...": "tep",
    "📄 minh chứng.pdf": "📄 minh chứng.pdf",
}


@pytest.mark.parametrize("given", NAMES)
def test_a_name_is_kept_readable_and_harmless(small_world: World, files: Files, given: str) -> None:
    case = a_case(small_world, files)
    give_paper(small_world, files, "suong", case.dossier, "evidence", name=given)
    view = dossier_view(small_world.database, small_world.actor("suong"), case.dossier)
    newest = view.papers[-1].versions[0]
    assert newest.name == NAMES[given]
    opened = open_attachment(small_world.database, files, small_world.actor("suong"), newest.ref)
    assert b"".join(opened.chunks).startswith(b"%PDF")


def test_a_name_of_three_hundred_bytes_keeps_its_ending(small_world: World, files: Files) -> None:
    case = a_case(small_world, files)
    give_paper(small_world, files, "suong", case.dossier, "evidence", name="Quyết định " * 30 + ".pdf")
    name = (
        dossier_view(small_world.database, small_world.actor("suong"), case.dossier)
        .papers[-1]
        .versions[0]
        .name
    )
    assert name.endswith(".pdf")
    assert len(name.encode()) <= 240


def test_a_damaged_file_is_never_handed_out_as_good(small_world: World, files: Files) -> None:
    case = a_case(small_world, files)
    give_paper(small_world, files, "suong", case.dossier, "evidence", body=a_pdf("x" * 100_000))
    newest = (
        dossier_view(small_world.database, small_world.actor("suong"), case.dossier).papers[-1].versions[0]
    )
    with small_world.database.reading() as tx:
        key = tx.session.scalars(
            select(Blob.key)
            .join(AttachmentVersion, AttachmentVersion.blob_id == Blob.id)
            .where(AttachmentVersion.ref == newest.ref)
        ).one()
    files.remove(key)
    with pytest.raises(Conflict) as refused:
        open_attachment(small_world.database, files, small_world.actor("suong"), newest.ref)
    assert refused.value.code == "file_damaged"


def test_a_number_used_twice_and_a_day_before_the_approval_are_refused(
    small_world: World, files: Files
) -> None:
    a_dossier(small_world, files, "issued")
    second = a_dossier(small_world, files, "approved")
    paper = give_paper(small_world, files, "tuyet", second.dossier, "decision")
    minutes = give_paper(small_world, files, "tuyet", second.dossier, "meeting_minutes")
    fields = {"number": "3412", "issued_on": "04/11/2024", "decision_paper": paper}
    for change, code in (
        ({}, "decision_number_used"),
        ({"issued_on": "03/11/2024", "number": "3413"}, "issued_before_approval"),
        ({"number": "ba nghìn"}, "decision_number_unreadable"),
        ({"number": "3413", "decision_paper": minutes}, "paper_not_decision"),
    ):
        with pytest.raises((Invalid, Conflict)) as refused:
            small_world.act("tuyet", second.dossier, "issue", fields={**fields, **change})
        assert refused.value.code == code
    assert small_world.state(second.dossier) == "approved"
    small_world.act("tuyet", second.dossier, "issue", fields={**fields, "number": "3413"})


def test_a_household_without_a_quota_asks_for_the_rule(small_world: World, files: Files) -> None:
    from dossiers.award_round import QuotaPool

    case = a_dossier(small_world, files, "pending_decision")
    with small_world.database.writing() as tx:
        for pool in tx.session.scalars(select(QuotaPool).where(QuotaPool.nominee_kind == "collective")):
            pool.size = None
    with pytest.raises(Conflict) as refused:
        small_world.act("an", case.dossier, "approve")
    assert refused.value.code == "condition_quota_set"


def test_the_same_form_twice_opens_one_dossier(small_world: World) -> None:
    suong = small_world.actor("suong")
    keys = {
        open_dossier(small_world.database, suong, round_code="GT-2024", title="Một", idem_key="form-0001")
        for _ in range(2)
    }
    assert len(keys) == 1
    with small_world.database.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(Dossier)) == 1


def test_a_returned_nominee_opens_its_own_form_only(small_world: World, files: Files) -> None:
    case = a_dossier(small_world, files, "under_appraisal")
    suong = small_world.actor("suong")
    with pytest.raises(Conflict):
        fill_in_nominee(
            small_world.database,
            suong,
            case.nominee,
            seen_version=small_world.version(case.dossier),
            fields={},
        )
    small_world.act(
        "diem",
        case.dossier,
        "return_nominee",
        nominee_ref=case.nominee,
        reason="Thiếu số liệu.",
        reason_code="other",
    )
    version = fill_in_nominee(
        small_world.database,
        suong,
        case.nominee,
        seen_version=small_world.version(case.dossier),
        fields={"members": "8"},
    )
    with pytest.raises(Conflict):
        fill_in(small_world.database, suong, case.dossier, seen_version=version, fields={"summary": "x"})
    act(
        small_world.database,
        suong,
        case.dossier,
        "resubmit_nominee",
        seen_version=version,
        nominee_ref=case.nominee,
    )
    with pytest.raises(Forbidden):
        small_world.act("suong", case.dossier, "pass_nominee", nominee_ref=case.nominee)
    small_world.act("diem", case.dossier, "pass_nominee", nominee_ref=case.nominee)
