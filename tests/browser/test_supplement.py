"""SC-02 by browser: a school's dossier comes in incomplete, the commune asks for what is missing, the school
sends it in time; and the branch where nothing arrives and the clock returns the dossier.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dossiers.criteria import Answer
from tests.browser.conftest import Served
from tests.browser.steps import do, main, press, told, upload
from tests.builders import ATTESTED, a_draft, award_form_code, give_paper
from workflow.worker import Worker, put_schedules

TRI = "Nguyễn Hữu Trí"


@pytest.fixture
def commune(serve: Callable[..., Served], browser_commune: Path) -> Served:
    """Tân Giang on the Monday the school sends its dossier."""
    served = serve(browser_commune)
    served.office.world.at(2025, 11, 10)
    put_schedules(served.office.database)
    return served


@pytest.fixture
def worker(commune: Served) -> Worker:
    """The worker, run by hand."""
    return Worker(commune.office.database, commune.files, None)


@pytest.fixture
def code(commune: Served) -> str:
    """Thầy Nguyễn Hữu Trí's dossier as sent by the headmaster: no minutes, no citizen's decision."""
    world = commune.office.world
    dossier, nominee = a_draft(
        world,
        who="tri_school",
        round_code="TG-2025",
        class_code="individual_staff",
        name=TRI,
        form=award_form_code("commune"),
        fields={"honorific": "ong", "workplace": "Trường THCS Tân Giang"},
        answers={
            "GT-I-0": ATTESTED,
            "GT-IA-1": ATTESTED,
            "GT-IA-2": Answer(
                document_no="37/QĐ-UBND",
                document_on=date(2025, 9, 12),
                document_issuer="UBND xã Tân Giang",
                note="Góc học liệu mở",
            ),
            "GT-IA-3": Answer(note="Đang chờ quyết định công nhận."),
        },
    )
    for kind in ("submission_paper", "achievement_report"):
        give_paper(world, commune.files, "tri_school", dossier, kind, name=f"{kind}.pdf")
    give_paper(
        world,
        commune.files,
        "tri_school",
        dossier,
        "initiative_certificate",
        nominees=(nominee,),
        criterion="GT-IA-2",
    )
    head = commune.signed_in("head_school")
    main(head).get_by_role("link", name="TG-2025-").first.click()
    found = head.url.rsplit("/", 1)[1]
    commune.look(head, "30-school-before-sending")
    main(head).get_by_role("link", name="Kiểm tra lại: Gửi hồ sơ").click()
    expect(main(head)).to_contain_text("Còn thiếu 2 giấy tờ")  # it may be sent, and is not called complete
    commune.look(head, "31-school-check-and-send")
    press(head, "Gửi hồ sơ")
    expect(told(head)).to_contain_text("Đã ghi: Gửi hồ sơ")
    return found


def ask_for_supplement(commune: Served, code: str) -> Page:
    """Let the commune's intake find what is missing and ask for it, on 12/11/2025."""
    commune.office.world.at(2025, 11, 12)
    linh = commune.signed_in("linh")
    linh.get_by_role("link", name="Làm hồ sơ gấp nhất").click()
    linh.get_by_role("link", name="Giấy tờ").first.click()
    missing = main(linh).get_by_role("region", name="Còn thiếu")
    expect(missing).to_contain_text("Biên bản xét khen thưởng")
    expect(missing).to_contain_text("GT-IA-3")
    commune.look(linh, "32-intake-papers")
    linh.goto(f"/dossiers/{code}/act/receive")
    commune.look(linh, "33-intake-blocked")
    press(linh, "Tiếp nhận hồ sơ đủ")
    expect(linh.get_by_role("alert")).to_contain_text("Hồ sơ còn thiếu 2 giấy tờ")
    expect(main(linh)).to_contain_text("Biên bản xét khen thưởng")
    commune.look(linh, "34-intake-refused")
    do(
        linh,
        code,
        "request_supplement",
        "Yêu cầu bổ sung",
        due_on="19/11/2025",
        missing_papers="Biên bản họp Hội đồng trường; Công dân học tập",
        reason="Hồ sơ còn thiếu giấy tờ theo danh mục.",
    )
    commune.look(linh, "35-intake-asked")
    return linh


def test_the_school_sees_what_is_missing_and_sends_it_in_time(
    commune: Served, worker: Worker, code: str, tmp_path: Path
) -> None:
    world = commune.office.world
    ask_for_supplement(commune, code)
    worker.work_until_idle()
    world.at(2025, 11, 18, 8)
    worker.work_until_idle()

    school = commune.signed_in("tri_school")
    commune.look(school, "36-school-home")
    expect(main(school)).to_contain_text("Cần bạn bổ sung")
    main(school).get_by_role("link", name="Xem và trả lời").first.click()
    for words in ("Hồ sơ còn thiếu giấy tờ theo danh mục.", "Biên bản họp Hội đồng trường", "19/11/2025"):
        expect(main(school)).to_contain_text(words)
    expect(main(school)).to_contain_text("Biên bản xét khen thưởng")
    commune.look(school, "37-school-supplement")
    school.goto(f"/dossiers/{code}/deeds")
    expect(main(school)).to_contain_text("Nhắc hạn")
    commune.look(school, "38-school-deeds")

    upload(school, code, tmp_path, "minutes", "bien-ban-hoi-dong-truong.pdf")
    upload(school, code, tmp_path, "evidence", "cong-dan-hoc-tap.pdf", nominee=TRI, criterion="GT-IA-3")
    upload(school, code, tmp_path, "achievement_report", "bao-cao-co-xac-nhan.pdf")
    expect(main(school).get_by_role("region", name="Còn thiếu")).to_have_count(0)
    commune.look(school, "39-school-papers")
    head = commune.signed_in("head_school")
    do(head, code, "answer_supplement", "Gửi phần bổ sung")
    commune.look(head, "40-school-answered")

    # The round closed on 14/11: a supplement inside the allowed time is no late submission.
    world.at(2025, 11, 19)
    linh = commune.signed_in("linh")
    do(linh, code, "receive", "Tiếp nhận hồ sơ đủ")
    expect(main(linh)).to_contain_text("17/12/2025")
    expect(main(linh)).to_contain_text("hồ sơ đủ ngày 19/11/2025")
    expect(main(linh)).not_to_contain_text("Nộp muộn")
    commune.look(linh, "41-intake-received")
    for n, has_minutes in ((1, 0), (2, 1)):
        linh.goto(f"/dossiers/{code}/deeds")
        main(linh).get_by_role("link", name=f"Bản {n}: bản gửi").click()
        expect(linh.get_by_role("heading", name=f"bản {n}")).to_be_visible()
        expect(main(linh)).to_contain_text(TRI)
        main(linh).get_by_text("Nội dung đã gửi").click()
        expect(main(linh).get_by_text("Góc học liệu mở")).to_be_visible()
        expect(main(linh).get_by_role("link", name="bien-ban-hoi-dong-truong.pdf")).to_have_count(has_minutes)
        commune.look(linh, f"42-version-{n}")
    with linh.expect_download() as coming:
        main(linh).get_by_role("link", name="bien-ban-hoi-dong-truong.pdf").click()
    assert coming.value.suggested_filename == "bien-ban-hoi-dong-truong.pdf"


def test_when_nothing_arrives_the_clock_returns_the_dossier(
    commune: Served, worker: Worker, code: str
) -> None:
    world = commune.office.world
    ask_for_supplement(commune, code)
    worker.work_until_idle()
    world.at(2025, 11, 18, 8)
    worker.work_until_idle()
    world.at(2025, 11, 19, 23, 59, 59)
    worker.work_until_idle()
    school = commune.signed_in("tri_school")
    expect(main(school)).to_contain_text("Cần bạn bổ sung")  # the last good day is whole
    commune.look(school, "43-school-last-day")

    world.at(2025, 11, 20, 0, 10)
    worker.work_until_idle()
    school.goto(f"/dossiers/{code}")
    expect(main(school)).to_contain_text("Cần bạn sửa")
    expect(main(school).get_by_role("link", name="Kiểm tra lại: Gửi lại hồ sơ")).to_be_visible()
    commune.look(school, "44-school-returned")
    school.goto(f"/dossiers/{code}/deeds")
    newest = school.locator(".vd-time > li").first
    expect(newest).to_contain_text("Trả lại vì quá hạn bổ sung")
    expect(newest).to_contain_text("Hệ thống, theo thời hạn")
    expect(newest).to_contain_text("Quá hạn bổ sung")
    expect(main(school)).to_contain_text("Nhắc hạn")
    commune.look(school, "45-school-returned-deeds")
