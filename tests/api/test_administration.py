"""Units and people by program, and what comes of it for the person concerned."""

from __future__ import annotations

from tests.api.conftest import Program, Site
from tests.builders import given_up
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
    assert [one["name"] for one in renamed.json["periods"]] == [
        "Trường THCS Tân Giang",
        "Trường THCS Tân Khánh",
    ]
    stale = admin.post(f"/org-units/{ref}/end", {"on": "2025-01-01"}, headers={"If-Match": seen})
    assert stale.status_code == 412
    closed = admin.post(
        f"/org-units/{ref}/end", {"seen_version": renamed.json["version"], "on": "2025-01-01"}
    )
    assert closed.status_code == 200, closed.text
    assert closed.json["periods"][-1]["to_on"] == "2025-01-01"


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
    assert admin.post(f"/memberships/{member}/end", {"on": "2024-11-04"}).status_code == 204
    assert theirs.get("/me").json["places"] == []
    again = admin.post("/people", NEWCOMER)
    assert (again.status_code, again.json["code"]) == (409, "login_taken")
    link = admin.post(f"/people/{invited.json['person_ref']}/link")
    assert link.status_code == 201
    assert link.json["token"]


def test_a_function_goes_to_another_unit(site: Site) -> None:
    given = site.program("khoi").post(
        "/org-units/ubnd-huyen-giang-thanh/functions",
        {"function": "intake", "unit_ref": "phong-noi-vu-giang-thanh", "from_on": "2024-11-04"},
    )
    assert given.status_code == 201, given.text
    now = [one for one in given.json["served_by"] if one["function"] == "intake" and one["to_on"] is None]
    assert [one["unit_name"] for one in now] == ["Phòng Nội vụ"]


def test_nobody_disables_themselves(site: Site) -> None:
    admin = site.program("khoi")
    me = admin.get("/me").json["person_ref"]
    answer = admin.post(f"/people/{me}/disable")
    assert (answer.status_code, answer.json["code"]) == (409, "not_yourself")


def test_what_the_system_gave_up_is_listed_and_tried_again(both_sites: Site) -> None:
    given_up(both_sites.world, "notify/0", "notify/1", "notify/2")
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
    key = {"Idempotency-Key": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a11"}
    for _ in range(2):
        assert admin.post("/jobs/again", {"key": "notify/2"}, headers=key).status_code == 204
    other = admin.post("/jobs/again", {"key": "notify/1"}, headers=key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    late = admin.post("/jobs/again", {"key": "notify/2"})
    assert (late.status_code, late.json["code"]) == (409, "job_not_given_up")
    assert [row["key"] for row in admin.get("/jobs").json["rows"]] == ["notify/1", "notify/0"]
