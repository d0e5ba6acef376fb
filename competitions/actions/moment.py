"""The row of a competition under its lock, and the time of the next fact about it."""

from datetime import datetime

from competitions import queries
from competitions.rules.rows import Competition
from ledger import log
from ledger.actions import ms


def contest_row(competition: str) -> Competition:
    """The competition, locked until the transaction ends: everything about it takes turns.

    raises CompetitionUnknown
    """
    found = log.Tables().get(Competition, competition)
    return found or queries.competition_row(competition)


def next_ms(contest: Competition, now: datetime) -> int:
    """The log's time of the next fact about a competition; it rises strictly."""
    return max(ms(now), contest.last_ms + 1)
