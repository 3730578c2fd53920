"""Act on a dossier: every action of its edition goes through here, for people and for the clock alike.

The order is a promise: lock, permission, seen version, what was typed, the edition's judgement, then the
move, its effects, the record and the promises, all in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, update

from dossiers.attachment import PAPER_KINDS, Attachment, AttachmentVersion
from dossiers.contents import clean_text
from dossiers.dossier import Remark
from dossiers.functions import UNIT_FUNCTIONS
from dossiers.meetings import figure_problems
from dossiers.nominee import Nominee
from dossiers.numbers import NotADay, NotANumber, parse_count, parse_day
from dossiers.refusals import Conflict, Invalid, InvalidForm, Missing, Refusal
from states.definition import Action, Field, Subject
from states.machine import ConditionsUnmet, Machine, Move, UnknownAction, WrongState, machine_for
from storage.blob import Blob
from storage.database import Database, Tx
from storage.record import AttachmentMark, Moved
from workflow.actor import Actor
from workflow.clocks import due_after, run_clocks
from workflow.effects import EFFECTS, Consequence
from workflow.engine import Deed, lock, lock_for_system, write
from workflow.facts import DossierFacts
from workflow.meanwhile import require_version
from workflow.permissions import acting_place, require
from workflow.refused import ConditionsRefused, condition_refusal
from workflow.repeat import repeated_answer

REASON_LENGTH = 4_000
REMARKS_AT_MOST = 200
REMARK_TARGETS = ("dossier", "nominee", "field", "paper", "criterion")


@dataclass(frozen=True, slots=True)
class RemarkInput:
    """What a reviewer asks to be mended: where, for which coded reason, in words."""

    target_kind: str
    target_ref: str | None
    reason_code: str
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action led to. ``repeated``: the same request had been answered before and nothing new was
    done.
    """

    dossier_ref: str
    code: str
    state: str
    version: int
    action: str
    repeated: bool = False

    @property
    def answer(self) -> dict[str, Any]:
        """What is kept of it for a repetition of the request."""
        return {
            "dossier_ref": self.dossier_ref,
            "code": self.code,
            "state": self.state,
            "version": self.version,
            "action": self.action,
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the person typed, read as the action asks."""

    reason: str | None
    reason_code: str | None
    fields: Mapping[str, Any]
    papers: Mapping[str, AttachmentVersion]
    remarks: Sequence[RemarkInput]


_NOTHING_ASKED = _Asked(None, None, {}, {}, ())


def act(
    database: Database,
    actor: Actor,
    dossier_ref: str,
    action: str,
    *,
    seen_version: int,
    reason: str | None = None,
    reason_code: str | None = None,
    fields: Mapping[str, Any] | None = None,
    remarks: Sequence[RemarkInput] = (),
    nominee_ref: str | None = None,
    idem_key: str | None = None,
) -> Outcome:
    """Perform ``action`` of the dossier's edition, on the dossier or on one of its nominees.

    ``dossier_ref`` is a ref or a code; ``seen_version`` the dossier's version the person saw. With
    ``idem_key`` the same request again answers the same and does nothing.

    Raises ``Missing`` (no such dossier, or not theirs to know of), ``Invalid`` (unknown action, wrong or
    missing
    input, key used with another body), ``Forbidden`` (function, separation of duties), ``Conflict`` (changed
    meanwhile, wrong state, a condition that does not hold, no seat left).
    """
    with database.writing() as tx:
        request = {
            "deed": "act",
            "dossier": dossier_ref,
            "action": action,
            "seen": seen_version,
            "reason": reason,
            "reason_code": reason_code,
            "fields": {key: str(value) for key, value in fields.items()} if fields else {},
            "remarks": [asdict(remark) for remark in remarks],
            "nominee": nominee_ref,
        }
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return Outcome(**{**repeated.stored, "repeated": True})
        deed = lock(tx, actor, dossier_ref, idem_key=idem_key)
        machine = machine_for(deed.edition)
        subject: Subject = "dossier" if nominee_ref is None else "nominee"
        found = _action(machine, subject, action)
        require(deed.standing, found)
        require_version(deed, seen_version)
        nominee = None if nominee_ref is None else _nominee(deed, nominee_ref)
        state = deed.row.state if nominee is None else nominee.state
        deed.place = acting_place(deed.standing, found, state)
        if deed.place is None:
            # The function may act, but not from this state: what is in the way is the state.
            raise Conflict(
                "wrong_state", action=action, state=state, state_label=_label(deed, subject, state)
            )
        facts = DossierFacts(deed, nominee)
        move = _advance(deed, machine, subject, state, found, facts)
        asked = _read_input(deed, found, reason, reason_code, fields or {}, remarks)
        version = _carry_out(deed, machine, found, move, facts, asked, nominee)
        outcome = Outcome(deed.row.ref, deed.row.code, deed.value("state"), version, action)
        if idem_key is not None:
            repeated.settle(outcome.answer)
        return outcome


def act_by_clock(tx: Tx, dossier_id: int, action: str) -> int | None:
    """Perform an action of the clock (``by_system``) inside the caller's transaction; return the new version.

    Returns None when the dossier has moved on meanwhile, so that the action no longer leads from its state.
    """
    deed = lock_for_system(tx, dossier_id)
    machine = machine_for(deed.edition)
    found = _action(machine, "dossier", action)
    if not found.by_system or deed.row.state not in found.sources:
        return None
    facts = DossierFacts(deed)
    try:
        move = _advance(deed, machine, "dossier", deed.row.state, found, facts)
    except Conflict:
        return None
    given = found.given_reason
    asked = _Asked(given.label.vi if given else None, given.code if given else None, {}, {}, ())
    return _carry_out(deed, machine, found, move, facts, asked, None)


def _action(machine: Machine, subject: Subject, key: str) -> Action:
    try:
        found = machine.action(subject, key)
    except UnknownAction:
        raise Invalid("action_unknown", field="action", action=key[:60]) from None
    if found.driven:
        raise Invalid("action_unknown", field="action", action=key[:60])
    return found


def _nominee(deed: Deed, ref: str) -> Nominee:
    nominee = deed.tx.session.scalar(
        select(Nominee).where(Nominee.ref == ref, Nominee.dossier_id == deed.row.id).with_for_update()
    )
    if nominee is None:
        raise Missing("not_found")
    return nominee


def _label(deed: Deed, subject: Subject, state: str) -> str:
    label = deed.edition.machine(subject).states[state].label
    return label.en if deed.actor and deed.actor.language == "en" else label.vi


def _advance(
    deed: Deed, machine: Machine, subject: Subject, state: str, found: Action, facts: DossierFacts
) -> Move:
    try:
        return machine.advance(subject, state, found.key, facts.answers(found.conditions), deed.row.state)
    except WrongState as wrong:
        # For a nominee the state in the way may be the dossier's.
        in_way: Subject = "dossier" if wrong.state == deed.row.state else subject
        raise Conflict(
            "wrong_state", action=found.key, state=wrong.state, state_label=_label(deed, in_way, wrong.state)
        ) from None
    except ConditionsUnmet as unmet:
        problems = tuple(condition_refusal(name, facts) for name in unmet.names)
        if len(problems) == 1:
            raise problems[0] from None
        raise ConditionsRefused(problems) from None


def _read_input(
    deed: Deed,
    action: Action,
    reason: str | None,
    reason_code: str | None,
    fields: Mapping[str, Any],
    remarks: Sequence[RemarkInput],
) -> _Asked:
    if not (reason or reason_code or fields or remarks or action.requires or action.fields):
        return _NOTHING_ASKED
    problems: list[Refusal] = []
    said: str | None = None
    try:
        said = clean_text(reason or "", field="reason", limit=REASON_LENGTH) or None
    except Invalid as problem:
        problems.append(problem)
    if "reason" in action.requires and said is None and not problems:
        problems.append(Invalid("reason_missing", field="reason"))
    if reason_code and reason_code not in action.reason_codes:
        problems.append(Invalid("reason_code_unknown", field="reason_code"))
    if "reason_code" in action.requires and not reason_code:
        problems.append(Invalid("reason_code_missing", field="reason_code"))
    known = {field.key: field for field in action.fields}
    problems.extend(Invalid("field_unknown", field=str(key)[:60]) for key in fields if key not in known)
    values: dict[str, Any] = {}
    papers: dict[str, AttachmentVersion] = {}
    for field in action.fields:
        try:
            value = _read_field(deed, field, fields.get(field.key), papers)
        except Invalid as problem:
            problems.append(problem)
            continue
        if value is not None:
            values[field.key] = value
    problems.extend(figure_problems(values))
    kept: list[RemarkInput] = []
    if remarks and not action.remarks:
        problems.append(Invalid("remarks_not_taken", field="remarks"))
    if len(remarks) > REMARKS_AT_MOST:
        problems.append(Invalid("too_many_remarks", field="remarks", limit=REMARKS_AT_MOST))
    for position, remark in enumerate(remarks[:REMARKS_AT_MOST]):
        try:
            kept.append(_read_remark(deed, remark, f"remarks.{position}"))
        except Invalid as problem:
            problems.append(problem)
    if problems:
        raise InvalidForm(tuple(problems))
    return _Asked(said, reason_code or None, values, papers, kept)


def _read_field(deed: Deed, field: Field, value: Any, papers: dict[str, AttachmentVersion]) -> Any:
    """Return the value read as the field asks, None when it was left empty and may be."""
    text = value.isoformat() if isinstance(value, date) else value
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    text = clean_text("" if text is None else text, field=field.key, limit=REASON_LENGTH)
    if not text:
        if field.required:
            raise Invalid("value_missing", field=field.key, label=_field_label(deed, field))
        return None
    if field.kind == "date":
        try:
            day = parse_day(text)
        except NotADay:
            raise Invalid("day_unreadable", field=field.key, value=text[:40]) from None
        # A last day lies ahead; every other date tells of something that has happened.
        if day > deed.today and field.key not in {
            limit.due_field for limit in deed.edition.dossier.limits.values()
        }:
            raise Invalid("day_in_future", field=field.key)
        return day
    if field.kind == "integer":
        try:
            return parse_count(text)
        except NotANumber:
            raise Invalid("count_unreadable", field=field.key, value=text[:40]) from None
    if field.kind == "choice" and text not in {choice.key for choice in field.choices}:
        raise Invalid("choice_unknown", field=field.key)
    if field.kind == "paper":
        version = deed.tx.session.scalar(
            select(AttachmentVersion)
            .join(Attachment, Attachment.id == AttachmentVersion.attachment_id)
            .where(
                Attachment.ref == text,
                Attachment.dossier_id == deed.row.id,
                Attachment.withdrawn_at.is_(None),
            )
            .order_by(AttachmentVersion.n.desc())
            .limit(1)
        )
        if version is None:
            raise Invalid("paper_unknown", field=field.key)
        papers[field.key] = version
    return text


def _field_label(deed: Deed, field: Field) -> str:
    return field.label.en if deed.actor and deed.actor.language == "en" else field.label.vi


def _read_remark(deed: Deed, remark: RemarkInput, field: str) -> RemarkInput:
    if remark.target_kind not in REMARK_TARGETS:
        raise Invalid("choice_unknown", field=f"{field}.target_kind")
    if remark.reason_code not in deed.edition.reason_codes:
        raise Invalid("reason_code_unknown", field=f"{field}.reason_code")
    body = clean_text(remark.body, field=f"{field}.body", limit=REASON_LENGTH)
    if not body:
        raise Invalid("reason_missing", field=f"{field}.body")
    target = clean_text(remark.target_ref or "", field=f"{field}.target_ref", limit=120) or None
    if remark.target_kind in ("nominee", "paper") and not _is_in_dossier(deed, remark.target_kind, target):
        raise Invalid("remark_target_unknown", field=f"{field}.target_ref")
    return RemarkInput(remark.target_kind, target, remark.reason_code, body)


def _is_in_dossier(deed: Deed, kind: str, ref: str | None) -> bool:
    if kind == "paper" and ref in PAPER_KINDS:
        return True  # a paper that is missing altogether is named by its kind
    table = Nominee if kind == "nominee" else Attachment
    return (
        deed.tx.session.scalar(select(table.id).where(table.ref == ref, table.dossier_id == deed.row.id))
        is not None
    )


def _carry_out(
    deed: Deed,
    machine: Machine,
    action: Action,
    move: Move,
    facts: DossierFacts,
    asked: _Asked,
    nominee: Nominee | None,
) -> int:
    deed.action = action.key
    deed.reason = asked.reason
    if asked.reason_code:
        deed.payload["reason_code"] = asked.reason_code
    if asked.fields:
        deed.payload["fields"] = {
            key: value.isoformat() if isinstance(value, date) else value
            for key, value in asked.fields.items()
        }
    for version in asked.papers.values():
        blob = deed.tx.session.get_one(Blob, version.blob_id)
        deed.attachments.append(AttachmentMark(blob.key, blob.sha256, blob.size, blob.media_type))
    if nominee is not None:
        _move_nominee(deed, nominee, move.state_to)
    elif move.nominees is not None:
        driven = machine.action("nominee", move.nominees)
        for one in facts.nominees:
            if one.state in driven.sources:
                _move_nominee(deed, one, driven.target or one.state)
                for effect in driven.effects:
                    EFFECTS[effect](deed, Consequence(facts, {}, one))
    if nominee is None and move.state_to != move.state_from:
        deed.changes["state"] = move.state_to
        deed.changes["state_since"] = deed.now
        deed.changes["claimed_by"] = None
    _keep_remarks(deed, asked, to_unit=_goes_to_unit(deed, move, nominee))
    if deed.place is not None and deed.place.function in UNIT_FUNCTIONS:
        _answer_remarks(deed, move, nominee)
    consequence = Consequence(facts, asked.fields, nominee, dict(asked.papers))
    for effect in move.effects:
        EFFECTS[effect](deed, consequence)
    spans = run_clocks(deed, move.clock, asked.fields)
    _pass_the_turn(deed)
    deed.changes["due_on"] = due_after(deed, spans)
    deed.tx.flush()
    return write(deed)


def _move_nominee(deed: Deed, nominee: Nominee, state: str) -> None:
    deed.moves.append(
        Moved("nominee", nominee.ref, nominee.version, nominee.version + 1, nominee.state, state)
    )
    nominee.state = state
    nominee.version += 1


def _goes_to_unit(deed: Deed, move: Move, nominee: Nominee | None) -> bool:
    """Tell whether the deed hands the dossier, or the nominee, back to the unit: only then are remarks the unit's."""
    machine = deed.edition.machine("dossier" if nominee is None else "nominee")
    return machine.states[move.state_to].sent_back


def _answer_remarks(deed: Deed, move: Move, nominee: Nominee | None) -> None:
    """What the unit sends again answers the open remarks that were made to it."""
    machine = deed.edition.machine("dossier" if nominee is None else "nominee")
    if not machine.states[move.state_from].sent_back or machine.states[move.state_to].final:
        return
    answered = update(Remark).where(
        Remark.dossier_id == deed.row.id, Remark.state == "open", Remark.audience == "unit"
    )
    if nominee is not None:
        answered = answered.where(Remark.target_ref.startswith(nominee.ref, autoescape=True))
    deed.tx.session.execute(answered.values(state="answered", version=Remark.version + 1))


def _keep_remarks(deed: Deed, asked: _Asked, *, to_unit: bool) -> None:
    if asked.remarks:
        # The words as well: a payload is only committed to, and what a reviewer asked for must not change unseen.
        deed.payload["remarks"] = [asdict(remark) for remark in asked.remarks]
    for remark in asked.remarks:
        deed.tx.session.add(
            Remark(
                dossier_id=deed.row.id,
                round_no=max(deed.row.submissions, 1),
                target_kind=remark.target_kind,
                target_ref=remark.target_ref,
                reason_code=remark.reason_code,
                body=remark.body,
                audience="unit" if to_unit else "office",
                written_by=deed.actor.account_id if deed.actor else None,
                written_at=deed.now,
            )
        )


def _pass_the_turn(deed: Deed) -> None:
    """Write whose turn it is: the acting function of the state, for the unit or for the round's body."""
    function = deed.edition.dossier.states[deed.value("state")].acting_function
    deed.changes["waiting_function"] = function
    deed.changes["waiting_body_id"] = (
        None if function is None or function in UNIT_FUNCTIONS else deed.row.decider_body_id
    )
