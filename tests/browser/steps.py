"""What people do over and over in a journey: give a paper, perform an action, open a tab of a dossier."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.builders import a_pdf


def upload(
    page: Page, code: str, folder: Path, kind: str, name: str, *, nominee: str = "", criterion: str = ""
) -> None:
    """Add one paper by the plain form, for a nominee and a criterion where they are named."""
    path = folder / name
    path.write_bytes(a_pdf(name))
    page.goto(f"/dossiers/{code}/papers")
    page.get_by_label("Loại giấy tờ").select_option(kind)
    page.get_by_label("Tệp", exact=True).set_input_files(path)
    if nominee:
        page.get_by_role("group", name="Dùng cho").get_by_label(nominee).check()
    if criterion:
        page.get_by_label("Chứng minh tiêu chuẩn").select_option(criterion)
    page.get_by_role("button", name="Đưa tệp lên").click()
    expect(told(page)).to_contain_text("Đã nhận tệp")


def do(page: Page, code: str, action: str, label: str, **fields: str) -> None:
    """Perform an action by its page; keywords fill the fields of that name."""
    page.goto(f"/dossiers/{code}/act/{action}")
    press(page, label, **fields)
    expect(told(page)).to_contain_text(f"Đã ghi: {label}")


def press(page: Page, label: str, **fields: str) -> None:
    """Fill the fields of the page of an action and press its button, whatever comes of it."""
    for name, value in fields.items():
        box = page.locator(f'[name="{name}"], [name="field.{name}"]').first
        if box.evaluate("element => element.tagName") == "SELECT":
            box.select_option(value)
        else:
            box.fill(value)
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()


def told(page: Page) -> Locator:
    """Return the line in which a page says what was done."""
    return page.locator(".vd-told")


def main(page: Page) -> Locator:
    """Return the page without its frame."""
    return page.get_by_role("main")
