"""The unit writes: open a dossier, fill it in, add and remove nominees. Only while the state lets the unit
edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dossiers.attachment import AttachmentUse
from dossiers.award_round import AwardRound
from dossiers.configuration import Criterion, NomineeClass
from dossiers.contents import DOSSIER_FIELDS, NOMINEE_FIELDS, clean_fields, clean_name, clean_text
from dossiers.criteria import Answer
from dossiers.days import local_day
from dossiers.dossier import Dossier
from dossiers.functions import NOMINATOR, UNIT_FUNCTIONS
from dossiers.nominee import CriterionAnswer, Nominee
from dossiers.org_unit import OrgUnitPeriod
from dossiers.refusals import Conflict, Forbidden, Invalid, InvalidForm, Missing, Refusal
from dossiers.subject import Subject, SubjectName
from dossiers.text import fold, name_sort_key
from storage.database import Database, Tx
from storage.record import Moved
from workflow.actor import Actor, Place, valid_on
from workflow.classes import class_for, form_for
from workflow.editions import edition_of
from workflow.engine import NO_DOSSIER, Deed, content_of, lock, write, write_revision
from workflow.meanwhile import require_version
from workflow.permissions import require_proposer
from workflow.repeat import repeated_answer, version_once

NOMINEES_AT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class DossierKey:
    """How a dossier is named outside, and the version just written."""

    ref: str
    code: str
    version: int


@dataclass(frozen=True, slots=True)
class NomineeKey:
    """How a nominee is named outside, and the version of its dossier just written."""

    ref: str
    version: int


def _as_content(answer: Answer) -> dict[str, Any]:
    """Return the answer as it stands in a revision; what is not said is left out."""
    said = {
        "attested": answer.attested,
        "not_applicable": answer.not_applicable or None,
        "numerator": answer.numerator,
        "denominator": answer.denominator,
        "document_no": answer.document_no,
        "document_on": answer.document_on.isoformat() if answer.document_on else None,
        "document_issuer": answer.document_issuer,
        "note": answer.note,
    }
    return {key: value for key, value in said.items() if value not in (None, "")}


def open_dossier(
    database: Database,
    actor: Actor,
    *,
    round_code: str,
    unit_ref: str | None = None,
    title: str = "",
    idem_key: str | None = None,
) -> DossierKey:
    """Open a draft in a round for the actor's unit (the only one, or the one named by ``unit_ref``).

    Raises ``Forbidden`` for people who do not compose for a unit, ``Missing`` for an unknown round,
    ``Conflict`` when the round is not open.
    """
    with database.writing() as tx:
        request = {"deed": "open_dossier", "round": round_code, "unit": unit_ref, "title": title}
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return DossierKey(**repeated.stored)
        place = _composing_place(actor, unit_ref)
        found = tx.session.scalar(select(AwardRound).where(AwardRound.code == round_code).with_for_update())
        if found is None:
            raise Missing("round_unknown", round=round_code[:30])
        if not found.opens_at <= tx.now:
            raise Conflict("round_not_yet_open", opens_at=found.opens_at)
        if tx.now.replace(microsecond=0) > found.closes_at:
            raise Conflict("round_closed", closes_at=found.closes_at)
        if not _proposes_to(tx, place.unit_id, found.decider_body_id):
            raise Missing("round_unknown", round=round_code[:30])
        edition = edition_of(tx, found.workflow_id)
        initial = edition.dossier.states[edition.dossier.initial]
        code = f"{found.code}-{found.next_dossier_number:04d}"
        found.next_dossier_number += 1
        dossier = Dossier(
            code=code,
            round_id=found.id,
            proposing_unit_id=place.unit_id,
            edition_id=found.workflow_id,
            state=initial.key,
            state_since=tx.now,
            waiting_function=initial.acting_function,
            waiting_body_id=None if initial.acting_function in UNIT_FUNCTIONS else found.decider_body_id,
            search_text=fold(f"{code} {place.unit_name}"),
            created_by=actor.account_id,
            created_at=tx.now,
            version=0,
        )
        tx.session.add(dossier)
        tx.session.flush()  # lock() reads the row by statement
        deed = lock(tx, actor, dossier.ref, idem_key=idem_key, place=place)
        deed.action = "opened"
        _keep_dossier_content(deed, clean_fields({"title": title}, DOSSIER_FIELDS))
        key = DossierKey(dossier.ref, code, write(deed))
        repeated.settle({"ref": key.ref, "code": key.code, "version": key.version})
        return key


def _proposes_to(tx: Tx, unit_id: int, body_id: int) -> bool:
    """Tell whether the unit belongs today to the body whose round it is."""
    found = tx.session.scalar(
        select(OrgUnitPeriod.id).where(
            OrgUnitPeriod.org_unit_id == unit_id,
            OrgUnitPeriod.body_id == body_id,
            valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, local_day(tx.now)),
        )
    )
    return found is not None


def _composing_place(actor: Actor, unit_ref: str | None) -> Place:
    places = [place for place in actor.places if place.function in UNIT_FUNCTIONS]
    places.sort(key=lambda place: place.function != NOMINATOR)
    if unit_ref is not None:
        places = [place for place in places if place.unit_ref == unit_ref]
    if not places:
        raise Forbidden("function_missing")
    if len({place.unit_id for place in places}) > 1:
        raise Invalid("unit_ambiguous", field="unit")
    return places[0]


def fill_in(
    database: Database,
    actor: Actor,
    dossier_ref: str,
    *,
    seen_version: int,
    fields: Mapping[str, object],
    idem_key: str | None = None,
) -> int:
    """Write fields of the dossier's form; those not given stay as they were. Return the new version.

    Raises ``Missing``, ``Forbidden``, ``Conflict`` (stale version, not editable now), ``InvalidForm``.
    """

    def change() -> int:
        deed = _lock_to_edit(tx, actor, dossier_ref, seen_version)
        _keep_dossier_content(deed, clean_fields(fields, DOSSIER_FIELDS))
        deed.action, deed.idem_key = "filled_in", idem_key
        deed.payload["fields"] = sorted(fields)
        return write(deed)

    request = {"deed": "fill_in", "dossier": dossier_ref, "seen": seen_version, "fields": dict(fields)}
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def _keep_dossier_content(deed: Deed, given: Mapping[str, str]) -> None:
    content = content_of(deed.tx.session, deed.row.revision_id)
    content.update(given)
    revision_id, _ = write_revision(
        deed, "dossier", deed.row.id, {key: value for key, value in content.items() if value != ""}
    )
    deed.changes["revision_id"] = revision_id


def _lock_to_write(tx: Tx, actor: Actor, dossier_ref: str, seen_version: int) -> Deed:
    deed = lock(tx, actor, dossier_ref)
    deed.place = require_proposer(deed.standing)
    require_version(deed, seen_version)
    return deed


def _lock_to_edit(tx: Tx, actor: Actor, dossier_ref: str, seen_version: int) -> Deed:
    deed = _lock_to_write(tx, actor, dossier_ref, seen_version)
    if not deed.edition.dossier.states[deed.row.state].editable:
        raise Conflict("not_editable_now", state=deed.row.state)
    return deed


def add_nominee(
    database: Database,
    actor: Actor,
    dossier_ref: str,
    *,
    seen_version: int,
    class_code: str,
    name: str,
    award_form: str | None = None,
    fields: Mapping[str, object] | None = None,
    idem_key: str | None = None,
) -> NomineeKey:
    """Add a nominee of a class of the round's programme, or of one that feeds it for this unit.

    Raises as ``fill_in``, and ``Invalid`` for an unknown class or award form.
    """
    with database.writing() as tx:
        request = {
            "deed": "add_nominee",
            "dossier": dossier_ref,
            "class": class_code,
            "name": name,
            "form": award_form,
            "fields": dict(fields or {}),
            "seen": seen_version,
        }
        repeated = repeated_answer(tx, actor, idem_key, request)
        if repeated.stored is not None:
            return NomineeKey(**repeated.stored)
        deed = _lock_to_edit(tx, actor, dossier_ref, seen_version)
        session = tx.session
        clean = clean_name(name)
        if deed.row.submissions and tx.now.replace(microsecond=0) > deed.row.closes_at:
            # After the round has closed what was sent may be mended, but nobody new joins.
            raise Conflict("round_closed", closes_at=deed.row.closes_at)
        chosen = class_for(tx, deed.row, class_code)
        values = clean_fields(fields or {}, NOMINEE_FIELDS[chosen.kind])
        form_id = form_for(tx, deed.row, award_form, chosen.kind).id if award_form else None
        ordinal = (
            session.scalar(select(func.max(Nominee.ordinal)).where(Nominee.dossier_id == deed.row.id)) or 0
        ) + 1
        if ordinal > NOMINEES_AT_MOST:
            raise Conflict("too_many_nominees", limit=NOMINEES_AT_MOST)
        subject = Subject(kind=chosen.kind)
        session.add(subject)
        session.flush()  # the nominee and the name need subject.id
        session.add(
            SubjectName(
                subject_id=subject.id,
                name=clean,
                sort_key=name_sort_key(chosen.kind, clean),
                search_text=fold(clean),
                from_on=deed.today,
            )
        )
        nominee = Nominee(
            dossier_id=deed.row.id,
            ordinal=ordinal,
            class_id=chosen.id,
            award_form_id=form_id,
            subject_id=subject.id,
            nominated_by_unit_id=deed.row.proposing_unit_id,
            edition_id=deed.row.edition_id,
            state=deed.edition.nominee.initial,
            name=clean,
            sort_key=name_sort_key(chosen.kind, clean),
            search_text=fold(clean),
        )
        session.add(nominee)
        session.flush()  # its revision needs nominee.id
        nominee.revision_id, _ = write_revision(
            deed,
            "nominee",
            nominee.id,
            {"name": clean, "fields": values, "award_form": award_form, "answers": {}},
        )
        session.flush()
        deed.action = "nominee_added"
        deed.moves.append(Moved("nominee", nominee.ref, 0, 1, None, nominee.state))
        deed.payload["class"] = class_code
        _refresh_search(deed)
        key = NomineeKey(nominee.ref, write(deed))
        repeated.settle({"ref": key.ref, "version": key.version})
        return key


def _refresh_search(deed: Deed) -> None:
    """Write the folded words by which the dossier is found: its code, its unit, its nominees."""
    session = deed.tx.session
    kept = session.scalar(select(Dossier.search_text).where(Dossier.id == deed.row.id)) or ""
    head = kept.split(" | ")[0]
    names = session.scalars(
        select(Nominee.search_text)
        .where(Nominee.dossier_id == deed.row.id)
        .order_by(Nominee.ordinal)
        .limit(300)
    )
    deed.changes["search_text"] = " | ".join([head, *names])[:20_000]


def fill_in_nominee(
    database: Database,
    actor: Actor,
    nominee_ref: str,
    *,
    seen_version: int,
    name: str | None = None,
    award_form: str | None = None,
    fields: Mapping[str, object] | None = None,
    answers: Mapping[str, Answer] | None = None,
    idem_key: str | None = None,
) -> int:
    """Write a nominee's form and answers; what is not given stays. Return the dossier's new version.

    ``seen_version`` is the dossier's. Raises as ``fill_in``; every wrong answer is named at once.
    """

    def change() -> int:
        deed, nominee = _lock_nominee(tx, actor, nominee_ref, seen_version)
        session = tx.session
        chosen = session.get_one(NomineeClass, nominee.class_id)
        content = content_of(session, nominee.revision_id)
        content.setdefault("fields", {})
        content.setdefault("answers", {})
        problems: list[Refusal] = []
        if fields:
            try:
                content["fields"].update(clean_fields(fields, NOMINEE_FIELDS[chosen.kind]))
            except InvalidForm as wrong:
                problems.extend(wrong.problems)
        if name is not None:
            try:
                content["name"] = clean_name(name)
            except Invalid as wrong_name:
                problems.append(wrong_name)
        if award_form is not None:
            try:
                nominee.award_form_id = form_for(tx, deed.row, award_form, chosen.kind).id
                content["award_form"] = award_form
            except Invalid as wrong_form:
                problems.append(wrong_form)
        if answers:
            problems.extend(_keep_answers(session, nominee, answers, content["answers"]))
        if problems:
            raise InvalidForm(tuple(problems))
        if name is not None:
            _rename(session, deed, nominee, content["name"], chosen.kind)
        content["fields"] = {key: value for key, value in content["fields"].items() if value != ""}
        nominee.revision_id, _ = write_revision(deed, "nominee", nominee.id, content)
        before = nominee.version
        nominee.version = before + 1
        session.flush()
        deed.action, deed.idem_key = "nominee_filled_in", idem_key
        deed.moves.append(Moved("nominee", nominee.ref, before, before + 1, nominee.state, nominee.state))
        deed.payload["fields"] = sorted(fields or ())
        deed.payload["criteria"] = sorted(answers or ())
        if name is not None:
            _refresh_search(deed)
        return write(deed)

    request = {
        "deed": "fill_in_nominee",
        "nominee": nominee_ref,
        "seen": seen_version,
        "name": name,
        "form": award_form,
        "fields": dict(fields or {}),
        "answers": {code: _as_content(answer) for code, answer in (answers or {}).items()},
    }
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)


def _lock_nominee(tx: Tx, actor: Actor, nominee_ref: str, seen_version: int) -> tuple[Deed, Nominee]:
    dossier_ref = tx.session.scalar(
        select(Dossier.ref).join(Nominee, Nominee.dossier_id == Dossier.id).where(Nominee.ref == nominee_ref)
    )
    # A nominee that does not exist is refused by the same way as a foreign one.
    deed = _lock_to_write(tx, actor, dossier_ref or NO_DOSSIER, seen_version)
    nominee = tx.session.scalars(select(Nominee).where(Nominee.ref == nominee_ref)).one()
    # A nominee returned by itself opens its own form, while the dossier around it goes on.
    dossier_state = deed.edition.dossier.states[deed.row.state]
    nominee_state = deed.edition.nominee.states[nominee.state]
    if dossier_state.final or nominee_state.final or not (dossier_state.editable or nominee_state.editable):
        raise Conflict("not_editable_now", state=deed.row.state)
    return deed, nominee


def _rename(session: Session, deed: Deed, nominee: Nominee, name: str, kind: str) -> None:
    nominee.name, nominee.sort_key, nominee.search_text = name, name_sort_key(kind, name), fold(name)
    if nominee.subject_id is not None and deed.row.submissions == 0:
        # Before anything was sent the spelling is only being corrected: the subject was never called
        # otherwise.
        session.execute(
            update(SubjectName)
            .where(SubjectName.subject_id == nominee.subject_id)
            .values(name=name, sort_key=name_sort_key(kind, name), search_text=fold(name))
        )


def _keep_answers(
    session: Session, nominee: Nominee, answers: Mapping[str, Answer], content: dict[str, Any]
) -> list[Refusal]:
    problems: list[Refusal] = []
    criteria = {
        criterion.code: criterion
        for criterion in session.scalars(select(Criterion).where(Criterion.class_id == nominee.class_id))
    }
    kept = {
        row.criterion_id: row
        for row in session.scalars(select(CriterionAnswer).where(CriterionAnswer.nominee_id == nominee.id))
    }
    for code, answer in answers.items():
        criterion = criteria.get(code)
        if criterion is None:
            problems.append(Invalid("criterion_unknown", field=f"answers.{code[:30]}"))
            continue
        try:
            said = _clean_answer(code, answer)
        except Invalid as problem:
            problems.append(problem)
            continue
        row = kept.get(criterion.id)
        if not _as_content(said):
            # Nothing said is no answer: the question is open again.
            content.pop(code, None)
            if row is not None:
                session.delete(row)
            continue
        if row is None:
            row = CriterionAnswer(nominee_id=nominee.id, criterion_id=criterion.id, version=0)
            session.add(row)
        row.attested = said.attested
        row.not_applicable = said.not_applicable
        row.numerator, row.denominator = said.numerator, said.denominator
        row.document_no, row.document_on = said.document_no, said.document_on
        row.document_issuer, row.note = said.document_issuer, said.note
        row.version += 1
        content[code] = _as_content(said)
    return problems


def _clean_answer(code: str, answer: Answer) -> Answer:
    field = f"answers.{code}"
    if (answer.numerator is None) != (answer.denominator is None):
        missing = "numerator" if answer.numerator is None else "denominator"
        raise Invalid("ratio_incomplete", field=f"{field}.{missing}")
    if answer.numerator is not None and answer.denominator is not None:
        if answer.denominator <= 0:
            raise Invalid("denominator_not_positive", field=f"{field}.denominator")
        if answer.numerator < 0 or max(answer.numerator, answer.denominator) > 10**12:
            raise Invalid("count_out_of_range", field=f"{field}.numerator")
        if answer.numerator > answer.denominator:
            raise Invalid("numerator_too_large", field=f"{field}.numerator")
    if answer.document_on is not None and not date(1945, 9, 2) <= answer.document_on <= date(2100, 1, 1):
        raise Invalid("day_out_of_range", field=f"{field}.document_on")
    return Answer(
        attested=answer.attested,
        not_applicable=answer.not_applicable,
        numerator=answer.numerator,
        denominator=answer.denominator,
        document_no=_short(answer.document_no, f"{field}.document_no", 100),
        document_on=answer.document_on,
        document_issuer=_short(answer.document_issuer, f"{field}.document_issuer", 300),
        note=_short(answer.note, f"{field}.note", 4_000),
    )


def _short(value: str | None, field: str, limit: int) -> str | None:
    return None if value is None else clean_text(value, field=field, limit=limit) or None


def remove_nominee(
    database: Database, actor: Actor, nominee_ref: str, *, seen_version: int, idem_key: str | None = None
) -> int:
    """Take a nominee out of a dossier that was never sent. Return the dossier's new version.

    The row goes with its answers; its revisions and the record stay, so the trace tells that it was there.
    After the first sending a nominee is withdrawn instead (an action of the edition): raises ``Conflict``.
    """

    def change() -> int:
        deed, nominee = _lock_nominee(tx, actor, nominee_ref, seen_version)
        if deed.row.submissions > 0:
            raise Conflict("withdraw_instead")
        session = tx.session
        session.execute(delete(CriterionAnswer).where(CriterionAnswer.nominee_id == nominee.id))
        session.execute(delete(AttachmentUse).where(AttachmentUse.nominee_id == nominee.id))
        deed.action, deed.idem_key = "nominee_removed", idem_key
        deed.moves.append(
            Moved("nominee", nominee.ref, nominee.version, nominee.version + 1, nominee.state, None)
        )
        session.delete(nominee)
        session.flush()
        _refresh_search(deed)
        return write(deed)

    request = {"deed": "remove_nominee", "nominee": nominee_ref, "seen": seen_version}
    with database.writing() as tx:
        return version_once(tx, actor, idem_key, request, change)
