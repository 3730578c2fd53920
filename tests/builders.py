"""Build the world of a test with words: say what matters to the test and nothing else.

``a_world(database)`` is the district of Giang Thành in 2024 as the scenarios know it: its offices, the five
people
who carry a dossier, the auditor, and the open round GT-2024. Everything goes through the same doors as in
life; only people and offices, which an administrator would have entered long ago, are written as rows.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from dossiers.award_round import AwardRound, QuotaPool
from dossiers.configuration import AwardForm, ConfigDocument
from dossiers.criteria import Answer
from dossiers.days import local_moment
from dossiers.org_unit import BodyFunction, OrgUnit, OrgUnitPeriod
from dossiers.people import Account, Membership, Person
from dossiers.text import fold, person_sort_key, sort_key
from storage.database import Database, TestClock, Tx
from storage.files import Files
from storage.outbox import MOST_ATTEMPTS, promise
from storage.outbox_tables import Outbox
from storage.record_tables import Installation
from workflow.actor import Actor, load_actor
from workflow.administration import PersonView, make_link, person_view
from workflow.attach import attach
from workflow.decide import Outcome, act
from workflow.draft import add_nominee, fill_in, fill_in_nominee, open_dossier
from workflow.installation import import_editions, import_org_units

CONFIG = Path(__file__).parent.parent / "config"
LONG_AGO = date(2020, 1, 1)
MEGABYTE = 1024 * 1024

# code, kind, level, name, place, parent, body
UNITS = (
    ("ubnd-huyen-giang-thanh", "peoples_committee", "district", "UBND huyện Giang Thành", "Giang Thành",
    None, None),
    ("phong-gddt-giang-thanh", "division", "district", "Phòng Giáo dục và Đào tạo", "Giang Thành",
    "ubnd-huyen-giang-thanh", "ubnd-huyen-giang-thanh"),
    ("phong-noi-vu-giang-thanh", "division", "district", "Phòng Nội vụ", "Giang Thành",
    "ubnd-huyen-giang-thanh", "ubnd-huyen-giang-thanh"),
    ("ttyt-giang-thanh", "health_centre", "district", "Trung tâm Y tế Giang Thành", "Giang Thành",
    "ubnd-huyen-giang-thanh", "ubnd-huyen-giang-thanh"),
    ("ubnd-xa-phu-loi", "peoples_committee", "commune", "UBND xã Phú Lợi", "Phú Lợi",
    "ubnd-huyen-giang-thanh", "ubnd-huyen-giang-thanh"),
    ("thanh-tra-tinh", "provincial_department", "province", "Thanh tra tỉnh", "Rạch Giá", None, None),
)  # fmt: skip

FUNCTIONS = (
    ("intake", "phong-gddt-giang-thanh"),
    ("appraiser", "phong-gddt-giang-thanh"),
    ("appraisal_head", "phong-gddt-giang-thanh"),
    ("award_officer", "phong-noi-vu-giang-thanh"),
    ("registry_clerk", "phong-noi-vu-giang-thanh"),
    ("decider", "ubnd-huyen-giang-thanh"),
)

# key, name, unit, position, functions
PEOPLE = (
    ("suong", "Danh Thị Mai Sương", "ttyt-giang-thanh", "Viên chức Tổ chức - Hành chính", ("nominator",)),
    ("thinh", "Lâm Quốc Thịnh", "ttyt-giang-thanh", "Giám đốc", ("unit_head",)),
    ("tuyen", "Lê Thị Bích Tuyền", "ubnd-xa-phu-loi", "Công chức Văn hóa - Xã hội", ("nominator",)),
    ("diem", "Thạch Ngọc Diễm", "phong-gddt-giang-thanh", "Chuyên viên", ("intake", "appraiser")),
    ("khai", "Huỳnh Văn Khải", "phong-gddt-giang-thanh", "Trưởng phòng", ("appraisal_head",)),
    ("tuyet", "Phan Thị Ánh Tuyết", "phong-noi-vu-giang-thanh", "Chuyên viên", ("award_officer",)),
    ("an", "Trịnh Hoài An", "ubnd-huyen-giang-thanh", "Chủ tịch", ("decider",)),
    ("loc", "Đoàn Minh Lộc", "ubnd-huyen-giang-thanh", "Phó Chủ tịch", ("decider",)),
    ("khoi", "Lý Minh Khôi", "ubnd-huyen-giang-thanh", "Quản trị", ("administrator",)),
    ("phong", "Tạ Đình Phong", "thanh-tra-tinh", "Thanh tra viên", ("auditor",)),
)

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
REPORT = "Trong kỳ, tập thể đã tổ chức 38 buổi đọc và chia sẻ, mở bốn lớp ngắn hạn cho 96 người."


@dataclass(slots=True)
class World:
    """A place to act in: its database, its people by key, its units by code."""

    database: Database
    clock: TestClock | None
    accounts: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)

    def actor(self, key: str) -> Actor:
        """Return the person as they are at this moment."""
        with self.database.reading() as tx:
            return load_actor(tx, self.accounts[key])

    def at(self, year: int, month: int, day: int, hour: int = 9, minute: int = 0, second: int = 0) -> World:
        """Move the clock to a moment in Viet Nam."""
        assert self.clock is not None
        self.clock.set(local_moment(date(year, month, day), hour, minute, second))
        return self

    def version(self, dossier_ref: str) -> int:
        """Return the dossier's present version."""
        from dossiers.dossier import Dossier

        with self.database.reading() as tx:
            found = tx.session.scalar(select(Dossier.version).where(Dossier.ref == dossier_ref))
            assert found is not None
            return found

    def state(self, dossier_ref: str) -> str:
        """Return the dossier's present state."""
        from dossiers.dossier import Dossier

        with self.database.reading() as tx:
            found = tx.session.scalar(select(Dossier.state).where(Dossier.ref == dossier_ref))
            assert found is not None
            return found

    def act(self, who: str, dossier_ref: str, action: str, **given: Any) -> Outcome:
        """Let somebody act on the dossier as it is now."""
        given.setdefault("seen_version", self.version(dossier_ref))
        return act(self.database, self.actor(who), dossier_ref, action, **given)


def a_world(database: Database, clock: TestClock | None = None) -> World:
    """Return Giang Thành with its people and the round GT-2024 (10 collectives, 20 individuals, households
    unset).
    """
    world = World(database, clock)
    with database.writing() as tx:
        install(tx)
        for unit in UNITS:
            a_unit(tx, world, *unit)
        for function, code in FUNCTIONS:
            tx.session.add(
                BodyFunction(
                    body_id=world.units["ubnd-huyen-giang-thanh"],
                    function=function,
                    performing_unit_id=world.units[code],
                    from_on=LONG_AGO,
                )
            )
        for person in PEOPLE:
            a_person(tx, world, *person)
        a_round(tx, world)
    return world


def install(tx: Tx) -> None:
    """Make the installation row and take in every edition under config/."""
    tx.session.add(Installation(origin="test.vinhdanh/gt", epoch=1, created_at=tx.now))
    tx.session.flush()
    import_editions(tx, CONFIG)


def a_unit(
    tx: Tx,
    world: World,
    code: str,
    kind: str,
    level: str,
    name: str,
    place: str,
    parent: str | None = None,
    body: str | None = None,
) -> int:
    """Write one unit, open since long ago."""
    unit = OrgUnit(code=code, kind=kind, admin_level=level)
    tx.session.add(unit)
    tx.session.flush()
    world.units[code] = unit.id
    tx.session.add(
        OrgUnitPeriod(
            org_unit_id=unit.id,
            from_on=LONG_AGO,
            name=name,
            sort_key=sort_key(name),
            search_text=fold(f"{name} {code}"),
            place_name=place,
            parent_id=world.units[parent] if parent else None,
            body_id=world.units[body] if body else None,
        )
    )
    return unit.id


def a_person(
    tx: Tx, world: World, key: str, name: str, unit: str, position: str, functions: tuple[str, ...]
) -> int:
    """Write one person with an active account and a place for each function; return the account's id."""
    person = Person(full_name=name, sort_key=person_sort_key(name), search_text=fold(name))
    tx.session.add(person)
    tx.session.flush()
    account = Account(
        person_id=person.id, login=key, state="active", created_at=datetime(2024, 1, 2, tzinfo=UTC)
    )
    tx.session.add(account)
    tx.session.flush()
    for function in functions:
        tx.session.add(
            Membership(
                person_id=person.id,
                org_unit_id=world.units[unit],
                function=function,
                position_title=position,
                from_on=LONG_AGO,
                to_on=date(2030, 1, 1) if function == "auditor" else None,
            )
        )
    tx.session.flush()
    world.accounts[key] = account.id
    return account.id


def a_round(
    tx: Tx,
    world: World,
    *,
    code: str = "GT-2024",
    programme: str = "xhht-giang-thanh",
    workflow: str = "giang-thanh",
    body: str = "ubnd-huyen-giang-thanh",
    opens: tuple[int, int, int] = (2024, 9, 1),
    closes: tuple[int, int, int] = (2024, 11, 15),
    achievement: tuple[date, date] = (date(2024, 1, 1), date(2024, 10, 31)),
    quotas: Mapping[str, int | None] | None = None,
    form: str | None = None,
) -> AwardRound:
    """Write a round that closes at 17:00 of its last day, with the quotas by kind of nominee."""

    def newest(kind: str, of: str) -> int:
        found = tx.session.scalar(
            select(ConfigDocument.id)
            .where(ConfigDocument.kind == kind, ConfigDocument.code == of)
            .order_by(ConfigDocument.id.desc())
        )
        assert found is not None, (kind, of)
        return found

    made = AwardRound(
        code=code,
        name_vi=f"Đợt khen thưởng {code}",
        name_en=f"Award round {code}",
        programme_id=newest("programme", programme),
        workflow_id=newest("workflow", workflow),
        calendar_code="vn",
        decider_body_id=world.units[body],
        occasion="annual",
        opens_at=local_moment(date(*opens), 8),
        closes_at=local_moment(date(*closes), 17),
        achievement_from=achievement[0],
        achievement_to=achievement[1],
    )
    tx.session.add(made)
    tx.session.flush()
    form_id = tx.session.scalars(
        select(AwardForm.id)
        .where(AwardForm.code == (form or award_form_code()))
        .order_by(AwardForm.id.desc())
    ).first()
    assert form_id is not None
    for kind, size in (quotas or {"collective": 10, "individual": 20, "household": None}).items():
        tx.session.add(
            QuotaPool(
                round_id=made.id,
                award_form_id=form_id,
                decider_body_id=world.units[body],
                nominee_kind=kind,
                size=size,
            )
        )
    tx.session.flush()
    return made


def award_form_code(level: str = "district") -> str:
    """Return the code of the certificate of merit of the chair of the People's Committee of that level."""
    return f"certificate_of_merit_{level}"


def a_pdf(text: str = "") -> bytes:
    """Return the bytes of a small PDF, different for a different text."""
    return PDF + f"% {text}\n".encode()


def give_paper(
    world: World,
    files: Files,
    who: str,
    dossier_ref: str,
    kind: str,
    *,
    name: str = "giay-to.pdf",
    body: bytes | None = None,
    nominees: tuple[str, ...] = (),
    criterion: str | None = None,
    replaces: str | None = None,
) -> str:
    """Attach a small PDF; return the paper's ref."""
    return attach(
        world.database,
        files,
        world.actor(who),
        dossier_ref,
        kind=kind,
        name=name,
        stream=io.BytesIO(a_pdf(kind) if body is None else body),
        nominee_refs=nominees,
        criterion_code=criterion,
        replaces=replaces,
        size_limit=20 * MEGABYTE,
        dossier_limit=100 * MEGABYTE,
    ).ref


# One good answer per criterion of the classes that tests use most.
ATTESTED = Answer(attested=True, note="Đã thực hiện, xem báo cáo.")
CITIZEN = Answer(
    document_no="60/QĐ-HKH", document_on=date(2024, 10, 2), document_issuer="Hội Khuyến học huyện Giang Thành"
)


def a_draft(
    world: World,
    *,
    who: str = "suong",
    round_code: str = "GT-2024",
    class_code: str,
    name: str,
    answers: Mapping[str, Answer],
    fields: Mapping[str, str] | None = None,
    form: str | None = None,
) -> tuple[str, str]:
    """Open a dossier with one nominee whose form is filled in; return the refs of both."""
    database, actor = world.database, world.actor(who)
    key = open_dossier(database, actor, round_code=round_code, title=f"Đề nghị khen thưởng {name}")
    version = fill_in(
        database,
        actor,
        key.ref,
        seen_version=key.version,
        fields={"submission_paper_no": "1612/TTr-TTYT", "submission_paper_on": "04/11/2024"},
    )
    nominee = add_nominee(
        database,
        actor,
        key.ref,
        seen_version=version,
        class_code=class_code,
        name=name,
        award_form=form or award_form_code(),
    )
    fill_in_nominee(
        database,
        actor,
        nominee.ref,
        seen_version=nominee.version,
        fields={"achievement": REPORT, **(fields or {})},
        answers=answers,
    )
    return key.ref, nominee.ref


COMMUNE_PEOPLE = (
    ("tri_school", "Phạm Thị Ngọc Lan", "truong-thcs-tan-giang", "Văn thư", ("nominator",)),
    ("head_school", "Hồ Minh Triết", "truong-thcs-tan-giang", "Hiệu trưởng", ("unit_head",)),
    ("linh", "Neáng Sóc Linh", "phong-vhxh-tan-giang", "Chuyên viên", ("intake", "appraiser")),
    ("duc", "Võ Thành Đức", "phong-vhxh-tan-giang", "Trưởng phòng", ("appraisal_head",)),
    ("my", "Lê Hoàng My", "phong-vhxh-tan-giang", "Phó Trưởng phòng", ("award_officer",)),
    ("van", "Mai Thị Hồng Vân", "ubnd-xa-tan-giang", "Chủ tịch", ("decider",)),
)


def a_commune(database: Database, clock: TestClock | None = None) -> World:
    """Return the commune of Tân Giang after 1 July 2025 as it is shipped, with its people and round TG-2025."""
    world = World(database, clock)
    with database.writing() as tx:
        install(tx)
        import_org_units(tx, CONFIG / "org_units" / "xa-tan-giang.yaml")
        for unit in tx.session.scalars(select(OrgUnit)):
            world.units[unit.code] = unit.id
        for person in COMMUNE_PEOPLE:
            a_person(tx, world, *person)
    return world


def a_job_given_up(
    world: World, *keys: str, kind: str = "notify", error: str = "ValueError: Trần Thị Mộng Nghi"
) -> None:
    """Let the system have promised something under each key, and have given it up just now."""
    with world.database.writing() as tx:
        for key in keys:
            promise(tx, kind, key, {"to": "nobody"})
        tx.connection.execute(
            update(Outbox)
            .where(Outbox.key.in_(keys))
            .values(state="dead", attempt=MOST_ATTEMPTS, error=error, finished_at=tx.now)
        )


def person_of(world: World, who: str) -> PersonView:
    """Return a person as an administrator sees them now, whatever the state of their account."""
    with world.database.reading() as tx:
        ref = tx.session.scalars(
            select(Person.ref)
            .join(Account, Account.person_id == Person.id)
            .where(Account.id == world.accounts[who])
        ).one()
    return person_view(world.database, world.actor("khoi"), ref)


def a_link(world: World, who: str) -> str:
    """Have the administrator make a link for somebody's password; return its secret."""
    person = person_of(world, who)
    link = make_link(world.database, world.actor("khoi"), person.ref, seen_version=person.version)
    assert link.token is not None
    return link.token
