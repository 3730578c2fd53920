"""People who work with dossiers: a person, the account they sign in with, and what they do where, from when
to when.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dossiers.functions import AUDITOR, FUNCTIONS, sql_list
from storage.base import Base, BigId, Folded, Hash, Id, Ref, to


class Person(Base):
    """A member of staff. Who is nominated is a ``subject``; the same human being may be both."""

    __tablename__ = "person"

    id: Mapped[Id]
    ref: Mapped[Ref]
    full_name: Mapped[str]
    sort_key: Mapped[str] = mapped_column(Folded, index=True)
    search_text: Mapped[str] = mapped_column(Folded)
    email: Mapped[str | None]
    subject_id: Mapped[int | None] = mapped_column(BigId, to("subject.id"))
    version: Mapped[int] = mapped_column(default=1)


class Account(Base):
    """The way a person signs in. ``password_hash`` is an Argon2id PHC string, NULL until activated."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("state IN ('invited', 'active', 'disabled')", name="state"),)

    id: Mapped[Id]
    ref: Mapped[Ref]
    person_id: Mapped[int] = mapped_column(BigId, to("person.id"), unique=True)
    login: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    password_changed_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(10), default="invited")
    totp: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(2), default="vi")
    version: Mapped[int] = mapped_column(default=1)
    chain_head: Mapped[Hash | None]
    chain_length: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Membership(Base):
    """A person performs a function in a unit during ``[from_on, to_on)``; an auditor's time always has an
    end.
    """

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint(f"function IN ({sql_list(FUNCTIONS)})", name="function"),
        CheckConstraint("to_on IS NULL OR to_on > from_on", name="interval"),
        CheckConstraint(f"function <> '{AUDITOR}' OR to_on IS NOT NULL", name="auditor_ends"),
        Index("ix_membership_person", "person_id", "function"),
        Index("ix_membership_unit", "org_unit_id", "function"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    person_id: Mapped[int] = mapped_column(BigId, to("person.id"))
    org_unit_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    function: Mapped[str] = mapped_column(String(30))
    position_title: Mapped[str]
    named_desk: Mapped[bool] = mapped_column(default=False)
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    inquiry_scope: Mapped[str | None] = mapped_column(Text)


class Session(Base):
    """A signed-in browser. The cookie holds the token, the row only its hash."""

    __tablename__ = "session"

    id: Mapped[Id]
    ref: Mapped[Ref]
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(BigId, to("account.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class ApiToken(Base):
    """A bearer token of the API; ``scopes`` is a space-separated list."""

    __tablename__ = "api_token"

    id: Mapped[Id]
    ref: Mapped[Ref]
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(BigId, to("account.id"), index=True)
    label: Mapped[str]
    scopes: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AccountToken(Base):
    """A single-use link to activate an account or to set a new password."""

    __tablename__ = "account_token"
    __table_args__ = (CheckConstraint("purpose IN ('activate', 'reset')", name="purpose"),)

    id: Mapped[Id]
    purpose: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(BigId, to("account.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LoginAttempt(Base):
    """A try to sign in, kept for the throttle only: keyed hashes of the login and of the peer, never the
    texts.
    """

    __tablename__ = "login_attempt"
    __table_args__ = (
        Index("ix_login_attempt_login", "login_hash", "at"),
        Index("ix_login_attempt_peer", "peer_hash", "at"),
    )

    id: Mapped[Id]
    login_hash: Mapped[Hash]
    peer_hash: Mapped[Hash]
    at: Mapped[datetime]
    succeeded: Mapped[bool]
