"""Telling people: promises of kind ``notify`` and ``remind`` become notices of the people concerned.

Who is concerned is asked at the time of delivery, not when the deed was done: whoever performs the function
then is told. A notice is a row that the pages show. Mail has its door here: a delivery that sends one
makes, in the same transaction, a promise of its own kind with the notice's ref as its key, and a worker
hands that key to the mail server (the issue that brings mail).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from dossiers.award_round import AwardRound
from dossiers.days import local_day
from dossiers.dossier import Dossier, Notice, Participation
from dossiers.functions import DUTY, UNIT_FUNCTIONS
from dossiers.org_unit import BodyFunction
from dossiers.people import Account, Membership
from storage.base import new_ref
from storage.database import POSTGRESQL, SQLITE, Tx
from storage.outbox import Job
from workflow.actor import valid_on

REMINDER = "reminder"
"""The kind of a notice that a time limit is about to run out; the others are named after the action."""

_KEY = ["outbox_key", "person_id"]
_INSERT = {
    SQLITE: sqlite.insert(Notice).on_conflict_do_nothing(index_elements=_KEY).inline(),
    POSTGRESQL: postgresql.insert(Notice).on_conflict_do_nothing(index_elements=_KEY).inline(),
}


def deliver_notice(tx: Tx, job: Job) -> None:
    """Write a notice of ``payload["notice"]`` for everybody of ``payload["audience"]``: ``unit`` or
    ``next``.
    """
    told = job.payload
    audience = told["audience"]
    dossier = _dossier(tx, told["dossier_id"])
    if audience == "unit":
        people = people_of_unit(tx, dossier.proposing_unit_id, sorted(UNIT_FUNCTIONS))
    elif audience == "next":
        people = people_whose_turn(tx, dossier) if dossier.waiting_function else _held(tx, dossier, told)
    else:
        raise ValueError(f"nobody is called {audience!r}")
    detail = {key: told[key] for key in ("version", "audience", "nominee_ref") if key in told}
    _tell(tx, job, people, told["dossier_id"], told["notice"], detail)


def deliver_reminder(tx: Tx, job: Job) -> None:
    """Write a reminder for those whose turn it is; nothing when the clock has stopped meanwhile."""
    told = job.payload
    dossier = _dossier(tx, told["dossier_id"])
    detail = {"limit": told["limit"], "due_on": told["due_on"]}
    _tell(tx, job, people_whose_turn(tx, dossier), told["dossier_id"], REMINDER, detail)


def _held(tx: Tx, dossier: Any, told: Mapping[str, Any]) -> list[int]:
    """Return who held a dossier that has ended since: they had it on their desk and should know."""
    function = told.get("held_by")
    if function is None or function in UNIT_FUNCTIONS:
        return []
    return _performing(tx, dossier, dossier.decider_body_id, function)


def people_whose_turn(tx: Tx, dossier: Any) -> list[int]:
    """Return the ids of the people who perform the function the dossier waits for, today.

    Those who had another duty in this dossier cannot act on it and are left out. Empty when nobody is
    waited for.
    """
    function = dossier.waiting_function
    if function is None:
        return []
    if dossier.waiting_body_id is None:
        return people_of_unit(tx, dossier.proposing_unit_id, [function], free_in=dossier)
    return _performing(tx, dossier, dossier.waiting_body_id, function)


def _performing(tx: Tx, dossier: Any, body_id: int, function: str) -> list[int]:
    day = local_day(tx.now)
    performing = select(BodyFunction.performing_unit_id).where(
        BodyFunction.body_id == body_id,
        BodyFunction.function == function,
        valid_on(BodyFunction.from_on.expression, BodyFunction.to_on.expression, day),
    )
    return _people(tx, Membership.org_unit_id.in_(performing), [function], day, free_in=dossier)


def people_of_unit(tx: Tx, unit_id: int, functions: Iterable[str], *, free_in: Any = None) -> list[int]:
    """Return the ids of the people who perform one of ``functions`` in the unit today."""
    return _people(tx, Membership.org_unit_id == unit_id, functions, local_day(tx.now), free_in=free_in)


def _people(
    tx: Tx,
    where: ColumnElement[bool],
    functions: Iterable[str],
    day: date,
    *,
    free_in: Any,
) -> list[int]:
    functions = list(functions)
    statement = (
        select(Membership.person_id)
        .join(Account, Account.person_id == Membership.person_id)
        .where(
            where,
            Membership.function.in_(functions),
            valid_on(Membership.from_on.expression, Membership.to_on.expression, day),
            Account.state != "disabled",  # who cannot come in has not been told
        )
        .distinct()
        .order_by(Membership.person_id)
    )
    if free_in is not None:
        statement = statement.where(
            ~exists().where(
                and_(
                    Participation.dossier_id == free_in.id,
                    Participation.person_id == Membership.person_id,
                    Participation.duty.not_in({DUTY[function] for function in functions}),
                )
            )
        )
    return list(tx.connection.execute(statement).scalars())


def _dossier(tx: Tx, dossier_id: int) -> Any:
    return tx.connection.execute(
        select(
            Dossier.id,
            Dossier.proposing_unit_id,
            Dossier.waiting_function,
            Dossier.waiting_body_id,
            AwardRound.decider_body_id,
        )
        .join(AwardRound, AwardRound.id == Dossier.round_id)
        .where(Dossier.id == dossier_id)
    ).one()


def _tell(
    tx: Tx, job: Job, people: Iterable[int], dossier_id: int, kind: str, detail: dict[str, Any]
) -> None:
    rows = [
        {
            "ref": new_ref(),
            "outbox_key": job.key,
            "person_id": person_id,
            "dossier_id": dossier_id,
            "kind": kind,
            "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
            "created_at": tx.now,
        }
        for person_id in people
    ]
    if rows:
        tx.connection.execute(_INSERT[tx.dialect], rows)
