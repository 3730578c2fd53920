"""Names of ninety letters, lists of nothing, of one and of five hundred: nothing leaves the page sideways."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, select, update

from dossiers.dossier import Dossier
from dossiers.org_unit import OrgUnitPeriod
from dossiers.people import Account, Person
from dossiers.text import fold, person_sort_key, sort_key
from tests.browser.conftest import Served
from tests.browser.steps import main
from tests.builders import give_paper
from tests.scenarios.test_sc01_happy_path import compose
from workflow.decide import RemarkInput
from workflow.draft import fill_in, fill_in_nominee

SPACED = "Hội đồng Thi đua - Khen thưởng Liên hiệp các Trung tâm học tập cộng đồng xã Tân Khánh Hòa"
SOLID = "QuyếtĐịnhCôngNhận_" * 5
ENOUGH = 500
A_PAGE = 25

LISTS = {
    "suong": ("/", "/dossiers"),
    "diem": ("/", "/waiting?overdue=1", "/search", "/search?q=khong-co-dau"),
    "an": ("/",),
    "phong": ("/record",),
    "khoi": ("/admin/units", "/admin/people"),
}


def rename_everything(served: Served, dossier: str, nominee: str, name: str) -> None:
    """Give the unit, its reader, the dossier and a nominee the longest names there are, and a paper as well."""
    world = served.office.world
    suong = world.actor("suong")
    fill_in(world.database, suong, dossier, seen_version=world.version(dossier), fields={"title": name})
    fill_in_nominee(world.database, suong, nominee, seen_version=world.version(dossier), name=name)
    give_paper(world, served.files, "suong", dossier, "evidence", name=f"{name}.pdf", nominees=(nominee,))
    with served.office.database.writing() as tx:
        tx.session.execute(
            update(OrgUnitPeriod)
            .where(OrgUnitPeriod.org_unit_id == served.office.world.units["ttyt-giang-thanh"])
            .values(name=name, sort_key=sort_key(name), search_text=fold(name))
        )
        tx.session.execute(
            update(Person)
            .where(Person.id == select(Account.person_id).where(Account.login == "diem").scalar_subquery())
            .values(full_name=name, sort_key=person_sort_key(name), search_text=fold(name))
        )


def multiply(served: Served, dossier_ref: str, wanted: int) -> None:
    """Copy the row of a sent dossier until there are so many: the lists read nothing else."""
    with served.office.database.writing() as tx:
        row = dict(
            tx.connection.execute(select(Dossier.__table__).where(Dossier.ref == dossier_ref))
            .mappings()
            .one()
        )
        row.pop("id")
        tx.connection.execute(
            insert(Dossier),
            [
                {**row, "ref": f"01980000-0000-7000-8000-{n:012d}", "code": f"GT-2024-{n:04d}"}
                for n in range(1001, 1000 + wanted)
            ],
        )


@pytest.mark.parametrize("name", [SPACED, SOLID], ids=["with-spaces", "in-one-piece"])
def test_names_of_ninety_letters_wrap(served: Served, name: str) -> None:
    assert len(name) >= 88
    world = served.office.world
    dossier, station, _ = compose(world, served.files)
    world.at(2024, 11, 4)
    rename_everything(served, dossier, station, name)
    code = world.act("suong", dossier, "submit").code
    world.at(2024, 11, 5).act("diem", dossier, "receive")
    kind = "spaces" if name == SPACED else "solid"
    pages = (
        "",
        "/papers",
        "/deeds",
        f"/nominees/{station}",
        "/act/start_appraisal",
        "/history",
        "/versions/1",
    )
    diem = served.signed_in("diem")
    served.look(diem, f"80-{kind}-desk")
    for path in pages:
        diem.goto(f"/dossiers/{code}{path}")
        expect(diem.get_by_role("heading", level=1)).to_be_visible()
        served.look(diem, f"81-{kind}-{path.strip('/').replace('/', '-')[:20] or 'dossier'}")
    world.act(
        "khai",
        dossier,
        "return_dossier",
        reason=name,
        reason_code="evidence_unclear",
        remarks=[RemarkInput("nominee", station, "evidence_unclear", name)],
    )
    suong = served.signed_in("suong")
    served.look(suong, f"82-{kind}-unit-home")
    for path in ("", "/papers", "/remarks", f"/nominees/{station}/edit", "/act/resubmit"):
        suong.goto(f"/dossiers/{code}{path}")
        expect(suong.get_by_role("heading", level=1)).to_be_visible()
        served.look(suong, f"83-{kind}-{path.strip('/').replace('/', '-')[:20] or 'tasks'}")


@pytest.mark.parametrize("rows", [0, 1, ENOUGH])
def test_lists_of_nothing_of_one_and_of_many(served: Served, rows: int) -> None:
    world = served.office.world
    if rows:
        dossier, _, _ = compose(world, served.files)
        world.at(2024, 11, 4).act("suong", dossier, "submit")
        if rows > 1:
            multiply(served, dossier, rows)
    world.at(2024, 11, 5)
    for login, paths in LISTS.items():
        page = served.signed_in(login)
        for path in paths:
            page.goto(path)
            served.look(
                page, f"84-{rows}-{login}-{path.strip('/').partition('?')[0].replace('/', '-') or 'start'}"
            )
            if path in ("/dossiers", "/search", "/record") and rows:
                shown = main(page).get_by_text("GT-2024-")
                expect(shown).to_have_count(min(rows, A_PAGE))
        if login == "diem" and rows == ENOUGH:
            page.goto("/")
            expect(main(page)).to_contain_text("99+")
            seen: set[str] = set()
            for _ in range(3):  # the cursor goes on, nothing twice
                codes = page.locator("tbody .vd-nowrap").all_inner_texts()
                assert len(codes) == A_PAGE
                assert not seen & set(codes)
                seen |= set(codes)
                page.get_by_role("link", name="Xem tiếp").click()
                page.wait_for_url("**after=*")
        page.context.close()


def test_a_long_history_says_which_entries_were_checked(served: Served) -> None:
    world = served.office.world
    dossier, _, _ = compose(world, served.files)
    version = world.version(dossier)
    for n in range(100):
        version = fill_in(
            world.database, world.actor("suong"), dossier, seen_version=version, fields={"title": f"Lần {n}"}
        )
    code = world.at(2024, 11, 4).act("suong", dossier, "submit").code
    auditor = served.signed_in("phong")
    auditor.goto(f"/dossiers/{code}/history")
    expect(main(auditor)).to_contain_text("Mới kiểm các mục từ 1 đến 100")
    served.look(auditor, "85-history-page")
    auditor.get_by_role("link", name="Xem tiếp").click()
    expect(main(auditor)).to_contain_text("Mới kiểm các mục từ 100 đến")
    auditor.get_by_role("link", name="Kiểm cả chuỗi").click()
    expect(main(auditor)).to_contain_text("Chuỗi ghi khớp")
    expect(main(auditor)).not_to_contain_text("Mới kiểm")
    served.look(auditor, "86-history-whole")
