"""Laws of the books: over any batches nothing is made, lost, held twice or paid twice."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assay import messages
from assay.keys import new_key
from assay.messages import Line
from assay.wire import Nano
from ledger.errors import MessageRefused, TransferRefused
from ledger.rules import books, fold
from ledger.rules.accounts import Account, AccountKind, Key, Role, Transfer
from ledger.rules.entry import make_entry
from ledger.rules.rows import MemoryRows
from tests.ledger.holding import expiries

PEOPLE = ("ada", "bob", "cyd")
PURSES = ("issuance", *PEOPLE, "escrow:x")
WORDS = {"ok", "exists", "batch_failed", "batch_partly_exists", "overdrawn"}
purses = st.sampled_from(PURSES)
amounts = st.integers(1, 50) | st.just(2**62)


class Books(RuleBasedStateMachine):
    """Random batches of transfers, and a plain model of what must come out."""

    def __init__(self):
        super().__init__()
        self.rows, self.now_ms, self.number = MemoryRows(), 0, 0
        for name in PURSES:
            kind = AccountKind.ISSUANCE if name == "issuance" else AccountKind.USER
            self.rows.put(Account(id=name, kind=kind.value))
        self.batches = []

    def new_id(self):
        self.number += 1
        return books.transfer_id("law", "line", self.number)

    def line(self, kind, debit="", credit="", amount_nano=0, **more):
        return Line(self.new_id(), kind, debit, credit, amount_nano, "pay", **more)

    def send(self, batch):
        before = self.state()
        answers = books.answers(batch, self.rows, at_ms=self.now_ms, message="m")
        assert len(answers) == len(batch)
        if set(answers) == {"ok"}:
            self.batches.append(batch)
        else:
            assert self.state() == before, "a batch that is not made changes nothing"
        return answers

    def state(self):
        return self.rows.all(Account), self.rows.all(Transfer)

    def held(self):
        done = {one.pending_id for one in self.rows.all(Transfer) if one.pending_id}
        return [one for one in self.rows.find(Transfer, kind="pending") if one.id not in done]

    @rule(debit=purses, credit=purses, amount_nano=amounts)
    def pay(self, debit, credit, amount_nano):
        self.send([self.line("single", debit, credit, amount_nano)])

    @rule(credit=st.sampled_from(PEOPLE), amount_nano=st.integers(1, 50))
    def mint(self, credit, amount_nano):
        (answer,) = self.send([self.line("single", "issuance", credit, amount_nano)])
        assert answer in ("ok", "supply_cap_exceeded")

    @rule(debit=purses, credit=purses, amount_nano=amounts, timeout_s=st.integers(0, 5))
    def hold(self, debit, credit, amount_nano, timeout_s):
        self.send([self.line("pending", debit, credit, amount_nano, timeout_s=timeout_s)])

    @precondition(lambda self: self.held())
    @rule(data=st.data(), kind=st.sampled_from(["post", "void"]))
    def close(self, data, kind):
        held = data.draw(st.sampled_from(self.held()))
        part = data.draw(st.integers(1, held.amount_nano + 1)) if kind == "post" else None
        self.send([self.line(kind, amount_nano=part, pending_id=held.id)])

    @rule(data=st.data())
    def batch_of_several(self, data):
        pairs = data.draw(st.lists(st.tuples(purses, purses, amounts), min_size=2, max_size=4))
        self.send([self.line("single", *pair) for pair in pairs])

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def send_again(self, data):
        again = data.draw(st.sampled_from(self.batches))
        before = self.state()
        assert set(self.send(again)) == {"exists"}
        assert self.state() == before

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def send_again_with_a_new_line(self, data):
        again = [*data.draw(st.sampled_from(self.batches)), self.line("single", "ada", "bob", 1)]
        assert not {"ok", "exists"} & set(self.send(again))

    @precondition(lambda self: self.held())
    @rule(data=st.data())
    def resolve_twice(self, data):
        held = data.draw(st.sampled_from(self.held()))
        twice = [self.line(kind, pending_id=held.id) for kind in ("void", "post")]
        assert "ok" not in self.send(twice)

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds):
        self.now_ms += 1000 * seconds
        lines = expiries(self.rows, self.now_ms)
        books.apply(lines, self.rows, at_ms=self.now_ms, message="tick")
        assert expiries(self.rows, self.now_ms) == []

    @precondition(lambda self: self.rows.all(Transfer))
    @rule(data=st.data(), later_s=st.integers(0, 6))
    def ask_what_expires(self, data, later_s):
        """A line judged by itself gets the answer that all of them together give."""
        named = data.draw(st.sampled_from(self.rows.all(Transfer)))
        line, at_ms = books.expiry(named.id), self.now_ms + 1000 * later_s - 1
        for moment in (at_ms, at_ms + 1):
            due = expiries(self.rows, moment)
            for one in (line, replace(line, kind="void"), replace(line, id="a" * 64)):
                assert books.expires(one, self.rows, moment) == (one in due)

    @invariant()
    def nothing_is_made_or_lost(self):
        accounts = self.rows.all(Account)
        assert sum(one.available_nano + one.pending_out_nano for one in accounts) == 0
        assert sum(one.pending_out_nano - one.pending_in_nano for one in accounts) == 0

    @invariant()
    def nobody_owes(self):
        for one in self.rows.all(Account):
            assert one.kind == "issuance" or one.available_nano >= 0
            assert min(one.pending_out_nano, one.pending_in_nano) >= 0

    @invariant()
    def what_is_held_is_what_is_pending(self):
        out, into = defaultdict(int), defaultdict(int)
        for one in self.held():
            out[one.debit] += one.amount_nano
            into[one.credit] += one.amount_nano
        for one in self.rows.all(Account):
            assert (one.pending_out_nano, one.pending_in_nano) == (out[one.id], into[one.id])

    @invariant()
    def each_pending_is_resolved_at_most_once(self):
        closed = [one.pending_id for one in self.rows.all(Transfer) if one.pending_id]
        assert len(closed) == len(set(closed))

    @invariant()
    def the_sums_are_those_of_the_transfers(self):
        found = defaultdict(int)
        for one in self.rows.all(Transfer):
            if one.kind in ("single", "post"):
                found[one.debit] -= one.amount_nano
                found[one.credit] += one.amount_nano
        for one in self.rows.all(Account):
            assert one.available_nano + one.pending_out_nano == found[one.id]


def test_what_is_held_counts_once_toward_the_supply():
    rows = MemoryRows()
    rows.put(Account(id="issuance", kind="issuance"))
    rows.put(Account(id="ada", kind="user"))
    half = Line("1" * 64, "pending", "issuance", "ada", 2**62, "mint")
    rest = Line("2" * 64, "single", "issuance", "ada", 2**62 - 1, "mint")
    one = Line("3" * 64, "single", "issuance", "ada", 1, "mint")
    for line, wanted in ((half, "ok"), (rest, "ok"), (one, "supply_cap_exceeded")):
        assert books.answers([line], rows, at_ms=0, message="m") == [wanted]


HOLD = Line("1" * 64, "pending", "ada", "bob", 5, "pay", timeout_s=10)
OTHER = Line("2" * 64, "pending", "ada", "bob", 7, "pay", timeout_s=10)
STAKE = Line("3" * 64, "pending", "ada", "bob", 9, "pay")
BACK = books.expiry(HOLD.id)
OPERATOR = new_key()


def holding():
    """Rows of a house in which ada holds something for bob, and the key of the operator."""
    rows = MemoryRows()
    key = make_entry(messages.ClockTicked(0), OPERATOR, idempotency="x").signer
    rows.put(Key(key, "operator", Role.OPERATOR.value, 0, "m"))
    rows.put(Account(id="ada", kind="user", available_nano=100))
    rows.put(Account(id="bob", kind="user"))
    books.apply([HOLD, OTHER, STAKE], rows, at_ms=0, message="m")
    return rows


def expired(rows, *lines, at_ms):
    body = messages.BooksExpired(lines, at_ms)
    fold.apply(make_entry(body, OPERATOR, idempotency="expiry"), rows, (), origin="")


@pytest.mark.parametrize(
    ("line", "at_ms"),
    [
        pytest.param(BACK, 9_999, id="a hold that is not over"),
        pytest.param(books.expiry(STAKE.id), 10**12, id="a hold without a time limit"),
        pytest.param(books.expiry("4" * 64), 10_000, id="nothing that was ever held"),
        pytest.param(replace(BACK, id="a" * 64), 10_000, id="an id of its own choice"),
        pytest.param(replace(BACK, id=books.expiry(OTHER.id).id), 10_000, id="another's id"),
        pytest.param(replace(BACK, kind="post"), 10_000, id="a payment to bob"),
        pytest.param(replace(BACK, kind="void"), 10_000, id="a void"),
        pytest.param(replace(BACK, amount_nano=5), 10_000, id="an amount that it names"),
        pytest.param(replace(BACK, amount_nano=4), 10_000, id="a part"),
        pytest.param(replace(BACK, pending_id=None), 10_000, id="no hold at all"),
        pytest.param(replace(HOLD, id="5" * 64), 10_000, id="another hold"),
    ],
)
def test_books_expired_is_refused_when_it_names(line, at_ms):
    """Guards that books.expired is no other word for a payment; one good line saves no bad one."""
    for lines in ((line,), (books.expiry(OTHER.id), line)):
        with pytest.raises(MessageRefused, match="it moves what is not over"):
            expired(holding(), *lines, at_ms=at_ms)


@pytest.mark.parametrize("kind", ["post", "void", "expire"])
def test_books_expired_is_refused_when_it_names_a_hold_that_is_resolved(kind):
    rows, at_ms = holding(), {"expire": 10_000}.get(kind, 9_999)
    done = Line("6" * 64, kind, "", "", pending_id=HOLD.id)
    books.apply([done], rows, at_ms=at_ms, message="m")
    with pytest.raises(MessageRefused, match="it moves what is not over"):
        expired(rows, BACK, at_ms=10_000)


@pytest.mark.parametrize("kind", ["post", "void", "expire"])
@pytest.mark.parametrize("amount_nano", [0, -1, -5])
def test_what_names_nothing_or_less_takes_nothing_of_what_is_held(kind, amount_nano):
    """Guards that nothing used costs nothing: 0 stood for "not named", and posted the whole."""
    rows, at_ms = holding(), {"expire": 10_000}.get(kind, 9_999)
    before = rows.all(Account)
    line = Line("6" * 64, kind, "", "", Nano(amount_nano), "", pending_id=HOLD.id)
    answers = books.answers([line], rows, at_ms=at_ms, message="m")
    assert (answers, rows.all(Account)) == (["amount_must_be_positive"], before)


def test_a_second_line_that_names_nothing_is_not_the_first_again():
    rows = holding()
    whole = Line("6" * 64, "post", "", "", pending_id=HOLD.id)
    books.apply([whole], rows, at_ms=1, message="m")
    again = [replace(whole, amount_nano=amount) for amount in (None, Nano(5), Nano(0))]
    told = [books.answers([one], rows, at_ms=1, message="m") for one in again]
    assert told == [["exists"], ["exists"], ["exists_with_different_amount"]]


def test_what_is_over_goes_back_once_and_from_that_very_millisecond():
    rows = holding()
    with pytest.raises(TransferRefused, match="batch_partly_exists"):
        expired(rows, BACK, BACK, at_ms=10_000)
    expired(rows, BACK, at_ms=10_000)
    assert rows.get(Account, "ada").available_nano == 100 - 7 - 9
    with pytest.raises(MessageRefused, match="it moves what is not over"):
        expired(rows, BACK, at_ms=10_000)


def test_the_fold_of_an_expiry_looks_at_no_other_hold(monkeypatch):
    """Guards the cost: a log with many expiries would be folded in the square of their number."""
    rows, asked = holding(), []
    find = rows.find
    monkeypatch.setattr(rows, "find", lambda table, **by: asked.append(by) or find(table, **by))
    expired(rows, BACK, at_ms=10_000)
    assert {name for by in asked for name in by} == {"pending_id"}


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
