"""A miner names the entries that decide for him."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from assay import messages
from competitions import queries
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import NotNominable, SubmissionClosed
from competitions.rules.fold import fold
from competitions.rules.rows import STANDING, Competition, Phase
from ledger import log
from ledger.rules.entry import Entry


@transaction.atomic
def nominate(order: Entry, *, now: datetime) -> None:
    """Name the own entries that decide, until the close; none: the rule chooses again.

    order   submission.nominate; the same order again changes nothing
    raises  CompetitionUnknown, SubmissionClosed, NotNominable
    """
    asked: messages.SubmissionNominate = order.body
    contest = contest_row(asked.competition)
    if log.find(order.id):
        return
    at_ms = next_ms(contest, now)
    _check_open(contest, at_ms)
    _check_names(asked.submissions, contest, owner=order.actor)
    body = messages.SubmissionNominated(contest.id, order.actor, asked.submissions, at_ms)
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))


def nominate_for(owner: str, competition: str, names: Sequence[str], *, now: datetime) -> Entry:
    """Name them in the operator's words for a web user; the same again is the order of before.

    returns the order; raises as nominate
    """
    said, wanted = queries.nomination(competition, owner), tuple(names)
    if said and said.submissions == wanted and (known := log.find(said.order)):
        return known
    words = f"nominate/{competition}/{said.at_ms if said else 0}/{'/'.join(names)}"
    body = messages.SubmissionNominate(competition, wanted)
    order = log.order_for(owner, body, idempotency=words)
    nominate(order, now=now)
    return order


def _check_open(contest: Competition, at_ms: int) -> None:
    closes_ms = contest.spec.closes_at_ms
    if contest.phase != Phase.OPEN or at_ms >= closes_ms:
        raise SubmissionClosed(
            f"{contest.id} is not open: it is fixed which entries decide.",
            next_step="Look at its page: it says which entries decide.",
            state=contest.phase,
            closed_at_ms=str(closes_ms),
            received_at_ms=str(at_ms),
        )


def _check_names(names: Sequence[str], contest: Competition, *, owner: str) -> None:
    """raises NotNominable"""
    most = contest.spec.finals
    if len(names) > most or len(set(names)) < len(names):
        told = "One entry is named twice." if len(names) <= most else f"You named {len(names)}."
        raise NotNominable(
            f"{told} In {contest.id} {most} may decide.", submission="", state="", most=most
        )
    mine = {one.id: one for one in queries.entry_rows_of(contest.id, owner)}
    for name in names:
        state = mine[name].state if name in mine else ""
        if state not in STANDING:
            told = f"It is {state}." if state else f"You have no such entry in {contest.id}."
            raise NotNominable(
                f"{name:.43} cannot decide. {told}", submission=name, state=state, most=most
            )
