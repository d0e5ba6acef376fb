"""Metered use: channels are opened, calls are counted, vouchers are redeemed."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from assay import messages
from assay.vouchers import PICO, IdentifierUsed, Tally, Voucher, VoucherChannel, charged
from assay.wire import Nano
from ledger import log
from ledger.actions import ms
from ledger.rules.accounts import FEE, OPERATOR, Account
from ledger.rules.entry import Entry
from licensing import queries
from licensing.actions.indexes import index_dues
from licensing.models import Meter, MeteredRequest
from licensing.rules import metering
from licensing.rules.fold import licensing
from licensing.rules.rows import Channel, pool_of, usage_of


class Asked(NamedTuple):
    """A request that is paid for. identifier: of its payer, or empty; fingerprint: SHA-256"""

    identifier: str
    fingerprint: str


@dataclass(frozen=True)
class Charge:
    """is_again: the very same request was paid before, and costs nothing more"""

    payer: str
    tally: Tally
    is_again: bool


@transaction.atomic
def open_channel(order: Entry, *, now: datetime) -> Channel:
    """Hold the money of a `channel.open` order.

    returns  the channel; the same order again gives the same channel
    raises   WorkUnknown, NotForSale, ChannelInvalid, ChannelTaken, ReceiverUnlicensed, Overdrawn
    """
    asked: messages.ChannelOpen = order.body
    payer, at_ms, rows = order.actor, ms(now), log.Tables()
    rows.lock(Account, [payer, asked.receiver])
    if not log.find(order.id):
        fact = metering.opening(order, payer, rows, at_ms=at_ms)
        log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
        if asked.receiver == OPERATOR:
            Meter.objects.create(channel=order.id, settled_ms=at_ms)
    return queries.channel(order.id)


@transaction.atomic
def charge(voucher: Voucher, price_pico: int, asked: Asked, *, work: str, now: datetime) -> Charge:
    """Count one call on a channel of this site, when its voucher pays for it.

    Nothing is written on the log: the last voucher is redeemed within the hour.
    raises VoucherChannel, PendingExpired, ExceedsPending, VoucherStale, VoucherSigner,
           IdentifierUsed
    """
    meter = Meter.objects.select_for_update().filter(pk=voucher.channel).first()
    if meter is None:
        message = f"No channel {voucher.channel[:16]} is open here."
        raise VoucherChannel(message, channel=voucher.channel)
    tally, channel = _tally(meter), queries.channel(voucher.channel)
    if channel.work != work:
        raise VoucherChannel("This channel is for another work.", channel=channel.id)
    if asked.identifier and _is_known(channel.id, asked):
        return Charge(channel.payer, tally, is_again=True)
    after = charged(metering.terms_of(channel), tally, voucher, price_pico, now_ms=ms(now))
    Meter.objects.filter(pk=meter.pk).update(
        charged_pico=after.charged_pico,
        calls=after.calls,
        signed_pico=after.signed_pico,
        signature=after.signature,
    )
    return Charge(channel.payer, after, is_again=False)


@transaction.atomic
def settle_usage(order: Entry, *, now: datetime) -> Channel:
    """Redeem the voucher of a `usage.settle` order.

    returns  the channel as it is then; the same order again moves nothing
    raises   ChannelUnknown, NotReceiver, VoucherChannel, PendingExpired, ExceedsPending,
             VoucherStale, VoucherSigner
    """
    rows = _locked(order.body.channel)
    if log.find(order.id):
        return queries.channel(order.body.channel)
    channel = metering.channel_of(order.body.channel, rows)
    metering.check_receiver(channel, order.actor)
    return _redeem(channel, order.body, rows, order=order, now=now)


@transaction.atomic
def close_channel(order: Entry, *, now: datetime) -> Channel:
    """Redeem what this site counted on a channel of a `channel.close` order, and end it.

    returns, raises  as `settle_usage`
    """
    meter = Meter.objects.select_for_update().filter(pk=order.body.channel).first()
    rows = _locked(order.body.channel)
    if log.find(order.id):
        return queries.channel(order.body.channel)
    channel = metering.channel_of(order.body.channel, rows)
    metering.check_closer(channel, order.actor)
    metering.check_receiver(channel, OPERATOR)
    if meter is None:
        raise VoucherChannel("This channel is closed.", channel=channel.id)
    return _redeem(channel, _settle(meter, is_last=True), rows, order=order, now=now)


@transaction.atomic
def settle_channel(name: str, *, now: datetime) -> None:
    """Redeem what this site counted on one of its channels, by the clock. Twice is once."""
    meter = Meter.objects.select_for_update().filter(pk=name).first()
    rows, at_ms = _locked(name), ms(now)
    channel = metering.channel_of(name, rows)
    if meter is None or at_ms >= channel.expires_ms:
        _forget(name)
    elif meter.charged_pico // PICO > channel.settled_nano:
        _redeem(channel, _settle(meter, is_last=False), rows, order=None, now=now)
    else:
        Meter.objects.filter(pk=name).update(settled_ms=at_ms)


def _locked(name: str) -> log.Tables:
    """Whose money moves when a channel is redeemed is locked, in order of id; then its row is.

    raises ChannelUnknown
    """
    channel, rows = queries.channel(name), log.Tables()
    pools = queries.pools_paid(channel.work)
    rows.lock(Account, [channel.payer, channel.receiver, usage_of(channel.work), FEE, *pools])
    return rows


def _redeem(
    channel: Channel,
    asked: messages.UsageSettle,
    rows: log.Tables,
    *,
    order: Entry | None,
    now: datetime,
) -> Channel:
    """What was used goes to fee, pools and receiver."""
    at_ms = ms(now)
    metering.check_settling(channel, asked, at_ms=at_ms)
    paid = metering.settling(channel, asked.charged_pico, rows, is_last=asked.is_last, at_ms=at_ms)
    fact = messages.UsageSettled(
        **vars(asked), gross_nano=Nano(paid.gross_nano), transfers=paid.lines, at_ms=at_ms
    )
    words = "" if order else f"{channel.id}/{channel.settlements}"
    made = log.fact(fact, answers=order, idempotency=words)
    log.record([order, made] if order else [made], rooms=(licensing,))
    pools = [one.credit for one in paid.lines if one.credit.startswith(pool_of(""))]
    index_dues([one.removeprefix(pool_of("")) for one in pools])
    if paid.hold:
        Meter.objects.filter(pk=channel.id).update(settled_ms=at_ms)
    else:
        _forget(channel.id)
    return queries.channel(channel.id)


def _settle(meter: Meter, *, is_last: bool) -> messages.UsageSettle:
    return messages.UsageSettle(
        channel=meter.pk,
        charged_pico=Nano(meter.charged_pico),
        calls=Nano(meter.calls),
        signed_pico=Nano(meter.signed_pico),
        signature=meter.signature,
        is_last=is_last,
    )


def _tally(meter: Meter) -> Tally:
    return Tally(meter.charged_pico, meter.calls, meter.signed_pico, meter.signature)


def _is_known(channel: str, asked: Asked) -> bool:
    """Whether this id was paid with this request; from now on it is. raises IdentifierUsed"""
    name = f"{channel}/{asked.identifier}"
    told = {"channel": channel, "fingerprint": asked.fingerprint}
    found, is_new = MeteredRequest.objects.get_or_create(id=name, defaults=told)
    if found.fingerprint != asked.fingerprint:
        message = "This id paid for another request."
        raise IdentifierUsed(message, identifier=asked.identifier)
    return not is_new


def _forget(channel: str) -> None:
    """What was only needed while the channel was open."""
    MeteredRequest.objects.filter(channel=channel).delete()
    Meter.objects.filter(pk=channel).delete()
