"""What is sent is read strictly: nothing is smuggled in (T09), nothing crashes (T23), every refusal says where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Site

SMUGGLED = (
    "state",
    "role",
    "owner_id",
    "approved_by",
    "version",
    "quota",
    "function",
    "on_hold",
    "submissions",
    "id",
)


def state_of(shared_site: Site, ref: str) -> Any:
    shown = shared_site.program("suong").get(f"/dossiers/{ref}").json
    return {
        key: shown[key]
        for key in ("state", "version", "submissions", "on_hold", "title", "nominees", "fields")
    }


@pytest.mark.parametrize("name", SMUGGLED)
def test_an_unknown_member_is_refused_by_name_and_changes_nothing(shared_site: Site, name: str) -> None:
    draft = shared_site.draft()
    before = state_of(shared_site, draft.ref)
    program = shared_site.program("suong")
    nominee = draft.nominees[0]
    seen = {"seen_version": draft.version, name: "approved"}
    answers = [
        program.post("/dossiers", {"round_code": "GT-2024", name: 1}),
        program.patch(f"/dossiers/{draft.ref}", {**seen, "fields": {"title": "x"}}),
        program.post(
            f"/dossiers/{draft.ref}/nominees", {**seen, "class_code": "agency_district", "name": "A"}
        ),
        program.patch(f"/nominees/{nominee}", {**seen, "name": "B"}),
        program.post(f"/dossiers/{draft.ref}/actions/submit", seen),
        program.post(f"/dossiers/{draft.ref}/nominees/{nominee}/actions/withdraw_nominee", seen),
        program.upload(draft.ref, **seen),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert (answer.json["code"], answer.json["field"]) == ("field_unknown", name)
    inside = program.patch(
        f"/dossiers/{draft.ref}", {"seen_version": draft.version, "fields": {name: "approved"}}
    )
    assert inside.status_code == 422
    assert inside.json["problems"][0]["code"] == "field_unknown"
    assert state_of(shared_site, draft.ref) == before


RAW: list[tuple[bytes, str, int, str]] = [
    (b"", "application/json", 400, "json_unreadable"),
    (b"{", "application/json", 400, "json_unreadable"),
    (b"\xff\xfe", "application/json", 400, "json_unreadable"),
    (b'{"title": NaN}', "application/json", 400, "json_unreadable"),
    (b'{"title": Infinity}', "application/json", 400, "json_unreadable"),
    (b'{"title": ' + b"9" * 5000 + b"}", "application/json", 400, "json_unreadable"),
    (b"[" * 100_000, "application/json", 400, "json_unreadable"),
    (b'{"title": ' + b"[" * 30 + b"]" * 30 + b"}", "application/json", 400, "json_unreadable"),
    (b'{"round_code": "GT-2024", "round_code": "GT-2025"}', "application/json", 400, "json_name_repeated"),
    (b'{"a": {"b": 1, "b": 1}}', "application/json", 400, "json_name_repeated"),
    (b"[]", "application/json", 422, "type_wrong"),
    (b"null", "application/json", 422, "type_wrong"),
    (b'"text"', "application/json", 422, "type_wrong"),
    (b"1e999999999", "application/json", 422, "type_wrong"),
    (b"{}", "application/json", 422, "missing_value"),
    (b'{"round_code": null}', "application/json", 422, "missing_value"),
    (b'{"round_code": 1}', "application/json", 422, "type_wrong"),
    (b'{"round_code": 1.5}', "application/json", 422, "type_wrong"),
    (b'{"round_code": ["GT-2024"]}', "application/json", 422, "type_wrong"),
    (b'{"round_code": "GT\\u0000"}', "application/json", 422, "text_unreadable"),
    (b'{"round_code": "GT\\ud800"}', "application/json", 422, "text_unreadable"),
    (b'{"\\ud800": 1, "round_code": "GT-2024"}', "application/json", 422, "field_unknown"),
    (b'{"round_code": "GT-2024", "title": "a\\nb"}', "application/json", 422, "text_unreadable"),
    (b'{"round_code": "' + b"x" * 61 + b'"}', "application/json", 422, "text_too_long"),
    (b'{"round_code": "NO-SUCH"}', "application/json", 404, "round_unknown"),
    (b'{"round_code": "GT-2024"}', "text/plain", 415, "media_type_refused"),
    (b"round_code=GT-2024", "application/x-www-form-urlencoded", 415, "media_type_refused"),
    (b'{"title": "' + b"x" * 1_100_000 + b'"}', "application/json", 413, "too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "media_type", "status", "code"), RAW)
def test_a_broken_body_gets_its_answer(
    shared_site: Site, body: bytes, media_type: str, status: int, code: str
) -> None:
    answer = shared_site.program("suong").post("/dossiers", data=body, content_type=media_type)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, 2**31, 10**30, [], {}])
def test_a_version_is_a_whole_number(shared_site: Site, version: Any) -> None:
    draft = shared_site.draft()
    answer = shared_site.program("suong").patch(
        f"/dossiers/{draft.ref}", {"seen_version": version, "fields": {}}
    )
    assert answer.status_code == 422
    assert answer.json["field"] == "seen_version"


ANSWERS: list[tuple[dict[str, Any], str]] = [
    ({"attested": "true"}, "attested"),
    ({"attested": 1}, "attested"),
    ({"numerator": 10**13, "denominator": 1}, "numerator"),
    ({"numerator": "1"}, "numerator"),
    ({"numerator": -1}, "numerator"),
    ({"numerator": True}, "numerator"),
    ({"document_on": "02/10/2024"}, "document_on"),
    ({"document_on": "2024-02-30"}, "document_on"),
    ({"document_on": "0001-01-01"}, "document_on"),
    ({"document_on": 20241002}, "document_on"),
    ({"note": "\u0000"}, "note"),
    ({"verdict": "passed"}, "verdict"),
]


@pytest.mark.parametrize(("said", "field"), ANSWERS)
def test_a_wrong_answer_is_named_by_its_criterion(
    shared_site: Site, said: dict[str, Any], field: str
) -> None:
    draft = shared_site.draft()
    answer = shared_site.program("suong").patch(
        f"/nominees/{draft.nominees[0]}", {"seen_version": draft.version, "answers": {"GT-A-1": said}}
    )
    assert answer.status_code == 422, answer.text
    assert answer.json["field"] == f"answers.GT-A-1.{field}"


def test_several_wrong_values_are_named_at_once(shared_site: Site) -> None:
    draft = shared_site.draft()
    answer = shared_site.program("suong").patch(
        f"/nominees/{draft.nominees[0]}",
        {
            "seen_version": draft.version,
            "fields": {"members": "nhiều", "achievement": "x"},
            "answers": {"GT-A-4": {"numerator": 2, "denominator": 1}, "GT-Z": {"attested": True}},
        },
    )
    assert answer.status_code == 422
    assert answer.json["code"] == "form_has_errors"
    assert {part["field"] for part in answer.json["problems"]} == {
        "members",
        "answers.GT-A-4.numerator",
        "answers.GT-Z",
    }
    assert all(part["detail"] for part in answer.json["problems"])


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=0", 422, "number_out_of_range"),
        ("limit=101", 422, "number_out_of_range"),
        ("limit=1e1", 422, "type_wrong"),
        ("limit=99999999999999999999", 422, "type_wrong"),
        ("limit=%D9%A3", 422, "type_wrong"),
        ("limit=1&limit=2", 400, "parameter_repeated"),
        ("search=%00", 422, "text_unreadable"),
        ("search=%ED%A0%80", 200, ""),
        ("after=!!", 422, "cursor_unreadable"),
        ("after=W10", 422, "cursor_unreadable"),
        ("after=WzFlNDAwXQ", 422, "cursor_unreadable"),
        ("after=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", 422, "cursor_unreadable"),
        ("page=2", 422, "field_unknown"),
        ("state=", 422, "length_wrong"),
        ("state=no_such", 200, ""),
    ],
)
def test_a_query_is_read_strictly(shared_site: Site, query: str, status: int, code: str) -> None:
    answer = shared_site.program("suong").get(f"/dossiers?{query}")
    assert answer.status_code == status, answer.text
    assert answer.json.get("code", "") == code


def test_an_operation_without_query_or_body_takes_none(shared_site: Site) -> None:
    program = shared_site.program("suong")
    assert program.get("/me?full=1").json["code"] == "field_unknown"
    assert program.get("/me", data=b"{}", content_type="application/json").json["code"] == "body_not_taken"


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html", 406), ("image/png;q=1", 406),
     ("text/html, application/json;q=0.1", 200), ("application/json;q=0", 406)],
)  # fmt: skip
def test_the_answer_is_json_or_nothing(shared_site: Site, accept: str, status: int) -> None:
    answer = shared_site.program("suong").get("/me", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.mimetype == ("application/json" if status == 200 else "application/problem+json")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_there_is_405_and_names_those_that_are(shared_site: Site, method: str) -> None:
    answer = shared_site.program("suong").send(method, "/rounds")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.json["code"] == "method_not_allowed"
