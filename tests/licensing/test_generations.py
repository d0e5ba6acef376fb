"""Five generations with a diamond: what a real sale pays is what the worked table says."""

import pytest

from assay import messages
from assay.money import parse_tokens
from ledger import log
from ledger.queries import balance_nano
from licensing import actions, queries
from tests.docs.worked import given, parts_e8, sections
from tests.hostile.orders import fold_anew
from tests.licensing.market import ASSAY, NOW, buy_quoted, people, share

pytestmark = pytest.mark.django_db
[EXAMPLE] = [one for one in sections("royalty") if "five generations" in one.title]


def work_of(name):
    """`w0` is a base; the others are adapters."""
    kind = "base" if name == "w0" else "adapter"
    return f"{kind}:{name[1:] * 64}"


def made(name, parents, rate, price):
    """The work that a line of the table names, registered by an order like any other."""
    business = f"Allowed-With-Fee-One-Time-{price}" if price else "Allowed"
    tags = [*ASSAY, ("Commercial-Use", business)]
    if rate:
        tags.append(("Derivation", f"Allowed-With-RevenueShare-{rate.replace(' ', '')}"))
    kind, licence = ("base", "MIT") if name == "w0" else ("adapter", "")
    told = (kind, name, tuple(tags), (share("miner"),), licence, tuple(map(work_of, parents)))
    body = messages.WorkRegister(work_of(name), *told)
    actions.register_work(log.order_for("miner", body, idempotency=name), now=NOW)


def test_five_generations_and_a_diamond_are_paid_as_the_worked_table_says():
    terms, edges, paid = EXAMPLE.tables
    asked = given(terms)
    rates = {row["parent"]: row["rate"] for row in edges}
    people()
    for name in sorted({asked["sold"], *rates}):
        parents = [row["parent"] for row in edges if row["child"] == name]
        made(name, parents, rates.get(name), asked["price"] if name == asked["sold"] else "")
    links = queries.links_above(work_of(asked["sold"]))
    table = {
        (work_of(row["child"]), work_of(row["parent"])): parts_e8(row["rate"]) for row in edges
    }
    assert {(child, one): rate for child, up in links.items() for one, rate in up.items()} == table
    quote = queries.quote(work_of(asked["sold"]), ("commercial",), account="buyer", now=NOW)
    buy_quoted("buyer", quote)
    wanted = {row["to"]: parse_tokens(row["amount"]) for row in paid}
    assert balance_nano("fee") == wanted.pop("fee")
    assert {name: queries.pool_nano(work_of(name)) for name in wanted} == wanted
    assert sum(wanted.values()) + balance_nano("fee") == parse_tokens(asked["price"])
    fold_anew()
