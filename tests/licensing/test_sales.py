"""A licence is bought, its price reaches every pool to the last nano, and payees draw."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction

from assay import messages
from assay.keys import public_hex
from assay.money import parse_tokens
from ledger import log
from ledger.actions import mint, ms
from ledger.errors import MessageRefused, Overdrawn
from ledger.models import Account, Message
from ledger.queries import balance_nano
from ledger.rules import fold as ledger_fold
from ledger.rules.entry import read_entry
from ledger.rules.rows import MemoryRows, Overlay
from licensing import errors, models, queries
from licensing.rules import rows
from licensing.rules.fold import licensing
from licensing.rules.grant import verify
from licensing.rules.lineage import due
from licensing.rules.rows import pool_of
from tests.licensing.market import (
    ASSAY,
    BASE,
    BASE_TAGS,
    DATA,
    DATA_TAGS,
    FUNDS,
    NOW,
    WORK,
    buy,
    buy_quoted,
    draw,
    enter,
    people,
    register,
    scene,
    share,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def everybody(db):
    people()


def test_a_sale_reaches_fee_and_pools_to_the_last_nano():
    scene()
    buy()
    assert balance_nano("buyer") == FUNDS - parse_tokens("100")
    assert balance_nano("fee") == parse_tokens("2")
    assert queries.pool_nano(BASE) == parse_tokens("4.9")
    assert queries.pool_nano(DATA) == parse_tokens("9.8")
    assert queries.pool_nano(WORK) == parse_tokens("83.3")


def test_the_quote_shows_before_what_the_sale_pays():
    scene()
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    before = Message.objects.count()
    buy()
    paid = {work: queries.pool_nano(work) for work in (BASE, DATA, WORK)}
    assert quote.shares.shares_nano == paid
    assert queries.due_above(WORK) == {BASE: 5_000_000, DATA: 10_000_000}
    assert queries.lineage(WORK).count() == 2
    assert Message.objects.count() == before + 2


def test_the_grant_verifies_offline_with_the_operators_key():
    scene()
    made = buy()
    operator = public_hex(log.signing_key("operator"))
    claims = verify(made.jws, operator, now_ms=ms(NOW))
    assert (claims.holder, claims.work, claims.uses) == ("buyer", WORK, ("commercial",))
    assert claims.price_nano == parse_tokens("100")
    assert claims.grant == made.id
    assert list(queries.grants(holder="buyer")) == [made]


def test_payees_draw_by_weight_again_and_again_and_never_too_much():
    scene()
    for number in range(3):
        buy(f"sale {number}")
        draw("miner", WORK, f"draw {number}")
    assert balance_nano("miner") == 3 * parse_tokens("83.3") * 2 // 3
    assert draw("mate", WORK) == parse_tokens("83.3")
    assert draw("author", BASE) == 3 * parse_tokens("4.9")
    assert queries.pool_nano(WORK) == 0
    with pytest.raises(errors.NothingToDraw):
        draw("mate", WORK, "again")
    with pytest.raises(errors.NotAPayee):
        draw("author", WORK)
    drawn = {one.work.id: (one.drawn_nano, one.due_nano) for one in queries.royalties("sponsor")}
    assert drawn == {DATA: (0, 3 * parse_tokens("9.8"))}


def test_the_index_of_dues_follows_every_sale_and_draw_and_the_migration_makes_the_same():
    def held():
        return [dict(one) for one in models.ShareDue.objects.order_by("pk").values()]

    scene()
    for step in (buy, lambda: draw("miner", WORK), lambda: buy("two"), lambda: draw("mate", WORK)):
        step()
        for account in ("miner", "mate", "author", "sponsor"):
            due_nano = {one.work.id: one.due_nano for one in queries.royalties(account)}
            listed = [one for one in held() if one["payee"] == account]
            assert {one["work"]: one["due_nano"] for one in listed} == due_nano
    wanted = held()
    models.ShareDue.objects.all().delete()
    import_module("licensing.migrations.0009_open_dues").fill(apps, None)
    assert held() == wanted


def test_the_same_order_twice_is_one_sale_and_one_draw():
    scene()
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    first, second = (buy_quoted("buyer", quote, now=NOW + timedelta(minutes=n)) for n in range(2))
    assert first == second
    assert draw("miner", WORK) == draw("miner", WORK)
    assert balance_nano("buyer") == FUNDS - parse_tokens("100")


def test_a_purchase_reads_no_row_twice_that_it_has_locked(django_assert_max_num_queries):
    scene()
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    with django_assert_max_num_queries(33):
        buy_quoted("buyer", quote)


@pytest.mark.parametrize("ancestors", [1, 16, 150])
def test_a_sale_asks_as_many_questions_through_one_ancestor_as_through_many(
    ancestors, django_assert_max_num_queries
):
    """A chain above the work, each paid; what is due was frozen when it was registered."""
    scene()
    above = [f"adapter:{place:064x}" for place in range(ancestors)]
    found, edge = models.DueAbove.objects.get(pk=WORK), models.Edge.objects.filter(child=WORK)
    [share] = models.PoolShare.objects.filter(work=BASE)
    purse = Account.objects.get(pk=pool_of(BASE))
    for name in above:
        share.pk, share.work, purse.pk = f"{name}/author", name, pool_of(name)
        share.save(force_insert=True)
        purse.save(force_insert=True)
    found.works, found.rates_e8 = sorted(above), [10_000] * ancestors
    found.save()
    edge.delete()
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    with django_assert_max_num_queries(33):
        buy_quoted("buyer", quote)
    assert queries.pool_nano(above[0]) > 0


def test_what_is_due_above_is_what_the_edges_give_and_the_migration_makes_the_same():
    scene()
    fill = import_module("licensing.migrations.0017_dues_are_frozen").fill
    made = list(models.DueAbove.objects.order_by("pk").values())
    assert dict(zip(*(made[0][one] for one in ("works", "rates_e8")), strict=True)) == due(
        WORK, queries.links_above(WORK)
    )
    models.DueAbove.objects.all().delete()
    fill(apps, None)
    assert list(models.DueAbove.objects.order_by("pk").values()) == made


def test_nobody_buys_what_is_too_dear_denied_unknown_or_quoted_otherwise():
    scene()
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    with pytest.raises(Overdrawn):
        buy_quoted("mate", quote)
    cheap = replace(quote, offer=replace(quote.offer, price_nano=1))
    with pytest.raises(errors.QuoteStale):
        buy_quoted("buyer", cheap)
    with pytest.raises(errors.UseDenied):
        queries.quote(WORK, ["train"], account="buyer", now=NOW)
    with pytest.raises(errors.WorkUnknown):
        queries.quote("00" * 32, ["copy"], account="buyer", now=NOW)
    assert not models.Grant.objects.exists()


def test_a_work_is_registered_once_by_its_owner_with_payees_that_exist():
    register("author", BASE, "base", BASE_TAGS)
    assert register("author", BASE, "base", BASE_TAGS) == BASE
    with pytest.raises(errors.WorkTaken):
        register("sponsor", BASE, "base", BASE_TAGS)
    for shares in ((share("ghost"),), (share("miner", 0),), (share("fee"),), (share("mate"),) * 2):
        with pytest.raises(errors.SharesInvalid):
            register("sponsor", DATA, "data", DATA_TAGS, shares)
    with pytest.raises(errors.TermsRefused):
        register("sponsor", DATA, "data", (*ASSAY, ("Derivation", "perhaps")))
    with pytest.raises(MessageRefused):
        register("sponsor", DATA, "adapter", DATA_TAGS)
    with pytest.raises(MessageRefused):
        register("sponsor", DATA, "painting", DATA_TAGS)


LINK_REFUSALS = {
    "lineage.derive_denied": [("Derivation", "Disallowed")],
    "lineage.licence_needed": [("Derivation", "Allowed-With-Fee-One-Time-5")],
    "lineage.passthrough": [
        ("Derivation", "Allowed-With-License-Passthrough"),
        ("Commercial-Use", "Allowed"),
    ],
    "lineage.commercial_conflict": [("Derivation", "Allowed")],
}


@pytest.mark.parametrize("code", LINK_REFUSALS)
def test_a_parent_whose_terms_forbid_it_gets_no_children(code):
    register("author", BASE, "base", (*ASSAY, *LINK_REFUSALS[code]))
    with pytest.raises(errors.LineageRefused) as refusal:
        enter(parents=(BASE,))
    assert refusal.value.code == code
    assert not models.Work.objects.filter(pk=WORK).exists()


def test_data_that_nobody_may_train_on_and_parents_nobody_knows_are_refused():
    with pytest.raises(errors.ParentUnknown):
        enter()
    register("sponsor", DATA, "data", (*ASSAY, ("Derivation", "Allowed")))
    with pytest.raises(errors.TrainDenied):
        enter(parents=(DATA,))


def test_whoever_bought_the_right_to_derive_may_derive():
    tags = (*ASSAY, ("Derivation", "Allowed-With-Fee-One-Time-5"), ("Commercial-Use", "Allowed"))
    register("author", BASE, "base", tags)
    mint(account="miner", amount_nano=FUNDS, idempotency="funds", now=NOW)
    quote = queries.quote(BASE, ["derive"], account="miner", now=NOW)
    buy_quoted("miner", quote)
    enter(parents=(BASE,))
    assert queries.lineage(WORK).get().rate_e8 == 0


def test_the_rows_of_the_log_are_the_rows_of_the_tables():
    scene()
    buy()
    draw("miner", WORK)
    memory, orders = MemoryRows(), {}
    for raw in Message.objects.order_by("id").values_list("raw", flat=True):
        entry = read_entry(bytes(raw))
        above = Overlay(memory)
        entry = ledger_fold.apply(
            replace(entry, order=orders.get(entry.cause)),
            above,
            (licensing,),
            origin=settings.LOG_ORIGIN,
        )
        above.keep()
        orders[entry.id] = entry
    for table in rows.ROWS:
        model = getattr(models, table.__name__)
        names = [field.name for field in model._meta.fields]
        stored = [
            log.row_of(table, values) for values in model.objects.order_by("pk").values(*names)
        ]
        assert stored == memory.all(table), table


def test_a_fact_that_pays_or_grants_otherwise_is_refused():
    scene()
    granted = read_entry(bytes(Message.objects.get(item=buy().message).raw))
    order = log.order_for(
        "buyer",
        messages.LicenceBuy(WORK, ("commercial",), 1, parse_tokens("100")),
        idempotency="other",
    )
    lines = granted.body.transfers
    swapped = replace(lines[0], amount_nano=lines[0].amount_nano + 1)
    odd = {
        "grant is": granted.body,
        "transfers is": replace(granted.body, grant=order.id, transfers=(swapped, *lines[1:])),
        "until_ms is": replace(granted.body, grant=order.id, until_ms=ms(NOW) + 1),
        "holder is": replace(granted.body, grant=order.id, holder="mate"),
        "price_nano is": replace(granted.body, grant=order.id, price_nano=1),
    }
    for words, body in odd.items():
        fact = log.fact(body, answers=order, idempotency=words)
        with pytest.raises(MessageRefused, match=words), transaction.atomic():
            log.record([order, fact], rooms=(licensing,))


def test_money_is_conserved_over_sales_and_draws():
    scene()
    buy()
    draw("miner", WORK)
    draw("sponsor", DATA)
    sums = defaultdict(int)
    for account in Account.objects.all():
        sums[account.unit] += account.available_nano + account.pending_out_nano
    assert dict(sums) == {"ASSAY": 0}
