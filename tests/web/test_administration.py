"""The administrator's pages: what the system gave up, and units and people by more than one hand."""

from __future__ import annotations

import re

import pytest

from tests.builders import given_up
from tests.web.conftest import Browser, Site


def text_of(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.get_data(as_text=True)


def test_an_administrator_is_led_to_what_the_system_gave_up_only_when_there_is_any(site: Site) -> None:
    browser = site.signed_in("khoi")
    assert "/admin/jobs" not in text_of(browser, "/admin/units")
    assert "Không có việc nào bị dừng" in text_of(browser, "/admin/jobs")
    given_up(site.office.world, "notify/1", "notify/2", "notify/3")
    home = text_of(browser, "/admin/units")
    assert "Có 3 việc hệ thống chưa làm được." in home
    assert "/admin/jobs" in home
    given_up(site.office.world, *(f"remind/{n}" for n in range(120)))
    assert "Có 99+ việc hệ thống chưa làm được." in text_of(browser, "/admin/units")


def test_what_was_given_up_is_shown_without_the_words_of_its_error_and_tried_again(site: Site) -> None:
    given_up(site.office.world, "notify/0000")
    browser = site.signed_in("khoi")
    page = text_of(browser, "/admin/jobs")
    for words in ("Báo cho người liên quan", "Dừng lúc 08:00 ngày 04/11/2024, sau 5 lần thử", "ValueError"):
        assert words in page
    assert "Mộng Nghi" not in page
    form = dict(re.findall(r'name="(job|key)" value="([^"]+)"', page))
    assert browser.post("/admin/jobs/again", form).status_code == 303
    assert "Hệ thống đang làm lại việc này." in text_of(browser, "/admin/jobs")
    assert browser.post("/admin/jobs/again", form).status_code == 303  # the same press again
    late = browser.post("/admin/jobs/again", {"job": form["job"], "key": "another-press"})
    assert late.status_code == 409
    assert "đã có người cho làm lại" in late.get_data(as_text=True)


def test_a_long_list_of_what_was_given_up_goes_on_on_the_next_page(site: Site) -> None:
    given_up(site.office.world, *(f"notify/{n:04}" for n in range(70)))
    browser = site.signed_in("khoi")
    first = text_of(browser, "/admin/jobs")
    following = re.search(r'href="(/admin/jobs\?after=[^"]+)"', first)
    assert following is not None
    second = text_of(browser, following[1])
    jobs = re.findall(r'name="job" value="([^"]+)"', first + second)
    assert jobs == [f"notify/{n:04}" for n in reversed(range(70))]
    assert "after=" not in second


@pytest.mark.parametrize("login", ["suong", "diem", "an", "phong"])
def test_nobody_else_comes_to_what_the_system_gave_up(site: Site, login: str) -> None:
    given_up(site.office.world, "notify/0000")
    browser = site.signed_in(login)
    assert browser.get("/admin/jobs").status_code == 403
    assert browser.post("/admin/jobs/again", {"job": "notify/0000"}).status_code == 403
