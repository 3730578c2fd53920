"""What leaves a running server beside its answers: its log, its errors, its addresses (promises T86, T87, I15).

Hostile requests and forced errors by the dozen; then every line of the log is read, and people's names, telephone
numbers and file names are looked for in everything that is neither a page for those who may see them nor the
database's own payloads.
"""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

import psycopg
import pytest

from tests.builders import a_pdf, award_form_code
from tests.promises.installation import API, Answer, Client, Installation, Server

NAME = "Thị Kim Ngân Hoàng Canary"
PHONE = "+84912345678"
FILE = "Lý lịch Ngân Canary.pdf"
CANARIES = (NAME, PHONE, FILE, "Ngân Canary")

# Text that would forge a second line, colour a terminal, or break out of JSON.
POISON = (
    'x\r\n{"event": "forged", "level": "info"}',
    "x\n2026-01-01T00:00:00Z forged",
    "\x1b[2J\x1b[31mred",
    '"}\n{"event":"forged"}',
    "\u2028forged\u2029",
    "x\x00y",
    "‮gpj.exe",
)  # fmt: skip

# What would tell a stranger how we are built or where we live.
REVEALING = re.compile(
    rb"Traceback|File \"|\.py\b|sqlalchemy|sqlite|psycopg|postgres|SELECT |INSERT |UPDATE |werkzeug|flask|"
    rb"waitress|jinja|Python/|/site-packages|/work/|/home/|/tmp/|VINHDANH_",
    re.IGNORECASE,
)


def raw(server: Server, request: bytes) -> bytes:
    """Send bytes as they are; return what comes back until the server has said enough."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(request)
        with suppress(OSError):
            line.shutdown(socket.SHUT_WR)
        heard = b""
        with suppress(OSError):
            while piece := line.recv(65536):
                heard += piece
        return heard


def hostile(server: Server, token: str) -> Iterator[bytes]:
    """Requests that no program of good faith sends, each whole."""
    host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
    bearer = f"Authorization: Bearer {token}\r\n".encode()
    close = b"Connection: close\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # TLS on a plain port
    yield b"GET\r\n\r\n"
    yield b"GET / HTTP/9.9\r\n" + host + close + b"\r\n"
    yield b"G E T / HTTP/1.1\r\n" + host + close + b"\r\n"
    yield b"GET / HTTP/1.1\r\n" + close + b"\r\n"  # no host
    yield b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + close + b"\r\n"
    yield b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 300_000 + b"\r\n\r\n"
    yield b"POST / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n"
    yield b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\n"
    for method in (b"TRACE", b"CONNECT", b"OPTIONS", b"PROPFIND", b"DEBUG", b"\x1b[31m"):
        yield method + b" / HTTP/1.1\r\n" + host + close + b"\r\n"
    for path in ("/.git/config", "/static/../web/cli.py", "/static/%2e%2e/web/cli.py", "/console", "/metrics",
                 "/docs", "/server-status", "/%00", "/" + "a" * 5000, "/dossiers/%ff%fe", "/%"):  # fmt: skip
        yield f"GET {path} HTTP/1.1\r\n".encode() + host + close + b"\r\n"
    for text in POISON:
        coded = quote(text)
        inline = text.encode().replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
        for path in (
            f"/{coded}",
            f"/search?q={coded}",
            f"{API}/dossiers/{coded}",
            f"{API}/dossiers?search={coded}",
        ):
            yield f"GET {path} HTTP/1.1\r\n".encode() + host + bearer + close + b"\r\n"
        for header in (b"User-Agent: ", b"Referer: ", b"X-Forwarded-For: ", b"X-Request-Id: ", b"Accept-Language: ",
                       b"Authorization: Bearer ", b"Cookie: vinhdanh-session=", b"Idempotency-Key: "):  # fmt: skip
            yield f"GET {API}/me HTTP/1.1\r\n".encode() + host + header + inline + b"\r\n" + close + b"\r\n"
    for body in (
        b"{",
        b"[1]",
        b'{"a":1,"a":2}',
        b"NaN",
        b'"\\ud800"',
        b"\xff\xfe",
        b"[" * 20_000,
        b'{"title": 1e999}',
    ):
        head = f"POST {API}/dossiers HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        yield head.encode() + host + bearer + close + b"\r\n" + body


def parsed(heard: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, body


def require_log(server: Server) -> list[dict[str, object]]:
    """Return the log, line by line; each must be one JSON object with UTC time, level and event."""
    lines = server.log.read_bytes().split(b"\n")
    assert lines.pop() == b""
    events = []
    for line in lines:
        assert all(32 <= byte < 127 for byte in line), line  # what people typed is escaped, whatever it was
        event = json.loads(line)
        assert isinstance(event, dict), line
        assert event["at"].endswith("Z"), line
        assert datetime.fromisoformat(event["at"]).utcoffset() == timedelta(0)
        assert event["level"] in ("debug", "info", "warning", "error", "critical"), line
        assert isinstance(event["event"], str)
        assert event["event"] != "forged"
        if event["event"] in ("request", "request_failed"):
            assert re.fullmatch(r"[0-9a-f-]{36}", str(event["request_id"])), line
        if event["event"] == "request":
            assert event["peer"] == "127.0.0.1", line
            assert isinstance(event["status"], int)
        events.append(event)
    return events


def test_hostile_requests_are_answered_shortly_and_logged_in_one_line_each(small: Installation) -> None:
    with small.serving() as server:
        answered = 0
        for request in hostile(server, small.token("diem")):
            heard = raw(server, request)
            if not heard:
                continue  # not HTTP at all: the line is closed
            status, headers, body = parsed(heard)
            assert status < 500 or status in (501, 505), (request[:80], status, body[:300])
            told = [word for word in REVEALING.findall(body) if word not in unquote_to_bytes(request)]
            assert told == [], (request[:80], body[:300])  # its own address may be given back to the asker
            assert "server" not in headers, request[:80]
            assert all(re.fullmatch(r"[a-z-]+", name) for name in headers), headers
            answered += 1
        assert answered > 80
        assert server.client(None).send("GET", "/healthz").status == 200
        events = require_log(server)
    assert sum(event["event"] == "request" for event in events) > 60
    small.check()


def break_tables(installation: Installation) -> None:
    """From now on the database refuses every new nominee and every paper, as a damaged one would."""
    url = installation.environment["VINHDANH_DATABASE_URL"]
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for table in ("nominee", "attachment_version", "revision"):
                connection.execute(
                    f"CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
                )
        connection.close()
        return
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        for table, column in (("nominee", "name"), ("attachment_version", "name"), ("revision", "content")):
            admin.execute(f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (length({column}) < 0) NOT VALID")


def a_nominee(client: Client, dossier: str, seen: int) -> Answer:
    return client.send(
        "POST",
        f"{API}/dossiers/{dossier}/nominees",
        {
            "seen_version": seen,
            "class_code": "health_staff",
            "name": NAME,
            "award_form": award_form_code(),
        },
    )


@pytest.mark.parametrize("where", ["small", "large"])
def test_names_numbers_and_file_names_stay_out_of_logs_records_addresses_and_errors(
    request: pytest.FixtureRequest, where: str
) -> None:
    installation: Installation = request.getfixturevalue(where)
    dossier = installation.dossier("draft")
    version = installation.world.version(dossier)
    with installation.serving() as server:
        unit, office = (server.client(installation.token(who)) for who in ("suong", "diem"))
        answers: list[Answer] = []

        added = a_nominee(unit, dossier, version)
        assert added.status == 201, added.body
        assert NAME in unit.get(f"/dossiers/{dossier}").body.decode() or NAME in json.dumps(
            unit.get(f"/dossiers/{dossier}").json, ensure_ascii=False
        ), "those who may see it do"
        nominee, version = added.json["ref"], added.json["version"]
        filled = unit.send(
            "PATCH",
            f"{API}/nominees/{nominee}",
            {"seen_version": version, "fields": {"achievement": f"Gọi {PHONE} để biết thêm về {NAME}."}},
        )
        assert filled.status == 200, filled.body
        given = unit.upload(dossier, a_pdf("canary"), FILE, seen_version=str(filled.json["version"]))
        assert given.status == 201, given.body
        version = given.json["version"]

        # Where such words are typed by mistake, and where they are refused.
        answers += [
            office.get(f"/dossiers?search={quote(NAME)}"),
            office.get(f"/dossiers/{quote(NAME)}"),
            office.get(f"/history?text={quote(PHONE)}"),
            unit.act(dossier, "submit", version, fields={NAME: PHONE}),
            unit.act(dossier, "withdraw", version, reason=f"{NAME} {PHONE}"),
            unit.act(dossier, quote(NAME), version),
            unit.send("POST", f"{API}/dossiers", {"round_code": "GT-1999", "title": f"{NAME} {PHONE}"}),
            unit.upload(dossier, b"no paper at all", FILE, seen_version=str(version)),
            server.client(None).send("GET", f"/search?q={quote(NAME)}"),
            server.client(None).send("GET", f"/{quote(NAME)}"),
            server.client(NAME.encode().hex()).get("/me"),
        ]
        break_tables(installation)
        version = installation.world.version(dossier)
        broken = [
            a_nominee(unit, dossier, version),
            unit.upload(dossier, a_pdf("again"), FILE, seen_version=str(version)),
            unit.send(
                "PATCH",
                f"{API}/nominees/{nominee}",
                {"seen_version": version, "fields": {"achievement": f"{NAME}, {PHONE}"}},
            ),
        ]
        assert [answer.status for answer in broken] == [500, 500, 500]
        for answer in broken:
            assert answer.json["code"] == "unforeseen"
            assert re.fullmatch(r"[0-9a-f-]{36}", answer.json["request_id"])
            assert REVEALING.search(answer.body) is None, answer.body
        for answer in (*answers, *broken):
            shown = (
                f"{answer.body.decode()} {answer.headers.get('location', '')}" if answer.status >= 300 else ""
            )
            for canary in CANARIES:
                assert canary not in shown, (answer.status, shown[:500])
                assert json.dumps(canary)[1:-1] not in shown
        for answer in answers:
            if "login" in answer.headers.get("location", ""):
                assert quote(NAME) not in answer.headers["location"]
        events = require_log(server)
    failed = {event["request_id"] for event in events if event["event"] == "request_failed"}
    assert {answer.json["request_id"] for answer in broken} <= failed, "the error can be found by its id"
    installation.check(CANARIES)
