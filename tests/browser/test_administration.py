"""The administration as it is seen: what the system gave up, and two administrators at one person."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Served
from tests.builders import a_job_given_up, person_of


def test_what_the_system_gave_up_is_found_from_the_first_page_and_tried_again(served: Served) -> None:
    world = served.office.world
    page = served.signed_in("khoi")
    expect(page.get_by_role("link", name="Xem và cho làm lại")).to_have_count(0)
    page.goto("/admin/jobs")
    expect(page.get_by_role("heading", name="Không có việc nào bị dừng")).to_be_visible()
    served.look(page, "jobs-none")
    a_job_given_up(world, "sweep/1", kind="sweep_files", error="StoreUnavailable: s3://kho: hết chỗ")
    page.goto("/admin/units")
    served.look(page, "units-with-jobs")
    page.get_by_role("link", name="Xem và cho làm lại").click()
    served.look(page, "jobs-one")
    page.get_by_role("button", name="Làm lại").click()
    expect(page.get_by_text("Hệ thống đang làm lại việc này.")).to_be_visible()
    served.look(page, "jobs-again")
    a_job_given_up(world, *(f"notify/{n}" for n in range(60)))
    a_job_given_up(world, "watch/1", kind="watch_clocks", error="ClocksFailed: 2")
    page.goto("/admin/jobs")
    expect(page.get_by_role("button", name="Làm lại")).to_have_count(50)
    served.look(page, "jobs-many")


def test_of_two_administrators_at_one_person_the_later_loses_nothing_typed(served: Served) -> None:
    address = f"/admin/people/{person_of(served.office.world, 'diem').ref}"
    mine, theirs = served.signed_in("khoi"), served.signed_in("khoi")
    mine.goto(address)
    mine.get_by_role("combobox", name="Đơn vị").select_option(label="Trung tâm Y tế Giang Thành")
    mine.get_by_role("combobox", name="Chức năng").select_option(label="Người lập hồ sơ")
    mine.get_by_label("Chức vụ").fill("Viên chức văn phòng")
    mine.get_by_role("textbox", name="Từ ngày", exact=True).fill("1/12/2024")
    theirs.goto(address)
    theirs.get_by_role("button", name="Kết thúc").first.click()
    expect(theirs.get_by_text("Đã ghi ngày kết thúc.")).to_be_visible()
    mine.get_by_role("button", name="Giao chức năng").click()
    expect(mine.get_by_text("Kết thúc một chức năng (Lý Minh Khôi)")).to_be_visible()
    served.look(mine, "person-late")
    expect(mine.get_by_label("Chức vụ")).to_have_value("Viên chức văn phòng")
    mine.get_by_role("button", name="Giao chức năng").click()
    expect(mine.get_by_text("Đã giao chức năng.")).to_be_visible()
    mine.get_by_role("textbox", name="Kết thúc từ ngày").last.fill("31/2")
    mine.get_by_role("button", name="Kết thúc").last.click()
    expect(mine.get_by_role("alert").first).to_be_visible()
    served.look(mine, "person-wrong-day")
    mine.get_by_role("button", name="Tạo đường dẫn đặt lại mật khẩu").click()
    expect(mine.get_by_text("Hãy chép đường dẫn này")).to_be_visible()
    mine.reload()
    expect(mine.get_by_text("Đường dẫn chỉ hiện một lần")).to_be_visible()
    served.look(mine, "person-link-again")


def test_an_old_tab_and_a_day_without_the_unit_are_told_in_place(served: Served) -> None:
    world = served.office.world
    a_job_given_up(world, "sweep/1", kind="sweep_files", error="StoreUnavailable: s3://kho: hết chỗ")
    mine, theirs = served.signed_in("khoi"), served.signed_in("khoi")
    mine.goto("/admin/jobs")
    key = mine.locator('input[name="key"]').first.input_value()
    mine.get_by_role("button", name="Làm lại").click()
    expect(mine.get_by_text("Hệ thống đang làm lại việc này.")).to_be_visible()
    a_job_given_up(world, "sweep/1", kind="sweep_files", error="StoreUnavailable: s3://kho: hết chỗ")
    theirs.goto("/admin/jobs")
    theirs.locator('input[name="key"]').first.evaluate("(field, key) => { field.value = key }", key)
    theirs.get_by_role("button", name="Làm lại").click()
    expect(theirs.get_by_text("rồi lại dừng")).to_be_visible()
    served.look(theirs, "jobs-old-tab")
    theirs.get_by_role("button", name="Làm lại").click()
    expect(theirs.get_by_text("Hệ thống đang làm lại việc này.")).to_be_visible()

    mine.goto(f"/admin/units/{served.office.unit_refs['ubnd-huyen-giang-thanh']}")
    mine.get_by_role("combobox", name="Chức năng").select_option(index=1)
    mine.get_by_role("combobox", name="Giao cho đơn vị").select_option(label="Trung tâm Y tế Giang Thành")
    mine.locator('[name="function_from_on"]').fill("1/1/1901")
    mine.get_by_role("button", name="Giao chức năng").click()
    expect(mine.get_by_text("đơn vị này chưa có hoặc đã kết thúc").first).to_be_visible()
    served.look(mine, "unit-not-open")

    person = f"/admin/people/{person_of(world, 'diem').ref}"
    mine.goto(person)
    theirs.goto(person)
    theirs.get_by_role("button", name="Khóa tài khoản").click()
    expect(theirs.get_by_text("Đã khóa tài khoản.")).to_be_visible()
    mine.get_by_role("button", name="Khóa tài khoản").click()
    expect(mine.get_by_text("Tài khoản này đã bị khóa trước đó.")).to_be_visible()
    served.look(mine, "person-disabled-before")
    assert served.complaints == []
