"""The demo: everything a newcomer looks for is there, the same every time, and its record holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from dossiers import documents
from dossiers.attachment import Attachment, AttachmentVersion
from dossiers.award_round import AwardRound, QuotaPool
from dossiers.configuration import ConfigDocument, NomineeClass
from dossiers.criteria import Answer
from dossiers.days import local_day
from dossiers.dossier import Dossier, DossierVersion, Notice, Remark
from dossiers.nominee import Nominee
from dossiers.people import Account
from dossiers.vocabulary import VOCABULARY
from states.loader import load_edition
from storage.database import Database
from storage.files import Files, files_from_url
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner
from storage.verify import NOT_ANCHORED
from workflow import demo
from workflow.accounts import people_of_demo
from workflow.actor import load_actor
from workflow.agreement import check_editions
from workflow.audit import verify_record
from workflow.demo import begin_demo, demo_clock, demo_progress, load_demo
from workflow.demo_story import ENDS, JOURNEYS, TODAY, read_story
from workflow.draft import add_nominee, fill_in_nominee, open_dossier
from workflow.installation import init
from workflow.view.dossier import dossier_view

# The full story takes half a minute where others keep the machine busy.
pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True)
class Place:
    """A demo's database, files and keys."""

    database: Database
    files: Files
    keys: Path


def a_place(url: str, folder: Path) -> Place:
    """Return an installed, empty place on the demo's clock."""
    database = Database(url)
    database.clock = demo_clock(database)
    files = files_from_url(f"file://{folder}/files")
    files.prepare()
    init(database, origin="localhost/vinhdanh", keys=folder / "keys", config=demo.CONFIG)
    return Place(database, files, folder / "keys")


@pytest.fixture(scope="module", autouse=True)
def each_paper_once() -> Iterator[None]:
    """Set each paper once for all loadings of this file: the same values give the same bytes, as
    test_documents proves.
    """
    kept: dict[tuple[str, str], bytes] = {}

    def once(folder: Path, template: str, values: Any) -> bytes:
        key = (template, repr(values))
        if key not in kept:
            kept[key] = documents.render(folder, template, values)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "render", once)
        yield


@pytest.fixture(scope="module")
def loaded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The demo on SQLite, loaded in one go; tests only add to it."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "vinhdanh.sqlite").write_bytes(sqlite_template.read_bytes())
    place = a_place(f"sqlite:///{folder}/vinhdanh.sqlite", folder)
    load_demo(place.database, place.files)
    yield place
    place.database.close()


def told(place: Place) -> list[Any]:
    """Everything that must be the same every time; refs and salts are not."""
    with place.database.reading() as tx:
        dossiers = tx.session.execute(
            select(
                Dossier.id, Dossier.code, Dossier.state, Dossier.version, Dossier.chain_length, Dossier.due_on,
                Dossier.state_since, Dossier.submissions, Dossier.on_hold,
            ).where(Dossier.created_at < TODAY).order_by(Dossier.code)
        ).all()  # fmt: skip
        nominees = tx.session.execute(
            select(Nominee.dossier_id, Nominee.name, Nominee.state, Nominee.version).order_by(
                Nominee.dossier_id, Nominee.ordinal
            )
        ).all()
        papers = tx.session.execute(
            select(Attachment.dossier_id, Attachment.kind, AttachmentVersion.n, AttachmentVersion.name)
            .join(AttachmentVersion, AttachmentVersion.attachment_id == Attachment.id)
            .order_by(Attachment.id, AttachmentVersion.n)
        ).all()
        notices = tx.session.execute(
            select(Notice.dossier_id, Notice.kind, Notice.created_at, func.count())
            .group_by(Notice.dossier_id, Notice.kind, Notice.created_at)
            .order_by(Notice.dossier_id, Notice.created_at, Notice.kind)
        ).all()
    return [
        (
            tuple(one)[1:],
            [tuple(row)[1:] for row in nominees if row.dossier_id == one.id],
            [tuple(row)[1:] for row in papers if row.dossier_id == one.id],
            [tuple(row)[1:] for row in notices if row.dossier_id == one.id],
        )
        for one in dossiers
    ]


def sequence(place: Place) -> None:
    """Give every entry its place in the tree, signed."""
    sequencer = Sequencer(place.database, FileKeySigner(place.keys))
    while sequencer.run_once().more:
        pass


def test_every_state_every_class_and_enough_of_both(loaded: Place) -> None:
    holds = demo.demo_loaded(loaded.database)
    with loaded.database.reading() as tx:
        edition = load_edition(
            tx.session.scalars(select(ConfigDocument.body).where(ConfigDocument.code == "giang-thanh")).one(),
            VOCABULARY,
        )
        classes = set(
            tx.session.scalars(
                select(NomineeClass.code)
                .join(ConfigDocument, ConfigDocument.id == NomineeClass.programme_id)
                .where(ConfigDocument.code.in_(("xhht-giang-thanh", "xhht-ttyt-giang-thanh")))
            )
        )
        largest = tx.session.scalar(
            select(func.count())
            .select_from(Nominee)
            .group_by(Nominee.dossier_id)
            .order_by(func.count().desc())
        )
        names = tx.session.scalars(select(Nominee.name)).all()
    assert set(holds.states) == set(edition.dossier.states)
    assert sum(holds.states.values()) >= 40
    assert set(holds.nominees) == classes
    assert len(classes) == 12
    assert sum(holds.nominees.values()) >= 150
    assert largest == 30
    assert max(map(len, names)) > 40
    assert demo_progress(loaded.database).done == demo_progress(loaded.database).total > 0


def test_every_journey_ended_where_it_should(loaded: Place) -> None:
    with loaded.database.reading() as tx:
        found = dict(tx.session.execute(select(Dossier.created_at, Dossier.state)).all())
    for case in read_story(demo.CONFIG).cases:
        assert found[demo._openings()[case.number]] == ENDS.get(case.journey, case.journey), case
    assert {case.journey for case in read_story(demo.CONFIG).cases} == set(JOURNEYS)


def test_there_is_work_overdue_and_nearly_due_and_what_was_mended_has_two_versions(loaded: Place) -> None:
    today = local_day(TODAY)
    with loaded.database.reading() as tx:
        due = [day for day in tx.session.scalars(select(Dossier.due_on)) if day is not None]
        versions = tx.session.scalars(
            select(func.max(DossierVersion.n))
            .where(DossierVersion.purpose == "submit")
            .group_by(DossierVersion.dossier_id)
        ).all()
        remarks = tx.session.scalar(select(func.count()).select_from(Remark))
        again = tx.session.scalar(select(func.count()).where(AttachmentVersion.n == 2))
        unread = tx.session.scalar(select(func.count()).where(Notice.read_at.is_(None)))
    assert sum(day < today for day in due) >= 2
    assert sum(today <= day <= today + timedelta(days=4) for day in due) >= 2
    assert max(versions) >= 2
    assert remarks is not None
    assert remarks >= 6
    assert again is not None
    assert again >= 2
    assert unread


def test_the_record_verifies_and_rows_agree_with_their_editions(loaded: Place) -> None:
    sequence(loaded)
    verdict = verify_record(loaded.database, keys=loaded.keys)
    assert (verdict.code, verdict.findings) == (NOT_ANCHORED, ())
    assert verdict.waiting == 0
    assert check_editions(loaded.database) == ()


def test_the_people_of_the_log_in_page_come_first(loaded: Place) -> None:
    with loaded.database.reading() as tx:
        people = people_of_demo(tx)
    assert [one.full_name for one in people[:10]] == [
        "Lê Thị Bích Tuyền", "Danh Thị Mai Sương", "Lâm Quốc Thịnh", "Thạch Ngọc Diễm", "Huỳnh Văn Khải",
        "Phan Thị Ánh Tuyết", "Trịnh Hoài An", "Đoàn Minh Lộc", "Tạ Đình Phong", "Lý Minh Khôi",
    ]  # fmt: skip


def test_a_newcomer_finds_the_round_open_and_seats_left(loaded: Place) -> None:
    with loaded.database.reading() as tx:
        account = tx.session.scalars(select(Account.id).where(Account.login == "suong")).one()
        suong = load_actor(tx, account)
        pools = {
            pool.nominee_kind: pool
            for pool in tx.session.scalars(
                select(QuotaPool)
                .join(AwardRound, AwardRound.id == QuotaPool.round_id)
                .where(AwardRound.code == "GT-2024", QuotaPool.size.is_not(None))
            )
        }
    assert (pools["collective"].size, pools["individual"].size) == (10, 20)
    assert 1 <= pools["collective"].used <= 7
    assert 1 <= pools["individual"].used <= 14
    key = open_dossier(loaded.database, suong, round_code="GT-2024", title="Hồ sơ của người mới")
    nominee = add_nominee(
        loaded.database, suong, key.ref, seen_version=key.version, class_code="health_staff", name="Lâm Sà Na"
    )
    fill_in_nominee(
        loaded.database, suong, nominee.ref, seen_version=nominee.version,
        answers={"TT-I-3": Answer(document_no="1/QĐ-HKH", document_on=date(2024, 9, 2))},
    )  # fmt: skip
    assert dossier_view(loaded.database, suong, key.ref).editable


def test_a_loading_that_dies_twice_goes_on_and_tells_the_same_story(
    loaded: Place, migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = a_place(migrated_postgres_url, tmp_path)
    play = demo._Scene.play
    played: list[None] = []

    def dying(scene: Any, step: Any) -> None:
        played.append(None)
        if len(played) == 150:
            raise RuntimeError("before the command")
        play(scene, step)
        if len(played) == 444:
            raise RuntimeError("after the command")

    monkeypatch.setattr(demo._Scene, "play", dying)
    load_demo(place.database, place.files)
    assert len(played) > len(demo._story().steps)  # what was done was looked at again
    first = told(loaded)
    assert told(place) == first
    before = demo.demo_loaded(place.database)
    assert load_demo(place.database, place.files) == before  # nothing comes twice
    sequence(place)
    assert verify_record(place.database, keys=place.keys).findings == ()
    assert check_editions(place.database) == ()
    place.database.close()


@pytest.fixture
def empty(sqlite_url: str, tmp_path: Path) -> Iterator[Place]:
    """An installation before its demo."""
    place = a_place(sqlite_url, tmp_path)
    yield place
    place.database.close()


def test_people_can_come_in_before_the_first_dossier_is_there(empty: Place) -> None:
    assert demo_progress(empty.database).total == 0
    assert begin_demo(empty.database)
    with empty.database.reading() as tx:
        assert len(people_of_demo(tx)) >= 10
        assert tx.session.scalar(select(func.count()).select_from(Dossier)) == 0
        assert tx.session.scalar(select(AwardRound.code).where(AwardRound.code == "GT-2024"))
    assert demo_progress(empty.database).is_loading
    assert not begin_demo(empty.database)


def test_a_killed_loading_is_taken_up_by_the_next_start(
    empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(scene: Any, step: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(demo._Scene, "play", killed)
        with pytest.raises(Killed):
            load_demo(empty.database, empty.files)
    worker = demo.Worker(empty.database, empty.files, None, more=demo.DELIVERIES)
    assert not worker.work_once()  # the lease of the dead process
    assert not begin_demo(empty.database)
    assert worker.work_once()
    assert demo_progress(empty.database).done == demo.STEPS_IN_ONE_GO


def test_the_clock_begins_on_the_morning_and_never_goes_back(empty: Place) -> None:
    clock = demo_clock(empty.database)
    assert TODAY <= clock.now() < TODAY + timedelta(minutes=5)
    begin_demo(empty.database)
    later = TODAY + timedelta(days=2)
    assert isinstance(empty.database.clock, demo.DemoClock)
    with empty.database.clock.at(later):
        with empty.database.reading() as tx:
            account = tx.session.scalars(select(Account.id).where(Account.login == "tuyen")).one()
            tuyen = load_actor(tx, account)
        open_dossier(empty.database, tuyen, round_code="GT-2024")
    assert empty.database.clock.now() < later
    assert demo_clock(empty.database).now() >= later


def test_the_story_is_the_same_however_often_it_is_read() -> None:
    first, again = read_story(demo.CONFIG), read_story(demo.CONFIG)
    assert first.cases == again.cases
    assert first.steps == again.steps
    assert [step.given for step in first.steps] == [step.given for step in again.steps]
    assert len({step.at for step in first.steps if step.deed == "open"}) == len(first.cases)
    names = [
        one.name for case in first.cases for one in case.nominees if one.class_code not in ("health_unit",)
    ]
    people = [name for name in names if not name.startswith(("Ấp", "Trường", "Phòng", "Ủy ban", "Hội", "Xã"))]
    assert len(set(people)) == len(people)
