"""``vinhdanh doctor``: looks at everything an installation leans on and says what is well and what is not."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from storage import migrate
from storage.database import Database, DatabaseUnavailable, NotInstalled
from storage.durability import check_durability
from storage.files import FilesError, files_from_url
from storage.outbox import backlog
from storage.sequencer import Sequencer, TreeDamaged
from storage.signer import KEY_FILE, MEMORY_FILE, FileKeySigner, SignerRefused
from web import startup
from web.startup import StartupRefused
from workflow.agreement import check_editions

WELL, NOTE, BAD = "ok", "note", "BAD"


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing looked at: how it is, in both languages."""

    mark: str
    vi: str
    en: str


def examine(settings: Settings) -> Iterator[Seen]:
    """Yield everything that was looked at, in the order in which one leans on the other; changes nothing."""
    yield Seen(WELL, f"thiết lập: {settings.mode}, {settings.public_url}", f"settings: {settings.mode}")
    for vi, en in startup.warnings(settings):
        yield Seen(NOTE, vi, en)
    yield _refused_or(startup.check_native_libraries, "thư viện hệ thống đủ", "native libraries are there")
    yield _refused_or(
        lambda: startup.check_data_dir(settings.data_dir),
        f"thư mục dữ liệu {settings.data_dir} ghi được",
        f"the data folder {settings.data_dir} can be written",
    )
    yield from _keys(settings)
    yield _store(settings)
    yield from _database(settings)


def _refused_or(check: Callable[[], None], vi: str, en: str) -> Seen:
    try:
        check()
    except StartupRefused as refused:
        return Seen(BAD, refused.sentence_vi, refused.sentence_en)
    return Seen(WELL, vi, en)


def _keys(settings: Settings) -> Iterator[Seen]:
    """The inventory: which keys there are, where, and who else may read them."""
    inventory = (
        (settings.secret_key_file, "khóa phiên làm việc", "secret of sessions", settings.secret_key is None),
        (settings.keys_dir / KEY_FILE, "khóa ký sổ ghi", "signing key of the record", True),
        (settings.keys_dir / MEMORY_FILE, "ghi nhớ điều đã ký", "memory of what was signed", True),
    )
    for path, vi, en, needed in inventory:
        if not path.exists():
            if needed:
                yield Seen(NOTE, f"{vi}: không có {path}", f"{en}: there is no {path}")
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        mark = BAD if mode & 0o077 else WELL
        yield Seen(mark, f"{vi}: {path} ({mode:04o})", f"{en}: {path} ({mode:04o})")
    if settings.secret_key is not None:
        yield Seen(
            WELL, "khóa phiên làm việc: VINHDANH_SECRET_KEY", "secret of sessions: VINHDANH_SECRET_KEY"
        )


def _store(settings: Settings) -> Seen:
    files = files_from_url(settings.files_url)
    try:
        files.check()
    except FilesError as error:
        return Seen(BAD, f"kho tệp: {error}", f"store of files: {error}")
    return Seen(WELL, f"kho tệp đọc và ghi được: {files.address}", "the store of files reads and writes")


def _database(settings: Settings) -> Iterator[Seen]:
    if settings.is_sqlite and not Path(settings.database_url.removeprefix("sqlite:///")).exists():
        yield Seen(BAD, "chưa có cơ sở dữ liệu: vinhdanh init", "there is no database yet: vinhdanh init")
        return
    database = Database(settings.database_url, owner_url=settings.database_owner_url)
    try:
        at = migrate.revision_of(database)
        mark = WELL if at == migrate.head() else BAD
        yield Seen(
            mark,
            f"phiên bản bảng {at}, chương trình cần {migrate.head()}",
            f"tables at revision {at}, the program needs {migrate.head()}",
        )
        if mark == BAD:
            return
        problems = check_durability(database)
        for problem in problems:
            yield Seen(BAD, f"có thể mất dữ liệu đã xác nhận: {problem}", f"a commit may be lost: {problem}")
        if not problems:
            yield Seen(WELL, "điều đã xác nhận thì nằm trên đĩa", "what is confirmed is on the disk")
        yield _rights(settings, database)
        yield Seen(WELL, f"tên gốc sổ ghi: {database.origin}", f"origin of the record: {database.origin}")
        yield _sequenced(settings, database)
        yield _jobs(database)
        disagreements = check_editions(database)
        for one in disagreements:
            yield Seen(BAD, one.line("vi"), one.line("en"))
        if not disagreements:
            yield Seen(WELL, "cấu hình và dữ liệu khớp nhau", "editions and rows agree")
    except NotInstalled:
        yield Seen(BAD, "chưa cài đặt: vinhdanh init", "not installed: vinhdanh init")
    except DatabaseUnavailable as error:
        yield Seen(BAD, f"cơ sở dữ liệu không trả lời: {error}", f"the database does not answer: {error}")
    finally:
        database.close()


def _rights(settings: Settings, database: Database) -> Seen:
    if migrate.rights_separated(database):
        return Seen(WELL, "quyền trên sổ ghi được tách riêng", "rights on the record are separated")
    return Seen(
        NOTE,
        "quyền trên sổ ghi chưa tách: ai có tệp hoặc vai cơ sở dữ liệu này đều sửa được bảng"
        " (VINHDANH_DATABASE_OWNER_URL, docs/operations.md)",
        "rights on the record are not separated: whoever has the file or this database role can change rows"
        " (VINHDANH_DATABASE_OWNER_URL, docs/operations.md)",
    )


def _sequenced(settings: Settings, database: Database) -> Seen:
    try:
        Sequencer(database, FileKeySigner(settings.keys_dir)).check()
    except (SignerRefused, TreeDamaged) as refused:
        return Seen(BAD, f"sổ ghi và khóa ký không khớp: {refused}", f"record and signer disagree: {refused}")
    return Seen(WELL, "sổ ghi nối tiếp điều đã ký", "the record continues what was signed")


def _jobs(database: Database) -> Seen:
    with database.reading() as tx:
        jobs = backlog(tx)
    mark = BAD if jobs.dead else WELL
    return Seen(
        mark,
        f"việc nền: {jobs.ready} chờ, {jobs.running} đang làm, {jobs.dead} bị bỏ",
        f"jobs: {jobs.ready} waiting, {jobs.running} running, {jobs.dead} dead",
    )
