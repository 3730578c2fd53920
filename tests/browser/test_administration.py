"""The administration as it is seen: what the system gave up, none, one and many."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Served
from tests.builders import given_up


def test_what_the_system_gave_up_is_found_from_the_first_page_and_tried_again(served: Served) -> None:
    world = served.office.world
    page = served.signed_in("khoi")
    expect(page.get_by_role("link", name="Xem và cho làm lại")).to_have_count(0)
    page.goto("/admin/jobs")
    expect(page.get_by_role("heading", name="Không có việc nào bị dừng")).to_be_visible()
    served.look(page, "jobs-none")
    given_up(world, "sweep/1", kind="sweep_files", error="StoreUnavailable: s3://kho: hết chỗ")
    page.goto("/admin/units")
    served.look(page, "units-with-jobs")
    page.get_by_role("link", name="Xem và cho làm lại").click()
    served.look(page, "jobs-one")
    page.get_by_role("button", name="Làm lại").click()
    expect(page.get_by_text("Hệ thống đang làm lại việc này.")).to_be_visible()
    served.look(page, "jobs-again")
    given_up(world, *(f"notify/{n}" for n in range(60)))
    given_up(world, "watch/1", kind="watch_clocks", error="ClocksFailed: 2")
    page.goto("/admin/jobs")
    expect(page.get_by_role("button", name="Làm lại")).to_have_count(50)
    served.look(page, "jobs-many")
