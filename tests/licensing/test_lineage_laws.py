"""Laws of lineage and royalties: nothing is lost, no road counts twice, order means nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.errors import (
    LineageCycle,
    LineageRefused,
    RateOutOfRange,
    StackExceedsWhole,
    TooManyAncestors,
    TooManyParents,
)
from licensing.rules.lineage import (
    WHOLE_E8,
    ancestors,
    check_links,
    due,
    edges_above,
    stack,
)
from licensing.rules.royalty import share_sale, stream, targets

weights = st.dictionaries(
    st.text(max_size=3), st.integers(0, 10**8), min_size=1, max_size=6
).filter(lambda given_weights: any(given_weights.values()))


@st.composite
def lineages(draw):
    """Links that were all accepted, in the order of their works."""
    links = {}
    for place in range(1, draw(st.integers(1, 9))):
        older = [f"w{one}" for one in range(place)]
        parents = draw(st.sets(st.sampled_from(older), max_size=3))
        wanted = {parent: draw(st.integers(0, 30_000_000)) for parent in sorted(parents)}
        try:
            check_links(f"w{place}", wanted, links)
        except StackExceedsWhole:
            continue
        links[f"w{place}"] = wanted
    return links


@given(lineages(), st.integers(0, 2**63 - 1), st.integers(0, 5_000_000), st.text(max_size=5))
def test_a_sale_loses_nothing_and_pays_only_the_work_and_its_ancestors(links, gross, fee_e8, draw):
    for work in links:
        sale = share_sale(work, gross, links, fee_e8=fee_e8, payment_id=draw)
        assert sale.fee_nano + sum(sale.shares_nano.values()) == gross
        assert set(sale.shares_nano) == {work, *ancestors(work, links)}
        assert min(sale.shares_nano.values()) >= 0


@given(lineages(), st.integers(0, 10**12))
def test_shares_do_not_depend_on_the_order_of_links(links, gross):
    other = {child: dict(reversed(links[child].items())) for child in reversed(links)}
    for work in links:
        first = share_sale(work, gross, links, fee_e8=0, payment_id="p")
        assert first == share_sale(work, gross, other, fee_e8=0, payment_id="p")


@given(lineages())
def test_no_stack_ever_passes_the_whole(links):
    assert all(stack(work, links) <= WHOLE_E8 for work in links)


@given(lineages(), st.integers(0, 8), st.integers(0, 8), st.integers(0, 30_000_000))
def test_a_link_added_later_keeps_every_stack_below_it_whole(links, child, parent, rate_e8):
    child, wanted = f"w{child}", {f"w{parent}": rate_e8}
    try:
        check_links(child, wanted, links)
    except LineageRefused:
        return
    grown = {**links, child: {**links.get(child, {}), **wanted}}
    assert all(stack(work, grown) <= WHOLE_E8 for work in grown)
    assert all(work not in ancestors(work, grown) for work in grown)


@given(weights, st.lists(st.integers(0, 10**15), max_size=10))
def test_cumulative_pay_never_falls_and_little_is_held(parts, amounts):
    came = 0
    paid = dict.fromkeys(parts, 0)
    for amount in amounts:
        pay = stream(came, amount, parts)
        assert min(pay.values()) >= 0
        came += amount
        paid = {name: paid[name] + pay[name] for name in parts}
        assert paid == targets(came, parts)
        assert 0 <= came - sum(paid.values()) < len(parts)


def test_the_limits_of_a_link_are_named():
    with pytest.raises(RateOutOfRange):
        check_links("b", {"a": -1}, {})
    with pytest.raises(RateOutOfRange):
        check_links("b", {"a": WHOLE_E8 + 1}, {})
    with pytest.raises(TooManyParents):
        check_links("b", {f"a{place}": 0 for place in range(17)}, {})
    chain = {f"w{place}": {f"w{place - 1}": 0} for place in range(1, 257)}
    with pytest.raises(TooManyAncestors):
        check_links("new", {"w256": 0}, chain)
    check_links("new", {"w255": 0}, chain)
    with pytest.raises(LineageCycle):
        check_links("w0", {"w9": 0}, chain)


def test_nobody_sells_for_a_fee_above_five_percent():
    with pytest.raises(ValueError, match="5%"):
        share_sale("a", 100, {}, fee_e8=5_000_001, payment_id="p")


def test_a_shared_ancestor_is_reached_by_one_edge_only_once():
    links = {"1": {"0": 10}, "2": {"1": 10}, "3": {"1": 10}, "4": {"2": 20, "3": 20}}
    assert len(edges_above("4", links)) == 5
    assert due("4", links) == {"0": 10, "1": 20, "2": 20, "3": 20}
