"""SC-01 by browser: five people carry a dossier from a draft to a numbered decision, with one return on the
way.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Served
from tests.builders import a_pdf

ACHIEVEMENT = "Trong kỳ, trạm đã tổ chức 38 buổi đọc và chia sẻ, mở bốn lớp ngắn hạn cho 96 người."


def upload(page: Page, code: str, folder: Path, kind: str, name: str) -> None:
    """Add one paper by the plain form."""
    path = folder / name
    path.write_bytes(a_pdf(name))
    page.goto(f"/dossiers/{code}/papers")
    page.get_by_label("Loại giấy tờ").select_option(kind)
    page.get_by_label("Tệp", exact=True).set_input_files(path)
    page.get_by_role("button", name="Đưa tệp lên").click()
    expect(page.locator(".vd-told")).to_contain_text("Đã nhận tệp")


def do(page: Page, code: str, action: str, label: str, **fields: str) -> None:
    """Perform an action by its page; keywords fill the fields of that name."""
    page.goto(f"/dossiers/{code}/act/{action}")
    for name, value in fields.items():
        box = page.locator(f'[name="{name}"], [name="field.{name}"]').first
        if box.evaluate("element => element.tagName") == "SELECT":
            box.select_option(value)
        else:
            box.fill(value)
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()
    expect(page.locator(".vd-told")).to_contain_text(f"Đã ghi: {label}")


def compose(served: Served, folder: Path) -> str:
    """Let the health centre's officer compose a dossier with one collective; return its code."""
    page = served.signed_in("suong")
    page.get_by_role("link", name="Lập hồ sơ mới").first.click()
    page.get_by_label("Tên hồ sơ").fill("Đề nghị tặng Giấy khen, thành tích năm 2024")
    page.get_by_role("button", name="Lập hồ sơ").click()
    code = page.url.rsplit("/", 1)[1]
    page.get_by_role("link", name="Tờ trình, biên bản, tóm tắt đề nghị").click()
    page.get_by_label("Số tờ trình").fill("1612/TTr-TTYT")
    page.get_by_label("Ngày tờ trình").fill("4/11/2024")
    page.get_by_role("button", name="Lưu thông tin chung").click()
    expect(page.locator(".vd-told")).to_contain_text("Đã lưu thông tin chung")
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


def test_a_dossier_travels_with_one_return_on_the_way(served: Served, tmp_path: Path) -> None:
    clock = served.office.world
    clock.at(2024, 11, 4)
    code = compose(served, tmp_path)
    unit = served.signed_in("suong")
    do(unit, code, "submit", "Gửi hồ sơ")

    clock.at(2024, 11, 5)
    diem = served.signed_in("diem")
    expect(diem.get_by_role("main")).to_contain_text(code)
    do(diem, code, "receive", "Tiếp nhận hồ sơ đủ")
    do(diem, code, "start_appraisal", "Bắt đầu thẩm định")
    khai = served.signed_in("khai")
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
    unit = served.signed_in("suong")
    unit.goto(f"/dossiers/{code}")
    expect(unit.get_by_role("main")).to_contain_text("Chụp lại quyết định công nhận.")
    do(unit, code, "resubmit", "Gửi lại hồ sơ")

    clock.at(2024, 11, 7)
    diem = served.signed_in("diem")
    do(diem, code, "receive", "Tiếp nhận hồ sơ đủ")
    do(diem, code, "start_appraisal", "Bắt đầu thẩm định")
    diem.goto(f"/dossiers/{code}")
    diem.get_by_role("link", name="Trạm Y tế xã Vĩnh Phú").click()
    diem.get_by_role("link", name="Kết luận đủ điều kiện").click()
    diem.get_by_role("main").get_by_role("button", name="Kết luận đủ điều kiện").click()
    expect(diem.locator(".vd-told")).to_contain_text("Đã ghi")
    do(diem, code, "finish_appraisal", "Đưa vào họp xét")

    clock.at(2024, 11, 18)
    khai = served.signed_in("khai")
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
    tuyet = served.signed_in("tuyet")
    do(tuyet, code, "submit_for_decision", "Trình quyết định", submission_number="84/TTr-PNV",
    submitted_on="21/11/2024")  # fmt: skip

    clock.at(2024, 11, 25)
    chair = served.signed_in("an")
    chair.get_by_role("link", name="Làm hồ sơ gấp nhất").click()
    expect(chair.get_by_role("heading", name="Quyết định của bạn")).to_be_visible()
    chair.get_by_role("link", name="Ký duyệt").click()
    chair.get_by_role("main").get_by_role("button", name="Ký duyệt").click()
    expect(chair.locator(".vd-told")).to_contain_text("Đã ghi: Ký duyệt")

    tuyet = served.signed_in("tuyet")
    upload(tuyet, code, tmp_path, "decision", "3412-QD-UBND.pdf")
    tuyet.goto(f"/dossiers/{code}/act/issue")
    tuyet.locator('[name="field.number"]').fill("3412/QĐ-UBND")
    tuyet.locator('[name="field.issued_on"]').fill("25/11/2024")
    paper = tuyet.locator('select[name="field.decision_paper"]')
    paper.select_option(index=paper.locator("option").count() - 1)
    tuyet.get_by_role("main").get_by_role("button", name="Ghi số và ban hành").click()
    expect(tuyet.locator(".vd-told")).to_contain_text("Đã ghi: Ghi số và ban hành")

    auditor = served.signed_in("phong")
    auditor.get_by_role("link", name=code).click()
    expect(auditor.get_by_role("main")).to_contain_text("Chuỗi ghi khớp")
    expect(auditor.get_by_role("main")).to_contain_text("Ghi số và ban hành")
