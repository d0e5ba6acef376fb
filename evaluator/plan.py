"""Which examples are computed together: part of the manifest, as it changes the last bits.

A batch of the plan is also a leaf of the result's tree (evaluator/results.py): it can be run alone.
"""

from collections.abc import Sequence

from evaluator.slices import Row

RULE = "length-sorted-v2"


def batches(examples: Sequence[Sequence[Row]], *, budget_tokens: int) -> list[list[int]]:
    """Indexes of the examples, batch by batch. Rule "length-sorted-v2".

    examples       the rows of each; an example is never divided
    budget_tokens  most padded tokens (rows x longest) in a batch; a longer example is alone
    returns        every index once, sorted by (longest row, index), filled up in that order
    """
    longest = [max((len(row.ids) for row in rows), default=0) for rows in examples]
    plan: list[list[int]] = []
    held = 0
    for place in sorted(range(len(examples)), key=lambda place: (longest[place], place)):
        rows = len(examples[place])
        if not plan or longest[place] * (held + rows) > budget_tokens:
            plan.append([])
            held = 0
        plan[-1].append(place)  # sorted, so the newest is the longest
        held += rows
    return plan
