"""When the clock has to look at a competition again. An index of it is all that a tick reads."""

from competitions.rules.rows import ENDS, Competition, Phase, Tally


def due_ms(contest: Competition, tally: Tally) -> int | None:
    """From when on a step may be due; None: never, unless somebody does something.

    What waits for workers is always due: whatever was lost on the way is found by the next tick.
    """
    if contest.phase in ENDS:
        return None if contest.is_cleared and not tally.shut else contest.since_ms
    return {
        Phase.PUBLISHED: None,
        Phase.FUNDED: contest.spec.opens_at_ms,
        Phase.OPEN: contest.spec.closes_at_ms,
        Phase.CLOSED: contest.since_ms,
        Phase.VERIFYING: contest.since_ms,
        Phase.PROVISIONAL: contest.dispute_until_ms,
    }[Phase(contest.phase)]
