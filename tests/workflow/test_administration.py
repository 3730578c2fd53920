"""Units and people by more than one hand: the same request acts once, and nobody overwrites what they did not see."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from dossiers.org_unit import BodyFunction, OrgUnit
from dossiers.people import Account, AccountToken, Person
from dossiers.refusals import Conflict, Invalid, Missing, Refusal
from storage.outbox_tables import Idempotency
from storage.record import entries_of, payload_of
from storage.record_tables import RecordEntry
from tests.builders import World, a_person, person_of
from workflow import accounts
from workflow.actor import Actor
from workflow.administration import (
    Added,
    Invited,
    Link,
    add_membership,
    add_org_unit,
    close_org_unit,
    disable_account,
    enable_account,
    end_membership,
    invite_person,
    list_org_units,
    list_people,
    make_link,
    org_unit_view,
    person_view,
    rename_org_unit,
    set_function,
)
from workflow.words import DEEDS

ROOT = Path(__file__).resolve().parents[2]
BODY, STATION = "ubnd-huyen-giang-thanh", "ttyt-giang-thanh"
DAY = date(2024, 12, 1)
KEY = "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"

NEWCOMER: Mapping[str, Any] = {
    "full_name": "Trần Thị Mộng Nghi",
    "login": "nghi.tran",
    "unit_ref": STATION,
    "function": "unit_head",
    "position_title": "Phó Chủ tịch",
    "from_on": DAY,
}
NEW_UNIT: Mapping[str, Any] = {
    "code": "truong-thcs-tan-giang",
    "kind": "lower_secondary_school",
    "admin_level": "none",
    "name": "Trường THCS Tân Giang",
    "place_name": "Tân Giang",
    "from_on": DAY,
}
PLACE: Mapping[str, Any] = {
    "unit_ref": STATION,
    "function": "nominator",
    "position_title": "Viên chức",
    "from_on": DAY,
}


@dataclass(frozen=True)
class Command:
    """One command of an administrator: ``of`` says whose version it names, ``other`` another request of its kind,
    ``late`` what it hears when somebody else did the same before.
    """

    run: Callable[..., Any]
    of: str
    given: Mapping[str, Any]
    other: Mapping[str, Any]
    said: str = ""
    prepare: Callable[[World], None] = lambda world: None
    late: str = "changed_meanwhile"

    def seen(self, world: World) -> int:
        """Return the present version of what the command changes, 0 when it adds something."""
        if not self.of:
            return 0
        if self.of == "diem":
            return person_of(world, "diem").version
        return org_unit_view(world.database, world.actor("khoi"), self.of).version

    def call(self, world: World, who: str = "khoi", *, seen: int, **more: Any) -> Any:
        given = {**self.given, **more}
        place: list[str] = []
        if self.of and self.run is not disable_account:
            given["seen_version"] = seen
        if self.run is end_membership:
            place = [person_of(world, "diem").memberships[0].ref]
        elif self.of and self.run is not set_function:
            place = [person_of(world, "diem").ref if self.of == "diem" else self.of]
        return self.run(world.database, world.actor(who), *place, **given)


def disabled(world: World) -> None:
    person = person_of(world, "diem")
    if person.state != "disabled":
        disable_account(world.database, world.actor("khoi"), person.ref)


COMMANDS: Mapping[str, Command] = {
    "add_org_unit": Command(add_org_unit, "", NEW_UNIT, {"name": "Trường THCS Tân Khánh"}),
    "rename_org_unit": Command(
        rename_org_unit, STATION, {"name": "Trung tâm Y tế", "from_on": DAY}, {"name": "X"}, "Ghi tên mới"
    ),
    "close_org_unit": Command(
        close_org_unit, "ubnd-xa-phu-loi", {"on": DAY}, {"on": date(2025, 1, 1)}, "Ghi ngày đơn vị kết thúc"
    ),
    "set_function": Command(
        set_function,
        BODY,
        {"body_ref": BODY, "function": "intake", "unit_ref": "phong-noi-vu-giang-thanh", "from_on": DAY},
        {"function": "appraiser"},
        "Giao chức năng",
    ),
    "invite_person": Command(invite_person, "", NEWCOMER, {"full_name": "Trần Thị Nghi"}),
    "add_membership": Command(add_membership, "diem", PLACE, {"position_title": "X"}, "Giao thêm chức năng"),
    "end_membership": Command(
        end_membership, "diem", {"on": DAY}, {"on": date(2025, 1, 1)}, "Kết thúc một chức năng"
    ),
    "disable_account": Command(disable_account, "diem", {}, {}, late="already_disabled"),
    "enable_account": Command(enable_account, "diem", {}, {"seen": 99}, "Mở lại tài khoản", prepare=disabled),
    "make_link": Command(make_link, "diem", {}, {"seen": 99}, "Tạo đường dẫn đặt lại mật khẩu"),
}
CHANGES = {name: command for name, command in COMMANDS.items() if command.of}


@pytest.fixture
def office(world: World) -> World:
    """The world with a second administrator, and a password for who is changed."""
    with world.database.writing() as tx:
        a_person(tx, world, "hoa", "Lý Thị Hòa", BODY, "Quản trị", ("administrator",))
        tx.session.scalars(select(Account).where(Account.login == "diem")).one().password_hash = "kept"
    return world


def entries(world: World) -> int:
    with world.database.reading() as tx:
        return tx.session.scalars(select(func.count()).select_from(RecordEntry)).one()


def without_secret(answer: Any) -> Any:
    if isinstance(answer, Invited):
        return Invited(answer.person_ref, answer.account_ref, answer.version, None)
    return Link(answer.version, answer.purpose, None) if isinstance(answer, Link) else answer


def test_the_same_request_again_acts_once_and_gets_the_first_answer(office: World) -> None:
    for name, command in COMMANDS.items():
        command.prepare(office)
        before, seen, key = entries(office), command.seen(office), f"the key of {name}".replace(" ", "-")
        first = command.call(office, seen=seen, idem_key=key)
        assert entries(office) == before + 1, name
        for _ in range(2):
            assert command.call(office, seen=seen, idem_key=key) == without_secret(first), name
        if command.run is disable_account:  # whom it names is all there is of it
            continue
        with pytest.raises(Invalid) as other:
            command.call(office, **{"seen": seen, **command.other}, idem_key=key)
        assert other.value.code == "idempotency_key_reused", name
        assert entries(office) == before + 1, name


def test_who_comes_too_late_is_told_what_happened_and_writes_nothing(office: World) -> None:
    for name, command in CHANGES.items():
        if command.run is disable_account:
            continue
        command.prepare(office)
        seen = command.seen(office)
        command.call(office, "hoa", seen=seen)
        before = entries(office)
        with pytest.raises(Conflict) as late:
            command.call(office, "khoi", seen=seen)
        assert late.value.code == "changed_meanwhile", name
        assert late.value.values["version"] == seen + 1, name
        sentence = late.value.sentence("vi")
        assert sentence.startswith("Thông tin của người này" if command.of == "diem" else "Đơn vị")
        assert f"đã thay đổi lúc 09:00, sau khi bạn mở: {command.said}" in sentence
        assert "(Lý Thị Hòa)" in sentence
        assert entries(office) == before, name


def test_of_two_at_once_one_is_done_and_the_other_is_told_so(office: World) -> None:
    taken = {"add_org_unit": "code_taken", "invite_person": "login_taken"}
    for name, command in COMMANDS.items():
        command.prepare(office)
        before, seen, gate, answers = entries(office), command.seen(office), threading.Barrier(2), []

        def act(who: str, command: Command, seen: int, gate: threading.Barrier, answers: list[Any]) -> None:
            gate.wait(30)
            try:
                answers.append(command.call(office, who, seen=seen))
            except Refusal as refused:
                answers.append(refused.code)

        threads = [
            threading.Thread(target=act, args=(who, command, seen, gate, answers)) for who in ("khoi", "hoa")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        lost = [answer for answer in answers if isinstance(answer, str)]
        assert lost == [taken.get(name, command.late)], name
        assert len(answers) == 2, name
        assert entries(office) == before + 1, name


def test_a_name_taken_between_the_look_and_the_writing_is_taken(office: World) -> None:
    """On PostgreSQL the later one waits on the unique index for the earlier to commit."""
    refusals: list[str] = []

    def late(run: Callable[..., Any], given: Mapping[str, Any]) -> None:
        try:
            run(office.database, office.actor("khoi"), **given)
        except Conflict as refused:
            refusals.append(refused.code)

    threads = [
        threading.Thread(target=late, args=(invite_person, NEWCOMER)),
        threading.Thread(target=late, args=(add_org_unit, NEW_UNIT)),
    ]
    with office.database.writing() as tx:
        person = Person(full_name="Ai", sort_key="ai", search_text="ai")
        tx.session.add(person)
        tx.session.add(OrgUnit(code=NEW_UNIT["code"], kind="school", admin_level="none"))
        tx.session.flush()
        tx.session.add(Account(person_id=person.id, login="nghi.tran", created_at=datetime.now(UTC)))
        tx.session.flush()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(0.3)
            assert thread.is_alive(), "it did not wait for the one before"
    for thread in threads:
        thread.join(60)
    assert sorted(refusals) == ["code_taken", "login_taken"]


def test_eight_equal_invitations_at_once_invite_one_person_and_show_one_link(office: World) -> None:
    gate = threading.Barrier(8)
    answers: list[Invited] = []

    def invite() -> None:
        khoi = office.actor("khoi")
        gate.wait(30)
        answers.append(invite_person(office.database, khoi, **NEWCOMER, idem_key=KEY))

    threads = [threading.Thread(target=invite) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({without_secret(answer) for answer in answers}) == 1
    assert len(answers) == 8
    (token,) = [answer.token for answer in answers if answer.token is not None]
    accounts.set_password_by_link(
        office.database, purpose="activate", token=token, password="một câu dài dễ nhớ"
    )


def test_no_secret_of_a_link_is_kept_for_a_repetition(office: World) -> None:
    khoi = office.actor("khoi")
    invited = invite_person(office.database, khoi, **NEWCOMER, idem_key="key-of-the-invitation")
    link = make_link(
        office.database, khoi, invited.person_ref, seen_version=invited.version, idem_key="key-of-the-link"
    )
    assert invited.token is not None
    assert link.token is not None
    assert link.purpose == "activate"
    with office.database.reading() as tx:
        kept = " ".join(filter(None, tx.session.scalars(select(Idempotency.result))))
        links = tx.session.scalars(select(AccountToken.used_at).order_by(AccountToken.id)).all()
    assert invited.person_ref in kept
    assert invited.token not in kept
    assert link.token not in kept
    again = make_link(
        office.database, khoi, invited.person_ref, seen_version=invited.version, idem_key="key-of-the-link"
    )
    assert again == Link(link.version, "activate", None)
    with office.database.reading() as tx:  # the one that was handed over lives
        assert accounts.invitation(tx, "activate", link.token).login == "nghi.tran"
        assert tx.session.scalars(select(AccountToken.used_at).order_by(AccountToken.id)).all() == links


def test_what_the_person_does_meanwhile_counts_as_well(office: World) -> None:
    seen = person_of(office, "diem")
    accounts.create_token(
        office.database,
        account_id=office.accounts["diem"],
        label="máy in",
        scopes="read",
        lifetime=accounts.ACTIVATE_WITHIN,
    )
    with pytest.raises(Conflict) as late:
        make_link(office.database, office.actor("khoi"), seen.ref, seen_version=seen.version)
    assert "Tạo khóa truy cập (Thạch Ngọc Diễm)" in late.value.sentence("vi")
    assert "Made a token (Thạch Ngọc Diễm)" not in late.value.sentence("vi")


def functions_of(office: World, unit: str) -> list[tuple[str, date | None]]:
    """Return what a unit performs, as an administrator sees it: for whom and until when."""
    view = org_unit_view(office.database, office.actor("khoi"), unit)
    return sorted((row.function, row.to_on) for row in view.performs)


def a_station(office: World, code: str, **more: Any) -> Added:
    return add_org_unit(office.database, office.actor("khoi"), **{**NEW_UNIT, "code": code, **more})


def give(office: World, body: str, unit: str, who: str = "khoi", **more: Any) -> int:
    """Let a unit perform the intake for a body from ``DAY`` on."""
    given: dict[str, Any] = {"function": "intake", "from_on": DAY, **more}
    seen = org_unit_view(office.database, office.actor("khoi"), body).version
    return set_function(
        office.database, office.actor(who), body_ref=body, unit_ref=unit, **{"seen_version": seen, **given}
    )


def close(office: World, unit: str, on: date) -> int:
    seen = org_unit_view(office.database, office.actor("khoi"), unit).version
    return close_org_unit(office.database, office.actor("khoi"), unit, seen_version=seen, on=on)


def test_a_body_changes_when_the_unit_that_works_for_it_is_closed(office: World) -> None:
    khoi = office.actor("khoi")
    a_station(office, "phong-moi")
    give(office, BODY, "phong-moi")
    give(office, BODY, "phong-moi", function="appraiser", from_on=date(2025, 6, 1))
    give(office, STATION, "phong-moi")
    before = {code: org_unit_view(office.database, khoi, code) for code in (BODY, STATION, "phong-moi")}
    assert close(office, "phong-moi", date(2025, 1, 1)) == before["phong-moi"].version + 1
    assert functions_of(office, "phong-moi") == [
        ("appraiser", date(2025, 6, 2)),  # it was to begin after the end: the shortest time there is
        ("intake", date(2025, 1, 1)),
        ("intake", date(2025, 1, 1)),
    ]
    for code, ended in ((BODY, 2), (STATION, 1)):
        now = org_unit_view(office.database, khoi, code)
        assert now.version == before[code].version + ended, code
        with office.database.reading() as tx:
            chain = entries_of(tx, "org_unit", now.ref)
            told = [payload_of(tx, one.content["payload_commit"]) for one in chain[-ended:]]
        assert {one.content["action"] for one in chain[-ended:]} == {"function_ended"}, code
        assert [one["unit"] for one in told if one] == [before["phong-moi"].ref] * ended, code
        with pytest.raises(Conflict) as late:  # who has the body open is told
            give(office, code, "phong-noi-vu-giang-thanh", seen_version=before[code].version)
        assert "Kết thúc chức năng vì đơn vị thực hiện kết thúc (Lý Minh Khôi)" in late.value.sentence("vi")


def test_a_unit_that_works_for_itself_is_closed_with_one_entry(office: World) -> None:
    unit = a_station(office, "phong-moi")
    version = give(office, "phong-moi", "phong-moi")
    assert close(office, "phong-moi", date(2025, 1, 1)) == version + 1
    assert functions_of(office, "phong-moi") == [("intake", date(2025, 1, 1))]
    with office.database.reading() as tx:
        assert [one.content["action"] for one in entries_of(tx, "org_unit", unit.ref)] == [
            "unit_added",
            "function_given",
            "unit_closed",
        ]


def test_a_unit_is_closed_under_its_last_name(office: World) -> None:
    khoi = office.actor("khoi")
    seen = a_station(office, "phong-moi").version
    later = date(2025, 6, 1)
    rename_org_unit(office.database, khoi, "phong-moi", seen_version=seen, from_on=later, name="Phòng Khác")
    with pytest.raises(Invalid) as early:
        close(office, "phong-moi", date(2025, 1, 1))
    assert early.value.code == "ends_before_it_begins"
    close(office, "phong-moi", date(2025, 7, 1))
    periods = org_unit_view(office.database, khoi, "phong-moi").periods
    assert [(one.from_on, one.to_on) for one in periods] == [(DAY, later), (later, date(2025, 7, 1))]


def test_a_unit_gets_work_only_while_it_is_open(office: World) -> None:
    khoi, person = office.actor("khoi"), person_of(office, "diem")
    seen = a_station(office, "phong-moi").version
    renamed, ends = date(2025, 2, 1), date(2025, 3, 1)
    rename_org_unit(office.database, khoi, "phong-moi", seen_version=seen, from_on=renamed, name="Phòng Khác")
    close(office, "phong-moi", ends)
    before = entries(office)
    place = {**PLACE, "unit_ref": "phong-moi"}
    for day, shown in ((date(2024, 11, 30), "30/11/2024"), (ends, "01/03/2025")):
        for attempt in (
            lambda day=day: give(office, BODY, "phong-moi", from_on=day),
            lambda day=day: add_membership(
                office.database, khoi, person.ref, seen_version=person.version, **{**place, "from_on": day}
            ),
            lambda day=day: invite_person(
                office.database, khoi, **{**NEWCOMER, "unit_ref": "phong-moi", "from_on": day}
            ),
        ):
            with pytest.raises(Invalid) as refused:
                attempt()
            assert (refused.value.code, refused.value.field) == ("unit_not_open", "unit")
            assert refused.value.sentence("vi").startswith(
                f"Ngày {shown} đơn vị này chưa có hoặc đã kết thúc."
            )
            assert refused.value.sentence("en").startswith(f"On {shown} this unit does not exist yet")
    assert entries(office) == before
    give(office, BODY, "phong-moi")  # and no longer than it is open, under whichever name
    assert functions_of(office, "phong-moi") == [("intake", ends)]
    add_membership(office.database, khoi, person.ref, seen_version=person.version, **place)


def test_closed_at_the_same_moment_a_unit_performs_nothing_without_end(office: World) -> None:
    """In whichever order the two come, and whichever of the two units has the lower id."""
    ends = date(2025, 1, 1)
    a_station(office, "ban-dau")
    for n in range(8):
        unit, bodies, day = f"phong-{n}", ["ban-dau", f"ban-sau-{n}"], DAY + timedelta(days=n)
        a_station(office, unit)
        a_station(office, bodies[1])
        give(office, BODY, unit, from_on=day)
        calls: list[Callable[[], int]] = [
            partial(close, office, unit, ends),
            *[partial(give, office, body, unit, "hoa", from_on=day) for body in bodies],
        ]
        gate, refused, failed = threading.Barrier(len(calls)), list[str](), list[BaseException]()

        def act(
            call: Callable[[], int],
            gate: threading.Barrier = gate,
            refused: list[str] = refused,
            failed: list[BaseException] = failed,
        ) -> None:
            gate.wait(30)
            try:
                call()
            except Refusal as told:
                refused.append(told.code)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=act, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert set(refused) <= {"unit_not_open", "changed_meanwhile"}
        view = org_unit_view(office.database, office.actor("khoi"), unit)
        assert view.periods[-1].to_on == ends
        assert [row for row in view.performs if row.to_on != ends] == []


def test_a_body_that_came_while_the_closing_waited_changes_as_well(office: World) -> None:
    a_station(office, "ban-dau")
    a_station(office, "phong-moi")
    before = org_unit_view(office.database, office.actor("khoi"), "ban-dau").version
    closing = threading.Thread(target=close, args=(office, "phong-moi", date(2025, 1, 1)))
    with office.database.writing() as tx:
        unit = tx.session.scalars(select(OrgUnit).where(OrgUnit.code == "phong-moi").with_for_update()).one()
        body = tx.session.scalars(select(OrgUnit).where(OrgUnit.code == "ban-dau").with_for_update()).one()
        closing.start()
        closing.join(0.5)
        assert closing.is_alive(), "it did not wait for the one before"
        tx.session.add(
            BodyFunction(body_id=body.id, function="intake", performing_unit_id=unit.id, from_on=DAY)
        )
    closing.join(60)
    assert functions_of(office, "phong-moi") == [("intake", date(2025, 1, 1))]
    assert org_unit_view(office.database, office.actor("khoi"), "ban-dau").version == before + 1


def test_who_is_to_be_locked_out_cannot_hold_it_up(office: World) -> None:
    """On PostgreSQL the disabling waits for the row that the person's own deed has just moved."""
    khoi, person = office.actor("khoi"), person_of(office, "diem")
    disabling = threading.Thread(
        target=disable_account, args=(office.database, khoi, person.ref), kwargs={"idem_key": KEY}
    )
    with office.database.writing() as tx:
        account = accounts.locked(tx, office.accounts["diem"])
        disabling.start()
        disabling.join(0.3)
        assert disabling.is_alive(), "it did not wait for the one before"
        account.version += 1
    disabling.join(60)
    assert person_of(office, "diem").state == "disabled"
    assert person_of(office, "diem").version == person.version + 2
    before = entries(office)
    assert disable_account(office.database, khoi, person.ref, idem_key=KEY) == person.version + 2
    for key in (None, "another-press"):
        with pytest.raises(Conflict) as again:
            disable_account(office.database, khoi, person.ref, idem_key=key)
        assert again.value.code == "already_disabled"
    with pytest.raises(Invalid) as other:
        disable_account(office.database, khoi, person_of(office, "suong").ref, idem_key=KEY)
    assert other.value.code == "idempotency_key_reused"
    assert entries(office) == before


def test_to_others_none_of_it_exists(small_world: World) -> None:
    before = entries(small_world)
    for name, command in COMMANDS.items():
        for who in ("suong", "diem", "an", "phong"):
            with pytest.raises(Missing) as refused:
                command.call(small_world, who, seen=1, idem_key=KEY)
            assert refused.value.code == "not_found", name
    assert entries(small_world) == before


def test_an_answer_names_what_was_added(office: World) -> None:
    khoi = office.actor("khoi")
    unit = add_org_unit(office.database, khoi, **NEW_UNIT)
    assert unit == Added(org_unit_view(office.database, khoi, NEW_UNIT["code"]).ref, 1)
    person = person_of(office, "diem")
    added = add_membership(office.database, khoi, person.ref, seen_version=person.version, **PLACE)
    now = person_view(office.database, khoi, person.ref)
    assert added.version == now.version
    assert added.ref in [one.ref for one in now.memberships]
    with pytest.raises(Missing):  # and what was refused leaves its key free
        invite_person(office.database, khoi, **{**NEWCOMER, "unit_ref": "nowhere"}, idem_key=KEY)
    assert invite_person(office.database, khoi, **NEWCOMER, idem_key=KEY).token is not None


def test_lists_are_read_in_parts_and_found_without_marks(world: World) -> None:
    for read in (list_org_units, list_people):
        read_in_parts(world, world.actor("khoi"), read)


def read_in_parts(world: World, khoi: Actor, read: Callable[..., Any]) -> None:
    whole = read(world.database, khoi, limit=100)
    found, after = [], None
    while True:
        page = read(world.database, khoi, after=after, limit=2)
        found += page.rows
        after = page.next
        if after is None:
            break
    assert tuple(found) == whole.rows
    assert len(found) > 4
    word = {list_org_units: "y te", list_people: "diem thach"}[read]
    assert [len(read(world.database, khoi, search=one).rows) for one in ("khong-co-ai", word)] == [0, 1]
    for wrong in ({"after": "0198f000-0000-7000-8000-000000000000"}, {"limit": 0}, {"limit": 101}):
        with pytest.raises(Invalid):
            read(world.database, khoi, **wrong)


def test_whatever_may_happen_to_a_unit_or_a_person_has_words() -> None:
    source = "".join(
        (ROOT / "workflow" / f"{name}.py").read_text(encoding="utf-8")
        for name in ("accounts", "administration", "jobs", "demo", "installation")
    )
    entered = set(
        re.findall(
            r'"((?:unit|function|account|membership|token|password|job)_[a-z_]+(?:ed|given|again))"', source
        )
    )
    assert {
        "unit_added",
        "account_disabled",
        "membership_ended",
        "token_revoked",
        "job_tried_again",
    } <= entered
    assert entered | {"activate_link_issued", "reset_link_issued"} <= set(DEEDS)
