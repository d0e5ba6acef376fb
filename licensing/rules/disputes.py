"""A disputed work: while it is looked into, nobody gains anything from it that can be spent."""

from assay import messages
from assay.messages import Line
from assay.wire import Nano, changed
from ledger.rules import books
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue, pools
from licensing.rules.rows import Dispute, DisputeState, Work, WorkState, pool_of

OPENED, CLEARED, UPHELD = "opened", "cleared", "upheld"
_MOVES = {  # (state of the dispute, ruling) -> the state that it has then
    (DisputeState.RAISED, OPENED): DisputeState.OPEN,
    (DisputeState.RAISED, CLEARED): DisputeState.CLEARED,
    (DisputeState.OPEN, CLEARED): DisputeState.CLEARED,
    (DisputeState.OPEN, UPHELD): DisputeState.UPHELD,
    (DisputeState.UPHELD, UPHELD): DisputeState.UPHELD,
}


def dispute_raised(entry: Entry, rows: Rows) -> None:
    """raises WorkUnknown, DisputeTwice, MessageRefused"""
    body: messages.DisputeRaised = entry.body
    order = need_order(entry, "work.dispute")
    claimant = actor_of(order, rows)
    if (body.dispute, body.work, body.claimant) != (order.id, order.body.work, claimant):
        raise refused(entry, "it says something else than its order")
    check_new(body.work, claimant, rows)
    told = (order.id, body.work, claimant, order.body.why, DisputeState.RAISED.value)
    rows.put(Dispute(*told, body.at_ms, entry.id))


def dispute_judged(entry: Entry, rows: Rows) -> None:
    """raises DisputeUnknown, DisputeOver, MessageRefused"""
    body: messages.DisputeJudged = entry.body
    if entry.order is not None:
        raise refused(entry, "it answers an order")
    found = judged(body.dispute, body.ruling, rows)
    if body.transfers != owed_to_claimant(found, body.ruling, entry.anchor, rows):
        raise refused(entry, "it pays something else than what lies in the pool")
    state = _MOVES[DisputeState(found.state), body.ruling]
    rows.put(changed(found, state=state.value))
    work = catalogue.work_of(found.work, rows)
    rows.put(changed(work, state=_state(work, found, body.ruling, rows)))


def check_new(work: str, claimant: str, rows: Rows) -> None:
    """raises WorkUnknown, DisputeTwice"""
    found = catalogue.work_of(work, rows)
    waiting = (DisputeState.RAISED, DisputeState.OPEN)
    mine = [one for one in rows.find(Dispute, work=work) if one.claimant == claimant]
    if found.owner == claimant or any(one.state in waiting for one in mine):
        message = f"{claimant} disputes {found.title} already, or owns it."
        raise errors.DisputeTwice(message, work=work)


def judged(name: str, ruling: str, rows: Rows) -> Dispute:
    """The dispute that a ruling is about, as it is before. raises DisputeUnknown, DisputeOver"""
    found = rows.get(Dispute, name)
    if found is None:
        raise errors.DisputeUnknown(f"No dispute {name[:16]} was raised.", dispute=name)
    if (DisputeState(found.state), ruling) not in _MOVES:
        message = f"A dispute that is {found.state} cannot be {ruling}."
        raise errors.DisputeOver(message, dispute=name, state=found.state)
    return found


def owed_to_claimant(found: Dispute, ruling: str, cause: str, rows: Rows) -> tuple[Line, ...]:
    """What lies in the pool of its own, when the dispute is upheld. cause: of this ruling"""
    pool = pools.pool(found.work, rows)
    nano = max(0, pool.available_nano - pool.owed_nano)
    if ruling != UPHELD or not nano:
        return ()
    name = books.transfer_id(cause, f"upheld/{found.work}")
    line = Line(name, "single", pool_of(found.work), found.claimant, Nano(nano), "refund")
    return (line,)


def check_drawable(work: Work, rows: Rows) -> None:
    """raises PoolFrozen while the work is disputed, and for good when a dispute was upheld"""
    if work.state == WorkState.DISPUTED or is_upheld(work.id, rows):
        message = f"{work.title} is disputed: nobody draws from its pool."
        raise errors.PoolFrozen(message, work=work.id)


def is_upheld(work: str, rows: Rows) -> bool:
    """Whether somebody was found to be right who disputed a work."""
    return any(one.state == DisputeState.UPHELD for one in rows.find(Dispute, work=work))


def _state(work: Work, found: Dispute, ruling: str, rows: Rows) -> str:
    """The work's state behind a ruling; what its owner withdrew stays so."""
    others = [one for one in rows.find(Dispute, work=work.id) if one.id != found.id]
    if ruling == UPHELD or work.state == WorkState.WITHDRAWN:
        return WorkState.WITHDRAWN.value
    if ruling == OPENED or any(one.state == DisputeState.OPEN for one in others):
        return WorkState.DISPUTED.value
    return WorkState.LIVE.value
