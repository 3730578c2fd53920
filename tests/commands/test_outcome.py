"""What ./test counts: every kind of ending of a test, in a real run of pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

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


def counted(folder: Path, source: str) -> tuple[int, str]:
    (folder / "test_endings.py").write_text(source, encoding="utf-8")
    outcome = folder / "outcome"
    alone = [
        "-c",
        "/dev/null",
        "--rootdir",
        str(folder),
        "-p",
        "no:cacheprovider",
    ]  # not this project's settings
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *alone,
            "-p",
            "tests.outcome",
            f"--outcome={outcome}",
            "test_endings.py",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, outcome.read_text(encoding="ascii")


def test_each_test_counts_once_and_errors_are_failures(tmp_path: Path) -> None:
    # Failed: fails, cannot start, passes and breaks, fails and breaks, passes though expected to fail.
    assert counted(tmp_path, ENDINGS) == (1, "4 5\n")


@pytest.mark.parametrize("source", ["import a_module_that_does_not_exist\n", "def broken(:\n"])
def test_a_file_that_cannot_be_read_is_a_failure(tmp_path: Path, source: str) -> None:
    assert counted(tmp_path, source) == (2, "0 1\n")


def test_all_well_is_all_well(tmp_path: Path) -> None:
    assert counted(tmp_path, "def test_passes(): pass\n") == (0, "1 0\n")
