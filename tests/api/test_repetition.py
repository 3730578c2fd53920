"""The same request again acts once (T49); a version that is no longer the present one writes nothing (T50)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.api.conftest import Site
from tests.workflow.journeys import a_dossier

TOGETHER = 50
KEY = {"Idempotency-Key": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"}


def at_once(site: Site, who: str, method: str, path: str, body: Any) -> list[Any]:
    """Send the same request many times at the same moment, each from a client of its own."""
    token = site.token(who)
    assert token
    gate, answers = threading.Barrier(TOGETHER), [None] * TOGETHER

    def send(n: int) -> None:
        program = site.program(who)
        gate.wait(30)
        answers[n] = program.send(method, path, json=body, headers=KEY)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(TOGETHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in answers
    return answers


def test_fifty_equal_actions_at_once_act_once_and_answer_the_same(both_sites: Site) -> None:
    site = both_sites
    case = a_dossier(site.world, site.files, "submitted")
    version = site.world.version(case.dossier)
    answers = at_once(
        site, "diem", "POST", f"/dossiers/{case.dossier}/actions/receive", {"seen_version": version}
    )
    assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
    bodies = [answer.json for answer in answers]
    assert [body.pop("repeated") for body in bodies].count(False) == 1
    assert all(body == bodies[0] for body in bodies)
    assert {answer.headers["ETag"] for answer in answers} == {f'"{version + 1}"'}
    assert site.world.version(case.dossier) == version + 1
    history = site.program("diem").get(f"/dossiers/{case.dossier}/history").json["rows"]
    assert [one["action"] for one in history].count("receive") == 1


def test_fifty_equal_openings_at_once_open_one_dossier(both_sites: Site) -> None:
    site = both_sites
    answers = at_once(site, "suong", "POST", "/dossiers", {"round_code": "GT-2024", "title": "Một hồ sơ"})
    assert {answer.status_code for answer in answers} == {201}, {answer.text for answer in answers}
    assert len({answer.text for answer in answers}) == 1
    assert len(site.program("suong").get("/dossiers").json["rows"]) == 1


def test_a_nominee_is_added_once(both_sites: Site) -> None:
    draft, program = both_sites.draft(nominees=0), both_sites.program("suong")
    body = {"seen_version": draft.version, "class_code": "agency_district", "name": "Khoa Nội"}
    first = program.post(f"/dossiers/{draft.ref}/nominees", body, headers=KEY)
    again = program.post(f"/dossiers/{draft.ref}/nominees", body, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert len(program.get(f"/dossiers/{draft.ref}").json["nominees"]) == 1


def test_another_body_under_the_same_key_is_refused(both_sites: Site) -> None:
    program = both_sites.program("suong")
    assert program.post("/dossiers", {"round_code": "GT-2024", "title": "A"}, headers=KEY).status_code == 201
    other = program.post("/dossiers", {"round_code": "GT-2024", "title": "B"}, headers=KEY)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert other.json["field"] == "Idempotency-Key"
    assert len(program.get("/dossiers").json["rows"]) == 1


def test_the_key_of_one_person_is_not_that_of_another(site: Site) -> None:
    body = {"round_code": "GT-2024"}
    mine = site.program("suong").post("/dossiers", body, headers=KEY)
    theirs = site.program("tuyen").post("/dossiers", body, headers=KEY)
    assert mine.status_code == theirs.status_code == 201
    assert mine.json["ref"] != theirs.json["ref"]


def test_a_refused_request_leaves_its_key_free(site: Site) -> None:
    program = site.program("suong")
    assert program.post("/dossiers", {"round_code": "NO-SUCH"}, headers=KEY).status_code == 404
    assert program.post("/dossiers", {"round_code": "GT-2024"}, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "short", "x" * 201, "with a space", "khóa-không-ascii", "tab\tinside"])
def test_a_malformed_key_is_refused(site: Site, key: str) -> None:
    answer = site.program("suong").post(
        "/dossiers", {"round_code": "GT-2024"}, headers={"Idempotency-Key": key.encode().decode("latin-1")}
    )
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_malformed")


def test_who_comes_too_late_is_told_what_happened_and_writes_nothing(both_sites: Site) -> None:
    site = both_sites
    case = a_dossier(site.world, site.files, "submitted")
    version = site.world.version(case.dossier)
    path = f"/dossiers/{case.dossier}/actions/"
    first = site.program("diem").post(path + "receive", {"seen_version": version})
    assert first.status_code == 200
    late = site.program("suong").post(path + "withdraw", {"seen_version": version, "reason": "Rút."})
    assert (late.status_code, late.json["code"]) == (409, "changed_meanwhile")
    meanwhile = late.json["meanwhile"]
    assert (meanwhile["version"], meanwhile["state"]) == (version + 1, "received")
    assert "Thạch Ngọc Diễm" in meanwhile["happened"]
    assert meanwhile["happened"] in late.json["detail"]
    assert site.world.state(case.dossier) == "received"


def test_if_match_answers_412_instead(site: Site) -> None:
    draft, program = site.draft(), site.program("suong")
    body = {"fields": {"title": "Mới"}}
    stale = program.patch(f"/dossiers/{draft.ref}", body, headers={"If-Match": f'"{draft.version - 1}"'})
    assert (stale.status_code, stale.json["code"], stale.json["field"]) == (
        412,
        "changed_meanwhile",
        "If-Match",
    )
    good = program.patch(f"/dossiers/{draft.ref}", body, headers={"If-Match": f'"{draft.version}"'})
    assert good.status_code == 200
    assert good.headers["ETag"] == f'"{draft.version + 1}"'


@pytest.mark.parametrize(
    ("seen", "if_match", "status", "code"),
    [
        (None, None, 422, "seen_version_missing"),
        (3, '"4"', 422, "seen_version_twice"),
        (None, "*", 400, "if_match_unreadable"),
        (None, "4", 400, "if_match_unreadable"),
        (None, 'W/"4"', 400, "if_match_unreadable"),
        (None, '"4", "5"', 400, "if_match_unreadable"),
        (None, '"99999999999999999999"', 400, "if_match_unreadable"),
    ],
)
def test_every_change_says_which_version_was_seen(
    site: Site, seen: int | None, if_match: str | None, status: int, code: str
) -> None:
    draft = site.draft()
    nominee = draft.nominees[0]
    said = {} if seen is None else {"seen_version": seen}
    headers = {} if if_match is None else {"If-Match": if_match}
    program = site.program("suong")
    query = "" if seen is None else f"?seen_version={seen}"
    answers = [
        program.patch(f"/dossiers/{draft.ref}", {**said, "fields": {}}, headers=headers),
        program.post(
            f"/dossiers/{draft.ref}/nominees",
            {**said, "class_code": "agency_district", "name": "A"},
            headers=headers,
        ),
        program.patch(f"/nominees/{nominee}", {**said, "name": "A"}, headers=headers),
        program.delete(f"/nominees/{nominee}{query}", headers=headers),
        program.post(f"/dossiers/{draft.ref}/actions/submit", said, headers=headers),
        program.upload(draft.ref, headers=headers, **said),
        program.delete(f"/papers/{nominee}{query}", headers=headers),
    ]
    assert [(one.status_code, one.json["code"]) for one in answers] == [(status, code)] * len(answers)
    assert site.world.version(draft.ref) == draft.version
