"""May a new work be made from a parent, what is the parent due, and do their terms go together?"""

from collections.abc import Collection, Iterable

from licensing import errors
from licensing.rules.may import (
    ARE_ACCESS,
    Answer,
    Condition,
    Denied,
    Granted,
    Priced,
    Use,
    access_to,
    breakpoints,
    is_metered,
    may,
)
from licensing.rules.reading import Reading
from licensing.rules.rows import Work, WorkKind, WorkState
from licensing.rules.terms import Terms, render

_NOT_LIVE = {
    WorkState.DISPUTED: errors.ParentDisputed,
    WorkState.WITHDRAWN: errors.ParentWithdrawn,
}


def check_parent(
    child: Terms, parent: Work, reading: Reading, *, at_ms: int, held: Collection[str]
) -> int:
    """Check one parent of a new work, and give the rate that it asks for.

    child      the terms of the new work;  reading: those of the parent
    held       the uses of the parent that the maker holds grants for. Needed, where they cost
               something, are train of data, else derive, and access
    returns    rate_e8 of the edge: the parent's RevenueShare for derivations, otherwise 0. A data
               set has no share for training, so its share for derivations counts as well
    raises     ParentDisputed, ParentWithdrawn, DeriveDenied, TrainDenied, LicenceNeeded,
               Passthrough, CommercialConflict
    """
    if state_error := _NOT_LIVE.get(WorkState(parent.state)):
        raise state_error(f"{parent.title} is {parent.state}.", parent=parent.id)
    age_ms = at_ms - parent.registered_ms
    derive = may(Use.DERIVE, reading, age_ms=age_ms)
    use = needed_use(parent)
    needed = may(use, reading, age_ms=age_ms)
    has_access = bool(ARE_ACCESS & set(held))
    answers = ((needed, use in held), (access_to(use, reading), has_access))
    _check_allowed(answers, parent)
    _check_passthrough(needed, child, parent, reading)
    _check_commercial(needed, child, parent, may(Use.COMMERCIAL, reading, age_ms=age_ms))
    return derive.rate_e8 if isinstance(derive, Granted) else 0


def needed_use(parent: Work) -> Use:
    """What one must be allowed to do with a parent to make a work from it."""
    return Use.TRAIN if parent.kind == WorkKind.DATA else Use.DERIVE


def _check_allowed(answers: Iterable[tuple[Answer, bool]], parent: Work) -> None:
    """answers: for the use and for access to the work, each with whether the maker holds it."""
    price_nano = 0
    for answer, is_held in answers:
        if isinstance(answer, Denied):
            is_data = parent.kind == WorkKind.DATA
            refusal = errors.TrainDenied if is_data else errors.DeriveDenied
            message = f"The terms of {parent.title} do not allow it ({answer.reason})."
            raise refusal(message, parent=parent.id, reason=answer.reason)
        if isinstance(answer, Priced) and not is_held:
            price_nano += answer.amount_nano
    if price_nano:
        message = f"Making something from {parent.title} needs a licence of it."
        raise errors.LicenceNeeded(message, parent=parent.id, price_nano=str(price_nano))


def _check_passthrough(needed: Answer, child: Terms, parent: Work, reading: Reading) -> None:
    is_bound = isinstance(needed, Granted) and Condition.PASSTHROUGH in needed.conditions
    if is_bound and reading.terms and render(child) != render(reading.terms):
        message = f"Whatever is made from {parent.title} carries the same terms."
        raise errors.Passthrough(message, parent=parent.id)


def _check_commercial(needed: Answer, child: Terms, parent: Work, commercial: Answer) -> None:
    answers = [may(Use.COMMERCIAL, Reading(child), age_ms=age_ms) for age_ms in breakpoints(child)]
    is_sold = any(not isinstance(answer, Denied) for answer in answers)
    is_private = isinstance(needed, Granted) and Condition.NON_COMMERCIAL in needed.conditions
    if is_sold and (is_private or isinstance(commercial, Denied)):
        message = f"{parent.title} does not allow commercial use of what is made from it."
        raise errors.CommercialConflict(message, parent=parent.id)
    if is_sold and is_metered(Use.COMMERCIAL, commercial):
        message = f"{parent.title} asks for a share of commercial use, which is not measured yet."
        raise errors.CommercialConflict(message, parent=parent.id)
