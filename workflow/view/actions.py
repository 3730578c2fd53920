"""The deeds that are the reader's to do here, and what stands in the way of each."""

from __future__ import annotations

from dataclasses import dataclass

from dossiers.nominee import Nominee
from states.definition import Action
from workflow.facts import DossierFacts
from workflow.permissions import acting_place
from workflow.refused import condition_refusal
from workflow.view.fields import FieldView
from workflow.view.reader import Sight
from workflow.words import said


@dataclass(frozen=True, slots=True)
class ActionView:
    """A deed that is the reader's to do here. ``blocked_by`` are the sentences that stand in the way now."""

    key: str
    label: str
    main: bool
    backwards: bool
    needs_reason: bool
    needs_reason_code: bool
    reason_codes: tuple[tuple[str, str], ...]
    takes_remarks: bool
    fields: tuple[FieldView, ...]
    confirm: str | None
    blocked_by: tuple[str, ...]
    nominee_ref: str | None = None


def actions_of(sight: Sight, nominee: Nominee | None = None) -> tuple[ActionView, ...]:
    """Return what the reader may do with the dossier, or with one of its nominees."""
    if not sight.deed.standing.places:
        return ()
    state, facts = sight.row.state, sight.facts
    if nominee is not None:
        state, facts = nominee.state, DossierFacts(sight.deed, nominee, shared=sight.facts)
    found = sight.machine.actions_from("dossier" if nominee is None else "nominee", state, sight.row.state)
    return tuple(
        _action(sight, action, facts, nominee)
        for action in found
        if not action.by_system
        and not action.driven
        and acting_place(sight.deed.standing, action, state)
        # Taking a hold away is not a next step that waits for something: without one there is no such deed.
        and not ("is_on_hold" in action.conditions and not facts.on_hold)
    )


def _action(sight: Sight, action: Action, facts: DossierFacts, nominee: Nominee | None) -> ActionView:
    language = sight.language
    unmet = [name for name, holds in facts.answers(action.conditions).items() if not holds()]
    return ActionView(
        key=action.key,
        label=said(action.label, language),
        main=action.main,
        backwards=action.backwards,
        needs_reason="reason" in action.requires,
        needs_reason_code="reason_code" in action.requires,
        reason_codes=tuple(
            (key, said(sight.edition.reason_codes[key], language)) for key in action.reason_codes
        ),
        takes_remarks=action.remarks,
        fields=tuple(
            FieldView(
                field.key,
                field.kind,
                said(field.label, language),
                field.required,
                choices=tuple((choice.key, said(choice.label, language)) for choice in field.choices),
            )
            for field in action.fields
        ),
        confirm=said(action.confirm, language) if action.confirm else None,
        blocked_by=tuple(condition_refusal(name, facts).sentence(language) for name in unmet),
        nominee_ref=nominee.ref if nominee is not None else None,
    )
