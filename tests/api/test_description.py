"""The OpenAPI description says everything, and is open to everybody, for it names no installation."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import API, Site
from web.api.operation import SCOPES
from web.policy import POLICY
from workflow.accounts import TOKEN_SCOPES


def described(site: Site) -> Any:
    answer = site.program(None).get("/openapi.json")
    assert answer.status_code == 200
    return answer.json


def test_every_route_of_the_api_is_described_and_in_the_policy_table(shared_site: Site) -> None:
    paths = described(shared_site)["paths"]
    for rule in shared_site.app.url_map.iter_rules():
        if not rule.endpoint.startswith("api."):
            continue
        assert POLICY[rule.endpoint].bearer, rule.endpoint
        if rule.endpoint == "api.openapi":
            continue
        path = rule.rule.replace("<int(min=1,max=100000):n>", "{n}").replace("<", "{").replace(">", "}")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert paths[path][method.lower()]["operationId"] == rule.endpoint.removeprefix("api.")
    assert {name for name in POLICY if name.startswith("api.")} == {
        rule.endpoint for rule in shared_site.app.url_map.iter_rules() if rule.endpoint.startswith("api.")
    }


def test_every_operation_says_what_it_is_takes_and_answers(shared_site: Site) -> None:
    description = described(shared_site)
    assert description["openapi"].startswith("3.1")
    assert description["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, item in description["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["security"] in ([{"bearer": [scope]}] for scope in ("read", "write", "admin")), (
                where
            )
            statuses = set(operation["responses"])
            assert {"400", "401", "403", "404", "406", "422", "429", "503"} <= statuses, where
            assert any(status.startswith("2") for status in statuses), where
            if method != "get":
                assert {"409", "412"} <= statuses, where
            if "requestBody" in operation:
                assert {"413", "415"} <= statuses, where
            for parameter in [*operation.get("parameters", []), *item.get("parameters", [])]:
                assert "$ref" in parameter or parameter["description"], where
    for name, schema in description["components"]["schemas"].items():
        if "properties" in schema:
            assert schema["additionalProperties"] is False, name
            assert schema.get("description"), name


def test_no_schema_points_to_itself_by_mistake(shared_site: Site) -> None:
    for name, schema in described(shared_site)["components"]["schemas"].items():
        assert f"#/components/schemas/{name}'" not in str(schema), name


def test_the_scopes_are_those_that_tokens_are_made_with() -> None:
    assert set(SCOPES) == TOKEN_SCOPES


def test_what_is_not_there_is_a_problem_too(shared_site: Site) -> None:
    for path in ("/", "/no-such", "/dossiers/", "/../x"):
        answer = shared_site.program(None).get(path)
        assert answer.status_code == 404, path
        assert answer.mimetype == "application/problem+json"
        assert answer.json["type"] == "urn:vinhdanh:problem:not_found"
    assert API in "/api/v1"
