"""Which examples are computed together: part of the manifest, as it changes the last bits.

A batch of the plan is also a leaf of the result's tree (evaluator/score/results.py): it can be run
alone.
"""

from collections.abc import Sequence

from evaluator.task.slices import Row

RULE = "length-sorted-v3"


def batches(examples: Sequence[Sequence[Row]], *, budget_tokens: int) -> list[list[int]]:
    """Indexes of the examples, batch by batch. Rule "length-sorted-v3".

    examples       the rows of each; an example is never divided
    budget_tokens  most tokens in a batch; a longer example is alone
    returns        every index once, sorted by (longest row, index), filled up in that order
    """
    longest = [max((len(row.ids) for row in rows), default=0) for rows in examples]
    plan: list[list[int]] = []
    held = 0
    for place in sorted(range(len(examples)), key=lambda place: (longest[place], place)):
        tokens = sum(len(row.ids) for row in examples[place])
        if not plan or held + tokens > budget_tokens:
            plan.append([])
            held = 0
        plan[-1].append(place)  # sorted, so that texts of one length come together
        held += tokens
    return plan
