"""With less than a mouse and a script: the keyboard alone, and pages without JavaScript."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Served
from tests.browser.steps import main, told
from tests.browser.test_journey import compose as compose_by_pages
from tests.scenarios.test_sc01_happy_path import compose
from tests.web.office import PASSWORD

MOST_STOPS = 80
FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const ring = getComputedStyle(at), box = at.getBoundingClientRect();
  return {
    name: (at.labels && at.labels.length ? at.labels[0].innerText : at.innerText || "").trim(),
    seen: box.width > 0 && box.height > 0 && (ring.outlineStyle !== "none" || ring.boxShadow !== "none"),
  };
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of this name has the focus; every stop on the way must show that it has it."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is not None:
            assert at["seen"], f"the focus is not to be seen on “{at['name']}” of {page.url}"
            if at["name"].startswith(name):
                return
    raise AssertionError(f"“{name}” cannot be reached by Tab on {page.url}")


def test_the_urgent_dossier_is_acted_on_by_keyboard_alone(served: Served) -> None:
    world = served.office.world
    dossier, _, _ = compose(world, served.files)
    code = world.at(2024, 11, 4).act("suong", dossier, "submit").code
    world.at(2024, 11, 5)
    page = served.page()
    page.goto("/login")
    tab_to(page, "Tên đăng nhập")
    page.keyboard.type("diem")
    tab_to(page, "Mật khẩu")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Việc của tôi")).to_be_visible()
    tab_to(page, "Đến nội dung chính")
    page.keyboard.press("Enter")
    tab_to(page, "Làm hồ sơ gấp nhất")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/dossiers/{code}")
    tab_to(page, "Tiếp nhận hồ sơ đủ")
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/receive")
    tab_to(page, "Tiếp nhận hồ sơ đủ")
    page.keyboard.press("Enter")
    expect(told(page)).to_contain_text("Đã ghi: Tiếp nhận hồ sơ đủ")


def test_a_dossier_is_composed_and_sent_without_a_script(served: Served, tmp_path: Path) -> None:
    served.office.world.at(2024, 11, 4)
    page = served.signed_in("suong", java_script_enabled=False)
    code = compose_by_pages(page, tmp_path)
    page.goto(f"/dossiers/{code}")
    main(page).get_by_role("link", name="Kiểm tra lại: Gửi hồ sơ").click()
    main(page).get_by_role("button", name="Gửi hồ sơ").click()
    expect(told(page)).to_contain_text("Đã ghi: Gửi hồ sơ")
