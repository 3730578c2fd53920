"""Acting by the pages: what was typed is never lost, the same form twice acts once, downloads keep their names."""

from __future__ import annotations

import io
import re
import unicodedata
from html import unescape
from urllib.parse import unquote

import pytest

from dossiers.file_types import safe_name
from tests.builders import a_pdf, give_paper
from tests.scenarios.test_sc01_happy_path import compose
from tests.web.conftest import Browser, Site
from web.pages.papers import disposition


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1])


def sent(site: Site) -> str:
    """Return the code of a dossier that waits for the intake."""
    dossier, _, _ = compose(site.office.world, site.files)
    return site.office.world.at(2024, 11, 4).act("suong", dossier, "submit").code


def open_form(browser: Browser, path: str) -> dict[str, str]:
    page = browser.get(path).get_data(as_text=True).split("<main", 1)[1].split("<footer", 1)[0]
    return {name: hidden(page, name) for name in ("version", "key")}


def test_the_same_form_twice_acts_once(site: Site) -> None:
    code = sent(site)
    browser = site.signed_in("diem")
    form = open_form(browser, f"/dossiers/{code}/act/receive")
    answers = [browser.post(f"/dossiers/{code}/act/receive", form).status_code for _ in range(3)]
    assert answers == [303, 303, 303]
    history = browser.get(f"/dossiers/{code}/history").get_data(as_text=True)
    assert history.count("<h3>Tiếp nhận hồ sơ đủ</h3>") == 1


def test_who_comes_too_late_is_told_what_happened_and_keeps_what_was_typed(site: Site) -> None:
    code = sent(site)
    world = site.office.world
    khai = site.signed_in("khai")
    world.act("diem", code_ref(site, code), "receive")
    form = open_form(khai, f"/dossiers/{code}/act/return_dossier")
    world.act("diem", code_ref(site, code), "start_appraisal")  # meanwhile
    typed = {"reason": "Minh chứng <còn> mờ", "reason_code": "evidence_unclear", "remark.0.body": "Chụp lại"}
    answer = khai.post(f"/dossiers/{code}/act/return_dossier", {**form, **typed})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Bắt đầu thẩm định (Thạch Ngọc Diễm)" in page
    assert "Minh chứng &lt;còn&gt; mờ" in page
    assert "Chụp lại" in page
    assert 'value="evidence_unclear" selected' in page
    assert hidden(page.split("<main", 1)[1], "version") != form["version"]


def test_an_action_that_is_no_longer_possible_keeps_the_words(site: Site) -> None:
    code = sent(site)
    diem = site.signed_in("diem")
    form = open_form(diem, f"/dossiers/{code}/act/request_supplement")
    site.office.world.act("diem", code_ref(site, code), "receive")
    answer = diem.post(f"/dossiers/{code}/act/request_supplement", {**form, "reason": "Thiếu biên bản"})
    assert answer.status_code == 409
    assert "Thiếu biên bản" in answer.get_data(as_text=True)
    assert "Chưa có gì được ghi" in answer.get_data(as_text=True)


def code_ref(site: Site, code: str) -> str:
    with site.office.database.reading() as tx:
        return tx.connection.exec_driver_sql("SELECT ref FROM dossier WHERE code = ?", (code,)).scalar_one()


def test_what_is_missing_is_named_beside_its_field_and_in_the_summary(site: Site) -> None:
    code = sent(site)
    site.office.world.act("diem", code_ref(site, code), "receive")
    browser = site.signed_in("khai")
    form = open_form(browser, f"/dossiers/{code}/act/return_dossier")
    answer = browser.post(f"/dossiers/{code}/act/return_dossier", form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "<title>Lỗi:" in page
    assert page.count('class="vd-err"') == 2
    for field in ("reason", "reason_code"):
        identity = f'id="f-{field.replace("_", "-")}"'
        assert identity in page
        assert f'href="#f-{field.replace("_", "-")}"' in page
    assert 'aria-invalid="true"' in page


def test_more_room_for_remarks_keeps_what_was_typed(site: Site) -> None:
    code = sent(site)
    browser = site.signed_in("khai")
    site.office.world.act("diem", code_ref(site, code), "receive")
    form = open_form(browser, f"/dossiers/{code}/act/return_dossier")
    more = {"more": "1", "rows": "3", "remark.2.body": "Điều thứ ba"}
    page = browser.post(f"/dossiers/{code}/act/return_dossier", {**form, **more}).get_data(as_text=True)
    assert "Điều thứ ba" in page
    assert 'name="remark.5.body"' in page


def test_numbers_and_days_that_cannot_be_read_stay_in_their_fields(site: Site) -> None:
    _, station, _ = compose(site.office.world, site.files)
    browser = site.signed_in("suong")
    found = re.search(r"GT-2024-\d+", browser.get("/dossiers").get_data(as_text=True))
    assert found is not None
    path = f"/dossiers/{found[0]}/nominees/{station}/edit"
    page = browser.get(path).get_data(as_text=True)
    typed = {
        "version": hidden(page.split("<main", 1)[1], "version"),
        "name": "Trạm Y tế xã Vĩnh Phú",
        "award_form": "certificate_of_merit_district",
        "answers.TT-C-4.numerator": "bảy",
        "answers.TT-C-4.denominator": "7",
        "fields.achievement": "Một câu vừa viết thêm.",
    }
    answer = browser.post(path, typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="bảy"' in page
    assert "Một câu vừa viết thêm." in page
    assert "vd-err" in page


FILE_NAMES = [
    "Tờ trình 27.pdf", "Quyết định “công nhận”.pdf", "a;b.pdf", 'a"b.pdf', "a\\b.pdf", "../../etc/passwd.pdf",
    "..\\..\\windows.pdf", "CON.pdf", "nul", "a\r\nSet-Cookie: x=y.pdf", "a\x00b.pdf", "\u202efdp.exe.pdf", "😀.pdf",
    "é" * 300 + ".pdf", "a%0d%0ab.pdf", "đường đi Đến đâu.pdf", " .pdf", ".", "a\u2028b.pdf", "a'b''c.pdf", "中文.pdf",
    "x" * 300, "a,b=c&d.pdf", "=cmd.pdf", "<script>.pdf", "\u3164", "a\u034fb\ufe0f.pdf",
]  # fmt: skip


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", FILE_NAMES)
def test_a_download_has_its_own_name_and_no_header_of_somebody_else(site: Site, name: str, form: str) -> None:
    given = unicodedata.normalize(form, name)
    header = disposition(safe_name(given))
    assert "\r" not in header
    assert "\n" not in header
    assert header.isascii()
    assert header.count('"') == 2
    kept = unquote(header.rsplit("''", 1)[1])
    assert kept == unicodedata.normalize("NFC", kept) == safe_name(given)
    assert "/" not in kept
    assert "\\" not in kept


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_vietnamese_name_comes_back_as_it_was(site: Site, form: str) -> None:
    name = "Quyết định công nhận “Cộng đồng học tập” năm 2024.pdf"
    dossier, _, _ = compose(site.office.world, site.files)
    give_paper(
        site.office.world, site.files, "suong", dossier, "other", name=unicodedata.normalize(form, name)
    )
    browser = site.signed_in("suong")
    code = re.search(r"GT-2024-\d+", browser.get("/dossiers").get_data(as_text=True))
    assert code is not None
    page = unescape(browser.get(f"/dossiers/{code[0]}/papers").get_data(as_text=True))
    assert name in page
    refs = re.findall(r'/files/([0-9a-f-]{36})">' + re.escape(name), page)
    answer = browser.get(f"/files/{refs[0]}")
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert unquote(answer.headers["Content-Disposition"].rsplit("''", 1)[1]) == name
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.data == a_pdf("other")


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        (b"", "trong.pdf", "0 byte"),
        (b"<!doctype html><script>alert(1)</script>", "bao-cao.pdf", "PDF, Word, Excel"),
        (b"%PDF-1.7\n" + b"x" * 1_100_000, "to.pdf", "MB"),
        (b"MZ\x90\x00" + b"\x00" * 200, "anh.jpg", "PDF, Word, Excel"),
    ],
)
def test_a_file_that_is_not_taken_is_refused_with_the_reason(
    site: Site, body: bytes, name: str, says: str
) -> None:
    compose(site.office.world, site.files)
    browser = site.signed_in("suong")
    code = re.search(r"GT-2024-\d+", browser.get("/dossiers").get_data(as_text=True))
    assert code is not None
    before = browser.get(f"/dossiers/{code[0]}/papers").get_data(as_text=True).count("/files/")
    answer = browser.post(
        f"/dossiers/{code[0]}/papers", {"kind": "evidence", "file": (io.BytesIO(body), name)}
    )
    assert answer.status_code == 422
    assert says in answer.get_data(as_text=True)
    assert browser.get(f"/dossiers/{code[0]}/papers").get_data(as_text=True).count("/files/") == before


def test_a_file_goes_in_and_comes_out(site: Site) -> None:
    compose(site.office.world, site.files)
    browser = site.signed_in("suong")
    code = re.search(r"GT-2024-\d+", browser.get("/dossiers").get_data(as_text=True))
    assert code is not None
    file = (io.BytesIO(a_pdf("moi")), "Biên bản mới.pdf")
    assert browser.post(f"/dossiers/{code[0]}/papers", {"kind": "minutes", "file": file}).status_code == 303
    page = browser.get(f"/dossiers/{code[0]}/papers").get_data(as_text=True)
    assert "Đã nhận tệp Biên bản mới.pdf" in page
    ref = re.search(r'/files/([0-9a-f-]{36})">Biên bản mới.pdf', page)
    assert ref is not None
    assert browser.get(f"/files/{ref[1]}").data == a_pdf("moi")
    stranger = site.signed_in("tuyen")
    assert stranger.get(f"/files/{ref[1]}").status_code == 404


def test_a_suspended_nominee_is_shown_as_such_wherever_its_name_stands(site: Site) -> None:
    world = site.office.world
    dossier, first, _ = compose(world, site.files)
    code = world.at(2024, 11, 4).act("suong", dossier, "submit").code
    for action in ("receive", "start_appraisal"):
        world.act("diem", dossier, action)
    world.act(
        "diem",
        dossier,
        "hold_nominee",
        nominee_ref=first,
        reason="Có đơn.",
        fields={"hold_kind": "complaint"},
    )
    khai = site.signed_in("khai")
    for path in ("", f"/nominees/{first}", f"/nominees/{first}/act/defer_nominee"):
        page = khai.get(f"/dossiers/{code}{path}").get_data(as_text=True)
        assert "Đang tạm giữ" in page.split("<main", 1)[1], path
