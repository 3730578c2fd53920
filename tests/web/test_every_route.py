"""What holds for every route at once: a rule, the headers, no change by reading, no crash by typing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

import dossiers.tables as tables
from dossiers.functions import ADMINISTRATOR, AUDITOR
from tests.builders import person_of
from tests.scenarios.test_sc01_happy_path import compose
from tests.web.conftest import ORIGIN, Browser, Site
from tests.web.crawl import crawl
from web.policy import POLICY
from web.security import FIELD_BYTES, safe_next

EVERYBODY = ("suong", "diem", "khai", "tuyet", "an", "phong", "khoi")
NOT_STATE = {"session", "login_attempt", "access_log", "outbox", "schedule", "idempotency"}

HEADERS = {
    "Content-Security-Policy": r"default-src 'none';.*",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": r".*camera=\(\).*",
}


@pytest.fixture
def busy_site(site: Site) -> Site:
    """A site with one sent dossier and one draft, so that pages have something to show."""
    dossier, _, _ = compose(site.office.world, site.files)
    site.office.world.at(2024, 11, 4).act("suong", dossier, "submit")
    compose(site.office.world, site.files)
    site.office.world.at(2024, 11, 4)
    return site


def rules(app: Flask, *methods: str) -> list[tuple[str, str, str]]:
    """Return (endpoint, method, path with placeholders filled) of the pages' rules of these methods."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") or rule.endpoint == "static":
            continue
        path = re.sub(r"<int:[^>]+>", "1", rule.rule)
        path = re.sub(r"<[^>]+>", "0198f000-0000-7000-8000-000000000000", path)
        found += [(rule.endpoint, method, path) for method in methods if method in (rule.methods or ())]
    return found


def state_of(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row that is somebody's work; notes of use and of requests are not."""
    with site.office.database.reading() as tx:
        return {
            table.name: [tuple(row) for row in tx.connection.execute(select(table))]
            for table in tables.metadata.sorted_tables
            if table.name not in NOT_STATE
        }


def test_every_route_stands_in_the_policy_table(site: Site) -> None:
    undeclared = {rule.endpoint for rule in site.app.url_map.iter_rules()} - set(POLICY)
    assert undeclared == set()


def test_the_policy_table_names_no_route_that_does_not_exist(make_site: Any) -> None:
    app = make_site(demo=True).app
    assert set(POLICY) - {rule.endpoint for rule in app.url_map.iter_rules()} == set()


def test_a_route_that_nobody_declared_is_closed(site: Site) -> None:
    site.app.view_functions["forgotten"] = lambda: "open"
    site.app.url_map.add(site.app.url_rule_class("/forgotten", endpoint="forgotten"))
    assert site.browser().get("/forgotten").status_code == 404


def test_whoever_is_not_signed_in_comes_to_the_public_pages_only(site: Site) -> None:
    browser = site.browser()
    for endpoint, _, path in rules(site.app, "GET"):
        answer = browser.get(path)
        if POLICY[endpoint].public:
            assert answer.status_code in (200, 404), path  # 404: a link that nobody was given
        else:
            assert answer.status_code == 303, path
            assert answer.headers["Location"].startswith("/login"), path


def test_posting_without_a_session_changes_nothing(site: Site) -> None:
    before = state_of(site)
    browser = site.browser()
    for endpoint, _, path in rules(site.app, "POST"):
        answer = browser.post(path)
        assert answer.status_code in (303, 401, 404, 422), path
        if not POLICY[endpoint].public:
            assert answer.status_code == 401, path
    assert state_of(site) == before


@pytest.mark.parametrize("login", EVERYBODY)
def test_pages_of_another_function_are_refused(site: Site, login: str) -> None:
    browser = site.signed_in(login)
    functions = site.office.world.actor(login).functions
    for endpoint, method, path in rules(site.app, "GET", "POST"):
        wanted = POLICY[endpoint].functions
        if wanted and not wanted & functions:
            answer = browser.get(path) if method == "GET" else browser.post(path)
            assert answer.status_code == 403, path


@pytest.mark.parametrize(
    "attack", ["no token", "foreign token", "foreign origin", "foreign site", "null origin"]
)
def test_a_form_of_another_site_changes_nothing(busy_site: Site, attack: str) -> None:
    site = busy_site
    browser = site.signed_in("khoi")
    stranger = site.browser()
    token = {"no token": None, "foreign token": stranger.token()}.get(attack, browser.token())
    headers = {
        "foreign origin": {"Origin": "https://evil.example"},
        "foreign site": {"Sec-Fetch-Site": "cross-site"},
        "null origin": {"Origin": "null"},
    }.get(attack, {"Origin": ORIGIN})
    before = state_of(site)
    for _, _, path in rules(site.app, "POST"):
        data = {"csrf_token": token} if token else {}
        answer = browser.client.post(path, data=data, headers=headers, base_url=ORIGIN)
        assert answer.status_code in (400, 403), path
    assert state_of(site) == before
    assert browser.get("/account").status_code == 200  # not even signed out


@pytest.mark.parametrize("login", EVERYBODY)
def test_reading_every_page_changes_nothing_and_breaks_nothing(busy_site: Site, login: str) -> None:
    before = state_of(busy_site)
    browser = busy_site.signed_in(login)
    statuses = crawl(browser)
    assert {path: status for path, status in statuses.items() if status >= 400} == {}
    assert len(statuses) > 4
    assert state_of(busy_site) == before


def test_the_auditor_writes_nowhere(busy_site: Site) -> None:
    browser = busy_site.signed_in("phong")
    code = next(re.finditer(r"GT-2024-\d+", browser.get("/record").get_data(as_text=True)))[0]
    before = state_of(busy_site)
    for action in ("submit", "receive", "return_dossier", "approve", "issue", "refuse", "withdraw"):
        assert browser.post(f"/dossiers/{code}/act/{action}", {"version": "1"}).status_code == 403
    assert POLICY["draft.general"].functions.isdisjoint({AUDITOR, ADMINISTRATOR})
    assert state_of(busy_site) == before


def test_a_foreign_dossier_looks_like_a_missing_one(busy_site: Site) -> None:
    browser = busy_site.signed_in("tuyen")  # of another unit
    with busy_site.office.database.reading() as tx:
        codes = tx.connection.exec_driver_sql("SELECT code FROM dossier ORDER BY id").scalars().all()
        nominee = tx.connection.exec_driver_sql("SELECT ref FROM nominee LIMIT 1").scalar_one()
        version = tx.connection.exec_driver_sql("SELECT ref FROM attachment_version LIMIT 1").scalar_one()

    def body(path: str) -> str:
        answer = browser.get(path)
        assert answer.status_code == 404, path
        text = answer.get_data(as_text=True).replace(
            path, ""
        )  # the page names itself in the choice of language
        # A form's token is stamped with the second it was made in.
        text = re.sub(r'(?<=name="csrf_token" value=")[^"]+', "", text)
        return re.sub(r"[0-9a-f-]{36}", "", text)

    missing = body("/dossiers/GT-2024-9999")
    for path in ("", "/papers", "/remarks", "/deeds", "/history", "/versions/1", f"/nominees/{nominee}"):
        assert body(f"/dossiers/{codes[0]}{path}") == missing, path
    assert body(f"/files/{version}") == missing
    assert (
        codes[0] not in browser.get("/dossiers?q=" + codes[0]).get_data(as_text=True).split("</form>", 1)[1]
    )


def assert_headers(answer: Any, path: str) -> None:
    for name, pattern in HEADERS.items():
        assert re.fullmatch(pattern, answer.headers.get(name, "")), (path, name, answer.headers.get(name))
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_every_answer_carries_the_headers(busy_site: Site) -> None:
    browser = busy_site.signed_in("suong")
    for path in crawl(browser):
        answer = browser.get(path)
        assert_headers(answer, path)
        assert answer.headers["Cache-Control"] == "no-store", path
        answer.close()
    for method, path in [("GET", "/nowhere"), ("TRACE", "/"), ("PUT", "/login"), ("GET", "/.git/config")]:
        answer = browser.client.open(path, method=method, base_url=ORIGIN)
        assert answer.status_code in (404, 405)
        assert_headers(answer, path)


def test_static_files_may_be_kept_and_carry_the_headers_too(site: Site) -> None:
    page = site.browser().get("/login").get_data(as_text=True)
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer = site.browser().get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert_headers(answer, path)
        answer.close()


def test_https_asks_for_https_for_ever_and_binds_the_cookies_to_the_host(make_site: Any) -> None:
    site = make_site(public_url="https://thidua.example.gov.vn")
    browser = site.browser()
    answer = browser.log_in("diem")
    assert answer.status_code == 303
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    cookies = answer.headers.getlist("Set-Cookie")
    assert any(cookie.startswith("__Host-vinhdanh-session=") for cookie in cookies)
    for cookie in cookies:
        assert cookie.startswith("__Host-"), cookie
        for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
            assert part in cookie, cookie
        assert "Domain" not in cookie
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "a b", "[::1"]
)
def test_a_host_that_is_not_ours_is_refused(site: Site, host: str) -> None:
    answer = site.app.test_client().get("/login", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.get_data(as_text=True)


def test_forwarded_headers_of_strangers_are_not_believed(make_site: Any) -> None:
    import ipaddress

    seen: list[str | None] = []
    for proxies in ((), (ipaddress.ip_network("10.0.0.0/8"),)):
        site = make_site(trusted_proxies=proxies)

        @site.app.before_request
        def look() -> None:
            from flask import request

            seen.append(f"{request.remote_addr} {request.host_url}")

        for peer, forwarded in [("203.0.113.9", "1.2.3.4"), ("10.0.0.1", "9.9.9.9, 198.51.100.7")]:
            site.app.test_client().get(
                "/help",
                base_url=ORIGIN,
                environ_base={"REMOTE_ADDR": peer},
                headers={"X-Forwarded-For": forwarded, "X-Forwarded-Host": "evil.example",
                         "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6;host=evil.example"},
            )  # fmt: skip
    assert seen == [
        f"203.0.113.9 {ORIGIN}/",
        f"10.0.0.1 {ORIGIN}/",
        f"203.0.113.9 {ORIGIN}/",
        f"198.51.100.7 {ORIGIN}/",
    ]


def test_links_for_passwords_use_the_configured_address(make_site: Any) -> None:
    site = make_site(public_url="https://thidua.example.gov.vn")
    browser = site.signed_in("khoi")
    person = person_of(site.office.world, "diem")
    form = {"version": str(person.version)}
    answer = browser.post(
        f"/admin/people/{person.ref}/link", form, headers={"X-Forwarded-Host": "evil.example"}
    )
    text = answer.get_data(as_text=True)
    assert re.search(r"https://thidua\.example\.gov\.vn/(reset|activate)/[\w-]{40,}", text)
    assert "evil" not in text


OPEN_REDIRECTS = [
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example",
    "\\/evil.example", "/\\/evil.example", "https:evil.example", "https:/evil.example", "https://evil.example",
    "HTTPS://EVIL.EXAMPLE", "http://127.0.0.1:8000@evil.example", "javascript:alert(1)", "data:text/html,x",
    "/%09/evil.example", "/%5cevil.example", "/%2f/evil.example", "/%252f%252fevil.example", "%2f%2fevil.example",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example",
    "/.//evil.example", "/..//evil.example", "/a/..//evil.example", "//evil.example/%2e%2e", "evil.example",
    "/%0d%0aLocation:https://evil.example", "/login/../..//evil", "/\u2028/evil", "http:///evil.example",
    "mailto:a@evil.example", "/:evil", "?next=//evil.example", "",
]  # fmt: skip


@pytest.mark.parametrize("target", OPEN_REDIRECTS)
def test_a_redirect_stays_on_the_site(target: str) -> None:
    assert safe_next(target) == "/"


@pytest.mark.parametrize("target", OPEN_REDIRECTS[:31])
def test_logging_in_never_leads_to_another_site(make_site: Any, target: str) -> None:
    site = make_site(demo=True)
    ref = site.office.account_refs["diem"]
    answer = site.browser().post(f"/demo/{ref}", {"next": target})
    if answer.status_code == 303:
        assert answer.headers["Location"] == "/"
    else:
        assert answer.status_code == 400


@pytest.mark.parametrize("target", ["/dossiers/GT-2024-0001", "/waiting?q=phu%20loi&overdue=1", "/account"])
def test_a_page_of_ours_is_reached_after_logging_in(site: Site, target: str) -> None:
    answer = site.browser().get(target)
    assert answer.status_code == 303
    assert safe_next(target) == target
    page = site.browser().get(answer.headers["Location"]).get_data(as_text=True)
    assert f'name="next" value="{target.replace("&", "&amp;")}"' in page


HOSTILE = ["\x00", "a\x00b", "\ud800".encode("utf-8", "replace").decode(), "x" * 1_100_000,
           "'; DROP TABLE dossier;--",
           "{{7*7}}", "<script>alert(1)</script>", "-1", "9" * 40, "NaN", "../../etc/passwd", "\u202e", "[]",
           "é" * 3000,
           "%s%s%n", "31/02/2024", "\r\nSet-Cookie: a=b"]  # fmt: skip


@pytest.mark.parametrize("login", ["suong", "khoi", "diem"])
def test_hostile_input_gets_an_answer_and_never_a_crash(busy_site: Site, login: str) -> None:
    """Every form that the person is shown, all its fields filled with the same hostile text."""
    browser = busy_site.signed_in(login)
    forms = forms_of(browser)
    assert len(forms) > 3
    for value in HOSTILE:
        for path, fields in forms.items():
            if path == "/logout" or path.endswith("/disable"):
                continue
            data = {name: value for name in fields if name != "csrf_token"}
            answer = browser.post(path, data)
            assert answer.status_code < 500, (path, value[:40])
            if len(value) > FIELD_BYTES and data:
                assert answer.status_code in (400, 413), path
        for path in ("/waiting", "/search", "/dossiers", "/admin/units", "/admin/people"):
            for name in ("q", "after", "function"):
                answer = browser.get(path, query_string={name: value[:2000]})
                assert answer.status_code < 500, (path, name, value[:40])


@pytest.mark.parametrize("path", ["/waiting?q=a&q=b", "/login?next=/&next=//evil", "/search?after=1&after=2"])
def test_a_field_given_twice_is_refused(site: Site, path: str) -> None:
    assert site.signed_in("diem").get(path).status_code == 400


def forms_of(browser: Browser) -> dict[str, set[str]]:
    """Return the forms of the pages that the person is shown: where they go and what fields they have."""
    found: dict[str, set[str]] = {}
    for page_path, status in crawl(browser, at_most=60).items():
        if status != 200 or page_path.startswith("/files/"):
            continue
        page = browser.get(page_path).get_data(as_text=True)
        for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL):
            target = re.search(r'<form[^>]*action="([^"]+)"', form)
            names = set(re.findall(r'<(?:input|textarea|select|button)[^>]*\bname="([^"]+)"', form))
            found.setdefault(target[1] if target else page_path, set()).update(names)
    return found


@pytest.mark.parametrize(
    "error",
    [ValueError("secret in the text"), KeyError("/work/secret.py"), ZeroDivisionError(), RuntimeError("SELECT *")],
)  # fmt: skip
def test_an_unforeseen_error_shows_the_request_id_and_nothing_else(site: Site, error: Exception) -> None:
    def broken() -> str:
        raise error

    site.app.view_functions["about.help_page"] = broken
    answer = site.app.test_client().get("/help", base_url=ORIGIN)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in text
    for leak in ("Traceback", "secret", "SELECT", ".py", "Error", "werkzeug", "Flask"):
        assert leak not in text, leak
    assert_headers(answer, "/help")


def test_even_the_page_about_the_error_may_fail(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("template")

    monkeypatch.setattr("web.errors.render_template", broken)
    answer = site.browser().get("/nowhere")
    assert answer.status_code == 404
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Request-Id"] in answer.get_data(as_text=True)
    assert_headers(answer, "/nowhere")


@pytest.mark.parametrize(
    "path", ["/console", "/metrics", "/docs", "/.git/HEAD", "/static/", "/static/../app.py", "/server-status",
             "/admin.php", "/static/css/", "/debug", "/.env"]
)  # fmt: skip
def test_what_should_not_be_there_is_not(site: Site, path: str) -> None:
    assert site.browser().get(path).status_code == 404


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "OPTIONS", "FOO"])
def test_other_methods_are_not_taken(site: Site, method: str) -> None:
    assert site.app.test_client().open("/login", method=method, base_url=ORIGIN).status_code == 405


def test_health_and_readiness_answer_probes_by_address(site: Site) -> None:
    client = site.app.test_client()
    assert client.get("/healthz", headers={"Host": "10.2.3.4:8000"}).json == {"status": "ok"}
    ready = client.get("/readyz", headers={"Host": "10.2.3.4:8000"})
    assert ready.status_code == 200
    assert ready.json == {"status": "ok", "database": "ok", "files": "ok"}


def test_readiness_tells_a_store_that_is_down_from_a_database_that_is(site: Site) -> None:
    import shutil

    shutil.rmtree(site.files.root) if hasattr(site.files, "root") else shutil.rmtree(
        site.files.address.removeprefix("file://")
    )
    ready = site.app.test_client().get("/readyz", base_url=ORIGIN)
    assert ready.status_code == 200
    assert ready.json["status"] == "degraded"
