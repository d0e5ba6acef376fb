"""Many at once: every sale pays everybody, every royalty is drawn once, on both databases."""

import pytest

from assay.money import parse_tokens
from ledger.actions import mint, open_account_for
from ledger.queries import balance_nano
from licensing import errors, queries
from tests.licensing.market import (
    BASE,
    FUNDS,
    NOW,
    WORK,
    buy,
    buy_quoted,
    draw,
    people,
    scene,
)


@pytest.fixture(autouse=True)
def everybody(transactional_db):
    people()
    scene()


def test_eight_draws_at_once_pay_once(crowd):
    buy()
    failed = crowd(lambda number: draw("miner", WORK, f"draw {number}"))
    assert len(failed) == 7
    assert all(isinstance(error, errors.NothingToDraw) for error in failed), failed
    assert balance_nano("miner") == parse_tokens("83.3") * 2 // 3


def test_four_sales_at_once_all_pay_everybody(crowd):
    for number in range(4):
        open_account_for(f"firm{number}", now=NOW)
        mint(account=f"firm{number}", amount_nano=FUNDS, idempotency="funds", now=NOW)

    def sale(number):
        name = f"firm{number}"
        return buy_quoted(name, queries.quote(WORK, ["commercial"], account=name, now=NOW))

    assert crowd(sale, size=4) == []
    assert queries.pool_nano(BASE) == 4 * parse_tokens("4.9")


def test_four_orders_at_once_for_one_right_pay_once_unless_each_says_again(crowd):
    """Guards that what is held is looked for under the lock of the buyer's account."""
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    failed = crowd(lambda number: buy_quoted("buyer", quote, f"sale {number}"), size=4)
    assert [type(error) for error in failed] == [errors.AlreadyHeld] * 3
    assert balance_nano("buyer") == FUNDS - parse_tokens("100")
