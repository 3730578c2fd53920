"""Who acts: an account with the places its person holds today.

Loaded anew for every request, so that a place that ended, or an account that was disabled, is felt at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select

from dossiers.days import local_day
from dossiers.org_unit import OrgUnit, OrgUnitPeriod
from dossiers.people import Account, Membership, Person
from dossiers.refusals import Missing
from storage.database import Tx
from storage.record import By


@dataclass(frozen=True, slots=True)
class Place:
    """A function that a person performs in a unit, with the unit's name of today."""

    unit_id: int
    unit_ref: str
    unit_name: str
    function: str
    position_title: str
    from_on: date
    to_on: date | None
    inquiry_scope: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person at work. ``places`` are those of today only, the oldest first."""

    account_id: int
    account_ref: str
    person_id: int
    person_ref: str
    full_name: str
    login: str
    language: str
    places: tuple[Place, ...]
    session_ref: str | None = None
    request_id: str | None = None

    @property
    def functions(self) -> frozenset[str]:
        """Every function the person performs somewhere today."""
        return frozenset(place.function for place in self.places)

    def has(self, function: str) -> bool:
        """Tell whether the person performs ``function`` anywhere today."""
        return any(place.function == function for place in self.places)

    def by(self, place: Place | None, *, idem_key: str | None = None) -> By:
        """Return how the record names this actor when acting from ``place``."""
        return By(
            account_ref=self.account_ref,
            function=place.function if place else None,
            org_unit_ref=place.unit_ref if place else None,
            session_ref=self.session_ref,
            request_id=self.request_id,
            idem_key=idem_key,
        )


def valid_on(
    from_on: ColumnElement[date], to_on: ColumnElement[date | None], day: date
) -> ColumnElement[bool]:
    """Return the SQL condition that ``day`` lies in ``[from_on, to_on)``."""
    return and_(from_on <= day, or_(to_on.is_(None), to_on > day))


def load_actor(
    tx: Tx, account_id: int, *, session_ref: str | None = None, request_id: str | None = None
) -> Actor:
    """Return the actor behind an active account.

    Raises ``Missing`` when there is no such account or it is not active.
    """
    day = local_day(tx.now)
    rows = tx.connection.execute(
        select(
            Account.ref.label("account_ref"),
            Account.login,
            Account.language,
            Account.person_id,
            Person.ref.label("person_ref"),
            Person.full_name,
            Membership.org_unit_id,
            OrgUnit.ref.label("unit_ref"),
            OrgUnitPeriod.name.label("unit_name"),
            Membership.function,
            Membership.position_title,
            Membership.from_on,
            Membership.to_on,
            Membership.inquiry_scope,
        )
        .join(Person, Person.id == Account.person_id)
        .outerjoin(
            Membership,
            and_(
                Membership.person_id == Person.id,
                valid_on(Membership.from_on.expression, Membership.to_on.expression, day),
            ),
        )
        .outerjoin(OrgUnit, OrgUnit.id == Membership.org_unit_id)
        .outerjoin(
            OrgUnitPeriod,
            and_(
                OrgUnitPeriod.org_unit_id == OrgUnit.id,
                valid_on(OrgUnitPeriod.from_on.expression, OrgUnitPeriod.to_on.expression, day),
            ),
        )
        .where(Account.id == account_id, Account.state == "active")
        .order_by(Membership.from_on, Membership.id)
    ).all()
    if not rows:
        raise Missing("not_found")
    first = rows[0]
    return Actor(
        account_id=account_id,
        account_ref=first.account_ref,
        person_id=first.person_id,
        person_ref=first.person_ref,
        full_name=first.full_name,
        login=first.login,
        language=first.language,
        places=tuple(
            Place(
                unit_id=row.org_unit_id,
                unit_ref=row.unit_ref,
                # A unit closed today keeps its people's places until they end; it then has no name of today.
                unit_name=row.unit_name or "",
                function=row.function,
                position_title=row.position_title,
                from_on=row.from_on,
                to_on=row.to_on,
                inquiry_scope=row.inquiry_scope,
            )
            for row in rows
            if row.org_unit_id is not None
        ),
        session_ref=session_ref,
        request_id=request_id,
    )
