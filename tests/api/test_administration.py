"""Units and people by program, and what comes of it for the person concerned."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Program, Site
from tests.builders import a_job_given_up
from workflow import accounts

NEWCOMER = {
    "full_name": "Trần Thị Mộng Nghi",
    "login": "nghi.tran",
    "unit_ref": "ubnd-xa-phu-loi",
    "function": "unit_head",
    "position_title": "Phó Chủ tịch",
    "from_on": "2024-11-01",
}


def test_a_unit_is_added_renamed_and_closed(both_sites: Site) -> None:
    admin = both_sites.program("khoi")
    added = admin.post(
        "/org-units",
        {
            "code": "truong-thcs-tan-giang",
            "kind": "school",
            "admin_level": "none",
            "name": "Trường THCS Tân Giang",
            "place_name": "Tân Giang",
            "from_on": "2024-01-01",
            "parent_ref": "ubnd-huyen-giang-thanh",
            "body_ref": "ubnd-huyen-giang-thanh",
        },
    )
    assert added.status_code == 201, added.text
    ref = added.json["ref"]
    assert added.headers["Location"] == f"/api/v1/org-units/{ref}"
    unit = admin.get(f"/org-units/{ref}")
    seen = unit.headers["ETag"]
    renamed = admin.post(
        f"/org-units/{ref}/names",
        {"from_on": "2024-10-01", "name": "Trường THCS Tân Khánh"},
        headers={"If-Match": seen},
    )
    assert renamed.status_code == 201, renamed.text
    assert renamed.headers["ETag"] == f'"{renamed.json["version"]}"'
    assert [one["name"] for one in admin.get(f"/org-units/{ref}").json["periods"]] == [
        "Trường THCS Tân Giang",
        "Trường THCS Tân Khánh",
    ]
    stale = admin.post(f"/org-units/{ref}/end", {"on": "2025-01-01"}, headers={"If-Match": seen})
    assert stale.status_code == 412
    closed = admin.post(
        f"/org-units/{ref}/end", {"seen_version": renamed.json["version"], "on": "2025-01-01"}
    )
    assert closed.status_code == 200, closed.text
    assert admin.get(f"/org-units/{ref}").json["periods"][-1]["to_on"] == "2025-01-01"


def test_an_invited_person_comes_in_works_and_leaves(both_sites: Site) -> None:
    site, admin = both_sites, both_sites.program("khoi")
    invited = admin.post("/people", NEWCOMER)
    assert invited.status_code == 201, invited.text
    accounts.set_password_by_link(
        site.world.database, purpose="activate", token=invited.json["token"], password="một câu dài dễ nhớ"
    )
    person = admin.get(f"/people/{invited.json['person_ref']}").json
    assert person["state"] == "active"
    with site.world.database.reading() as tx:
        row = tx.session.query(accounts.Account).filter_by(login="nghi.tran").one()
        account_id = row.id
    token = accounts.create_token(
        site.world.database,
        account_id=account_id,
        label="x",
        scopes="read",
        lifetime=accounts.ACTIVATE_WITHIN,
    )
    theirs = Program(site.app.test_client(), token)
    assert [place["function"] for place in theirs.get("/me").json["places"]] == ["unit_head"]
    member = person["memberships"][0]["ref"]
    seen = admin.get(f"/people/{invited.json['person_ref']}").headers["ETag"]
    ended = admin.post(f"/memberships/{member}/end", {"on": "2024-11-04"}, headers={"If-Match": seen})
    assert ended.status_code == 200, ended.text
    assert theirs.get("/me").json["places"] == []
    again = admin.post("/people", NEWCOMER)
    assert (again.status_code, again.json["code"]) == (409, "login_taken")
    link = admin.post(f"/people/{invited.json['person_ref']}/link", {"seen_version": ended.json["version"]})
    assert link.status_code == 201
    assert link.json["token"]
    assert link.json["purpose"] == "reset"


def test_a_function_goes_to_another_unit(site: Site) -> None:
    admin = site.program("khoi")
    seen = admin.get("/org-units/ubnd-huyen-giang-thanh").json["version"]
    given = admin.post(
        "/org-units/ubnd-huyen-giang-thanh/functions",
        {
            "seen_version": seen,
            "function": "intake",
            "unit_ref": "phong-noi-vu-giang-thanh",
            "from_on": "2024-11-04",
        },
    )
    assert (given.status_code, given.json) == (201, {"version": seen + 1})
    unit = admin.get("/org-units/ubnd-huyen-giang-thanh").json
    now = [one for one in unit["served_by"] if one["function"] == "intake" and one["to_on"] is None]
    assert [one["unit_name"] for one in now] == ["Phòng Nội vụ"]


def test_nobody_disables_themselves(site: Site) -> None:
    admin = site.program("khoi")
    me = admin.get("/me").json["person_ref"]
    seen = admin.get(f"/people/{me}").json["version"]
    answer = admin.post(f"/people/{me}/disable", {"seen_version": seen})
    assert (answer.status_code, answer.json["code"]) == (409, "not_yourself")


KEY = {"Idempotency-Key": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"}
PLACE = {"unit_ref": "ttyt-giang-thanh", "function": "nominator", "position_title": "Viên chức"}
UNIT = {"code": "truong-thcs-tan-giang", "kind": "school", "admin_level": "none", "place_name": "Tân Giang"}
BODY = "ubnd-huyen-giang-thanh"

DISABLE = "/people/{person}/disable"

# Under which address, with which body, which other body; whose version is named stands in the address.
CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/org-units", {**UNIT, "name": "Trường THCS Tân Giang", "from_on": "2024-12-01"}, {"name": "X"}),
    ("/org-units/ttyt-giang-thanh/names", {"name": "Trung tâm Y tế", "from_on": "2024-12-01"}, {"name": "X"}),
    ("/org-units/ubnd-xa-phu-loi/end", {"on": "2024-12-01"}, {"on": "2025-01-01"}),
    (
        f"/org-units/{BODY}/functions",
        {"function": "intake", "unit_ref": "phong-noi-vu-giang-thanh", "from_on": "2024-12-01"},
        {"function": "appraiser"},
    ),
    ("/people", NEWCOMER, {"full_name": "Trần Thị Nghi"}),
    ("/people/{person}/memberships", {**PLACE, "from_on": "2024-12-01"}, {"position_title": "X"}),
    ("/memberships/{membership}/end", {"on": "2024-12-01"}, {"on": "2025-01-01"}),
    ("/people/{person}/link", {}, {"seen_version": 99}),
    (DISABLE, {}, {}),
    ("/people/{person}/enable", {}, {"seen_version": 99}),
]


def present(admin: Program, path: str) -> tuple[str, dict[str, int]]:
    """Return the address filled in for Diễm, and the present version of what it changes, if it changes anything."""
    (found,) = admin.get("/people?search=diem").json["rows"]
    person = admin.get(f"/people/{found['ref']}").json
    whole = path.format(person=person["ref"], membership=person["memberships"][0]["ref"])
    if "{" in path:
        return whole, {"seen_version": person["version"]}
    if path.count("/") == 1:
        return whole, {}
    return whole, {"seen_version": admin.get(path.rpartition("/")[0]).json["version"]}


def test_every_change_of_an_administrator_acts_once_under_its_key(both_sites: Site) -> None:
    admin = both_sites.program("khoi")
    for n, (path, body, other) in enumerate(CHANGES):
        path, seen = present(admin, path)
        key = {"Idempotency-Key": f"the-key-of-{n}"}
        first = admin.post(path, {**seen, **body}, headers=key)
        assert first.status_code in (200, 201), (path, first.text)
        changed = present(admin, CHANGES[n][0])[1]
        again = admin.post(path, {**seen, **body}, headers=key)
        assert again.status_code == first.status_code, (path, again.text)
        assert again.json == {name: None if name == "token" else value for name, value in first.json.items()}
        assert [again.headers.get(name) for name in ("ETag", "Location")] == [
            first.headers.get(name) for name in ("ETag", "Location")
        ]
        assert present(admin, CHANGES[n][0])[1] == changed, path
        if CHANGES[n][0] == DISABLE:  # whom it names is all there is of it
            continue
        refused = admin.post(path, {**seen, **body, **other}, headers=key)
        assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_reused"), path


def test_every_change_of_an_administrator_says_what_it_saw_and_hears_what_happened(both_sites: Site) -> None:
    admin = both_sites.program("khoi")
    for n, (path, body, _) in enumerate(CHANGES):
        path, seen = present(admin, path)
        if not seen or CHANGES[n][0] == DISABLE:
            continue
        silent = admin.post(path, body)
        assert (silent.status_code, silent.json["code"]) == (422, "seen_version_missing"), path
        version = seen["seen_version"]
        assert admin.post(path, body, headers={"If-Match": f'"{version}"'}).status_code in (200, 201), path
        told = []
        for late in (
            admin.post(path, {**seen, **body}),
            admin.post(path, body, headers={"If-Match": f'"{version}"'}),
        ):
            assert late.json["code"] == "changed_meanwhile", path
            assert late.json["meanwhile"]["version"] == version + 1
            assert "(Lý Minh Khôi)" in late.json["meanwhile"]["happened"]
            told.append(late.status_code)
        assert told == [409, 412], path
        assert present(admin, CHANGES[n][0])[1] == {"seen_version": version + 1}, path


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({}, {}),
        ({"seen_version": 99}, {}),
        ({}, {"If-Match": '"99"'}),
        ({"seen_version": 1}, {"If-Match": '"2"'}),
    ],
)
def test_an_account_is_disabled_whatever_was_seen_of_it(
    site: Site, body: dict[str, int], headers: dict[str, str]
) -> None:
    admin = site.program("khoi")
    path, seen = present(admin, DISABLE)
    done = admin.post(path, body, headers=headers)
    assert (done.status_code, done.json) == (200, {"version": seen["seen_version"] + 1})
    assert done.headers["ETag"] == f'"{seen["seen_version"] + 1}"'
    again = admin.post(path, body, headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "already_disabled")


def test_what_the_system_gave_up_is_listed_and_tried_again(both_sites: Site) -> None:
    a_job_given_up(both_sites.world, "notify/0", "notify/1", "notify/2")
    admin = both_sites.program("khoi")
    first = admin.get("/jobs?limit=2")
    assert first.status_code == 200, first.text
    assert first.json["rows"][0] == {
        "key": "notify/2",
        "kind": "notify",
        "what": "Telling people of a deed on a dossier",
        "since": "2024-11-04T02:00:00+00:00",
        "tries": 5,
        "error": "ValueError",
        "reason": "The program met an error; the server's log has the details.",
    }
    assert "Mộng Nghi" not in first.text
    second = admin.get("/jobs", query_string={"after": first.json["next"]})
    assert ([row["key"] for row in second.json["rows"]], second.json["next"]) == (["notify/0"], None)
    for _ in range(2):
        assert admin.post("/jobs/again", {"key": "notify/2"}, headers=KEY).status_code == 204
    other = admin.post("/jobs/again", {"key": "notify/1"}, headers=KEY)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    late = admin.post("/jobs/again", {"key": "notify/2"})
    assert (late.status_code, late.json["code"]) == (409, "job_not_given_up")
    assert [row["key"] for row in admin.get("/jobs").json["rows"]] == ["notify/1", "notify/0"]
    a_job_given_up(both_sites.world, "notify/2")
    anew = admin.post("/jobs/again", {"key": "notify/2"}, headers=KEY)
    assert (anew.status_code, anew.json["code"]) == (409, "job_given_up_anew")
    assert admin.post("/jobs/again", {"key": "notify/2"}).status_code == 204
