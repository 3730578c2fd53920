"""A folder answers only for bytes that are on the disk, whatever call fails and whenever it dies.

The operating system's own calls are watched and made to fail by strace (Debian's package `strace`), on the
real process: nothing is imitated.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.files import FileDamaged, StoreNotPrepared, files_from_url
from tests.services.stores import Folder
from tests.storage.putting import pieces

SIZE = 200_000
WATCHED = "write,fsync,fdatasync,?link,linkat,?rename,renameat,?mkdir,mkdirat"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder((tmp_path / "files").as_uri())
    folder.files.prepare()
    return folder


def traced(folder: Folder, *options: str, times: int = 1) -> tuple[list[str], str]:
    """What the putting process said, line by line, and its trace."""
    assert shutil.which("strace"), "install Debian's package strace: without it nothing here is proven"
    trace = folder.path.parent / "trace"
    ran = subprocess.run(
        ["strace", "-f", "-y", "-s", "128", "-o", str(trace), "-e", f"trace={WATCHED}", *options,
         sys.executable, "-B", "-m", "tests.storage.putting", "put", folder.url, str(SIZE), str(times)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.stdout.splitlines(), trace.read_text(errors="replace")


@dataclass(frozen=True)
class Call:
    name: str
    text: str

    def touches(self, path: str) -> bool:
        return f"<{path}>" in self.text or f'"{path}"' in self.text


def calls(trace: str) -> list[Call]:
    found = re.findall(r"^\d+\s+(\w+)\((.*)\)\s+= (?!-1)\S+.*$", trace, re.MULTILINE)
    return [Call(name, text) for name, text in found]


def test_an_acknowledged_file_and_its_name_were_flushed_before(folder: Folder) -> None:
    said, trace = traced(folder, times=20)
    assert len(said) == 20
    earlier: list[Call] = []
    acknowledged = 0
    for call in calls(trace):
        if not (call.name == "write" and '"stored ' in call.text):
            earlier.append(call)
            continue
        _acknowledged_rightly(earlier, folder.path / said[acknowledged].removeprefix("stored "))
        acknowledged += 1
        earlier = []
    assert acknowledged == 20


def _acknowledged_rightly(earlier: list[Call], path: Path) -> None:
    named = _last(earlier, lambda call: call.name in ("link", "linkat") and call.touches(str(path)))
    source = re.findall(r'"([^"]+)"', earlier[named].text)[0]
    written = _last(earlier, lambda call: call.name == "write" and call.touches(source))
    flushed = _last(earlier, lambda call: call.name == "fsync" and call.touches(source))
    name_flushed = _last(earlier, lambda call: call.name == "fsync" and call.touches(str(path.parent)))
    assert written < flushed < named < name_flushed
    for position, call in enumerate(earlier):
        if call.name in ("mkdir", "mkdirat"):
            made = Path(re.findall(r'"([^"]+)"', call.text)[0])
            _last(
                earlier[position:],
                lambda later, made=made: later.name == "fsync" and later.touches(str(made.parent)),
            )


def _last(found: list[Call], wanted) -> int:  # type: ignore[no-untyped-def]  # a condition of calls
    positions = [position for position, call in enumerate(found) if wanted(call)]
    assert positions, "the call is missing in\n" + "\n".join(f"{call.name}({call.text})" for call in found)
    return positions[-1]


FAILURES = [
    ("write", "ENOSPC", "store_full"),
    ("write", "EDQUOT", "store_full"),
    ("write", "EIO", "store_unavailable"),
    ("fsync", "EIO", "store_unavailable"),
    ("fsync", "ENOSPC", "store_full"),
    ("?link,linkat", "EIO", "store_unavailable"),
    ("?link,linkat", "ENOSPC", "store_full"),
    ("?link,linkat", "EROFS", "store_refused"),
    ("?mkdir,mkdirat", "ENOSPC", "store_full"),
    ("?mkdir,mkdirat", "EACCES", "store_refused"),
]


@pytest.mark.parametrize(("call", "error", "code"), FAILURES)
def test_each_call_that_fails_leaves_nothing(folder: Folder, call: str, error: str, code: str) -> None:
    failed = 0
    for when in range(1, 30):
        said, trace = traced(folder, "-e", f"inject={call}:error={error}:when={when}")
        if "(INJECTED)" not in trace:
            break  # every call of this kind has had its turn
        if not said:
            continue  # the acknowledgement itself could not be written: the outcome is unknown, see below
        failed += 1
        assert said == [f"refused {code}"]
        assert [found.key for found in list(folder.files.keys())] == []
        assert folder.unfinished() == 0
    else:
        raise AssertionError("the calls never end")
    assert failed >= 1


def test_a_folder_without_hard_links_keeps_files_too(folder: Folder) -> None:
    said, trace = traced(folder, "-e", "inject=?link,linkat:error=EPERM:when=1+")
    assert "(INJECTED)" in trace
    _whole(folder, said[0].removeprefix("stored "))
    assert folder.unfinished() == 0


@pytest.mark.parametrize("call", ["write", "fsync", "?link,linkat", "?mkdir,mkdirat", "?unlink,unlinkat"])
def test_killed_at_each_call_no_half_file_is_seen(folder: Folder, call: str) -> None:
    killed = 0
    for when in range(1, 30):
        watched = ("-e", f"trace={WATCHED},?unlink,unlinkat")
        said, trace = traced(folder, *watched, "-e", f"inject={call}:signal=KILL:when={when}")
        if "killed by SIGKILL" not in trace:
            break
        killed += 1
        for found in list(folder.files.keys()):
            _whole(folder, found.key)  # nobody was told of it; it is whole, and an orphan
            folder.files.remove(found.key)
    else:
        raise AssertionError("the calls never end")
    assert killed >= 1
    assert len(said) == 1
    folder.files.clear_unfinished(before=datetime.now(UTC) + timedelta(hours=1))
    assert folder.unfinished() == 0


def _whole(folder: Folder, key: str) -> None:
    assert b"".join(folder.files.open(key)) == b"".join(pieces(SIZE))


def test_files_and_folders_are_for_their_owner_only(folder: Folder) -> None:
    before = os.umask(0)
    try:
        stored = folder.files.put([b"x"], media_type="application/pdf")
    finally:
        os.umask(before)
    path = folder.path / stored.key
    assert path.stat().st_mode & 0o777 == 0o600
    assert {parent.stat().st_mode & 0o777 for parent in (path.parent, path.parent.parent, folder.path)} == {
        0o700
    }


def test_a_link_in_the_place_of_an_object_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    stored = folder.files.put([b"x"], media_type="application/pdf")
    secret = tmp_path / "secret"
    secret.write_text("not a paper")
    path = folder.path / stored.key
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(FileDamaged):
        folder.files.open(stored.key)


def test_a_folder_that_vanished_is_not_an_empty_one(folder: Folder) -> None:
    # A disk that was not mounted must not look like a store that has lost its papers.
    stored = folder.files.put([b"x"], media_type="application/pdf")
    folder.path.rename(folder.path.with_name("elsewhere"))
    folder.path.mkdir()
    for ask in (folder.files.open, folder.files.stat, folder.files.remove):
        with pytest.raises(StoreNotPrepared):
            ask(stored.key)
    with pytest.raises(StoreNotPrepared):
        list(folder.files.keys())


def test_killed_while_bytes_come_in_leaves_only_what_a_sweep_removes(folder: Folder) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.putting", "dawdle", folder.url], stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        files = files_from_url(folder.url)
        now = datetime.now(UTC)
        assert files.clear_unfinished(before=now - timedelta(hours=1)) == 0  # it is still being written
        process.send_signal(signal.SIGKILL)
    assert list(files.keys()) == []
    assert folder.unfinished() == 1
    assert files.clear_unfinished(before=datetime.now(UTC) + timedelta(hours=1)) == 1
    assert folder.unfinished() == 0


def test_a_file_that_shrinks_while_it_is_read_does_not_end_cleanly(folder: Folder) -> None:
    stored = folder.files.put(pieces(SIZE * 3), media_type="application/pdf")
    reader = folder.files.open(stored.key)
    given = [next(reader)]
    os.truncate(folder.path / stored.key, SIZE * 2)
    with pytest.raises(FileDamaged):
        given.extend(reader)
    assert sum(map(len, given)) <= SIZE * 2
    reader.close()
