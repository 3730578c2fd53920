"""A real S3 server of the tests' own: OpenStack Swift with its s3api, in a temporary folder.

`swift_server()` starts it and stops it; ``python -m tests.services.swift`` does the same for a person and
prints the address to use. Swift's programs live in a virtual environment of their own, made on first use
from tests/swift-requirements.lock and used again until that lock changes.

Nothing outside the temporary folder is read or written; memcached, root and /etc/swift are not needed. The
temporary folder must lie in a file system with user attributes (ext4, xfs, btrfs, tmpfs since Linux 6.6).
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from storage.files import files_from_url

LOCK = Path(__file__).parents[1] / "swift-requirements.lock"
PROGRAMS = Path(__file__).parents[2] / ".cache" / "swift-venv"
READY_WITHIN_SECONDS = 60.0  # about 4 s on an idle machine
STOPPED_WITHIN_SECONDS = 5.0
TRIES_FOR_PORTS = 4

_ACCESS = "test:tester"
_ATTRIBUTE = "user.vinhdanh.probe"


class SwiftMissing(RuntimeError):
    """Swift cannot be run here; the message says what to do."""


@dataclass(frozen=True)
class SwiftServer:
    """A running server. `folder` has its logs (`*.log`) and its objects (`srv`)."""

    host: str
    port: int
    access: str
    secret: str
    folder: Path
    processes: tuple[subprocess.Popen[bytes], ...]

    def url(self, bucket: str, *, port: int | None = None) -> str:
        """The files URL of one bucket, which need not exist; `port` when a proxy stands in front."""
        access, secret = quote(self.access, safe=""), quote(self.secret, safe="")
        return f"s3://{access}:{secret}@{self.host}:{port or self.port}/{bucket}?secure=0&region=us-east-1"


def swift_programs(folder: Path = PROGRAMS) -> Path:
    """The folder with Swift's programs; installs them, with hashes, when the lock has changed.

    Safe when several test runs begin at once. Raises `SwiftMissing` with pip's own words when the
    installation fails.
    """
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    stamp = folder / "made-from"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return folder / "bin"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _run([_python(), "-m", "venv", str(folder)])
            _run(
                [
                    str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet",
                    "--disable-pip-version-check", "--require-hashes", "--requirement", str(LOCK),
                ]
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise SwiftMissing(f"Swift could not be installed:\n{error.stdout}") from error
        stamp.write_text(wanted)
    return folder / "bin"


@contextmanager
def swift_server(programs: Path = PROGRAMS) -> Iterator[SwiftServer]:
    """Start the four servers on free loopback ports; stop them and remove every file at the end.

    They also stop when this process is killed.
    """
    installed = swift_programs(programs)
    folder = Path(tempfile.mkdtemp(prefix="vd-swift-"))
    try:
        _require_attributes(folder)
        server = _started(installed, folder)
        try:
            yield server
        finally:
            _stop(server.processes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(programs: Path, folder: Path) -> SwiftServer:
    for _ in range(TRIES_FOR_PORTS):
        for old in ("etc", "srv"):
            shutil.rmtree(folder / old, ignore_errors=True)
        secret = secrets.token_hex(16)
        ports = _free_ports(4)
        _configure(programs, folder, ports, secret)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for kind in ("account", "container", "object", "proxy"):
                processes.append(_spawn(programs, folder, kind))
            _wait_until_ready(ports[3], processes)
        except ConnectionError:
            _stop(processes)
            continue  # most likely somebody took a port between asking and starting
        except BaseException:
            _stop(processes)
            raise
        return SwiftServer("127.0.0.1", ports[3], _ACCESS, secret, folder, tuple(processes))
    raise RuntimeError("Swift did not start:\n" + _last_lines(folder))


def _configure(programs: Path, folder: Path, ports: Sequence[int], secret: str) -> None:
    etc, srv = folder / "etc", folder / "srv"
    etc.mkdir()
    (srv / "d1").mkdir(parents=True)
    (etc / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = gold\ndefault = yes\n"
    )
    user = pwd.getpwuid(os.geteuid()).pw_name
    for kind, port in zip(("account", "container", "object"), ports, strict=False):
        builder = str(etc / f"{kind}.builder")
        ring = str(programs / "swift-ring-builder")
        _run([ring, builder, "create", "4", "1", "0"])
        _run(
            [
                ring, builder, "add", "--region", "1", "--zone", "1", "--ip", "127.0.0.1",
                "--port", str(port), "--device", "d1", "--weight", "1",
            ]
        )  # fmt: skip
        _run([ring, builder, "rebalance"])
        (etc / f"{kind}-server.conf").write_text(
            "[DEFAULT]\n"
            f"bind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = {user}\n"
            f"swift_dir = {etc}\ndevices = {srv}\nmount_check = false\ndisable_fallocate = true\n"
            f"[pipeline:main]\npipeline = {kind}-server\n"
            f"[app:{kind}-server]\nuse = egg:swift#{kind}\n"
        )
    filters = {
        "catch_errors": "",
        "gatekeeper": "",
        "healthcheck": "",
        "listing_formats": "",
        "bulk": "",
        "s3api": "s3_acl = false\nlocation = us-east-1\n",
        "tempauth": f"user_{_ACCESS.replace(':', '_')} = {secret} .admin\n",
        "copy": "",
        "slo": "",
        "dlo": "",
        "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true\n",
        "symlink": "",
    }
    (etc / "proxy-server.conf").write_text(
        "[DEFAULT]\n"
        f"bind_ip = 127.0.0.1\nbind_port = {ports[3]}\nworkers = 0\nuser = {user}\nswift_dir = {etc}\n"
        f"[pipeline:main]\npipeline = {' '.join(filters)} proxy-server\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\n"
        "account_autocreate = true\nallow_account_management = true\n"
        + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n{more}" for name, more in filters.items())
    )


def _spawn(programs: Path, folder: Path, kind: str) -> subprocess.Popen[bytes]:
    with (folder / f"{kind}.log").open("ab") as log:
        return subprocess.Popen(
            # setpriv: the server dies with the tests even when they are killed.
            [
                "setpriv", "--pdeathsig=KILL", str(programs / f"swift-{kind}-server"),
                str(folder / "etc" / f"{kind}-server.conf"), "-v",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True,
            # Eventlet's own name resolution is neither needed nor wanted on loopback.
            env={"PATH": os.environ.get("PATH", os.defpath), "EVENTLET_NO_GREENDNS": "yes"},
        )  # fmt: skip


def _wait_until_ready(port: int, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Return when the proxy says it is healthy; ConnectionError when a server has ended instead."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        if any(process.poll() is not None for process in processes):
            raise ConnectionError("a server ended while starting")
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/healthcheck")
                if connection.getresponse().status == 200:
                    return
            finally:
                connection.close()
        if time.monotonic() > deadline:
            raise TimeoutError(f"Swift not ready after {READY_WITHIN_SECONDS} s")
        time.sleep(0.1)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            # Each server leads a process group of its own; its id stays taken until the server is waited for.
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, stop_signal)
        deadline = time.monotonic() + STOPPED_WITHIN_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))


def _python() -> str:
    """A Python that can make virtual environments: the system's, else the one that runs this."""
    for candidate in ("/usr/bin/python3", shutil.which("python3"), sys.executable):
        if candidate and Path(candidate).exists():
            asked = subprocess.run(
                [candidate, "-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"],
                capture_output=True,
                check=False,
            )
            if asked.returncode == 0:
                return candidate
    raise SwiftMissing("no Python 3.11 or newer with venv: install Debian's package python3-venv")


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _require_attributes(folder: Path) -> None:
    probe = folder / "attributes"
    probe.touch()
    try:
        os.setxattr(probe, _ATTRIBUTE, b"1")
    except OSError as error:
        raise SwiftMissing(
            f"{folder} has no user attributes ({error.strerror}): set TMPDIR elsewhere"
        ) from error
    finally:
        probe.unlink()


def _free_ports(count: int) -> list[int]:
    """Different free ports: all are held until the last one is known."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _last_lines(folder: Path) -> str:
    said = []
    for log in sorted(folder.glob("*.log")):
        said.append(f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
    return "\n".join(said)


def main() -> None:
    """Run until Ctrl-C."""
    # A plain `kill` must clean up as well, and so must SIGINT where a shell started us in the background: it then
    # has programs ignore it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with swift_server() as server, suppress(KeyboardInterrupt):
        url = server.url("vinhdanh")
        files_from_url(url).prepare()
        print(f"S3 server ready: {url}\nCtrl-C stops it and removes its files.", flush=True)
        while all(process.poll() is None for process in server.processes):
            time.sleep(0.5)


if __name__ == "__main__":
    main()
