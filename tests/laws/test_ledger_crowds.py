"""The ledger under many at once, and what its triggers keep. On SQLite and on PostgreSQL."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from assay import messages
from assay.keys import new_key
from assay.wire import Nano
from ledger import actions, log, queries
from ledger.errors import FaucetEmpty, Overdrawn
from ledger.models import Account, Message, Transfer
from ledger.rules import books, fold
from ledger.rules.accounts import Account as Purse
from ledger.sequencer import sequence
from tests.signing import make_item


@pytest.fixture(autouse=True)
def people(founded, monkeypatch):
    """ada and bob. A payment between them is no fact of the house, so one rule is set aside."""
    monkeypatch.delitem(fold._RULES, "books.expired")
    now = timezone.now()
    for name in ("ada", "bob"):
        actions.open_account_for(name, now=now)
    actions.mint(account="ada", amount_nano=10, idempotency="funds", now=now)


@transaction.atomic
def spend(number, amount_nano):
    """A payment from ada to bob, as an action makes it: lock, decide, record."""
    log.Tables().lock(Purse, ["ada", "bob"])
    cause = f"spend/{number}"
    line = messages.Line(
        books.transfer_id(cause, "pay"), "single", "ada", "bob", Nano(amount_nano), "pay"
    )
    body = messages.BooksExpired((line,), actions.ms(timezone.now()))
    log.record([log.fact(body, idempotency=cause)])


def test_eight_spenders_of_one_purse_cannot_overdraw_it(crowd):
    """Guards the lock of the accounts in log.record: without it two may read the same balance."""
    errors = crowd(lambda number: spend(number, 7))
    assert [type(error) for error in errors] == [Overdrawn] * 7
    assert (queries.balance_nano("ada"), queries.balance_nano("bob")) == (3, 7)


def test_eight_payments_both_ways_end_with_the_same_sum(crowd):
    """Guards the order of locks: by id, else two batches wait for each other for ever."""

    @transaction.atomic
    def swap(number):
        pair = ("ada", "bob") if number % 2 else ("bob", "ada")
        lines = [
            messages.Line(
                books.transfer_id(f"swap/{number}", "pay", part),
                "single",
                *(pair if part else pair[::-1]),
                Nano(1),
                "pay",
            )
            for part in (0, 1)
        ]
        lines.sort(key=lambda line: line.debit)  # ada has something to begin with
        body = messages.BooksExpired(tuple(lines), actions.ms(timezone.now()))
        log.record([log.fact(body, idempotency=f"swap/{number}")])

    assert crowd(swap) == []
    assert (queries.balance_nano("ada"), queries.balance_nano("bob")) == (10, 0)
    assert Transfer.objects.count() == 1 + 16


def test_eight_retries_of_one_mint_pay_once(crowd):
    """Guards that mint() looks for its transfer after the lock, not before."""
    now = timezone.now()
    errors = crowd(
        lambda _: actions.mint(account="bob", amount_nano=5, idempotency="again", now=now)
    )
    assert errors == []
    assert queries.balance_nano("bob") == 5


def test_eight_draws_from_the_faucet_never_pass_its_limit(crowd, settings):
    settings.FAUCET_NANO = 20
    now = timezone.now()
    errors = crowd(
        lambda number: actions.mint(account="bob", amount_nano=6, idempotency=str(number), now=now)
    )
    assert [type(error) for error in errors] == [FaucetEmpty] * 5
    assert queries.balance_nano("bob") == 18


def test_the_same_order_eight_times_is_one_message(crowd):
    """Guards the turn that open_account takes, and the anchor that is unique per signer."""
    item = make_item(messages.AccountOpen("eve"), new_key(), idempotency="open")
    raw = item.encode()
    names = []

    def send(_):
        names.append(actions.open_account(log.read_order(raw), now=timezone.now()))

    assert crowd(send) == []
    assert names == ["eve"] * 8
    assert Message.objects.filter(item=item.id).count() == 1
    assert Message.objects.filter(cause=item.id).count() == 2


def test_eight_people_who_want_one_name_leave_one_owner(crowd):
    def send(number):
        item = make_item(messages.AccountOpen("eve"), new_key(), idempotency="open")
        actions.open_account(log.read_order(item.encode()), now=timezone.now())

    errors = crowd(send)
    assert [error.code for error in errors] == ["ledger.account_taken"] * 7
    assert len(queries.keys_of("eve")) == 1


def test_after_a_crowd_the_tables_are_those_of_the_log(crowd, replay):
    """Guards that each action appends under its locks: else the log has another order."""

    def live(number):
        now = timezone.now()
        actions.open_account_for(f"guest{number}", now=now)
        actions.mint(account=f"guest{number}", amount_nano=number + 1, idempotency="x", now=now)
        spend(number, 1)
        sequence(holder=f"site{number}", now=now)

    assert crowd(live) == []
    while sequence(holder="site", now=timezone.now() + timedelta(minutes=1)):
        pass
    report = replay()
    assert report.is_equal, report


CHANGES = [
    ("ledger_transfer", "amount_nano = amount_nano + 1"),
    ("ledger_transfer", "credit = 'eve'"),
    ("ledger_transfer", "at_ms = 0"),
    ("ledger_message", "raw = raw || raw"),
    ("ledger_message", "item = 'x'"),
    ("ledger_message", "kind = 'x'"),
    ("ledger_message", "signer = 'x'"),
    ("ledger_message", "cause = 'x'"),
    ("ledger_message", "log_index = log_index + 100"),
]


@pytest.mark.parametrize(("table", "change"), CHANGES, ids=" ".join)
def test_the_database_refuses_to_change_what_is_final(table, change):
    """Guards the triggers of migration 0002."""
    sequence(holder="site", now=timezone.now())
    with pytest.raises(DatabaseError, match="final"), transaction.atomic():
        connection.cursor().execute(f"UPDATE {table} SET {change}")


@pytest.mark.parametrize("table", ["ledger_transfer", "ledger_message"])
def test_the_database_refuses_to_delete_what_is_final(table):
    """Guards the triggers of migration 0002."""
    with pytest.raises(DatabaseError, match="final"), transaction.atomic():
        connection.cursor().execute(f"DELETE FROM {table}")


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["ledger_transfer", "ledger_message"])
def test_postgresql_refuses_to_empty_what_is_final(table):
    """Guards the trigger on TRUNCATE, which no trigger on DELETE hears."""
    with pytest.raises(DatabaseError, match="final"), transaction.atomic():
        connection.cursor().execute(f"TRUNCATE {table} CASCADE")


ODD_TRANSFER = (
    "INSERT INTO ledger_transfer SELECT 'x', kind, debit, credit, {}, code, pending_id, timeout_s,"
    " reference, {}, message FROM ledger_transfer"
)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_account SET available_nano = 1.5 WHERE id = 'ada'",
        "UPDATE ledger_account SET pending_in_nano = 'x' WHERE id = 'ada'",
        ODD_TRANSFER.format(1.5, 0),
        ODD_TRANSFER.format(1, 0.25),
    ],
)
def test_sqlite_keeps_whole_numbers_whole(change):
    """Guards the triggers of types: SQLite itself stores any value in any column."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has columns without a type")
    with pytest.raises(DatabaseError, match="whole"), transaction.atomic():
        connection.cursor().execute(change)


def test_the_database_refuses_a_balance_below_zero():
    """Guards the last witness: a constraint, whatever the rules above it say."""
    with pytest.raises(DatabaseError, match="account_not_below_zero"), transaction.atomic():
        Account.objects.filter(pk="ada").update(available_nano=-1)


def test_the_database_refuses_to_resolve_a_pending_transfer_twice():
    held = {"debit": "ada", "credit": "bob", "amount_nano": 1, "code": "pay", "at_ms": 1}
    blank = {"timeout_s": 0, "reference": "", "message": "m", **held}
    Transfer.objects.create(id="1" * 64, kind="pending", pending_id=None, **blank)
    Transfer.objects.create(id="2" * 64, kind="post", pending_id="1" * 64, **blank)
    with pytest.raises(DatabaseError), transaction.atomic():
        Transfer.objects.create(id="3" * 64, kind="void", pending_id="1" * 64, **blank)
