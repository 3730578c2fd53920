"""The grammar of a workflow as frozen values: what an edition may say.

Nothing here knows a database, a page or a person. An edition is one written route: a machine for the
dossier (the envelope) and one for each nominee in it. The names of functions, conditions, effects,
requirements, kinds, icons and groups are the caller's words (`Vocabulary`); this package only insists
that an edition uses no other. All mappings are read-only and keep the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeVar

T = TypeVar("T")

Subject = Literal["dossier", "nominee"]
SUBJECTS: tuple[Subject, ...] = ("dossier", "nominee")

Kind = Literal["draft", "run", "warn", "ok", "bad", "still", "gold"]
KINDS: tuple[Kind, ...] = ("draft", "run", "warn", "ok", "bad", "still", "gold")

ClockVerb = Literal["start", "pause", "resume", "end"]
CLOCK_VERBS: tuple[ClockVerb, ...] = ("start", "pause", "resume", "end")

FieldKind = Literal["date", "text", "integer", "choice", "paper"]
FIELD_KINDS: tuple[FieldKind, ...] = ("date", "text", "integer", "choice", "paper")


@dataclass(frozen=True, slots=True)
class Label:
    """Words for people, in both languages, NFC, never empty."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The closed lists of words an edition may use; whoever interprets the words hands them in."""

    functions: frozenset[str]
    conditions: frozenset[str]
    effects: frozenset[str]
    requirements: frozenset[str]
    icons: frozenset[str]
    groups: frozenset[str]
    kinds: frozenset[str] = frozenset(KINDS)
    field_kinds: frozenset[str] = frozenset(FIELD_KINDS)


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit counted in working days.

    Exactly one of `working_days` (counted from the working day after the start) and `due_field` (the key
    of a date field of the action that starts the clock; the last day is that date) is set.
    `on_expiry` names the action the worker performs once the last day has passed; None: only shown as
    overdue. `remind_before` is how many working days before the last day the holder is reminded.
    `source` is the legal source, as text.
    """

    code: str
    label: Label
    working_days: int | None
    due_field: str | None
    on_expiry: str | None
    remind_before: int | None
    source: str | None


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One disc of the horizontal drawing of the route."""

    key: str
    label: Label
    function: str


@dataclass(frozen=True, slots=True)
class State:
    """One state. A final state waits for nobody; every other names the one function whose turn it is.

    `reader_labels` and `reader_kinds` replace label and kind for readers of that function.
    `limit` is the clock shown as the deadline of this state. `editable`: the proposing unit may change
    the content. `sent_back`: the subject lies with the unit again after it had been sent.
    `group` is the word under which summaries count the state.
    """

    key: str
    label: Label
    reader_labels: Mapping[str, Label]
    acting_function: str | None
    final: bool
    kind: Kind
    reader_kinds: Mapping[str, Kind]
    icon: str
    route_step: str | None
    limit: Limit | None
    editable: bool
    sent_back: bool
    group: str

    def label_for(self, function: str | None) -> Label:
        """The words a reader of this function sees."""
        return self.label if function is None else self.reader_labels.get(function, self.label)

    def kind_for(self, function: str | None) -> Kind:
        """The kind (colour and shape) a reader of this function sees."""
        return self.kind if function is None else self.reader_kinds.get(function, self.kind)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a choice field."""

    key: str
    label: Label


@dataclass(frozen=True, slots=True)
class Field:
    """Something the performer writes down with the action. `paper` is a file attached to the dossier."""

    key: str
    kind: FieldKind
    label: Label
    required: bool
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ClockOperation:
    """What an action does to one clock.

    start: opens the clock unless it is open; pause: stops an open running one; resume: lets a paused one
    go on; end: closes an open one. Each does nothing where it does not apply, so that one action may
    serve the first and the second time (receive: start, resume).
    """

    verb: ClockVerb
    limit: str


@dataclass(frozen=True, slots=True)
class GivenReason:
    """The reason written by the edition itself, for actions that the clock performs."""

    code: str
    label: Label


@dataclass(frozen=True, slots=True)
class Action:
    """One deed: from which states it leads, who may do it, what it needs and what it causes.

    `performers` maps each source state to the functions that may act there. `target` None: the subject
    stays where it is and the deed is recorded. `by_system`: done by the worker's clock, never by a
    person. `driven` (nominees only): never done by itself, only as the `nominees` of a dossier's action.
    `nominees` (dossier only): the nominee action applied to each nominee whose state is among that
    action's sources; requirements and reason are those of the dossier's action.
    `while_dossier` (nominees only): states of the dossier in which the action is open; empty: any.
    `backwards`: leads back, so it always carries a reason. `from_final`: may leave a final state.
    `reason_codes`: the codes offered, empty when the action takes none. `remarks`: the form offers coded
    remarks. `main`: the filled button of the page. `confirm`: the question before it is done.
    """

    key: str
    label: Label
    performers: Mapping[str, tuple[str, ...]]
    target: str | None
    requires: tuple[str, ...]
    fields: tuple[Field, ...]
    conditions: tuple[str, ...]
    effects: tuple[str, ...]
    clock: tuple[ClockOperation, ...]
    reason_codes: tuple[str, ...]
    given_reason: GivenReason | None
    nominees: str | None
    while_dossier: tuple[str, ...]
    backwards: bool
    by_system: bool
    driven: bool
    from_final: bool
    remarks: bool
    main: bool
    confirm: Label | None

    @property
    def sources(self) -> tuple[str, ...]:
        """The states from which the action leads."""
        return tuple(self.performers)

    @property
    def functions(self) -> tuple[str, ...]:
        """Every function that may do it somewhere, in the order of the file, each once."""
        return tuple(dict.fromkeys(f for functions in self.performers.values() for f in functions))

    def performers_in(self, state: str) -> tuple[str, ...]:
        """The functions that may do it in `state`; empty when it does not lead from there."""
        return self.performers.get(state, ())


@dataclass(frozen=True, slots=True)
class MachineDefinition:
    """The states and actions of one subject."""

    subject: Subject
    initial: str
    states: Mapping[str, State]
    actions: Mapping[str, Action]
    limits: Mapping[str, Limit]


@dataclass(frozen=True, slots=True)
class Edition:
    """One written workflow. `sha256` (hex) is the hash of the bytes it was read from: its identity."""

    code: str
    edition: str
    title: Label
    route: tuple[RouteStep, ...]
    reason_codes: Mapping[str, Label]
    dossier: MachineDefinition
    nominee: MachineDefinition
    sha256: str

    def machine(self, subject: Subject) -> MachineDefinition:
        """The definition of one of the two machines."""
        return self.dossier if subject == "dossier" else self.nominee


def frozen_mapping(items: Mapping[str, T]) -> Mapping[str, T]:
    """A read-only copy that keeps the order."""
    return MappingProxyType(dict(items))
