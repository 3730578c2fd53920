"""What is looked at before the first request: libraries, port, data folder, secret; each refusal a sentence.

Every check returns quietly or raises `StartupRefused`. None of them knows Flask or the database.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import pwd
import secrets
import socket
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from config.settings import Settings, is_loopback

LOCK_NAME = "vinhdanh.lock"


class StartupRefused(Exception):
    """The program cannot start; says what is wrong and what to do, in Vietnamese and in English."""

    def __init__(self, sentence_vi: str, sentence_en: str) -> None:
        self.sentence_vi = sentence_vi
        self.sentence_en = sentence_en
        super().__init__(sentence_en)


@dataclass(frozen=True)
class NativeLibrary:
    """A shared library that Python packages load, its Debian package and what is lost without it."""

    soname: str
    package: str
    serves_vi: str
    serves_en: str


# The names WeasyPrint and python-magic open; the package of a library is written beside it because the file
# name says nothing to whoever has to install it.
NATIVE_LIBRARIES = (
    NativeLibrary("libpango-1.0.so.0", "libpango-1.0-0", "dàn trang văn bản", "lays out documents"),
    NativeLibrary("libpangoft2-1.0.so.0", "libpangoft2-1.0-0", "dàn trang văn bản", "lays out documents"),
    NativeLibrary("libharfbuzz.so.0", "libharfbuzz0b", "dựng chữ tiếng Việt", "shapes letters"),
    NativeLibrary(
        "libharfbuzz-subset.so.0",
        "libharfbuzz-subset0",
        "nhúng phông chữ vào PDF",
        "embeds fonts, forty times faster than without",
    ),
    NativeLibrary("libfontconfig.so.1", "libfontconfig1", "tìm phông chữ", "finds fonts"),
    NativeLibrary("libmagic.so.1", "libmagic1", "nhận dạng loại tệp", "tells the type of a file"),
)


def check_native_libraries(libraries: Iterable[NativeLibrary] = NATIVE_LIBRARIES) -> None:
    """Refuse when a shared library cannot be loaded, naming every missing one with its Debian package."""
    missing = [library for library in libraries if not _loads(library.soname)]
    if not missing:
        return
    packages = " ".join(dict.fromkeys(library.package for library in missing))
    vi = "; ".join(f"{library.soname} ({library.serves_vi})" for library in missing)
    en = "; ".join(f"{library.soname} ({library.serves_en})" for library in missing)
    raise StartupRefused(
        f"Thiếu thư viện hệ thống: {vi}. Hãy cài: apt-get install {packages}",
        f"System libraries are missing: {en}. Install them: apt-get install {packages}",
    )


def check_port(host: str, port: int) -> None:
    """Refuse when `host`:`port` cannot be listened on. Binds it for a moment and lets it go again.

    Another program may still take it in between; the server's own error then says so.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise StartupRefused(
            f"Không có địa chỉ {host} để lắng nghe. Hãy sửa VINHDANH_HOST.",
            f"There is no address {host} to listen on ({error.strerror}). Correct VINHDANH_HOST.",
        ) from None
    with socket.socket(family, kind, protocol) as probe:
        # As the server does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise _port_refused(host, port, error) from None


def _port_refused(host: str, port: int, error: OSError) -> StartupRefused:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return StartupRefused(
            f"Cổng {port} trên {host} đang được chương trình khác dùng. Hãy dừng chương trình đó"
            f" hoặc chọn cổng khác: VINHDANH_PORT={other} ./run",
            f"Port {port} on {host} is taken by another program. Stop that one"
            f" or choose another port: VINHDANH_PORT={other} ./run",
        )
    if error.errno == errno.EACCES:
        return StartupRefused(
            f"Không được phép mở cổng {port}: cổng dưới 1024 cần quyền quản trị. Hãy đặt VINHDANH_PORT=8000.",
            f"Port {port} may not be opened: below 1024 privileges are needed. Set VINHDANH_PORT=8000.",
        )
    return StartupRefused(
        f"Không lắng nghe được ở {host}:{port}: {os.strerror(error.errno or 0)}. Hãy sửa VINHDANH_HOST.",
        f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}. Correct VINHDANH_HOST.",
    )


def check_data_dir(folder: Path) -> None:
    """Make the data folder when it is missing (mode 0700); refuse one we may not write or do not own.

    A folder of another user is refused even to root: what root writes there its owner cannot read
    afterwards, and who owns the folder can replace the keys in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StartupRefused(
            f"{folder} không phải là thư mục. Hãy đổi VINHDANH_DATA_DIR.",
            f"{folder} is not a folder. Change VINHDANH_DATA_DIR.",
        ) from None
    except OSError as error:
        raise StartupRefused(
            f"Không tạo được thư mục dữ liệu {folder}: {os.strerror(error.errno or 0)}."
            " Hãy cấp quyền ghi hoặc đổi VINHDANH_DATA_DIR.",
            f"The data folder {folder} cannot be made: {os.strerror(error.errno or 0)}."
            " Give the right to write or change VINHDANH_DATA_DIR.",
        ) from None
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        owner = _user_name(facts.st_uid)
        raise StartupRefused(
            f"Thư mục dữ liệu {folder} thuộc người dùng {owner}. Hãy chạy bằng người dùng đó"
            " hoặc đổi VINHDANH_DATA_DIR.",
            f"The data folder {folder} belongs to the user {owner}. Run as that user"
            " or change VINHDANH_DATA_DIR.",
        )
    probe = folder / f".probe-{os.getpid()}"
    try:
        # Only a real write tells: rights, a read-only mount and a full disk all look different before it.
        probe.write_bytes(b"vinhdanh")
        probe.unlink()
    except OSError as error:
        with suppress(OSError):
            probe.unlink()
        raise StartupRefused(
            f"Không ghi được vào thư mục dữ liệu {folder}: {os.strerror(error.errno or 0)}."
            " Hãy cấp quyền ghi, giải phóng dung lượng hoặc đổi VINHDANH_DATA_DIR.",
            f"The data folder {folder} cannot be written: {os.strerror(error.errno or 0)}."
            " Give the right to write, free some space or change VINHDANH_DATA_DIR.",
        ) from None


class DataDirLock:
    """The one process that works on a data folder; held until `release`, or until the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let another process in; twice is allowed. The file stays: removing it would let two in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_data_dir(folder: Path) -> DataDirLock:
    """Take the data folder for this process, or refuse because another process works on it.

    Web, worker and sequencer are threads of one process on SQLite; a second one would be a second sequencer.
    The lock is the kernel's (flock), so a killed process leaves none behind. The returned value must be kept.
    """
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        vi, en = (f" (số tiến trình {holder})", f" (process {holder})") if holder.isdigit() else ("", "")
        raise StartupRefused(
            f"Vinh Danh đang chạy trên thư mục dữ liệu {folder}{vi}. Hãy dừng tiến trình đó trước,"
            " hoặc dùng thư mục khác: VINHDANH_DATA_DIR=… ./run",
            f"Vinh Danh is already running on the data folder {folder}{en}. Stop that process first,"
            " or use another folder: VINHDANH_DATA_DIR=… ./run",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return DataDirLock(descriptor)


def secret_key(settings: Settings) -> str:
    """The secret that signs sessions: the setting, else the one kept in the data folder, made on first use.

    Assumes settings that passed `Settings.from_environment`, so production always has the setting. Refuses a
    key file that others may read, one that is too short, and one that cannot be read or made.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.secret_key_file
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_hex(32))
        with path.open("r", encoding="ascii") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            secret = stream.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupRefused(
            f"Không đọc hoặc tạo được tệp khóa {path}: {error}.",
            f"The key file {path} cannot be read or made: {error}.",
        ) from None
    if mode & 0o077:
        raise StartupRefused(
            f"Tệp khóa {path} đang để người khác đọc được. Hãy chạy: chmod 600 {path}",
            f"The key file {path} can be read by others. Run: chmod 600 {path}",
        )
    if len(secret) < 32:
        raise StartupRefused(
            f"Tệp khóa {path} bị hỏng (quá ngắn). Xóa tệp để tạo khóa mới; mọi người phải đăng nhập lại.",
            f"The key file {path} is damaged (too short). Remove it for a new key; everybody logs in again.",
        )
    return secret


def _write_once(path: Path, text: str) -> None:
    """Write a file nobody sees half-written; when two processes race, the first one's text stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the name is durable too: a lost key would log everybody out
        finally:
            os.close(folder)
    finally:
        draft.unlink()


def check_durability(settings: Settings, weaknesses: Callable[[], Iterable[str]]) -> None:
    """In production, refuse a database that may lose what it confirmed.

    `weaknesses` is storage's doctor: it asks the live database and yields one sentence for each setting below
    full durability (`synchronous` below FULL, `fsync=off`, `synchronous_commit=off`). Not asked otherwise.
    """
    if not settings.is_production:
        return
    found = list(weaknesses())
    if found:
        raise StartupRefused(
            "Cơ sở dữ liệu có thể mất điều đã xác nhận: " + "; ".join(found) + ".",
            "The database may lose what it has confirmed: " + "; ".join(found) + ".",
        )


def warnings(settings: Settings) -> list[tuple[str, str]]:
    """What is allowed but should be known at start, each in Vietnamese and in English."""
    found = []
    if settings.demo and not is_loopback(settings.host):
        found.append(
            (
                "Bản dùng thử đang mở ra mạng: ai vào được địa chỉ này đều đăng nhập được.",
                "The demo is open to the network: whoever reaches this address can log in.",
            )
        )
    if not settings.is_production and not is_loopback(settings.host) and not settings.is_https:
        found.append(
            (
                "Trang được phục vụ bằng http ra ngoài máy này: mật khẩu đi trên mạng không được mã hóa.",
                "Pages are served by http beyond this machine: passwords cross the network unencrypted.",
            )
        )
    return found


def take_installation(settings: Settings) -> DataDirLock:
    """All checks, in the order in which their refusals help most; keep the returned lock while serving.

    The lock comes before the port, so that a second start on the same data says so and not "port taken".
    """
    check_native_libraries()
    check_data_dir(settings.data_dir)
    lock = lock_data_dir(settings.data_dir)
    try:
        check_port(settings.host, settings.port)
    except StartupRefused:
        lock.release()
        raise
    return lock


def _loads(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
