"""What ./test counts: every kind of ending of a test, in a real run of pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OURS = ("-p", "tests.outcome", "-p", "tests.names")
# As ./test runs everything.
SIDE_BY_SIDE = ("-p", "xdist", "--numprocesses=2", "--dist=loadfile", "--max-worker-restart=0")

ENDINGS = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("setting up")

@pytest.fixture
def breaks_afterwards():
    yield
    raise RuntimeError("tearing down")

def test_passes(): pass
@pytest.mark.parametrize("n", range(3))
def test_passes_thrice(n): pass
def test_fails(): assert False
def test_cannot_start(broken): pass
def test_passes_and_breaks(breaks_afterwards): pass
def test_fails_and_breaks(breaks_afterwards): assert False
@pytest.mark.skip(reason="shown, not counted")
def test_skipped(): assert False
@pytest.mark.xfail(strict=True, reason="it passes, so the expectation is wrong")
def test_passes_though_expected_to_fail(): pass
@pytest.mark.xfail(reason="a known fault")
def test_fails_as_expected(): assert False
"""


def counted(folder: Path, source: str, *options: str) -> tuple[int, str]:
    """Run two files of this source; return the exit code and the outcome."""
    for name in ("test_endings.py", "test_endings_again.py"):
        (folder / name).write_text(source, encoding="utf-8")
    outcome = folder / "outcome"
    alone = ["-c", "/dev/null", "--rootdir", str(folder), "-p", "no:cacheprovider"]  # not our settings
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *alone, *OURS, f"--outcome={outcome}", *options],
        cwd=folder,
        # What other plugins would load takes longer than these tests.
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, outcome.read_text(encoding="ascii")


def test_each_test_counts_once_and_errors_are_failures(tmp_path: Path) -> None:
    # Failed: fails, cannot start, passes and breaks, fails and breaks, passes though expected to fail.
    assert counted(tmp_path, ENDINGS) == (1, "8 10\n")
    assert counted(tmp_path, ENDINGS, *SIDE_BY_SIDE) == (1, "8 10\n")


@pytest.mark.parametrize("source", ["import a_module_that_does_not_exist\n", "def broken(:\n"])
def test_a_file_that_cannot_be_read_is_a_failure(tmp_path: Path, source: str) -> None:
    assert counted(tmp_path, source) == (2, "0 2\n")
    assert counted(tmp_path, source, *SIDE_BY_SIDE) == (1, "0 2\n")


def test_all_well_is_all_well(tmp_path: Path) -> None:
    assert counted(tmp_path, "def test_passes(): pass\n") == (0, "2 0\n")
    assert counted(tmp_path, "def test_passes(): pass\n", *SIDE_BY_SIDE) == (0, "2 0\n")


CRASHES = """
import os
def test_passes(): pass
def test_crashes(): os._exit(0)
"""


def test_a_process_that_ends_under_its_tests_is_a_failure(tmp_path: Path) -> None:
    status, outcome = counted(tmp_path, CRASHES, *SIDE_BY_SIDE)
    assert status == 1
    assert int(outcome.split()[1]) > 0


# As a plugin does that makes several tests of one function, each with something added to the name.
MAKES_TESTS = """
import pytest
def pytest_pycollect_makeitem(collector, name, obj):
    if name == "test_each":
        return [
            pytest.Function.from_parent(collector, name=f"{{name}}[{{one}}]", originalname=name, callobj=obj)
            for one in {names}
        ]
"""


@pytest.mark.parametrize("options", [(), SIDE_BY_SIDE])
def test_tests_that_a_plugin_makes_are_run_and_counted_one_by_one(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "conftest.py").write_text(MAKES_TESTS.format(names=["GET /a", "GET /b"]), encoding="utf-8")
    assert counted(tmp_path, "def test_each(): pass\n", *options) == (0, "4 0\n")


@pytest.mark.parametrize("options", [(), SIDE_BY_SIDE])
def test_two_tests_of_the_same_name_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "conftest.py").write_text(MAKES_TESTS.format(names=["GET /a", "GET /a"]), encoding="utf-8")
    status, outcome = counted(tmp_path, "def test_each(): pass\n", *options)
    assert status != 0
    assert outcome.startswith("0 ")
