"""schemathesis reads the description and tries to break the API (promise T66): every check, both ways.

So that data that fits the description also meets the real world, the parts of addresses, versions and codes of
a case that was meant to be right are replaced by ones that exist. The run is the same every time.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation
from sqlalchemy import select

from dossiers.dossier import Dossier
from dossiers.org_unit import OrgUnit
from dossiers.people import Account, Membership, Person
from storage.database import Database, TestClock
from tests.api.conftest import API, ORIGIN, Site, open_site
from tests.builders import a_job_given_up, award_form_code
from web.api.install import install

SEED = 20241118
CASES_IN_SHORT, CASES_IN_LONG = 30, 100

# A person's own rules stand beside the schema: what fits it may still be refused, with these.
REFUSED_BY_RULE = ["2xx", "3xx", "403", "404", "409", "412", "422"]
REFUSED_FOR_FORM = ["400", "401", "404", "406", "409", "412", "415", "422"]
NOVEMBER = datetime(2024, 11, 4, 2, 0, tzinfo=UTC)


class Real:
    """Things that exist, to be put where a case has made something up."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.succeeded: set[str] = set()
        self.draft = site.draft(nominees=12)
        unit = site.program("suong")
        version = self.draft.version
        self.papers = []
        for _ in range(6):
            added = unit.upload(self.draft.ref, seen_version=version)
            version = added.json["version"]
            self.papers.append(added.json)
        admin = site.program("khoi")
        people = {one["login"]: one["ref"] for one in admin.get("/people").json["rows"]}
        person = admin.get(f"/people/{people['loc']}").json
        turns: dict[str, list[Any]] = {
            "dossier": [self.draft.ref, self.draft.code],
            "nominee": self.draft.nominees,
            "paper": [paper["ref"] for paper in self.papers],
            "file": [paper["version_ref"] for paper in self.papers],
            "action": ["submit", "withdraw", "receive", "approve", "hold"],
            "unit": ["ubnd-xa-phu-loi", "ttyt-giang-thanh"],
            "person": [person["ref"], people["tuyet"]],
            "membership": [person["memberships"][0]["ref"]],
            "n": [1],
        }
        jobs = [f"notify/{n}" for n in range(9)]
        a_job_given_up(site.world, *jobs)
        self.jobs = itertools.cycle(jobs)
        self.every_other = itertools.cycle([True, False])
        self.places: dict[str, Iterator[Any]] = {name: itertools.cycle(some) for name, some in turns.items()}

    def put_into(self, case: schemathesis.Case) -> None:
        """Replace what was made up; what was made wrong on purpose stays wrong."""
        if self.is_right(case, ParameterLocation.PATH):
            for name in case.path_parameters or {}:
                if name in self.places:
                    case.path_parameters[name] = next(self.places[name])
        version = self.version_of(case)
        if self.is_right(case, ParameterLocation.QUERY) and "seen_version" in (case.query or {}):
            case.query["seen_version"] = version
        if case.headers is not None and case.headers.get("If-Match") == "0" and mutated(case) != "If-Match":
            # What the coverage phase puts where its own generator finds no text for the pattern.
            case.headers["If-Match"] = f'"{version}"'
        if isinstance(case.body, dict) and self.is_right(case, ParameterLocation.BODY):
            known = {
                "seen_version": version,
                "round_code": "GT-2024",
                # Not one of those that a case may close, and every other time on a day when it is open.
                "unit_ref": "phong-gddt-giang-thanh" if "function" in case.body else None,
                "class_code": "agency_district",
                "award_form": award_form_code(),
                "key": next(self.jobs),
            }
            if "function" in case.body and next(self.every_other):
                known["from_on"] = "2024-11-20"
            case.body.update({name: value for name, value in known.items() if name in case.body})

    def version_of(self, case: schemathesis.Case) -> int:
        """Return the present version of what the case is to change."""
        places = {name: str(value) for name, value in (case.path_parameters or {}).items()}
        with self.site.world.database.reading() as tx:
            if "unit" in places:
                asked = select(OrgUnit.version).where(OrgUnit.code == places["unit"])
            elif "person" in places:
                asked = select(Account.version).join(Person).where(Person.ref == places["person"])
            elif "membership" in places:
                asked = select(Account.version).join(Person).join(Membership)
                asked = asked.where(Membership.ref == places["membership"])
            else:
                asked = select(Dossier.version).where(Dossier.ref == self.draft.ref)
            return tx.session.scalar(asked) or 1

    @staticmethod
    def is_right(case: schemathesis.Case, location: ParameterLocation) -> bool:
        if case.meta is None:
            return True
        part = case.meta.components.get(location)
        return part is None or part.mode.is_positive


def mutated(case: schemathesis.Case) -> str | None:
    """Return the name of the parameter that the case is about, if it is about one."""
    return getattr(case.meta.phase.data, "parameter", None) if case.meta is not None else None


class Switchboard:
    """The application that cases go to: first one that only describes itself, then one with a world."""

    def __init__(self) -> None:
        described = Flask("web")
        install(described)
        self.app: Any = described

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


def description(switchboard: Switchboard) -> Any:
    config = schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "generation": {"deterministic": True, "database": "none", "with-security-parameters": False},
            "checks": {
                "enabled": True,
                "positive_data_acceptance": {"expected-statuses": REFUSED_BY_RULE},
                "negative_data_rejection": {"expected-statuses": REFUSED_FOR_FORM},
            },
        }
    )
    return schemathesis.openapi.from_wsgi(f"{API}/openapi.json", switchboard, config=config, base_url=ORIGIN)


switchboard = Switchboard()
schema = description(switchboard)


@pytest.fixture(scope="module")
def real(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One world for all operations, on SQLite."""
    folder = tmp_path_factory.mktemp("schemathesis")
    shutil.copyfile(sqlite_template, folder / "vinhdanh.sqlite")
    clock = TestClock(NOVEMBER)
    database = Database(f"sqlite:///{folder}/vinhdanh.sqlite", clock=clock)
    site = open_site(database, clock, folder)
    switchboard.app = site.app
    yield Real(site)
    database.close()


def bounded(cases: int) -> settings:
    return settings(
        max_examples=cases,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )


@schema.parametrize()
@bounded(CASES_IN_SHORT)
def test_nothing_breaks_the_api(case: schemathesis.Case, real: Real) -> None:
    check(case, real)


@pytest.mark.long
@schema.parametrize()
@bounded(CASES_IN_LONG)
def test_nothing_breaks_the_api_in_a_hundred_cases(case: schemathesis.Case, real: Real) -> None:
    check(case, real)


def check(case: schemathesis.Case, real: Real) -> None:
    real.put_into(case)
    who = "khoi" if "administration" in case.operation.tags else "suong"
    answer = case.call_and_validate(headers={"Authorization": f"Bearer {real.site.token(who)}"})
    if answer.status_code < 300:
        real.succeeded.add(case.operation.definition.raw["operationId"])


# What a single person with one draft cannot reach by chance; tests/api/test_journey.py and others reach it.
BEYOND_CHANCE = {
    "act",
    "add_paper",  # random bytes are hardly ever a paper; tests/api/test_papers.py puts real ones up
    "act_on_nominee",
    "close_unit",
    "read_frozen_version",
    "end_session",
    "revoke_token",
}


def test_the_cases_reached_what_they_were_to_try(real: Real) -> None:
    """Runs last: a run in which everything is refused would prove little."""
    if not real.succeeded:
        pytest.skip("none of the cases ran before this test")
    every = {one.ok().definition.raw["operationId"] for one in schema.get_all_operations()}
    assert every - real.succeeded <= BEYOND_CHANCE
