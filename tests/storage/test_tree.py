"""The tree against the vectors of the certificate-transparency projects and against the RFC's own
recursion.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.tree import (
    EMPTY_ROOT,
    CompactRange,
    GrowingTree,
    ProofRefused,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and the roots over the first n of them, published with the reference implementations
# of RFC 6962.
VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(count)]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, as it is written."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, as it is written."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 6962 §2.1.2, as it is written."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in VECTOR_LEAVES[:size]]
    assert root_of(leaves).hex() == VECTOR_ROOTS[size - 1]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_published_inclusion_proof() -> None:
    leaves = [leaf_hash(entry) for entry in VECTOR_LEAVES]
    assert [node.hex() for node in inclusion_proof(0, leaves)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@settings(deadline=None)
@given(size=st.integers(0, 200), cut=st.integers(0, 200))
def test_growing_by_parts_gives_the_same_tree(size: int, cut: int) -> None:
    leaves = numbered(size)
    cut = min(cut, size)
    part = CompactRange().extended(leaves[:cut])
    again = CompactRange.from_text(part.size, part.text())
    assert again == part
    assert again.extended(leaves[cut:]).root() == naive_root(leaves)
    growing = GrowingTree(part)
    for leaf in leaves[cut:]:
        growing.add(leaf)
    assert (growing.size, growing.root()) == (size, naive_root(leaves))


@settings(deadline=None)
@given(size=st.integers(1, 150), index=st.integers(0, 149), data=st.data())
def test_inclusion_proofs(size: int, index: int, data: st.DataObject) -> None:
    index %= size
    leaves = numbered(size)
    proof = inclusion_proof(index, leaves)
    root = naive_root(leaves)
    assert proof == naive_path(index, leaves)
    verify_inclusion(leaves[index], index, size, proof, root)
    for wrong in wrong_proofs(proof, data):
        with pytest.raises(ProofRefused):
            verify_inclusion(leaves[index], index, size, wrong, root)
    with pytest.raises(ProofRefused):
        verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    if size > 1:
        with pytest.raises(ProofRefused):
            verify_inclusion(leaves[index], (index + 1) % size, size, proof, root)


@settings(deadline=None)
@given(old=st.integers(0, 150), added=st.integers(0, 150), data=st.data())
def test_consistency_proofs_need_only_the_old_range(old: int, added: int, data: st.DataObject) -> None:
    leaves = numbered(old + added)
    before = CompactRange().extended(leaves[:old])
    proof = consistency_proof(before, leaves[old:])
    old_root, new_root = before.root(), naive_root(leaves)
    if old and added:
        assert proof == naive_subproof(old, leaves, True)
    verify_consistency(old, old_root, old + added, new_root, proof)
    for wrong in wrong_proofs(proof, data):
        with pytest.raises(ProofRefused):
            verify_consistency(old, old_root, old + added, new_root, wrong)
    if old:
        other = leaf_hash(b"another")
        with pytest.raises(ProofRefused):
            verify_consistency(old, other, old + added, new_root, proof)
        with pytest.raises(ProofRefused):
            verify_consistency(old, old_root, old + added, other, proof)


def test_a_smaller_tree_is_never_consistent() -> None:
    leaves = numbered(5)
    with pytest.raises(ProofRefused):
        verify_consistency(5, root_of(leaves), 4, root_of(leaves[:4]), [])


def test_a_range_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="peaks"):
        CompactRange(3, (EMPTY_ROOT,))
    with pytest.raises(ValueError, match="32 bytes"):
        CompactRange.from_text(1, "00")


def wrong_proofs(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """A node too many, and, where there are nodes, one too few and one with a flipped bit."""
    wrong = [[*proof, leaf_hash(b"one too many")]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        wrong += [proof[:at] + proof[at + 1 :], [*proof[:at], flipped, *proof[at + 1 :]]]
    return wrong
