"""Who may call what (T02), what a stranger learns of a dossier (T03), and steps nobody can skip (T10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Draft, Program, Site
from tests.provinces import STRANGER, beside
from tests.workflow.journeys import JOURNEYS, a_dossier

NOTHING = "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"


def asked(dossier: str, nominee: str, paper: str, file: str, version: int) -> Iterator[tuple[str, str, Any]]:
    """Every operation that takes the name of something inside a dossier."""
    seen = {"seen_version": version}
    yield "GET", f"/dossiers/{dossier}", None
    yield "PATCH", f"/dossiers/{dossier}", {**seen, "fields": {"title": "x"}}
    yield "GET", f"/dossiers/{dossier}/versions/1", None
    yield "POST", f"/dossiers/{dossier}/nominees", {**seen, "class_code": "agency_district", "name": "A"}
    yield "PATCH", f"/nominees/{nominee}", {**seen, "name": "A"}
    yield "DELETE", f"/nominees/{nominee}?seen_version={version}", None
    yield "DELETE", f"/papers/{paper}?seen_version={version}", None
    yield "GET", f"/files/{file}", None
    yield "GET", f"/dossiers/{dossier}/history", None
    yield "GET", f"/dossiers/{dossier}/history?after=1", None
    yield "GET", f"/dossiers/{dossier}/history/verdict", None
    for action in ("submit", "withdraw", "receive", "approve", "issue", "no_such_action"):
        yield "POST", f"/dossiers/{dossier}/actions/{action}", seen
        yield "POST", f"/dossiers/{dossier}/nominees/{nominee}/actions/{action}", seen


def send(program: Program, method: str, path: str, body: Any) -> Any:
    return program.send(method, path, **({} if body is None else {"json": body}))


def without_id(answer: Any) -> Any:
    assert answer.status_code == 404, answer.text
    return {key: value for key, value in answer.json.items() if key != "request_id"}, sorted(
        name for name, _ in answer.headers if name not in ("X-Request-Id", "Content-Length")
    )


@pytest.mark.parametrize("who", ["tuyen", "diem", "khai", "tuyet", "an", "khoi", "phong"])
def test_a_foreign_dossier_is_as_missing_on_every_operation(site: Site, who: str) -> None:
    draft = site.draft()
    paper = site.program("suong").upload(draft.ref, seen_version=draft.version).json
    version, stranger = paper["version"], site.program(who)
    for name in (draft.ref, draft.code):
        real = asked(name, draft.nominees[0], paper["ref"], paper["version_ref"], version)
        none = asked(NOTHING, NOTHING, NOTHING, NOTHING, version)
        for there, not_there in zip(real, none, strict=True):
            foreign, missing = send(stranger, *there), send(stranger, *not_there)
            assert without_id(foreign) == without_id(missing), there
    foreign_upload = stranger.upload(draft.ref, seen_version=version)
    assert without_id(foreign_upload) == without_id(stranger.upload(NOTHING, seen_version=version))
    assert site.world.version(draft.ref) == version


@pytest.mark.parametrize("who", ["suong", "diem", "an"])
def test_another_province_finds_nothing_on_every_operation(site: Site, who: str) -> None:
    case = a_dossier(site.world, site.files, "submitted")
    paper = site.program("diem").get(f"/dossiers/{case.dossier}").json["papers"][0]
    version = site.world.version(case.dossier)
    with site.world.database.writing() as tx:
        site.world.accounts.update({"theirs": beside(tx, site.world, STRANGER).accounts[who]})
    stranger = site.program("theirs")
    rounds = [one["code"] for one in stranger.get("/rounds").json["rows"]]
    assert rounds in ([], [STRANGER.round_code])
    real = asked(case.dossier, case.nominee, paper["ref"], paper["versions"][0]["ref"], version)
    none = asked(NOTHING, NOTHING, NOTHING, NOTHING, version)
    for there, not_there in zip(real, none, strict=True):
        assert without_id(send(stranger, *there)) == without_id(send(stranger, *not_there)), there
    for path in ("/dossiers", "/dossiers?search=vinh+phu", "/waiting", "/waiting?search=vinh"):
        assert stranger.get(path).json["rows"] == [], path
    answer = stranger.post("/dossiers", {"round_code": "GT-2024"})
    assert answer.status_code in (403, 404), answer.text
    assert site.world.version(case.dossier) == version


@pytest.mark.parametrize("who", ["tuyen", "khoi"])
def test_lists_and_searches_tell_a_stranger_nothing(site: Site, who: str) -> None:
    draft = site.draft()
    stranger = site.program(who)
    for path in (
        "/dossiers",
        f"/dossiers?search={draft.code}",
        "/dossiers?search=khoa+noi",
        "/waiting",
        "/waiting?search=khoa",
    ):
        assert stranger.get(path).json["rows"] == [], path
    assert stranger.get("/waiting/counts").json == {"waiting": 0, "overdue": 0, "due_soon": 0}


@pytest.mark.parametrize("who", ["suong", "thinh", "tuyen", "diem", "khai", "tuyet", "an", "phong"])
def test_administration_does_not_exist_for_others(shared_site: Site, who: str) -> None:
    program = shared_site.program(who)
    bodies: list[tuple[str, str, Any]] = [
        ("GET", "/org-units", None),
        ("GET", "/org-units/ubnd-xa-phu-loi", None),
        ("GET", "/people", None),
        ("GET", f"/people/{NOTHING}", None),
        ("GET", "/jobs", None),
        ("POST", "/jobs/again", {"key": "schedule/tidy/2024-11-04T19:20:00Z"}),
        *(
            ("POST", f"/people/{NOTHING}/{what}", {"seen_version": 1})
            for what in ("disable", "enable", "link")
        ),
        ("POST", f"/memberships/{NOTHING}/end", {"seen_version": 1, "on": "2025-01-01"}),
        ("POST", "/org-units/ubnd-xa-phu-loi/end", {"seen_version": 1, "on": "2025-01-01"}),
        (
            "POST",
            "/org-units/ubnd-xa-phu-loi/names",
            {"seen_version": 1, "from_on": "2025-01-01", "name": "X"},
        ),
    ]
    told = {str(without_id(send(program, *one))[0]) for one in bodies}
    assert len(told) == 1


WRITES_OF_AN_AUDITOR = [
    ("POST", "/dossiers", {"round_code": "GT-2024"}),
    ("PATCH", "/dossiers/{dossier}", {"seen_version": 9, "fields": {}}),
    ("POST", "/dossiers/{dossier}/nominees", {"seen_version": 9, "class_code": "x", "name": "x"}),
    ("PATCH", "/nominees/{nominee}", {"seen_version": 9, "name": "x"}),
    ("DELETE", "/nominees/{nominee}?seen_version=9", None),
    ("POST", "/dossiers/{dossier}/actions/receive", {"seen_version": 9}),
    ("POST", "/dossiers/{dossier}/actions/withdraw", {"seen_version": 9, "reason": "x"}),
]


def test_an_auditor_reads_and_writes_nothing(site: Site) -> None:
    case = a_dossier(site.world, site.files, "submitted")
    version = site.world.version(case.dossier)
    auditor = site.program("phong")
    assert auditor.get(f"/dossiers/{case.dossier}").status_code == 200
    assert auditor.get(f"/dossiers/{case.dossier}/history/verdict").json["intact"] is True
    for method, path, body in WRITES_OF_AN_AUDITOR:
        answer = send(auditor, method, path.format(dossier=case.dossier, nominee=case.nominee), body)
        assert answer.status_code == 403, (method, path, answer.text)
    assert site.world.version(case.dossier) == version


@pytest.mark.parametrize("state", ["draft", "submitted", "under_appraisal", "pending_decision", "issued"])
def test_no_step_can_be_skipped(site: Site, state: str) -> None:
    case = a_dossier(site.world, site.files, state)
    version = site.world.version(case.dossier)
    shown = {
        who: {one["key"] for one in answer.json["actions"]}
        for who in ("suong", "diem", "khai", "tuyet", "an")
        if (answer := site.program(who).get(f"/dossiers/{case.dossier}")).status_code == 200
    }
    actions = ["submit", "receive", "start_appraisal", "finish_appraisal", "record_review_meeting",
               "submit_for_decision", "approve", "issue", "refuse", "withdraw", "return_overdue"]  # fmt: skip
    tried = 0
    for who in ("suong", "diem", "khai", "tuyet", "an", "khoi"):
        for action in actions:
            if action in shown.get(who, set()):
                continue
            answer = site.program(who).post(
                f"/dossiers/{case.dossier}/actions/{action}", {"seen_version": version, "reason": "x"}
            )
            assert answer.status_code in (403, 404, 409), (who, action, answer.text)
            tried += 1
    assert tried > 30
    assert state in JOURNEYS
    assert site.world.version(case.dossier) == version
    assert site.world.state(case.dossier) == state


def test_whoever_proposes_never_appraises_even_with_both_functions(site: Site) -> None:
    case = a_dossier(site.world, site.files, "submitted")
    admin = site.program("khoi")
    suong = next(one for one in admin.get("/people?search=suong").json["rows"] if one["login"] == "suong")
    given = admin.post(
        f"/people/{suong['ref']}/memberships",
        {
            "seen_version": admin.get(f"/people/{suong['ref']}").json["version"],
            "unit_ref": "phong-gddt-giang-thanh",
            "function": "intake",
            "position_title": "Chuyên viên",
            "from_on": "2024-11-01",
        },
    )
    assert given.status_code == 201, given.text
    answer = site.program("suong").post(
        f"/dossiers/{case.dossier}/actions/receive", {"seen_version": site.world.version(case.dossier)}
    )
    assert (answer.status_code, answer.json["code"]) == (403, "duties_conflict")


def test_the_draft_is_the_units_own(site: Site) -> None:
    draft: Draft = site.draft()
    assert site.program("thinh").get(f"/dossiers/{draft.ref}").status_code == 200
    assert site.program("suong").get("/dossiers").json["rows"][0]["code"] == draft.code
