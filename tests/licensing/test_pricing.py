"""The price of a licence is what the terms ask, access included once."""

import pytest

from assay.money import parse_tokens
from licensing.errors import MixedSchedules, UseDenied, UsesInvalid
from licensing.rules.may import MONTH_MS, YEAR_MS, Condition, Use
from licensing.rules.pricing import Access, price
from licensing.rules.reading import parse
from licensing.rules.rows import Work
from licensing.rules.terms import OUR_LICENCE, Schedule

DAY_MS = 86_400_000


WORK = Work("w", "adapter", "ada", "A work", DAY_MS, 1, "live", is_offered=True, message="m")


def offer(*tags):
    return WORK, parse([("License", OUR_LICENCE), ("Currency", "ASSAY"), *tags])


def test_the_access_fee_is_added_once_unless_the_buyer_has_access():
    work = offer(("Access-Fee", "One-Time-1.5"), ("Commercial-Use", "Allowed-With-Fee-One-Time-20"))
    uses = [Use.COMMERCIAL, Use.COPY, Use.DISPLAY]
    found = price(*work, uses, now_ms=2 * DAY_MS)
    assert found.price_nano == parse_tokens("21.5")
    assert found.uses == (Use.COPY, Use.DISPLAY, Use.COMMERCIAL)
    held = price(*work, [Use.COMMERCIAL], now_ms=2 * DAY_MS, access=Access(frozenset({"copy"}), 0))
    assert held.price_nano == parse_tokens("20")


def test_a_monthly_licence_runs_thirty_days_but_not_beyond_the_term():
    work = offer(("Commercial-Use", "Allowed-With-Fee-Monthly-3"), ("Expiry", "1"))
    found = price(*work, [Use.COMMERCIAL], now_ms=2 * DAY_MS)
    assert (found.schedule, found.until_ms) == (Schedule.MONTHLY, 2 * DAY_MS + MONTH_MS)
    late = price(*work, [Use.COMMERCIAL], now_ms=YEAR_MS)
    assert late.until_ms == DAY_MS + YEAR_MS


def test_conditions_and_shares_come_with_the_price():
    work = offer(("Derivation", "Allowed-With-RevenueShare-5%"))
    found = price(*work, [Use.DERIVE], now_ms=DAY_MS)
    assert (found.price_nano, found.rate_e8, found.until_ms) == (0, 5_000_000, 0)
    assert found.conditions == (Condition.REVENUE_SHARE,)


def test_what_is_denied_is_not_for_sale_and_the_reason_is_told():
    with pytest.raises(UseDenied) as refusal:
        price(
            *offer(("Access", "Restricted"), ("Derivation", "Allowed")), [Use.DERIVE], now_ms=DAY_MS
        )
    assert refusal.value.facts == {"work": "w", "use": "copy", "reason": "access_restricted"}
    with pytest.raises(UseDenied):
        price(*offer(), [Use.DISTRIBUTE], now_ms=DAY_MS)


def test_odd_purchases_are_refused():
    mixed = offer(("Access-Fee", "One-Time-1"), ("Commercial-Use", "Allowed-With-Fee-Monthly-2"))
    with pytest.raises(MixedSchedules):
        price(*mixed, [Use.COMMERCIAL], now_ms=DAY_MS)
    for uses in ([], [Use.COPY, Use.COPY], ["steal"]):
        with pytest.raises(UsesInvalid):
            price(*offer(), uses, now_ms=DAY_MS)
