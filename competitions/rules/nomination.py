"""Which entries decide: those that their owner named, or those that the rule takes without a word.

Only they are run on the sealed slice, opened and counted. The more entries decide, the harder it
is to win by luck (rules/prizes.py), so each owner has few of them.
source  docs/mechanism.md, section 6
"""

from collections.abc import Sequence

from competitions.rules import race, verdict
from competitions.rules.rows import Nomination, Submission

WITHOUT_A_WORD = 2  # the best, and the newest other


def nominated(
    entries: Sequence[Submission], named: Sequence[Nomination], finals: int
) -> list[Submission]:
    """The entries that decide, in order of their owners.

    entries  all of a competition, without copies     named  what owners said last
    """
    words = {one.owner: one.submissions for one in named}
    stood: dict[str, list[Submission]] = {}
    for one in verdict.standing(entries):
        stood.setdefault(one.owner, []).append(one)
    parts = (chosen(stood[owner], words.get(owner, ()), finals) for owner in sorted(stood))
    return [one for part in parts for one in part]


def chosen(mine: Sequence[Submission], named: Sequence[str], finals: int) -> list[Submission]:
    """Of an owner's standing entries those that he named; when none of these stands, by rule.

    By rule: the best of the board, and the newest other one.
    """
    by_id = {one.id: one for one in mine}
    wanted = [by_id[name] for name in named if name in by_id]
    if wanted:
        return wanted[:finals]
    shown = sorted((one for one in mine if one.merit), key=race.rank_key)
    newest = sorted(mine, key=lambda one: one.committed_ms, reverse=True)
    in_turn = dict.fromkeys((*shown[:1], *newest))
    return [*in_turn][: min(finals, WITHOUT_A_WORD)]
