"""Accounts: signing in and out, activation, new passwords, bearer tokens, and the throttle on guessing.

Passwords are Argon2id hashes (m 19456 KiB, t 2, p 1) and are computed outside every transaction, a few at
a time, so that a hundred people who sign in at once neither hold the database nor fill the memory. Tokens
(of sessions, links and the API) are 256 random bits; only their SHA-256 is kept. What changes an account
is an entry of the account's chain; signing in and out, and failing to, stands in the access log.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, or_, select, update

import dossiers.tables  # noqa: F401  # a flush follows foreign keys to tables that nobody else imported
from dossiers.days import local_day
from dossiers.org_unit import OrgUnitPeriod
from dossiers.people import Account, AccountToken, ApiToken, LoginAttempt, Membership, Person, Session
from dossiers.refusals import SENTENCES, Conflict, Invalid, Missing, Refusal
from storage.base import TextRefused, nfc
from storage.database import Database, Tx
from storage.record import By, Head, append
from storage.record_tables import AccessLog

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
"""A session ends after `IDLE` without a request and `ABSOLUTE` after it began; its use is noted this
often.
"""

TOKEN_SCOPES = frozenset({"read", "write", "admin"})
"""What a bearer token may be used for; docs/api.md says what each opens."""

CLOCK_CORRECTION = timedelta(minutes=5)
"""What was begun under a clock that ran ahead by more than this is dead when the clock is right again: its end
would lie years away. By less, a clock may be put right without anybody signing in again.
"""

ACTIVATE_WITHIN = timedelta(days=7)
RESET_WITHIN = timedelta(hours=24)

PASSWORD_SHORTEST = 12
PASSWORD_LONGEST = 256
"""Characters, counted in NFC. No rule about kinds of characters and none about age (ASVS 6.2)."""

WINDOW = timedelta(minutes=5)
FREE_TRIES = 5
"""Wrong passwords one place may send for one login within `WINDOW` before it has to wait, 30 s and then
60 s.
"""
FREE_TRIES_OF_LOGIN = 10
"""Wrong passwords for one login from all places together; a browser that has signed in before is not held
by it.
"""
FREE_LOGINS_OF_PLACE = 100
"""Different logins that one place may get wrong; a whole office behind one address stays far below it."""
LONGEST_WAIT = 60
"""Seconds. Whoever has the right password never waits longer than this after the guessing has stopped."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_hashing = threading.BoundedSemaphore(4)  # 4 × 19 MiB at most, and the other threads keep answering
_NOBODY = _hasher.hash(secrets.token_hex(16))  # verified when the login is unknown, so that both take as long

# Long enough and yet known to everybody: the first guesses of any list, in the forms used here.
_KNOWN_TO_ALL = frozenset(
    [
        "123456789012",
        "1234567890123",
        "123456123456",
        "matkhau123456",
        "matkhau12345",
        "password1234",
        "password12345",
        "passwordpassword",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdf",
        "admin1234567",
        "administrator",
        "administrator1",
        "vietnam12345",
        "vietnam123456",
        "abcdefghijkl",
        "abc123456789",
        "iloveyou1234",
        "khenthuong123",
        "khenthuong2024",
        "thiduakhenthuong",
        "vinhdanh1234",
        "vinhdanh12345",
        "vinhdanh2024",
        "giangthanh123",
        "giangthanh2024",
        "giangthanh2025",
        "123456789abc",
    ]
)


class TooManyTries(Refusal):
    """Too many wrong passwords; ``values["seconds"]`` says how long to wait. Nothing was evaluated."""

    status = 429


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just begun. ``token`` is shown to the browser once and kept nowhere."""

    token: str
    session_ref: str
    account_id: int
    account_ref: str
    language: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that may be used now; ``is_due`` when its use should be noted."""

    id: int
    ref: str
    account_id: int
    expires_at: datetime
    is_due: bool


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as its owner sees it in a list."""

    ref: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A bearer token as its owner sees it; the token itself is gone."""

    ref: str
    label: str
    scopes: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whose link this is, as far as the page that asks for a password may tell."""

    login: str
    full_name: str


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A person whom a demo lets in with one click."""

    account_ref: str
    full_name: str
    position_title: str
    unit_name: str
    functions: tuple[str, ...]


def plain_login(text: str) -> str:
    """Return a login as it is kept: NFC, without blanks around it, in small letters."""
    return nfc(text).strip().lower()


def hash_password(password: str) -> str:
    """Return the PHC string of a password. Slow on purpose: never call it inside a transaction."""
    with _hashing:
        return _hasher.hash(unicodedata.normalize("NFC", password))


def require_good_password(password: str, *, login: str, full_name: str, field: str = "password") -> None:
    """Raise ``Invalid`` for a password that is too short, too long, known to all, or made of the person's
    own name.
    """
    text = unicodedata.normalize("NFC", password)
    if len(text) < PASSWORD_SHORTEST:
        raise Invalid("password_short", field=field, shortest=PASSWORD_SHORTEST)
    if len(text) > PASSWORD_LONGEST:
        raise Invalid("password_long", field=field, longest=PASSWORD_LONGEST)
    small = text.lower().replace(" ", "")
    own = {login.lower(), full_name.lower().replace(" ", "")}
    if small in _KNOWN_TO_ALL or len(set(small)) < 4 or small in own or small.strip("0123456789") in own:
        raise Invalid("password_known", field=field)


# --- sessions -------------------------------------------------------------------------------------


def sign_in(
    database: Database,
    *,
    login: str,
    password: str,
    peer: str,
    key: bytes,
    device: str | None = None,
    request_id: str | None = None,
) -> SignedIn:
    """Begin a session for the right password.

    ``peer`` is the address the request came from, ``key`` the installation's secret (logins and addresses
    are kept as keyed hashes only), ``device`` the mark that ``device_mark`` gave to this browser at an
    earlier sign-in.

    Raises ``Invalid("login_failed")`` alike for an unknown login, a wrong password and an account that is not
    active, after the same work; ``TooManyTries`` without any.
    """
    try:
        name = plain_login(login)[:100]
    except TextRefused:
        name = ""
    known = device is not None and is_device_of(key, name, device)
    place = f"device:{device}" if known else f"peer:{peer}"
    attempt_id = _take_a_try(database, key=key, login=name, place=place, known=known)

    with database.reading() as tx:
        found = tx.session.execute(
            select(Account.id, Account.password_hash, Account.state).where(Account.login == name)
        ).one_or_none()
    usable = found is not None and found.state == "active" and found.password_hash is not None
    kept = found.password_hash if found is not None and usable else _NOBODY
    right = _verifies(kept, password) and usable

    if found is None or not right:
        with database.writing() as tx:
            _note(tx, "log_in_failed", None if found is None else found.id, request_id)
        raise Invalid("login_failed")
    newer = hash_password(password) if _hasher.check_needs_rehash(kept) else None
    with database.writing() as tx:
        account = locked(tx, found.id)
        if account.state != "active" or account.password_hash != kept:
            raise Invalid("login_failed")
        if newer is not None:
            account.password_hash = newer
        tx.session.execute(update(LoginAttempt).where(LoginAttempt.id == attempt_id).values(succeeded=True))
        _note(tx, "log_in", account.id, request_id)
        return _begin(tx, account)


def sign_in_for_demo(database: Database, account_ref: str, *, request_id: str | None = None) -> SignedIn:
    """Begin a session without a password. Only a demo may offer this; the caller has made sure that it is
    one.

    Raises ``Missing`` when there is no such active account.
    """
    with database.writing() as tx:
        account_id = tx.session.scalar(
            select(Account.id).where(Account.ref == account_ref, Account.state == "active")
        )
        if account_id is None:
            raise Missing("not_found")
        _note(tx, "log_in_demo", account_id, request_id)
        return _begin(tx, locked(tx, account_id))


def people_of_demo(tx: Tx) -> tuple[DemoPerson, ...]:
    """Return whom a demo offers on its log-in page: every active person with a place today, oldest first."""
    day = local_day(tx.now)
    rows = tx.session.execute(
        select(
            Account.ref,
            Person.full_name,
            Membership.position_title,
            Membership.function,
            OrgUnitPeriod.name,
        )
        .join(Person, Person.id == Account.person_id)
        .join(Membership, Membership.person_id == Person.id)
        .join(OrgUnitPeriod, OrgUnitPeriod.org_unit_id == Membership.org_unit_id)
        .where(
            Account.state == "active",
            Membership.from_on <= day,
            or_(Membership.to_on.is_(None), Membership.to_on > day),
            OrgUnitPeriod.from_on <= day,
            or_(OrgUnitPeriod.to_on.is_(None), OrgUnitPeriod.to_on > day),
        )
        .order_by(Account.id, Membership.id)
        .limit(200)
    )
    people: dict[str, DemoPerson] = {}
    for row in rows:
        known = people.get(row.ref)
        functions = (*(known.functions if known else ()), row.function)
        people[row.ref] = DemoPerson(
            row.ref,
            row.full_name,
            known.position_title if known else row.position_title,
            known.unit_name if known else row.name,
            functions,
        )
    return tuple(people.values())


def find_session(tx: Tx, token: str) -> LiveSession | None:
    """Return the session of this token if it may be used now: not ended, not idle, not too old, account
    active.
    """
    row = tx.session.execute(
        select(Session.id, Session.ref, Session.account_id, Session.expires_at, Session.last_seen_at)
        .join(Account, Account.id == Session.account_id)
        .where(
            Session.token_hash == _sha256(token),
            Session.ended_at.is_(None),
            Session.expires_at > tx.now,
            Session.expires_at <= tx.now + ABSOLUTE + CLOCK_CORRECTION,
            Session.last_seen_at > tx.now - IDLE,
            Account.state == "active",
        )
    ).one_or_none()
    if row is None:
        return None
    return LiveSession(
        row.id, row.ref, row.account_id, row.expires_at, is_due=tx.now - row.last_seen_at >= TOUCH_EVERY
    )


def note_use(database: Database, session: LiveSession) -> None:
    """Note that the session was used now; call it at most once a minute (``LiveSession.is_due``)."""
    with database.writing() as tx:
        tx.session.execute(
            update(Session)
            .where(Session.id == session.id, Session.ended_at.is_(None), Session.last_seen_at < tx.now)
            .values(last_seen_at=tx.now)
        )


def sign_out(database: Database, token: str, *, request_id: str | None = None) -> None:
    """End the session of this token; one that has ended already is fine."""
    with database.writing() as tx:
        row = tx.session.scalar(
            select(Session).where(Session.token_hash == _sha256(token), Session.ended_at.is_(None))
        )
        if row is not None:
            row.ended_at = tx.now
            _note(tx, "log_out", row.account_id, request_id)


def sessions_of(tx: Tx, account_id: int, *, current_ref: str | None) -> tuple[SessionRow, ...]:
    """Return the live sessions of an account, the latest used first."""
    rows = tx.session.execute(
        select(Session.ref, Session.created_at, Session.last_seen_at)
        .where(
            Session.account_id == account_id,
            Session.ended_at.is_(None),
            Session.expires_at > tx.now,
            Session.expires_at <= tx.now + ABSOLUTE + CLOCK_CORRECTION,
            Session.last_seen_at > tx.now - IDLE,
        )
        .order_by(Session.last_seen_at.desc(), Session.id.desc())
        .limit(50)
    )
    return tuple(SessionRow(r.ref, r.created_at, r.last_seen_at, r.ref == current_ref) for r in rows)


def end_session(database: Database, account_id: int, session_ref: str) -> None:
    """End one session of this account. Raises ``Missing`` for a session of somebody else, as for none."""
    with database.writing() as tx:
        row = tx.session.scalar(
            select(Session).where(Session.account_id == account_id, Session.ref == session_ref)
        )
        if row is None:
            raise Missing("not_found")
        if row.ended_at is None:
            row.ended_at = tx.now


def end_sessions(tx: Tx, account_id: int, *, but_ref: str | None = None) -> None:
    """End every live session of an account, but perhaps one, and every bearer token stays as it is."""
    query = update(Session).where(Session.account_id == account_id, Session.ended_at.is_(None))
    if but_ref is not None:
        query = query.where(Session.ref != but_ref)
    tx.session.execute(query.values(ended_at=tx.now))


# --- activation, new passwords --------------------------------------------------------------------


def issue_link(tx: Tx, account_id: int, purpose: str) -> str:
    """Return a fresh single-use token of ``purpose`` (``activate`` or ``reset``); earlier ones of it die.

    The caller shows or sends the link; it is kept nowhere.
    """
    tx.session.execute(
        update(AccountToken)
        .where(
            AccountToken.account_id == account_id,
            AccountToken.purpose == purpose,
            AccountToken.used_at.is_(None),
        )
        .values(used_at=tx.now)
    )
    token = secrets.token_urlsafe(32)
    tx.session.add(
        AccountToken(
            purpose=purpose,
            token_hash=_sha256(token),
            account_id=account_id,
            expires_at=tx.now + _within(purpose),
        )
    )
    tx.session.flush()
    return token


def _within(purpose: str) -> timedelta:
    return ACTIVATE_WITHIN if purpose == "activate" else RESET_WITHIN


def invitation(tx: Tx, purpose: str, token: str) -> Invitation:
    """Return whose link this is. Raises ``Missing("link_dead")`` when it is unknown, used, or too old."""
    row = tx.session.execute(
        select(Account.login, Person.full_name)
        .select_from(AccountToken)
        .join(Account, Account.id == AccountToken.account_id)
        .join(Person, Person.id == Account.person_id)
        .where(
            AccountToken.purpose == purpose,
            AccountToken.token_hash == _sha256(token),
            AccountToken.used_at.is_(None),
            AccountToken.expires_at > tx.now,
            AccountToken.expires_at <= tx.now + _within(purpose) + CLOCK_CORRECTION,
            Account.state == ("invited" if purpose == "activate" else "active"),
        )
    ).one_or_none()
    if row is None:
        raise Missing("link_dead")
    return Invitation(row.login, row.full_name)


def set_password_by_link(
    database: Database, *, purpose: str, token: str, password: str, request_id: str | None = None
) -> None:
    """Give the account of a link its password; ``activate`` makes an invited account active, ``reset``
    ends sessions.

    Raises ``Missing("link_dead")`` or ``Invalid`` (see ``require_good_password``); then nothing has
    changed and the link still works.
    """
    with database.reading() as tx:
        whose = invitation(tx, purpose, token)
    require_good_password(password, login=whose.login, full_name=whose.full_name)
    kept = hash_password(password)
    with database.writing() as tx:
        invitation(tx, purpose, token)
        link = tx.session.scalars(
            select(AccountToken).where(AccountToken.token_hash == _sha256(token)).with_for_update()
        ).one()
        if link.used_at is not None:
            raise Missing("link_dead")
        link.used_at = tx.now
        account = locked(tx, link.account_id)
        account.password_hash = kept
        account.password_changed_at = tx.now
        account.state = "active"
        end_sessions(tx, account.id)
        end_tokens(tx, account.id)
        action = "account_activated" if purpose == "activate" else "password_reset"
        enter(tx, account, action, by=_self(account, None, request_id))


def change_password(
    database: Database,
    *,
    account_id: int,
    session_ref: str,
    current: str,
    new: str,
    key: bytes,
    request_id: str | None = None,
) -> SignedIn:
    """Change a password by its owner. Every session ends; a new one begins and is returned.

    Raises ``Invalid("password_wrong")``, ``TooManyTries``, or what ``require_good_password`` raises.
    """
    with database.reading() as tx:
        row = tx.session.execute(
            select(Account.login, Account.password_hash, Person.full_name)
            .join(Person, Person.id == Account.person_id)
            .where(Account.id == account_id, Account.state == "active")
        ).one()
    attempt_id = _take_a_try(database, key=key, login=row.login, place=f"session:{session_ref}", known=True)
    if row.password_hash is None or not _verifies(row.password_hash, current):
        raise Invalid("password_wrong", field="current")
    require_good_password(new, login=row.login, full_name=row.full_name, field="new")
    kept = hash_password(new)
    with database.writing() as tx:
        account = locked(tx, account_id)
        if account.password_hash != row.password_hash or account.state != "active":
            raise Conflict("password_changed_meanwhile")
        account.password_hash = kept
        account.password_changed_at = tx.now
        tx.session.execute(update(LoginAttempt).where(LoginAttempt.id == attempt_id).values(succeeded=True))
        end_sessions(tx, account_id)
        enter(tx, account, "password_changed", by=_self(account, session_ref, request_id))
        return _begin(tx, account)


def choose_language(database: Database, account_id: int, language: str) -> None:
    """Keep the language a person wants pages in. Raises ``Invalid`` for one we do not speak."""
    if language not in ("vi", "en"):
        raise Invalid("language_unknown", field="language")
    with database.writing() as tx:
        tx.session.execute(update(Account).where(Account.id == account_id).values(language=language))


# --- bearer tokens --------------------------------------------------------------------------------


def create_token(
    database: Database, *, account_id: int, label: str, scopes: str, lifetime: timedelta, by: By | None = None
) -> str:
    """Return a new bearer token of the API for an active account. It is shown once and kept as a hash only.

    ``scopes`` is a space-separated list, ``lifetime`` at most a year. Raises ``Invalid`` or ``Missing``.
    """
    if not label.strip() or len(label) > 100:
        raise Invalid("token_label", field="label")
    if not timedelta(0) < lifetime <= timedelta(days=366):
        raise Invalid("token_lifetime", field="lifetime")
    if not scopes.split() or set(scopes.split()) - TOKEN_SCOPES:
        raise Invalid("token_scopes", field="scopes", known=" ".join(sorted(TOKEN_SCOPES)))
    token = f"vd_{secrets.token_urlsafe(32)}"
    with database.writing() as tx:
        account = locked(tx, account_id)
        if account.state != "active":
            raise Missing("not_found")
        row = ApiToken(
            token_hash=_sha256(token),
            account_id=account_id,
            label=label.strip(),
            scopes=" ".join(sorted(set(scopes.split()))),
            created_at=tx.now,
            expires_at=tx.now + lifetime,
        )
        tx.session.add(row)
        tx.session.flush()  # the entry names the token by its ref
        enter(tx, account, "token_created", by=by or _self(account, None, None), payload={"token": row.ref})
    return token


def find_token(tx: Tx, token: str) -> ApiToken | None:
    """Return the row of a bearer token that may be used now: not revoked, not expired, its account active."""
    return tx.session.scalar(
        select(ApiToken)
        .join(Account, Account.id == ApiToken.account_id)
        .where(
            ApiToken.token_hash == _sha256(token),
            ApiToken.revoked_at.is_(None),
            ApiToken.created_at <= tx.now + CLOCK_CORRECTION,
            ApiToken.expires_at > tx.now,
            Account.state == "active",
        )
    )


def tokens_of(tx: Tx, account_id: int) -> tuple[TokenRow, ...]:
    """Return the live bearer tokens of an account, newest first."""
    rows = tx.session.scalars(
        select(ApiToken)
        .where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > tx.now)
        .order_by(ApiToken.id.desc())
        .limit(50)
    )
    return tuple(TokenRow(r.ref, r.label, r.scopes, r.created_at, r.expires_at, r.last_used_at) for r in rows)


def revoke_token(database: Database, account_id: int, token_ref: str) -> None:
    """Revoke one bearer token of this account. Raises ``Missing`` for a token of somebody else, as for
    none.
    """
    with database.writing() as tx:
        account = locked(tx, account_id)
        row = tx.session.scalar(
            select(ApiToken).where(ApiToken.account_id == account_id, ApiToken.ref == token_ref)
        )
        if row is None:
            raise Missing("not_found")
        if row.revoked_at is None:
            row.revoked_at = tx.now
            enter(tx, account, "token_revoked", by=_self(account, None, None), payload={"token": token_ref})


def end_tokens(tx: Tx, account_id: int) -> None:
    """Revoke every bearer token of an account: what it was given under an old password, or before it was disabled."""
    tx.session.execute(
        update(ApiToken)
        .where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=tx.now)
    )


# --- the throttle ---------------------------------------------------------------------------------


def device_mark(key: bytes, login: str) -> str:
    """Return a mark for a browser that has signed in as ``login``: guessing elsewhere does not hold it up
    later.
    """
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_device_seal(key, plain_login(login), nonce)}"


def is_device_of(key: bytes, login: str, mark: str) -> bool:
    """Whether ``device_mark`` made this mark for this login."""
    nonce, dot, seal = mark.partition(".")
    return bool(dot) and hmac.compare_digest(seal.encode(), _device_seal(key, login, nonce).encode())


def forget_old_tries(tx: Tx, before: datetime) -> None:
    """Delete tries older than ``before``: they serve the throttle only."""
    tx.session.execute(delete(LoginAttempt).where(LoginAttempt.at < before))


def _take_a_try(database: Database, *, key: bytes, login: str, place: str, known: bool) -> int:
    """Note a try as failed before it is evaluated, so that tries sent at the same moment count as well."""
    login_hash = _keyed(key, f"login:{login}")
    place_hash = _keyed(key, place)
    with database.writing() as tx:
        seconds = _wait(tx, login_hash, place_hash, known)
        if seconds > 0:
            raise TooManyTries("login_throttled", seconds=seconds, minutes=-(-seconds // 60))
        row = LoginAttempt(login_hash=login_hash, peer_hash=place_hash, at=tx.now, succeeded=False)
        tx.session.add(row)
        tx.session.flush()
        return row.id


def _wait(tx: Tx, login_hash: str, place_hash: str, known: bool) -> int:
    """Return the seconds until the next try is evaluated, 0 for at once."""
    since, until = tx.now - WINDOW, tx.now + CLOCK_CORRECTION
    tries = tx.session.execute(
        select(LoginAttempt.peer_hash, LoginAttempt.at, LoginAttempt.succeeded)
        .where(LoginAttempt.login_hash == login_hash, LoginAttempt.at > since, LoginAttempt.at <= until)
        .order_by(LoginAttempt.at.desc(), LoginAttempt.id.desc())
        .limit(200)
    ).all()
    waits = [0]
    mine: list[datetime] = []
    for one in tries:
        if one.peer_hash == place_hash:
            if one.succeeded:
                break
            mine.append(one.at)
    if len(mine) >= FREE_TRIES:
        pause = min(LONGEST_WAIT, 30 * 2 ** (len(mine) - FREE_TRIES))
        waits.append(_left(tx, mine[0], pause))
    if not known:
        wrong = [one.at for one in tries if not one.succeeded]
        if len(wrong) >= FREE_TRIES_OF_LOGIN:
            waits.append(_left(tx, wrong[0], LONGEST_WAIT))
        logins, last = tx.session.execute(
            select(func.count(func.distinct(LoginAttempt.login_hash)), func.max(LoginAttempt.at)).where(
                LoginAttempt.peer_hash == place_hash,
                LoginAttempt.at > since,
                LoginAttempt.at <= until,
                LoginAttempt.succeeded.is_(False),
            )
        ).one()
        if logins >= FREE_LOGINS_OF_PLACE:
            waits.append(_left(tx, last, LONGEST_WAIT))
    return max(waits)


def _left(tx: Tx, last: datetime, pause: int) -> int:
    return max(0, round((last + timedelta(seconds=pause) - tx.now).total_seconds()))


# --- within ---------------------------------------------------------------------------------------


def enter(tx: Tx, account: Account, action: str, *, by: By, payload: dict[str, str] | None = None) -> None:
    """Append an entry to the account's chain and move its head; the caller holds the account's row."""
    head = append(
        tx,
        subject=("account", account.ref),
        head=Head(account.chain_length, account.chain_head),
        action=action,
        by=by,
        payload=payload,
    )
    account.chain_length, account.chain_head = head.length, head.hash
    account.version += 1


def _self(account: Account, session_ref: str | None, request_id: str | None) -> By:
    return By(
        account_ref=account.ref,
        function=None,
        org_unit_ref=None,
        session_ref=session_ref,
        request_id=request_id,
    )


def _begin(tx: Tx, account: Account) -> SignedIn:
    token = secrets.token_urlsafe(32)
    row = Session(
        token_hash=_sha256(token),
        account_id=account.id,
        created_at=tx.now,
        last_seen_at=tx.now,
        expires_at=tx.now + ABSOLUTE,
    )
    tx.session.add(row)
    tx.session.flush()
    return SignedIn(token, row.ref, account.id, account.ref, account.language, row.expires_at)


def locked(tx: Tx, account_id: int) -> Account:
    """Return an account under its lock, as ``enter`` wants it."""
    return tx.session.scalars(select(Account).where(Account.id == account_id).with_for_update()).one()


def _note(tx: Tx, kind: str, account_id: int | None, request_id: str | None) -> None:
    tx.session.add(AccessLog(at=tx.now, kind=kind, account_id=account_id, request_id=request_id))


def _verifies(kept: str, password: str) -> bool:
    text = unicodedata.normalize("NFC", password)[: PASSWORD_LONGEST + 1]
    with _hashing:
        try:
            return _hasher.verify(kept, text)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _keyed(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _device_seal(key: bytes, login: str, nonce: str) -> str:
    return _keyed(key, f"device mark:{login}:{nonce}")


SENTENCES.update(
    {
        "login_failed": (
            "Tên đăng nhập hoặc mật khẩu chưa đúng. Hãy nhập lại, chú ý chữ hoa và bộ gõ tiếng Việt.",
            "The login or the password is not right. Type them again; mind capital letters.",
        ),
        "login_throttled": (
            "Bạn đã nhập sai nhiều lần. Hãy thử lại sau {minutes} phút,"
            " hoặc nhờ quản trị đơn vị đặt lại mật khẩu.",
            "Too many wrong tries. Try again in {minutes} minute(s),"
            " or ask your administrator for a new password.",
        ),
        "password_short": (
            "Mật khẩu cần ít nhất {shortest} ký tự. Một câu ngắn dễ nhớ là tốt nhất.",
            "A password needs at least {shortest} characters. A short sentence is best.",
        ),
        "password_long": (
            "Mật khẩu dài nhất {longest} ký tự.",
            "A password has at most {longest} characters.",
        ),
        "password_known": (
            "Mật khẩu này nhiều người biết hoặc trùng tên của bạn. Hãy chọn một câu khác.",
            "This password is widely known or is your own name. Choose another sentence.",
        ),
        "password_wrong": (
            "Mật khẩu đang dùng chưa đúng. Hãy nhập lại.",
            "The present password is not right. Type it again.",
        ),
        "passwords_differ": (
            "Hai lần nhập không giống nhau. Hãy nhập lại mật khẩu mới.",
            "The two entries differ. Type the new password again.",
        ),
        "password_changed_meanwhile": (
            "Mật khẩu vừa được đổi ở nơi khác. Hãy đăng nhập lại.",
            "The password was changed elsewhere just now. Log in again.",
        ),
        "link_dead": (
            "Đường dẫn này đã dùng rồi hoặc đã hết hạn. Hãy nhờ quản trị đơn vị gửi đường dẫn mới.",
            "This link was used before or is too old. Ask your administrator for a new one.",
        ),
        "language_unknown": (
            "Chỉ có tiếng Việt và tiếng Anh.",
            "Only Vietnamese and English are spoken here.",
        ),
        "token_label": (
            "Hãy đặt tên cho khóa, tối đa 100 ký tự, ví dụ “Phần mềm một cửa”.",
            "Name the token in at most 100 characters, for example “One-stop software”.",
        ),
        "token_scopes": (
            "Phạm vi của khóa chỉ gồm: {known}.",
            "The scopes of a token are: {known}.",
        ),
        "token_lifetime": ("Khóa dùng được nhiều nhất 366 ngày.", "A token lives for at most 366 days."),
    }
)
