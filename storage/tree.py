"""The one tree over all entries: RFC 6962 hashing, the compact range that lets it grow, and its two proofs.

Hashes are 32 raw bytes. A tree of size n is the root over leaves 0 … n-1; its *compact range* is the
roots of the perfect subtrees that n is the sum of, from left to right, at most 64 of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofRefused(ValueError):
    """A proof does not prove what it is said to prove."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(00 ‖ entry), RFC 6962 §2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(01 ‖ left ‖ right), RFC 6962 §2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class CompactRange:
    """All that is needed of ``size`` leaves to add more and to know the root."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or self.size.bit_count() != len(self.peaks):
            raise ValueError("as many peaks as the size has ones in binary")

    def root(self) -> bytes:
        """Return the root of the tree of this size."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def extended(self, leaves: Iterable[bytes]) -> CompactRange:
        """Return the range with ``leaves`` (leaf hashes) added at the right end, in order."""
        size = self.size
        peaks = list(self.peaks)
        for leaf in leaves:
            _grow(peaks, size, leaf)
            size += 1
        return CompactRange(size, tuple(peaks))

    def text(self) -> str:
        """Return the peaks in hexadecimal, comma-separated, left to right; empty for the empty tree."""
        return ",".join(peak.hex() for peak in self.peaks)

    @classmethod
    def from_text(cls, size: int, text: str) -> CompactRange:
        """Return the range that `text` wrote. Raises ``ValueError`` when the peaks do not fit the size."""
        peaks = tuple(bytes.fromhex(part) for part in text.split(",")) if text else ()
        if any(len(peak) != 32 for peak in peaks):
            raise ValueError("a peak of other than 32 bytes")
        return cls(size, peaks)


class GrowingTree:
    """A tree that only grows, in place: what a pass over millions of leaves needs, in constant memory."""

    __slots__ = ("_peaks", "size")

    def __init__(self, start: CompactRange | None = None) -> None:
        start = start or CompactRange()
        self.size = start.size
        self._peaks = list(start.peaks)

    def add(self, leaf: bytes) -> None:
        """Add one leaf hash at the right end."""
        _grow(self._peaks, self.size, leaf)
        self.size += 1

    def compact_range(self) -> CompactRange:
        """Return the range as it is now."""
        return CompactRange(self.size, tuple(self._peaks))

    def root(self) -> bytes:
        """Return the root as it is now."""
        return self.compact_range().root()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over ``leaves`` (leaf hashes)."""
    return CompactRange().extended(leaves).root()


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree over ``leaves``, from the leaf up (RFC 6962
    §2.1.1).

    Reads every leaf: meant for one receipt, not for a stream of them.
    """
    size = len(leaves)
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path: list[bytes] = []
    first, last = 0, size  # the subtree that holds the leaf
    while last - first > 1:
        middle = first + _left_size(last - first)
        if index < middle:
            path.append(root_of(leaves[middle:last]))
            last = middle
        else:
            path.append(root_of(leaves[first:middle]))
            first = middle
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Accept that ``leaf`` (a leaf hash) is leaf ``index`` of the tree of ``size`` with ``root`` (RFC
    9162 §2.1.3.2).

    Raises ``ProofRefused`` otherwise.
    """
    if not 0 <= index < size:
        raise ProofRefused("no such leaf in a tree of this size")
    node, last = index, size - 1
    here = leaf
    for sibling in proof:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if node & 1 or node == last:
            here = node_hash(sibling, here)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            here = node_hash(here, sibling)
        node >>= 1
        last >>= 1
    if last != 0:
        raise ProofRefused("the proof is too short")
    if here != root:
        raise ProofRefused("the proof leads to another root")


def consistency_proof(old: CompactRange, added: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree of ``old`` is the beginning of the same tree with ``added`` (leaf
    hashes).

    The proof is that of RFC 6962 §2.1.2. Its nodes left of ``old.size`` are peaks of ``old``, the others
    lie in what was added, so the leaves before ``old.size`` need not be read. Empty when nothing was
    added or ``old`` is.
    """
    old_size, new_size = old.size, old.size + len(added)
    if old_size == 0 or not added:
        return []
    proof: list[bytes] = []
    peaks = list(old.peaks)
    first, last = 0, new_size
    # Go down to the smallest subtree that ends where the old tree ends: the old tree's last peak.
    while last != old_size:
        middle = first + _left_size(last - first)
        if old_size <= middle:
            proof.append(root_of(added[middle - old_size : last - old_size]))
            last = middle
        else:
            proof.append(peaks.pop(0))
            first = middle
    if first > 0:
        proof.append(peaks.pop(0))  # the old root is no node of the new tree: the verifier needs this one
    proof.reverse()
    return proof


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Accept that the tree ``(old_size, old_root)`` is the beginning of ``(new_size, new_root)`` (RFC
    9162 §2.1.4.2).

    Raises ``ProofRefused`` otherwise.
    """
    if not 0 <= old_size <= new_size:
        raise ProofRefused("the tree got smaller")
    if old_size == new_size or old_size == 0:
        if proof:
            raise ProofRefused("the proof is too long")
        if old_size == new_size and old_root != new_root:
            raise ProofRefused("two roots for one size")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise ProofRefused("the empty tree has one root only")
        return
    nodes = list(proof)
    if old_size.bit_count() == 1:
        nodes.insert(0, old_root)  # a perfect old tree is itself a node of the new one
    if not nodes:
        raise ProofRefused("the proof is too short")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old_here = new_here = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if node & 1 or node == last:
            old_here = node_hash(sibling, old_here)
            new_here = node_hash(sibling, new_here)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new_here = node_hash(new_here, sibling)
        node >>= 1
        last >>= 1
    if last != 0:
        raise ProofRefused("the proof is too short")
    if old_here != old_root:
        raise ProofRefused("the proof leads to another old root")
    if new_here != new_root:
        raise ProofRefused("the proof leads to another new root")


def _grow(peaks: list[bytes], size: int, leaf: bytes) -> None:
    # Each trailing one in the size is a peak that pairs with what comes from the right.
    while size & 1:
        leaf = node_hash(peaks.pop(), leaf)
        size >>= 1
    peaks.append(leaf)


def _left_size(size: int) -> int:
    """Return the largest power of two below ``size``, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
