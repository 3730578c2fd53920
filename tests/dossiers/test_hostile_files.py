"""A hostile configuration costs a second and a hundred megabytes at most, and is a clear error (promise T42).

The files are read in a process of their own that may not take more address space than that; what it spends is
counted in its own processor time, so that a slow or busy machine changes nothing.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from states.reading import MAX_BYTES

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
WRONG_WORKFLOWS = ROOT / "tests" / "workflows_that_fail"

MEMORY = 100_000_000  # bytes, beyond what the program takes before it reads anything
SECONDS = 1.0  # of one file, in processor time

# Reads every file under the folder, each by the loader that its own folder is called after, under the bound; says
# what became of each, and what it took.
READ_THEM = """
import json, resource, sys, time
from pathlib import Path
from dossiers.awards import load_award_catalogue
from dossiers.calendar import load_calendar
from dossiers.org_unit_file import load_org_units
from dossiers.programmes import load_programme
from dossiers.regimes import load_regime
from dossiers.written import ConfigurationInvalid
from states.loader import load_edition
from states.problems import EditionInvalid
from tests.states.vocabulary import VOCABULARY
from workflow.installation import check_files

LOADERS = {
    "awards": load_award_catalogue,
    "calendars": load_calendar,
    "org_units": load_org_units,
    "programmes": load_programme,
    "regimes": load_regime,
    "workflows": lambda data: load_edition(data, VOCABULARY),
}
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))

def complaints(path):
    kind = path.parent.name
    if kind == "whole":
        return [problem.code for problem in check_files(path)]
    try:
        LOADERS[kind](path.read_bytes())
    except (ConfigurationInvalid, EditionInvalid) as refused:
        return sorted({problem.code for problem in refused.problems})
    return []

for path in sorted(Path(sys.argv[1]).glob("*/*")):
    begun = time.process_time()
    try:
        codes = complaints(path)
    except MemoryError:
        codes = ["MEMORY"]
    print(json.dumps([f"{path.parent.name}/{path.name}", codes, time.process_time() - begun]), flush=True)
"""


def read_under_bounds(folder: Path, memory: int) -> dict[str, tuple[list[str], float]]:
    """Return of every file under ``folder`` the codes of the complaints and the seconds it took."""
    done = subprocess.run(
        [sys.executable, "-c", READ_THEM, str(folder), str(memory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: (codes, cpu) for name, codes, cpu in map(json.loads, done.stdout.splitlines())}


def hostile() -> Iterator[tuple[str, bytes]]:
    """Bytes that nobody writes in good faith, whatever the file is for."""
    yield "not_utf8", b"\xff\xfe" * 400_000
    yield "zeros", b"\x00" * 900_000
    yield "one_byte_too_large", b"#" * (MAX_BYTES + 1)
    yield "blank", b" " * 900_000
    yield "comments", b"# comment\n" * 90_000
    yield "deep_lists", b"[" * 100_000
    yield "deep_mappings", b"{a: " * 100_000
    yield "deep_dashes", b"- " * 100_000
    yield "deep_questions", b"? " * 400_000
    yield "deep_by_indent", b"\n".join(b" " * i + b"a:" for i in range(1_000))
    yield "many_values", b"- a\n" * 200_000
    yield "many_keys", b"".join(b"k%d: v\n" % i for i in range(60_000))
    yield "one_key_again_and_again", b"k: v\n" * 9_900
    yield "many_documents", b"---\na\n" * 100_000
    yield (
        "laughs",
        "\n".join(
            [
                "a0: &a0 [x, x, x, x, x, x, x, x, x]",
                *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)),
            ]
        ).encode(),
    )
    yield "python_tag", b"!!python/object/apply:os.system ['true']"
    yield "python_tags", b"- !!python/name:os.system\n" * 9_000
    yield "long_word", b"code: " + b"x" * 900_000
    yield "long_number", b"edition: " + b"9" * 900_000
    yield "long_key", b"? " + b"k" * 900_000 + b"\n: v\n"
    yield "long_escapes", b'code: "' + b"\\U0001F4A9" * 90_000 + b'"'
    yield "long_folded", b"code: >\n" + b"  x\n" * 200_000
    yield "long_quoted", b"code: '" + b"''" * 400_000 + b"'"
    yield "long_anchor", b"&" + b"a" * 900_000 + b" x"
    yield "long_tag", b"!<" + b"a" * 900_000 + b"> x"
    yield "marks_upon_marks", b"code: a" + "\u0301".encode() * 400_000
    yield "directives", b"%TAG ! tag:x,2000:\n" * 40_000 + b"---\na\n"


def with_too_much(good: bytes) -> Iterator[tuple[str, bytes]]:
    """A good file with one thing too much, or damaged in a twentieth of its lines."""
    yield "laughs", good + b"\nextra: &x [*x, *x]\n"
    yield "merged", good + b"\n<<: {kind: x}\n<<: *nothing\n"
    yield "wrong_keys", good + b"".join(b"\nkey%d: x" % i for i in range(9_000))
    yield "long_text", good + b"\nextra: " + b"x" * (MAX_BYTES - len(good) - 100)
    yield "twice", good + b"\n" + good
    yield "in_lists", b"- " * 30 + good
    lines = good.splitlines(keepends=True)
    yield "again_and_again", b"".join(lines * (MAX_BYTES // len(good)))
    picked = random.Random(42)
    for number in range(4):
        damaged = list(lines)
        for _ in range(len(lines) // 20 + 1):
            place = picked.randrange(len(damaged))
            damaged[place] = picked.choice(
                [b"", damaged[place] * 2, b"  " + damaged[place], b"- " + damaged[place], b"\t\n", b"? [\n"]
            )
        yield f"damaged_{number}", b"".join(damaged)


KINDS = ("awards", "calendars", "org_units", "programmes", "regimes", "workflows")
OF_AN_INSTALLATION = ("awards", "calendars", "programmes", "regimes", "workflows")


def a_good_file(kind: str) -> Path:
    """Return the largest file of its kind that is shipped."""
    return max((CONFIG / kind).glob("*.yaml"), key=lambda path: path.stat().st_size)


def write(folder: Path, kind: str, name: str, data: bytes) -> None:
    (folder / kind).mkdir(exist_ok=True)
    (folder / kind / name).write_bytes(data)


def test_no_hostile_file_costs_more_than_a_second_and_a_hundred_megabytes(tmp_path: Path) -> None:
    for kind in KINDS:
        good = a_good_file(kind).read_bytes()
        write(tmp_path, kind, "good", good)
        for name, data in with_too_much(good):
            write(tmp_path, kind, name, data)
    for name, data in hostile():  # one reader stands before all loaders
        write(tmp_path, "programmes", f"hostile_{name}", data)
        write(tmp_path, "workflows", f"hostile_{name}", data)
    for path in WRONG_WORKFLOWS.glob("*.yaml"):
        write(tmp_path, "workflows", path.name, path.read_bytes())
    for kind in OF_AN_INSTALLATION:
        (tmp_path / "whole" / "config" / kind).mkdir(parents=True)
        with (tmp_path / "whole" / "config" / kind / "giant.yaml").open("wb") as giant:
            giant.truncate(4 * 1024**3)  # it takes no room, but whoever reads it gets as many bytes

    read = read_under_bounds(tmp_path, MEMORY)
    assert len(read) == len(list(tmp_path.glob("*/*"))) > 150
    for kind in KINDS:
        assert read.pop(f"{kind}/good")[0] == [], "the bounds leave room for what is shipped"
    assert read["whole/config"][0] == ["too_large"] * len(OF_AN_INSTALLATION)
    # A damaged line may have been a comment.
    assert [name for name, (codes, _) in read.items() if not codes and "/damaged_" not in name] == []
    assert [name for name, (codes, _) in read.items() if "MEMORY" in codes] == []
    assert {name: cpu for name, (_, cpu) in read.items() if cpu > SECONDS} == {}


def test_the_bound_on_memory_is_felt(tmp_path: Path) -> None:
    write(tmp_path, "workflows", "long", b"code: " + b"x" * 900_000)
    assert read_under_bounds(tmp_path, 1_000_000)["workflows/long"][0] == ["MEMORY"]
