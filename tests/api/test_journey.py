"""A dossier by program: opened, filled in, answered, given papers, sent; each answer as the next needs it."""

from __future__ import annotations

from tests.api.conftest import Site

ANSWERS = {
    "GT-COL-00": {"attested": True, "document_no": "1/BC", "document_on": "2024-10-01"},
    "GT-A-1": {"attested": True},
    "GT-A-2": {"attested": True},
    "GT-A-3": {"attested": True},
    "GT-A-4": {"numerator": 47, "denominator": 50},
    "GT-A-5": {
        "document_no": "60/QĐ-HKH",
        "document_on": "2024-10-02",
        "document_issuer": "Hội Khuyến học huyện Giang Thành",
    },
}


def test_a_dossier_travels_from_draft_to_received(both_sites: Site) -> None:
    site = both_sites
    unit, office = site.program("suong"), site.program("diem")

    rounds = unit.get("/rounds").json["rows"]
    assert [(one["code"], one["is_open"]) for one in rounds] == [("GT-2024", True)]

    draft = site.draft()
    shown = unit.get(f"/dossiers/{draft.ref}")
    assert shown.status_code == 200, shown.text
    assert shown.headers["ETag"] == f'"{draft.version}"'
    assert shown.json["code"] == draft.code
    assert [one["code"] for one in shown.json["classes"]]
    assert unit.get(f"/dossiers/{draft.code}").json == shown.json

    version = draft.version
    filled = unit.patch(
        f"/dossiers/{draft.ref}",
        {
            "seen_version": version,
            "fields": {"submission_paper_no": "1612/TTr-TTYT", "submission_paper_on": "04/11/2024"},
        },
    )
    assert filled.status_code == 200, filled.text
    answered = unit.patch(
        f"/nominees/{draft.nominees[0]}",
        {"fields": {"achievement": "Mở bốn lớp ngắn hạn."}, "answers": ANSWERS},
        headers={"If-Match": filled.headers["ETag"]},
    )
    assert answered.status_code == 200, answered.text
    version = answered.json["version"]

    for kind in ("submission_paper", "minutes", "achievement_report"):
        added = unit.upload(draft.ref, kind=kind, seen_version=version)
        assert added.status_code == 201, added.text
        version = added.json["version"]

    sent = unit.post(f"/dossiers/{draft.ref}/actions/submit", {"seen_version": version})
    assert sent.status_code == 200, sent.text
    assert sent.json["state"] == "submitted"
    assert sent.json["repeated"] is False

    waiting = office.get("/waiting").json["rows"]
    assert [one["code"] for one in waiting] == [draft.code]
    assert office.get("/waiting/counts").json["waiting"] == 1
    seen = office.get(f"/dossiers/{draft.code}").json
    assert {"receive", "request_supplement"} <= {one["key"] for one in seen["actions"]}

    frozen = office.get(f"/dossiers/{draft.code}/versions/1")
    assert frozen.status_code == 200, frozen.text
    assert frozen.json["fields"]["submission_paper_no"] == "1612/TTr-TTYT"

    history = office.get(f"/dossiers/{draft.code}/history").json
    assert [one["action"] for one in history["rows"]][:2] == ["opened", "nominee_added"]
    assert history["next"] is None
    verdict = office.get(f"/dossiers/{draft.code}/history/verdict").json
    assert verdict["intact"] is True
    assert verdict["length"] == len(history["rows"])
