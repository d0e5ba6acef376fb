"""Many at once: no call is counted twice, no voucher is redeemed twice, on both databases."""

import pytest

from assay import messages, vouchers
from ledger import log
from ledger.actions import mint, open_account_for
from ledger.errors import Overdrawn
from ledger.queries import account, balance_nano
from ledger.rules.accounts import OPERATOR
from licensing import actions, errors, models, queries
from tests.hostile.orders import fold_anew
from tests.licensing.market import NOW, WORK, people, scene

HELD = 1_000_000
KEY = vouchers.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def opened(transactional_db):
    people()
    scene()
    open_account_for("payer", now=NOW)
    mint(account="payer", amount_nano=HELD, idempotency="funds", now=NOW)
    return open_for(OPERATOR)


def open_for(receiver, words="open"):
    signer = KEY.public_key().public_bytes_raw().hex()
    body = messages.ChannelOpen(WORK, receiver, signer, HELD, 86_400)
    order = log.order_for("payer", body, idempotency=words)
    return actions.open_channel(order, now=NOW).id


def call(channel, number, *, signed, identifier=""):
    voucher = vouchers.sign(KEY, channel, signed)
    asked = actions.Asked(identifier, f"{number:064x}")
    return actions.charge(voucher, 1_000_000, asked, work=WORK, now=NOW)


def test_eight_calls_at_once_are_each_counted_once_and_none_beyond_the_voucher(opened, crowd):
    failed = crowd(lambda number: call(opened, number, signed=5_000_000))
    assert [type(error) for error in failed] == [vouchers.VoucherStale] * 3
    meter = models.Meter.objects.get()
    assert (meter.charged_pico, meter.calls) == (5_000_000, 5)


def test_eight_requests_of_one_id_at_once_are_charged_once(opened, crowd):
    name = "pay_" + "1" * 16
    assert crowd(lambda _: call(opened, 1, signed=9_000_000, identifier=name)) == []
    assert models.Meter.objects.get().calls == 1


def test_eight_redemptions_at_once_pay_once(opened, crowd):
    call(opened, 1, signed=7_000_000)
    assert crowd(lambda _: actions.settle_channel(opened, now=NOW)) == []
    assert models.Usage.objects.get().gross_nano == 1000
    assert balance_nano("payer") == 0
    assert queries.channel(opened).held_nano == HELD - 1000
    fold_anew()


def test_calls_redemptions_and_the_end_at_once_take_what_was_charged_and_no_more(opened, crowd):
    """Guards the order of the locks too: in another one, PostgreSQL ends some of these."""
    close = log.order_for("payer", messages.ChannelClose(opened), idempotency="close")
    steps = (
        lambda number: call(opened, number, signed=1_000_000 * 8),
        lambda _: actions.settle_channel(opened, now=NOW),
        lambda _: actions.close_channel(close, now=NOW),
        lambda number: open_for(OPERATOR, f"again {number}"),
    )
    failed = crowd(lambda number: steps[number % 4](number))
    allowed = (vouchers.VoucherChannel, errors.ChannelTaken, errors.LicensingRefused)
    odd = [one for one in failed if not isinstance(one, (*allowed, Overdrawn))]
    assert odd == []
    for one in models.Channel.objects.filter(is_closed=False, receiver=OPERATOR):
        last = log.order_for("payer", messages.ChannelClose(one.pk), idempotency=one.pk)
        actions.close_channel(last, now=NOW)
    paid = sum(models.Usage.objects.values_list("gross_nano", flat=True))
    assert balance_nano("payer") == HELD - paid
    assert account(f"usage:{WORK}").available_nano == 0
    fold_anew()


def test_a_voucher_is_redeemed_once_by_its_receiver_whoever_sends_it_how_often(opened, crowd):
    actions.close_channel(
        log.order_for("payer", messages.ChannelClose(opened), idempotency="first"), now=NOW
    )
    channel = open_for("miner", "mine")  # the owner of the work
    voucher = vouchers.sign(KEY, channel, 5_000_000)

    def redeem(number):
        told = (5_000_000, 1, 5_000_000, voucher.signature, False)
        body = messages.UsageSettle(channel, *told)
        return actions.settle_usage(log.order_for("miner", body, idempotency=f"{number}"), now=NOW)

    failed = crowd(redeem)
    assert [type(error) for error in failed] == [vouchers.VoucherStale] * 7
    assert queries.channel(channel).settled_nano == 5000
    fold_anew()
