"""`vinhdanh up`, what ./run ends in: serves, stops, keeps its data, and refuses what cannot work."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ANSWERS_WITHIN = 90.0  # seconds, generous: other tests may keep the machine busy
ENDS_WITHIN = 30.0

pytestmark = pytest.mark.smoke


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment(data: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(data.parent),
        "LANG": "C",  # a bare machine; what we print is UTF-8 all the same
        "VINHDANH_DATA_DIR": str(data),
        "VINHDANH_PORT": str(port),
    }


COMMAND = [sys.executable, "-m", "web.cli", "up"]


@contextlib.contextmanager
def serving(data: Path, port: int, end: signal.Signals = signal.SIGINT) -> Iterator[subprocess.Popen[str]]:
    """The program, from its first answer; stopped by Ctrl-C or `end` afterwards, which must be clean."""
    log = data.parent / "log"
    with log.open("a", encoding="utf-8") as output:
        process = subprocess.Popen(
            COMMAND, cwd=ROOT, env=environment(data, port), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + ANSWERS_WITHIN
        while True:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                assert get(port, "/healthz")[0] == 200
                break
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield process
        process.send_signal(end)
        assert process.wait(ENDS_WITHIN) == 0, log.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()


def get(port: int, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode("utf-8")


def refused(data: Path, port: int) -> str:
    """What the program says when it will not start."""
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environment(data, port), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=ENDS_WITHIN,
    )  # fmt: skip
    assert done.returncode not in (0, -signal.SIGKILL), done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def fingerprints(data: Path) -> dict[str, str]:
    """The keys; what the signer remembers beside them grows with the record."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (data / "keys").iterdir()
        if path.name != "record.signed"
    }


def test_it_serves_prints_the_address_stops_and_keeps_its_data(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    with serving(data, port):
        status, page = get(port, "/")
        assert status == 200
        assert "<!doctype html" in page.lower()
        assert f"http://127.0.0.1:{port}" in (tmp_path / "log").read_text(encoding="utf-8")
        said = refused(data, free_port())
        assert "Vinh Danh is already running on the data folder" in said
        assert "Vinh Danh đang chạy" in said
    keys = fingerprints(data)
    assert set(keys) == {"record.ed25519", "secret.key"}
    with serving(data, port, end=signal.SIGTERM):  # as a service manager stops it
        assert get(port, "/readyz")[0] == 200
    assert fingerprints(data) == keys
    assert {path.stat().st_mode & 0o777 for path in (data / "keys").iterdir()} == {0o600}


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is taken" in refused(tmp_path / "data", port)


def test_a_file_in_place_of_the_data_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "is not a folder" in refused(tmp_path / "data", free_port())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_told(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", nobody.pw_uid, nobody.pw_gid)
    assert "belongs to the user nobody" in refused(tmp_path / "data", free_port())


def test_wrong_settings_are_told_all_at_once(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(tmp_path / "data", 0) | {"VINHDANH_MODE": "production", "VINHDANH_DEBUG": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=ENDS_WITHIN,
    )  # fmt: skip
    assert done.returncode not in (0, -signal.SIGKILL)
    for variable in ("VINHDANH_PORT", "VINHDANH_DEBUG", "VINHDANH_SECRET_KEY"):
        assert variable in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
