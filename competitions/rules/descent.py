"""Where two runs differ first: down both trees of results, from the roots to one batch."""

from collections.abc import Sequence

from assay import merkle


def first_differing(left: Sequence[str], right: Sequence[str]) -> int | None:
    """The number of the first batch whose leaves differ; None when the trees are the same.

    left, right  the leaves of both, 64 hex digits each, in the order of the plan
    """
    if len(left) != len(right):
        return min(len(left), len(right), max(len(left), len(right)) - 1)
    if _root(left) == _root(right):
        return None
    if len(left) == 1:
        return 0
    half = 1 << ((len(left) - 1).bit_length() - 1)  # as RFC 6962 parts a tree
    found = first_differing(left[:half], right[:half])
    if found is not None:
        return found
    below = first_differing(left[half:], right[half:])
    assert below is not None, "one of two halves differs"
    return half + below


def _root(leaves: Sequence[str]) -> bytes:
    return merkle.root([merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves])
