"""Which examples are computed together: part of the manifest, as it changes the last bits."""

from collections.abc import Sequence


def batches(lengths: Sequence[int], *, budget_tokens: int) -> list[list[int]]:
    """Indexes of the examples, batch by batch. Rule "length-sorted-v1".

    lengths        tokens per example
    budget_tokens  most padded tokens (examples x longest) in a batch; a longer example is alone
    returns        every index once, sorted by (length, index), filled up in that order
    """
    plan: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: (lengths[place], place)):
        longest = lengths[place]  # sorted, so the newest is the longest
        if not plan or longest * (len(plan[-1]) + 1) > budget_tokens:
            plan.append([])
        plan[-1].append(place)
    return plan
