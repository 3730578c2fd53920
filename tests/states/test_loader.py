"""Reading an edition: what is kept, and what a hostile file can do (nothing)."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from states.definition import Choice, ClockOperation, Edition, Label
from states.loader import EditionInvalid, load_edition
from states.reading import MAX_BYTES, MAX_VALUES
from tests.states.editions import SMALL, edition_of
from tests.states.vocabulary import VOCABULARY

GOOD = SMALL.read_bytes()


def codes(data: bytes) -> list[str]:
    with pytest.raises(EditionInvalid) as caught:
        load_edition(data, VOCABULARY)
    return [problem.code for problem in caught.value.problems]


def test_the_values_are_those_of_the_file():
    edition = edition_of(SMALL)
    assert (edition.code, edition.edition) == ("small", "1")
    assert edition.title == Label("Tuyến nhỏ", "Small route")
    assert edition.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert [step.key for step in edition.route] == ["unit", "desk"]
    assert list(edition.dossier.states) == ["draft", "submitted", "returned", "issued", "withdrawn"]

    submitted = edition.dossier.states["submitted"]
    assert submitted.label_for("appraiser").vi == "Chờ bạn xem"
    assert submitted.label_for("nominator").vi == "Đã gửi"
    assert submitted.label_for(None).vi == "Đã gửi"
    assert (submitted.kind_for("appraiser"), submitted.kind_for(None)) == ("warn", "run")
    assert submitted.limit is edition.dossier.limits["appraisal"]

    submit = edition.dossier.actions["submit"]
    assert submit.sources == ("draft", "returned")
    assert submit.functions == ("nominator",)
    assert submit.clock[0] == ClockOperation("start", "appraisal")
    withdraw = edition.nominee.actions["withdraw_nominee"]
    assert withdraw.performers_in("in_play") == ("nominator", "appraiser")
    assert withdraw.performers_in("awarded") == ()
    note = edition.dossier.actions["note"]
    assert note.target is None
    assert note.fields[0].choices == (Choice("call", Label("Gọi điện", "Call")),)
    assert edition.machine("nominee") is edition.nominee


def test_the_values_cannot_be_changed():
    edition = edition_of(SMALL)
    with pytest.raises(AttributeError):
        edition.code = "other"  # type: ignore[misc]  # frozen: the refusal is the point
    with pytest.raises(TypeError):
        edition.dossier.states["more"] = edition.dossier.states["draft"]  # type: ignore[index]  # read-only: the refusal is the point
    with pytest.raises(TypeError):
        edition.dossier.actions["submit"].performers["draft"] = ()  # type: ignore[index]  # read-only: the refusal is the point


def test_words_that_look_like_flags_stay_words():
    text = GOOD.decode().replace("vi: Gọi điện, en: Call", "vi: no, en: on")
    edition = load_edition(text.encode(), VOCABULARY)
    assert edition.dossier.actions["note"].fields[0].choices[0].label == Label("no", "on")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfe", "not_utf8"),
        (b"a: " + b"x" * MAX_BYTES, "too_large"),
        (b"[" * 100_000, "too_deep"),
        (b"{a: " * 100_000, "too_deep"),
        (b"- " * 100_000, "too_deep"),
        (b"\n".join(b" " * i + b"a:" for i in range(1_000)), "too_deep"),
        (b"- a\n" * 200_000, "too_many_values"),
        (b"? " * 400_000, "too_deep"),
        (b"".join(b"k%d: v\n" % i for i in range(60_000)), "too_many_values"),
        (b"a: \x00", "syntax"),
        (b"%YAML 9.9\n---\na: b", "syntax"),
        (b"# comment\n" * 90_000, "empty"),
        (b" " * 900_000, "empty"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_a_hostile_file_stops_at_its_limit(data: bytes, code: str):
    tracemalloc.start()
    try:
        assert codes(data) == [code]
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_a_python_tag_runs_nothing(tmp_path):
    witness = tmp_path / "was-run"
    data = f"!!python/object/apply:os.system ['touch {witness}']".encode()
    assert "tag" in codes(data)
    assert not witness.exists()


def test_a_billion_laughs_are_not_unfolded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert "alias" in codes("\n".join(lines).encode())


def test_a_flood_of_mistakes_is_cut_and_says_so():
    data = GOOD + b"".join(b"key%d: x\n" % i for i in range(MAX_VALUES // 4))
    found = codes(data)
    assert len(found) == 201
    assert found[-1] == "more_problems"


@pytest.mark.parametrize(("entry", "most"), [("states", 150), ("actions", 150), ("limits", 20)])
def test_too_many_entries_are_refused_before_the_graph_is_walked(entry: str, most: int):
    more = "".join(f"    x{i}:\n      label: {{vi: Một, en: One}}\n" for i in range(most + 1))
    text = GOOD.decode().replace(f"  {entry}:\n", f"  {entry}:\n{more}", 1)
    assert "too_many" in codes(text.encode())


def test_a_long_hostile_word_is_shortened_in_the_complaint():
    data = GOOD.replace(b"target: issued", b"target: " + b"x" * 250)
    with pytest.raises(EditionInvalid) as caught:
        load_edition(data, VOCABULARY)
    (problem,) = caught.value.problems
    assert problem.path == "dossier.actions.issue.target"
    assert len(problem.message) < 100


def loads_or_complains(data: bytes) -> None:
    try:
        edition = load_edition(data, VOCABULARY)
    except EditionInvalid as error:
        said = [(p.message, p.message_vi) for p in error.problems]
    else:
        said = [("loaded", "đã đọc")]
        assert isinstance(edition, Edition)
    assert said
    assert all(en and vi for en, vi in said)


@settings(deadline=None)  # a busy machine is no mistake of the loader
@given(st.binary(max_size=300))
def test_any_bytes_load_or_are_complained_about(data: bytes):
    loads_or_complains(data)


LINES = GOOD.splitlines(keepends=True)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["drop", "double", "swap", "indent", "word"]),
            st.integers(0, len(LINES) - 2),
            st.sampled_from([b"x", b"[]", b"{}", b"null", b"7", b"true", b"draft", b"!a b", b"*a", b"\xc3"]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_edition_loads_or_is_complained_about(damage):
    lines = list(LINES)
    for deed, at, word in damage:
        if deed == "drop":
            lines[at] = b""
        elif deed == "double":
            lines[at] = lines[at] * 2
        elif deed == "swap":
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
        elif deed == "indent":
            lines[at] = b"  " + lines[at]
        else:
            lines[at] = lines[at].split(b":")[0] + b": " + word + b"\n"
    loads_or_complains(b"".join(lines))
