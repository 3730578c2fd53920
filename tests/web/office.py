"""An office with one person for each function: what the pages are tested on.

The units and functions are those of the three-tier route; names are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import select

from dossiers.functions import (
    ADMINISTRATOR,
    APPRAISAL_HEAD,
    APPRAISER,
    AUDITOR,
    AWARD_OFFICER,
    DECIDER,
    INTAKE,
    NOMINATOR,
)
from dossiers.org_unit import BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.people import Account, Membership, Person
from dossiers.text import fold, person_sort_key, sort_key
from storage.database import Database, TestClock
from storage.migrate import upgrade
from storage.record_tables import Installation
from workflow import accounts

BEGIN = date(2020, 1, 1)
NOW = datetime(2024, 11, 4, 1, 0, tzinfo=UTC)  # 08:00 on a Monday in Viet Nam
PASSWORD = "mot cau de nho cho moi nguoi"

UNITS = {
    "ubnd": ("UBND huyện Giang Thành", "peoples_committee", "district"),
    "gddt": ("Phòng Giáo dục và Đào tạo", "division", "district"),
    "noivu": ("Phòng Nội vụ", "division", "district"),
    "yte": ("Trung tâm Y tế Giang Thành", "health_centre", "district"),
    "phuloi": ("UBND xã Phú Lợi", "peoples_committee", "commune"),
    "thanhtra": ("Thanh tra huyện", "inspectorate", "district"),
}
# login → full name, unit, functions, position
PEOPLE = {
    "suong": ("Danh Thị Mai Sương", "yte", (NOMINATOR,), "Viên chức Tổ chức - Hành chính"),
    "tuyen": ("Lê Thị Bích Tuyền", "phuloi", (NOMINATOR,), "Công chức Văn hóa - Xã hội"),
    "diem": ("Thạch Ngọc Diễm", "gddt", (INTAKE, APPRAISER), "Chuyên viên"),
    "khai": ("Huỳnh Văn Khải", "gddt", (APPRAISAL_HEAD,), "Trưởng phòng"),
    "tuyet": ("Phan Thị Ánh Tuyết", "noivu", (AWARD_OFFICER,), "Chuyên viên"),
    "an": ("Trịnh Hoài An", "ubnd", (DECIDER,), "Chủ tịch"),
    "phong": ("Tạ Đình Phong", "thanhtra", (AUDITOR,), "Thanh tra viên"),
    "khoi": ("Lý Minh Khôi", "ubnd", (ADMINISTRATOR,), "Quản trị"),
}
PERFORMED = {
    INTAKE: "gddt",
    APPRAISER: "gddt",
    APPRAISAL_HEAD: "gddt",
    AWARD_OFFICER: "noivu",
    DECIDER: "ubnd",
}


@dataclass(frozen=True, slots=True)
class Office:
    """The office, open: its database, its clock, and its people by login."""

    database: Database
    clock: TestClock
    account_refs: dict[str, str]
    account_ids: dict[str, int]
    unit_ids: dict[str, int]
    unit_refs: dict[str, str]


def open_office(url: str) -> Office:
    """Migrate the empty database at ``url`` and move the people in. Everybody's password is ``PASSWORD``."""
    upgrade(url)
    clock = TestClock(NOW)
    database = Database(url, clock=clock)
    kept = accounts.hash_password(PASSWORD)
    with database.writing() as tx:
        session = tx.session
        session.add(Installation(id=1, origin="test.giang-thanh.vn", epoch=1, created_at=tx.now))
        units = {}
        for code, (name, kind, level) in UNITS.items():
            unit = units[code] = OrgUnit(code=code, kind=kind, admin_level=level)
            session.add(unit)
            session.flush()
            session.add(
                OrgUnitPeriod(
                    org_unit_id=unit.id,
                    from_on=BEGIN,
                    name=name,
                    sort_key=sort_key(name),
                    search_text=fold(name),
                    place_name="Giang Thành",
                    body_id=units["ubnd"].id,
                    parent_id=None if code == "ubnd" else units["ubnd"].id,
                )
            )
        for function, performer in PERFORMED.items():
            session.add(
                BodyFunction(
                    body_id=units["ubnd"].id,
                    function=function,
                    performing_unit_id=units[performer].id,
                    from_on=BEGIN,
                )
            )
        refs, ids = {}, {}
        for login, (full_name, unit_code, functions, position) in PEOPLE.items():
            person = Person(
                full_name=full_name, sort_key=person_sort_key(full_name), search_text=fold(full_name)
            )
            session.add(person)
            session.flush()
            account = Account(
                person_id=person.id, login=login, password_hash=kept, state="active", created_at=tx.now
            )
            session.add(account)
            for function in functions:
                session.add(
                    Membership(
                        person_id=person.id,
                        org_unit_id=units[unit_code].id,
                        function=function,
                        position_title=position,
                        from_on=BEGIN,
                        to_on=date(2027, 1, 1) if function == AUDITOR else None,
                    )
                )
            session.flush()
            refs[login], ids[login] = account.ref, account.id
        unit_ids = {code: unit.id for code, unit in units.items()}
        unit_refs = {code: unit.ref for code, unit in units.items()}
    return Office(database, clock, refs, ids, unit_ids, unit_refs)


def reopen_office(url: str) -> Office:
    """Open a copy of the office, with a clock of its own that begins at ``NOW``."""
    clock = TestClock(NOW)
    database = Database(url, clock=clock)
    with database.reading() as tx:
        accounts_of = tx.session.execute(select(Account.login, Account.ref, Account.id)).all()
        units = tx.session.execute(select(OrgUnit.code, OrgUnit.ref, OrgUnit.id)).all()
    return Office(
        database,
        clock,
        {row.login: row.ref for row in accounts_of},
        {row.login: row.id for row in accounts_of},
        {row.code: row.id for row in units},
        {row.code: row.ref for row in units},
    )
