"""Terms that change and works that are withdrawn: only by their owner, only for later."""

import pytest

from assay import messages
from competitions.actions import winners
from competitions.errors import FoldRefused
from ledger import log
from licensing import actions, errors, queries
from tests import factories
from tests.hostile.orders import fold_anew
from tests.licensing import market
from tests.licensing.market import BASE, DATA, NOW, WORK

pytestmark = pytest.mark.django_db
DEARER = (*market.ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-200"))


@pytest.fixture
def _scene():
    market.people()
    market.scene()


def change(owner, work, tags=DEARER, number=2, now=NOW):
    body = messages.TermsChange(work, number, tags)
    return actions.change_terms(log.order_for(owner, body, idempotency=f"{number}"), now=now)


def withdraw(owner, work, now=NOW):
    order = log.order_for(owner, messages.WorkWithdraw(work), idempotency="out")
    return actions.withdraw_work(order, now=now)


@pytest.mark.usefixtures("_scene")
def test_other_terms_hold_for_later_sales_and_what_was_bought_stays():
    first = market.buy()
    old = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    assert change("miner", WORK) == 2
    assert change("miner", WORK) == 2, "the same order"
    with pytest.raises(errors.QuoteStale):
        market.buy_quoted("buyer", old, "two")
    assert queries.grant(first.id).state == "active"
    assert queries.listing(queries.work(WORK), now=NOW).price_nano == 200 * 10**9
    assert market.buy("three").terms_version == 2
    fold_anew()


@pytest.mark.usefixtures("_scene")
@pytest.mark.parametrize(
    ("owner", "number", "code"),
    [
        ("mate", 2, "licensing.not_owner"),
        ("miner", 1, "licensing.terms_stale"),
        ("miner", 3, "licensing.terms_stale"),
    ],
)
def test_terms_are_changed_by_the_owner_one_after_the_other(owner, number, code):
    with pytest.raises(errors.LicensingRefused) as refusal:
        change(owner, WORK, number=number)
    assert refusal.value.code == code
    fold_anew()


def test_changed_terms_do_not_sell_what_a_parent_denied_when_the_work_was_made():
    market.people()
    market.register("author", BASE, "base", (*market.ASSAY, ("Derivation", "Allowed")))
    market.enter(tags=(*market.ASSAY, ("Derivation", "Allowed")), parents=(BASE,))
    with pytest.raises(errors.CommercialConflict):
        change("miner", WORK)
    change("author", BASE, (*market.BASE_TAGS[:-1], ("Commercial-Use", "Allowed")))
    with pytest.raises(errors.CommercialConflict):
        change("miner", WORK)
    fold_anew()


@pytest.mark.usefixtures("_scene")
def test_a_withdrawn_work_sells_nothing_parents_nothing_and_is_paid_all_the_same():
    with pytest.raises(errors.NotOwner):
        withdraw("miner", DATA)
    assert withdraw("sponsor", DATA) == DATA
    with pytest.raises(errors.NotForSale):
        queries.quote(DATA, ["train"], account="buyer", now=NOW)
    with pytest.raises(errors.ParentWithdrawn):
        queries.check_parents(market.WORK_TAGS, [DATA], owner="mate", now=NOW)
    with pytest.raises(errors.NotForSale):
        change("sponsor", DATA)
    assert DATA not in {one.work.id for one in queries.offers(queries.Wanted(), now=NOW).rows}
    market.buy()
    assert queries.pool_nano(DATA) > 0
    fold_anew()


def test_what_has_won_stays_on_the_market_at_least_as_free_as_its_competition_asked():
    factories.competition()
    won = factories.scored()
    factories.settle()
    [work] = winners.license_winners("docs", now=factories.at(620))
    later = factories.at(700)
    with pytest.raises(FoldRefused):
        withdraw("miner", work, now=later)
    closed = (*factories.ASSAY, ("Derivation", "Disallowed"), ("Commercial-Use", "Disallowed"))
    with pytest.raises(FoldRefused):
        change("miner", work, closed, now=later)
    assert change("miner", work, factories.REQUIRED, now=later) == 2
    assert won in work
    fold_anew()
