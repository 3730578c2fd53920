"""docs/promises.md names tests that exist, and every line of this stage."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "promises.md"

# The lines of the foundation.
OWNED = [
    *range(1, 12), *range(17, 27), 33, 35, 36, 42, *range(47, 51), *range(57, 62), 64, *range(85, 89),
]  # fmt: skip

ROW = re.compile(r"^\| (T\d\d) \|.*\|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_line_of_this_stage_stands_there_once() -> None:
    assert sorted(ROW.findall(PAGE.read_text(encoding="utf-8"))) == [
        f"T{number:02}" for number in sorted(OWNED)
    ]


def test_every_row_is_whole_and_names_a_test() -> None:
    for row in PAGE.read_text(encoding="utf-8").splitlines():
        if ROW.match(row):
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            assert len(cells) == 7, row
            assert all(cells[:6]), row
            assert TEST.search(cells[3]), row


def test_every_test_it_names_exists() -> None:
    named = set(TEST.findall(PAGE.read_text(encoding="utf-8")))
    missing = []
    for path, name in sorted(named):
        file = ROOT / path
        tree = ast.parse(file.read_text(encoding="utf-8")) if file.exists() else ast.Module([], [])
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{path}::{name}")
    assert missing == []


def test_every_file_of_promises_is_named() -> None:
    named = {path for path, _ in TEST.findall(PAGE.read_text(encoding="utf-8"))}
    here = {f"tests/promises/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}
    assert here - named == {"tests/promises/test_the_table.py"}
