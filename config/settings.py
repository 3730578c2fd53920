"""The settings of this installation: one frozen value, read once from the environment.

Nothing else in the project reads the environment. Each field says in its metadata which variable it comes
from, what it means and what stands in the table of `docs/settings.md`; a test holds the two together.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

PREFIX = "VINHDANH_"
TEST_PREFIX = "VINHDANH_TEST_"  # read by the tests themselves; only VINHDANH_TEST_CLOCK is a setting
SECRET_BYTES = 32  # as long as the output of the SHA-256 that signs the cookies
SECRET_LETTERS = (
    8  # fewer different characters than this is a hand-made secret; 32 random hex digits have more
)
CHECKOUT = Path(__file__).resolve().parent.parent

# Whole secrets, or parts of one, that stand in examples everywhere.
PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "your-secret",
    "secret-key",
    "example",
    "password",
    "default",
)

Mode = Literal["embedded", "production"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class SettingProblem:
    """One thing wrong with one setting, in Vietnamese and in English; never repeats a secret."""

    setting: str
    vi: str
    en: str


class SettingsInvalid(Exception):
    """The environment does not make settings; `problems` holds every problem found, not only the first."""

    def __init__(self, problems: tuple[SettingProblem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.setting}: {problem.en}" for problem in problems))


class _Unreadable(Exception):
    """A value that its reader cannot read."""

    def __init__(self, vi: str, en: str) -> None:
        self.vi = vi
        self.en = en


def _setting(variable: str, read: Callable[[str], Any], default: Any, shown: str, meaning: str, *,
             secret: bool = False) -> Any:  # fmt: skip
    """A field read from `variable`; `shown` is the default as the table of the settings shows it."""
    metadata = {"variable": variable, "read": read, "shown": shown, "meaning": meaning, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


def _text(value: str) -> str:
    return value


def _switch(value: str) -> bool:
    known = {
        "1": True,
        "yes": True,
        "on": True,
        "true": True,
        "0": False,
        "no": False,
        "off": False,
        "false": False,
    }
    try:
        return known[value.lower()]
    except KeyError:
        raise _Unreadable("chỉ nhận 1 hoặc 0", "takes 1 or 0") from None


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise _Unreadable(
                f"phải là số nguyên từ {least} đến {most}", f"must be a whole number from {least} to {most}"
            )
        return int(value)

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.lower() not in choices:
            known = ", ".join(choices)
            raise _Unreadable(f"chỉ nhận một trong: {known}", f"must be one of: {known}")
        return value.lower()

    return read


def _folder(value: str) -> Path:
    if "?" in value or "\0" in value:  # the path becomes part of the SQLite URL, where ? begins the options
        raise _Unreadable("tên thư mục không được có dấu ?", "may not contain a question mark")
    return Path(value).expanduser().absolute()


def _address_to_listen_on(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z.:_-]+", value):
        raise _Unreadable("phải là tên máy hoặc địa chỉ IP", "must be a host name or an IP address")
    return value


def _url(value: str, *schemes: str) -> SplitResult:
    known = ", ".join(f"{scheme}://" for scheme in schemes)
    wrong = _Unreadable(f"phải là một URL bắt đầu bằng {known}", f"must be a URL that begins with {known}")
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        raise wrong from None
    if parts.scheme not in schemes:
        raise wrong
    return parts


def _public_url(value: str) -> str:
    parts = _url(value, "http", "https")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise _Unreadable(
            "chỉ gồm giao thức, tên máy và cổng, ví dụ https://thidua.example.gov.vn",
            "holds the scheme, the host and perhaps a port, for example https://thidua.example.gov.vn",
        )
    return value.rstrip("/")


def _database_url(value: str) -> str:
    parts = _url(value, "sqlite", "postgresql", "postgresql+psycopg")
    if parts.scheme == "sqlite" and (parts.netloc or not parts.path.startswith("//")):
        raise _Unreadable(
            "SQLite cần đường dẫn tuyệt đối: sqlite:////thu/muc/tep.sqlite3",
            "SQLite needs an absolute path: sqlite:////folder/file.sqlite3",
        )
    if parts.scheme != "sqlite" and not parts.path.strip("/"):
        raise _Unreadable("thiếu tên cơ sở dữ liệu", "names no database")
    return value


def _owner_url(value: str) -> str:
    _url(value, "postgresql", "postgresql+psycopg")
    return _database_url(value)


def _files_url(value: str) -> str:
    parts = _url(value, "file", "s3")
    if parts.scheme == "file" and (parts.netloc not in ("", "localhost") or not parts.path.startswith("/")):
        raise _Unreadable("phải có dạng file:///thu/muc", "must look like file:///folder")
    if parts.scheme == "s3" and not (parts.hostname and parts.path.strip("/")):
        raise _Unreadable(
            "phải có dạng s3://KHOA:BIMAT@may:cong/thung", "must look like s3://KEY:SECRET@host:port/bucket"
        )
    return value


def _smtp_url(value: str) -> str:
    if not _url(value, "smtp", "smtps").hostname:
        raise _Unreadable("thiếu tên máy chủ thư", "names no mail server")
    return value


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise _Unreadable(
            "phải là các địa chỉ IP hoặc mạng, cách nhau bằng dấu phẩy, ví dụ 10.0.0.5,10.1.0.0/24",
            "must be IP addresses or networks with commas between, for example 10.0.0.5,10.1.0.0/24",
        ) from None


def _moment(value: str) -> datetime:
    wrong = _Unreadable(
        "phải là thời điểm ISO 8601 có múi giờ, ví dụ 2024-05-21T08:00:00+07:00",
        "must be an ISO 8601 moment with its offset, for example 2024-05-21T08:00:00+07:00",
    )
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wrong from None
    if moment.tzinfo is None:
        raise wrong
    return moment


@dataclass(frozen=True)
class Settings:
    """What this installation was told. Values are checked and complete; no field is left to interpret.

    Made by `from_environment`, or by hand in tests, where `public_url`, `database_url` and `files_url`
    follow from the others as in the table when they are left empty.
    """

    mode: Mode = _setting(
        "VINHDANH_MODE", _choice("embedded", "production"), "embedded", "`embedded`",
        "`embedded`: one process for trying out and for a small office, keys made by itself, the demo unless"
        " switched off. `production`: nothing is made up and every unsafe setting is refused.",
    )  # fmt: skip
    host: str = _setting(
        "VINHDANH_HOST", _address_to_listen_on, "127.0.0.1", "`127.0.0.1`", "Address to listen on."
    )
    port: int = _setting("VINHDANH_PORT", _whole_number(1, 65535), 8000, "`8000`", "Port to listen on.")
    public_url: str = _setting(
        "VINHDANH_PUBLIC_URL", _public_url, "", "`http://HOST:PORT`",
        "The address people type. Links and the guards of log-in use it, never what a request claims; with"
        " https the cookies are `Secure` and HSTS is sent. Production refuses http beyond loopback.",
    )  # fmt: skip
    data_dir: Path = _setting(
        "VINHDANH_DATA_DIR", _folder, CHECKOUT / "data", "`data` in the checkout",
        "Folder of the database, the files and the keys of an embedded installation. One process at a time.",
    )  # fmt: skip
    database_url: str = _setting(
        "VINHDANH_DATABASE_URL", _database_url, "", "`sqlite:///DATA_DIR/vinhdanh.sqlite3`",
        "`sqlite:////folder/file.sqlite3` or `postgresql+psycopg://user:password@host/database`.",
        secret=True,
    )  # fmt: skip
    database_owner_url: str | None = _setting(
        "VINHDANH_DATABASE_OWNER_URL", _owner_url, None, "none",
        "PostgreSQL only: the role that owns the tables and runs the migrations, so that the role of"
        " `VINHDANH_DATABASE_URL` may add to the record and never change it.", secret=True,
    )  # fmt: skip
    files_url: str = _setting(
        "VINHDANH_FILES_URL", _files_url, "", "`file://DATA_DIR/files`",
        "`file:///folder`, or `s3://KEY:SECRET@host:port/bucket?secure=1&region=us-east-1` (key and secret"
        " percent-encoded).", secret=True,
    )  # fmt: skip
    secret_key: str | None = _setting(
        "VINHDANH_SECRET_KEY", _text, None, "made once in `DATA_DIR/keys/secret.key`",
        "Signs sessions and links: at least 32 bytes of chance, for example from `openssl rand -hex 32`."
        " Production needs it here.", secret=True,
    )  # fmt: skip
    demo: bool = _setting(
        "VINHDANH_DEMO", _switch, True, "`1` embedded, `0` in production",
        "Loads the demo of Giang Thành on the first start and offers its people on the log-in page with one"
        " click. Refused in production.",
    )  # fmt: skip
    debug: bool = _setting(
        "VINHDANH_DEBUG",
        _switch,
        False,
        "`0`",
        "Shows the trace of an error in the page. Refused in production.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "VINHDANH_TRUSTED_PROXIES", _networks, (), "none",
        "Addresses or networks of the reverse proxies whose `X-Forwarded-For` is believed, commas between.",
    )  # fmt: skip
    smtp_url: str | None = _setting(
        "VINHDANH_SMTP_URL", _smtp_url, None, "none",
        "`smtp://user:password@host:587` or `smtps://…`: where messages to people will leave. Until the issue"
        " that sends mail, messages wait in the outbox and are shown in the pages.", secret=True,
    )  # fmt: skip
    max_file_mb: int = _setting(
        "VINHDANH_MAX_FILE_MB", _whole_number(1, 10_240), 20, "`20`", "Largest file, in MiB."
    )
    max_dossier_mb: int = _setting(
        "VINHDANH_MAX_DOSSIER_MB", _whole_number(1, 102_400), 100, "`100`", "All files of a dossier, in MiB."
    )
    threads: int = _setting(
        "VINHDANH_THREADS",
        _whole_number(1, 128),
        8,
        "`8`",
        "Requests served at the same time by one process.",
    )
    workers: int = _setting(
        "VINHDANH_WORKERS", _whole_number(0, 16), 1, "`1`",
        "Worker threads inside the serving process; `0` when `vinhdanh worker` runs beside it (PostgreSQL).",
    )  # fmt: skip
    test_clock: datetime | None = _setting(
        "VINHDANH_TEST_CLOCK", _moment, None, "none",
        "Tests and demonstrations: the clock starts at this moment instead of now. Refused in production.",
    )  # fmt: skip
    log_level: str = _setting(
        "VINHDANH_LOG_LEVEL", _choice("debug", "info", "warning", "error"), "info", "`info`",
        "`debug`, `info`, `warning` or `error`.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        # What follows from other settings; the value is frozen from here on.
        host = f"[{self.host}]" if ":" in self.host else self.host
        following = {
            "public_url": f"http://{host}:{self.port}",
            "database_url": f"sqlite:///{self.data_dir / 'vinhdanh.sqlite3'}",
            "files_url": (self.data_dir / "files").as_uri(),
        }
        for name, value in following.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings that `environment` describes; an empty value counts as absent.

        Raises `SettingsInvalid` with every problem at once: values that cannot be read, variables with our
        prefix that nobody reads (a misspelt one must not be ignored in silence), and whatever production
        refuses. Touches no file and no network.
        """
        problems = _unknown_variables(environment)
        values: dict[str, Any] = {}
        for each in fields(cls):
            variable = each.metadata["variable"]
            given = environment.get(variable, "").strip()
            if not given:
                continue
            try:
                values[each.name] = each.metadata["read"](given)
            except _Unreadable as unreadable:
                problems.append(SettingProblem(variable, unreadable.vi, unreadable.en))
        if values.get("mode") == "production":
            values.setdefault("demo", False)
        settings = cls(**values)
        problems += settings._contradictions()
        if settings.is_production:
            problems += settings._refused_in_production()
        if problems:
            raise SettingsInvalid(tuple(problems))
        return settings

    @property
    def is_production(self) -> bool:
        return self.mode == "production"

    @property
    def is_https(self) -> bool:
        """Whether people reach us by https: then cookies are Secure and HSTS is sent."""
        return self.public_url.startswith("https://")

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")

    @property
    def keys_dir(self) -> Path:
        """Folder of the keys this installation made itself (mode 0700, files 0600)."""
        return self.data_dir / "keys"

    @property
    def secret_key_file(self) -> Path:
        return self.keys_dir / "secret.key"

    @property
    def max_file_bytes(self) -> int:
        return self.max_file_mb * 1024 * 1024

    @property
    def max_dossier_bytes(self) -> int:
        return self.max_dossier_mb * 1024 * 1024

    def _contradictions(self) -> list[SettingProblem]:
        problems = []
        if self.database_owner_url is not None and self.is_sqlite:
            problems.append(
                SettingProblem(
                    "VINHDANH_DATABASE_OWNER_URL",
                    "chỉ dùng với PostgreSQL, mà VINHDANH_DATABASE_URL là SQLite",
                    "is for PostgreSQL, but VINHDANH_DATABASE_URL is SQLite",
                )
            )
        if self.max_dossier_mb < self.max_file_mb:
            problems.append(
                SettingProblem(
                    "VINHDANH_MAX_DOSSIER_MB",
                    "không được nhỏ hơn VINHDANH_MAX_FILE_MB",
                    "may not be smaller than VINHDANH_MAX_FILE_MB",
                )
            )
        if self.secret_key is not None:
            problems += _weaknesses(self.secret_key)
        return problems

    def _refused_in_production(self) -> list[SettingProblem]:
        problems = []
        if self.secret_key is None:
            problems.append(
                SettingProblem(
                    "VINHDANH_SECRET_KEY",
                    "bắt buộc khi vận hành thật; tạo bằng: openssl rand -hex 32",
                    "is required in production; make one with: openssl rand -hex 32",
                )
            )
        public = urlsplit(self.public_url)
        if public.scheme == "http" and not is_loopback(public.hostname or ""):
            problems.append(
                SettingProblem(
                    "VINHDANH_PUBLIC_URL",
                    "phải là https khi ra ngoài máy này; http chỉ dùng cho địa chỉ 127.0.0.1",
                    "must be https beyond this machine; http is for its loopback address only",
                )
            )
        refused = {
            "VINHDANH_DEBUG": self.debug,
            "VINHDANH_DEMO": self.demo,
            "VINHDANH_TEST_CLOCK": self.test_clock is not None,
        }
        for variable, is_on in refused.items():
            if is_on:
                problems.append(
                    SettingProblem(
                        variable, "không được bật khi vận hành thật", "may not be on in production"
                    )
                )
        return problems


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, by name or by number."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_process_environment() -> Settings:
    """The settings of this process. Raises `SettingsInvalid`."""
    return Settings.from_environment(os.environ)


def table() -> str:
    """The table of `docs/settings.md`, in Markdown."""
    rows = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for each in fields(Settings):
        facts = each.metadata
        rows.append(
            f"| `{facts['variable']}` | {facts['shown']} | {facts['meaning'].replace('|', '&#124;')} |"
        )
    return "\n".join(rows) + "\n"


def variables() -> tuple[str, ...]:
    """The names of all settings in the environment."""
    return tuple(each.metadata["variable"] for each in fields(Settings))


def _unknown_variables(environment: Mapping[str, str]) -> list[SettingProblem]:
    problems = []
    known = variables()
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in known or name.startswith(TEST_PREFIX):
            continue
        near = difflib.get_close_matches(name, known, n=1)
        problems.append(
            SettingProblem(
                name,
                "không có thiết lập này" + (f"; có phải là {near[0]}?" if near else ""),
                "is no setting" + (f"; did you mean {near[0]}?" if near else ""),
            )
        )
    return problems


def _weaknesses(secret: str) -> list[SettingProblem]:
    size = len(secret.encode("utf-8"))
    if size < SECRET_BYTES:
        return [
            SettingProblem(
                "VINHDANH_SECRET_KEY",
                f"quá ngắn: {size} byte, cần ít nhất {SECRET_BYTES}",
                f"is too short: {size} bytes, at least {SECRET_BYTES} needed",
            )
        ]
    plain = secret.lower()
    if len(set(secret)) < SECRET_LETTERS or any(word in plain for word in PLACEHOLDERS):
        return [
            SettingProblem(
                "VINHDANH_SECRET_KEY",
                "là giá trị mẫu hoặc dễ đoán; tạo bằng: openssl rand -hex 32",
                "is a placeholder or easy to guess; make one with: openssl rand -hex 32",
            )
        ]
    return []
