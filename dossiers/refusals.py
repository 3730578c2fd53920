"""Why something is refused: one exception family, one catalogue of sentences.

A refusal carries a stable ``code`` (the key of the catalogue, of the API's problem answers and of
translations), the ``field`` it concerns, and the ``values`` that fill its sentence. The doors choose the
status from the class.
"""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """Something asked was not done, and nothing was half-done. ``status``: the HTTP status of a door's
    answer.
    """

    status = 400

    def __init__(self, code: str, *, field: str | None = None, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.values = values

    def sentence(self, language: str = "vi") -> str:
        """Return the sentence for a person, in ``vi`` or ``en``: what, where, and what to do next."""
        vi, en = SENTENCES[self.code]
        return (en if language == "en" else vi).format_map(_Shown(self.values))


class _Shown(dict[str, object]):
    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__(values)

    def __missing__(self, key: str) -> str:
        return "…"


class Invalid(Refusal):
    """What was typed or sent cannot be accepted as it is."""

    status = 422


class InvalidForm(Invalid):
    """Several things to mend at once; ``problems`` keeps one refusal for each."""

    def __init__(self, problems: tuple[Refusal, ...]) -> None:
        super().__init__("form_has_errors", count=len(problems))
        self.problems = problems


class Missing(Refusal):
    """There is no such thing, or the reader may not know of it: the two are never told apart."""

    status = 404


class Forbidden(Refusal):
    """The reader may see the thing but not do this to it."""

    status = 403


class Conflict(Refusal):
    """The thing is not in the state, or not at the version, that this needs."""

    status = 409


class NeedsPerson(Conflict):
    """A rule has no verified ground to answer on; a person must find out what the sentence says is missing.

    Never replaced by a guess: an uncovered day, an unverified law, a target that nobody has set.
    """


class Unavailable(Refusal):
    """A part the deed needs does not answer now; nothing was lost, try later."""

    status = 503


SENTENCES: dict[str, tuple[str, str]] = {
    "form_has_errors": ("Có {count} chỗ cần xem lại.", "{count} things need another look."),
    "not_found": (
        "Không tìm thấy trang này, hoặc bạn không được giao xem. "
        "Kiểm tra lại mã hồ sơ, hoặc hỏi quản trị đơn vị.",
        "This page cannot be found, or it is not yours to see. "
        "Check the dossier code, or ask your administrator.",
    ),
}
