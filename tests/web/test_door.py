"""Coming in and going out: passwords, sessions, the throttle, links for new passwords (T12–T14, T17–T20)."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from dossiers.people import Account, LoginAttempt, Session
from storage.record import entries_of
from storage.record_tables import AccessLog
from tests.builders import a_link
from tests.web.conftest import Site
from tests.web.office import PASSWORD
from workflow import accounts


def is_in(browser) -> bool:
    return browser.get("/account").status_code == 200


def test_the_right_password_opens_the_door(site: Site) -> None:
    browser = site.browser()
    assert browser.get("/account").status_code == 303
    answer = browser.log_in("diem")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    assert "Thạch Ngọc Diễm" in browser.get("/account").get_data(as_text=True)


@pytest.mark.parametrize(
    ("login", "password"),
    [("diem", "sai mật khẩu rồi nhé"), ("khong-co-ai", PASSWORD), ("", ""), ("diem\u0000", PASSWORD)],
)
def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(
    site: Site, login: str, password: str
) -> None:
    answer = site.browser().post("/login", {"login": login, "password": password})
    text = answer.get_data(as_text=True)
    if "\u0000" in login:
        assert answer.status_code == 400
        return
    assert answer.status_code == 422
    assert "Tên đăng nhập hoặc mật khẩu chưa đúng" in text
    assert 'role="alert"' in text
    assert "<title>Lỗi:" in text
    assert PASSWORD not in text


def test_a_disabled_and_an_invited_account_are_answered_like_an_unknown_one(site: Site) -> None:
    with site.office.database.writing() as tx:
        tx.session.execute(update(Account).where(Account.login == "diem").values(state="disabled"))
    answer = site.browser().log_in("diem")
    assert answer.status_code == 422
    assert "chưa đúng" in answer.get_data(as_text=True)


def test_unknown_logins_take_as_long_as_known_ones(site: Site) -> None:
    """The work is the same; the clock only confirms it roughly, so that a busy machine does not fail the
    test.
    """
    spent: dict[str, list[float]] = {"diem": [], "nobody": []}
    for turn in range(4):
        for login, times in spent.items():
            begun = time.process_time()
            with pytest.raises(accounts.Invalid):
                accounts.sign_in(
                    site.office.database, login=login, password="sai", peer=f"10.0.{turn}.1", key=b"k" * 32
                )
            times.append(time.process_time() - begun)
    assert statistics.median(spent["nobody"]) > statistics.median(spent["diem"]) / 2


def test_guessing_one_password_is_slowed_and_the_owner_gets_in_a_minute_later(site: Site) -> None:
    browser = site.browser()
    statuses = []
    for _ in range(60):  # one try every five seconds for five minutes
        statuses.append(browser.post("/login", {"login": "diem", "password": "sai"}).status_code)
        site.office.clock.advance(timedelta(seconds=5))
    assert statuses.count(422) <= 10  # evaluated
    assert set(statuses) == {422, 429}
    with site.office.database.reading() as tx:
        assert tx.session.scalar(select(func.count()).select_from(LoginAttempt)) == statuses.count(422)
    site.office.clock.advance(timedelta(seconds=60))
    assert browser.log_in("diem").status_code == 303


def test_a_refused_try_says_how_long_to_wait(site: Site) -> None:
    browser = site.browser()
    for _ in range(5):
        browser.post("/login", {"login": "diem", "password": "sai"})
    answer = browser.log_in("diem")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "thử lại sau 1 phút" in answer.get_data(as_text=True)


def test_tries_sent_at_the_same_moment_count_as_well(site: Site) -> None:
    import threading

    results: list[str] = []

    def guess() -> None:
        try:
            accounts.sign_in(
                site.office.database, login="diem", password="sai", peer="10.1.1.1", key=b"k" * 32
            )
        except accounts.TooManyTries:
            results.append("held")
        except accounts.Invalid:
            results.append("evaluated")

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("evaluated") == accounts.FREE_TRIES


def test_a_whole_office_behind_one_address_is_not_held_up(site: Site) -> None:
    """Many logins from one peer with typing errors among them: the throttle counts different wrong logins."""
    key = b"k" * 32
    for number in range(40):
        with pytest.raises(accounts.Invalid):
            accounts.sign_in(
                site.office.database, login=f"typo{number}", password="sai", peer="10.9.9.9", key=key
            )
    assert accounts.sign_in(site.office.database, login="diem", password=PASSWORD, peer="10.9.9.9", key=key)


def test_guessing_from_everywhere_does_not_hold_up_a_browser_that_was_here_before(site: Site) -> None:
    browser = site.signed_in("diem")
    browser.post("/logout")
    for number in range(12):
        with pytest.raises((accounts.Invalid, accounts.TooManyTries)):
            accounts.sign_in(
                site.office.database,
                login="diem",
                password="sai",
                peer=f"10.0.0.{number}",
                key=site.app.extensions["vinhdanh"].key,
            )
    stranger = site.browser()
    assert stranger.log_in("diem").status_code == 429
    assert browser.log_in("diem").status_code == 303


def test_each_log_in_makes_a_new_session_and_a_planted_cookie_is_worth_nothing(site: Site) -> None:
    browser = site.browser()
    browser.client.set_cookie("vinhdanh-session", "planted-by-somebody", domain="127.0.0.1")
    browser.log_in("diem")
    first = browser.client.get_cookie("vinhdanh-session", domain="127.0.0.1")
    assert first is not None
    assert first.value != "planted-by-somebody"
    browser.log_in("diem")
    second = browser.client.get_cookie("vinhdanh-session", domain="127.0.0.1")
    assert second is not None
    assert second.value != first.value
    assert len(second.value) >= 43  # 256 bits in base64


def test_a_cookie_kept_from_before_logging_out_is_dead(site: Site) -> None:
    browser = site.signed_in("diem")
    kept = browser.client.get_cookie("vinhdanh-session", domain="127.0.0.1")
    assert kept is not None
    answer = browser.post("/logout")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    browser.client.set_cookie("vinhdanh-session", kept.value, domain="127.0.0.1")
    assert not is_in(browser)


def test_disabling_an_account_ends_its_sessions_at_once(site: Site) -> None:
    browser = site.signed_in("diem")
    with site.office.database.writing() as tx:
        tx.session.execute(update(Account).where(Account.login == "diem").values(state="disabled"))
    assert not is_in(browser)


def test_changing_the_password_ends_the_other_sessions_and_renews_this_one(site: Site) -> None:
    here, there = site.signed_in("diem"), site.signed_in("diem")
    old = here.client.get_cookie("vinhdanh-session", domain="127.0.0.1")
    form = {"current": PASSWORD, "new": "con đường làng quanh co 7", "again": "con đường làng quanh co 7"}
    assert here.post("/account/password", form).status_code == 303
    assert is_in(here)
    assert not is_in(there)
    assert old is not None
    there.client.set_cookie("vinhdanh-session", old.value, domain="127.0.0.1")
    assert not is_in(there)
    assert site.browser().log_in("diem").status_code == 422
    assert site.browser().log_in("diem", "con đường làng quanh co 7").status_code == 303
    with site.office.database.reading() as tx:
        entries = entries_of(tx, "account", site.office.account_refs["diem"])
    assert [entry.content["action"] for entry in entries] == ["password_changed"]


@pytest.mark.parametrize(
    ("new", "again", "says"),
    [
        ("ngắn quá", "ngắn quá", "ít nhất 12 ký tự"),
        ("matkhau123456", "matkhau123456", "nhiều người biết"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "nhiều người biết"),
        ("Thạch Ngọc Diễm 2024", "Thạch Ngọc Diễm 2024", "tên của bạn"),
        ("một câu rất dài và hay", "một câu rất dài và khác", "không giống"),
        ("x" * 300, "x" * 300, "dài nhất 256"),
    ],
)
def test_a_poor_password_is_refused_with_the_reason(site: Site, new: str, again: str, says: str) -> None:
    browser = site.signed_in("diem")
    answer = browser.post("/account/password", {"current": PASSWORD, "new": new, "again": again})
    assert answer.status_code == 422
    assert says in answer.get_data(as_text=True)
    assert site.browser().log_in("diem").status_code == 303


@pytest.mark.parametrize(
    "password", ["a" * 30 + "bcdefgh", "đường về nhà xa lắm ơi " * 8, "пароль-на-русском-12"]
)
def test_long_passwords_and_every_letter_are_taken(site: Site, password: str) -> None:
    browser = site.signed_in("diem")
    form = {"current": PASSWORD, "new": password, "again": password}
    assert browser.post("/account/password", form).status_code == 303
    assert site.browser().log_in("diem", password).status_code == 303


def test_a_password_typed_in_another_unicode_form_is_the_same(site: Site) -> None:
    import unicodedata

    browser = site.signed_in("diem")
    words = "tiếng Việt có dấu hẳn hoi"
    form = {"current": PASSWORD, "new": words, "again": words}
    browser.post("/account/password", form)
    assert site.browser().log_in("diem", unicodedata.normalize("NFD", words)).status_code == 303


def test_a_session_ends_after_thirty_idle_minutes_and_after_twelve_hours(site: Site) -> None:
    browser = site.signed_in("diem")
    site.office.clock.advance(timedelta(minutes=29))
    assert is_in(browser)
    site.office.clock.advance(timedelta(minutes=30, seconds=1))
    assert not is_in(browser)
    browser = site.signed_in("diem")
    for _ in range(12 * 3 - 1):
        site.office.clock.advance(timedelta(minutes=20))
        assert is_in(browser)
    site.office.clock.advance(timedelta(minutes=20))
    assert not is_in(browser)


def test_reading_pages_notes_the_use_of_a_session_once_a_minute(site: Site) -> None:
    def seen():
        with site.office.database.reading() as tx:
            return tx.session.scalars(select(Session.last_seen_at)).one()

    browser = site.signed_in("diem")
    first = seen()
    site.office.clock.advance(timedelta(seconds=50))
    is_in(browser)
    assert seen() == first
    site.office.clock.advance(timedelta(seconds=11))
    is_in(browser)
    assert seen() > first


def test_passwords_are_kept_as_argon2id_and_rehashed_when_the_hash_is_weaker(site: Site) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with site.office.database.writing() as tx:
        tx.session.execute(update(Account).where(Account.login == "diem").values(password_hash=weak))
    site.signed_in("diem")
    with site.office.database.reading() as tx:
        kept = tx.session.scalars(select(Account.password_hash)).all()
    for one in kept:
        found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$.+\$.+", one or "")
        assert found is not None
        memory, turns, lanes = map(int, found.groups())
        assert memory >= 19456
        assert turns >= 2
        assert lanes >= 1


def test_an_invited_person_chooses_a_password_once(site: Site) -> None:
    office = site.office
    with office.database.writing() as tx:
        tx.session.execute(
            update(Account).where(Account.login == "suong").values(state="invited", password_hash=None)
        )
    token = a_link(office.world, "suong")
    browser = site.browser()
    page = browser.get(f"/activate/{token}")
    assert "Danh Thị Mai Sương" in page.get_data(as_text=True)
    assert browser.get(f"/reset/{token}").status_code == 404  # a link of one purpose is dead at the other
    form = {"password": "ngày mai trời lại sáng", "again": "ngày mai trời lại sáng"}
    assert browser.post(f"/activate/{token}", {**form, "again": "khác"}).status_code == 422
    assert browser.post(f"/activate/{token}", form).status_code == 303
    assert browser.post(f"/activate/{token}", form).status_code == 404
    assert browser.log_in("suong", "ngày mai trời lại sáng").status_code == 303
    with office.database.reading() as tx:
        entries = entries_of(tx, "account", office.account_refs["suong"])
    assert [e.content["action"] for e in entries] == ["activate_link_issued", "account_activated"]


def test_a_reset_link_dies_after_a_day_and_when_a_newer_one_is_made(site: Site) -> None:
    office = site.office
    first = a_link(office.world, "diem")
    second = a_link(office.world, "diem")
    browser = site.browser()
    assert browser.get(f"/reset/{first}").status_code == 404
    assert browser.get(f"/reset/{second}").status_code == 200
    office.clock.advance(timedelta(hours=25))
    assert browser.get(f"/reset/{second}").status_code == 404


def test_a_new_password_by_link_ends_every_session(site: Site) -> None:
    office = site.office
    browser = site.signed_in("diem")
    token = a_link(office.world, "diem")
    form = {"password": "ngày mai trời lại sáng", "again": "ngày mai trời lại sáng"}
    assert site.browser().post(f"/reset/{token}", form).status_code == 303
    assert not is_in(browser)


def test_nobody_ends_the_session_of_somebody_else(site: Site) -> None:
    site.signed_in("an")
    with site.office.database.reading() as tx:
        ref = tx.session.scalars(select(Session.ref)).one()
    browser = site.signed_in("diem")
    assert browser.post(f"/account/sessions/{ref}/end").status_code == 404
    with site.office.database.reading() as tx:
        assert tx.session.scalar(select(Session.ended_at).where(Session.ref == ref)) is None


def test_log_ins_and_failures_stand_in_the_access_log_without_names(site: Site) -> None:
    site.browser().log_in("diem", "sai")
    site.browser().log_in("khong-co-ai", "sai")
    site.signed_in("diem").post("/logout")
    with site.office.database.reading() as tx:
        rows = tx.session.execute(
            select(AccessLog.kind, AccessLog.account_id, AccessLog.detail).order_by(AccessLog.id)
        ).all()
    diem = site.office.account_ids["diem"]
    assert [tuple(row) for row in rows] == [
        ("log_in_failed", diem, None),
        ("log_in_failed", None, None),
        ("log_in", diem, None),
        ("log_out", diem, None),
    ]


def test_the_demo_offers_each_person_with_one_click_and_says_that_it_is_a_demo(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(demo=True)
    browser = site.browser()
    page = browser.get("/login").get_data(as_text=True)
    assert "Đây là bản trình diễn" in page
    for name in ("Thạch Ngọc Diễm", "Trịnh Hoài An", "Tạ Đình Phong"):
        assert name in page
    ref = site.office.account_refs["an"]
    assert f'action="/demo/{ref}"' in page
    assert browser.get(f"/demo/{ref}").status_code == 405
    assert browser.post(f"/demo/{ref}").status_code == 303
    assert "Trịnh Hoài An" in browser.get("/account").get_data(as_text=True)


def test_outside_a_demo_the_one_click_door_does_not_exist(site: Site) -> None:
    page = site.browser().get("/login").get_data(as_text=True)
    assert "bản trình diễn" not in page
    assert "Trịnh Hoài An" not in page
    assert site.browser().post(f"/demo/{site.office.account_refs['an']}").status_code == 404


def test_production_refuses_to_be_a_demo(make_site: Callable[..., Site]) -> None:
    with pytest.raises(ValueError, match="demo"):
        make_site(mode="production", demo=True, public_url="https://thidua.example.gov.vn")


def test_a_token_of_the_api_is_kept_as_a_hash_and_can_be_revoked(site: Site) -> None:
    office = site.office
    token = accounts.create_token(
        office.database, account_id=office.account_ids["diem"], label="Một cửa", scopes="write read read",
        lifetime=timedelta(days=30),
    )  # fmt: skip
    with office.database.reading() as tx:
        row = accounts.find_token(tx, token)
        assert row is not None
        assert row.scopes == "read write"
        assert token not in row.token_hash
        ref = row.ref
    browser = site.signed_in("diem")
    assert "Một cửa" in browser.get("/account").get_data(as_text=True)
    assert site.signed_in("an").post(f"/account/tokens/{ref}/revoke").status_code == 404
    assert browser.post(f"/account/tokens/{ref}/revoke").status_code == 303
    with office.database.reading() as tx:
        assert accounts.find_token(tx, token) is None
