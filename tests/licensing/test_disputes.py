"""A disputed work sells nothing and pays nobody, until the operator has ruled."""

import pytest
from django.db import transaction

from assay import messages
from ledger import log
from ledger.actions import mint
from ledger.errors import MessageRefused
from ledger.queries import balance_nano
from licensing import actions, errors, models, queries
from licensing.rules.fold import licensing
from licensing.rules.rows import pool_of
from tests.hostile.orders import fold_anew
from tests.licensing import market
from tests.licensing.market import DATA, NOW, WORK

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scene(db):
    market.people()
    market.scene()
    market.buy()


def dispute(work=WORK, account="author", words="one"):
    order = log.order_for(account, messages.WorkDispute(work, "It is mine."), idempotency=words)
    return actions.raise_dispute(order, now=NOW)


def rule(found, ruling, now=NOW):
    return actions.judge_dispute(found.id, ruling=ruling, why="As it is.", now=now)


def test_a_dispute_changes_nothing_before_it_is_opened_and_then_freezes_the_pool():
    found = dispute()
    assert dispute().id == found.id, "the same order"
    assert queries.work(WORK).state == "live"
    assert rule(found, "opened").state == "open"
    before = balance_nano(pool_of(WORK))
    assert before > 0
    with pytest.raises(errors.PoolFrozen):
        market.draw("miner", WORK)
    with pytest.raises(errors.NotForSale):
        market.buy("two")
    with pytest.raises(errors.ParentDisputed):
        queries.check_parents(market.WORK_TAGS, [WORK], owner="mate", now=NOW)
    assert market.draw("sponsor", DATA) > 0, "its parents are paid as ever"
    assert rule(found, "cleared").state == "cleared"
    assert queries.work(WORK).state == "live"
    assert balance_nano(pool_of(WORK)) == before
    assert market.draw("miner", WORK) > 0
    fold_anew()


def test_what_comes_while_a_parent_is_disputed_waits_in_its_pool():
    rule(dispute(DATA), "opened")
    before = balance_nano(pool_of(DATA))
    market.buy("two")
    assert balance_nano(pool_of(DATA)) == 2 * before
    with pytest.raises(errors.PoolFrozen):
        market.draw("sponsor", DATA)
    fold_anew()


def test_who_is_found_to_be_right_gets_what_lies_there_and_what_comes_later():
    found = dispute(DATA)
    drew = market.draw("sponsor", DATA)
    market.buy("two")
    rule(found, "opened")
    assert rule(found, "upheld").state == "upheld"
    assert queries.work(DATA).state == "withdrawn"
    assert balance_nano("author") == drew, "the second sale, since the first was drawn"
    assert balance_nano(pool_of(DATA)) == 0
    market.buy("three")
    rule(found, "upheld", now=market.NOW.replace(hour=2))
    assert balance_nano("author") == 2 * drew
    with pytest.raises(errors.PoolFrozen):
        market.draw("sponsor", DATA, "again")
    assert {one.work.id: one.due_nano for one in queries.royalties("sponsor")}[DATA] == 0
    fold_anew()


def test_buyers_of_a_work_that_was_somebody_elses_get_their_money_back_at_any_time():
    found = dispute()
    rule(found, "opened")
    rule(found, "upheld")
    [grant] = queries.grants(holder="buyer")
    body = messages.LicenceRefund(grant.id)
    late = NOW.replace(year=2031)
    log_order = log.order_for("buyer", body, idempotency="back")
    mint(account="fee", amount_nano=10**12, idempotency="till", now=NOW)
    actions.refund_licence(log_order, now=late)
    assert balance_nano("buyer") == market.FUNDS
    assert balance_nano(pool_of(WORK)) >= 0
    fold_anew()


def test_rulings_follow_on_one_another_and_nobody_disputes_twice_or_his_own():
    found = dispute()
    with pytest.raises(errors.DisputeTwice):
        dispute(words="two")
    with pytest.raises(errors.DisputeTwice):
        dispute(account="miner")
    with pytest.raises(errors.DisputeOver):
        rule(found, "upheld")
    with pytest.raises(errors.DisputeUnknown):
        actions.judge_dispute("d" * 43, ruling="opened", why="x", now=NOW)
    rule(found, "cleared")
    for ruling in ("opened", "cleared", "upheld", "odd"):
        with pytest.raises(errors.DisputeOver):
            rule(found, ruling)
    assert dispute(words="again").state == "raised"
    assert models.Dispute.objects.count() == 2
    fold_anew()


def test_a_ruling_that_pays_otherwise_is_refused_by_the_fold():
    found = dispute()
    rule(found, "opened")
    body = messages.DisputeJudged(found.id, "upheld", "x", (), 1)
    with pytest.raises(MessageRefused), transaction.atomic():
        log.record([log.fact(body, idempotency="odd")], rooms=(licensing,))
