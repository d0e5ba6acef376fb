"""A licence that goes back: every balance is as before, no pool is below zero, nothing is lost."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import messages
from ledger import log
from ledger.actions import mint
from ledger.errors import Overdrawn
from ledger.models import Account
from ledger.queries import balance_nano
from ledger.rules import books
from ledger.rules.accounts import Account as Purse
from ledger.rules.rows import MemoryRows
from licensing import actions, errors, models, queries
from licensing.rules import pools
from licensing.rules.rows import PoolDebt, PoolShare, pool_of
from licensing.rules.statement import period
from tests.hostile.orders import fold_anew
from tests.licensing import market
from tests.licensing.market import BASE, NOW, WORK

ACTS = st.lists(
    st.tuples(st.sampled_from(["sell", "refund", "draw"]), st.integers(0, 7), st.integers(1, 999)),
    min_size=2,
    max_size=14,
)


@settings(max_examples=50, deadline=None)
@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=4), acts=ACTS)
def test_sales_and_their_refunds_leave_every_balance_as_before_whoever_drew_in_between(
    weights, acts
):
    rows, sold, drawn = _house(weights), {}, Counter()
    for number, (what, place, nano) in enumerate(acts):
        cause = f"{what}{number}"
        if what == "sell":
            sold[cause] = nano
            back = pools.repayments(cause, {"w": nano}, rows)
            _pay(rows, cause, [_line(cause, "buyer", pool_of("w"), nano), *back])
        elif what == "refund" and sold:
            name = sorted(sold)[place % len(sold)]
            _pay(rows, name, pools.refunds(name, {"w": sold.pop(name)}, "buyer", rows))
        elif what == "draw":
            payee = f"p{place % len(weights)}"
            drawn[payee] += _draw(rows, cause, payee)
        _check(rows, sold, drawn)
    for name in sorted(sold):
        _pay(rows, name, pools.refunds(name, {"w": sold[name]}, "buyer", rows))
    _check(rows, {}, drawn)
    assert rows.get(Purse, "buyer").available_nano == 10**6


def _house(weights):
    rows = MemoryRows()
    for name, kind, nano in (("buyer", "user", 10**6), ("fee", "fee", 10**6)):
        rows.put(Purse(name, kind, available_nano=nano))
    rows.put(Purse(pool_of("w"), "pool"))
    for place, weight in enumerate(weights):
        rows.put(Purse(f"p{place}", "user"))
        rows.put(PoolShare(f"w/p{place}", "w", f"p{place}", weight, 0))
    return rows


def _line(cause, debit, credit, nano, code="licence"):
    return messages.Line(
        books.transfer_id(cause, f"{code}/{credit}"), "single", debit, credit, nano, code
    )


def _pay(rows, cause, lines):
    books.apply(lines, rows, at_ms=1, message=cause)
    pools.book(lines, rows)


def _draw(rows, cause, payee):
    nano = pools.due_from_pool("w", rows)[payee]
    if nano:
        _pay(rows, cause, [_line(cause, pool_of("w"), payee, nano, "royalty")])
        share = rows.get(PoolShare, f"w/{payee}")
        rows.put(PoolShare(share.id, "w", payee, share.weight, share.drawn_nano + nano))
    return nano


def _check(rows, sold, drawn):
    """No pool is below zero, what is due lies there, and all that the house lent is written down"""
    pool, debt = rows.get(Purse, pool_of("w")).available_nano, rows.get(PoolDebt, "w")
    owed = debt.owed_nano if debt else 0
    due = sum(pools.due_from_pool("w", rows).values())
    assert 0 <= due <= pool
    assert owed >= 0
    assert pool - owed + sum(drawn.values()) == sum(sold.values())
    assert rows.get(Purse, "fee").available_nano == 10**6 - owed


@pytest.fixture
def _scene(db):
    market.people()
    market.scene()


def balances():
    return dict(Account.objects.values_list("id", "available_nano"))


def refund(grant, account="buyer", now=NOW):
    body = messages.LicenceRefund(grant)
    order = log.order_for(account, body, idempotency=f"back/{grant}")
    return actions.refund_licence(order, now=now)


@pytest.mark.usefixtures("_scene")
def test_a_refund_leaves_every_balance_as_before_and_ends_the_licence():
    before = balances()
    grant = market.buy()
    late = NOW + timedelta(days=13, hours=23)
    assert refund(grant.id, now=late).state == "refunded"
    assert refund(grant.id, now=late).state == "refunded", "the same order"
    assert balances() == before
    assert queries.quote(WORK, ["commercial"], account="buyer", now=NOW).held == ()
    _statement_holds("miner", 0)
    history = fold_anew()
    assert history.kinds.count("licence.revoked") == 1


@pytest.mark.usefixtures("_scene")
def test_what_payees_drew_is_lent_by_the_house_and_comes_back_with_the_next_sales():
    market.buy("earlier")  # its fee is what the house can lend
    mint(account="fee", amount_nano=10**12, idempotency="till", now=NOW)
    before = balances()
    grant = market.buy("one", now=NOW + timedelta(hours=1))
    drew = {name: market.draw(name, WORK) for name in ("miner", "mate")}
    refund(grant.id, now=NOW + timedelta(days=1))
    after = balances()
    assert (after["buyer"], after[pool_of(BASE)]) == (before["buyer"], before[pool_of(BASE)])
    lent = before["fee"] - after["fee"]
    assert lent > 0
    assert after[pool_of(WORK)] >= 0
    assert models.PoolDebt.objects.get(pk=WORK).owed_nano == lent
    with pytest.raises(errors.NothingToDraw):
        market.draw("miner", WORK, "more")
    market.buy("next", now=NOW + timedelta(days=2))
    assert models.PoolDebt.objects.get(pk=WORK).owed_nano == 0
    shares = queries.quote(WORK, ["commercial"], account="", now=NOW).shares.shares_nano
    due = {one.work.id: one.due_nano for one in queries.royalties("miner")}
    assert due[WORK] == 2 * (2 * shares[WORK]) // 3 - drew["miner"], "two sales stand"
    _statement_holds("miner", due[WORK])
    fold_anew()


def _statement_holds(account, closing_nano):
    """The lines of a statement add up to what can be drawn, and the page of dues says the same."""
    lines = [line for line, _ in queries.royalty_statement(account, period("", "")).lines]
    assert sum(one.share_nano - one.drawn_nano for one in lines) == closing_nano
    assert queries.royalty_totals(account, period("", "")).closing_nano == closing_nano
    page = queries.dues_page(account, start=0, limit=9, lines=50)
    assert page.due_nano == closing_nano
    assert {(one.message, one.share_nano) for one in page.lines} == {
        (one.message, one.share_nano) for one in lines
    }


@pytest.mark.usefixtures("_scene")
def test_a_licence_goes_back_only_by_its_holder_in_time_unused_and_once():
    grant = market.buy()
    before = balances()
    with pytest.raises(errors.NotHolder):
        refund(grant.id, "mate")
    with pytest.raises(errors.RefundOver):
        refund(grant.id, now=NOW + timedelta(days=14))
    with pytest.raises(errors.GrantUnknown):
        refund("g" * 43)
    assert balances() == before
    refund(grant.id)
    body = messages.LicenceRefund(grant.id)
    again = log.order_for("buyer", body, idempotency="another")
    with pytest.raises(errors.GrantOver):
        actions.refund_licence(again, now=NOW)
    assert balances()["buyer"] == before["buyer"] + grant.price_nano


@pytest.mark.django_db
def test_a_licence_that_was_derived_from_does_not_go_back():
    market.people()
    paid = (*market.ASSAY, ("Derivation", "Allowed-With-Fee-One-Time-5"), market.BASE_TAGS[-1])
    market.register("author", BASE, "base", paid)
    quote = queries.quote(BASE, ["derive"], account="buyer", now=NOW)
    grant = market.buy_quoted("buyer", quote)
    market.enter(parents=(BASE,), owner="buyer")
    with pytest.raises(errors.GrantUsed):
        refund(grant.id)
    fold_anew()


@pytest.mark.usefixtures("_scene")
def test_the_house_that_has_nothing_to_lend_refuses_and_nothing_moves():
    grant = market.buy()
    market.draw("miner", WORK)
    market.draw("mate", WORK)
    before = balances()
    with pytest.raises(Overdrawn):
        refund(grant.id)
    assert balances() == before
    assert queries.grant(grant.id).state == "active"


@pytest.mark.usefixtures("_scene")
def test_the_operator_takes_back_a_licence_that_was_broken_and_pays_nothing():
    grant = market.buy()
    before = balances()
    assert actions.revoke_licence(grant.id, now=NOW).state == "revoked"
    assert actions.revoke_licence(grant.id, now=NOW).state == "revoked"
    assert balances() == before
    assert balance_nano("fee") == before["fee"]
    fold_anew()
