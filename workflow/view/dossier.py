"""One dossier, whole, as one reader may see it: a constant number of queries, however many nominees it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from dossiers.award_round import AwardRound
from dossiers.contents import DOSSIER_FIELDS
from dossiers.dossier import Revision
from dossiers.org_unit import OrgUnit, OrgUnitPeriod
from dossiers.refusals import NeedsPerson
from storage.database import Database
from workflow.actor import Actor, valid_on
from workflow.classes import usable_classes, usable_forms
from workflow.configured import calendar_in_use, regime_doubt, regime_of
from workflow.engine import look
from workflow.history import EntryView
from workflow.inbox import days_left
from workflow.view.actions import ActionView, actions_of
from workflow.view.fields import FieldView, form
from workflow.view.missing import missing_papers_of
from workflow.view.nominees import NomineeView, nominees_of
from workflow.view.papers import PaperView, paper_kinds_of, papers_of
from workflow.view.proceedings import (
    ClockView,
    DecisionView,
    NoticeView,
    RemarkView,
    VersionView,
    clocks_of,
    decision_of,
    notices_of,
    remarks_of,
    timeline_of,
    versions_of,
)
from workflow.view.reader import Sight
from workflow.view.route import RouteStepView, holder_of, performers_of, route_of
from workflow.view.sent import contents_by_commitment
from workflow.words import said


@dataclass(frozen=True, slots=True)
class DossierView:
    """One dossier, whole, as one reader may see it."""

    ref: str
    code: str
    title: str
    version: int
    state: str
    state_label: str
    state_kind: str
    state_icon: str
    since: datetime
    round_code: str
    round_name: str
    round_closes_at: datetime
    unit_ref: str
    unit_name: str
    submissions: int
    on_hold: bool
    late: bool
    complete_on: date | None
    regime_label: str | None
    regime_doubt: str | None
    due_on: date | None
    working_days_left: int | None
    holder: str
    route: tuple[RouteStepView, ...]
    fields: tuple[FieldView, ...]
    nominees: tuple[NomineeView, ...]
    papers: tuple[PaperView, ...]
    missing_papers: tuple[str, ...]
    remarks: tuple[RemarkView, ...]
    versions: tuple[VersionView, ...]
    clocks: tuple[ClockView, ...]
    notices: tuple[NoticeView, ...]
    timeline: tuple[EntryView, ...]
    actions: tuple[ActionView, ...]
    decision: DecisionView | None
    editable: bool
    classes: tuple[tuple[str, str, str], ...]
    award_forms: tuple[tuple[str, str], ...]
    paper_kinds: tuple[tuple[str, str], ...]
    reason_codes: tuple[tuple[str, str], ...]
    shown_version: int | None


def dossier_view(database: Database, actor: Actor, dossier_ref: str) -> DossierView:
    """Return the dossier named by its ref or code. Raises ``Missing`` when the actor may not know of it."""
    with database.reading() as tx:
        return _whole(Sight(tx, actor, look(tx, actor, dossier_ref)))


def _whole(sight: Sight) -> DossierView:
    tx, row, language = sight.tx, sight.row, sight.language
    today = sight.deed.today
    found = tx.session.get_one(AwardRound, row.round_id)
    unit_name = _unit_name(sight)
    performers = performers_of(sight)
    reader = sight.reader
    calendar = _calendar(sight)
    papers = papers_of(sight)
    nominees = nominees_of(sight, papers)
    names = {nominee.ref: nominee.name for nominee in nominees}
    content = _content(sight)
    editable = sight.state.editable and sight.ours and sight.may_write
    unit = tx.session.get_one(OrgUnit, row.proposing_unit_id)
    return DossierView(
        ref=row.ref,
        code=row.code,
        title=content.get("title") or "",
        version=row.version,
        state=row.state,
        state_label=said(sight.state.label_for(reader), language),
        state_kind=sight.state.kind_for(reader),
        state_icon=sight.state.icon,
        since=row.state_since,
        round_code=found.code,
        round_name=found.name_en if language == "en" else found.name_vi,
        round_closes_at=found.closes_at,
        unit_ref=unit.ref,
        unit_name=unit_name,
        submissions=row.submissions,
        on_hold=row.on_hold,
        late=row.late,
        complete_on=row.complete_on,
        regime_label=_regime_label(sight),
        regime_doubt=_regime_doubt(sight),
        due_on=row.due_on,
        working_days_left=days_left(calendar, today, row.due_on),
        holder=holder_of(sight, unit_name, performers),
        route=route_of(sight, unit_name, performers),
        fields=form(DOSSIER_FIELDS, content, language),
        nominees=nominees,
        papers=papers,
        missing_papers=missing_papers_of(sight, nominees),
        remarks=remarks_of(sight, {**names, **{paper.ref: paper.kind_label for paper in papers}}),
        versions=versions_of(sight),
        clocks=clocks_of(sight, calendar, today),
        notices=notices_of(sight),
        timeline=timeline_of(sight),
        actions=actions_of(sight),
        decision=decision_of(sight),
        editable=editable,
        classes=tuple(
            (one.code, one.label_en if language == "en" else one.label_vi, one.kind)
            for one in usable_classes(tx, row)
        )
        if editable
        else (),
        award_forms=tuple(
            (form.code, form.label_en if language == "en" else form.label_vi)
            for form in usable_forms(tx, row)
        )
        if editable
        else (),
        paper_kinds=paper_kinds_of(sight, editable),
        reason_codes=tuple((key, said(label, language)) for key, label in sight.edition.reason_codes.items()),
        shown_version=None if sight.manifest is None else sight.manifest["dossier"]["version"],
    )


def _calendar(sight: Sight) -> Any:
    try:
        return calendar_in_use(sight.tx, sight.row.calendar_code)
    except NeedsPerson:
        return None


def _unit_name(sight: Sight) -> str:
    name: str | None = sight.tx.connection.scalar(
        select(OrgUnitPeriod.name).where(
            OrgUnitPeriod.org_unit_id == sight.row.proposing_unit_id,
            valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, sight.deed.today),
        )
    )
    return name or ""


def _regime_label(sight: Sight) -> str | None:
    if sight.row.regime_id is None:
        return None
    return said(regime_of(sight.tx, sight.row.regime_id).head.title, sight.language)


def _regime_doubt(sight: Sight) -> str | None:
    if sight.row.regime_id is None:
        return None
    doubt = regime_doubt(sight.tx, sight.row.regime_id, sight.row.complete_on)
    return None if doubt is None else doubt.sentence(sight.language)


def _content(sight: Sight) -> Mapping[str, Any]:
    if sight.manifest is not None:
        return contents_by_commitment(sight.tx, {"dossier": sight.manifest["dossier"], "nominees": []}).get(
            sight.manifest["dossier"].get("commitment"), {}
        )
    text = sight.tx.session.scalar(select(Revision.content).where(Revision.id == sight.row.revision_id))
    return json.loads(text) if text else {}
