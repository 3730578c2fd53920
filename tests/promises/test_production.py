"""Production starts safe or not at all, by the real command line (promise T60)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.promises.installation import ROOT, SECRET, free_port

SAFE = {
    "VINHDANH_MODE": "production",
    "VINHDANH_SECRET_KEY": SECRET,
    "VINHDANH_PUBLIC_URL": "https://thidua.example.vn",
}

# What is changed, the setting that must be named, and a piece of the English sentence.
MISCONFIGURED: Mapping[str, tuple[Mapping[str, str], str, str]] = {
    "no-secret": ({"VINHDANH_SECRET_KEY": ""}, "VINHDANH_SECRET_KEY", "is required in production"),
    "blank-secret": ({"VINHDANH_SECRET_KEY": "   "}, "VINHDANH_SECRET_KEY", "is required in production"),
    "short-secret": ({"VINHDANH_SECRET_KEY": SECRET[:31]}, "VINHDANH_SECRET_KEY", "too short: 31 bytes"),
    "default-secret": (
        {"VINHDANH_SECRET_KEY": "changeme-changeme-changeme-changeme"},
        "VINHDANH_SECRET_KEY",
        "placeholder",
    ),
    "monotonous-secret": ({"VINHDANH_SECRET_KEY": "ab" * 20}, "VINHDANH_SECRET_KEY", "easy to guess"),
    "debug": ({"VINHDANH_DEBUG": "1"}, "VINHDANH_DEBUG", "may not be on in production"),
    "demo": ({"VINHDANH_DEMO": "1"}, "VINHDANH_DEMO", "may not be on in production"),
    "test-clock": (
        {"VINHDANH_TEST_CLOCK": "2024-11-04T09:00:00+07:00"},
        "VINHDANH_TEST_CLOCK",
        "may not be on in production",
    ),
    "plain-http": (
        {"VINHDANH_PUBLIC_URL": "http://thidua.example.vn"},
        "VINHDANH_PUBLIC_URL",
        "must be https",
    ),
    "misspelt": ({"VINHDANH_SECRETKEY": SECRET}, "VINHDANH_SECRETKEY", "did you mean VINHDANH_SECRET_KEY"),
    "unknown-mode": ({"VINHDANH_MODE": "prod"}, "VINHDANH_MODE", "must be one of"),
}


def run(command: str, folder: Path, changes: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C",
        "VINHDANH_PORT": str(free_port()),
        "VINHDANH_DATA_DIR": str(folder / "data"),
        **SAFE,
        **changes,
    }
    return subprocess.run(
        [sys.executable, "-m", "web.cli", command],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("name", MISCONFIGURED)
def test_a_misconfigured_production_does_not_start(tmp_path: Path, name: str) -> None:
    changes, setting, sentence = MISCONFIGURED[name]
    done = run("serve", tmp_path, changes)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith(f"{setting}: ")]
    assert len(lines) == 2, "in Vietnamese and in English"
    assert sentence in lines[1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists(), "refused before anything is made"
    given = changes.get("VINHDANH_SECRET_KEY", "").strip()
    assert not given or given not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["up", "worker"])
def test_every_command_refuses_a_misconfigured_production(tmp_path: Path, command: str) -> None:
    done = run(command, tmp_path, {"VINHDANH_SECRET_KEY": "", "VINHDANH_DEBUG": "1"})
    assert done.returncode == 2
    assert {"VINHDANH_SECRET_KEY", "VINHDANH_DEBUG"} <= {
        line.split(":")[0] for line in done.stderr.splitlines()
    }


def test_production_refuses_a_database_that_may_lose_what_it_confirmed(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    """The tests' own server has fsync switched off."""
    changes = {"VINHDANH_DATABASE_URL": migrated_postgres_url, "VINHDANH_PUBLIC_URL": "http://127.0.0.1:8000"}
    made = subprocess.run(
        [sys.executable, "-m", "web.cli", "init", "--origin", "example.vn/vinhdanh"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "VINHDANH_DATA_DIR": str(tmp_path / "data"), **SAFE, **changes},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    for command in ("serve", "worker"):
        done = run(command, tmp_path, changes)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "The database may lose what it has confirmed" in done.stderr
        assert "fsync is off" in done.stderr
        assert "Traceback" not in done.stderr
