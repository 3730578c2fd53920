"""Lists by cursor: every row once, in order, with a link to the next page."""

from __future__ import annotations

import re
from typing import Any

from tests.api.conftest import API, Program, Site


def follow(program: Program, path: str) -> list[Any]:
    rows: list[Any] = []
    while path:
        answer = program.get(path)
        assert answer.status_code == 200, answer.text
        rows.extend(answer.json["rows"])
        link = answer.headers.get("Link", "")
        assert bool(link) is (answer.json["next"] is not None)
        found = re.fullmatch(r'<([^>]+)>; rel="next"', link)
        path = found[1].removeprefix(API) if found else ""
    return rows


def test_dossiers_page_by_page(site: Site) -> None:
    codes = [site.draft(nominees=0).code for _ in range(7)]
    rows = follow(site.program("suong"), "/dossiers?limit=3")
    assert [row["code"] for row in rows] == codes[::-1]
    assert follow(site.program("suong"), "/dossiers?limit=3&state=draft&round=GT-2024") == rows
    assert follow(site.program("suong"), "/dossiers?limit=2&search=trung+tam+y+te") == rows
    assert follow(site.program("suong"), "/dossiers?round=GT-2025") == []


def test_what_waits_page_by_page(site: Site) -> None:
    for _ in range(5):
        site.draft(nominees=0)
    rows = follow(site.program("suong"), "/waiting?limit=2")
    assert len({row["code"] for row in rows}) == 5
    assert follow(site.program("suong"), "/waiting?limit=2&function=nominator") == rows
    assert follow(site.program("suong"), "/waiting?overdue=true") == []


def test_history_beyond_a_page(site: Site) -> None:
    draft, program = site.draft(nominees=0), site.program("suong")
    version = draft.version
    for n in range(105):
        answer = program.patch(
            f"/dossiers/{draft.ref}", {"seen_version": version, "fields": {"title": f"Lần {n}"}}
        )
        version = answer.json["version"]
    rows = follow(program, f"/dossiers/{draft.ref}/history")
    assert [row["position"] for row in rows] == list(range(1, 107))
    assert program.get(f"/dossiers/{draft.ref}/history/verdict").json["length"] == 106


def test_units_and_people_page_by_page(site: Site) -> None:
    admin = site.program("khoi")
    assert len({row["code"] for row in follow(admin, "/org-units?limit=2")}) == 6
    assert len({row["login"] for row in follow(admin, "/people?limit=3")}) == 10
    assert [
        row["login"]
        for row in follow(admin, "/people?search=dang") + follow(admin, "/people?search=mai suong")
    ]
