"""A small house for the tests of sales: people, a base, data, and an adapter made from both."""

from datetime import UTC, datetime

from assay import messages
from assay.money import parse_tokens
from ledger import log
from ledger.actions import found, mint, open_account_for
from licensing import actions, queries
from licensing.rules.terms import OUR_LICENCE

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE, DATA, WORK = "base:" + "ba" * 32, "data:" + "da" * 32, "adapter:" + "ad" * 32
ASSAY = (("License", OUR_LICENCE), ("Currency", "ASSAY"))
BASE_TAGS = (
    *ASSAY,
    ("Derivation", "Allowed-With-RevenueShare-5%"),
    ("Commercial-Use", "Allowed"),
)
DATA_TAGS = (
    *ASSAY,
    ("Derivation", "Allowed-With-RevenueShare-10%"),
    ("Commercial-Use", "Allowed"),
    ("Data-Model-Training", "Allowed"),
)
WORK_TAGS = (*ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-100"))
FUNDS = parse_tokens("500")


def people():
    found(now=NOW)
    for name in ("author", "sponsor", "miner", "mate", "buyer"):
        open_account_for(name, now=NOW)
    mint(account="buyer", amount_nano=FUNDS, idempotency="funds", now=NOW)


def share(payee, weight=1):
    return messages.Share(payee, weight)


def register(owner, work, kind, tags, shares=None):
    licence = "Apache-2.0" if kind == "base" else ""
    told = (f"The {kind}", tags, shares or (share(owner),), licence)
    body = messages.WorkRegister(work, kind, *told)
    return actions.register_work(log.order_for(owner, body, idempotency=work), now=NOW)


def enter(tags=WORK_TAGS, parents=(BASE, DATA), owner="miner"):
    """An adapter of two, made from these parents."""
    shares = (share("miner", 2), share("mate"))
    body = messages.WorkRegister(WORK, "adapter", "Mine", tags, shares, "", parents)
    return actions.register_work(log.order_for(owner, body, idempotency="enter"), now=NOW)


def scene():
    register("author", BASE, "base", BASE_TAGS)
    register("sponsor", DATA, "data", DATA_TAGS)
    enter()


def buy(idempotency="one", uses=("commercial",), now=NOW):
    quote = queries.quote(WORK, uses, account="buyer", now=now)
    return buy_quoted("buyer", quote, idempotency, now)


def buy_quoted(account, quote, idempotency="one", now=NOW):
    beside = quote.held[0].id if quote.held else None
    order = log.order_for(account, quote.order(beside=beside), idempotency=idempotency)
    return actions.buy_licence(order, now=now)


def draw(account, work, idempotency="draw", now=NOW):
    order = log.order_for(account, messages.RoyaltyDraw(work), idempotency=idempotency)
    return actions.draw_royalty(order, now=now)
