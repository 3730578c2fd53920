"""Two people have the same dossier open; one is quicker. The other is told what happened and loses nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Served
from tests.browser.steps import do, main, press, told
from tests.scenarios.test_sc01_happy_path import compose

REASON = "Ảnh chụp quyết định công nhận còn mờ, cần bản rõ hơn."
REMARK = "Chụp lại trang 2 của quyết định."


@pytest.fixture
def sent(served: Served) -> str:
    """The code of a dossier that waits for the intake."""
    world = served.office.world
    dossier, _, _ = compose(world, served.files)
    return world.at(2024, 11, 4).act("suong", dossier, "submit").code


def test_what_can_still_be_done_is_offered_again_with_everything_typed(served: Served, sent: str) -> None:
    served.office.world.at(2024, 11, 5)
    diem, khai = served.signed_in("diem"), served.signed_in("khai")
    do(diem, sent, "receive", "Tiếp nhận hồ sơ đủ")
    khai.goto(f"/dossiers/{sent}/act/return_dossier")
    do(diem, sent, "start_appraisal", "Bắt đầu thẩm định")

    typed = {"reason_code": "evidence_unclear", "reason": REASON}
    remark = {"remark.0.code": "evidence_unclear", "remark.0.body": REMARK}
    press(khai, "Trả lại để sửa", **typed, **remark)
    happened = khai.get_by_role("alert")
    for words in ("Hồ sơ đã thay đổi lúc", "Bắt đầu thẩm định (Thạch Ngọc Diễm)", "Chưa có gì được ghi"):
        expect(happened).to_contain_text(words)
    for name, value in (typed | remark).items():
        expect(khai.locator(f'[name="{name}"]')).to_have_value(value)
    served.look(khai, "70-conflict-offered-again")

    press(khai, "Trả lại để sửa")
    expect(told(khai)).to_contain_text("Đã ghi: Trả lại để sửa")


def test_what_is_over_gives_back_every_word(served: Served, sent: str) -> None:
    served.office.world.at(2024, 11, 5)
    diem, other = served.signed_in("diem"), served.signed_in("diem")
    other.goto(f"/dossiers/{sent}/act/request_supplement")
    do(diem, sent, "receive", "Tiếp nhận hồ sơ đủ")

    press(other, "Yêu cầu bổ sung", due_on="12/11/2024", missing_papers="Biên bản họp", reason=REASON)
    expect(other.get_by_role("heading", name="Chưa có gì được ghi")).to_be_visible()
    expect(main(other)).to_contain_text("Tiếp nhận hồ sơ đủ")
    kept = other.get_by_label("Lời bạn đã viết").input_value()
    for words in ("12/11/2024", "Biên bản họp", REASON):
        assert words in kept
    served.look(other, "71-conflict-over")
    other.get_by_role("link", name="Xem hồ sơ bây giờ").click()
    expect(main(other)).to_contain_text("Bắt đầu thẩm định")


def test_a_form_that_was_sent_by_somebody_else_gives_back_every_word(served: Served) -> None:
    world = served.office.world
    dossier, _, _ = compose(world, served.files)
    world.at(2024, 11, 4)
    page = served.signed_in("suong")
    page.get_by_role("link", name="Làm tiếp").click()
    page.get_by_role("link", name="Trạm Y tế xã Vĩnh Phú").first.click()
    page.locator('[name="answers.TT-C-1.note"]').fill(REMARK)
    page.locator('[name="answers.TT-C-4.numerator"]').fill("6")
    code = world.act("thinh", dossier, "submit").code
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Hồ sơ đã gửi nên không sửa được")
    expect(main(page)).to_contain_text("Lâm Quốc Thịnh")
    kept = page.get_by_label("Lời bạn đã viết").input_value()
    for words in (f"TT-C-1: {REMARK}", "TT-C-4: 6"):
        assert words in kept
    served.look(page, "72-conflict-writing")
    page.get_by_role("link", name="Xem hồ sơ bây giờ").click()
    page.wait_for_url(f"**/dossiers/{code}")


def test_a_link_to_what_is_over_says_so_and_leads_on(served: Served, sent: str) -> None:
    served.office.world.at(2024, 11, 5)
    diem, other = served.signed_in("diem"), served.signed_in("diem")
    other.goto(f"/dossiers/{sent}")
    do(diem, sent, "receive", "Tiếp nhận hồ sơ đủ")
    other.get_by_role("link", name="Tiếp nhận hồ sơ đủ").click()
    expect(other.get_by_role("alert")).to_contain_text("Việc này không có ở bước hiện nay của hồ sơ.")
    expect(main(other)).to_contain_text("Thạch Ngọc Diễm")
    served.look(other, "73-link-over")
