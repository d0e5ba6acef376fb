"""When a licence ends before its time: its holder gives it back, or the operator takes it."""

from dataclasses import dataclass

from assay import messages
from assay.messages import Line
from assay.wire import Nano, changed
from ledger.rules import books
from ledger.rules.accounts import FEE, Transfer
from ledger.rules.checks import refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue, disputes, pools
from licensing.rules.rows import (
    Channel,
    Edge,
    Grant,
    GrantState,
    OutputBatch,
    Report,
    Revocation,
    Work,
    pair_key,
    pool_of,
)

REFUND_MS = 14 * 86_400_000
REFUND, BREACH = "refund", "breach"
_STATES = {REFUND: GrantState.REFUNDED, BREACH: GrantState.REVOKED}


@dataclass(frozen=True)
class Refund:
    """What goes back to the buyer of a grant. lines: the transfers of its sale, backwards."""

    grant: Grant
    nano: int
    lines: tuple[Line, ...]


def licence_revoked(entry: Entry, rows: Rows) -> None:
    """raises GrantUnknown, NotHolder, GrantOver, RefundOver, GrantUsed, MessageRefused"""
    body: messages.LicenceRevoked = entry.body
    if body.reason == REFUND:
        if entry.order is None or entry.order.kind != "licence.refund":
            raise refused(entry, "it answers no licence.refund")
        order = entry.order
        made = refund(order.body.grant, actor_of(order, rows), rows, at_ms=body.at_ms)
    elif body.reason == BREACH and entry.order is None:
        made = Refund(standing(body.grant, rows), 0, ())
    else:
        raise refused(entry, "it gives no reason")
    told = (body.grant, body.refund_nano, body.transfers)
    if told != (made.grant.id, made.nano, made.lines):
        raise refused(entry, "it pays something else than was paid")
    rows.put(changed(made.grant, state=_STATES[body.reason].value))
    rows.put(Revocation(body.grant, body.reason, body.at_ms, made.grant.until_ms, entry.id))
    pools.book(body.transfers, rows)


def fact_of(made: Refund, *, reason: str, at_ms: int) -> messages.LicenceRevoked:
    """The fact that ends a grant."""
    told = (made.grant.id, reason, Nano(made.nano), made.lines)
    return messages.LicenceRevoked(*told, at_ms)


def refund(name: str, account: str, rows: Rows, *, at_ms: int) -> Refund:
    """What goes back when this account gives a licence back at this moment.

    At any time, when somebody was found to be right who disputed the work.
    raises GrantUnknown, NotHolder, GrantOver, RefundOver, GrantUsed
    """
    grant = standing(name, rows)
    if grant.holder != account:
        message = "Only its holder gives a licence back."
        raise errors.NotHolder(message, grant=name, holder=grant.holder)
    is_upheld = disputes.is_upheld(grant.work, rows)
    if not is_upheld and at_ms >= grant.at_ms + REFUND_MS:
        message = "A licence goes back within 14 days of its purchase."
        raise errors.RefundOver(message, grant=name, until_ms=grant.at_ms + REFUND_MS)
    if not is_upheld and (use := _use_of(grant, rows)):
        raise errors.GrantUsed("The licence was used.", grant=name, use=use)
    sold = (grant.work, *catalogue.dues(grant.work, rows)[grant.work])
    ids = {books.transfer_id(name, f"licence/{one}"): one for one in (FEE, *map(pool_of, sold))}
    paid = {ids[one.id]: one.amount_nano for one in rows.some(Transfer, ids)}
    fee_nano = paid.pop(FEE, 0)
    lines = pools.refunds(
        name, {one.removeprefix("pool:"): nano for one, nano in paid.items()}, account, rows
    )
    if fee_nano:
        back = books.transfer_id(name, f"refund/{FEE}")
        lines += (Line(back, "single", FEE, account, Nano(fee_nano), "refund"),)
    return Refund(grant, fee_nano + sum(paid.values()), lines)


def standing(name: str, rows: Rows) -> Grant:
    """A grant that was not taken back. raises GrantUnknown, GrantOver"""
    grant = rows.get(Grant, name)
    if grant is None:
        raise errors.GrantUnknown(f"No licence {name[:16]} was granted.", grant=name)
    if grant.state != GrantState.ACTIVE:
        raise errors.GrantOver(f"This licence is {grant.state}.", grant=name, state=grant.state)
    return grant


def _use_of(grant: Grant, rows: Rows) -> str:
    """What the log knows that the holder did by this licence; empty when nothing."""
    if rows.find(OutputBatch, licence=grant.id):
        return "outputs"
    if rows.find(Channel, grant=grant.id):
        return "channel"
    if rows.find(Report, grant=grant.id):
        return "report"
    later = [one for one in rows.find(Work, owner=grant.holder) if one.registered_ms >= grant.at_ms]
    made = rows.some(Edge, [pair_key(one.id, grant.work) for one in later])
    return made[0].child if made else ""
