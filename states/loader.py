"""Bytes of an edition → frozen values, or every reason why not, at once.

The reader fills what it can and goes on after each complaint; the graph is then judged by `soundness`
as far as it can be known, so that one upload shows the whole list of what must be mended.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from states.definition import (
    CLOCK_VERBS,
    SUBJECTS,
    Action,
    Choice,
    ClockOperation,
    Edition,
    Field,
    FieldKind,
    GivenReason,
    Kind,
    Label,
    Limit,
    MachineDefinition,
    RouteStep,
    State,
    Subject,
    Vocabulary,
    frozen_mapping,
)
from states.problems import EditionInvalid, Problem, problem
from states.reading import BROKEN, Broken, Node, read
from states.soundness import unsound

__all__ = ["EditionInvalid", "Problem", "load_edition"]

T = TypeVar("T")

MAX_TEXT = 300
MAX_ENTRIES = 150
MAX_LIMITS = 20  # each is followed through the whole graph
MAX_PROBLEMS = 200
MAX_WORKING_DAYS = 400

_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CODE = re.compile(r"[a-z][a-z0-9-]{0,59}")

_WANTED = {
    "mapping": ("một nhóm mục (tên: giá trị)", "a mapping (name: value)"),
    "list": ("một danh sách", "a list"),
    "text": ("chữ", "text"),
    "number": ("số nguyên", "a whole number"),
    "flag": ("true hoặc false", "true or false"),
}
_WORDS = {
    "function": "chức năng",
    "condition": "điều kiện",
    "effect": "hệ quả",
    "requirement": "yêu cầu",
    "icon": "biểu tượng",
    "kind": "loại",
    "group": "nhóm",
    "field kind": "loại trường",
}

_EDITION_KEYS = ("code", "edition", "title", "route", "reason_codes", "dossier", "nominee")
_MACHINE_KEYS = ("initial", "limits", "states", "actions")
_LIMIT_KEYS = ("label", "working_days", "due_field", "on_expiry", "remind_before", "source")
_STATE_KEYS = (
    "label",
    "reader_labels",
    "acting_function",
    "final",
    "kind",
    "reader_kinds",
    "icon",
    "route_step",
    "limit",
    "editable",
    "sent_back",
    "group",
)
_ACTION_KEYS = (
    "label",
    "sources",
    "functions",
    "target",
    "requires",
    "fields",
    "conditions",
    "effects",
    "clock",
    "reason_codes",
    "given_reason",
    "nominees",
    "while_dossier",
    "backwards",
    "by_system",
    "driven",
    "from_final",
    "remarks",
    "main",
    "confirm",
)
_FIELD_KEYS = ("key", "kind", "label", "required", "choices")


def load_edition(data: bytes, vocabulary: Vocabulary) -> Edition:
    """The edition written in `data` (UTF-8 YAML, at most 1 MB).

    Raises EditionInvalid with every problem, in the order of the file; nothing is loaded then.
    """
    root, problems = read(data)
    reader = _Reader(vocabulary, problems)
    edition = reader.edition(root, hashlib.sha256(data).hexdigest())
    if edition is not None and not reader.unbounded:
        problems.extend(reader.placed(p) for p in unsound(edition))
    if problems:
        # Complaints about the same place stay in the order in which they were made.
        problems.sort(key=lambda p: p.line or 0)
        if len(problems) > MAX_PROBLEMS:
            problems = [*problems[:MAX_PROBLEMS], problem("", "more_problems")]
        raise EditionInvalid(tuple(problems))
    assert edition is not None
    return edition


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class _Reader:
    """Reads nodes into values and gathers complaints; one per file."""

    def __init__(self, vocabulary: Vocabulary, problems: list[Problem]) -> None:
        self.vocabulary = vocabulary
        self.problems = problems
        self.lines: dict[str, int] = {}
        self.unbounded = False

    # -- the parts of an edition -------------------------------------------------------------------

    def edition(self, root: Node, sha256: str) -> Edition | None:
        """The edition as far as it can be read; None when a machine is missing altogether."""
        top = self.mapping(root, "", _EDITION_KEYS)
        if top is None:
            return None
        code = self.text(top, "", "code")
        if code and not _CODE.fullmatch(code):
            self.complain("code", "bad_code", name=code)
        edition = self.text(top, "", "edition")
        title = self.label(top, "", "title")
        route = tuple(
            step
            for path, node in self.items(top, "", "route", needed=True)
            if (step := self.route_step(path, node)) is not None
        )
        self.no_duplicates("route", [step.key for step in route])
        reason_codes = self.entries(top, "", "reason_codes", lambda p, _k, n: self.label_of(p, n))
        machines: list[MachineDefinition] = []
        for subject in SUBJECTS:
            machine = self.machine(top, subject)
            if machine is not None:
                machines.append(machine)
        if len(machines) < 2:
            return None
        return Edition(
            code=code,
            edition=edition,
            title=title,
            route=route,
            reason_codes=frozen_mapping(reason_codes),
            dossier=machines[0],
            nominee=machines[1],
            sha256=sha256,
        )

    def route_step(self, path: str, node: Node) -> RouteStep | None:
        entry = self.mapping(node, path, ("key", "label", "function"))
        if entry is None:
            return None
        return RouteStep(
            key=self.key(entry, path, "key"),
            label=self.label(entry, path, "label"),
            function=self.word(entry, path, "function", "function", self.vocabulary.functions),
        )

    def machine(self, top: dict[str, Node], subject: Subject) -> MachineDefinition | None:
        node = top.get(subject)
        if node is None:
            self.complain(subject, "missing")
            return None
        entry = self.mapping(node, subject, _MACHINE_KEYS)
        if entry is None:
            return None
        limits = self.entries(entry, subject, "limits", self.limit, most=MAX_LIMITS)
        states = self.entries(
            entry, subject, "states", lambda p, k, n: self.state(p, k, n, limits), needed=True
        )
        actions = self.entries(
            entry, subject, "actions", lambda p, k, n: self.action(p, k, n, subject), needed=True
        )
        return MachineDefinition(
            subject=subject,
            initial=self.text(entry, subject, "initial"),
            states=frozen_mapping(states),
            actions=frozen_mapping(actions),
            limits=frozen_mapping(limits),
        )

    def limit(self, path: str, code: str, node: Node) -> Limit | None:
        entry = self.mapping(node, path, _LIMIT_KEYS)
        if entry is None:
            return None
        if ("working_days" in entry) == ("due_field" in entry):
            self.complain(path, "one_of_two", names="working_days, due_field")
        return Limit(
            code=code,
            label=self.label(entry, path, "label"),
            working_days=self.number(entry, path, "working_days", 1, MAX_WORKING_DAYS),
            due_field=self.optional_text(entry, path, "due_field"),
            on_expiry=self.optional_text(entry, path, "on_expiry"),
            remind_before=self.number(entry, path, "remind_before", 0, MAX_WORKING_DAYS),
            source=self.optional_text(entry, path, "source"),
        )

    def state(self, path: str, key: str, node: Node, limits: dict[str, Limit]) -> State | None:
        entry = self.mapping(node, path, _STATE_KEYS)
        if entry is None:
            return None
        functions, kinds = self.vocabulary.functions, self.vocabulary.kinds
        acting = None
        if "acting_function" in entry:
            # The empty text stands for a word already complained about, None for nobody.
            acting = self.word(entry, path, "acting_function", "function", functions)
        readers_path, kinds_path = _join(path, "reader_labels"), _join(path, "reader_kinds")
        reader_labels = self.entries(
            entry, path, "reader_labels", lambda p, _k, n: self.label_of(p, n), keyed=False
        )
        reader_kinds = self.entries(
            entry,
            path,
            "reader_kinds",
            lambda p, _k, n: self.known(p, self.text_of(p, n), "kind", kinds),
            keyed=False,
        )
        for where, readers in ((readers_path, list(reader_labels)), (kinds_path, list(reader_kinds))):
            for function in readers:
                self.known(_join(where, function), function, "function", functions)
        limit = None
        limit_code = self.optional_text(entry, path, "limit")
        if limit_code is not None:
            limit = limits.get(limit_code)
            if limit is None:
                self.complain(_join(path, "limit"), "unknown_limit", name=limit_code)
        return State(
            key=key,
            label=self.label(entry, path, "label"),
            reader_labels=frozen_mapping(reader_labels),
            acting_function=acting,
            final=self.flag(entry, path, "final"),
            kind=cast(Kind, self.word(entry, path, "kind", "kind", kinds)),
            reader_kinds=cast("Mapping[str, Kind]", frozen_mapping(reader_kinds)),
            icon=self.word(entry, path, "icon", "icon", self.vocabulary.icons),
            route_step=self.optional_text(entry, path, "route_step"),
            limit=limit,
            editable=self.flag(entry, path, "editable"),
            sent_back=self.flag(entry, path, "sent_back"),
            group=self.word(entry, path, "group", "group", self.vocabulary.groups),
        )

    def action(self, path: str, key: str, node: Node, subject: Subject) -> Action | None:
        entry = self.mapping(node, path, _ACTION_KEYS)
        if entry is None:
            return None
        elsewhere = ("nominees",) if subject == "nominee" else ("while_dossier", "driven")
        for name in elsewhere:
            if name in entry:
                self.complain(_join(path, name), "not_here", subject=subject)
        words = self.vocabulary
        target: str | None = ""
        if "target" not in entry:
            self.complain(_join(path, "target"), "missing")
        elif entry["target"].value is None:
            target = None
        else:
            target = self.text(entry, path, "target")
        fields = tuple(
            field for p, n in self.items(entry, path, "fields") if (field := self.field(p, n)) is not None
        )
        self.no_duplicates(_join(path, "fields"), [field.key for field in fields])
        return Action(
            key=key,
            label=self.label(entry, path, "label"),
            performers=frozen_mapping(self.performers(entry, path)),
            target=target,
            requires=self.words(entry, path, "requires", "requirement", words.requirements),
            fields=fields,
            conditions=self.words(entry, path, "conditions", "condition", words.conditions),
            effects=self.words(entry, path, "effects", "effect", words.effects),
            clock=self.clock(entry, path),
            reason_codes=self.words(entry, path, "reason_codes", None, None),
            given_reason=self.given_reason(entry, path),
            nominees=self.optional_text(entry, path, "nominees"),
            while_dossier=self.words(entry, path, "while_dossier", None, None),
            backwards=self.flag(entry, path, "backwards"),
            by_system=self.flag(entry, path, "by_system"),
            driven=self.flag(entry, path, "driven"),
            from_final=self.flag(entry, path, "from_final"),
            remarks=self.flag(entry, path, "remarks"),
            main=self.flag(entry, path, "main"),
            confirm=self.label(entry, path, "confirm") if "confirm" in entry else None,
        )

    def performers(self, entry: dict[str, Node], path: str) -> dict[str, tuple[str, ...]]:
        """`sources` as a list beside `functions`, or as a mapping of source to its functions.

        The empty text stands for sources already complained about.
        """
        functions = self.vocabulary.functions
        node = entry.get("sources")
        if node is not None and isinstance(node.value, dict):
            if "functions" in entry:
                self.complain(_join(path, "functions"), "one_of_two", names="functions, sources.<state>")
            by_source = self.entries(
                entry,
                path,
                "sources",
                lambda p, _k, n: self.words_of(p, n, "function", functions),
                needed=True,
                keyed=False,
            )
            return by_source or {"": ()}
        sources = self.words(entry, path, "sources", None, None, needed=True)
        performers = self.words(entry, path, "functions", "function", functions)
        return dict.fromkeys(sources or ("",), performers)

    def field(self, path: str, node: Node) -> Field | None:
        entry = self.mapping(node, path, _FIELD_KEYS)
        if entry is None:
            return None
        kind = self.word(entry, path, "kind", "field kind", self.vocabulary.field_kinds)
        labels = self.entries(entry, path, "choices", lambda p, _k, n: self.label_of(p, n))
        if kind == "choice" and not labels:
            self.complain(path, "choice_without_choices")
        if kind != "choice" and labels:
            self.complain(_join(path, "choices"), "choices_without_choice")
        return Field(
            key=self.key(entry, path, "key"),
            kind=cast(FieldKind, kind),
            label=self.label(entry, path, "label"),
            required=self.flag(entry, path, "required"),
            choices=tuple(Choice(key, label) for key, label in labels.items()),
        )

    def clock(self, entry: dict[str, Node], path: str) -> tuple[ClockOperation, ...]:
        operations = []
        for where, node in self.items(entry, path, "clock"):
            text = self.text_of(where, node)
            verb, colon, limit = text.partition(":")
            if verb in CLOCK_VERBS and colon and limit:
                operations.append(ClockOperation(verb, limit))
            elif text:
                self.complain(where, "bad_clock")
        return tuple(operations)

    def given_reason(self, entry: dict[str, Node], path: str) -> GivenReason | None:
        node = entry.get("given_reason")
        if node is None:
            return None
        where = _join(path, "given_reason")
        given = self.mapping(node, where, ("code", "label"))
        if given is None:
            return None
        return GivenReason(code=self.text(given, where, "code"), label=self.label(given, where, "label"))

    # -- the kinds of values -----------------------------------------------------------------------

    def complain(self, path: str, code: str, **words: object) -> None:
        self.problems.append(self.placed(problem(path, code, None, **words)))

    def placed(self, found: Problem) -> Problem:
        """The same complaint with the line of the nearest place the file really has."""
        path = found.path
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return Problem(
            found.path, found.code, found.message_vi, found.message, self.lines.get(path, found.line)
        )

    def mapping(self, node: Node, path: str, allowed: tuple[str, ...] | None) -> dict[str, Node] | None:
        """The entries of a mapping; complains of the ones not `allowed` (None: any)."""
        self.lines[path] = node.line
        if isinstance(node.value, Broken):
            return None
        if not isinstance(node.value, dict):
            self.wrong_type(path, "mapping")
            return None
        for key, child in node.value.items():
            if allowed is not None and key not in allowed:
                self.lines[_join(path, key)] = child.line
                self.complain(_join(path, key), "unknown_key", name=key)
        return node.value

    def entries(
        self,
        entry: dict[str, Node],
        path: str,
        name: str,
        read_one: Callable[[str, str, Node], T | None],
        *,
        needed: bool = False,
        keyed: bool = True,
        most: int = MAX_ENTRIES,
    ) -> dict[str, T]:
        """A mapping from free keys to values read by `read_one`; keys are checked when `keyed`."""
        where = _join(path, name)
        node = entry.get(name)
        if node is None:
            if needed:
                self.complain(where, "missing")
            return {}
        found = self.mapping(node, where, None)
        if found is None:
            return {}
        if needed and not found:
            self.complain(where, "missing")
        if self.too_many(where, len(found), most):
            return {}
        values: dict[str, T] = {}
        for key, child in found.items():
            self.lines[_join(where, key)] = child.line
            if keyed and not _KEY.fullmatch(key):
                self.complain(_join(where, key), "bad_key", name=key)
            value = read_one(_join(where, key), key, child)
            if value is not None:
                values[key] = value
        return values

    def items(
        self, entry: dict[str, Node], path: str, name: str, *, needed: bool = False
    ) -> list[tuple[str, Node]]:
        """The nodes of a list with their paths."""
        where = _join(path, name)
        node = entry.get(name)
        if node is None:
            if needed:
                self.complain(where, "missing")
            return []
        return self.items_of(where, node, needed=needed)

    def items_of(self, where: str, node: Node, *, needed: bool = False) -> list[tuple[str, Node]]:
        self.lines[where] = node.line
        if isinstance(node.value, Broken):
            return []
        if not isinstance(node.value, list):
            self.wrong_type(where, "list")
            return []
        if needed and not node.value:
            self.complain(where, "missing")
        if self.too_many(where, len(node.value), MAX_ENTRIES):
            return []
        return [(f"{where}[{i}]", child) for i, child in enumerate(node.value)]

    def too_many(self, where: str, count: int, most: int) -> bool:
        if count <= most:
            return False
        # A graph read in part would be complained about for what was skipped.
        self.unbounded = True
        self.complain(where, "too_many", limit=most)
        return True

    def words(
        self,
        entry: dict[str, Node],
        path: str,
        name: str,
        what: str | None,
        known: frozenset[str] | None,
        *,
        needed: bool = False,
    ) -> tuple[str, ...]:
        """A list of names, each once; from the vocabulary when `what` says which words they are."""
        if name not in entry:
            if needed:
                self.complain(_join(path, name), "missing")
            return ()
        return self.words_of(_join(path, name), entry[name], what, known, needed=needed)

    def words_of(
        self,
        where: str,
        node: Node,
        what: str | None,
        known: frozenset[str] | None,
        *,
        needed: bool = False,
    ) -> tuple[str, ...]:
        found: list[str] = []
        for place, child in self.items_of(where, node, needed=needed):
            word = self.text_of(place, child)
            if not word:
                continue
            if word in found:
                self.complain(place, "duplicate_item", name=word)
                continue
            if what is not None and known is not None:
                # An unknown word stays in the list: nobody is told as well that it is missing.
                self.known(place, word, what, known)
            found.append(word)
        return tuple(found)

    def word(self, entry: dict[str, Node], path: str, name: str, what: str, known: frozenset[str]) -> str:
        return self.known(_join(path, name), self.text(entry, path, name), what, known)

    def known(self, where: str, word: str, what: str, known: frozenset[str]) -> str:
        """The word if the vocabulary has it, otherwise a complaint and the empty text."""
        if word and word not in known:
            self.complain(where, "unknown_word", name=word, what=what, what_vi=_WORDS[what])
            return ""
        return word

    def key(self, entry: dict[str, Node], path: str, name: str) -> str:
        key = self.text(entry, path, name)
        if key and not _KEY.fullmatch(key):
            self.complain(_join(path, name), "bad_key", name=key)
        return key

    def text(self, entry: dict[str, Node], path: str, name: str) -> str:
        """A text that must be there; the empty text after a complaint."""
        if name not in entry:
            self.complain(_join(path, name), "missing")
            return ""
        return self.text_of(_join(path, name), entry[name])

    def optional_text(self, entry: dict[str, Node], path: str, name: str) -> str | None:
        """A text that may be left out or be null."""
        node = entry.get(name)
        if node is None or node.value is None:
            return None
        return self.text_of(_join(path, name), node) or None

    def text_of(self, where: str, node: Node) -> str:
        self.lines[where] = node.line
        if isinstance(node.value, Broken):
            return ""
        if not isinstance(node.value, str):
            self.wrong_type(where, "text")
            return ""
        if not node.value:
            self.complain(where, "missing")
        if len(node.value) > MAX_TEXT:
            self.complain(where, "too_long", limit=MAX_TEXT)
            return ""
        return node.value

    def label(self, entry: dict[str, Node], path: str, name: str) -> Label:
        if name not in entry:
            self.complain(_join(path, name), "missing")
            return Label("", "")
        return self.label_of(_join(path, name), entry[name])

    def label_of(self, where: str, node: Node) -> Label:
        entry = self.mapping(node, where, ("vi", "en"))
        if entry is None:
            return Label("", "")
        words = {}
        for language, (vi, en) in {"vi": ("Việt", "Vietnamese"), "en": ("Anh", "English")}.items():
            place = _join(where, language)
            child = entry.get(language)
            if child is None or child.value is None or child.value == "":
                self.complain(place, "missing_label", language=en, language_vi=vi)
                words[language] = ""
            else:
                words[language] = self.text_of(place, child)
        return Label(vi=words["vi"], en=words["en"])

    def number(self, entry: dict[str, Node], path: str, name: str, low: int, high: int) -> int | None:
        node = entry.get(name)
        where = _join(path, name)
        if node is None or node.value is BROKEN:
            return None
        self.lines[where] = node.line
        # bool is an int to Python, not to a reader
        if not isinstance(node.value, int) or isinstance(node.value, bool):
            self.wrong_type(where, "number")
            return None
        if not low <= node.value <= high:
            self.complain(where, "out_of_range", low=low, high=high)
            return None
        return node.value

    def flag(self, entry: dict[str, Node], path: str, name: str) -> bool:
        node = entry.get(name)
        where = _join(path, name)
        if node is None or node.value is BROKEN:
            return False
        self.lines[where] = node.line
        if not isinstance(node.value, bool):
            self.wrong_type(where, "flag")
            return False
        return node.value

    def wrong_type(self, where: str, wanted: str) -> None:
        vi, en = _WANTED[wanted]
        self.complain(where, "wrong_type", wanted=en, wanted_vi=vi)

    def no_duplicates(self, where: str, keys: list[str]) -> None:
        for i, key in enumerate(keys):
            if key and key in keys[:i]:
                self.complain(f"{where}[{i}]", "duplicate_item", name=key)
