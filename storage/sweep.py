"""Removing objects that no row names.

Bytes are stored before the row that names them is committed, so an upload whose transaction failed leaves an
object behind. It is harmless, but it may be a person's paper, and it costs space. A sweep removes it once it
is older than a grace time, which must be longer than any command can take between its bytes and its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from storage.files import Files, StoredKey, StoreUnavailable

BATCH_KEYS = 500
"""Keys asked about at once: few enough for one `IN (…)` on both databases."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep saw and did. `removed` are keys; with `pretend` they are those it would have removed."""

    seen: int
    seen_bytes: int
    young: int
    removed: tuple[str, ...]
    removed_bytes: int
    failed: tuple[str, ...]
    unfinished: int


def sweep(
    files: Files,
    is_referenced: Callable[[Sequence[str]], set[str]],
    grace: timedelta,
    now: datetime,
    *,
    pretend: bool = False,
) -> SweepReport:
    """Remove every object older than `grace` that no row names, and what dead uploads left behind.

    `is_referenced` is handed at most `BATCH_KEYS` keys and gives those that a row names, in *any* table,
    from a fresh view of the database. It is asked after the keys were listed, so a row committed meanwhile
    is seen. `now` is aware and belongs to the store's time; `grace` covers the difference of the clocks.
    An object that cannot be removed is reported in `failed` and met again by the next sweep. Raises what
    `is_referenced` and listing raise, and `ValueError` when `grace` is negative; objects removed until
    then stay removed, which harms nothing.
    """
    if grace < timedelta(0):
        raise ValueError("the grace time of a sweep cannot be negative")
    eldest_kept = now - grace
    seen = seen_bytes = young = removed_bytes = 0
    removed: list[str] = []
    failed: list[str] = []
    for batch in _batches(files.keys()):
        seen += len(batch)
        seen_bytes += sum(stored.size for stored in batch)
        old = [stored for stored in batch if stored.modified_at < eldest_kept]
        young += len(batch) - len(old)
        if not old:
            continue
        named = is_referenced([stored.key for stored in old])
        for stored in old:
            if stored.key in named:
                continue
            try:
                if not pretend:
                    files.remove(stored.key)
            except StoreUnavailable:
                failed.append(stored.key)
                continue
            removed.append(stored.key)
            removed_bytes += stored.size
    return SweepReport(
        seen=seen,
        seen_bytes=seen_bytes,
        young=young,
        removed=tuple(removed),
        removed_bytes=removed_bytes,
        failed=tuple(failed),
        unfinished=0 if pretend else files.clear_unfinished(before=eldest_kept),
    )


def _batches(stored: Iterator[StoredKey]) -> Iterator[list[StoredKey]]:
    while batch := list(islice(stored, BATCH_KEYS)):
        yield batch
