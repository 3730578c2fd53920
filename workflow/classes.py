"""Which nominee classes a dossier may use: those of the round's programme, and of programmes that feed it.

A unit's own plan (a health centre's) may name classes of its own and feed the district's round with them;
such a programme says ``feeds`` and ``owner_unit``, and only that unit's dossiers may use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Row, select

from dossiers.configuration import AwardForm, ConfigDocument, NomineeClass
from dossiers.criteria import Target
from dossiers.org_unit import OrgUnit
from dossiers.programmes import Programme, load_programme
from dossiers.refusals import Invalid
from storage.database import Database, Tx

_PROGRAMMES: WeakKeyDictionary[Database, dict[int, Programme]] = WeakKeyDictionary()


def programme_of(tx: Tx, programme_id: int) -> Programme:
    """Return the programme edition of a ``config_document`` row, read once and kept."""
    kept = _PROGRAMMES.setdefault(tx.database, {})
    programme = kept.get(programme_id)
    if programme is None:
        body = tx.connection.execute(
            select(ConfigDocument.body).where(ConfigDocument.id == programme_id)
        ).scalar_one()
        programme = kept[programme_id] = load_programme(body)
    return programme


def targets_for(tx: Tx, dossier: Row[Any]) -> Mapping[str, Target]:
    """Return the external targets that hold for the round's achievement period, by code.

    Programmes that feed the round bring theirs; where both name one, the round's own programme goes first.
    """
    targets: dict[str, Target] = {}
    for programme_id in usable_programmes(tx, dossier):
        for code, target in programme_of(tx, programme_id).external_targets.items():
            targets.setdefault(code, target.on(dossier.achievement_to))
    return targets


def usable_programmes(tx: Tx, dossier: Row[Any]) -> Sequence[int]:
    """Return the ids of the programme editions whose classes the dossier may use, the round's own first."""
    own = programme_of(tx, dossier.programme_id)
    unit_code = tx.connection.execute(
        select(OrgUnit.code).where(OrgUnit.id == dossier.proposing_unit_id)
    ).scalar_one()
    newest: dict[str, int] = {}
    for row in tx.connection.execute(
        select(ConfigDocument.id, ConfigDocument.code)
        .where(ConfigDocument.kind == "programme", ConfigDocument.id != dossier.programme_id)
        .order_by(ConfigDocument.id)
    ):
        newest[row.code] = row.id
    feeding = []
    for programme_id in newest.values():
        programme = programme_of(tx, programme_id)
        if programme.feeds == own.head.code and programme.owner_unit == unit_code:
            feeding.append(programme_id)
    return [dossier.programme_id, *feeding]


def usable_classes(tx: Tx, dossier: Row[Any]) -> Sequence[NomineeClass]:
    """Return the nominee classes the dossier may use, in the order of their programmes."""
    programmes = usable_programmes(tx, dossier)
    rank = {programme_id: place for place, programme_id in enumerate(programmes)}
    classes = tx.session.scalars(select(NomineeClass).where(NomineeClass.programme_id.in_(programmes))).all()
    return sorted(classes, key=lambda one: (rank[one.programme_id], one.ordinal))


def class_for(tx: Tx, dossier: Row[Any], code: str) -> NomineeClass:
    """Return the class ``code`` for this dossier. Raises ``Invalid`` when it may not use such a class."""
    for one in usable_classes(tx, dossier):
        if one.code == code:
            return one
    raise Invalid("class_unknown", field="class_code", value=code[:60])


def usable_forms(tx: Tx, dossier: Row[Any]) -> Sequence[AwardForm]:
    """Return the award forms that the round's programme names, as the newest edition of its catalogue has
    them.
    """
    programme = programme_of(tx, dossier.programme_id)
    newest = (
        select(ConfigDocument.id)
        .where(ConfigDocument.kind == "award_catalogue", ConfigDocument.code == programme.award_catalogue)
        .order_by(ConfigDocument.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return tx.session.scalars(
        select(AwardForm)
        .where(AwardForm.catalogue_id == newest, AwardForm.code.in_(programme.award_forms))
        .order_by(AwardForm.id)
    ).all()


def form_for(tx: Tx, dossier: Row[Any], code: str, kind: str) -> AwardForm:
    """Return the award form ``code`` for a nominee of ``kind`` in this dossier.

    Raises ``Invalid`` when its programme does not name the form, or not for that kind.
    """
    for form in usable_forms(tx, dossier):
        if form.code == code:
            if kind not in programme_of(tx, dossier.programme_id).award_forms[code].kinds:
                raise Invalid("award_form_not_for_kind", field="award_form")
            return form
    raise Invalid("award_form_unknown", field="award_form", value=code[:60])
