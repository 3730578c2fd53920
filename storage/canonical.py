"""One way to write a value as text, so that its hash means something: canonical JSON (RFC 8785).

Text is NFC, moments are UTC with six digits of a second, days are ISO. Floats are refused: an amount or a
ratio that cannot be written exactly has no place in evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import rfc8785

from storage.base import TextRefused, nfc

EXACT = 2**53 - 1  # RFC 8785 writes numbers as IEEE 754 doubles; beyond this an integer would not survive


class NotCanonical(ValueError):
    """A value has no canonical form here; the message names the type or the fault, never the value."""


def moment_text(moment: datetime) -> str:
    """Return an aware moment as ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.

    Raises ``NotCanonical`` for a naive one, which could mean any zone.
    """
    if moment.tzinfo is None:
        raise NotCanonical("a moment without a time zone")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # strftime("%Y") does not pad years before 1000 everywhere; isoformat does. What follows the digits is the zone.
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def canonical(value: Any) -> str:
    """Return the RFC 8785 text of ``value``: mappings with text keys, sequences, text, integers, booleans,
    None, days and aware moments.

    Raises ``NotCanonical`` for anything else, for floats, for integers beyond 2**53 - 1, for NUL and lone
    surrogates, and for two keys that are the same text in NFC.
    """
    return rfc8785.dumps(_plain(value)).decode("utf-8")


def _plain(value: Any) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if not -EXACT <= value <= EXACT:
            raise NotCanonical("an integer beyond 2**53 - 1")
        return value
    if isinstance(value, float):
        raise NotCanonical("a float")
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        plain = {_key(key): _plain(inner) for key, inner in value.items()}
        if len(plain) != len(value):
            raise NotCanonical("two keys that are the same text in NFC")
        return plain
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(inner) for inner in value]
    raise NotCanonical(f"a value of type {type(value).__name__}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotCanonical(f"a key of type {type(key).__name__}")
    return _text(key)


def _text(text: str) -> str:
    if text.isascii() and "\x00" not in text:
        return str(text)
    try:
        return nfc(text)
    except TextRefused as refused:
        raise NotCanonical(str(refused)) from None
