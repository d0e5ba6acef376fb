"""Money from outside and back: the faucet, and an escrow that breaks at every step."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import messages
from assay.wire import Nano
from ledger import actions, log, queries
from ledger.errors import FaucetEmpty, MessageRefused, Overdrawn, WithdrawalRefused
from ledger.models import Account, Message, Transfer
from ledger.rules import fold
from ledger.rules.accounts import ISSUANCE
from ledger.rules.accounts import Account as AccountRow
from tests import signing
from tests.ledger.escrow import Broken, Escrow
from workers import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(now):
    actions.open_account_for("ada", now=now)
    return now


@pytest.fixture
def escrow(tmp_path, settings):
    found = Escrow(tmp_path / "escrow.db")
    settings.BRIDGE = found
    return found


def order(amount_nano, to="0xada", words="w"):
    return log.order_for("ada", messages.MoneyWithdraw(Nano(amount_nano), to), idempotency=words)


def fold_all():
    """The whole log, folded from nothing: what the tables must be."""
    history = signing.history()
    for row in Message.objects.order_by("id"):
        history.follow(bytes(row.raw))
    return {row.id: row for row in history.rows.all(AccountRow)}


def test_play_money_does_not_go_out(now):
    with pytest.raises(WithdrawalRefused, match="play money is worth nothing"):
        actions.withdraw(order(1), now=now)
    record.cross_bridge()
    assert Transfer.objects.count() == 0


def test_a_site_with_another_bridge_gives_no_play_money(now, escrow, client, django_user_model):
    """Guards real money: tokens from the faucet could be taken out of the escrow of others."""
    assert actions.play_money_nano("ada") == 0
    with pytest.raises(FaucetEmpty):
        actions.mint(account="ada", amount_nano=1, idempotency="x", now=now)
    client.force_login(django_user_model.objects.create_user("ada"))
    assert b"Get play money" not in client.get("/accounts/ada/").content


def test_what_comes_in_is_minted_once_and_what_goes_out_is_burned(now, escrow):
    escrow.give("ada", 100)
    for _ in range(2):
        record.cross_bridge()
    assert queries.balance_nano("ada") == 100
    made = Transfer.objects.get()
    assert (made.code, made.reference) == ("mint", "deposit 0")
    actions.withdraw(order(30), now=now)
    assert actions.withdraw(order(30), now=now) == order(30).id
    assert queries.balance_nano("ada") == 70
    for _ in range(2):
        record.cross_bridge()
    assert escrow.paid() == [("0xada", 30)]
    assert [row.kind for row in Message.objects.filter(cause=order(30).id)] == [
        "money.held", "money.left",
    ]  # fmt: skip
    assert -queries.balance_nano(ISSUANCE) == escrow.held_nano == 70


def test_a_deposit_for_nobody_waits_outside_until_the_account_is_there(now, escrow):
    escrow.give("bob", 5)
    record.cross_bridge()
    assert Transfer.objects.count() == 0
    actions.open_account_for("bob", now=now)
    record.cross_bridge()
    assert queries.balance_nano("bob") == 5


def test_what_cannot_be_paid_outside_goes_back(now, escrow):
    escrow.give("ada", 100)
    record.cross_bridge()
    actions.withdraw(order(30, "0xclosed"), now=now)
    record.cross_bridge()
    assert queries.balance_nano("ada") == 100
    returned = Message.objects.get(kind="money.returned")
    assert log.find(returned.item).body.reason == "the address takes nothing"
    assert escrow.held_nano == 100


def test_what_is_on_its_way_stays_held(now, escrow):
    escrow.give("ada", 100)
    record.cross_bridge()
    actions.withdraw(order(30), now=now)
    escrow.is_slow = True
    record.cross_bridge()
    row = Account.objects.get(pk="ada")
    assert (row.available_nano, row.pending_out_nano) == (70, 30)
    escrow.is_slow = False
    record.cross_bridge()
    assert Account.objects.get(pk="ada").pending_out_nano == 0


def test_a_wrong_place_and_too_much_are_refused_before_anything_is_held(now, escrow):
    escrow.give("ada", 100)
    record.cross_bridge()
    with pytest.raises(WithdrawalRefused, match="no address"):
        actions.withdraw(order(30, "somewhere"), now=now)
    with pytest.raises(Overdrawn):
        actions.withdraw(order(101), now=now)
    assert queries.withdrawals_waiting(9) == []


@pytest.mark.parametrize("where", ["breaks_before", "breaks_after"])
def test_a_connection_that_breaks_pays_nothing_twice_and_loses_nothing(now, escrow, where):
    """Guards both names: the deposit's id on the way in, the order's on the way out."""
    escrow.give("ada", 100)
    setattr(escrow, where, True)
    with suppress(Broken):
        record.cross_bridge()
    setattr(escrow, where, False)
    record.cross_bridge()
    assert queries.balance_nano("ada") == 100
    actions.withdraw(order(30), now=now)
    setattr(escrow, where, True)
    with pytest.raises(Broken):
        record.cross_bridge()
    setattr(escrow, where, False)
    record.cross_bridge()
    assert escrow.paid() == [("0xada", 30)]
    assert -queries.balance_nano(ISSUANCE) == escrow.held_nano == 70


def test_a_fact_that_holds_or_frees_something_else_than_the_order_is_refused(now, escrow):
    escrow.give("ada", 100)
    record.cross_bridge()
    asked = order(30)
    actions.withdraw(asked, now=now)
    held = Transfer.objects.get(kind="pending")
    line = messages.Line(
        "1" * 64, "post", "ada", ISSUANCE, Nano(20), "burn", pending_id=held.pk
    )  # fmt: skip
    for body in (
        messages.MoneyLeft("x", (line,), actions.ms(now)),
        messages.MoneyReturned("x", (line,), actions.ms(now)),
        messages.MoneyHeld("ada", "0xada", "escrow", (), actions.ms(now)),
    ):
        with pytest.raises(MessageRefused):
            log.record([log.fact(body, answers=asked, idempotency="lie")])


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["give", "take", "cross", "break"]), st.integers(1, 50)),
        max_size=14,
    )
)
@settings(max_examples=12)
def test_the_escrow_holds_at_every_moment_what_the_accounts_can_ask_of_it(
    now, escrow, tmp_path_factory, steps
):
    """Conservation over the bridge: what was minted and not yet paid is what lies outside."""
    for number, (what, amount_nano) in enumerate(steps):
        if what == "give":
            escrow.give("ada", amount_nano)
        elif what == "take":
            with suppress(Overdrawn):
                words = f"{number}/{Transfer.objects.count()}"
                actions.withdraw(order(amount_nano, words=words), now=now)
        else:
            escrow.breaks_after = what == "break"
            with suppress(Broken):
                record.cross_bridge()
            escrow.breaks_after = False
    record.cross_bridge()
    issuance = Account.objects.get(pk=ISSUANCE)
    assert -issuance.available_nano == escrow.held_nano
    assert issuance.pending_in_nano == 0
    assert fold_all()["ada"].available_nano == queries.balance_nano("ada")


def test_the_purpose_of_a_withdrawal_is_part_of_the_logs_contract():
    assert fold.WITHDRAW == "withdraw"
