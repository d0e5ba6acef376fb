"""The live tick: what is over goes back, all of it; what was resolved long ago costs nothing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from assay.messages import Line
from ledger import actions, log, queries
from ledger.models import Message, Transfer
from ledger.rules import books
from tests import factories
from tests.factories import NOW
from tests.ledger.holding import expiries
from workers import clock

AT_MS = actions.ms(NOW)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ada():
    return factories.account("ada", "1")


def hold(number, timeout_s, at_ms=AT_MS):
    """ada promises a nano-token to the house."""
    name = books.transfer_id("law", "hold", number)
    line = Line(name, "pending", "ada", "fee", 1, "pay", timeout_s=timeout_s)
    books.apply([line], log.Tables(), at_ms=at_ms, message="m")
    return name


def resolve(held, kind, at_ms=AT_MS):
    line = Line(books.transfer_id(held, "resolve"), kind, "", "", pending_id=held)
    books.apply([line], log.Tables(), at_ms=at_ms, message="m")


def tick_at(monkeypatch, at_ms):
    moment = factories.at((at_ms - AT_MS) / 1000)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    clock.tick()


@given(
    holds=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["", "post", "void"]), st.integers(-1, 1)),
        max_size=8,
    ),
    later_ms=st.integers(0, 4000),
)
def test_the_query_finds_what_the_plain_rule_gives_back(holds, later_ms):
    start = Transfer.objects.count()
    for number, (timeout_s, kind, shift_ms) in enumerate(holds):
        made = hold(start + number, timeout_s, at_ms=AT_MS + shift_ms)
        if kind:
            resolve(made, kind, AT_MS + shift_ms)
    for at_ms in (AT_MS + later_ms, AT_MS + 1000 * (later_ms // 1000)):
        wanted = [line.pending_id for line in expiries(log.Tables(), at_ms)]
        assert queries.holds_over(at_ms, limit=10**6) == wanted


def test_a_tick_gives_back_what_is_over_from_that_very_millisecond(monkeypatch):
    hold(1, 2)
    hold(2, 3)
    hold(3, 0)
    balance_nano = queries.balance_nano("ada")
    tick_at(monkeypatch, AT_MS + 1999)
    assert queries.balance_nano("ada") == balance_nano
    for _ in range(2):
        tick_at(monkeypatch, AT_MS + 2000)
    assert queries.balance_nano("ada") == balance_nano + 1
    assert Message.objects.filter(kind="books.expired").count() == 1


def test_more_than_one_message_holds_goes_back_in_one_tick(monkeypatch):
    """Guards the size of a message: the log has no place for more than 65,535 bytes."""
    count = 2 * actions.accounts.EXPIRED_AT_ONCE + 1
    for number in range(count):
        hold(number, 1)
    tick_at(monkeypatch, AT_MS + 1000)
    assert Transfer.objects.filter(kind="expire").count() == count
    raws = Message.objects.filter(kind="books.expired").values_list("raw", flat=True)
    assert len(raws) == 3
    assert max(len(raw) for raw in raws) < 65_536


def test_a_tick_reads_by_the_index_of_holds_with_a_time_limit(monkeypatch):
    """Guards the cost of a tick: stakes, which have no time limit, are never looked at."""
    for number in range(30):
        resolve(hold(number, 0), "post")
    with CaptureQueriesContext(connection) as asked:
        queries.holds_over(AT_MS + 10**6, limit=200)
    (query,) = asked.captured_queries
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
        else:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {query['sql']}")
        plan = str(cursor.fetchall())
    assert "hold_with_a_time_limit" in plan, plan
