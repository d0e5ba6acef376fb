"""May a new work be made from a parent, what is the parent due, and do their terms go together?"""

from typing import NamedTuple

from licensing import errors
from licensing.rules.may import Condition, Use, breakpoints
from licensing.rules.offer import Holder, Offer, Subject, offer
from licensing.rules.reading import Reading
from licensing.rules.rows import LICENCE, Work, WorkKind, WorkState
from licensing.rules.terms import Terms, render

_PAID = {Condition.REVENUE_SHARE.value}  # by the split of every sale
_NOT_LIVE = {
    WorkState.DISPUTED: errors.ParentDisputed,
    WorkState.WITHDRAWN: errors.ParentWithdrawn,
}


class Bond(NamedTuple):
    """What a parent asks of a new work. owes: the conditions of whoever uses the new work."""

    rate_e8: int
    owes: tuple[str, ...]


def check_parent(child: Terms, parent: Work, subject: Subject, holder: Holder, at_ms: int) -> Bond:
    """Check one parent of a new work, and say what it asks for.

    child      the terms of the new work;  subject: the parent under its terms
    holder     what the maker holds of the parent. Needed, where they cost something, are train of
               data, else derive, and access
    returns    the edge's rate_e8: the parent's RevenueShare for derivations, or for commercial use
               when the child sells that and it is higher, else 0. A data set has no share for
               training, so its share for derivations counts as well. And its conditions, with
               the licence of a base: they go on to all that is made from it
    raises     ParentDisputed, ParentWithdrawn, DeriveDenied, TrainDenied, LicenceNeeded,
               Passthrough, CommercialConflict
    """
    if state_error := _NOT_LIVE.get(WorkState(parent.state)):
        raise state_error(f"{parent.title} is {parent.state}.", parent=parent.id)
    use = needed_use(parent)
    given = offer(subject, (use.value,), now_ms=at_ms)
    _check_allowed(given, parent)
    if not holder.holds(use, at_ms=at_ms) or not _has_access(given, holder, at_ms):
        _check_paid(use, subject, holder, at_ms)
    business = check_terms(child, parent, subject, at_ms=at_ms)
    derive = offer(subject, (Use.DERIVE.value,), now_ms=at_ms)
    owes = {one for found in (given, business) for one in found.conditions}
    owes |= {f"{LICENCE}{parent.licence}"} if parent.licence else set()
    shares = [0 if derive.reason else derive.rate_e8, business.share_e8 * sells_business(child)]
    return Bond(max(shares), tuple(sorted(owes - _PAID)))


def check_terms(child: Terms, parent: Work, subject: Subject, *, at_ms: int) -> Offer:
    """Do the terms of a work go with those of a parent? Gives what the parent says of business.

    raises Passthrough, CommercialConflict
    """
    given = offer(subject, (needed_use(parent).value,), now_ms=at_ms)
    business = offer(subject, (Use.COMMERCIAL,), now_ms=at_ms)
    _check_passthrough(given, child, parent, subject.reading)
    _check_commercial(given, child, parent, business)
    return business


def needed_use(parent: Work) -> Use:
    """What one must be allowed to do with a parent to make a work from it."""
    return Use.TRAIN if parent.kind == WorkKind.DATA else Use.DERIVE


def sells_business(terms: Terms) -> bool:
    """Whether commercial use is allowed or sold at some age of the work."""
    own = Subject(Reading(terms))
    ages = breakpoints(terms)
    return any(not offer(own, (Use.COMMERCIAL,), now_ms=age_ms).reason for age_ms in ages)


def _check_allowed(given: Offer, parent: Work) -> None:
    if given.reason:
        refusal = errors.TrainDenied if parent.kind == WorkKind.DATA else errors.DeriveDenied
        message = f"The terms of {parent.title} do not allow it ({given.reason})."
        raise refusal(message, parent=parent.id, reason=given.reason)


def _check_paid(use: Use, subject: Subject, holder: Holder, at_ms: int) -> None:
    """Whoever holds the use pays for what is missing of access alone."""
    wanted = Use.ACCESS if holder.holds(use, at_ms=at_ms) else use
    price_nano = offer(subject, (wanted.value,), now_ms=at_ms, holder=holder).price_nano
    if price_nano:
        message = f"Making something from {subject.title} needs a licence of it."
        raise errors.LicenceNeeded(message, parent=subject.id, price_nano=str(price_nano))


def _has_access(given: Offer, holder: Holder, at_ms: int) -> bool:
    return Use.ACCESS not in given.uses or holder.holds(Use.ACCESS, at_ms=at_ms)


def _check_passthrough(given: Offer, child: Terms, parent: Work, reading: Reading) -> None:
    is_bound = Condition.PASSTHROUGH in given.conditions
    if is_bound and reading.terms and render(child) != render(reading.terms):
        message = f"Whatever is made from {parent.title} carries the same terms."
        raise errors.Passthrough(message, parent=parent.id)


def _check_commercial(given: Offer, child: Terms, parent: Work, commercial: Offer) -> None:
    if not sells_business(child):
        return
    if commercial.reason or Condition.NON_COMMERCIAL in given.conditions:
        message = f"{parent.title} does not allow commercial use of what is made from it."
        raise errors.CommercialConflict(message, parent=parent.id)
