"""Racing: entries that cannot place are stopped early on the board slice. Standard library only.

An entry is compared with the one that holds the last paid place, example by example, in an order
that nobody knows before the close. Every `block` examples there is a look: it stops when it cannot
catch up any more, or when the evidence against it is stronger than 1 in alpha.

The evidence is a betting e-process for sampling without replacement. While the entry is as good
over all examples, every bet is fair or worse, so its wealth passes 1/alpha with a chance of alpha
at most, however often somebody looks. All of it is whole numbers, rounded down: the same records
give the same verdict everywhere, to the last bit, and rounding can only spare an entry.

Bets do not depend on what was seen. So one more right answer never ends an entry earlier.
source  Waudby-Smith and Ramdas, arXiv 2010.09686, section 5; docs/algorithms/racing.md
"""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import chain, pairwise

from evaluator.evaluators.form import Metric
from evaluator.task.manifest import NO_RACE, Manifest, RaceClause
from evaluator.task.plan import batches
from evaluator.task.slices import Inputs

LEAST_EXAMPLES = 2000  # below that the saving vanishes
MOST_SHARED = 100  # shared rows may have one token for so many of the examples' own
BLOCK, ALPHA_PPM = 50, 1000
SALT_BYTES = 32
MOST_E_VALUE_E3 = 10**12
_BETS = (1, 2, 3, 4)  # a bet k risks 2^-k of the wealth where the entry gains the most
_SCALE_BITS = 128
_PPM = 10**6
_SALT, _ORDER = b"assay-race-salt-v1\0", b"assay-race-order-v1\0"


class Reason(StrEnum):
    """Why an entry was stopped."""

    COUNT = "count"  # right answers on all that is left would not be enough
    EVIDENCE = "evidence"  # the e-value reached 1/alpha


@dataclass(frozen=True)
class Race:
    """What a race is run by.

    examples    of the whole board slice
    block       examples between two looks
    alpha_ppm   the largest chance, in parts of 10^6, to stop an entry that is as good
    points_cap  most that the points of two runs can differ on one example, above 0
    is_binary   points are 0 or 1: what is left is then bounded by what the rival has left
    """

    examples: int
    block: int
    alpha_ppm: int
    points_cap: int
    is_binary: bool


@dataclass(frozen=True)
class Look:
    """How an entry stands after n examples.

    lead         its points less the rival's, so far
    best_lead    what the lead can still become over all examples
    e_value_e3   the evidence against it in thousandths, rounded down, MOST_E_VALUE_E3 at most
    reason       why it stops here; None: it goes on
    """

    n: int
    lead: int
    best_lead: int
    e_value_e3: int
    reason: Reason | None


def verdict(points: Sequence[int], rival: Sequence[int], race: Race) -> Look | None:
    """The look that stops the entry, or None: so far it goes on.

    points  of the entry, in the race's order, as far as it has run
    rival   of the entry that holds the last paid place: all of them, in the same order
    raises  ValueError when these cannot be points of such a race
    """
    return next((look for look in looks(points, rival, race) if look.reason), None)


def looks(points: Sequence[int], rival: Sequence[int], race: Race) -> Iterator[Look]:
    """Every look that the points are enough for. There is none at the end: it is no early stop."""
    if len(rival) != race.examples or len(points) > race.examples:
        raise ValueError("a race is over all examples")
    wealth, lead, rival_left = [1 << _SCALE_BITS] * len(_BETS), 0, sum(rival)
    for place, (mine, theirs) in enumerate(zip(points, rival, strict=False)):
        _check_points(mine, theirs, race)
        wealth = _next_wealth(wealth, mine - theirs, lead, race.points_cap, race.examples - place)
        lead += mine - theirs
        rival_left -= theirs
        n = place + 1
        if n % race.block == 0 and n < race.examples:
            yield _look(n, lead, rival_left, sum(wealth), race)


def stage_ends(examples: int, block: int) -> tuple[int, ...]:
    """After how many examples each stage of a run ends, the last being all of them.

    A stage is one job in the sandbox. It has half as many examples as all before it, in whole
    blocks, and two blocks at least; what would be left over for a smaller one is added to the last.
    """
    ends, at = [], 0
    while at < examples:
        at += block * max(2, at // 2 // block)
        if examples - at < 2 * block:
            at = examples
        ends.append(at)
    return tuple(ends)


def salt_of(secret: bytes) -> bytes:
    """The salt of a task's orders, from the secret that seals its final slice.

    One secret is opened at the close, and everybody can then derive the orders. The salt tells
    nothing of the secret: HMAC-SHA256(secret, domain).
    """
    return hmac.digest(secret, _SALT, sha256)


def order_of(salt: bytes, entry: str, examples: int) -> tuple[int, ...]:
    """The order in which an entry meets the examples: their indexes.

    Each entry has an order of its own, so what one elimination tells is of no use for the next.
    Sorted by sha256(key || u32 little-endian index), key = HMAC-SHA256(salt, domain || entry).
    salt   as salt_of gives it, the same for all entries of a task     entry  its id
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    key = hmac.digest(salt, _ORDER + entry.encode(), sha256)
    drawn = [sha256(key + at.to_bytes(4, "little")).digest() for at in range(examples)]
    return tuple(sorted(range(examples), key=drawn.__getitem__))


def commitment(salt: bytes) -> str:
    """What the manifest says of the salt before the close: its SHA-256, 64 hex digits."""
    return sha256(salt).hexdigest()


def clause_for(metric: Metric, inputs: Inputs, *, places: int, secret: bytes) -> RaceClause:
    """What a manifest says of the race over this board slice; NO_RACE where there is none.

    There is none for a small slice, for a metric without a cap, and where examples share more than
    a little: each stage computes that again.
    """
    shared = sum(len(row.ids) for row in inputs.shared)
    own = sum(len(row.ids) for rows in inputs.examples for row in rows)
    is_small = len(inputs.examples) < LEAST_EXAMPLES
    if is_small or metric.points_cap <= 0 or shared * MOST_SHARED > own:
        return NO_RACE
    return RaceClause(BLOCK, ALPHA_PPM, places, commitment(salt_of(secret)))


def stages(order: Sequence[int], block: int) -> list[tuple[int, ...]]:
    """The indexes of each stage, in the entry's order."""
    return [tuple(order[a:b]) for a, b in pairwise((0, *stage_ends(len(order), block)))]


def plan_of(inputs: Inputs, manifest: Manifest, order: Sequence[int] = ()) -> list[list[int]]:
    """The batches of a run, as indexes of its examples: the leaves of its tree, in this order.

    order  in which a raced entry met them; empty: the run was not in stages
    """
    return list(chain.from_iterable(stage_plans(inputs, manifest, order)))


def stage_plans(
    inputs: Inputs, manifest: Manifest, order: Sequence[int] = ()
) -> list[list[list[int]]]:
    """The same, stage by stage: each is planned by itself. Without an order there is one."""
    parts = stages(order, manifest.race.block) if order else [range(len(inputs.examples))]
    budget_tokens = manifest.plan.budget_tokens
    return [
        [
            [part[place] for place in batch]
            for batch in batches([inputs.examples[at] for at in part], budget_tokens=budget_tokens)
        ]
        for part in parts
    ]


def _check_points(mine: int, theirs: int, race: Race) -> None:
    if abs(mine - theirs) > race.points_cap or (race.is_binary and {mine, theirs} - {0, 1}):
        raise ValueError("the points pass the race's cap")


def _next_wealth(wealth: list[int], gain: int, lead: int, cap: int, left: int) -> list[int]:
    """The wealth of each bet after one more example, rounded down.

    Were the two equally good over all, the entry would gain -lead/left on the average of what is
    left. The factor 1 + (-lead/left - gain) / (cap 2^k) is then fair; if the entry is better it is
    worse than fair. It falls below 0 only where that average is below -cap, which no equal could
    have; 0 is then still worse than fair.
    """
    found = []
    for bet, held in zip(_BETS, wealth, strict=True):
        whole = (cap * left) << bet
        found.append(held * max(0, whole - lead - gain * left) // whole)
    return found


def _look(n: int, lead: int, rival_left: int, wealth: int, race: Race) -> Look:
    left = race.examples - n
    best_lead = lead + (left - rival_left if race.is_binary else race.points_cap * left)
    whole = len(_BETS) << _SCALE_BITS
    reason = None
    if best_lead < 0:
        reason = Reason.COUNT
    elif wealth * race.alpha_ppm >= whole * _PPM:
        reason = Reason.EVIDENCE
    return Look(n, lead, best_lead, min(MOST_E_VALUE_E3, 1000 * wealth // whole), reason)
