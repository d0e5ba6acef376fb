"""Statements say by which edge a part came and what became of it; one draw empties all pools."""

import csv
import io

import pytest

from assay import messages
from ledger import log
from ledger.queries import balance_nano, log_size
from ledger.sequencer import sequence
from licensing import actions, errors, models, queries
from licensing.rules.statement import period
from licensing.rules.statement_files import as_file
from tests.hostile.orders import fold_anew
from tests.licensing.market import (
    BASE,
    BASE_TAGS,
    NOW,
    WORK,
    WORK_TAGS,
    buy,
    draw,
    enter,
    people,
    register,
    scene,
    share,
)
from tests.licensing.test_reports import MONTH_MS, SHARED, after, report

pytestmark = pytest.mark.django_db


def lines_of(account):
    return [line for line, _ in queries.royalty_statement(account, period("", "")).lines]


def placed():
    while sequence(holder="site", now=NOW):
        pass


def test_each_line_says_by_which_edges_it_came_and_what_became_of_it():
    people()
    scene()
    buy()
    draw("author", BASE)
    assert [one.state for one in lines_of("author")] == ["waiting", "waiting"]
    placed()
    sale, drawn = lines_of("author")
    assert (sale.what, sale.state, sale.sold, sale.work) == ("sale", "credited", WORK, BASE)
    assert sale.edge == f"{WORK} 5000000"
    assert (drawn.what, drawn.state, drawn.edge) == ("draw", "drawn", "")
    assert [one.edge for one in lines_of("miner")] == [""], "of its own sale"


def test_every_edge_that_leads_to_an_ancestor_is_named():
    """Guards two roads to one parent: a work made from it, and from what was made from it."""
    people()
    register("author", BASE, "base", BASE_TAGS)
    enter(tags=(*WORK_TAGS, ("Derivation", "Allowed")), parents=(BASE,))
    lower = "adapter:" + "ae" * 32
    told = ("adapter", "Lower", WORK_TAGS, (share("mate"),), "", (WORK, BASE))
    order = messages.WorkRegister(lower, *told)
    actions.register_work(log.order_for("mate", order, idempotency="lower"), now=NOW)
    quote = queries.quote(lower, ("commercial",), account="buyer", now=NOW)
    actions.buy_licence(log.order_for("buyer", quote.order(), idempotency="lower"), now=NOW)
    [line] = lines_of("author")
    assert line.edge == f"{WORK} 5000000; {lower} 5000000"
    assert line.pool_nano == 98 * 10**9 * 10 // 100


def test_what_was_used_stands_with_its_source_and_the_whole_adds_up():
    people()
    scene()
    change = messages.TermsChange(WORK, 2, SHARED)
    actions.change_terms(log.order_for("miner", change, idempotency="terms"), now=NOW)
    grant = buy()
    report(grant.id, 10, 2_000_000)
    draw("author", BASE, now=after(11))
    report(grant.id, MONTH_MS, 4_000_000)
    placed()
    made = queries.royalty_statement("author", period("", ""))
    lines = [line for line, _ in made.lines]
    assert [one.what for one in lines] == ["usage", "draw", "usage"]
    assert {one.grant for one in lines if one.what == "usage"} == {grant.id}
    assert [one.gross_nano for one in lines] == [100_000, 0, 200_000]
    totals = queries.royalty_totals("author", period("", ""))
    closing_nano = totals.opening_nano + totals.credits_nano - totals.draws_nano
    assert closing_nano == totals.closing_nano == 9_800
    assert made.name.endswith(f"-{log_size()}")
    pieces = as_file("csv", "author", period("", ""), 0, queries.royalty_statement(
        "author", period("", "")).lines)  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
    assert [(one["what"], one["state"]) for one in rows] == [
        ("opening", ""), ("usage", "credited"), ("draw", "drawn"), ("usage", "credited"),
        ("closing", ""),
    ]  # fmt: skip
    assert {one["edge"] for one in rows[1:4]} == {f"{WORK} 5000000", ""}
    assert int(rows[-1]["balance_nano"]) == closing_nano


def draw_all(account, words="all"):
    order = log.order_for(account, messages.RoyaltyDraw(""), idempotency=words)
    return actions.draw_royalty(order, now=NOW)


def test_one_order_draws_from_all_works_and_again_moves_nothing():
    people()
    scene()
    buy()
    mine = messages.WorkRegister(
        "base:" + "bb" * 32, "base", "Other", SHARED, (share("miner"),), "MIT"
    )
    actions.register_work(log.order_for("miner", mine, idempotency="base"), now=NOW)
    due_nano = models.ShareDue.objects.get(work=WORK, payee="miner").due_nano
    assert draw_all("miner") == due_nano == balance_nano("miner")
    assert draw_all("miner") == due_nano, "the same order"
    assert balance_nano("miner") == due_nano
    with pytest.raises(errors.NothingToDraw):
        draw_all("miner", "again")
    with pytest.raises(errors.NothingToDraw):
        draw_all("buyer")
    fold_anew()


def test_many_pools_are_drawn_a_part_at_a_time(monkeypatch):
    """Guards that what grows with the works is neither one fact nor one order."""
    people()
    scene()
    again = "adapter:" + "ae" * 32
    told = ("adapter", "Other", WORK_TAGS, (share("mate"),), "", (BASE,))
    order = messages.WorkRegister(again, *told)
    actions.register_work(log.order_for("mate", order, idempotency="other"), now=NOW)
    buy()
    quote = queries.quote(again, ("commercial",), account="buyer", now=NOW)
    actions.buy_licence(log.order_for("buyer", quote.order(), idempotency="other"), now=NOW)
    monkeypatch.setattr("licensing.actions.sales.AT_ONCE", 1)
    found = [draw_all("mate", str(number)) for number in range(2)]
    assert found == sorted(found, reverse=True)
    assert sum(found) == balance_nano("mate")
    with pytest.raises(errors.NothingToDraw):
        draw_all("mate", "last")
    fold_anew()
