"""What a file is, by its content and not by its name, and the safe form of the name it came under."""

from __future__ import annotations

import re
import unicodedata

import magic

SNIFFED_BYTES = 8192

# Media types that a dossier takes in, with the endings a name may have. Everything else is refused.
ALLOWED: dict[str, tuple[str, ...]] = {
    "application/pdf": (".pdf",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/msword": (".doc",),
    "application/vnd.ms-excel": (".xls",),
}

_SEPARATING = frozenset('/\\:*?"<>|')
# Controls, marks of direction and other letters that nobody sees, private ones, halves of pairs, ends of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
# Letters and marks that nobody sees either: Default_Ignorable_Code_Point of Unicode 14.0, DerivedCoreProperties.txt,
# as far as the categories above do not hold it. Places that are still free belong to it so that it never grows.
_IGNORABLE = re.compile(
    "["
    "\u034f"  # combining grapheme joiner
    "\u115f-\u1160"  # Hangul fillers
    "\u17b4-\u17b5"  # Khmer inherent vowels
    "\u180b-\u180f"  # Mongolian selectors and separator
    "\u2060-\u206f"  # invisible operators, and a free place among them
    "\u3164"  # Hangul filler
    "\ufe00-\ufe0f"  # variation selectors
    "\uffa0"  # halfwidth Hangul filler
    "\ufff0-\ufff8"  # free
    "\U000e0000-\U000e0fff"  # tags, variation selectors 17 to 256, and free places
    "\u2800"  # a braille cell without dots: not of that property, and as blank
    "]"
)
# What Windows takes for a device, whatever stands behind the dot.
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?")
NAME_BYTES = 240


def media_type_of(head: bytes) -> str:
    """Return the media type that the first bytes of a file show (libmagic)."""
    return str(magic.from_buffer(head[:SNIFFED_BYTES], mime=True))


def safe_name(name: str) -> str:
    """Return the file name to keep: NFC, one line, no path, nothing that nobody sees, ≤ 240 bytes of UTF-8.

    The ending survives shortening. Anything without a usable letter becomes ``tep``.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = " ".join("".join(map(_or_blank, _IGNORABLE.sub(" ", name))).split()).strip(". ")
    if not name or _RESERVED.fullmatch(name):
        name = f"tep {name}".strip()
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = name, ""
    room = NAME_BYTES - (len(ending.encode()) + 1 if ending else 0)
    while len(stem.encode()) > room:
        stem = stem[:-1]
    # A cut must not leave a bare base letter of a letter that was composed of several code points.
    return f"{stem.strip()}.{ending}" if ending else stem.rstrip(". ")


def _or_blank(letter: str) -> str:
    return " " if letter in _SEPARATING or unicodedata.category(letter) in _UNSEEN else letter
