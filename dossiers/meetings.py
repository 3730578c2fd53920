"""What the figures of a meeting must agree on before its result can be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dossiers.refusals import SENTENCES, Invalid, Refusal

SENTENCES.update(
    {
        "more_than_members": (
            "Số có mặt và số ý kiến bằng văn bản cộng lại nhiều hơn tổng số thành viên ({total}). Hãy xem lại.",
            "Those present and those who wrote are more than the members ({total}). Check the figures.",
        ),
        "more_than_votes": (
            "Số đồng ý nhiều hơn số người cho ý kiến ({votes}). Hãy xem lại.",
            "Those in favour are more than those who gave an opinion ({votes}). Check the figures.",
        ),
    }
)


def figure_problems(fields: Mapping[str, Any]) -> tuple[Refusal, ...]:
    """Return what does not add up in the recorded figures of a council: N members, P present, votes in favour.

    Absent members may write; the base stays all members (Nghị định 98/2023, Điều 30). Fields an action does not
    have are not judged, and no threshold is: for these awards it is the council's own rule.
    """
    problems: list[Refusal] = []
    total, present = fields.get("members_total"), fields.get("members_present")
    written, yes = fields.get("written_opinions") or 0, fields.get("votes_yes")
    if total is not None and present is not None and present + written > total:
        problems.append(Invalid("more_than_members", field="members_present", total=total))
    if present is not None and yes is not None and yes > present + written:
        problems.append(Invalid("more_than_votes", field="votes_yes", votes=present + written))
    return tuple(problems)
