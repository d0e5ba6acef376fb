"""Metered use: money held for a channel, and paid as far as the payer signed.

The actions ask here what to write, and the fold asks again whether it was right.
"""

import re
from dataclasses import dataclass

from assay import messages
from assay.messages import Line
from assay.vouchers import (
    MOST_NANO,
    PICO,
    ExceedsPending,
    PendingExpired,
    Terms,
    Voucher,
    VoucherChannel,
    VoucherSigner,
    VoucherStale,
    is_signed,
)
from assay.wire import Nano, changed
from ledger.rules import books
from ledger.rules.accounts import FEE, OPERATOR, Account, AccountKind
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue, pools
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.may import Use
from licensing.rules.rows import Channel, Usage, Work, WorkState, pool_of, usage_of
from licensing.rules.royalty import share_sale
from licensing.rules.sale import SALE_FEE_E8

LOOKUP_PICO = 250  # what a look-up among many costs at this site: a quarter of a nano-token
LEAST_S, MOST_S = 60, 30 * 86_400  # how long money is held for a channel
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Settling:
    """What a settlement pays and moves. hold, held_nano: what is held on; empty and 0 at the end"""

    gross_nano: int
    lines: tuple[Line, ...]
    hold: str
    held_nano: int


def terms_of(channel: Channel) -> Terms:
    """What the vouchers of a channel are checked against."""
    most_pico = (channel.settled_nano + channel.held_nano) * PICO
    told = (channel.receiver, channel.signer, most_pico, channel.expires_ms, channel.is_closed)
    return Terms(channel.id, channel.work, *told)


def opening(order: Entry, payer: str, rows: Rows, *, at_ms: int) -> messages.ChannelOpened:
    """The fact that a `channel.open` order comes to now.

    raises WorkUnknown, NotForSale, ChannelInvalid, ChannelOpen, ReceiverUnlicensed
    """
    asked: messages.ChannelOpen = order.body
    work = catalogue.work_of(asked.work, rows)
    if work.state != WorkState.LIVE:
        message = f"{work.title} is {work.state}."
        raise errors.NotForSale(message, work=work.id, state=work.state)
    _check_form(asked, payer)
    for one in rows.find(Channel, work=work.id, payer=payer):
        if one.receiver == asked.receiver and not one.is_closed and at_ms < one.expires_ms:
            message = f"A channel of yours for {work.title} is open."
            raise errors.ChannelTaken(message, channel=one.id, work=work.id)
    grant, rate_e8 = _served_under(work, asked.receiver, rows, at_ms=at_ms)
    hold = books.transfer_id(order.id, "usage/hold", 0)
    line = _hold(hold, payer, work.id, asked.held_nano, asked.timeout_s)
    return messages.ChannelOpened(
        channel=order.id,
        work=asked.work,
        payer=payer,
        receiver=asked.receiver,
        signer=asked.signer,
        grant=grant,
        rate_e8=rate_e8,
        expires_ms=at_ms + 1000 * asked.timeout_s,
        transfers=(line,),
        at_ms=at_ms,
    )


def settling(
    channel: Channel, charged_pico: int, rows: Rows, *, is_last: bool, at_ms: int
) -> Settling:
    """What is paid when this much was used in all: whole nano-tokens, less what was paid before.

    The works get their part of the sum, rounded down, as of a sale; the rest is the receiver's.
    """
    gross_nano = charged_pico // PICO - channel.settled_nano
    name, number = channel.id, channel.settlements
    if not gross_nano:
        void = Line(books.transfer_id(name, "usage/void", number), "void", "", "")
        lines = (changed(void, pending_id=channel.hold),) if is_last else ()
        held = ("", 0) if is_last else (channel.hold, channel.held_nano)
        return Settling(0, lines, *held)
    post = books.transfer_id(name, "usage/post", number)
    paid = [Line(post, "post", "", "", Nano(gross_nano), pending_id=channel.hold)]
    paid += _payment(channel, gross_nano, rows)
    left_nano, left_s = channel.held_nano - gross_nano, (channel.expires_ms - at_ms) // 1000
    if is_last or not left_nano or not left_s:
        return Settling(gross_nano, tuple(paid), "", 0)
    hold = books.transfer_id(name, "usage/hold", number + 1)
    paid.append(_hold(hold, channel.payer, channel.work, left_nano, left_s))
    return Settling(gross_nano, tuple(paid), hold, left_nano)


def channel_opened(entry: Entry, rows: Rows) -> None:
    """raises WorkUnknown, NotForSale, ChannelInvalid, ChannelTaken, ReceiverUnlicensed"""
    body: messages.ChannelOpened = entry.body
    order = need_order(entry, "channel.open")
    asked: messages.ChannelOpen = order.body
    payer = actor_of(order, rows)
    wanted = opening(order, payer, rows, at_ms=body.at_ms)
    if body != wanted or rows.get(Channel, order.id):
        raise refused(entry, "it is not what its order gives")
    books.open_account(rows, usage_of(asked.work), AccountKind.ESCROW.value)
    rows.put(
        Channel(
            id=order.id,
            work=asked.work,
            payer=payer,
            receiver=asked.receiver,
            signer=asked.signer,
            grant=body.grant,
            rate_e8=body.rate_e8,
            opened_ms=body.at_ms,
            expires_ms=body.expires_ms,
            hold=body.transfers[0].id,
            held_nano=asked.held_nano,
            settled_nano=0,
            settlements=0,
            charged_pico=0,
            calls=0,
            is_closed=False,
            message=entry.id,
        )
    )


def usage_settled(entry: Entry, rows: Rows) -> None:
    """Nobody takes more than the payer signed, whoever counts.

    raises ChannelUnknown, NotReceiver, MessageRefused, and what `check_settling` raises
    """
    body: messages.UsageSettled = entry.body
    channel = channel_of(body.channel, rows)
    _check_redeemer(entry, channel, rows)
    check_settling(channel, body, at_ms=body.at_ms)
    paid = settling(channel, body.charged_pico, rows, is_last=body.is_last, at_ms=body.at_ms)
    if (body.gross_nano, body.transfers) != (paid.gross_nano, paid.lines):
        raise refused(entry, "it pays something else than was used")
    pools.book(paid.lines, rows)
    if paid.gross_nano:
        name = f"{channel.id}/{channel.settlements}"
        told = (channel.id, channel.work, channel.payer, paid.gross_nano, body.at_ms, entry.id)
        rows.put(Usage(name, *told))
    rows.put(
        changed(
            channel,
            hold=paid.hold,
            held_nano=paid.held_nano,
            settled_nano=channel.settled_nano + paid.gross_nano,
            settlements=channel.settlements + 1,
            charged_pico=body.charged_pico,
            calls=body.calls,
            is_closed=not paid.hold,
        )
    )


def channel_of(name: str, rows: Rows) -> Channel:
    """raises ChannelUnknown"""
    found = rows.get(Channel, name)
    if found is None:
        raise errors.ChannelUnknown(f"No channel {name[:16]} was opened.", channel=name)
    return found


def check_settling(
    channel: Channel, asked: messages.UsageSettle | messages.UsageSettled, *, at_ms: int
) -> None:
    """raises VoucherChannel, PendingExpired, VoucherStale, ExceedsPending, VoucherSigner"""
    terms = terms_of(channel)
    if channel.is_closed:
        raise VoucherChannel("This channel is closed.", channel=channel.id)
    if at_ms >= channel.expires_ms:
        message = "The time of the channel is over."
        raise PendingExpired(message, channel=channel.id, expires_ms=channel.expires_ms)
    is_less = asked.charged_pico < channel.charged_pico or asked.calls < channel.calls
    moves = asked.is_last or asked.charged_pico // PICO > channel.settled_nano
    if is_less or not moves:
        raise VoucherStale(
            "As much or more was redeemed of this channel before.",
            channel=channel.id,
            charged=channel.charged_pico,
            signed=asked.signed_pico,
        )
    if not asked.charged_pico <= asked.signed_pico <= terms.most_pico:
        message = "More is asked for than the channel holds, or than was signed."
        raise ExceedsPending(message, channel=channel.id, held_nano=channel.held_nano)
    voucher = Voucher(channel.id, asked.signed_pico, asked.signature)
    is_nothing = not asked.signed_pico and not asked.signature
    if not is_nothing and not is_signed(voucher, channel.signer):
        message = "The key of the channel did not sign this voucher."
        raise VoucherSigner(message, channel=channel.id, signer=channel.signer)


def open_channels(account: str, rows: Rows, *, at_ms: int) -> list[Channel]:
    """Channels that may still pay an account."""
    found = rows.find(Channel, receiver=account)
    return [one for one in found if not one.is_closed and at_ms < one.expires_ms]


def _check_form(asked: messages.ChannelOpen, payer: str) -> None:
    checks = (
        (bool(_KEY.fullmatch(asked.signer)), "signer"),
        (1 <= asked.held_nano <= MOST_NANO, "held_nano"),
        (LEAST_S <= asked.timeout_s <= MOST_S, "timeout_s"),
        (asked.receiver != payer, "receiver"),
    )
    for is_right, field in checks:
        if not is_right:
            raise errors.ChannelInvalid(f"No channel can have this {field}.", field=field)


def _served_under(work: Work, receiver: str, rows: Rows, *, at_ms: int) -> tuple[str, int]:
    """The licence of the receiver, and the part of its income that the works get.

    raises ReceiverUnlicensed
    """
    if receiver in (OPERATOR, work.owner):  # all of it goes to the works
        return "", WHOLE_E8
    account = rows.get(Account, receiver)
    held = catalogue.held(work.id, (Use.COMMERCIAL.value,), receiver, rows=rows, at_ms=at_ms)
    if account is None or account.kind != AccountKind.USER or account.is_closed or not held:
        message = f"{receiver} holds no licence to serve {work.title}."
        raise errors.ReceiverUnlicensed(message, work=work.id, receiver=receiver)
    return held[0].id, held[0].share_e8


def _check_redeemer(entry: Entry, channel: Channel, rows: Rows) -> None:
    """By the receiver's order; of the site's own channels also by the payer's, or by no order.

    raises NotReceiver, MessageRefused
    """
    body: messages.UsageSettled = entry.body
    order = entry.order
    if order is None:
        speaker = OPERATOR
    elif order.kind == "channel.close":
        check_closer(channel, actor_of(order, rows))
        if order.body.channel != channel.id or not body.is_last:
            raise refused(entry, "it does not do what its order says")
        speaker = OPERATOR
    else:
        asked: messages.UsageSettle = need_order(entry, "usage.settle").body
        names = ("channel", "charged_pico", "calls", "signed_pico", "signature", "is_last")
        if any(getattr(body, name) != getattr(asked, name) for name in names):
            raise refused(entry, "it says something else than its order")
        speaker = actor_of(order, rows)
    check_receiver(channel, speaker)


def check_receiver(channel: Channel, account: str) -> None:
    """raises NotReceiver"""
    if channel.receiver != account:
        message = f"What was used of this channel is counted by {channel.receiver}."
        raise errors.NotReceiver(message, channel=channel.id, receiver=channel.receiver)


def check_closer(channel: Channel, account: str) -> None:
    """raises NotReceiver"""
    if channel.payer != account:
        message = f"This channel is of {channel.payer}."
        raise errors.NotReceiver(message, channel=channel.id, receiver=channel.receiver)


def _hold(name: str, payer: str, work: str, amount_nano: int, timeout_s: int) -> Line:
    told = (Nano(amount_nano), "licence")
    return Line(name, "pending", payer, usage_of(work), *told, timeout_s=timeout_s)


def _payment(channel: Channel, gross_nano: int, rows: Rows) -> tuple[Line, ...]:
    """Out of what was held, to fee, pools and receiver; then what pools pay back to the house."""
    before_nano, rate_e8 = channel.settled_nano, channel.rate_e8
    part_nano = (before_nano + gross_nano) * rate_e8 // WHOLE_E8 - before_nano * rate_e8 // WHOLE_E8
    draw, dues = f"{channel.id}/{channel.settlements}", catalogue.dues(channel.work, rows)
    shares = share_sale(channel.work, part_nano, dues, fee_e8=SALE_FEE_E8, payment_id=draw)
    amounts = {(FEE, "fee"): shares.fee_nano}
    for name, share_nano in sorted(shares.shares_nano.items()):
        amounts[pool_of(name), "licence" if name == channel.work else "royalty"] = share_nano
    amounts[channel.receiver, "pay"] = gross_nano - part_nano
    lines = tuple(
        Line(
            id=books.transfer_id(channel.id, f"usage/{account}", channel.settlements),
            kind="single",
            debit=usage_of(channel.work),
            credit=account,
            amount_nano=Nano(amount_nano),
            code=code,
        )
        for (account, code), amount_nano in amounts.items()
        if amount_nano
    )
    return lines + pools.repayments(draw, pools.credits_of(lines), rows)
