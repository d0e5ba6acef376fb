"""Metered use: by real HTTP 402, in fractions of a nano-token, and never more than was signed."""

from datetime import timedelta

import httpx2
import pytest
from django.utils import timezone

from assay import keys, messages, vouchers
from ledger.actions import expire_due
from ledger.queries import account, balance_nano
from licensing import actions, models, queries
from tests.hostile.orders import fold_anew
from tests.licensing import metered
from tests.licensing.market import BASE, DATA, WORK
from tests.licensing.metered import CALL, HASHES, HELD, PATH, ask, channel, pay, payer

pytestmark = pytest.mark.django_db


@pytest.fixture
def eve(client):
    return metered.opened(client)


def settle(name, later=timedelta()):
    actions.settle_channel(name, now=timezone.now() + later)


def has_nothing_between():
    held = account(f"usage:{WORK}")
    return held.available_nano == 0


@pytest.mark.django_db(transaction=True)
def test_the_public_client_pays_fractions_of_a_token_by_http_402(live_server, eve):
    """Guards the whole way: a server, real answers 402, and the client of x402 as it is."""
    both = payer(eve)
    with httpx2.Client(base_url=live_server.url) as http:
        for call in range(1, 6):
            body = {"work": WORK, "hashes": HASHES}
            asked = http.post(PATH, json=body)
            assert asked.status_code == 402
            header, payload = metered.payment(both, asked)
            answer = http.post(PATH, json=body, headers={"PAYMENT-SIGNATURE": header})
            assert answer.status_code == 200, answer.text
            told = (
                both[1]
                .process_payment_result(payload, answer.headers.get, answer.status_code)
                .settle_response
            )
            assert (told.success, told.amount, told.payer) == (True, str(CALL), "eve")
            assert answer.json()["usage"]["charged_pico"] == str(call * CALL)
    before = balance_nano("eve")
    settle(channel().pk)
    assert channel().settled_nano == 5 * CALL // 1000 == 2, "rounded down, once"
    assert balance_nano("eve") == before == 10 * HELD - HELD, "it was held all the time"
    assert channel().held_nano == HELD - 2
    assert has_nothing_between()
    fold_anew()


def test_what_is_used_goes_to_fee_and_pools_as_of_a_sale(eve, client):
    both = payer(eve)
    hashes = [f"{number:064x}" for number in range(1000)]
    for _ in range(4):
        answer = pay(both, client, hashes=hashes)
        assert answer.status_code == 200, answer.content
    closed = eve.send(messages.ChannelClose(channel().pk)).json()["result"]
    assert (closed["is_closed"], closed["settled_nano"], closed["held_nano"]) == (True, "1000", "0")
    assert balance_nano("fee") == 20
    assert [queries.pool_nano(one) for one in (BASE, DATA, WORK)] == [49, 98, 833]
    assert balance_nano("eve") == 10 * HELD - 1000
    assert has_nothing_between()
    assert not models.Meter.objects.exists()
    assert models.ShareDue.objects.get(work=BASE, payee="author").due_nano == 49
    fold_anew()


def test_fractions_add_up_and_are_rounded_once(eve, client):
    """Guards that a settlement takes the sum so far, not each call, rounded down."""
    both = payer(eve)
    paid = []
    for _ in range(7):
        pay(both, client, hashes=HASHES[:1])
        settle(channel().pk)
        paid.append(channel().settled_nano)
    assert paid == [0, 0, 0, 1, 1, 1, 1]
    eve.send(messages.ChannelClose(channel().pk))
    assert channel().charged_pico == 1750
    assert (channel().settled_nano, balance_nano("eve")) == (1, 10 * HELD - 1)
    fold_anew()


def test_a_channel_that_was_not_used_is_void_and_costs_nothing(eve):
    opened = open_by_order(eve)
    assert balance_nano("eve") == 9 * HELD
    closed = eve.send(messages.ChannelClose(opened["channel"])).json()["result"]
    assert (closed["is_closed"], closed["settled_nano"]) == (True, "0")
    assert balance_nano("eve") == 10 * HELD
    fold_anew()


def test_when_its_time_is_over_the_rest_goes_back_and_no_voucher_counts(eve, client, monkeypatch):
    both = payer(eve, timeout_s=60)
    pay(both, client)
    late = timezone.now() + timedelta(seconds=61)
    monkeypatch.setattr("licensing.api.metered.timezone.now", lambda: late)
    answer = pay(both, client)
    assert (answer.status_code, answer.json()["code"]) == (409, "ledger.pending_expired")
    expire_due(now=late)
    assert balance_nano("eve") == 10 * HELD
    settle(channel().pk, timedelta(seconds=61))
    assert not models.Meter.objects.exists()
    assert not queries.channels_to_settle(10**14, limit=9)
    fold_anew()


def open_by_order(eve, words="open", **changed):
    told = {"work": WORK, "receiver": "operator", "signer": eve.key_name,
            "held_nano": HELD, "timeout_s": 3600, **changed}  # fmt: skip
    answer = eve.send(messages.ChannelOpen(**told), words).json()
    return answer.get("result") or answer


def test_the_same_request_with_the_same_id_is_served_again_and_another_one_is_refused(eve, client):
    def name(told):
        told["extensions"]["payment-identifier"]["info"]["id"] = "pay_" + "7" * 16

    both = payer(eve)
    first = pay(both, client, change=name)
    again = pay(both, client, change=name)
    assert [one.json()["usage"]["price_pico"] for one in (first, again)] == [str(CALL), "0"]
    assert first.json()["items"] == again.json()["items"]
    other = pay(both, client, change=name, hashes=HASHES[::-1])
    assert (other.status_code, other.json()["code"]) == (409, "payment.identifier_used")
    assert models.Meter.objects.get().charged_pico == CALL


def change_voucher(**changed):
    def change(told):
        told["payload"]["voucher"].update(changed)

    return change


def change_accepted(**changed):
    def change(told):
        told["accepted"].update(changed)

    return change


def signed_by_another_key(told):
    given = told["payload"]["voucher"]
    other = vouchers.sign(keys.new_key(), given["channelId"], int(given["maxClaimableAmount"]))
    given["signature"] = other.signature


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (change_voucher(channelId="c" * 43), 409, "payment.voucher_channel"),
        (change_voucher(signature="ab" * 64), 403, "payment.voucher_signer"),
        (signed_by_another_key, 403, "payment.voucher_signer"),
        (change_voucher(maxClaimableAmount=str(CALL)), 409, "payment.voucher_stale"),
        (change_voucher(maxClaimableAmount=str(2 * CALL + 1)), 403, "payment.voucher_signer"),
        (change_voucher(maxClaimableAmount=str(HELD * 1001)), 409, "ledger.exceeds_pending_amount"),
        (change_voucher(maxClaimableAmount=int(2 * CALL)), 400, "payment.malformed"),
        (change_voucher(maxClaimableAmount="-5"), 400, "payment.malformed"),
        (change_voucher(maxClaimableAmount="\u0665"), 400, "payment.malformed"),
        (change_voucher(signature=None), 400, "payment.malformed"),
        (change_accepted(scheme="exact"), 400, "payment.unsupported"),
        (change_accepted(network="eip155:8453"), 400, "payment.unsupported"),
        (change_accepted(asset="nano"), 400, "payment.unsupported"),
        (change_accepted(payTo=f"pool:{BASE}"), 400, "payment.unsupported"),
        (change_accepted(amount="1"), 400, "payment.unsupported"),
        (lambda told: told.update(x402Version=1), 400, "payment.malformed"),
        (lambda told: told.pop("accepted"), 400, "payment.malformed"),
        (lambda told: told["payload"].pop("voucher"), 400, "payment.malformed"),
        (lambda told: told["payload"].update(type="refund"), 400, "payment.unsupported"),
        (lambda told: told["payload"].update(type="deposit"), 400, "payment.malformed"),
        (lambda told: told.update(pad="x" * 9000), 400, "payment.malformed"),
        (
            lambda told: told["extensions"]["payment-identifier"]["info"].update(id="short"),
            400, "payment.malformed",
        ),
    ],
)  # fmt: skip
def test_a_payment_that_is_not_right_has_a_code_and_moves_nothing(
    eve, client, change, status, code
):
    both = payer(eve)
    pay(both, client)
    before = models.Meter.objects.values().get()
    answer = pay(both, client, change=change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert models.Meter.objects.values().get() == before
    assert pay(both, client).status_code == 200, "the payer can go on"


@pytest.mark.parametrize("header", ["", "?", "W10=", "e30=", "bnVsbA==", "W" * 9000, "é"])
def test_a_header_that_is_no_payment_is_malformed(eve, client, header):
    answer = ask(client, **{"payment-signature": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "payment.malformed")


def test_a_voucher_that_was_used_pays_for_nothing_more(eve, client):
    """Guards against a replay: of the whole request, without an id, and of its voucher alone."""
    both = payer(eve)
    header, payload = metered.payment(both, ask(client))
    first = ask(client, **{"payment-signature": header})
    both[1].process_payment_result(payload, first.headers.get, first.status_code)
    again = ask(client, **{"payment-signature": header})
    assert (again.status_code, again.json()["code"]) == (409, "payment.voucher_stale")
    assert models.Meter.objects.get().charged_pico == CALL


def test_a_channel_pays_for_its_own_work_alone(eve, client):
    opened = open_by_order(eve, work=BASE)

    def move(told):
        voucher = vouchers.sign(eve.key, opened["channel"], CALL)
        told["payload"] = {"type": "voucher", "voucher": {
            "channelId": voucher.channel, "maxClaimableAmount": str(CALL),
            "signature": voucher.signature}}  # fmt: skip

    answer = pay(payer(eve), client, change=move)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment.voucher_channel")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"held_nano": 0}, "payment.channel_invalid"),
        ({"held_nano": -1}, "payment.channel_invalid"),
        ({"held_nano": 10**15 + 1}, "payment.channel_invalid"),
        ({"held_nano": 11 * HELD}, "ledger.overdrawn"),
        ({"timeout_s": 59}, "payment.channel_invalid"),
        ({"timeout_s": 31 * 86_400}, "payment.channel_invalid"),
        ({"signer": "zz"}, "payment.channel_invalid"),
        ({"receiver": "eve"}, "payment.channel_invalid"),
        ({"receiver": "buyer"}, "payment.receiver_unlicensed"),
        ({"receiver": "nobody"}, "payment.receiver_unlicensed"),
        ({"receiver": f"pool:{WORK}"}, "payment.receiver_unlicensed"),
        ({"work": "data:" + "00" * 32}, "licensing.work_unknown"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_and_holds_nothing(eve, changed, code):
    assert open_by_order(eve, **changed)["code"] == code
    assert balance_nano("eve") == 10 * HELD


def test_one_payer_has_one_open_channel_for_a_work_and_receiver(eve):
    first = open_by_order(eve)
    again = open_by_order(eve, "two")
    assert (again["code"], again["facts"]["channel"]) == ("payment.channel_open", first["channel"])
    assert open_by_order(eve)["channel"] == first["channel"], "the same order"
    eve.send(messages.ChannelClose(first["channel"]))
    assert open_by_order(eve, "three")["channel"] != first["channel"]


def test_what_this_site_counts_is_redeemed_within_the_hour_and_before_the_end(eve, client):
    pay(payer(eve, timeout_s=7200), client, hashes=[f"{number:064x}" for number in range(10)])
    name, at_ms = channel().pk, channel().opened_ms
    assert queries.channels_to_settle(at_ms + 3_599_000, limit=9) == []
    assert queries.channels_to_settle(at_ms + 3_600_000, limit=9) == [name]
    settle(name, timedelta(hours=1))
    assert channel().settled_nano == 2
    settle(name, timedelta(hours=1))
    assert channel().settlements == 1, "twice is once"
    ending = at_ms + 7_200_000 - 899_000
    assert queries.channels_to_settle(ending, limit=9) == [name]
    fold_anew()
