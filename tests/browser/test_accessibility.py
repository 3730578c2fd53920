"""Every page at a phone's and a desk's width: axe finds nothing, nothing leaves the page sideways."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import WIDTHS, Served
from tests.builders import a_job_given_up
from tests.scenarios.test_sc01_happy_path import compose
from workflow.decide import RemarkInput

LONG = "Hội đồng Thi đua - Khen thưởng Liên hiệp các Trung tâm học tập cộng đồng xã Tân Khánh Hòa, huyện Giang Thành"


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_page_is_accessible_and_fits(served: Served, width: int) -> None:
    world = served.office.world
    dossier, station, _ = compose(world, served.files)
    code = world.at(2024, 11, 4).act("suong", dossier, "submit").code
    world.at(2024, 11, 5).act("diem", dossier, "receive")
    world.act(
        "khai",
        dossier,
        "return_dossier",
        reason="Minh chứng còn mờ.",
        reason_code="evidence_unclear",
        remarks=[RemarkInput("nominee", station, "evidence_unclear", LONG)],
    )
    a_job_given_up(world, "notify/1", "notify/2")
    pages = {
        None: ["/login", "/forgot", "/help", "/accessibility", "/nowhere"],
        "suong": [
            "/",
            "/dossiers",
            "/dossiers/new",
            f"/dossiers/{code}",
            f"/dossiers/{code}/general",
            f"/dossiers/{code}/papers",
            f"/dossiers/{code}/remarks",
            f"/dossiers/{code}/nominees/new",
            f"/dossiers/{code}/nominees/{station}/edit",
            f"/dossiers/{code}/act/resubmit",
        ],
        "diem": ["/", "/account", f"/dossiers/{code}", f"/dossiers/{code}/nominees/{station}"],
        "phong": ["/record", f"/dossiers/{code}/history"],
        "khoi": [
            "/admin/units",
            "/admin/units/new",
            "/admin/units/ubnd-huyen-giang-thanh",
            "/admin/people",
            "/admin/people/new",
            f"/admin/people/{world.actor('diem').person_ref}",
            "/admin/jobs",
        ],
    }
    faults = []
    for login, paths in pages.items():
        page = served.page(width) if login is None else served.signed_in(login, width)
        for path in paths:
            page.goto(path)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{path} is wider than {width}")
            for violation in Axe().run(page).response["violations"]:
                faults.append(
                    f"{path}: {violation['id']} {[node['target'] for node in violation['nodes']][:3]}"
                )
        page.context.close()
    assert faults == []
