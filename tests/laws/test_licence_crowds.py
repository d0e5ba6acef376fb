"""Many at once: every sale pays everybody, every royalty is drawn once, on both databases."""

import pytest

from assay.money import parse_tokens
from ledger.queries import balance_nano
from licensing import errors, queries
from tests.licensing.market import BASE, WORK, buy, draw, people, scene


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
    assert crowd(lambda number: buy(f"sale {number}"), size=4) == []
    assert queries.pool_nano(BASE) == 4 * parse_tokens("4.9")
