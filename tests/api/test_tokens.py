"""Bearer tokens: who is let in, for what, until when; cookies open nothing here."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from dossiers.refusals import Invalid
from tests.api.conftest import API, ORIGIN, Program, Site
from workflow import accounts


def code_of(answer: TestResponse) -> str:
    return str(answer.json["code"])


def with_header(site: Site, value: str | None) -> Program:
    program = site.program(None)
    if value is not None:
        program.headers["Authorization"] = value
    return program


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("Bearer", "token_invalid"),
        ("Bearer vd_wrong", "token_invalid"),
        ("Bearer a b", "token_invalid"),
        ("Basic dTpw", "token_invalid"),
        ("Bearer " + "x" * 5000, "token_invalid"),
        ("Bearer vd_\u00e9", "token_invalid"),
    ],
)
def test_without_a_good_token_nobody_is_let_in(shared_site: Site, header: str | None, code: str) -> None:
    answer = with_header(shared_site, header).get("/me")
    assert answer.status_code == 401
    assert code_of(answer) == code
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_operation_asks_for_a_token(shared_site: Site) -> None:
    nobody, known = shared_site.program(None), 0
    ref = "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"
    for rule in shared_site.app.url_map.iter_rules():
        if not rule.endpoint.startswith("api.") or rule.endpoint == "api.openapi":
            continue
        path = rule.rule.removeprefix(API).replace("<int(min=1,max=100000):n>", "1")
        for place in (
            "dossier",
            "nominee",
            "paper",
            "file",
            "unit",
            "person",
            "membership",
            "token",
            "session",
        ):
            path = path.replace(f"<{place}>", ref)
        path = path.replace("<action>", "submit")
        for method in (rule.methods or set()) - {"HEAD"}:
            answer = nobody.send(method, path)
            assert answer.status_code == 401, (method, path, answer.status_code)
            known += 1
    assert known == 40


def test_a_session_cookie_opens_nothing(site: Site) -> None:
    with site.world.database.writing() as tx:
        account = tx.session.get_one(accounts.Account, site.world.accounts["suong"])
        signed_in = accounts._begin(tx, account)
    client = site.app.test_client()
    for name in ("vinhdanh-session", "__Host-vinhdanh-session"):
        client.set_cookie(name, signed_in.token, domain="127.0.0.1")
    answer = client.get(f"{API}/me", base_url=ORIGIN)
    assert answer.status_code == 401


def test_no_answer_sets_a_cookie(site: Site) -> None:
    for answer in (
        site.program("suong").get("/me"),
        site.program(None).get("/me"),
        site.program("suong").get("/x"),
    ):
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("scopes", "method", "path", "missing"),
    [
        ("write", "GET", "/me", "read"),
        ("read", "POST", "/dossiers", "write"),
        ("read write", "GET", "/people", "admin"),
        ("admin", "GET", "/dossiers", "read"),
    ],
)
def test_a_token_opens_what_its_scopes_say(
    shared_site: Site, scopes: str, method: str, path: str, missing: str
) -> None:
    answer = shared_site.program("khoi", scopes).send(method, path)
    assert answer.status_code == 403
    assert code_of(answer) == "scope_missing"
    assert f"“{missing}”" in answer.json["detail"]
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_a_scope_gives_nobody_more_than_their_functions(site: Site) -> None:
    assert site.program("suong").get("/people").status_code == 404
    assert site.program("khoi").get("/people").status_code == 200


def test_a_token_ends_at_its_time(site: Site) -> None:
    token = site.token("suong", lifetime=timedelta(hours=1))
    program = Program(site.app.test_client(), token)
    assert site.world.clock is not None
    site.world.clock.advance(timedelta(hours=1, seconds=-1))
    assert program.get("/me").status_code == 200
    site.world.clock.advance(timedelta(seconds=1))
    assert program.get("/me").status_code == 401


def test_a_revoked_token_is_dead_at_once(site: Site) -> None:
    program = site.program("suong")
    (row,) = program.get("/me/tokens").json["rows"]
    assert program.delete(f"/me/tokens/{row['ref']}").status_code == 204
    assert program.get("/me").status_code == 401


def test_somebody_elses_token_is_as_missing(site: Site) -> None:
    site.program("tuyen").get("/me")
    (row,) = site.program("tuyen").get("/me/tokens").json["rows"]
    mine = site.program("suong")
    foreign = mine.delete(f"/me/tokens/{row['ref']}")
    nothing = mine.delete("/me/tokens/0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10")
    assert foreign.status_code == nothing.status_code == 404
    assert {**foreign.json, "request_id": ""} == {**nothing.json, "request_id": ""}
    assert site.program("tuyen").get("/me").status_code == 200


def test_a_disabled_account_is_out_at_once(site: Site) -> None:
    program, admin = site.program("suong"), site.program("khoi")
    me = program.get("/me").json
    seen = {"seen_version": admin.get(f"/people/{me['person_ref']}").json["version"]}
    assert admin.post(f"/people/{me['person_ref']}/disable", seen).status_code == 200
    assert program.get("/me").status_code == 401


def test_me_tells_who_and_what_for(site: Site) -> None:
    me = site.program("diem", "read").get("/me").json
    assert me["full_name"] == "Thạch Ngọc Diễm"
    assert {place["function"] for place in me["places"]} == {"intake", "appraiser"}
    assert me["scopes"] == ["read"]


def test_the_language_is_asked_for_or_the_persons_own(site: Site) -> None:
    mine = site.program("suong", language=None)
    assert mine.get("/dossiers/none").json["detail"].startswith("Không tìm thấy")
    assert (
        site.program("suong", language="en-GB,en;q=0.9")
        .get("/dossiers/none")
        .json["detail"]
        .startswith("This page")
    )
    assert mine.send("PUT", "/me/language", json={"language": "en"}).status_code == 204
    answer = mine.get("/dossiers/none")
    assert answer.json["detail"].startswith("This page")
    assert answer.headers["Content-Language"] == "en"
    assert mine.get("/me").headers["Content-Language"] == "en"
    assert site.program("suong", language="vi").get("/me").headers["Content-Language"] == "vi"


@pytest.mark.parametrize("scopes", ["", "readwrite", "read superuser", "READ"])
def test_a_token_with_a_scope_that_is_none_is_not_made(shared_site: Site, scopes: str) -> None:
    with pytest.raises(Invalid, match="token_scopes"):
        shared_site.token("suong", scopes)
