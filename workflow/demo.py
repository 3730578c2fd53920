"""The demo of Giang Thành: an office at work on the morning of 4 November 2024, brought there by real commands.

How a start wires it (embedded mode, ``VINHDANH_DEMO``)::

    database.clock = demo_clock(database)   # before `installation.init`: nothing is dated before the demo
    init(database, ...)
    begin_demo(database)                    # people, units, rounds: people can log in now (about a second)
    ... serve, with Worker(..., more=DELIVERIES): dossiers and papers come in while pages are served

``load_demo`` does all of it at once, for ``vinhdanh demo`` and for tests. `demo_progress` says how far it is;
pages show a notice while ``done < total``. Cut off anywhere, the next start goes on where it was.

The demo has a clock of its own. It starts at `demo_story.TODAY`, runs on with real time, stands still while
nothing runs, and never goes back: a start takes it up at the last moment that was written. Loading happens at
the moments of the story; other threads meanwhile live on the morning of the demo.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from dossiers.attachment import Attachment
from dossiers.award_round import AwardRound
from dossiers.configuration import Criterion, NomineeClass
from dossiers.criteria import Answer
from dossiers.days import local_day
from dossiers.documents import render
from dossiers.dossier import Dossier, Notice
from dossiers.nominee import Nominee
from dossiers.org_unit import OrgUnit
from dossiers.org_unit_file import load_org_units, take_in
from dossiers.people import Account, Membership, Person, Session
from dossiers.text import fold, person_sort_key
from storage.database import SQLITE, Clock, Database, NotInstalled, SystemClock, Tx
from storage.files import Files
from storage.outbox import Job, promise
from storage.outbox_tables import Outbox
from storage.record import EMPTY, By, append
from storage.record_tables import AccessLog, RecordCheckpoint, RecordEntry
from workflow.accounts import enter
from workflow.actor import Actor, load_actor
from workflow.attach import attach
from workflow.deadlines import watch_clocks
from workflow.decide import RemarkInput, act
from workflow.demo_papers import (
    achievement_of,
    council_of,
    initiative_of,
    number_of,
    recognition_of,
    values_of,
)
from workflow.demo_story import (
    INSTALLED_AT,
    NO_DOSSIER,
    ROUND,
    TODAY,
    Case,
    Nominated,
    Step,
    Story,
    read_story,
)
from workflow.draft import add_nominee, fill_in, fill_in_nominee, open_dossier
from workflow.worker import AtLength, Parts, Worker

CONFIG = Path(__file__).resolve().parent.parent / "config"
KIND = "load_demo"
STEPS_IN_ONE_GO = 40
"""A job loads so many commands and promises the next: a stop waits for no more than that."""
SIZE_LIMIT = 20 * 1024 * 1024
UNREAD_SINCE = timedelta(days=4)
"""Notices that are older on the demo's morning count as read."""

_SYSTEM = By(account_ref=None, function=None, org_unit_ref=None)


@dataclass(frozen=True, slots=True)
class DemoProgress:
    """How many of the demo's commands have been carried out. ``total`` 0: no demo was begun here.

    ``problem`` is why the loading was given up, None while it goes on or has ended well.
    """

    done: int
    total: int
    problem: str | None = None

    @property
    def is_loading(self) -> bool:
        """Whether dossiers are still coming in."""
        return self.done < self.total and self.problem is None


@dataclass(frozen=True, slots=True)
class DemoLoaded:
    """What the demo holds: dossiers by state, nominees by class, people with an account."""

    states: Mapping[str, int]
    nominees: Mapping[str, int]
    people: int


class DemoStuck(RuntimeError):
    """The loading of the demo was given up; says why."""


# --- the clock -----------------------------------------------------------------------------------


class RunningClock:
    """Starts at ``moment`` and runs on with real time; setting the machine's clock does not disturb it."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._started = time.monotonic()

    def now(self) -> datetime:
        return self._moment + timedelta(seconds=time.monotonic() - self._started)


class DemoClock:
    """A clock on which one thread may live at another moment for a while: how the past is written."""

    def __init__(self, base: Clock) -> None:
        self.base = base
        self._own = threading.local()

    def now(self) -> datetime:
        own: datetime | None = getattr(self._own, "moment", None)
        return self.base.now() if own is None else own

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Let this thread live at ``moment`` inside the block."""
        before = getattr(self._own, "moment", None)
        self._own.moment = moment
        try:
            yield
        finally:
            self._own.moment = before


def demo_clock(database: Database) -> DemoClock:
    """Return the clock for a demo's database: on its morning, or later where something was written later.

    An empty or fresh database is fine. Several processes that share one database may differ by the time that
    nothing was written between their starts; a demo is one process.
    """
    return DemoClock(RunningClock(max(TODAY, _last_written(database) or TODAY)))


def _last_written(database: Database) -> datetime | None:
    """Return the last moment that people or the program wrote down; None in a database without installation."""
    try:
        _ = database.origin
    except NotInstalled:
        return None
    with database.reading() as tx:
        moments = [
            tx.session.scalar(select(func.max(one)))
            for one in (AccessLog.at, RecordCheckpoint.created_at, Session.last_seen_at, Outbox.finished_at)
        ]
        body = tx.session.scalar(select(RecordEntry.body).order_by(RecordEntry.id.desc()).limit(1))
    if body is not None:
        moments.append(datetime.fromisoformat(json.loads(body)["ts_utc"]))
    return max((one for one in moments if one is not None), default=None)


def _travelling(database: Database) -> DemoClock:
    """Return the database's clock as one that a thread can leave; put one around it where it is another."""
    if not isinstance(database.clock, DemoClock):
        database.clock = DemoClock(database.clock or SystemClock())
    return database.clock


# --- beginning -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _story() -> Story:
    return read_story(CONFIG)


def begin_demo(database: Database) -> bool:
    """Make units, rounds and people, and promise the dossiers; False when people are there already.

    Assumes that `installation.init` ran and that no worker runs yet. One transaction: all of it or nothing. On
    a later start it lets a loading that was cut off go on.
    """
    clock = _travelling(database)
    with database.reading() as tx:
        now = tx.now  # promised for this moment: what is promised in the past would be claimed by the past
        begun = tx.session.scalar(select(Account.id).limit(1)) is not None
    if begun:
        _take_up(database)
        return False
    with clock.at(INSTALLED_AT), database.writing() as tx:
        for path in sorted((CONFIG / "org_units").glob("*.yaml")):
            _take_in_units(tx, path)
        for one in _story().people:
            _take_in_person(tx, one)
        promise(tx, KIND, f"{KIND}/0", {"from": 0}, run_at=now)
    return True


def _take_up(database: Database) -> None:
    """Let a loading go on at once that was cut off or given up; elsewhere than on SQLite its lease tells."""
    if database.dialect != SQLITE:
        return
    with database.writing() as tx:  # one process has the folder, and its worker has not begun
        tx.session.execute(
            update(Outbox)
            .where(Outbox.kind == KIND, Outbox.state.in_(("running", "dead")))
            .values(state="ready", attempt=0, owner=None, lease_until=None, error=None)
        )


def _take_in_units(tx: Tx, path: Path) -> None:
    taken = take_in(tx, load_org_units(path.read_bytes()))
    for unit in taken.units:
        head = append(
            tx, subject=("org_unit", unit.ref), head=EMPTY, action="unit_added", by=_SYSTEM,
            payload={"code": unit.code, "file": path.name},
        )  # fmt: skip
        unit.chain_head, unit.chain_length = head.hash, head.length
    for found in taken.rounds:
        head = append(
            tx, subject=("award_round", found.ref), head=EMPTY, action="round_added", by=_SYSTEM,
            payload={"code": found.code, "file": path.name},
        )  # fmt: skip
        found.chain_head, found.chain_length = head.hash, head.length
    tx.session.flush()


def _take_in_person(tx: Tx, one: Any) -> None:
    """Make a person whose account is open without a password: only the demo's own door lets anybody in."""
    unit = tx.session.scalars(select(OrgUnit).where(OrgUnit.code == one.unit)).one()
    person = Person(full_name=one.name, sort_key=person_sort_key(one.name), search_text=fold(one.name))
    tx.session.add(person)
    tx.session.flush()  # account and places need person.id
    account = Account(person_id=person.id, login=one.login, state="active", created_at=tx.now)
    tx.session.add(account)
    for function in one.functions:
        tx.session.add(
            Membership(
                person_id=person.id,
                org_unit_id=unit.id,
                function=function,
                position_title=one.position,
                from_on=local_day(tx.now),
                to_on=one.to_on,
            )
        )
    tx.session.flush()
    enter(
        tx,
        account,
        "account_added",
        by=_SYSTEM,
        payload={"unit": unit.ref, "functions": " ".join(one.functions)},
    )
    tx.session.flush()


# --- loading -------------------------------------------------------------------------------------


def demo_progress(database: Database) -> DemoProgress:
    """Return how far the loading of the demo is; one short read."""
    with database.reading() as tx:
        row = tx.connection.execute(
            select(Outbox.key, Outbox.state, Outbox.error)
            .where(Outbox.key.startswith(f"{KIND}/"))
            .order_by(Outbox.id.desc())
        ).first()
    if row is None:
        return DemoProgress(0, 0)
    total = len(_story().steps)
    begun = int(row.key.rpartition("/")[2])
    done = min(begun + STEPS_IN_ONE_GO, total) if row.state == "done" else begun
    return DemoProgress(done, total, (row.error or "") if row.state == "dead" else None)


def load_demo(database: Database, files: Files) -> DemoLoaded:
    """Begin the demo if it was not, carry out what is missing of it, and return what it holds.

    A second call changes nothing. Assumes that no worker is loading it as well. Raises ``DemoStuck`` when a
    command cannot be carried out even at the last attempt.
    """
    begin_demo(database)
    worker = Worker(database, files, None, name="demo", more=DELIVERIES)
    progress = demo_progress(database)
    while progress.is_loading:
        if not worker.work_once():
            time.sleep(
                0.05
            )  # a failed go comes back after its pause, the go of a dead process after its lease
        progress = demo_progress(database)
    if progress.problem is not None:
        raise DemoStuck(progress.problem)
    return demo_loaded(database)


def demo_loaded(database: Database) -> DemoLoaded:
    """Return what the database holds now, in numbers."""
    with database.reading() as tx:
        states = dict(tx.session.execute(select(Dossier.state, func.count()).group_by(Dossier.state)).all())
        nominees = dict(
            tx.session.execute(
                select(NomineeClass.code, func.count())
                .join(Nominee, Nominee.class_id == NomineeClass.id)
                .group_by(NomineeClass.code)
            ).all()
        )
        people = tx.session.scalar(select(func.count()).select_from(Account)) or 0
    return DemoLoaded(states, nominees, people)


def _deliver(parts: Parts, job: Job) -> None:
    """Carry out the next commands of the story and promise the rest; again, it does what is missing."""
    start = int(job.payload["from"])
    steps = _story().steps
    scene = _Scene(parts.database, parts.files, _travelling(parts.database), _story())
    for step in steps[start : start + STEPS_IN_ONE_GO]:
        with scene.clock.at(step.at):
            scene.play(step)
    following = start + STEPS_IN_ONE_GO
    with parts.database.writing() as tx:
        if following < len(steps):
            promise(tx, KIND, f"{KIND}/{following}", {"from": following})
        else:
            _shown_again.clear()
            tx.session.execute(
                update(Notice)
                .where(Notice.created_at < TODAY - UNREAD_SINCE)
                .values(read_at=Notice.created_at)
            )


DELIVERIES: Mapping[str, AtLength] = {KIND: _deliver}
"""For `Worker(more=…)`: what keeps the promise of `begin_demo`."""


@dataclass(slots=True)
class _Scene:
    """Where commands are played: the database on its clock, the story, and who is who."""

    database: Database
    files: Files
    clock: DemoClock
    story: Story
    _actors: dict[str, Actor] = field(default_factory=dict)

    def play(self, step: Step) -> None:
        """Carry out one command unless it was carried out before."""
        if step.case == NO_DOSSIER:
            watch_clocks(self.database)
            self._tell()
            return
        case = self.story.cases[step.case]
        found = self._dossier(case)
        if found is None:
            if step.order == 0:
                open_dossier(self.database, self.actor(step.who), round_code=ROUND, title=case.title)
            return  # a later command of a dossier that people of the demo have no place for any more
        if found.version != step.order:
            return
        _DEEDS[step.deed](self, case, step, found.ref)
        if step.deed in ("act", "issue", "overdue"):
            self._tell()

    def actor(self, login: str) -> Actor:
        """Return the person; nobody's place changes while the story is told."""
        if login not in self._actors:
            with self.database.reading() as tx:
                account_id = tx.session.scalars(select(Account.id).where(Account.login == login)).one()
                self._actors[login] = load_actor(tx, account_id)
        return self._actors[login]

    def _dossier(self, case: Case) -> Any:
        """Return ref and version of the dossier that was opened at the case's first moment, None before."""
        with self.database.reading() as tx:
            return tx.connection.execute(
                select(Dossier.ref, Dossier.version)
                .join(AwardRound, AwardRound.id == Dossier.round_id)
                .where(AwardRound.code == ROUND, Dossier.created_at == self._opened_at(case))
            ).first()

    def _opened_at(self, case: Case) -> datetime:
        return _openings()[case.number]

    def nominee(self, dossier_ref: str, position: int) -> Nominee:
        """Return the nominee at ``position``, counted from 0."""
        with self.database.reading() as tx:
            return tx.session.scalars(
                select(Nominee)
                .join(Dossier, Dossier.id == Nominee.dossier_id)
                .where(Dossier.ref == dossier_ref, Nominee.ordinal == position + 1)
            ).one()

    def nominee_refs(self, dossier_ref: str) -> list[str]:
        """Return the refs of all nominees in their order."""
        with self.database.reading() as tx:
            return list(
                tx.session.scalars(
                    select(Nominee.ref)
                    .join(Dossier, Dossier.id == Nominee.dossier_id)
                    .where(Dossier.ref == dossier_ref)
                    .order_by(Nominee.ordinal)
                )
            )

    def papers(self, dossier_ref: str, kind: str) -> list[str]:
        """Return the refs of the dossier's papers of a kind, eldest first."""
        with self.database.reading() as tx:
            return list(
                tx.session.scalars(
                    select(Attachment.ref)
                    .join(Dossier, Dossier.id == Attachment.dossier_id)
                    .where(Dossier.ref == dossier_ref, Attachment.kind == kind)
                    .order_by(Attachment.id)
                )
            )

    def set_paper(self, template: str, values: Mapping[str, Any]) -> bytes:
        """Return the PDF; a decision that several dossiers of a unit show is set once."""
        if template != "recognition":
            return render(CONFIG / "documents", template, values)
        key = json.dumps(values, sort_keys=True, default=date.isoformat)
        if key not in _shown_again:
            _shown_again[key] = render(CONFIG / "documents", template, values)
        return _shown_again[key]

    def _tell(self) -> None:
        """Deliver the notices of this moment at this moment."""
        worker = Worker(self.database, self.files, None, name="demo", threads=0)
        while worker.work_once():
            pass


_shown_again: dict[str, bytes] = {}


@lru_cache(maxsize=1)
def _openings() -> Mapping[int, datetime]:
    return {step.case: step.at for step in _story().steps if step.deed == "open"}


def _fill_in(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    council, present = council_of(case)
    on = local_day(step.at)
    fill_in(
        scene.database,
        scene.actor(step.who),
        ref,
        seen_version=step.order,
        fields={
            "submission_paper_no": number_of(case, "submission_paper"),
            "submission_paper_on": on.isoformat(),
            "minutes_no": number_of(case, "minutes"),
            "minutes_on": on.isoformat(),
            "council_members": str(council),
            "council_present": str(present),
        },
    )


def _add_nominee(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    one = case.nominees[step.given["position"]]
    add_nominee(
        scene.database,
        scene.actor(step.who),
        ref,
        seen_version=step.order,
        class_code=one.class_code,
        name=one.name,
        award_form=case.form,
    )


def _fill_in_nominee(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    position: int = step.given["position"]
    one = case.nominees[position]
    nominee = scene.nominee(ref, position)
    mended = bool(step.given.get("mended"))
    fill_in_nominee(
        scene.database,
        scene.actor(step.who),
        nominee.ref,
        seen_version=step.order,
        fields={**one.fields, "achievement": "\n\n".join(achievement_of(scene.story, case, position))},
        answers=_answers(scene, case, position, one, nominee.class_id, mended=mended),
    )


def _answers(
    scene: _Scene, case: Case, position: int, one: Nominated, class_id: int, *, mended: bool
) -> dict[str, Answer]:
    with scene.database.reading() as tx:
        criteria = tx.session.scalars(
            select(Criterion).where(Criterion.class_id == class_id).order_by(Criterion.ordinal)
        ).all()
    return {
        criterion.code: _answer(criterion, case, position, weak=one.weak and not mended)
        for criterion in criteria
        if criterion.applies_when != "training_institution" or one.fields.get("training_institution") == "yes"
    }


def _answer(criterion: Criterion, case: Case, position: int, *, weak: bool) -> Answer:
    """Return an answer that shows every proof the criterion takes; a weak one falls short of its ratio."""
    dice = case.dice("answer", position, criterion.code)
    proofs = criterion.proofs.split()
    said: dict[str, Any] = {}
    if "attested" in proofs:
        said["attested"] = True
        said["note"] = "Đã thực hiện, xem báo cáo thành tích."
    if "recognised_initiative" in proofs and "attested" not in proofs:
        number, on, issuer, name = initiative_of(case, position)
        said |= {"document_no": number, "document_on": on, "document_issuer": issuer, "note": name}
    elif "document" in proofs and "attested" not in proofs:
        number, on, issuer = recognition_of(case)
        said |= {"document_no": number, "document_on": on, "document_issuer": issuer}
    if "ratio" in proofs or "external_target" in proofs:
        whole = dice.randrange(40, 900)
        over, under = criterion.threshold_num, criterion.threshold_den
        least = 80 if over is None or under is None else over * 100 // under
        share = dice.randrange(least - 6, least - 1) if weak else dice.randrange(least, 101)
        said |= {
            "numerator": -(-whole * share // 100) if not weak else whole * share // 100,
            "denominator": whole,
        }
    return Answer(**said)


def _paper(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    kind: str = step.given["kind"]
    position: int | None = step.given.get("position")
    template, name, values = values_of(scene.story, case, kind, local_day(step.at), position, step.given)
    again = bool(step.given.get("again"))
    criterion = None
    if kind == "evidence":
        nominees = scene.nominee_refs(ref)
    elif position is None:
        nominees = []
    else:
        nominee = scene.nominee(ref, position)
        nominees = [nominee.ref]
        if kind == "initiative_certificate":
            criterion = {"individual_staff": "GT-IA-2", "health_staff": "TT-I-2"}[
                case.nominees[position].class_code
            ]
    attach(
        scene.database,
        scene.files,
        scene.actor(step.who),
        ref,
        kind=kind,
        name=name,
        stream=io.BytesIO(scene.set_paper(template, values)),
        size_limit=SIZE_LIMIT,
        dossier_limit=10 * SIZE_LIMIT,
        seen_version=step.order,
        nominee_refs=() if again else nominees,
        criterion_code=criterion,
        replaces=scene.papers(ref, kind)[0] if again else None,
    )


def _act(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    given = dict(step.given)
    action = given.pop("action")
    position = given.pop("position", None)
    if position is not None:
        given["nominee_ref"] = scene.nominee(ref, position).ref
    remark = given.pop("remark", None)
    if remark is not None:
        (kind, about), code, body = remark
        target = scene.nominee(ref, about).ref if kind == "nominee" else about
        given["remarks"] = [RemarkInput(kind, target, code, body)]
    act(scene.database, scene.actor(step.who), ref, action, seen_version=step.order, **given)


def _issue(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    paper = scene.papers(ref, "decision")[-1]
    act(
        scene.database,
        scene.actor(step.who),
        ref,
        "issue",
        seen_version=step.order,
        fields={**step.given, "decision_paper": paper},
    )


def _overdue(scene: _Scene, case: Case, step: Step, ref: str) -> None:
    watch_clocks(scene.database)


_DEEDS: Mapping[str, Callable[[_Scene, Case, Step, str], None]] = {
    "fill_in": _fill_in,
    "add_nominee": _add_nominee,
    "fill_in_nominee": _fill_in_nominee,
    "paper": _paper,
    "act": _act,
    "issue": _issue,
    "overdue": _overdue,
}
