"""SC-03 by browser: a ratio fails, the dossier is returned with a remark, mended and sent again; the new
evidence is dated too late, and a third submission needs an unlocking.
"""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Served
from tests.browser.steps import do, main, press, told
from tests.builders import a_draft, give_paper
from tests.scenarios.test_sc03_return_and_resubmission import ANSWERS

NOMINEE = "Xã Phú Lợi"
SEVEN = '[id^="c-"]:has(.vd-code:text-is("GT-C-7"))'


def test_a_failing_ratio_is_mended_and_the_third_submission_waits_for_an_unlocking(served: Served) -> None:
    world, look = served.office.world, served.look
    world.at(2024, 11, 12)
    dossier, nominee = a_draft(world, who="tuyen", class_code="commune", name=NOMINEE, answers=ANSWERS)
    for kind in ("submission_paper", "minutes", "achievement_report"):
        give_paper(world, served.files, "tuyen", dossier, kind, name=f"{kind}.pdf")
    give_paper(world, served.files, "tuyen", dossier, "evidence", nominees=(nominee,))

    world.at(2024, 11, 15, 16, 59)
    unit = served.signed_in("tuyen")
    main(unit).get_by_role("link", name="Làm tiếp").click()
    code = unit.url.rsplit("/", 1)[1]
    look(unit, "50-unit-tasks")
    main(unit).get_by_role("link", name=NOMINEE).first.click()
    for words in ("58,71%", "Cần thêm ít nhất 23"):  # how far from the threshold, before it is sent
        expect(unit.locator(SEVEN)).to_contain_text(words)
    look(unit, "51-unit-nominee")
    do(unit, code, "submit", "Gửi hồ sơ")

    world.at(2024, 11, 18)
    diem = served.signed_in("diem")
    do(diem, code, "receive", "Tiếp nhận hồ sơ đủ")
    main(diem).get_by_role("link", name=NOMINEE).click()
    expect(diem.locator(SEVEN)).to_contain_text("58,71%")
    expect(diem.locator(SEVEN)).to_contain_text("Chưa đạt")
    expect(diem.locator(SEVEN)).to_contain_text("Cần thêm ít nhất 23")
    look(diem, "52-appraiser-nominee")
    do(diem, code, "start_appraisal", "Bắt đầu thẩm định")
    main(diem).get_by_role("link", name=NOMINEE).click()
    main(diem).get_by_role("link", name="Kết luận đủ điều kiện").click()
    press(diem, "Kết luận đủ điều kiện")
    expect(diem.get_by_role("alert")).to_contain_text("GT-C-7")
    look(diem, "53-appraiser-cannot-pass")

    world.at(2024, 11, 22)
    khai = served.signed_in("khai")
    khai.goto(f"/dossiers/{code}/act/return_dossier")
    look(khai, "54-return")
    khai.get_by_label("Lý do", exact=True).select_option(label="Chưa đạt tiêu chuẩn")
    khai.get_by_label("Nêu rõ lý do").fill("Hồ sơ ghi 1.041/1.773 gia đình, bằng 58,71%.")
    khai.get_by_label("Ở đâu").first.select_option(label=f"{NOMINEE}: GT-C-7")
    khai.get_by_label("Vì sao").first.select_option(label="Chưa đạt tiêu chuẩn")
    khai.get_by_label("Cần sửa gì").first.fill("Cần đạt từ 60% trở lên.")
    press(khai, "Trả lại để sửa")
    expect(told(khai)).to_contain_text("Đã ghi: Trả lại để sửa")
    look(khai, "55-returned-seen-by-office")

    world.at(2024, 11, 26)
    unit = served.signed_in("tuyen")
    main(unit).get_by_role("link", name="Xem và trả lời").first.click()
    expect(main(unit)).to_contain_text(f"{NOMINEE}, GT-C-7")
    expect(main(unit)).to_contain_text("Cần đạt từ 60% trở lên.")
    look(unit, "56-unit-returned")
    main(unit).get_by_role("link", name=NOMINEE).first.click()
    seven = unit.locator(SEVEN)
    seven.get_by_label("Số đạt").fill("1.069")
    expect(seven.locator("output")).to_have_text("= 60,29%")  # while it is typed
    seven.get_by_label("Số, ký hiệu văn bản công nhận").fill("96/QĐ-UBND")
    seven.get_by_label("Ngày văn bản").fill("25/11/2024")
    seven.get_by_label("Nơi ban hành").fill("UBND xã Phú Lợi")
    unit.get_by_role("button", name="Lưu và kiểm tra lại").click()
    expect(told(unit)).to_contain_text(f"Đã lưu {NOMINEE}")
    expect(seven).to_contain_text("60,29%")
    look(unit, "57-unit-mended")

    # While the unit mends, the appraiser still sees what was sent.
    khai = served.signed_in("khai")
    khai.goto(f"/dossiers/{code}/nominees/{nominee}")
    expect(khai.locator(SEVEN)).to_contain_text("58,71%")

    do(unit, code, "resubmit", "Gửi lại hồ sơ")
    expect(main(unit)).to_contain_text("Lần gửi 2")
    diem = served.signed_in("diem")
    diem.goto(f"/dossiers/{code}/nominees/{nominee}")
    expect(diem.locator(SEVEN)).to_contain_text("60,29%")
    expect(diem.locator(SEVEN)).to_contain_text("sau khi hết thời gian tính thành tích")
    look(diem, "58-appraiser-flag")
    for n, said in ((1, "1.041"), (2, "1.069")):
        diem.goto(f"/dossiers/{code}/versions/{n}")
        main(diem).get_by_text("Nội dung đã gửi").click()
        expect(main(diem).get_by_text(f"{said} / 1.773")).to_be_visible()
    look(diem, "59-version-2")
    do(
        diem,
        code,
        "return_dossier",
        "Trả lại để sửa",
        reason_code="evidence_outside_period",
        reason="Minh chứng ngoài kỳ.",
    )

    unit.goto(f"/dossiers/{code}/act/resubmit")
    look(unit, "60-unit-third")
    press(unit, "Gửi lại hồ sơ")
    refused = unit.get_by_role("alert")
    expect(refused).to_contain_text("Hồ sơ đã gửi đủ số lần cho phép.")
    look(unit, "61-unit-third-refused")
    do(
        khai,
        code,
        "unlock_resubmission",
        "Cho gửi lại thêm một lần",
        reason="Cho gửi thêm một lần để xã bổ sung.",
    )
    look(khai, "62-unlocked")
    do(unit, code, "resubmit", "Gửi lại hồ sơ")
    expect(main(unit)).to_contain_text("Lần gửi 3")
