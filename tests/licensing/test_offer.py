"""What is offered is what the terms ask: access once, no longer than they give it, and no more."""

import pytest

from assay.money import parse_tokens
from licensing.errors import MixedSchedules, NotForSale, UseDenied, UsesInvalid
from licensing.rules.may import MONTH_MS, YEAR_MS, Condition, Use
from licensing.rules.offer import FOR_EVER, Refusal, Subject, check, holder_of, offer
from licensing.rules.reading import parse
from licensing.rules.rows import Grant
from licensing.rules.terms import OUR_LICENCE, Schedule

DAY_MS = 86_400_000
COMMERCIAL = ("Commercial-Use", "Allowed-With-Fee-One-Time-20")


def subject(*tags, **more):
    reading = parse([("License", OUR_LICENCE), ("Currency", "ASSAY"), *tags])
    return Subject(reading, registered_ms=DAY_MS, id="w", title="A work", **more)


def held(*uses, until_ms=FOR_EVER, access_until_ms=FOR_EVER, from_ms=DAY_MS, state="active"):
    ends = (from_ms, until_ms, access_until_ms)
    grant = Grant("g", "w", 1, uses, "ada", 0, 0, *ends, state, "", "", 0, "m")
    return holder_of([grant], at_ms=2 * DAY_MS)


def refused(found, about):
    with pytest.raises((UseDenied, MixedSchedules, NotForSale)) as refusal:
        check(found, about)
    return refusal.value


def test_the_access_fee_is_added_once_unless_the_buyer_has_access():
    work = subject(("Access-Fee", "One-Time-1.5"), COMMERCIAL)
    uses = [Use.COMMERCIAL, Use.COPY, Use.DISPLAY]
    found = offer(work, uses, now_ms=2 * DAY_MS)
    assert (found.price_nano, found.uses[0]) == (parse_tokens("21.5"), Use.ACCESS)
    mine = offer(work, [Use.COMMERCIAL], now_ms=2 * DAY_MS, holder=held("access", "copy"))
    assert (mine.price_nano, mine.uses) == (parse_tokens("20"), ("commercial",))


@pytest.mark.parametrize("lapsed", [{"access_until_ms": 2 * DAY_MS}, {"state": "refunded"}])
def test_access_that_has_ended_or_was_given_back_is_paid_again(lapsed):
    work = subject(("Access-Fee", "One-Time-1.5"), COMMERCIAL)
    found = offer(work, ["commercial"], now_ms=2 * DAY_MS, holder=held("access", **lapsed))
    assert found.price_nano == parse_tokens("21.5")


def test_access_that_is_paid_for_once_outlives_the_period_of_the_use_it_came_with():
    """It ended with the use, and was charged again."""
    work = subject(("Access-Fee", "One-Time-1"), ("Before-1-Years-Commercial-Use", COMMERCIAL[1]))
    found = offer(work, ["commercial"], now_ms=2 * DAY_MS)
    assert (found.until_ms, found.access_until_ms) == (DAY_MS + YEAR_MS, FOR_EVER)
    later = held("access", "commercial", until_ms=2 * DAY_MS)
    assert offer(work, ["copy"], now_ms=2 * DAY_MS, holder=later).price_nano == 0


def test_what_is_bought_under_a_month_of_access_ends_with_it():
    work = subject(("Access-Fee", "Monthly-1"), COMMERCIAL)
    month = held("access", access_until_ms=9 * DAY_MS)
    found = offer(work, ["commercial"], now_ms=2 * DAY_MS, holder=month)
    assert (found.uses, found.until_ms) == (("commercial",), 9 * DAY_MS)


def test_a_month_ends_after_thirty_days_but_not_beyond_the_term():
    work = subject(("Commercial-Use", "Allowed-With-Fee-Monthly-3"), ("Expiry", "1"))
    found = offer(work, [Use.COMMERCIAL], now_ms=2 * DAY_MS)
    assert (found.schedule, found.until_ms) == (Schedule.MONTHLY, 2 * DAY_MS + MONTH_MS)
    assert offer(work, [Use.COMMERCIAL], now_ms=YEAR_MS).until_ms == DAY_MS + YEAR_MS


def test_a_renewal_begins_when_what_is_held_ends_and_never_past_the_term():
    work = subject(("Commercial-Use", "Allowed-With-Fee-Monthly-3"), ("Expiry", "1"))
    mine = held("commercial", until_ms=5 * DAY_MS)
    found = offer(work, ["commercial"], now_ms=2 * DAY_MS, holder=mine)
    assert (found.from_ms, found.until_ms) == (5 * DAY_MS, 5 * DAY_MS + MONTH_MS)
    whole = held("commercial", until_ms=DAY_MS + YEAR_MS)
    past = offer(work, ["commercial"], now_ms=2 * DAY_MS, holder=whole)
    assert past.refusals == (Refusal("commercial", "term_ended"),)


def test_access_is_renewed_with_the_use_when_it_ends_no_later():
    work = subject(("Access-Fee", "Monthly-1"), ("Commercial-Use", "Allowed-With-Fee-Monthly-3"))
    end = {"until_ms": 5 * DAY_MS, "access_until_ms": 5 * DAY_MS}
    mine = held("access", "commercial", **end)
    found = offer(work, ["commercial"], now_ms=2 * DAY_MS, holder=mine)
    assert (found.uses, found.from_ms) == (("access", "commercial"), 5 * DAY_MS)
    assert found.price_nano == parse_tokens("4")


def test_conditions_and_shares_come_with_the_price():
    work = subject(("Derivation", "Allowed-With-RevenueShare-5%"))
    found = offer(work, ["derive"], now_ms=DAY_MS)
    assert (found.price_nano, found.rate_e8, found.until_ms) == (0, 5_000_000, FOR_EVER)
    assert found.conditions == (Condition.REVENUE_SHARE,)


def test_what_is_denied_is_not_for_sale_and_the_reason_is_told():
    work = subject(("Access", "Restricted"), ("Derivation", "Allowed"))
    refusal = refused(offer(work, [Use.DERIVE], now_ms=DAY_MS), work)
    assert refusal.facts == {"work": "w", "use": "derive", "reason": "access_restricted"}
    assert offer(subject(), [Use.DISTRIBUTE], now_ms=DAY_MS).reason == "not_granted_by_default"


def test_business_for_a_share_is_sold_by_the_month_for_nothing_now():
    work = subject(("Commercial-Use", "Allowed-With-RevenueShare-50%"))
    found = offer(work, ["commercial"], now_ms=DAY_MS)
    told = (found.price_nano, found.share_e8, found.from_ms, found.until_ms, found.refusals)
    assert told == (0, 50_000_000, DAY_MS, DAY_MS + MONTH_MS, ())
    mine = held("commercial", until_ms=5 * DAY_MS)
    again = offer(work, ["commercial"], now_ms=2 * DAY_MS, holder=mine)
    assert (again.from_ms, again.until_ms) == (5 * DAY_MS, 5 * DAY_MS + MONTH_MS)


@pytest.mark.parametrize("state", ["disputed", "withdrawn"])
def test_nothing_is_sold_of_a_work_that_is_not_live(state):
    work = subject(COMMERCIAL, state=state)
    found = offer(work, ["commercial"], now_ms=DAY_MS)
    assert (found.reason, refused(found, work).code) == ("", "licensing.not_for_sale")


def test_odd_purchases_are_refused():
    mixed = subject(("Access-Fee", "One-Time-1"), ("Commercial-Use", "Allowed-With-Fee-Monthly-2"))
    found = offer(mixed, [Use.COMMERCIAL], now_ms=DAY_MS)
    assert refused(found, mixed).code == "licensing.mixed_schedules"
    for uses in ([], [Use.COPY, Use.COPY], ["steal"]):
        with pytest.raises(UsesInvalid):
            offer(subject(), uses, now_ms=DAY_MS)
