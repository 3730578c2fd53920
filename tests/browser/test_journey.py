"""SC-01 by browser: five people carry a dossier from a draft to a numbered decision, with one return on the
way; then the auditor reads its whole history.

On SQLite the people come in by the demo's one click, as a newcomer does; on PostgreSQL with an S3 store by
their passwords.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.files import files_from_url
from tests.browser.conftest import Served
from tests.browser.steps import do, main, told, upload
from tests.web.office import make_office

ACHIEVEMENT = "Trong kỳ, trạm đã tổ chức 38 buổi đọc và chia sẻ, mở bốn lớp ngắn hạn cho 96 người."
NAMES = {
    "suong": "Danh Thị Mai Sương",
    "diem": "Thạch Ngọc Diễm",
    "khai": "Huỳnh Văn Khải",
    "tuyet": "Phan Thị Ánh Tuyết",
    "an": "Trịnh Hoài An",
    "phong": "Tạ Đình Phong",
}
HISTORY = [
    "Gửi hồ sơ",
    "Tiếp nhận hồ sơ đủ",
    "Bắt đầu thẩm định",
    "Trả lại để sửa",
    "Gửi lại hồ sơ",
    "Tiếp nhận hồ sơ đủ",
    "Bắt đầu thẩm định",
    "Kết luận đủ điều kiện",
    "Đưa vào họp xét",
    "Ghi kết quả họp xét",
    "Trình quyết định",
    "Ký duyệt",
    "Ghi số và ban hành",
]


def compose(page: Page, folder: Path, look: Callable[[Page, str], None] = lambda page, name: None) -> str:
    """Let the health centre's officer compose a dossier with one collective; return its code."""
    look(page, "01-unit-home")
    page.get_by_role("link", name="Lập hồ sơ mới").first.click()
    page.get_by_label("Tên hồ sơ").fill("Đề nghị tặng Giấy khen, thành tích năm 2024")
    page.get_by_role("button", name="Lập hồ sơ").click()
    code = page.url.rsplit("/", 1)[1]
    page.get_by_role("link", name="Tờ trình, biên bản, tóm tắt đề nghị").click()
    page.get_by_label("Số tờ trình").fill("1612/TTr-TTYT")
    page.get_by_label("Ngày tờ trình").fill("4/11/2024")
    page.get_by_role("button", name="Lưu thông tin chung").click()
    expect(told(page)).to_contain_text("Đã lưu thông tin chung")
    page.get_by_role("link", name="Thêm", exact=True).click()
    page.locator('input[name="class_code"][value="health_unit"]').check()
    page.get_by_label("Tên đầy đủ").fill("Trạm Y tế xã Vĩnh Phú")
    page.locator('[name="award_form"]').select_option("certificate_of_merit_district")
    page.get_by_role("button", name="Thêm vào hồ sơ").click()
    for code_of in ("TT-COL-00", "TT-C-1", "TT-C-2", "TT-C-3"):
        page.locator(f'input[name="answers.{code_of}.attested"][value="yes"]').check()
        page.locator(f'[name="answers.{code_of}.note"]').fill("Đã thực hiện, xem báo cáo.")
    page.locator('[name="answers.TT-C-4.numerator"]').fill("7")
    page.locator('[name="answers.TT-C-4.denominator"]').fill("7")
    page.locator('[name="fields.achievement"]').fill(ACHIEVEMENT)
    page.get_by_role("button", name="Lưu", exact=True).click()
    for kind in ("submission_paper", "minutes", "achievement_report", "evidence"):
        upload(page, code, folder, kind, f"{kind}.pdf")
    return code


@pytest.fixture(params=["newcomer-on-sqlite", "postgresql-and-s3"])
def office(request: pytest.FixtureRequest, serve: Callable[..., Served]) -> Served:
    """Giang Thành as it is tried out, and as it is run for real."""
    if request.param == "newcomer-on-sqlite":
        return serve(demo=True)
    url = request.getfixturevalue("migrated_postgres_url")
    make_office(url)
    return serve(url=url, files=files_from_url(request.getfixturevalue("s3_url")))


def test_a_dossier_travels_with_one_return_on_the_way(office: Served, tmp_path: Path) -> None:
    clock = office.office.world
    look = office.look

    def come_in(login: str) -> Page:
        return (
            office.as_person(NAMES[login])
            if office.office.database.dialect == "sqlite"
            else office.signed_in(login)
        )

    clock.at(2024, 11, 4)
    door = office.page()
    door.goto("/login")
    look(door, "00-door")
    unit = come_in("suong")
    code = compose(unit, tmp_path, look)
    do(unit, code, "submit", "Gửi hồ sơ")

    clock.at(2024, 11, 5)
    diem = come_in("diem")
    expect(main(diem)).to_contain_text(code)
    do(diem, code, "receive", "Tiếp nhận hồ sơ đủ")
    do(diem, code, "start_appraisal", "Bắt đầu thẩm định")
    khai = come_in("khai")
    do(
        khai,
        code,
        "return_dossier",
        "Trả lại để sửa",
        reason_code="evidence_unclear",
        reason="Minh chứng còn mờ, cần bản rõ hơn.",
        **{"remark.0.code": "evidence_unclear", "remark.0.body": "Chụp lại quyết định công nhận."},
    )

    clock.at(2024, 11, 6)
    unit = come_in("suong")
    unit.goto(f"/dossiers/{code}")
    expect(main(unit)).to_contain_text("Chụp lại quyết định công nhận.")
    do(unit, code, "resubmit", "Gửi lại hồ sơ")

    clock.at(2024, 11, 7)
    diem = come_in("diem")
    do(diem, code, "receive", "Tiếp nhận hồ sơ đủ")
    do(diem, code, "start_appraisal", "Bắt đầu thẩm định")
    diem.goto(f"/dossiers/{code}")
    diem.get_by_role("link", name="Trạm Y tế xã Vĩnh Phú").click()
    diem.get_by_role("link", name="Kết luận đủ điều kiện").click()
    main(diem).get_by_role("button", name="Kết luận đủ điều kiện").click()
    expect(told(diem)).to_contain_text("Đã ghi")
    do(diem, code, "finish_appraisal", "Đưa vào họp xét")

    clock.at(2024, 11, 18)
    khai = come_in("khai")
    do(
        khai,
        code,
        "record_review_meeting",
        "Ghi kết quả họp xét",
        met_on="18/11/2024",
        minutes_number="12/BB-PGDĐT",
        participants="Phòng Nội vụ, Hội Khuyến học",
        result="Thống nhất đề nghị khen thưởng.",
    )

    clock.at(2024, 11, 21)
    tuyet = come_in("tuyet")
    do(tuyet, code, "submit_for_decision", "Trình quyết định", submission_number="84/TTr-PNV",
    submitted_on="21/11/2024")  # fmt: skip

    clock.at(2024, 11, 25)
    chair = come_in("an")
    chair.get_by_role("link", name="Làm hồ sơ gấp nhất").click()
    expect(chair.get_by_role("heading", name="Quyết định của bạn")).to_be_visible()
    chair.get_by_role("link", name="Ký duyệt").click()
    main(chair).get_by_role("button", name="Ký duyệt").click()
    expect(told(chair)).to_contain_text("Đã ghi: Ký duyệt")

    tuyet = come_in("tuyet")
    upload(tuyet, code, tmp_path, "decision", "3412-QD-UBND.pdf")
    tuyet.goto(f"/dossiers/{code}/act/issue")
    tuyet.locator('[name="field.number"]').fill("3412/QĐ-UBND")
    tuyet.locator('[name="field.issued_on"]').fill("25/11/2024")
    paper = tuyet.locator('select[name="field.decision_paper"]')
    paper.select_option(index=paper.locator("option").count() - 1)
    main(tuyet).get_by_role("button", name="Ghi số và ban hành").click()
    expect(told(tuyet)).to_contain_text("Đã ghi: Ghi số và ban hành")

    auditor = come_in("phong")
    look(auditor, "24-auditor-search")
    auditor.get_by_role("link", name=code).click()
    expect(main(auditor)).to_contain_text("Chuỗi ghi khớp")
    look(auditor, "25-history")
    deeds = auditor.locator(".vd-time > li h3").all_text_contents()
    assert [deed for deed in deeds if deed in HISTORY] == HISTORY
    returned = auditor.locator(".vd-time > li", has_text="Trả lại để sửa").first
    expect(returned).to_contain_text("Huỳnh Văn Khải")
    expect(returned).to_contain_text("Phòng Giáo dục và Đào tạo")
    expect(returned).to_contain_text("Minh chứng còn mờ, cần bản rõ hơn.")
    auditor.goto(f"/dossiers/{code}")
    expect(main(auditor)).to_contain_text("3412/QĐ-UBND")
    look(auditor, "26-issued")
