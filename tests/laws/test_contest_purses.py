"""Sponsors and buyers at once: every purse pays once, on SQLite and on PostgreSQL.

What was taken away once, by hand, on PostgreSQL, and what then failed is told in
test_contest_crowds.py.
"""

import pytest

from assay.messages import CompetitionFund, CompetitionPublish
from assay.wire import Nano
from competitions.actions import contest
from competitions.errors import CompetitionExists, WrongState
from competitions.rules.spec import bond_nano
from ledger import log
from ledger.errors import Overdrawn
from ledger.queries import balance_nano
from tests import factories
from tests.laws.together import count, nothing_is_made_or_lost, together
from tests.licensing import market

AT = factories.at(1)


@pytest.fixture(autouse=True)
def house(transactional_db):
    """Commits are real here."""


@pytest.fixture
def crowd(crowd):
    return together(crowd)


def test_eight_sponsor_clicks_on_publish_stake_once(crowd):
    """Guards the lock of the draft: the second click finds it published."""
    factories.base_work()
    factories.account("sponsor", "1100")
    made, _, _ = factories.spec("docs")
    draft = factories.ready_draft(data_share="10")
    files = tuple(draft.prepared["files"])
    assert [one.name for one in made.files] == [one["name"] for one in files]
    asked = contest.Publication("docs", made, None)
    assert crowd(lambda _: contest.publish_for("sponsor", draft.id, asked, now=AT)) == []
    assert count("competition.published") == count("competition.funded") == 1
    assert balance_nano("sponsor") == 0
    assert nothing_is_made_or_lost()


def publication(sponsor, spec, name="docs"):
    """The two orders of a sponsor: publish it, and fund it."""
    fund = CompetitionFund(name, spec.prize_nano, Nano(bond_nano(spec)))
    bodies = (CompetitionPublish(name, spec), fund)
    return [
        log.order_for(sponsor, body, idempotency=f"{name}/{place}")
        for place, body in enumerate(bodies)
    ]


def test_eight_publications_of_a_sponsor_with_money_for_one_stake_one(crowd):
    """Guards the lock of the sponsor's account: eight stakes cannot be taken out of one."""
    factories.account("sponsor", "1100")
    specs = [factories.spec(f"task{number}") for number in range(8)]
    for number, (_, body, _) in enumerate(specs):
        factories.register(body, f"task{number}")

    def publish(number):
        orders_of_it = publication("sponsor", specs[number][0], f"task{number}")
        contest.publish(*orders_of_it, now=AT)

    assert [type(error) for error in crowd(publish)] == [Overdrawn] * 7
    assert count("competition.published") == 1
    assert balance_nano("sponsor") == 0
    assert nothing_is_made_or_lost()


def test_eight_cancellations_give_the_stake_back_once(crowd):
    factories.competition()
    errors = crowd(lambda _: contest.cancel_for("sponsor", "docs", now=factories.at(30)))
    assert {type(error) for error in errors} <= {WrongState}
    assert count("competition.cancelled") == 1
    assert balance_nano("sponsor") == 10_000 * 10**9
    assert nothing_is_made_or_lost()


def test_of_eight_buyers_clicks_with_money_for_one_licence_one_is_sold(crowd):
    """Guards the lock of the holder's account: one purse pays for one licence."""
    market.people()
    market.scene()
    for number in range(4):
        market.buy(f"before {number}")
    assert balance_nano("buyer") == 100 * 10**9
    errors = crowd(lambda number: market.buy(f"click {number}"))
    assert [type(error) for error in errors] == [Overdrawn] * 7
    assert {error.code for error in errors} == {"ledger.overdrawn"}
    assert count("licence.granted") == 5
    assert balance_nano("buyer") == 0
    assert nothing_is_made_or_lost()


def test_the_same_click_on_buy_eight_times_is_one_licence(crowd):
    """Guards that buy_licence looks for its order under a lock, or ends without a second sale."""
    market.people()
    market.scene()
    quote = market.queries.quote(market.WORK, ("commercial",), account="buyer", now=market.NOW)
    bought = []

    def click(_):
        made = market.buy_quoted("buyer", quote)
        bought.append(made.pk)

    assert crowd(click) == []
    assert len(set(bought)) == 1
    assert len(bought) == 8
    assert count("licence.granted") == 1
    assert balance_nano("buyer") == 400 * 10**9


def test_the_same_draw_of_a_royalty_eight_times_pays_once_and_answers_alike(crowd):
    """Guards that draw_royalty looks for its order after the lock: so it answers, and pays once."""
    market.people()
    market.scene()
    market.buy()
    drawn = []
    assert crowd(lambda _: drawn.append(market.draw("miner", market.WORK))) == []
    assert len(drawn) == 8
    assert set(drawn) == {balance_nano("miner")}
    assert count("royalty.drawn") == 1


def test_eight_sponsors_who_want_one_name_leave_one_competition(crowd):
    """Guards the turn that publish takes: the name is looked up after the lock."""
    made, body, _ = factories.spec("docs")
    factories.register(body)
    sponsors = [factories.account(f"sponsor{number}", "1100") for number in range(8)]
    errors = crowd(lambda number: contest.publish(*publication(sponsors[number], made), now=AT))
    assert [type(error) for error in errors] == [CompetitionExists] * 7, errors
    assert count("competition.published") == count("competition.funded") == 1
    assert sorted(balance_nano(one) for one in sponsors) == [0] + [1100 * 10**9] * 7
    assert nothing_is_made_or_lost()
