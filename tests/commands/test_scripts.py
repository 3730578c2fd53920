"""./run and ./test, the shell of them: what they say, what they install and how they end.

The scripts run for real in a copy of their own, with a small shell script in place of the environment's
Python, which writes down how it was called.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-test.lock")
RUNTIME_PACKAGES = (
    "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz0b libharfbuzz-subset0 libfontconfig1 libmagic1"
)

PYTHON = """#!/bin/sh
# Stands in for .venv/bin/python.
case "$*" in
    "-c"*) exit 0 ;;
esac
echo "$*" >>calls
case "$*" in
    "-m pip install"*) exit "${PIP_ENDS:-0}" ;;
    "-m ruff"* | "-m mypy"*) exit "${CHECK_ENDS:-0}" ;;
    "-m pytest"*)
        for argument in "$@"; do
            file=${argument#--outcome=}
            [ "$file" = "$argument" ] || [ -z "${OUTCOME-}" ] || echo "$OUTCOME" >"$file"
        done
        exit "${PYTEST_ENDS:-0}"
        ;;
esac
exit "${UP_ENDS:-0}"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but the scripts, whose environment is there and up to date."""
    folder = tmp_path / "mã nguồn"  # a blank and marks in the path, as people have them
    (folder / ".ci").mkdir(parents=True)
    for name in ("run", "test", "Makefile", ".ci/prepare.sh", ".ci/run", ".ci/fresh"):
        shutil.copy(ROOT / name, folder / name)
    bin_folder = folder / ".venv/bin"
    bin_folder.mkdir(parents=True)
    for name in ("python", "ruff"):
        (bin_folder / name).write_text(PYTHON, encoding="ascii")
        (bin_folder / name).chmod(0o755)
    for lock in LOCKS:
        (folder / lock).write_text(f"# {lock}\n", encoding="ascii")
        stamp(folder, lock)
    return folder


def stamp(folder: Path, lock: str) -> None:
    digest = hashlib.sha256((folder / lock).read_bytes()).hexdigest()
    (folder / f".venv/{lock}.sha256").write_text(f"{digest}  -\n", encoding="ascii")


def call(folder: Path, *command: str, path: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command],
        cwd="/",  # the scripts find their own folder
        env={"PATH": f"{path}{os.environ['PATH']}", "HOME": "/nonexistent", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return call(folder, str(folder / "run"), *arguments, **more)


def calls(folder: Path) -> list[str]:
    log = folder / "calls"
    return log.read_text(encoding="ascii").splitlines() if log.exists() else []


@pytest.mark.parametrize("script", ["run", "test", ".ci/run", ".ci/prepare.sh", ".ci/fresh"])
def test_the_scripts_are_posix(script: str) -> None:
    text = (ROOT / script).read_text(encoding="utf-8")
    assert script == ".ci/prepare.sh" or text.startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", str(ROOT / script)], check=False).returncode == 0
    bashisms = re.findall(
        r"^\s*(?:function|local|declare|source)\s.*|\[\[ .*|<<<|&>|\$\{BASH", text, re.MULTILINE
    )
    assert bashisms == []


def test_help_speaks_both_languages_and_starts_nothing(checkout: Path) -> None:
    done = run(checkout, "--help")
    assert done.returncode == 0
    assert "giữ nguyên dữ liệu" in done.stdout
    assert "keeps the data" in done.stdout
    assert calls(checkout) == []


def test_an_unknown_argument_starts_nothing(checkout: Path) -> None:
    done = run(checkout, "--port", "80")
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert calls(checkout) == []


def test_an_environment_that_is_up_to_date_is_left_alone(checkout: Path) -> None:
    done = run(checkout, UP_ENDS="7")
    assert done.returncode == 7, done.stderr  # the program's own exit code
    assert calls(checkout) == ["-m web.cli up"]


def test_a_changed_lock_is_installed_once_with_its_hashes(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("# changed\n", encoding="ascii")
    assert run(checkout).returncode == 0
    assert run(checkout).returncode == 0
    installing, *rest = calls(checkout)
    assert installing.startswith("-m pip install")
    assert "--require-hashes" in installing
    assert installing.endswith("--requirement requirements.lock")
    assert rest == ["-m web.cli up"] * 2


def test_an_installation_that_failed_is_tried_again(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("# changed\n", encoding="ascii")
    done = run(checkout, PIP_ENDS="1")
    assert done.returncode == 1
    assert "The Python libraries could not be installed" in done.stderr
    assert run(checkout).returncode == 0
    assert [line.split()[1] for line in calls(checkout)] == ["pip", "pip", "web.cli"]


def programs(folder: Path, **scripts: str) -> str:
    """A folder of stand-ins that come first in PATH."""
    place = folder / "stand-ins"
    place.mkdir()
    for name, script in scripts.items():
        (place / name.replace("_", "-")).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (place / name.replace("_", "-")).chmod(0o755)
    return f"{place}:"


def test_somebody_who_may_not_install_is_told_what_to_have_installed(checkout: Path) -> None:
    path = programs(checkout, ldconfig="exit 0", id="echo 1000", sudo="exit 1")
    done = run(checkout, path=path)
    assert done.returncode == 1
    assert "Hãy nhờ người quản trị" in done.stderr
    assert f"apt-get update && apt-get install -y --no-install-recommends {RUNTIME_PACKAGES}" in done.stderr
    assert calls(checkout) == []


def test_only_what_is_missing_is_installed(checkout: Path) -> None:
    libraries = subprocess.run(
        ["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True
    ).stdout.replace("libharfbuzz-subset.so.0", "other.so.0")
    (checkout / "libraries").write_text(libraries, encoding="utf-8")
    path = programs(
        checkout,
        ldconfig=f"cat '{checkout}/libraries'",
        id="echo 0",
        apt_get='echo "apt-get $*" >>calls',
    )
    done = run(checkout, path=path)
    assert done.returncode == 0, done.stderr
    update, install, start = calls(checkout)
    assert update.startswith("apt-get update")
    assert install.split("Use-Pty=0 ")[1] == "libharfbuzz-subset0"
    assert start == "-m web.cli up"


def test_a_failed_installation_of_packages_starts_nothing(checkout: Path) -> None:
    path = programs(checkout, ldconfig="exit 0", id="echo 0", apt_get="echo 'no network' >&2; exit 100")
    done = run(checkout, path=path)
    assert done.returncode == 1
    assert "no network" in done.stderr  # the reason of the tool itself stays visible
    assert "could not be installed" in done.stderr
    assert calls(checkout) == []


def test_without_a_suitable_python_the_versions_are_named(checkout: Path) -> None:
    too_old = programs(
        checkout, **dict.fromkeys(("python3", "python3.11", "python3.12", "python3.13"), "exit 1")
    )
    (checkout / "requirements.lock").write_text("# changed\n", encoding="ascii")
    done = run(checkout, path=too_old)
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert calls(checkout) == []


@pytest.mark.parametrize(
    ("outcome", "pytest_ends", "check_ends", "last_line", "exit_code"),
    [
        ("41 0", "0", "0", "41 passed, 0 failed", 0),
        ("40 1", "1", "0", "40 passed, 1 failed", 1),
        ("", "4", "0", "0 passed, 1 failed", 4),  # it never came to a test
        ("3 0", "2", "0", "3 passed, 1 failed", 2),  # interrupted
        ("0 0", "5", "0", "0 passed, 1 failed", 5),  # nothing was collected
        ("41 0", "0", "1", "41 passed, 1 failed", 1),  # `make check` failed
        ("40 1", "1", "1", "40 passed, 2 failed", 1),
    ],
)
def test_the_last_line_of_the_tests_counts_them(
    checkout: Path, outcome: str, pytest_ends: str, check_ends: str, last_line: str, exit_code: int
) -> None:
    done = call(
        checkout,
        str(checkout / "test"),
        "tests/x",
        OUTCOME=outcome,
        PYTEST_ENDS=pytest_ends,
        CHECK_ENDS=check_ends,
    )
    assert done.stdout.splitlines()[-1] == last_line, done.stderr
    assert done.returncode == exit_code


def test_continuous_integration_runs_the_same_command_with_its_arguments(checkout: Path) -> None:
    done = call(checkout, str(checkout / ".ci/run"), "-k", "smoke", OUTCOME="1 0")
    assert done.returncode == 0, done.stderr
    *checks, testing = calls(checkout)
    assert testing.endswith("-k smoke")
    assert any(line.startswith("-m ruff format --check") for line in checks)
    assert any(line.startswith("-m mypy") for line in checks)


def test_everything_runs_in_two_processes_and_a_part_in_one(checkout: Path) -> None:
    for arguments in ((), ("tests/web",), ("-m", "long")):
        done = call(checkout, str(checkout / "test"), *arguments, OUTCOME="1 0")
        assert done.returncode == 0, done.stderr
        assert ("--numprocesses=2" in calls(checkout)[-1]) is (arguments == ()), arguments


def test_every_command_of_make_is_explained() -> None:
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for command in ("run", "test", "check", "bench", "help", "fresh", "test-long", "lock"):
        assert f"make {command} " in shown
