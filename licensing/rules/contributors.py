"""Who is paid how much of one sale, payee by payee, before and after it is made."""

from collections.abc import Mapping
from dataclasses import dataclass

from licensing.rules.rows import WorkKind
from licensing.rules.royalty import stream

_ROLES = {
    WorkKind.BASE: "base model author",
    WorkKind.DATA: "data contributor",
    WorkKind.ADAPTER: "miner",
}


@dataclass(frozen=True)
class Pool:
    """The pool of a work: all that ever came in, and payee -> weight."""

    came_nano: int
    weights: Mapping[str, int]


def parts_of(
    shares_nano: Mapping[str, int], pools: Mapping[str, Pool]
) -> dict[tuple[str, str], int]:
    """What each payee can draw more once this sale is paid.

    shares_nano  work -> nano-tokens that its pool gets
    pools        work -> its pool before the sale
    returns      (work, payee) -> nano-tokens. What rounding keeps in a pool comes out with later
                 sales, so that the parts of one pool differ from its share by less than one nano
                 per payee, in either direction
    """
    return {
        (work, payee): part_nano
        for work, share_nano in shares_nano.items()
        for payee, part_nano in stream(
            pools[work].came_nano, share_nano, pools[work].weights
        ).items()
    }


def role_of(kind: str, *, is_sold: bool) -> str:
    """What the payees of a work's pool are called; is_sold: it is the work that is bought."""
    role = _ROLES[WorkKind(kind)]
    return role if is_sold or kind != WorkKind.ADAPTER else "miner of an ancestor"
