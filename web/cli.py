"""The command line ``vinhdanh``: the door of whoever runs the machine.

Every command reads the settings, does one thing through the inner packages, and says what happened in
Vietnamese and then in English. Exit codes: 0 done; 1 a check found problems; 2 wrong arguments or settings;
3 the program cannot start or the request was refused; 4 the database, the store or the record does not
answer as it must; 70 an error of our own. ``audit verify`` has the exit codes of docs/record.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from config.settings import CHECKOUT, Settings, SettingsInvalid, from_process_environment
from dossiers.functions import FUNCTIONS
from dossiers.people import Account
from dossiers.refusals import Refusal
from storage import migrate
from storage.checkpoint import NoteRefused
from storage.database import Clock, Database, DatabaseUnavailable, NotInstalled
from storage.durability import check_durability as durability_problems
from storage.files import Files, FilesError, files_from_url
from storage.sequencer import Sequencer, TreeDamaged
from storage.signer import FileKeySigner, SignerRefused
from web import startup
from web.startup import StartupRefused
from workflow.installation import init, installed_origin
from workflow.worker import AtLength, Worker, put_schedules, sweep_files

OK, PROBLEMS, USAGE, REFUSED, UNAVAILABLE, OUR_ERROR = 0, 1, 2, 3, 4, 70

CONFIG = CHECKOUT / "config"
ACTIVATE = "/activate/"
"""Where the page of a new account takes the token of its link."""
DEMO_ORIGIN = "localhost/vinhdanh"

# What a signer says, in sentences: what it means and what to do.
SIGNER_SENTENCES = {
    "tree_smaller": (
        "Cơ sở dữ liệu cũ hơn điều đã ký: có lẽ một bản sao lưu cũ được khôi phục, hoặc sổ ghi bị cắt. "
        "Không ghi tiếp.",
        "The database is older than what was signed: an old backup was restored, or entries were cut off. "
        "Nothing more is written.",
    ),
    "tree_inconsistent": (
        "Sổ ghi đã bị sửa sau khi ký. Hãy chạy: vinhdanh audit verify",
        "The record was changed after it was signed. Run: vinhdanh audit verify",
    ),
    "another_record": (
        "Khóa ký này thuộc một sổ ghi khác. Hãy dùng đúng thư mục khóa của cơ sở dữ liệu này.",
        "This key signs for another record. Use the key folder that belongs to this database.",
    ),
    "memory_missing": (
        "Có khóa ký nhưng thiếu tệp ghi nhớ điều đã ký (record.signed). Hãy khôi phục tệp ấy từ bản sao lưu.",
        "There is a signing key but not its memory of what was signed (record.signed). Restore that file.",
    ),
    "memory_behind": (
        "Tệp ghi nhớ điều đã ký cũ hơn cơ sở dữ liệu. Hãy khôi phục tệp record.signed mới nhất.",
        "The memory of what was signed is older than the database. Restore the newest record.signed.",
    ),
    "key_missing": (
        "Không tìm thấy khóa ký record.ed25519 trong thư mục khóa. Hãy khôi phục nó từ bản sao lưu.",
        "The signing key record.ed25519 is not in the key folder. Restore it from its backup.",
    ),
    "key_open": (
        "Khóa ký record.ed25519 đang để người khác đọc được. Hãy chạy: chmod 600 record.ed25519",
        "The signing key record.ed25519 can be read by others. Run: chmod 600 record.ed25519",
    ),
    "key_damaged": (
        "Khóa ký record.ed25519 bị hỏng. Hãy khôi phục nó từ bản sao lưu.",
        "The signing key record.ed25519 is damaged. Restore it from its backup.",
    ),
}


class CommandRefused(Exception):
    """A command cannot be carried out; says why in both languages and with which exit code."""

    def __init__(self, vi: str, en: str, code: int = REFUSED) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en
        self.code = code


class StartedClock:
    """A clock that starts at a moment and runs on from there: tests and demonstrations only."""

    def __init__(self, moment: datetime) -> None:
        self._ahead = moment.astimezone(UTC) - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. ``argv`` without the program's name, default: the process's."""
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace, Settings], int] = arguments.run
    try:
        settings = from_process_environment()
        return run(arguments, settings)
    except SettingsInvalid as invalid:
        for problem in invalid.problems:
            _complain(f"{problem.setting}: {problem.vi}", f"{problem.setting}: {problem.en}")
        return USAGE
    except CommandRefused as refused:
        _complain(refused.vi, refused.en)
        return refused.code
    except StartupRefused as refused:
        _complain(refused.sentence_vi, refused.sentence_en)
        return REFUSED
    except Refusal as refused:
        _complain_all(refused)
        return REFUSED
    except SignerRefused as refused:
        vi, en = SIGNER_SENTENCES.get(refused.code, (str(refused), str(refused)))
        _complain(vi, en)
        return UNAVAILABLE
    except TreeDamaged as damaged:
        _complain(
            "Cây của sổ ghi bị hỏng; hãy chạy: vinhdanh audit verify",
            f"The tree of the record is damaged ({damaged}); run: vinhdanh audit verify",
        )
        return UNAVAILABLE
    except NotInstalled:
        _complain(*_NOT_INSTALLED)
        return REFUSED
    except DatabaseUnavailable as error:
        _complain(f"Cơ sở dữ liệu không trả lời: {error}", f"The database does not answer: {error}")
        return UNAVAILABLE
    except FilesError as error:
        _complain(f"Kho tệp không dùng được: {error}", f"The store of files cannot be used: {error}")
        return UNAVAILABLE
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        _complain("Lỗi của chương trình; chi tiết ở trên.", "An error of the program; the details are above.")
        return OUR_ERROR


_NOT_INSTALLED = (
    "Cơ sở dữ liệu chưa được cài đặt. Hãy chạy: vinhdanh init",
    "The database holds no installation. Run: vinhdanh init",
)


def _say(vi: str, en: str) -> None:
    print(vi)
    print(en, flush=True)


def _complain(vi: str, en: str) -> None:
    print(vi, file=sys.stderr)
    if en != vi:
        print(en, file=sys.stderr, flush=True)


def _complain_all(refused: Refusal) -> None:
    """Print a refusal with everything it is about, each problem in its two sentences."""
    problems: Sequence[Any] = getattr(refused, "problems", ())
    if not problems:
        _complain(refused.sentence("vi"), refused.sentence("en"))
    for problem in problems:
        if isinstance(problem, Refusal):
            _complain(problem.sentence("vi"), problem.sentence("en"))
        else:
            _complain(problem.line("vi"), problem.line("en"))


# --- opening --------------------------------------------------------------------------------------


def _clock(settings: Settings) -> Clock | None:
    return None if settings.test_clock is None else StartedClock(settings.test_clock)


def _open(settings: Settings, opened: ExitStack) -> Database:
    """Return the database of an installation that is ready for this version of the program.

    Raises ``CommandRefused`` for one that was never made, or whose tables are of another version.
    """
    if settings.is_sqlite and not Path(_sqlite_path(settings)).exists():
        raise CommandRefused(*_NOT_INSTALLED)
    database = Database(settings.database_url, clock=_clock(settings), owner_url=settings.database_owner_url)
    opened.callback(database.close)
    at = migrate.revision_of(database)
    if at is None:
        raise CommandRefused(*_NOT_INSTALLED)
    if at != migrate.head():
        raise CommandRefused(
            f"Bảng dữ liệu ở phiên bản {at}, chương trình cần {migrate.head()}. Hãy chạy: vinhdanh init",
            f"The database is at revision {at}, the program needs {migrate.head()}. Run: vinhdanh init",
        )
    _ = database.origin  # raises NotInstalled
    if _is_demo(settings, database):
        _take_up_demo_clock(settings, database)
    return database


def _sqlite_path(settings: Settings) -> str:
    return settings.database_url.removeprefix("sqlite:///")


def _lock(settings: Settings, opened: ExitStack) -> None:
    """Check the data folder, and take it for this process where it holds the database."""
    startup.check_data_dir(settings.data_dir)
    if settings.is_sqlite:
        opened.callback(startup.lock_data_dir(settings.data_dir).release)


def _prepare(
    settings: Settings, opened: ExitStack, origin: str | None, org_units: Sequence[Path] = ()
) -> tuple[Database, Files]:
    """Bring tables, store, key and editions to where this version needs them; return the open parts.

    Assumes that the data folder is ours. Says what was made. Raises what `workflow.installation.init` raises.
    """
    database = Database(settings.database_url, clock=_clock(settings), owner_url=settings.database_owner_url)
    opened.callback(database.close)
    if migrate.revision_of(database) != migrate.head():
        migrate.upgrade(settings.database_url, owner_url=settings.database_owner_url)
    kept = installed_origin(database)
    if kept is not None:
        _sequencer(settings, database)  # a restored old database is refused before anything is written
    if settings.demo and (kept or origin) == DEMO_ORIGIN:
        _take_up_demo_clock(settings, database)
    files = files_from_url(settings.files_url)
    files.prepare()
    installed = init(database, origin=origin, keys=settings.keys_dir, config=CONFIG, org_units=org_units)
    if installed.fresh:
        _say(
            f"Đã cài đặt: tên gốc của sổ ghi là {installed.origin}",
            f"Installed: the origin of the record is {installed.origin}",
        )
    if installed.imported:
        names = ", ".join(installed.imported)
        _say(f"Đã nhận cấu hình: {names}", f"Taken in: {names}")
    return database, files


def _is_demo(settings: Settings, database: Database) -> bool:
    """Whether this installation is the demo's own: only such a one has its people, its clock and its door."""
    return settings.demo and installed_origin(database) == DEMO_ORIGIN


def _take_up_demo_clock(settings: Settings, database: Database) -> None:
    """Let a demo go on at the moment at which it was left; a test clock goes before."""
    if settings.test_clock is None:
        from workflow.demo import demo_clock

        database.clock = demo_clock(database)


def _begin_demo(database: Database, files: Files, *, whole: bool) -> None:
    """Make the demo's people where nobody is; its dossiers come in by jobs, or now when ``whole``."""
    from workflow import demo

    if demo.begin_demo(database):
        _say(
            "Bản dùng thử: hồ sơ và giấy tờ được nạp trong lúc trang đã chạy.",
            "The demo: dossiers and papers come in while the pages are served.",
        )
    if whole:
        demo.load_demo(database, files)


def _sequencer(settings: Settings, database: Database) -> Sequencer | None:
    """Return the sequencer of this process, checked against what was signed; None where the key lives
    elsewhere.

    Raises ``SignerRefused`` for an older or another database: then nothing may be written.
    """
    try:
        signer = FileKeySigner(settings.keys_dir)
    except SignerRefused as refused:
        if refused.code == "key_missing" and not settings.is_sqlite:
            _complain(
                f"Không có khóa ký trong {settings.keys_dir}: tiến trình này không lập cây sổ ghi.",
                f"No signing key in {settings.keys_dir}: this process does not sequence the record.",
            )
            return None
        raise
    sequencer = Sequencer(database, signer)
    sequencer.check()
    return sequencer


# --- commands -------------------------------------------------------------------------------------


def _init(arguments: argparse.Namespace, settings: Settings) -> int:
    with ExitStack() as opened:
        startup.check_native_libraries()
        _lock(settings, opened)
        startup.secret_key(settings)
        for path in arguments.org_units:
            if not path.is_file():
                raise CommandRefused(f"Không có tệp {path}.", f"There is no file {path}.", USAGE)
        _prepare(settings, opened, _asked_origin(arguments.origin, settings), arguments.org_units)
    _say("Bản cài đặt đã sẵn sàng.", "The installation is ready.")
    return OK


def _asked_origin(given: str | None, settings: Settings) -> str | None:
    """Return the origin that was given; ask for it where somebody sits at the terminal and it is needed."""
    if given is not None or _is_installed(settings) or not sys.stdin.isatty():
        return given
    print("Tên gốc của sổ ghi, giữ nguyên mãi mãi (ví dụ thidua.giangthanh.gov.vn/vinhdanh).")
    print("The origin of the record, kept for ever (for example thidua.giangthanh.gov.vn/vinhdanh).")
    return input("> ").strip() or None


def _is_installed(settings: Settings) -> bool:
    if settings.is_sqlite and not Path(_sqlite_path(settings)).exists():
        return False
    database = Database(settings.database_url)
    try:
        return migrate.revision_of(database) is not None and installed_origin(database) is not None
    finally:
        database.close()


def _up(arguments: argparse.Namespace, settings: Settings) -> int:
    with ExitStack() as opened:
        _lock_all(settings, opened)
        startup.secret_key(settings)
        origin = None
        if not _is_installed(settings):
            origin = DEMO_ORIGIN if settings.demo else _asked_origin(None, settings)
        database, files = _prepare(settings, opened, origin)
        if _is_demo(settings, database):
            _begin_demo(database, files, whole=settings.workers == 0)
        return _serve_with(settings, database, files, threads=settings.workers)


def _serve(arguments: argparse.Namespace, settings: Settings) -> int:
    with ExitStack() as opened:
        _lock_all(settings, opened)
        database = _open(settings, opened)
        files = files_from_url(settings.files_url)
        files.check()
        return _serve_with(settings, database, files, threads=settings.workers)


def _lock_all(settings: Settings, opened: ExitStack) -> None:
    """Every check before the first request, in the order in which its refusals help most."""
    startup.check_native_libraries()
    _lock(settings, opened)  # before the port: a second start on the same data says so
    startup.check_port(settings.host, settings.port)


def _serve_with(settings: Settings, database: Database, files: Files, *, threads: int) -> int:
    from web.app import create_app
    from web.serving import Server, stop_on_signals

    _set_up_log(settings.log_level)
    startup.check_durability(settings, lambda: durability_problems(database))
    # Asked also where another process sequences: on an old database nothing may be written at all.
    sequencer = _sequencer(settings, database)
    settings = _without_open_door(settings, database)
    server = Server(create_app(settings, database, files), settings)
    with ExitStack() as running:
        running.callback(server.close)
        if threads:
            worker = Worker(
                database, files, sequencer, threads=threads, more=_demo_deliveries(settings, database)
            )
            worker.start()
            running.callback(worker.stop)
        for vi, en in startup.warnings(settings):
            _complain(f"CHÚ Ý: {vi}", f"NOTE: {en}")
        _greet(settings, database)
        with stop_on_signals(server.stop):
            server.run()
        _say("Đang dừng …", "Stopping …")
    return OK


def _without_open_door(settings: Settings, database: Database) -> Settings:
    """Return ``settings``, without the demo where people are real: its door needs no password."""
    return settings if _is_demo(settings, database) else replace(settings, demo=False)


def _demo_deliveries(settings: Settings, database: Database) -> Mapping[str, AtLength]:
    if not _is_demo(settings, database):
        return {}
    from workflow.demo import DELIVERIES

    return DELIVERIES


def _greet(settings: Settings, database: Database) -> None:
    _say(f"Vinh Danh đang chạy tại {settings.public_url}", f"Vinh Danh is running at {settings.public_url}")
    if settings.demo:
        people = _demo_people(database)
        if people:
            print(
                "Bản dùng thử, chọn người ở trang đăng nhập / The demo, choose somebody on the log-in page:"
            )
            for line in people:
                print(f"  {line}")
    _say("Nhấn Ctrl-C để dừng.", "Press Ctrl-C to stop.")


def _demo_people(database: Database) -> list[str]:
    from dossiers.people import Membership, Person
    from workflow.words import FUNCTION_NAMES

    with database.reading() as tx:
        rows = tx.connection.execute(
            select(Person.full_name, Membership.function, Account.login)
            .join(Account, Account.person_id == Person.id)
            .join(Membership, Membership.person_id == Person.id)
            .where(Account.state == "active")
            .order_by(Membership.id)
        ).all()
    first: dict[str, str] = {}
    for row in rows:
        names = FUNCTION_NAMES.get(row.function)
        first.setdefault(
            row.function, f"{row.full_name} ({row.login}): {names.vi if names else row.function}"
        )
    return list(first.values())


def _work(arguments: argparse.Namespace, settings: Settings) -> int:
    import threading

    from web.serving import stop_on_signals

    with ExitStack() as opened:
        _lock(settings, opened)
        database = _open(settings, opened)
        files = files_from_url(settings.files_url)
        files.check()
        _set_up_log(settings.log_level)
        startup.check_durability(settings, lambda: durability_problems(database))
        worker = Worker(
            database,
            files,
            _sequencer(settings, database),
            threads=max(settings.workers, 1),
            more=_demo_deliveries(settings, database),
        )
        if arguments.once:
            put_schedules(database)
            done = worker.work_until_idle()
            _say(f"Đã làm {done} việc.", f"{done} jobs done.")
            return OK
        stop = threading.Event()
        worker.start()
        opened.callback(worker.stop)
        with stop_on_signals(stop.set):
            # Said when it is true: a Ctrl-C that came before would end the process in the middle of something.
            _say("Tiến trình nền đang chạy; Ctrl-C để dừng.", "The worker is running; Ctrl-C stops it.")
            while not stop.wait(1.0):
                pass
    return OK


def _demo(arguments: argparse.Namespace, settings: Settings) -> int:
    if settings.is_production or not settings.demo:
        raise CommandRefused(
            "Bản dùng thử đang tắt (VINHDANH_DEMO) hoặc đây là bản vận hành thật.",
            "The demo is switched off (VINHDANH_DEMO), or this is production.",
        )
    with ExitStack() as opened:
        _lock(settings, opened)
        startup.secret_key(settings)
        origin = None if _is_installed(settings) else DEMO_ORIGIN
        database, files = _prepare(settings, opened, origin)
        if not _is_demo(settings, database):
            raise CommandRefused(
                "Đây là bản cài đặt thật; bản dùng thử chỉ nạp vào thư mục dữ liệu của riêng nó.",
                "This is a real installation; the demo is loaded into a data folder of its own only.",
            )
        _begin_demo(database, files, whole=True)
        for line in _demo_people(database):
            print(f"  {line}")
    return OK


def _add_user(arguments: argparse.Namespace, settings: Settings) -> int:
    from workflow.installation import add_user

    with ExitStack() as opened:
        database = _open(settings, opened)
        added = add_user(
            database,
            full_name=arguments.name,
            login=arguments.login,
            email=arguments.email,
            unit_code=arguments.unit,
            unit_name=arguments.unit_name,
            function=arguments.function,
            position_title=arguments.position,
            from_on=arguments.from_on,
            to_on=arguments.to_on,
        )
    link = f"{settings.public_url}{ACTIVATE}{added.token}"
    _say(
        f"Đã thêm {arguments.name}. Liên kết kích hoạt, dùng một lần:",
        f"Added {arguments.name}. The link that activates the account, good once:",
    )
    print(link)
    return OK


def _create_token(arguments: argparse.Namespace, settings: Settings) -> int:
    from workflow.accounts import create_token, plain_login

    with ExitStack() as opened:
        database = _open(settings, opened)
        with database.reading() as tx:
            account_id = tx.session.scalar(
                select(Account.id).where(
                    Account.login == plain_login(arguments.login), Account.state == "active"
                )
            )
        if account_id is None:
            raise CommandRefused(
                f"Không có tài khoản {arguments.login} đang hoạt động.",
                f"There is no active account {arguments.login}.",
            )
        token = create_token(
            database,
            account_id=account_id,
            label=arguments.label,
            scopes=arguments.scopes,
            lifetime=timedelta(days=arguments.days),
        )
    print(
        "Chìa khóa API, chỉ hiện một lần / The API token, shown only once:",
        file=sys.stderr,
        flush=True,
    )
    print(token)
    return OK


def _check_workflow(arguments: argparse.Namespace, settings: Settings) -> int:
    from workflow.agreement import check_editions
    from workflow.installation import check_files

    problems = [(problem.line("vi"), problem.line("en")) for problem in check_files(arguments.config)]
    if not arguments.files_only:
        with ExitStack() as opened:
            database = _open(settings, opened)
            problems += [(one.line("vi"), one.line("en")) for one in check_editions(database)]
    for vi, en in problems:
        _complain(vi, en)
    if problems:
        _say(f"{len(problems)} chỗ sai.", f"{len(problems)} problems.")
        return PROBLEMS
    _say("Cấu hình và dữ liệu khớp nhau.", "Editions and rows agree.")
    return OK


def _verify(arguments: argparse.Namespace, settings: Settings) -> int:
    from workflow.audit import verify_record

    known = [path.read_text(encoding="utf-8") for path in arguments.known]
    with ExitStack() as opened:
        database = _open(settings, opened)
        try:
            verdict = verify_record(database, keys=settings.keys_dir, known=known, since=arguments.since)
        except NoteRefused as refused:
            raise CommandRefused(
                f"Tệp --known không phải dấu kiểm: {refused}", f"--known is no checkpoint: {refused}", USAGE
            ) from None
    for line in verdict.lines():
        print(line)
    return verdict.code


def _sweep(arguments: argparse.Namespace, settings: Settings) -> int:
    with ExitStack() as opened:
        database = _open(settings, opened)
        files = files_from_url(settings.files_url)
        report = sweep_files(
            database, files, grace=timedelta(hours=arguments.grace_hours), pretend=arguments.pretend
        )
    removed = len(report.removed)
    would = ("sẽ xóa", "would be removed") if arguments.pretend else ("đã xóa", "removed")
    _say(
        f"{report.seen} tệp, {would[0]} {removed} tệp không ai dùng ({report.removed_bytes} byte), "
        f"{len(report.failed)} tệp không xóa được.",
        f"{report.seen} objects, {removed} that nobody names {would[1]} ({report.removed_bytes} bytes), "
        f"{len(report.failed)} could not be removed.",
    )
    return PROBLEMS if report.failed else OK


def _doctor(arguments: argparse.Namespace, settings: Settings) -> int:
    from web.doctor import BAD, examine

    bad = False
    for seen in examine(settings):
        bad = bad or seen.mark == BAD
        print(f"[{seen.mark:>4}] {seen.vi}\n       {seen.en}", flush=True)
    return PROBLEMS if bad else OK


# --- the arguments --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vinhdanh", description="Vinh Danh: hồ sơ khen thưởng / award-nomination dossiers"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="LỆNH/COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace, Settings], int], vi: str, en: str, group: Any = commands
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = group.add_parser(name, help=f"{vi} / {en}")
        made.set_defaults(run=run)
        return made

    def group(name: str, vi: str, en: str) -> Any:
        made = commands.add_parser(name, help=f"{vi} / {en}")
        return made.add_subparsers(dest=f"{name}_command", required=True, metavar="LỆNH/COMMAND")

    install = command("init", _init, "cài đặt hoặc nâng cấp", "install or upgrade")
    install.add_argument("--origin", help="tên gốc của sổ ghi, hỏi một lần / the record's origin, asked once")
    install.add_argument(
        "--org-units",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="nhận đơn vị và đợt xét từ tệp / take in units and rounds from a file",
    )
    command("up", _up, "cài đặt nếu cần rồi phục vụ", "install if needed, then serve")
    command("serve", _serve, "phục vụ trang và API", "serve pages and API")
    worker = command("worker", _work, "tiến trình nền", "the worker")
    worker.add_argument(
        "--once", action="store_true", help="làm hết việc rồi dừng / work until idle, then end"
    )
    command("demo", _demo, "nạp bản dùng thử", "load the demo")

    users = group("user", "người dùng", "people")
    add = command("add", _add_user, "thêm người dùng", "add a person with an account", users)
    add.add_argument("login")
    add.add_argument("--name", required=True, help="họ và tên / full name")
    add.add_argument("--function", required=True, choices=FUNCTIONS)
    add.add_argument("--unit", required=True, help="mã đơn vị / code of the unit")
    add.add_argument("--unit-name", help="lập đơn vị nếu chưa có / make the unit if there is none")
    add.add_argument("--position", required=True, help="chức vụ / position title")
    add.add_argument("--email")
    add.add_argument(
        "--from-on", type=date.fromisoformat, help="YYYY-MM-DD, mặc định hôm nay / default today"
    )
    add.add_argument("--to-on", type=date.fromisoformat, help="YYYY-MM-DD")

    tokens = group("token", "chìa khóa API", "API tokens")
    create = command("create", _create_token, "tạo chìa khóa API", "make a bearer token", tokens)
    create.add_argument("login")
    create.add_argument("--label", default="command line")
    create.add_argument("--scopes", default="read write")
    create.add_argument("--days", type=int, default=90)

    workflows = group("workflow", "quy trình", "workflow editions")
    check = command(
        "check",
        _check_workflow,
        "kiểm tra cấu hình và dữ liệu",
        "check editions and the rows against them",
        workflows,
    )
    check.add_argument("--config", type=Path, default=CONFIG)
    check.add_argument("--files-only", action="store_true", help="chỉ xem tệp / look at the files only")

    audits = group("audit", "sổ ghi", "the record")
    verify = command("verify", _verify, "kiểm chứng sổ ghi", "verify the record", audits)
    verify.add_argument("--known", type=Path, action="append", default=[], help="dấu kiểm đã giữ / kept note")
    verify.add_argument("--since", type=int, help="chỉ xem sau dấu kiểm cỡ này / only after this checkpoint")

    storage = group("storage", "kho tệp", "the store of files")
    sweep = command("sweep", _sweep, "xóa tệp không ai dùng", "remove what no row names", storage)
    sweep.add_argument("--grace-hours", type=int, default=24)
    sweep.add_argument("--pretend", action="store_true", help="chỉ đếm / only count")

    command("doctor", _doctor, "khám bản cài đặt", "examine the installation")
    return parser


# --- the log --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """One line of the log of the inner packages, in the form that the web's log has."""

    record: logging.LogRecord

    def text(self) -> str:
        at = datetime.fromtimestamp(self.record.created, UTC)
        line: dict[str, Any] = {
            "at": at.isoformat().replace("+00:00", "Z"),
            "event": self.record.getMessage(),
            "level": self.record.levelname.lower(),
            "logger": self.record.name,
        }
        if self.record.exc_info:
            # The frames and the type only: an error's own words may hold what people wrote.
            kind, _, trace = self.record.exc_info
            line["exception"] = kind.__name__ if kind else ""
            line["frames"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
        return json.dumps(line, ensure_ascii=True, sort_keys=True)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _Line(record).text()


def _set_up_log(level: str) -> None:
    from web import logging as web_logging

    web_logging.configure(level)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("alembic", "weasyprint", "fontTools", "transitions"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
