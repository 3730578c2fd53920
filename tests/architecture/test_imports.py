"""Imports go down only, each library is met in its home, and our generic names are ours alone."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]
TOP_LEVEL = sorted({package.split(".")[0] for package in PACKAGES} | {"tests", "conftest"})

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    # A process of its own: the linter reads the configuration and the sources of the folder it stands in.
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_of_the_architecture_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


FORBIDDEN = [
    ("states", "storage"),  # sideways
    ("storage", "states"),
    ("storage", "dossiers"),  # up
    ("dossiers", "workflow"),
    ("workflow", "web"),
    ("dossiers", "config.settings"),
    ("config", "states"),
    ("workflow", "flask"),
    ("dossiers", "werkzeug"),
    ("states", "sqlalchemy"),
    ("states", "transitions"),  # in states, but not in states/machine.py
    ("workflow", "transitions"),
    ("storage", "weasyprint"),
    ("web", "weasyprint"),
    ("web", "minio"),
    ("storage", "minio"),  # in storage, but not in storage/s3.py
    ("workflow", "alembic"),
    ("dossiers", "psycopg"),
]


@pytest.fixture(scope="session")
def bare_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our packages, empty but for what each forbidden import would look like, one module for each."""
    folder = tmp_path_factory.mktemp("bare")
    for package in PACKAGES:
        path = folder / package.replace(".", "/")
        path.mkdir(parents=True, exist_ok=True)
        (path / "__init__.py").touch()
    (folder / "config/settings.py").touch()
    for importer, imported in FORBIDDEN:
        (folder / importer / f"wrong_{imported.replace('.', '_')}.py").write_text(
            f"import {imported}\n", encoding="ascii"
        )
    return folder


@pytest.fixture(scope="session")
def complaints(bare_packages: Path) -> str:
    done = lint_imports(bare_packages)
    assert done.returncode != 0
    return done.stdout


@pytest.mark.parametrize(("importer", "imported"), FORBIDDEN)
def test_a_forbidden_import_would_be_noticed(importer: str, imported: str, complaints: str) -> None:
    assert f"{importer}.wrong_{imported.replace('.', '_')} -> {imported}" in complaints


def test_every_package_of_ours_is_listed() -> None:
    found = {
        str(init.parent.relative_to(ROOT)).replace("/", ".")
        for package in {name.split(".")[0] for name in PACKAGES}
        for init in (ROOT / package).rglob("__init__.py")
    }
    assert found == set(PACKAGES), "list the packages in pyproject.toml, [tool.setuptools]"


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_no_module_of_python_has_our_name(name: str) -> None:
    assert name not in sys.stdlib_module_names


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_no_installed_distribution_has_our_name(name: str) -> None:
    owners = set()
    for distribution in importlib.metadata.distributions():
        if distribution.metadata["Name"] == PROJECT["project"]["name"]:
            continue
        for file in distribution.files or []:
            if file.parts[0] in (name, f"{name}.py"):
                owners.add(distribution.metadata["Name"])
    assert owners == set()


def test_every_test_folder_is_a_package() -> None:
    # Without it tests/states would be found as the package states.
    without = [
        str(path.parent.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if not (path.parent / "__init__.py").exists()
    ]
    assert without == []
