"""The demo as a story: which command was given when, by whom, from config/demo; the same file, the same story.

A dossier's version counts its commands, so the command number ``order`` of a dossier is due exactly while the
dossier's version is ``order``. That is all a loading that was cut off needs to know to go on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from dossiers.days import local_moment
from dossiers.org_unit_file import load_org_units

INSTALLED_AT = local_moment(date(2024, 9, 9), 8)
"""When the demo's office was set up: before its round opened on 16 September 2024."""
TODAY = local_moment(date(2024, 11, 4), 9)
"""The morning on which people find the demo: GT-2024 takes dossiers until 15 November 2024, 17:00."""
ROUND = "GT-2024"
NO_DOSSIER = -1

# Names differ, forms of address follow them; ages and places are made up from the dossier's number alone.
COLLECTIVES = {
    "agency_district", "front_mass_org", "commune", "hamlet", "self_managed_group", "education_institution",
    "enterprise", "health_unit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of the demo with an account. ``to_on``: their time in the function ends."""

    login: str
    name: str
    unit: str
    position: str
    functions: tuple[str, ...]
    to_on: date | None = None


@dataclass(frozen=True, slots=True)
class Proposer:
    """A unit that sends dossiers: the symbol of its papers, who composes, who signs and as what."""

    code: str
    name: str
    place: str
    symbol: str
    login: str
    head: str
    title: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nominated:
    """Somebody or something nominated. ``weak``: its figures fall short of a criterion."""

    class_code: str
    name: str
    fields: Mapping[str, str]
    where: str
    weak: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One dossier of the story. ``number`` counts from 0 in the order in which the dossiers were opened."""

    number: int
    proposer: Proposer
    journey: str
    opened_on: date
    form: str
    title: str
    place: str
    nominees: tuple[Nominated, ...]

    def dice(self, *about: object) -> random.Random:
        """Return the chances of this dossier: the same for the same question, always."""
        return random.Random(f"{self.number}/{self.proposer.code}/" + "/".join(map(str, about)))


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One command: when it was given, in which dossier, as which of its commands (``order``), and what."""

    at: datetime
    case: int
    order: int
    deed: str = field(compare=False)
    who: str = field(compare=False, default="")
    given: Mapping[str, Any] = field(compare=False, default_factory=dict)


@dataclass(frozen=True)
class Story:
    """People, units, dossiers, texts, and every command in the order of time."""

    people: tuple[Somebody, ...]
    cases: tuple[Case, ...]
    achievements: Mapping[str, tuple[tuple[str, ...], ...]]
    reasons: Mapping[str, str]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every command of every dossier, and the clock watched early on each working day."""
        steps = [step for case in self.cases for step in _Journey(case, self.reasons).steps()]
        day = ROUND_OPENS
        while local_moment(day) < TODAY:
            steps.append(Step(local_moment(day, 0, 10), NO_DOSSIER, 0, "watch_clocks"))
            day = working_day(day, 1)
        return tuple(sorted(steps))


ROUND_OPENS = date(2024, 9, 16)


def working_day(day: date, after: int) -> date:
    """Return the day ``after`` working days later. No public holiday lies in the demo's weeks."""
    while after:
        day += timedelta(days=1)
        if day.weekday() < 5:
            after -= 1
    return day


def read_story(config: Path) -> Story:
    """Return the story told by the files of config/demo, among the units of config/org_units."""
    told = yaml.safe_load((config / "demo" / "giang-thanh.yaml").read_text(encoding="utf-8"))
    texts = yaml.safe_load((config / "demo" / "texts.yaml").read_text(encoding="utf-8"))
    units = load_org_units((config / "org_units" / "giang-thanh.yaml").read_bytes()).units
    proposers = {
        one["code"]: Proposer(
            one["code"],
            units[one["code"]].name,
            units[one["code"]].place_name,
            one["symbol"],
            one["login"],
            one["head"],
            tuple(one["title"]),
        )
        for one in told["units"]
    }
    people = [
        Somebody(
            one["login"], one["name"], one["unit"], one["position"], tuple(one["functions"]), one.get("to")
        )
        for one in told["people"]
    ]
    people += [
        Somebody(one["login"], one["name"], one["code"], one["position"], ("nominator",))
        for one in told["units"]
        if "name" in one
    ]
    casting = _Casting(told["names"])
    lines = sorted(told["dossiers"], key=lambda one: one["opened"])  # stable: as written within a day
    cases = tuple(casting.case(number, one, proposers) for number, one in enumerate(lines))
    achievements = {
        code: tuple(tuple(report) for report in reports) for code, reports in texts["achievements"].items()
    }
    return Story(tuple(people), cases, MappingProxyType(achievements), MappingProxyType(texts["reasons"]))


class _Casting:
    """Gives every nominee a name that nobody else in the demo has."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._taken: set[str] = set()
        self._dice = random.Random("giang-thanh/2024")
        self._hamlets = 0
        self._groups = 0
        self._health_units = 0
        self._longest_given = False

    def case(self, number: int, line: Mapping[str, Any], proposers: Mapping[str, Proposer]) -> Case:
        proposer = proposers[line["unit"]]
        place = proposer.place
        weak = line.get("weak", 0)
        classes = [line["self"]] if "self" in line else []
        classes += [code for code, count in line["nominees"].items() for _ in range(count)]
        nominees = tuple(
            self._nominated(code, proposer, place, own=position == 0 and "self" in line, weak=position < weak)
            for position, code in enumerate(classes)
        )
        if not nominees:
            title = f"Hồ sơ khen thưởng năm 2024 của {proposer.name}"
        elif len(nominees) == 1:
            title = f"Đề nghị khen thưởng {nominees[0].name}"
        else:
            title = f"Đề nghị khen thưởng {nominees[0].name} và {len(nominees) - 1:02d} trường hợp khác"
        return Case(
            number,
            proposer,
            line["journey"],
            line["opened"],
            line.get("form", "certificate_of_merit_district"),
            title,
            place,
            nominees,
        )

    def _nominated(self, code: str, proposer: Proposer, place: str, *, own: bool, weak: bool) -> Nominated:
        if code in COLLECTIVES:
            name, address = self._collective(code, proposer, place, own)
            members = self._dice.randrange(7, 64)
            fields = {"address": address, "members": str(members), "women": str(members * 3 // 5)}
            if code == "education_institution":
                fields["training_institution"] = "yes" if "gdnn" in proposer.code else "no"
            return Nominated(code, name, fields, address, weak)
        woman = self._dice.random() < 0.55
        person = self._person(woman)
        if code == "household":
            hamlet = self._dice.choice(self._names["hamlets"])
            address = f"Ấp {hamlet}, xã {place}" if place != "Giang Thành" else f"Ấp {hamlet}, Giang Thành"
            fields = {"address": address, "members": str(self._dice.randrange(3, 9))}
            return Nominated(code, f"Hộ {'bà' if woman else 'ông'} {person}", fields, address, weak)
        fields = {
            "honorific": "ba" if woman else "ong",
            "birth_year": str(self._dice.randrange(1958, 1999)),
            "position": self._dice.choice(self._positions(code, proposer)),
            "workplace": proposer.name
            if code != "individual_other"
            else f"Ấp {self._dice.choice(self._names['hamlets'])}, {place}",
        }
        return Nominated(code, person, fields, f"{fields['position']}, {fields['workplace']}", weak)

    def _positions(self, code: str, proposer: Proposer) -> list[str]:
        if code == "individual_other":
            return list(self._names["residents"])
        if code == "health_staff":
            return list(self._names["health_staff"])
        return list(self._names["teachers" if "truong-" in proposer.code else "agency_staff"])

    def _collective(self, code: str, proposer: Proposer, place: str, own: bool) -> tuple[str, str]:
        if own:
            name = proposer.name
            return (f"Xã {place}" if code == "commune" else name), place
        hamlets: list[str] = self._names["hamlets"]
        if code == "hamlet":
            self._hamlets += 1
            return f"Ấp {hamlets[(self._hamlets - 1) % len(hamlets)]}, xã {place}", f"Xã {place}"
        if code == "self_managed_group":
            self._groups += 1
            hamlet = hamlets[self._groups * 7 % len(hamlets)]
            return f"Tổ nhân dân tự quản số {self._groups}, ấp {hamlet}, xã {place}", f"Ấp {hamlet}"
        units: list[str] = self._names["health_units"]
        self._health_units += 1
        return units[(self._health_units - 1) % len(units)], "Giang Thành"

    def _person(self, woman: bool) -> str:
        if woman and not self._longest_given and len(self._taken) > 30:
            self._longest_given = True
            self._taken.add(self._names["longest"])
            return str(self._names["longest"])
        while True:
            khmer = "khmer_" if self._dice.random() < 0.25 else ""
            family = self._dice.choice(self._names[f"{khmer}family"])
            given = self._dice.choice(self._names[f"{khmer}{'women' if woman else 'men'}"])
            name = f"{family} {given}"
            if name not in self._taken:
                self._taken.add(name)
                return name


# --- journeys ------------------------------------------------------------------------------------

_TO_SENT = ("submit",)
_TO_RECEIVED = (*_TO_SENT, "receive")
_TO_APPRAISAL = (*_TO_RECEIVED, "start")
_TO_MEETING = (*_TO_APPRAISAL, "judge", "finish")
_TO_PASSED = (*_TO_MEETING, "meet")
_TO_PENDING = (*_TO_PASSED, "submit_up")
_TO_APPROVED = (*_TO_PENDING, "approve")

# What happens to a dossier after it was composed, episode by episode.
JOURNEYS: Mapping[str, tuple[str, ...]] = {
    "draft": (),
    "draft_without_papers": (),
    "submitted": _TO_SENT,
    "supplement_requested": (*_TO_SENT, "ask_supplement"),
    "supplement_overdue": (*_TO_SENT, "ask_supplement_soon", "overdue"),
    "received_after_supplement": (*_TO_SENT, "ask_supplement", "answer_supplement", "receive"),
    "returned_at_intake": (*_TO_SENT, "return_at_intake"),
    "returned": (*_TO_RECEIVED, "return"),
    "received": _TO_RECEIVED,
    "under_appraisal": (*_TO_APPRAISAL, "judge_half"),
    "held": (*_TO_APPRAISAL, "hold"),
    "nominee_held": (*_TO_APPRAISAL, "hold_nominee"),
    "appraised_again": (*_TO_RECEIVED, "return", "mend", "resubmit", "receive", "start"),
    "back_in_appraisal": (*_TO_MEETING, "back_to_appraisal"),
    "at_review_meeting": _TO_MEETING,
    "passed": _TO_PASSED,
    "pending_decision": _TO_PENDING,
    "pending_again": (*_TO_APPROVED, "revoke"),
    "approved": _TO_APPROVED,
    "issued": (*_TO_APPROVED, "issue"),
    "issued_after_return": (
        *_TO_RECEIVED, "return", "mend", "resubmit", "receive", "start", "judge", "finish", "meet",
        "submit_up", "approve", "issue",
    ),
    "escalated": (*_TO_PENDING, "send_up"),
    "refused": (*_TO_APPRAISAL, "refuse"),
    "refused_at_meeting": (*_TO_MEETING, "reject"),
    "refused_by_chair": (*_TO_PENDING, "refuse_by_chair"),
    "withdrawn": (*_TO_SENT, "withdraw"),
    "withdrawn_in_appraisal": (*_TO_APPRAISAL, "withdraw_in_appraisal"),
}  # fmt: skip

# The state that each journey ends in.
ENDS: Mapping[str, str] = {
    "draft_without_papers": "draft",
    "supplement_overdue": "returned",
    "received_after_supplement": "received",
    "returned_at_intake": "returned",
    "held": "under_appraisal",
    "nominee_held": "under_appraisal",
    "appraised_again": "under_appraisal",
    "back_in_appraisal": "under_appraisal",
    "pending_again": "pending_decision",
    "issued_after_return": "issued",
    "refused_at_meeting": "refused",
    "refused_by_chair": "refused",
    "withdrawn_in_appraisal": "withdrawn",
}

# Working days between an episode and the one before.
_PAUSE = {
    "finish": 0,
    "start": 1,
    "judge": 1,
    "judge_half": 1,
    "meet": 2,
    "overdue": 4,
    "mend": 2,
    "resubmit": 0,
}
_USUAL_PAUSE = 1

_INITIATIVES = ("individual_staff", "health_staff")


class _Journey:
    """Writes the commands of one dossier one after the other."""

    def __init__(self, case: Case, reasons: Mapping[str, str]) -> None:
        self._case = case
        self._reasons = reasons
        self._steps: list[Step] = []
        self._day = case.opened_on
        self._now = self._morning()

    def steps(self) -> list[Step]:
        self._compose()
        for episode in JOURNEYS[self._case.journey]:
            pause = _PAUSE.get(episode, _USUAL_PAUSE)
            if pause:
                self._day = working_day(self._day, pause)
                self._now = self._morning()
            getattr(self, f"_{episode}")()
        assert self._now < TODAY, (
            f"{self._case.proposer.code} {self._case.opened_on}: the story runs past today"
        )
        return self._steps

    def _morning(self) -> datetime:
        """Return when this dossier's work begins today; no two dossiers begin in the same second."""
        minute, second = divmod(self._case.number * 211 % 3600, 60)
        return local_moment(self._day, 8, minute, second)

    def _do(self, deed: str, who: str, **given: Any) -> None:
        self._steps.append(Step(self._now, self._case.number, len(self._steps), deed, who, given))
        self._now += timedelta(seconds=70)

    def _act(self, who: str, action: str, **given: Any) -> None:
        self._do("act", who, action=action, **given)

    def _paper(self, who: str, kind: str, **given: Any) -> None:
        self._do("paper", who, kind=kind, **given)

    def _compose(self) -> None:
        case, who = self._case, self._case.proposer.login
        self._do("open", who)
        self._do("fill_in", who)
        for position in range(len(case.nominees)):
            self._do("add_nominee", who, position=position)
            self._do("fill_in_nominee", who, position=position)
        if case.journey == "draft_without_papers":
            return
        self._paper(who, "submission_paper")
        self._paper(who, "minutes")
        self._paper(who, "achievement_report", position=0)
        self._paper(who, "evidence")
        staff = [n for n, one in enumerate(case.nominees) if one.class_code in _INITIATIVES]
        if staff:
            self._paper(who, "initiative_certificate", position=staff[0])

    def _submit(self) -> None:
        own_head = self._case.proposer.code == "ttyt-giang-thanh"
        self._act("thinh" if own_head else self._case.proposer.login, "submit")

    def _receive(self) -> None:
        self._act("diem", "receive")

    def _start(self) -> None:
        self._act("diem", "start_appraisal")

    def _judge(self) -> None:
        for position, one in enumerate(self._case.nominees):
            self._verdict(position, one)

    def _judge_half(self) -> None:
        for position, one in enumerate(self._case.nominees[: len(self._case.nominees) // 2]):
            self._verdict(position, one)

    def _verdict(self, position: int, one: Nominated) -> None:
        if one.weak and self._case.journey not in ("issued_after_return", "appraised_again"):
            self._act("diem", "fail_nominee", position=position, reason=self._reasons["fail"])
        else:
            self._act("diem", "pass_nominee", position=position)

    def _finish(self) -> None:
        self._act("diem", "finish_appraisal")

    def _meeting(self) -> dict[str, str]:
        return {
            "met_on": self._day.isoformat(),
            "minutes_number": f"{self._case.number + 12}/BB-PGDĐT",
            "participants": self._reasons["participants"],
        }

    def _meet(self) -> None:
        if "approve" in JOURNEYS[self._case.journey]:
            self._paper("khai", "meeting_minutes")
        self._act(
            "khai",
            "record_review_meeting",
            fields={**self._meeting(), "result": self._reasons["after_meeting"]},
        )

    def _reject(self) -> None:
        self._act(
            "khai", "reject_at_review", reason=self._reasons["reject_at_review"], fields=self._meeting()
        )

    def _back_to_appraisal(self) -> None:
        self._act("khai", "return_to_appraisal", reason=self._reasons["back_to_appraisal"])

    def _submission(self) -> dict[str, str]:
        return {
            "submission_number": f"{self._case.number + 31}/TTr-PNV",
            "submitted_on": self._day.isoformat(),
        }

    def _submit_up(self) -> None:
        self._act("tuyet", "submit_for_decision", fields=self._submission())

    def _approve(self) -> None:
        self._act(self._chair(), "approve")

    def _chair(self) -> str:
        return "loc" if self._case.number % 3 == 1 else "an"

    def _revoke(self) -> None:
        self._act(self._chair(), "revoke_approval", reason=self._reasons["revoke"])

    def _issue(self) -> None:
        self._paper("tuyet", "decision")
        self._do(
            "issue", "tuyet", number=f"{self._case.number + 2871}/QĐ-UBND", issued_on=self._day.isoformat()
        )

    def _send_up(self) -> None:
        self._act("an", "send_up", reason=self._reasons["send_up"], fields=self._submission())

    def _refuse(self) -> None:
        self._act("khai", "refuse", reason=self._reasons["refuse"], reason_code="criterion_not_met")

    def _refuse_by_chair(self) -> None:
        self._act("an", "refuse", reason=self._reasons["refuse_by_chair"], reason_code="already_awarded")

    def _return(self) -> None:
        weak = any(one.weak for one in self._case.nominees)
        code = "criterion_not_met" if weak else "figures_disagree"
        reason = self._reasons["return_ratio" if weak else "return"]
        self._paper("diem", "return_notice", reason=reason)
        self._act(
            "diem", "return_dossier", reason=reason, reason_code=code, remark=(("nominee", 0), code, reason)
        )

    def _return_at_intake(self) -> None:
        reason = self._reasons["return_at_intake"]
        self._act(
            "diem",
            "return_dossier",
            reason=reason,
            reason_code="wrong_form",
            remark=(("paper", "achievement_report"), "wrong_form", reason),
        )

    def _mend(self) -> None:
        who = self._case.proposer.login
        self._do("fill_in_nominee", who, position=0, mended=True)
        self._paper(who, "achievement_report", position=0, again=True)

    def _resubmit(self) -> None:
        self._act(self._case.proposer.login, "resubmit")

    def _ask_supplement(self) -> None:
        self._ask(working_day(TODAY.date(), 2 + self._case.number % 3))

    def _ask_supplement_soon(self) -> None:
        self._ask(working_day(self._day, 3))

    def _ask(self, due_on: date) -> None:
        self._act(
            "diem",
            "request_supplement",
            reason=self._reasons["supplement"],
            fields={"due_on": due_on.isoformat(), "missing_papers": self._reasons["supplement_missing"]},
            remark=(("paper", "evidence"), "missing_papers", self._reasons["supplement"]),
        )

    def _answer_supplement(self) -> None:
        who = self._case.proposer.login
        self._paper(who, "evidence", again=True)
        self._act(who, "answer_supplement")

    def _overdue(self) -> None:
        # The clock did it in the night, by the watch of that day.
        self._now = local_moment(self._day, 0, 10)
        self._do("overdue", "")

    def _withdraw(self) -> None:
        self._act(self._case.proposer.login, "withdraw", reason=self._reasons["withdraw"])

    def _withdraw_in_appraisal(self) -> None:
        self._act(self._case.proposer.login, "withdraw", reason=self._reasons["withdraw_in_appraisal"])

    def _hold(self) -> None:
        self._act("diem", "hold", reason=self._reasons["hold"], fields={"hold_kind": "complaint"})

    def _hold_nominee(self) -> None:
        self._act(
            "diem",
            "hold_nominee",
            position=0,
            reason=self._reasons["hold_nominee"],
            fields={"hold_kind": "complaint"},
        )
