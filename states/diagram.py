"""An edition as a drawing: text for Mermaid, with Vietnamese words."""

from __future__ import annotations

from states.definition import Edition, Subject


def as_mermaid(edition: Edition, subject: Subject) -> str:
    """A Mermaid state diagram; recorded steps are loops, actions of the clock are marked ⏱.

    Keys name the nodes (the loader admits only a–z, digits and underscores), labels are quoted text in
    which Mermaid's own signs are replaced.
    """
    machine = edition.machine(subject)
    lines = ["stateDiagram-v2"]
    lines += [f'  state "{_plain(state.label.vi)}" as {state.key}' for state in machine.states.values()]
    lines.append(f"  [*] --> {machine.initial}")
    for action in machine.actions.values():
        words = _plain(action.label.vi) + (" ⏱" if action.by_system else "")
        lines += [f"  {source} --> {action.target or source}: {words}" for source in action.sources]
    lines += [f"  {state.key} --> [*]" for state in machine.states.values() if state.final]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """The text without the signs that end a label in Mermaid."""
    return "".join(" " if c in '";:#<>\n' else c for c in text)
