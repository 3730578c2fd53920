"""The S3 server of the tests starts, serves, and never stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.files import files_from_url
from tests.services import swift
from tests.services.swift import SwiftServer, swift_programs, swift_server


def test_a_server_serves_and_leaves_nothing() -> None:
    with swift_server() as server:
        files = files_from_url(server.url("some-bucket"))
        files.prepare()
        files.check()
        assert server.folder.exists()
    assert not server.folder.exists()
    assert all(process.returncode is not None for process in server.processes)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_servers_end_with_whoever_started_them(how: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.services.swift"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("S3 server ready: ").strip()
        files_from_url(url).check()
        assert len(running(tmp_path)) == 4
        process.send_signal(how)
    deadline = time.monotonic() + 60
    while running(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(tmp_path) == []
    if how != signal.SIGKILL:  # a killed program cannot remove its files
        assert list(tmp_path.iterdir()) == []


def running(folder: Path) -> list[int]:
    """The processes whose command names the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended since
        if str(folder).encode() in command:
            found.append(int(process.name))
    return found


def test_the_programs_are_made_once(s3_server: SwiftServer) -> None:
    made = (swift.PROGRAMS / "made-from").stat().st_mtime_ns
    assert swift_programs() == swift.PROGRAMS / "bin"
    assert (swift.PROGRAMS / "made-from").stat().st_mtime_ns == made


def test_every_requirement_of_swift_is_locked_with_hashes() -> None:
    lines = swift.LOCK.read_text().splitlines()
    pinned = [number for number, line in enumerate(lines) if "==" in line and not line.startswith((" ", "#"))]
    assert len(pinned) > 10
    assert all("--hash=sha256:" in lines[number + 1] for number in pinned)
    assert "://" not in swift.LOCK.read_text()  # no address of a package index
