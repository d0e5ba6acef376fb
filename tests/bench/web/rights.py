"""Works and sales in large numbers: 100,000 adapters of one base, and 20,000 licences of them."""

import json

from django.utils import timezone

from evaluator.bases import MINILM, base_id
from ledger import log
from ledger.models import Account, Message, Transfer
from ledger.rules.accounts import FEE
from ledger.sequencer import sequence
from licensing import actions, queries
from licensing.models import (
    DueAbove,
    Edge,
    Grant,
    PoolShare,
    SearchCard,
    SearchRight,
    ShareDue,
    TermsVersion,
    Work,
)
from licensing.rules.rows import pool_of
from tests import factories
from tests.bench.web.contests import MINER, owner_of
from tests.bench.web.rows import name_of, pour, row_of

DATA_RATE_E8 = 10_000_000
BUYER, FIRMS = "buyer", 500
PART_NANO = 10**9  # of each line of a sale
HELD_NANO = 5000 * PART_NANO  # in each pool


def work_of(number):
    """The id of an adapter; number 0 is the one that sells best."""
    return f"adapter:{name_of('work', number)}"


def fill(works, sales):
    """`works` adapters of one base and one data set, and `sales` licences of them."""
    base = row_of(Work, id=f"base:{base_id(MINILM)}")
    data = row_of(Work, kind="data", id=factories.queries.competition("big").spec["data_work"])
    pour(Work, _works(works, base))
    pour(TermsVersion, _terms(works, row_of(TermsVersion, work=base["id"])))
    pour(Edge, _edges(works, base, data))
    pour(DueAbove, _above(works, base, data))
    pour(PoolShare, _shares(works))
    pour(ShareDue, _dues(works))
    pour(SearchCard, _cards(works, row_of(SearchCard, work=base["id"]), base["registered_ms"]))
    pour(SearchRight, _rights(works))
    pour(Account, _pools(works))
    _sell(sales)


def _works(count, base):
    for number in range(count):
        yield base | {
            "id": work_of(number), "kind": "adapter", "owner": owner_of(number),
            "content": name_of("work", number), "licence": "",
            "title": f"Adapter {number}", "registered_ms": base["registered_ms"] + number,
        }  # fmt: skip


def _terms(count, base):
    tags = json.dumps(factories.REQUIRED)
    for number in range(count):
        work = work_of(number)
        yield base | {"id": f"{work}/1", "work": work, "number": 1, "tags": tags}


def _cards(count, base, since_ms):
    manifest = factories.queries.competition("done").spec["manifest_sha256"]
    for number in range(count):
        owner, work, title = owner_of(number), work_of(number), f"Adapter {number}"
        yield base | {
            "work": work, "kind": "adapter", "registered_ms": since_ms + number,
            "text": f"{title} {owner} the done question done minilm-l6-v2 {work}".lower(),
            "competition": "done", "entry": name_of("entry", number)[:43],
            "title": "The done question", "manifest": manifest, "base": MINILM.name,
            "evaluator": "classification", "metric": "accuracy",
            "score_e9": number * 7919 % 10**9, "low_e9": 0, "high_e9": 10**9, "baseline_e9": 0,
        }  # fmt: skip


def _rights(count):
    for number in range(count):
        work = work_of(number)
        for use, price_nano in (("commercial", 100 * 10**9), ("derive", 0)):
            yield {
                "id": f"{work}/{use}/0", "work": work, "use": use, "from_ms": 0, "until_ms": 0,
                "price_nano": price_nano,
            }  # fmt: skip


def _above(count, *parents):
    rates = {one["id"]: 0 if one["kind"] == "base" else DATA_RATE_E8 for one in parents}
    owed = {work: rate for work, rate in sorted(rates.items()) if rate}
    told = {"works": json.dumps([*owed]), "rates_e8": json.dumps([*owed.values()])}
    return ({"id": work_of(number)} | told for number in range(count))


def _edges(count, *parents):
    for number in range(count):
        work = work_of(number)
        for parent in parents:
            yield {
                "id": f"{work}/{parent['id']}", "child": work, "parent": parent["id"],
                "kind": parent["kind"], "rate_e8": 0 if parent["kind"] == "base" else DATA_RATE_E8,
                "terms_version": 1, "message": parent["message"],
            }  # fmt: skip


def _shares(count):
    for number in range(count):
        work, payee = work_of(number), owner_of(number)
        yield {
            "id": f"{work}/{payee}", "work": work, "payee": payee, "weight": 1, "drawn_nano": 0,
        }  # fmt: skip


def _dues(count):
    for one in _shares(count):
        del one["weight"]
        yield one | {"due_nano": HELD_NANO}


def _pools(count):
    first = row_of(Account, id=pool_of(f"base:{base_id(MINILM)}"))
    for number in range(count):
        yield first | {"id": pool_of(work_of(number)), "available_nano": HELD_NANO}


def _sell(sales):
    """One real sale, in the log; the others are copies of it."""
    factories.account(BUYER, "1000")
    quote = queries.quote(work_of(0), ["commercial"], account=BUYER, now=factories.NOW)
    order = log.order_for(BUYER, quote.order(), idempotency="first")
    made = actions.buy_licence(order, now=factories.NOW)
    while sequence(holder="load", now=timezone.now()):
        pass
    grant, message = row_of(Grant, id=made.id), row_of(Message, item=made.message)
    pour(Grant, _grants(sales, grant))
    pour(Message, _messages(sales, message, Message.objects.count()))
    pour(Transfer, _transfers(sales, row_of(Transfer, message=made.message, credit=FEE)))


def sold(number):
    """The work of a sale: every fourth is of the best, the rest goes down the list."""
    return work_of(0 if number % 4 == 0 else number)


def holder_of(number):
    return BUYER if number % 4 == 1 else f"firm{number % FIRMS}"


def _grants(count, first):
    for number in range(1, count):
        item = name_of("grant", number)[:43]
        at_ms = first["from_ms"] + number
        yield first | {
            "id": item, "work": sold(number), "holder": holder_of(number), "from_ms": at_ms,
            "message": item,
        }  # fmt: skip


def _messages(count, first, size):
    del first["id"]
    for number in range(1, count):
        item = name_of("grant", number)[:43]
        anchor, cause = name_of("anchor", number), name_of("order", number)[:43]
        yield first | {
            "item": item, "anchor": anchor, "cause": cause, "log_index": size + number,
        }  # fmt: skip


def _transfers(count, first):
    """What a sale pays: the pools of the work and of what it was made from, and the fee."""
    data = factories.queries.competition("big").spec["data_work"]
    for number in range(1, count):
        item, at_ms = name_of("grant", number)[:43], first["at_ms"] + number
        paid = (pool_of(sold(number)), pool_of(data), FEE)
        for credit, code in zip(paid, ("royalty", "royalty", "fee"), strict=True):
            yield first | {
                "id": name_of("transfer", number, credit), "debit": holder_of(number),
                "credit": credit, "amount_nano": PART_NANO, "code": code, "at_ms": at_ms,
                "message": item,
            }  # fmt: skip


assert owner_of(0) == MINER
