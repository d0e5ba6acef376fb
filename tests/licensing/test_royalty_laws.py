"""What the database adds up and puts in order is what the rule gives, to the last nano."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.models import Account
from licensing import actions, models, queries
from licensing.rules.rows import pool_of
from licensing.rules.royalty import targets
from tests.licensing.market import BASE, people, scene

pytestmark = pytest.mark.django_db
MOST_WEIGHT, MOST_PAYEES = 10**9, 64
WEIGHTS = st.integers(1, 9) | st.integers(1, MOST_WEIGHT) | st.just(MOST_WEIGHT)
POOLS = st.tuples(  # weights, all that came in, and how much of 1000 of the payees' part is drawn
    st.lists(WEIGHTS, min_size=1, max_size=MOST_PAYEES),
    st.integers(0, 30) | st.integers(0, 2**63 - 1) | st.just(2**63 - 1),
    st.integers(0, 1000),
)


@pytest.fixture(autouse=True)
def everybody(db):
    people()
    scene()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(pools=st.lists(POOLS, min_size=1, max_size=7))
def test_the_totals_and_the_order_of_a_page_are_those_of_the_rule(pools):
    whole_nano = sum(came_nano for _, came_nano, _ in pools)
    if whole_nano >= 2**63:  # there are never so many tokens
        pools = [(weights, came // len(pools), drawn) for weights, came, drawn in pools]
    with transaction.atomic():
        expected = [fill_pool(number, *pool) for number, pool in enumerate(pools)]
        first, after = (
            queries.dues_page("payee0", start=start, limit=3, lines=5) for start in (0, 3)
        )
        transaction.set_rollback(True)
    ranked = sorted(expected, key=lambda one: (-one[1], -one[2], one[0]))
    shown = [(one.work.id, one.due_nano, one.drawn_nano) for one in (*first.dues, *after.dues)]
    assert shown == ranked[:6]
    for page in (first, after):
        assert page.due_nano == sum(due_nano for _, due_nano, _ in expected)
        assert page.drawn_nano == sum(drawn_nano for _, _, drawn_nano in expected)
    assert (first.next, after.next) == ("3" * (len(pools) > 3), "6" * (len(pools) > 6))


def test_who_has_no_part_in_any_work_has_nothing_due():
    page = queries.dues_page("nobody", start=0, limit=3, lines=5)
    assert page == queries.DuesPage([], 0, 0, [], "")


def fill_pool(number, weights, came_nano, drawn):
    """A work with such a pool; its id, and by the rule what its first payee may draw and drew."""
    work, names = f"{number:064x}", {f"payee{at}": weight for at, weight in enumerate(weights)}
    part = targets(came_nano, names)
    took = {name: part[name] * drawn // 1000 for name in names}
    copy(models.Work.objects.get(pk=BASE), id=work)
    models.PoolShare.objects.bulk_create(
        models.PoolShare(
            id=f"{work}/{name}", work=work, payee=name, weight=weight, drawn_nano=took[name]
        )
        for name, weight in names.items()
    )
    left_nano = came_nano - sum(took.values())
    copy(Account.objects.get(pk=pool_of(BASE)), id=pool_of(work), available_nano=left_nano)
    actions.index_dues([work])
    return work, part["payee0"] - took["payee0"], took["payee0"]


def copy(found, **changed):
    """Another row like this one."""
    values = {field.attname: getattr(found, field.attname) for field in found._meta.fields}
    type(found).objects.create(**values | changed)
