"""Writes how a test run ended to a file, as "passed failed", for the last line of ./test.

An error while setting up or tearing down counts as a failure; so does a test that passed though expected to
fail. A test that failed and whose teardown failed too counts once.
"""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcome", metavar="FILE", help="write the numbers of passed and failed tests to FILE")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    target = config.getoption("--outcome")
    if target is None:
        return
    stats = terminalreporter.stats
    failed = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, [])}
    passed = {report.nodeid for report in stats.get("passed", [])} - failed
    Path(target).write_text(f"{len(passed)} {len(failed)}\n", encoding="ascii")
