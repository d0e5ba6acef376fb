"""Where a competition may stand, each scene made by honest actions from the founding on."""

from django.db import transaction

from assay import messages
from competitions import queries
from competitions.errors import Duplicate
from competitions.rules.fold import fold
from ledger import log
from ledger.actions import ms
from tests import crew, factories
from tests.factories import at


def contest(name="docs"):
    return queries.competition_row(name)


def entries(state):
    return [one for one in queries.entry_rows("docs") if one.state == state]


def order(account, body, words="again"):
    return log.order_for(account, body, idempotency=words)


@transaction.atomic
def put(body, answers=None):
    facts = [log.fact(body, answers=answers, idempotency="a forged fact")]
    orders = [answers] if answers and not log.find(answers.id) else []
    log.record([*orders, *facts], rooms=(fold,))


def a_funded_one():
    factories.competition(is_open=False)


def an_open_one():
    factories.competition(quota=1)
    factories.submission("ada")
    factories.scored("bob", number=1)


def a_closed_one():
    """Closed; ada waits for her score, so that nothing else is due."""
    an_open_one()
    factories.deadline.advance("docs", now=at(601))


def one_of_which_no_entry_stands():
    """Closed by its fact alone: the clock would cancel it at once."""
    factories.competition()
    put(messages.CompetitionClosed("docs", ms(at(601))))


def one_of_many_entries():
    """Open: ada has three entries with scores and one that was refused, bob has one."""
    factories.competition(quota=4)
    for number in range(3):
        factories.scored("ada", number=number, right=20 + number)
    factories.refused("ada", number=3, error=Duplicate("It is there already.", of="somebody"))
    factories.scored("bob", number=4)


def one_whose_scores_are_there():
    """Closed by its fact alone: the clock would go on at once."""
    one_of_many_entries()
    put(messages.CompetitionClosed("docs", ms(at(601))))


def one_in_which_not_all_decide():
    """Being verified: of ada's three the best and the newest are one, and the second is there."""
    one_of_many_entries()
    factories.deadline.advance("docs", now=at(601))


def one_being_verified():
    """ada's final score is there; bob's and the baseline's are not."""
    factories.competition()
    factories.scored("ada")
    factories.scored("bob", number=1)
    factories.deadline.advance("docs", now=at(601))
    for work in factories.Evaluation.objects.filter(submission=entries("scored")[0].id):
        adapter = factories.adapter_of(work.submission)
        crew.finish(work, factories.measured(adapter, 30), taken=at(602), now=at(603))


def a_provisional_one():
    """Judged: ada has 39 right answers and bob 25; disputes are open until 640 s."""
    factories.competition(dispute_s=30)
    ada, bob = factories.scored("ada"), factories.scored("bob", number=1)
    assert factories.settle(right={ada: 39, bob: 25}) == ["provisional"]


def a_settled_one():
    factories.competition()
    factories.scored("ada")
    assert factories.settle()[-1] == "settled"


def an_aborted_one():
    """Nobody scored ada in time."""
    a_closed_one()
    assert factories.deadline.advance("docs", now=at(661)) == ["aborted"]


def a_cancelled_one():
    factories.competition()
    factories.contest.cancel_for("sponsor", "docs", now=at(20))
