"""What a sponsor types is read exactly, and what the page promises is what the rules pay."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from assay.messages import Share
from competitions.forms.fields import CurveField, DurationField, PercentField, SharesField
from competitions.rules.prizes import Mark, PayoutTerms, Placed, settle
from competitions.rules.purse import payouts_for, purse
from competitions.rules.spec import BOND_E8, FEE_E8, POOL_E8
from competitions.views.stages import duration
from tests.factories import Spec


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90 s", 90), ("10", 600), ("1.5 min", 90), ("3h", 10_800), ("7 Days", 604_800), ("0 s", 0)],
)
def test_a_duration_is_read_in_words(text, seconds):
    assert DurationField().clean(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1 min", "1,5 h", "1 month", "٣ h", "1.55 h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValidationError, match="such as 90 s"):
        DurationField().clean(text)


@given(st.integers(1, 10**7 - 1))
def test_a_shown_duration_is_the_duration(seconds):
    text = duration(seconds)
    assert DurationField().clean(text if text[0].isdigit() else f"1 {text}") == seconds


def test_shares_weights_and_percentages_are_exact():
    assert PercentField(required=False).clean("2.5 %") == 2_500_000
    assert PercentField(required=False).clean("") == 0
    assert CurveField().clean("8, 4,2") == (8, 4, 2)
    lines = "ada 3\n\nbob: 1\ncarol"
    assert SharesField().clean(lines) == (Share("ada", 3), Share("bob", 1), Share("carol", 1))


@given(
    st.integers(1, 10**15),
    st.lists(st.integers(1, 1000), min_size=1, max_size=6).map(lambda one: sorted(one)[::-1]),
)
def test_the_promised_places_are_what_the_rule_pays_when_nobody_ties(prize_nano, curve):
    blank = dict.fromkeys(Spec.__dataclass_fields__, "")
    given_up = {"fee_e8": FEE_E8, "pool_e8": POOL_E8, "bond_e8": BOND_E8}
    parts = purse(Spec(**blank | given_up | {"prize_nano": prize_nano, "curve": tuple(curve)}))
    paid = paid_to(len(curve), prize_nano, curve)
    assert (paid.fee_nano, paid.pool_nano) == (parts.fee_nano, parts.pool_nano)
    for place, promised_nano in enumerate(parts.places):
        assert paid.prizes[str(place)] - promised_nano in (0, 1)


@given(
    st.integers(1, 10**15),
    st.lists(st.integers(1, 1000), min_size=1, max_size=6).map(lambda one: sorted(one)[::-1]),
)
def test_the_table_beside_the_prize_is_what_the_rule_pays_to_so_many_winners(prize_nano, curve):
    table = payouts_for(prize_nano, curve)
    for column, winners in enumerate(table.winners):
        paid = paid_to(winners, prize_nano, curve)
        for place in range(winners):
            shown = table.rows[place][column][1] if place < len(table.rows) else None
            assert paid.prizes[str(place)] - (shown or 0) in (0, 1)


def paid_to(winners, prize_nano, curve):
    """What the rule pays when so many beat the base, each clearly better than the next."""
    width = 12
    entries = [
        Placed(str(n), f"o{n}", n, Mark(right, (1,) * right + (0,) * (width * n)))
        for n in range(winners)
        for right in [width * (winners - n)]
    ]
    terms = PayoutTerms(prize_nano, curve, FEE_E8, POOL_E8)
    return settle(entries, terms, baseline=Mark(0, (0,) * (width * winners)), draw="d")
