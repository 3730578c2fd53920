"""YAML text → a tree of plain values, each with its line, for the loader alone.

The file may come from a stranger. So: no tags, no anchors, no aliases, one document, at most 1 MB,
40 levels and 20,000 values; the parser's events are read one by one, so that a bomb stops at the
limit instead of being unfolded first. Scalars: quoted is text; plain `true`, `false`, `null`, `~`,
empty and whole numbers are themselves; every other plain word is text (so `no` and `on` stay words).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import yaml

from states.problems import EditionInvalid, Problem, problem, shorten

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 20_000

# libyaml is about thirty times faster; the slower parser is the fallback of installations without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,8})")


class Broken:
    """A value already complained about: nothing more is said of it."""


BROKEN = Broken()


@dataclass(slots=True)
class Node:
    """A value of the file and where it stands."""

    value: str | int | bool | Broken | list[Node] | dict[str, Node] | None
    line: int


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been seen yet."""

    node: Node
    path: str
    key: str | None = None
    keyed: bool = False


def bytes_of(path: Path) -> bytes:
    """Return what the file holds, of one that is too large only as much as `read` needs to refuse it."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def read(data: bytes) -> tuple[Node, list[Problem]]:
    """The root of the file and the complaints that do not stop the reading.

    Raises EditionInvalid (one problem) where nothing sensible can be read.
    """
    if len(data) > MAX_BYTES:
        raise EditionInvalid((problem("", "too_large", limit=MAX_BYTES),))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EditionInvalid((problem("", "not_utf8"),)) from error
    try:
        return _build(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        # A scanner's error has a problem, a reader's (a forbidden character) a reason.
        detail = shorten(str(getattr(error, "problem", None) or getattr(error, "reason", "unreadable")))
        raise EditionInvalid((problem("", "syntax", line, detail=detail),)) from error


def _build(text: str) -> tuple[Node, list[Problem]]:
    problems: list[Problem] = []
    stack: list[_Open] = []
    root: Node | None = None
    values = documents = 0

    for event in yaml.parse(text, Loader=_LOADER):
        line = _line(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise EditionInvalid((problem("", "several_documents", line),))
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        values += 1
        if values > MAX_VALUES:
            raise EditionInvalid((problem("", "too_many_values", line, limit=MAX_VALUES),))

        is_key = bool(stack) and isinstance(stack[-1].node.value, dict) and not stack[-1].keyed
        path = _path_of_next(stack, is_key)
        node = Node(_value(event, path, line, problems), line)
        if is_key:
            _take_key(stack[-1], node, line, problems)
        elif stack:
            _take_value(stack[-1], node)
        else:
            root = node
        if isinstance(event, yaml.CollectionStartEvent):
            if len(stack) >= MAX_DEPTH:
                raise EditionInvalid((problem("", "too_deep", line, limit=MAX_DEPTH),))
            stack.append(_Open(node, path))
    if root is None or root.value is None:
        raise EditionInvalid((problem("", "empty"),))
    return root, problems


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _path_of_next(stack: list[_Open], is_key: bool) -> str:
    if not stack:
        return ""
    top = stack[-1]
    if isinstance(top.node.value, list):
        return f"{top.path}[{len(top.node.value)}]"
    if is_key or top.key is None:
        return top.path
    return f"{top.path}.{shorten(top.key)}" if top.path else shorten(top.key)


def _take_key(parent: _Open, node: Node, line: int, problems: list[Problem]) -> None:
    assert isinstance(parent.node.value, dict)
    parent.keyed, parent.key = True, None
    if isinstance(node.value, Broken):
        return
    if not isinstance(node.value, str):
        problems.append(problem(parent.path, "key_not_text", line))
    elif node.value in parent.node.value:
        problems.append(problem(parent.path, "duplicate_key", line, name=node.value))
    else:
        parent.key = node.value


def _take_value(parent: _Open, node: Node) -> None:
    if isinstance(parent.node.value, list):
        parent.node.value.append(node)
    elif isinstance(parent.node.value, dict):
        if parent.key is not None:
            parent.node.value[parent.key] = node
        parent.keyed = False
    # else a collection already complained about: what is inside is read and dropped


def _value(
    event: yaml.NodeEvent, path: str, line: int, problems: list[Problem]
) -> str | int | bool | Broken | list[Node] | dict[str, Node] | None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        problems.append(problem(path, "alias", line))
        if isinstance(event, yaml.AliasEvent):
            return BROKEN
    tag: str | None = getattr(event, "tag", None)
    if tag is not None and tag != "!":
        problems.append(problem(path, "tag", line, name=tag))
        return BROKEN
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    assert isinstance(event, yaml.ScalarEvent)
    return _scalar(event, path, line, problems)


def _scalar(
    event: yaml.ScalarEvent, path: str, line: int, problems: list[Problem]
) -> str | int | bool | Broken | None:
    # implicit[0] says plain in both parsers; `style` is None in one and empty in the other.
    plain: bool = event.implicit[0]
    text: str = event.value if plain else event.value.strip()
    if not unicodedata.is_normalized("NFC", text):
        problems.append(problem(path, "not_nfc", line))
        return BROKEN
    # Other_control and surrogates; line breaks of folded text have become spaces or are refused too.
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text[:5000]):
        problems.append(problem(path, "control_character", line))
        return BROKEN
    if not plain:  # quoted or block: text, whatever it looks like
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "~", "null"):
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    return text
