"""The law of the one gate: what any door accepts, a fresh fold accepts, and so does an audit.

Orders and facts are drawn, odd, huge and with hostile tags; others are sound, or sound but for one
field, so that many are taken. `make laws` draws at least ten thousand on each database; a plain
test run draws fewer (ASSAY_GATE_CASES).
"""

import os
from collections import Counter
from dataclasses import fields, replace

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st

from assay import items, keys, messages, wire
from assay.canonical import NotCanonical, canonical
from assay.errors import AssayError
from assay.records import Record, file_of, root_of
from audit.history import FOLDS, TABLES
from ledger import log, queries
from ledger.sequencer import sequence
from licensing import queries as rights
from tests import factories, signing
from tests.hostile.orders import Stranger
from tests.signing import tags_of

CASES = int(os.environ.get("ASSAY_GATE_CASES", "400"))  # noqa: TID251 - how many are drawn
BATCH = 10  # messages that are sent before the log is folded

ORDERS = sorted(name for name, kind in messages.KINDS.items() if kind.signer == "person")
FACTS = sorted(name for name, kind in messages.KINDS.items() if kind.signer != "person")
NAMES = ("eve", "miner", "sponsor", "fee", "issuance", "evaluators", "docs", "escrow:docs", "base",
         "data", "adapter", "user", "pool", "person", "operator",
         "single", "mint", "commercial")  # fmt: skip
ODD = ("", " ", "x", "x" * 130, "x" * 201, "\x00", "\x1b[2J", "\u202e", "é", "😀", "a\nb", "null",
       "ab" * 32, "0" * 64, "y" * 43, "9" * 30)  # fmt: skip
NUMBERS = (0, 1, 2, -1, 100, 2**31 - 1, 2**31, 2**53 - 1, 1_893_456_030_000, 10**12)
AMOUNTS = (*NUMBERS, 2**63 - 1, 2**63, -(2**63), 10**39)


def values(hint, known):  # noqa: PLR0911 - one for each kind of field
    """A strategy for a field of this type; known: names that mean something in this house."""
    hint = wire._bare(hint)
    if hint is wire.Nano:
        return st.sampled_from(AMOUNTS).map(wire.Nano)
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.sampled_from(NUMBERS)
    if hint is str:
        return st.one_of(st.sampled_from((*NAMES, *known)), st.sampled_from(ODD))
    if hasattr(hint, "__dataclass_fields__"):
        return bodies(hint, known)
    parts = wire.get_args(hint)
    if parts[-1] is not Ellipsis:
        return st.tuples(*(values(part, known) for part in parts))
    if wire._bare(parts[0]) == tuple[str, str]:
        odd = st.lists(values(parts[0], known), max_size=3).map(tuple)
        return st.one_of(st.sampled_from((factories.REQUIRED, factories.OPEN_TAGS)), odd)
    return st.lists(values(parts[0], known), max_size=3).map(tuple)


def bodies(shape, known):
    hints = wire.hints(shape)
    return st.builds(shape, **{one.name: values(hints[one.name], known) for one in fields(shape)})


class House:
    """A house with an open competition, and everything that was folded so far."""

    def __init__(self, client):
        client.raise_request_exception = False
        factories.competition(quota=1000)
        self.entry = factories.scored()
        self.eve, self.history, self.sent = Stranger(client), signing.history(), 0
        self.taken = Counter()
        self.work = factories.work("data", "5e" * 32, owner="eve")
        self.sold = factories.work("data", "5f" * 32, owner="rich", tags=factories.REQUIRED)
        for name in ("eve", "rich"):  # an account with money is not closed by an order
            factories.account(name, "100000")
        works = [
            row["id"] for row in queries.table_page(TABLES_BY["licensing.Work"], after="", limit=9)
        ]
        mine = [factories.blob(f"mine {n}", owner="eve").sha256 for n in range(6)]
        self.known = (*works, *mine, self.entry)
        self.follow()

    def follow(self):
        """Give what waits its place, and fold it; raises LogDamaged."""
        while sequence(holder="law", now=timezone.now()):
            pass
        for raw in queries.entries(len(self.history.kinds), queries.log_size()):
            self.history.follow(raw)
        assert queries.waiting_messages() == 0

    def mine(self, part):
        """A file that eve has just sent."""
        return factories.blob(f"{part} {self.sent}", owner="eve").sha256

    def nearly(self, kind, spoiled, told, extra, words):
        """A sound order, unless a field is spoiled; each account is opened by a key of its own."""
        body = replace(SOUND[kind](self), **spoiled)
        key = keys.new_key() if kind == "account.open" else self.eve.key
        self.order(kind, body, told, extra, words, key=key)

    def order(self, kind, body, told, extra, words, *, key=None):
        """An order by the door, with whatever tags."""
        tags = [*tags_of(kind, **told), *extra]
        try:
            data = canonical(wire.to_json(body))
        except NotCanonical:
            return
        key = key or (self.eve.key if words % 7 else keys.new_key())
        anchor = words.to_bytes(32, "big")
        answer = self.eve.send_raw(items.make(key, tags, data, anchor=anchor).encode())
        assert answer.status_code < 500, (kind, body, answer.content)
        self.taken[kind] += answer.status_code == 200

    def fact(self, body, cause, words):
        """A fact as the house itself records one."""
        try:
            with transaction.atomic():
                answers = log.find(self.entry) if cause else None
                log.record([log.fact(body, answers=answers, idempotency=f"{words}")], rooms=FOLDS)
            self.taken["fact"] += 1
        except (AssayError, ValueError):  # an enum or a hex text that it is not
            return


def work_of(house):
    """A new data set of eve's."""
    share = (messages.Share("eve", 1),)
    terms = ("data", "Mine", factories.OPEN_TAGS, share)
    return messages.WorkRegister(f"data:{house.mine('rows')}", *terms)


def terms_of(house):
    number = rights.work(house.work).terms_version + 1
    return messages.TermsChange(house.work, number, factories.OPEN_TAGS)


def output_of(house):
    line = Record(house.mine("output"), house.work, 1).line()
    name = factories.blob(file_of([line]), owner="eve").sha256
    return messages.ProvenanceRecord(house.work, root_of([line]), 1, name)


def purchase_of(house):
    """One more licence to use what is sold, beside those that eve has."""
    quote = rights.quote(house.sold, ["commercial"], account="eve", now=factories.at(30))
    return quote.order(beside=quote.held[0].id if quote.held else None)


SOUND = {
    "account.open": lambda house: messages.AccountOpen(f"new-{house.sent}"),
    "key.add": lambda _: messages.KeyAdd(keys.public_hex(keys.new_key())),
    "work.register": work_of,
    "terms.change": terms_of,
    "provenance.record": output_of,
    "licence.buy": purchase_of,
    "submission.commit": lambda house: factories.committed(
        "eve", "docs", (house.mine("config"), house.mine("tensors"))
    ),
}
TABLES_BY = {table.TABLE: table for table in TABLES}


def told_by(house):
    """One thing to send: (how, arguments)."""
    odd_tags = ({"cause": "y" * 43}, {"cause": house.entry}, {"speaker": "eve"})
    told = st.sampled_from(({}, {}, {}, *odd_tags))
    order = st.sampled_from(ORDERS).flatmap(
        lambda kind: st.tuples(
            st.just(kind),
            bodies(messages.KINDS[kind].body, house.known),
            told,
            st.sampled_from(((), (), (), (("Odd", "x" * 3000),), (("Kind", kind),))),
        )
    )
    nearly = st.sampled_from(sorted(SOUND)).flatmap(
        lambda kind: st.tuples(
            st.just(kind),
            st.one_of(st.just({}), spoiled(messages.KINDS[kind].body, house.known)),
            told,
            st.just(()),
        )
    )
    fact = st.tuples(
        st.sampled_from(FACTS).flatmap(lambda kind: bodies(messages.KINDS[kind].body, house.known)),
        st.booleans(),
    )
    drawn = ((house.order, order), (house.nearly, nearly), (house.fact, fact))
    return st.one_of(*(st.tuples(st.just(how), what) for how, what in drawn))


def spoiled(shape, known):
    """One field of an order, with whatever in it."""
    hints = wire.hints(shape)
    return st.sampled_from([one.name for one in fields(shape)]).flatmap(
        lambda name: st.fixed_dictionaries({name: values(hints[name], known)})
    )


def without_end(budgets):
    """Budgets that thousands of orders from one address do not use up."""
    return {
        name: replace(one, account=one.account and 10**9, address=one.address and 10**9)
        for name, one in budgets.items()
    }


@pytest.mark.slow
def test_what_any_door_accepts_folds_anew_is_sequenced_and_audits_clean(
    db, client, monkeypatch, settings
):
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    settings.BUDGETS = without_end(settings.BUDGETS)
    house = House(client)
    for kind in SOUND:
        house.sent += 1
        house.nearly(kind, {}, {}, (), house.sent)
    house.follow()
    assert set(house.taken) == set(SOUND), "a law about nothing"

    @cases(max_examples=max(1, CASES // BATCH), suppress_health_check=list(HealthCheck))
    @given(st.lists(told_by(house), min_size=BATCH, max_size=BATCH))
    def send(batch):
        for how, told in batch:
            house.sent += 1
            how(*told, house.sent)
        house.follow()

    send()
    assert house.sent >= CASES // BATCH * BATCH
    assert house.taken.total() > CASES // 40, house.taken
    for name, table in TABLES_BY.items():
        held = [log.row_of(table, one) for one in queries.table_page(table, after="", limit=10**6)]
        wanted = {row.id: row for row in house.history.rows.all(table)}
        assert {row.id: row for row in held} == wanted, name
