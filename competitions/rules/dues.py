"""What the end of a competition owes: written down at the end, and moved batch by batch.

One fact that paid everybody would grow with the number of entries, past what a message may hold.
"""

from collections.abc import Sequence

from assay.messages import Line
from assay.wire import changed
from competitions.rules.rows import Competition, Due
from ledger.rules.rows import Rows

MOST_LINES = 100  # in one batch


def owe(contest: Competition, lines: Sequence[Line], rows: Rows) -> Competition:
    """Write the lines down in this order; the answer is the competition that owes them."""
    parts = [lines[at : at + MOST_LINES] for at in range(0, len(lines), MOST_LINES)]
    for number, part in enumerate(parts):
        for place, line in enumerate(part):
            rows.put(Due(line.id, batch_of(contest, number), place, line))
    return changed(contest, due_batches=len(parts))


def next_lines(contest: Competition, rows: Rows) -> tuple[Line, ...]:
    """The transfers of the next batch; none when all is paid."""
    if contest.is_cleared:
        return ()
    batch = batch_of(contest, contest.paid_batches)
    found = sorted(rows.find(Due, batch=batch), key=lambda one: one.place)
    return tuple(one.line for one in found)


def batch_of(contest: Competition, number: int) -> str:
    return f"{contest.id}/{number}"
