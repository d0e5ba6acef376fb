"""Per-example results as a tree: what a score message commits to, and what one batch proves.

The leaf of batch k is the SHA-256 over its examples in the plan's order: of each, the count of its
integers as u32 and the integers as int64, little-endian. The root is RFC 6962's over the leaves.
Anybody can run one batch again and compare one leaf. Standard library only.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from assay.merkle import leaf_hash, root


@dataclass(frozen=True)
class ResultTree:
    """The leaves of a run, one per batch of the plan, and their root; 64 hex digits each."""

    leaves: tuple[str, ...]
    root: str


def result_tree(results: Sequence[Sequence[int]], plan: Sequence[Sequence[int]]) -> ResultTree:
    """The tree over all results.

    results  the integers of each example, in the order of the inputs
    plan     indexes of the examples, batch by batch
    """
    leaves = tuple(batch_leaf([results[place] for place in batch]) for batch in plan)
    return ResultTree(leaves, root([leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]).hex())


def batch_leaf(results: Sequence[Sequence[int]]) -> str:
    """The leaf of one batch, from the integers of its examples in the plan's order."""
    told = sha256()
    for row in results:
        told.update(struct.pack(f"<I{len(row)}q", len(row), *row))
    return told.hexdigest()
