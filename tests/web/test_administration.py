"""The administrator's pages: what the system gave up, and units and people by more than one hand."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.builders import a_job_given_up, person_of
from tests.web.conftest import Browser, Site


def text_of(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.get_data(as_text=True)


def test_an_administrator_is_led_to_what_the_system_gave_up_only_when_there_is_any(site: Site) -> None:
    browser = site.signed_in("khoi")
    assert "/admin/jobs" not in text_of(browser, "/admin/units")
    assert "Không có việc nào bị dừng" in text_of(browser, "/admin/jobs")
    a_job_given_up(site.office.world, "notify/1", "notify/2", "notify/3")
    home = text_of(browser, "/admin/units")
    assert "Có 3 việc hệ thống chưa làm được." in home
    assert "/admin/jobs" in home
    a_job_given_up(site.office.world, *(f"remind/{n}" for n in range(120)))
    assert "Có 99+ việc hệ thống chưa làm được." in text_of(browser, "/admin/units")


def test_what_was_given_up_is_shown_without_the_words_of_its_error_and_tried_again(site: Site) -> None:
    a_job_given_up(site.office.world, "notify/0000")
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
    a_job_given_up(site.office.world, "notify/0000")
    old = browser.post("/admin/jobs/again", form)  # from a tab that was left open
    assert old.status_code == 409
    page = old.get_data(as_text=True)
    assert "rồi lại dừng" in page
    fresh = dict(re.findall(r'name="(job|key)" value="([^"]+)"', page))
    assert browser.post("/admin/jobs/again", fresh).status_code == 303
    assert "Không có việc nào bị dừng" in text_of(browser, "/admin/jobs")


def test_a_long_list_of_what_was_given_up_goes_on_on_the_next_page(site: Site) -> None:
    a_job_given_up(site.office.world, *(f"notify/{n:04}" for n in range(70)))
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
    a_job_given_up(site.office.world, "notify/0000")
    browser = site.signed_in(login)
    assert browser.get("/admin/jobs").status_code == 403
    assert browser.post("/admin/jobs/again", {"job": "notify/0000"}).status_code == 403


def form_of(browser: Browser, page: str, action: str = "") -> dict[str, str]:
    """Return what a form of a page sends before anything is typed: its hidden fields."""
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text_of(browser, page), re.DOTALL):
        target = re.search(r'<form[^>]*action="([^"]+)"', form)
        if (target is None) if not action else (target is not None and target[1] == action):
            hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
            return {name: unescape(value) for name, value in hidden if name != "csrf_token"}
    raise AssertionError(f"no form on {page} goes to {action}")


PLACE = {"function": "nominator", "position_title": "Viên chức văn phòng", "from_on": "1/12/2024"}


def test_an_invitation_pressed_twice_invites_once_and_shows_its_link_once(site: Site) -> None:
    browser = site.signed_in("khoi")
    unit = site.office.unit_refs["ubnd-xa-phu-loi"]
    form = {**form_of(browser, "/admin/people/new"), **PLACE, "unit": unit}
    form |= {"full_name": "Trần Thị Mộng Nghi", "login": "nghi.tran"}
    first = browser.post("/admin/people/new", form)
    assert first.status_code == 200
    assert re.search(r"/activate/[\w-]{40,}", first.get_data(as_text=True))
    again = browser.post("/admin/people/new", form)
    assert again.status_code == 200
    text = again.get_data(as_text=True)
    assert "Trần Thị Mộng Nghi" in text
    assert "Đường dẫn chỉ hiện một lần" in text
    assert not re.search(r"/activate/[\w-]{20,}", text)
    assert text_of(browser, "/admin/people?q=nghi").count("nghi.tran") == 1
    other = browser.post("/admin/people/new", {**form, "login": "nghi.tran2"})
    assert other.status_code == 422


def test_a_unit_is_added_once(site: Site) -> None:
    browser = site.signed_in("khoi")
    form = {
        **form_of(browser, "/admin/units/new"),
        "name": "Trường THCS Tân Giang",
        "code": "truong-thcs-tan-giang",
        "kind": "lower_secondary_school",
        "admin_level": "none",
        "place_name": "Tân Giang",
        "from_on": "1/9/2024",
    }
    answers = [browser.post("/admin/units/new", form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]


def test_who_comes_second_is_told_what_happened_and_keeps_what_was_typed(site: Site) -> None:
    mine, theirs = site.signed_in("khoi"), site.signed_in("khoi")
    person = f"/admin/people/{person_of(site.office.world, 'diem').ref}"
    unit = f"/admin/units/{site.office.unit_refs['ubnd-huyen-giang-thanh']}"
    place = {**PLACE, "unit": site.office.unit_refs["ttyt-giang-thanh"]}
    given = {"function": "intake", "unit": site.office.unit_refs["phong-noi-vu-giang-thanh"]}
    for page, action, typed, shown in (
        (person, f"{person}/memberships", place, ("Viên chức văn phòng", "1/12/2024")),
        (unit, f"{unit}/functions", {**given, "function_from_on": "2/12/2024"}, ("2/12/2024",)),
        (unit, f"{unit}/rename", {"name": "UBND huyện mới", "from_on": "3/12/2024"}, ("UBND huyện mới",)),
    ):
        seen = form_of(mine, page, action)
        assert theirs.post(action, {**form_of(theirs, page, action), **typed}).status_code == 303, action
        late = mine.post(action, {**seen, **typed})
        assert late.status_code == 409, action
        text = late.get_data(as_text=True)
        assert "đã thay đổi lúc 08:00, sau khi bạn mở: " in text
        assert "(Lý Minh Khôi)" in text
        assert "Những gì bạn nhập vẫn còn dưới đây." in text
        assert [one for one in shown if f'value="{one}"' not in text] == [], action
        assert f'name="version" value="{int(seen["version"]) + 1}"' in text


def test_a_button_pressed_on_a_page_that_is_no_longer_true_does_nothing(site: Site) -> None:
    mine, theirs = site.signed_in("khoi"), site.signed_in("khoi")
    person = f"/admin/people/{person_of(site.office.world, 'diem').ref}"
    link = form_of(mine, person, f"{person}/link")
    disable = form_of(theirs, person, f"{person}/disable")
    assert "version" not in disable
    assert [theirs.post(f"{person}/disable", disable).status_code for _ in range(2)] == [303, 303]
    again = theirs.post(f"{person}/disable", {**disable, "key": "another-press"})
    assert again.status_code == 409
    assert "Tài khoản này đã bị khóa trước đó." in again.get_data(as_text=True)
    late = mine.post(f"{person}/link", link)
    assert late.status_code == 409
    text = late.get_data(as_text=True)
    assert "Khóa tài khoản (Lý Minh Khôi)" in text
    assert "Mở lại tài khoản" in text
    assert not re.search(r"/reset/[\w-]{20,}", text)
    enable = form_of(mine, person, f"{person}/enable")
    assert mine.post(f"{person}/enable", enable).status_code == 303
    assert person_of(site.office.world, "diem").state == "active"


def test_a_unit_that_is_not_open_that_day_is_told_beside_its_field(site: Site) -> None:
    browser = site.signed_in("khoi")
    station = site.office.unit_refs["ttyt-giang-thanh"]
    unit = f"/admin/units/{site.office.unit_refs['ubnd-huyen-giang-thanh']}"
    person = f"/admin/people/{person_of(site.office.world, 'diem').ref}"
    for page, action, typed in (
        (unit, f"{unit}/functions", {"function": "intake", "unit": station, "function_from_on": "1/1/1901"}),
        (person, f"{person}/memberships", {**PLACE, "unit": station, "from_on": "1/1/1901"}),
    ):
        answer = browser.post(action, {**form_of(browser, page, action), **typed})
        assert answer.status_code == 422, action
        text = answer.get_data(as_text=True)
        assert "Ngày 01/01/1901 đơn vị này chưa có hoặc đã kết thúc." in text
        assert 'href="#f-unit"' in text
        assert 'value="1/1/1901"' in text


def test_a_last_day_that_cannot_be_read_comes_back_beside_its_field(site: Site) -> None:
    browser = site.signed_in("khoi")
    diem = person_of(site.office.world, "diem")
    person = f"/admin/people/{diem.ref}"
    end = f"{person}/memberships/{diem.memberships[1].ref}/end"
    answer = browser.post(end, {**form_of(browser, person, end), "on": "31/02/2024"})
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert text.count('value="31/02/2024"') == 1
    assert text.count('id="f-on"') == 1
    assert 'href="#f-on"' in text
    form = {**form_of(browser, person, end), "on": "5/11/2024"}
    assert [browser.post(end, form).status_code for _ in range(2)] == [303, 303]
    assert str(person_of(site.office.world, "diem").memberships[1].to_on) == "2024-11-05"
