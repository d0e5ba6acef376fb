"""What contests may still pay to an account: while there is any of it, the account stays open.

An end pays everybody in batches, whole or not at all, so a single closed account would hold up the
others. A sponsor gets back what is left; an entry gets its prize, its deposit, its part of the
bond; a winner's adapter becomes a work, whose royalties go to the winner.
"""

from competitions.rules.rows import Competition, Submission
from ledger.errors import AccountHasClaims
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows


def account_closed(entry: Entry, rows: Rows) -> None:
    """Three questions to the rows, however many contests there were. raises AccountHasClaims"""
    name = entry.body.account
    for contest in rows.find(Competition, sponsor=name):
        if not contest.is_cleared:
            raise AccountHasClaims(name, "its competition has not ended, and paid all", contest.id)
    mine = rows.find(Submission, owner=name)
    contests = {one.id: one for one in rows.some(Competition, (one.competition for one in mine))}
    for entered in mine:
        if not contests[entered.competition].is_cleared:
            claim = "it stands in a competition that has not ended, and paid all"
            raise AccountHasClaims(name, claim, entered.competition)
        if entered.prize_nano:
            claim = "its entry won, and the royalties of the work that becomes of it go to it"
            raise AccountHasClaims(name, claim, entered.id)
