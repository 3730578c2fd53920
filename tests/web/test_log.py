"""The log: one line of JSON per event, whatever was sent, and nobody's data in it (T86, T87)."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest

from tests.web.conftest import ORIGIN, Site
from tests.web.office import PASSWORD
from web import logging
from workflow import accounts


@pytest.fixture
def lines(site: Site) -> io.StringIO:
    stream = io.StringIO()
    logging.configure("info", stream)
    return stream


def told(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize(
    "sent", ["a\r\nb", '{"event": "forged"}', "\x1b[31mred", "\u2028", "\u0085next", "Thạch Ngọc Diễm"]
)
def test_what_is_sent_never_becomes_a_line_of_its_own(site: Site, lines: io.StringIO, sent: str) -> None:
    client = site.app.test_client()
    client.get("/search", query_string={"q": sent}, base_url=ORIGIN, headers={"User-Agent": "x"})
    client.get(f"/dossiers/{sent.replace(chr(13), '').replace(chr(10), '')}", base_url=ORIGIN)
    client.post("/login", data={"login": sent, "password": sent}, base_url=ORIGIN)
    events = told(lines)
    assert [event["event"] for event in events] == ["request"] * 3
    assert sent not in lines.getvalue()
    assert "\x1b" not in lines.getvalue()
    for event in events:
        assert event["peer"] == "127.0.0.1"
        assert event["request_id"]
        assert datetime.fromisoformat(str(event["at"]).replace("Z", "+00:00")).utcoffset() is not None


def test_no_password_name_or_token_is_logged(site: Site, lines: io.StringIO) -> None:
    browser = site.signed_in("diem")
    browser.get("/account")
    browser.post("/login", {"login": "diem", "password": "mật khẩu gõ nhầm"})
    cookie = browser.client.get_cookie("vinhdanh-session", domain="127.0.0.1")
    assert cookie is not None
    text = lines.getvalue()
    for secret in (PASSWORD, "nhầm", "diem", "Diễm", cookie.value):
        assert secret not in text
    assert any(event["session"] for event in told(lines))


def test_a_line_names_who_asked_by_the_ref_of_the_account_and_of_what_let_them_in(
    site: Site, lines: io.StringIO
) -> None:
    office = site.office
    token = accounts.create_token(
        office.database,
        account_id=office.account_ids["diem"],
        label="Phần mềm của Diễm",
        scopes="read",
        lifetime=timedelta(days=1),
    )
    program = site.app.test_client(use_cookies=False)
    bearer = {"Authorization": f"Bearer {token}"}
    for path in ("/me", "/dossiers/GT-2024-9999"):
        program.get(f"/api/v1{path}", base_url=ORIGIN, headers=bearer)
    program.post("/api/v1/dossiers", base_url=ORIGIN, headers=bearer, json={})  # its scope is to read
    program.get("/api/v1/me", base_url=ORIGIN)
    program.get("/api/v1/me", base_url=ORIGIN, headers={"Authorization": f"Bearer {token}x"})
    by_program = told(lines)
    assert [event["status"] for event in by_program] == [200, 404, 403, 401, 401]
    assert [event["account"] for event in by_program] == [office.account_refs["diem"]] * 3 + [None] * 2
    with office.database.reading() as tx:
        (kept,) = accounts.tokens_of(tx, office.account_ids["diem"])
    assert [event["session"] for event in by_program] == [kept.ref] * 3 + [None] * 2

    browser = site.signed_in("diem")
    browser.get("/account")
    by_browser = told(lines)[-1]
    assert by_browser["account"] == office.account_refs["diem"]
    assert by_browser["session"] not in (None, kept.ref)
    for secret in (token, "diem", "Diễm", "Di\\u1ec5m"):
        assert secret not in lines.getvalue()


def test_an_error_is_told_once_with_its_trace_and_without_values(site: Site, lines: io.StringIO) -> None:
    def broken() -> str:
        personal = "0912345678 Thạch Ngọc Diễm"
        raise RuntimeError(f"about {len(personal)}")

    site.app.view_functions["about.help_page"] = broken
    answer = site.app.test_client().get("/help", base_url=ORIGIN)
    events = told(lines)
    assert [event["event"] for event in events] == ["request_failed", "request"]
    assert events[0]["request_id"] == events[1]["request_id"] == answer.headers["X-Request-Id"]
    assert "0912345678" not in lines.getvalue()
    assert "RuntimeError" in lines.getvalue()
