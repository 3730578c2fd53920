"""The relational database: a door for reading, a door for writing, alike on SQLite and PostgreSQL.

Only ``Database.writing`` opens a transaction that may change something; leaving its block commits, raising
undoes everything. On SQLite writers queue in a fair lock of the process before ``BEGIN IMMEDIATE``; on
PostgreSQL rows are locked by the commands themselves. Nothing else in the application commits.
"""

from __future__ import annotations

import logging
import select
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Protocol

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Dialect, Engine, Transaction, create_engine, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

WAIT_SECONDS = 10.0
"""How long one transaction waits for a lock or for a connection before it gives up with `DatabaseBusy`."""
POOL_SIZE = 8
POOL_OVERFLOW = 16
STATEMENT_SECONDS = 30.0
BEGIN_WRITING = "BEGIN IMMEDIATE"
"""On SQLite; psycopg begins by itself with the first statement."""
IDLE_IN_TRANSACTION_SECONDS = 60.0
RETRY_AFTER_SECONDS = 0.25
PING_AFTER_IDLE_SECONDS = 30.0
CACHED_STATEMENTS = 2000
"""Compiled statements kept by SQLAlchemy; more than the application has, so each is compiled once."""

log = logging.getLogger(__name__)


class DatabaseUnavailable(Exception):
    """The database does not answer, or cannot keep anything now. Nothing was changed; trying later may help.

    ``code`` is stable and chooses the sentence for people; the text of the exception is for logs.
    """

    code: ClassVar[str] = "database_unavailable"


class DatabaseBusy(DatabaseUnavailable):
    """Too many at once: a lock was not to be had in time, or PostgreSQL broke off one of two that crossed."""

    code = "database_busy"


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost while committing: the change is kept whole or not at all, nobody knows which.

    Repeating the request with its idempotency key gives the answer and never acts twice.
    """

    code = "outcome_unknown"


class NotInstalled(Exception):
    """The database holds no installation row: ``vinhdanh init`` has never run on it."""

    code: ClassVar[str] = "not_installed"


class NestedWriting(RuntimeError):
    """A programming error: ``writing()`` inside ``writing()`` of the same thread would commit only half."""


class Clock(Protocol):
    """Where ``tx.now`` comes from when it is not the database's own clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The clock of this process."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TestClock:
    """A clock that stands still until it is moved: for tests and for the demo, never for production."""

    __test__ = False  # pytest would collect it for its name

    def __init__(self, moment: datetime) -> None:
        self.set(moment)

    def now(self) -> datetime:
        return self._moment

    def set(self, moment: datetime) -> None:
        """Stand at ``moment``. Raises ``ValueError`` when it is naive."""
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        self._moment = moment.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        self._moment += by


FixedClock = TestClock


class FairLock:
    """A lock that is handed on in the order in which it was asked for; nobody overtakes, nobody starves."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds; return whether the lock is ours."""
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # handed to us between the end of waiting and the look at the queue

    def release(self) -> None:
        """Hand the lock to whoever has waited longest. Only its holder may call this."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    @property
    def waiting(self) -> int:
        """How many wait at this moment."""
        with self._mutex:
            return len(self._waiting)


class _Session(Session):
    """The ORM inside a transaction that belongs to `Database`: it flushes, and never commits by itself."""

    def commit(self) -> NoReturn:
        raise RuntimeError("leaving database.writing() commits; nothing else does")


class _Line:
    """A connection to the database: the driver's own, and SQLAlchemy's around it for whoever asks.

    Opening either costs more than a statement, so those for writing are kept between two commands.
    """

    __slots__ = ("age", "connection", "cursor", "driver", "used")

    def __init__(self, connection: Connection, age: int = 0) -> None:
        self.connection = connection
        self.age = age
        driver: Any = connection.connection.driver_connection
        self.driver = driver
        self.cursor = driver.cursor()
        self.used = 0.0

    def told(self, error: Exception, text: str | None = None, values: Any = None) -> Exception:
        dialect = self.connection.dialect
        errors: Any = dialect.loaded_dbapi
        if not isinstance(error, errors.Error):
            return error
        gone = dialect.is_disconnect(error, self.driver, self.cursor)
        if gone and not self.connection.invalidated:
            self.connection.invalidate(error)
        wrapped: Exception = exc.DBAPIError.instance(
            text,
            values,
            error,
            errors.Error,
            hide_parameters=self.connection.engine.hide_parameters,
            connection_invalidated=gone,
            dialect=dialect,
        )
        return wrapped

    @property
    def is_open(self) -> bool:
        """Whether the driver itself is inside a transaction; SQLAlchemy may never have been told of it."""
        if isinstance(self.driver, sqlite3.Connection):
            return self.driver.in_transaction
        return bool(self.driver.pgconn.transaction_status != TransactionStatus.IDLE)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left open on it, so that the next command may have it."""
        known = self.connection
        return not (known.closed or known.invalidated or known.in_transaction() or self.is_open)


class Tx:
    """One open transaction, handed out by ``Database.reading`` and ``Database.writing``.

    Valid inside its block only. Rows loaded through ``session`` stay readable after it, detached.
    """

    __slots__ = (
        "_after",
        "_installation",
        "_line",
        "_now",
        "_session",
        "_transaction",
        "database",
        "dialect",
    )

    def __init__(self, database: Database, line: _Line) -> None:
        self.database = database
        self.dialect = database.dialect
        self._line = line
        self._transaction: Transaction | None = None
        self._session: _Session | None = None
        self._now: datetime | None = None
        self._installation: tuple[str, int] | None = None
        self._after: list[Callable[[], None]] = []

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection on this transaction, which it learns of at the first use."""
        connection = self._line.connection
        if self._transaction is None:
            if connection.invalidated:  # or it would begin on a new one, without what was done so far
                raise DatabaseUnavailable("the connection was lost in this transaction")
            self._transaction = connection.begin()
        return connection

    @property
    def session(self) -> Session:
        """The ORM's session on this transaction; made at the first use, flushed before the commit."""
        if self._session is None:
            self._session = _Session(
                bind=self.connection, expire_on_commit=False, join_transaction_mode="rollback_only"
            )
        return self._session

    @property
    def sql_dialect(self) -> Dialect:
        """SQLAlchemy's knowledge of this kind of database, for translating statements."""
        return self._line.connection.dialect

    @property
    def driver_cursor(self) -> Any:
        """What ``storage.prepared`` runs on, one for all its statements; elsewhere there is ``connection``."""
        return self._line.cursor

    def told(self, error: Exception, text: str | None = None, values: Any = None) -> Exception:
        """Return ``error`` of the driver as SQLAlchemy says it, and give a broken connection up as it does."""
        return self._line.told(error, text, values)

    def flush(self) -> None:
        """Send what waits in ``session`` to the database now; nothing to do when nobody has asked for it."""
        if self._session is not None:
            self._session.flush()

    @property
    def now(self) -> datetime:
        """The moment of this transaction, aware UTC, the same for all of it.

        PostgreSQL: the database's clock at the transaction's start, or later at the lock that was waited for
        (`note_now`); SQLite: the process's at the first use; a clock given to `Database` goes before both.
        """
        if self._now is None:
            clock = self.database.clock
            if clock is not None:
                self._now = clock.now()
            else:
                moment: datetime = self.connection.exec_driver_sql(
                    "SELECT transaction_timestamp()"
                ).scalar_one()
                self._now = moment.astimezone(UTC)
        return self._now

    @property
    def reads_clock(self) -> bool:
        """Whether ``now`` comes from the database's own clock, so that a statement may bring it along."""
        return self.database.clock is None

    def note_now(self, moment: datetime) -> None:
        """Let ``moment``, which a locking statement of the caller's read from the database's clock, be now.

        Of two transactions that met at a lock, the second's ``now`` must not lie before the first's. Ignored
        when a clock was given.
        """
        if self.database.clock is None:
            self._now = moment.astimezone(UTC)

    @property
    def origin(self) -> str:
        """The name of this installation in its record. Raises `NotInstalled`."""
        return self._installed()[0]

    @property
    def epoch(self) -> int:
        """The epoch of this installation's record; a lawful restore adds one. Raises `NotInstalled`."""
        return self._installed()[1]

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have ``call`` run once the commit is done, outside every lock; never when it fails.

        For waking somebody up only: what must happen for certain is an outbox promise.
        """
        self._after.append(call)

    def _installed(self) -> tuple[str, int]:
        known = self._installation or self.database._installation
        if known is None:
            row = self.connection.exec_driver_sql("SELECT origin, epoch FROM installation").one_or_none()
            if row is None:
                raise NotInstalled("the database holds no installation; run `vinhdanh init`")
            known = self._installation = (str(row[0]), int(row[1]))
        return known


class Database:
    """All access to the rows. Thread-safe; one per process.

    ``url`` is ``sqlite:///file`` or ``postgresql+psycopg://…``. ``clock`` replaces the clock of ``tx.now``
    (tests and the demo). ``owner_url`` names the role that owns the tables and is used by migrations only.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        owner_url: str | None = None,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        parsed = database_url(url)
        self.url = parsed
        self.owner_url = owner_url
        self.dialect = parsed.get_backend_name()
        self.wait_seconds = wait_seconds
        self._commit_calls: list[Callable[[], None]] = []
        self._installation: tuple[str, int] | None = None
        self._mine = threading.local()
        self._turn = FairLock() if self.dialect == SQLITE else None
        # PostgreSQL's own clock is the one that several processes share; SQLite has none but the process's.
        self.clock: Clock | None = clock or (SystemClock() if self.dialect == SQLITE else None)
        make_engine = _sqlite_engine if self.dialect == SQLITE else _postgresql_engine
        self._writer = make_engine(parsed, writing=True, wait_seconds=wait_seconds)
        self._reader = make_engine(parsed, writing=False, wait_seconds=wait_seconds)
        self._kept: list[_Line] = []
        self._age = 0

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Open one consistent view of the rows; whatever tries to write in it fails.

        Raises `DatabaseUnavailable` when the database does not answer.
        """
        with _in_our_words:
            connection = self._connect(self._reader)
            try:
                tx = Tx(self, _Line(connection))
                try:
                    _ = tx.connection  # begins
                    yield tx
                    if tx._installation is not None:
                        self._installation = tx._installation
                finally:
                    if tx._session is not None:
                        tx._session.close()
                    if connection.in_transaction() and not connection.invalidated:
                        connection.rollback()
            finally:
                connection.close()

    def writing(self) -> AbstractContextManager[Tx]:
        """Open the transaction of one command: leaving the block commits, raising undoes everything.

        Raises `DatabaseBusy` when its turn does not come in time, `DatabaseUnavailable` when nobody answers,
        `OutcomeUnknown` when the connection breaks in the commit, `NestedWriting` inside itself.
        """
        return _Writing(self)

    def on_commit(self, call: Callable[[], None]) -> None:
        """Have ``call`` run after every commit of this process: the wake-up of worker and sequencer.

        It runs in the thread that committed and must return at once (set an event, nothing more).
        """
        self._commit_calls.append(call)

    @property
    def origin(self) -> str:
        """The name of this installation in its record. Raises `NotInstalled`."""
        return self._installed()[0]

    @property
    def epoch(self) -> int:
        """The epoch of this installation's record. Raises `NotInstalled`."""
        return self._installed()[1]

    def forget_installation(self) -> None:
        """Read origin and epoch anew at the next use; a lawful restore calls this after adding an epoch."""
        self._installation = None

    def close(self) -> None:
        """Close every connection. Transactions that are open end with an error."""
        self._age += 1  # what is in use now is not kept when it comes back
        self._drop_kept()
        self._reader.dispose()
        self._writer.dispose()

    def _installed(self) -> tuple[str, int]:
        if self._installation is None:
            with self.reading() as tx:
                return tx._installed()
        return self._installation

    def _take_line(self) -> _Line:
        """Return a connection for writing: the one that was used last, as it stands, or one of the pool."""
        while True:
            try:
                line = self._kept.pop()
            except IndexError:
                return _Line(self._connect(self._writer), self._age)
            if self._turn is not None or _still_there(line.driver, line.used):
                return line
            line.connection.invalidate()
            line.connection.close()
            self._drop_kept()  # those below it were idle for longer

    def _give_back(self, line: _Line) -> None:
        """Keep ``line`` for the next command. After a burst the pool gets it, where somebody may wait for it."""
        if line.is_over and line.age == self._age and not self._is_crowded():
            line.used = time.monotonic()
            self._kept.append(line)
            return
        if not line.connection.invalidated and (line.is_open or line.age != self._age):
            line.connection.invalidate()  # nobody knows in what state it is, or its pool was closed meanwhile
        line.connection.close()

    def _drop_kept(self) -> None:
        with suppress(IndexError):  # somebody else may take the last one
            while True:
                self._kept.pop().connection.close()

    def _is_crowded(self) -> bool:
        # On SQLite writers wait for their turn, never in the pool.
        pool: Any = self._writer.pool
        return self._turn is None and pool.checkedout() > POOL_SIZE

    def _connect(self, engine: Engine) -> Connection:
        """Return an open connection; a database that is just coming back is asked a second time."""
        try:
            return engine.connect()
        except exc.TimeoutError:
            raise  # the pool waited already
        except (exc.OperationalError, exc.InvalidRequestError):
            time.sleep(RETRY_AFTER_SECONDS)
            return engine.connect()


class _Writing:
    """The block of ``Database.writing``. Written out, because every deed goes through it."""

    __slots__ = ("_database", "_line", "_tx")

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Tx:
        database = self._database
        if getattr(database._mine, "writing", False):
            raise NestedWriting("writing() inside writing()")
        turn = database._turn
        if turn is not None and not turn.acquire(database.wait_seconds):
            raise DatabaseBusy(f"no turn to write within {database.wait_seconds} s")
        database._mine.writing = True
        try:
            with _in_our_words:
                self._line = database._take_line()
                if turn is not None:
                    try:
                        self._line.driver.execute(BEGIN_WRITING)
                    except BaseException:
                        database._give_back(self._line)
                        raise
        except BaseException:
            self._let_others()
            raise
        self._tx = Tx(database, self._line)
        return self._tx

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tx = self._tx
        committing = False
        try:
            with _in_our_words:
                try:
                    if error is not None:
                        raise error
                    tx.flush()
                    self._check_whole()
                    committing = True
                    self._commit()
                except BaseException:
                    try:
                        self._undo()
                    except Exception as failure:
                        if committing:
                            raise OutcomeUnknown(
                                "the connection was lost after the commit failed"
                            ) from failure
                        raise
                    raise
                finally:
                    try:
                        if tx._session is not None:
                            tx._session.close()
                    finally:
                        self._database._give_back(self._line)
        finally:
            self._let_others()
        if tx._installation is not None:
            self._database._installation = tx._installation
        for call in (*tx._after, *self._database._commit_calls):
            try:
                call()
            except Exception:
                # The commit is done: telling the caller of a failure would make him repeat it.
                log.exception("a call after the commit failed")

    def _check_whole(self) -> None:
        """Refuse to go on as if nothing had been undone, when somebody caught an error that undid something."""
        known, line = self._tx._transaction, self._line
        undone = line.connection.invalidated or (known is not None and not known.is_active)
        if isinstance(line.driver, sqlite3.Connection):
            # A full disk, say, makes SQLite undo everything by itself; what came after it stood alone.
            undone = undone or not line.driver.in_transaction
        else:
            undone = undone or line.driver.pgconn.transaction_status == TransactionStatus.INERROR
        if undone:
            raise RuntimeError("the transaction was rolled back inside its block")

    def _commit(self) -> None:
        transaction = self._tx._transaction
        try:
            if transaction is not None:
                transaction.commit()
            else:
                try:
                    self._line.driver.commit()
                except Exception as error:
                    raise self._line.told(error) from error
        except exc.DBAPIError as error:
            if error.connection_invalidated:
                raise OutcomeUnknown("the connection was lost in the commit") from error
            raise

    def _undo(self) -> None:
        connection = self._line.connection
        if connection.invalidated:
            return
        if connection.in_transaction():
            connection.rollback()
        else:
            try:
                self._line.driver.rollback()
            except Exception as error:
                said = self._line.told(error)
                connection.invalidate()
                raise said from error

    def _let_others(self) -> None:
        self._database._mine.writing = False
        if self._database._turn is not None:
            self._database._turn.release()


def database_url(url: str | URL) -> URL:
    """Return ``url`` parsed. Raises ``ValueError`` for anything but SQLite in a file and PostgreSQL."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise ValueError("the database URL cannot be read") from None  # without the URL: it holds a password
    backend = parsed.get_backend_name()
    if backend == SQLITE:
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("SQLite needs a file: sqlite:///path/to/vinhdanh.sqlite")
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"unknown database {backend!r}: use sqlite:/// or postgresql+psycopg://")


def _sqlite_engine(url: URL, *, writing: bool, wait_seconds: float) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        # One writer at a time is all that SQLite allows, and its prepared statements stay warm.
        pool_size=1 if writing else 8,
        max_overflow=0 if writing else 24,
        pool_timeout=wait_seconds,
        query_cache_size=CACHED_STATEMENTS,
        hide_parameters=True,  # what people wrote must not reach a log inside an error
        # isolation_level None: the driver begins nothing by itself, so BEGIN means what we say below.
        connect_args={"isolation_level": None, "timeout": wait_seconds, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            # REPLACE deletes rows behind the delete triggers' back unless this is on.
            "recursive_triggers = ON",
            f"busy_timeout = {int(wait_seconds * 1000)}",
            f"query_only = {'OFF' if writing else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    begin = BEGIN_WRITING if writing else "BEGIN DEFERRED"

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:  # a command has begun by itself
            driver.execute(begin)

    return engine


def _postgresql_engine(url: URL, *, writing: bool, wait_seconds: float) -> Engine:
    settings: dict[str, str | int] = {
        "TimeZone": "UTC",
        "statement_timeout": int(STATEMENT_SECONDS * 1000),
        "lock_timeout": int(wait_seconds * 1000),
        "idle_in_transaction_session_timeout": int(IDLE_IN_TRANSACTION_SECONDS * 1000),
    }
    if writing:
        # A command looks single rows up by their keys: planning it anew for each value costs more than doing it.
        settings["plan_cache_mode"] = "force_generic_plan"
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=wait_seconds,
        query_cache_size=CACHED_STATEMENTS,
        hide_parameters=True,  # as above
        # A page reads one snapshot; a command sees, after each lock it waited for, what the other committed.
        isolation_level="READ COMMITTED" if writing else "REPEATABLE READ",
        connect_args={
            "connect_timeout": 5,
            "application_name": "vinhdanh",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
        if not writing:
            connection.read_only = True
        entry.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkin")
    def returned(connection: psycopg.Connection[Any] | None, entry: ConnectionPoolEntry) -> None:
        entry.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry, proxy: object) -> None:
        if not _still_there(connection, entry.info["used"]):
            raise exc.InvalidatePoolError()  # the pool replaces this one and all of its age

    return engine


def _still_there(connection: psycopg.Connection[Any], used: float) -> bool:
    """Tell whether an idle connection still leads to the server.

    A ping at every use would cost each command a round trip. A closed peer shows on the socket for nothing;
    only a connection that was idle for long (a firewall may have dropped it) is really asked.
    """
    try:
        silent = not select.select([connection.fileno()], [], [], 0)[0]
        if silent and time.monotonic() - used < PING_AFTER_IDLE_SECONDS:
            return True
        connection.execute("SELECT 1")
        connection.rollback()
    except (psycopg.Error, OSError, ValueError):
        return False
    return True


class _InOurWords:
    """Turns the drivers' passing troubles into ours; errors of our own making pass through as they are."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        if isinstance(error, exc.TimeoutError):
            raise DatabaseBusy("no connection became free in time") from error
        if isinstance(error, exc.DBAPIError | sqlite3.Error | psycopg.Error | exc.DisconnectionError):
            ours = _translated(error)
            if ours is not None:
                raise ours from error
        elif isinstance(error, exc.InvalidRequestError) and isinstance(
            error.__cause__ or error.__context__, exc.DisconnectionError
        ):
            # The pool's own words when a fresh connection was closed twice in a row.
            raise DatabaseUnavailable("the database closes every connection") from error


_in_our_words = _InOurWords()


# https://www.postgresql.org/docs/15/errcodes-appendix.html
_BUSY_STATES = {"40001", "40P01", "55P03", "57014"}
_GONE_STATES = {"57P01", "57P02", "57P03", "57P05", "53100", "53200", "53300", "25P03"}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_GONE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def _translated(error: Exception) -> DatabaseUnavailable | None:
    original: BaseException | None = error.orig if isinstance(error, exc.DBAPIError) else error
    said = f"{type(original).__name__}: {original}".splitlines()[0]
    if isinstance(original, sqlite3.Error):
        primary = (getattr(original, "sqlite_errorcode", None) or 0) & 0xFF  # the rest tells the kind of it
        if primary in _SQLITE_BUSY:
            return DatabaseBusy(said)
        return DatabaseUnavailable(said) if primary in _SQLITE_GONE else None
    if isinstance(original, psycopg.Error):
        state = original.sqlstate or ""
        if state in _BUSY_STATES:
            return DatabaseBusy(said)
        if state in _GONE_STATES or state.startswith("08"):
            return DatabaseUnavailable(said)
        if not state and isinstance(original, psycopg.OperationalError):
            return DatabaseUnavailable(said)  # the server was not reached or went away in mid-sentence
    if isinstance(error, exc.DisconnectionError):
        return DatabaseUnavailable(said)
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return DatabaseUnavailable(said)
    return None
