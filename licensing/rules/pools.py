"""The pool of a work: what its payees can draw, and what it owes the house for refunds.

came = available + all that was drawn - what the house lent: every credit less every refund, whoever
paid for it at the moment. In the pool lies at least what its payees can draw now.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from assay.messages import Line
from assay.wire import Nano
from ledger.rules import books
from ledger.rules.accounts import FEE, Account
from ledger.rules.rows import Rows
from licensing.rules.rows import PoolDebt, PoolShare, pool_of
from licensing.rules.royalty import Drawing, dues, still_due

ADVANCE = "advance"  # between the house and a pool, in either direction: nobody earned it


class Pool(NamedTuple):
    """A pool as it is. came_nano: credits less refunds;  shares: payee -> weight, drawn."""

    available_nano: int
    owed_nano: int
    came_nano: int
    shares: Mapping[str, Drawing]

    def repaid_nano(self, credit_nano: int) -> int:
        """What goes back to the house of a new credit: what its payees cannot draw."""
        kept_nano = still_due(self.came_nano + credit_nano, self.shares)
        return min(self.owed_nano, self.available_nano + credit_nano - kept_nano)

    def lacking_nano(self, refund_nano: int) -> int:
        """What the house has to lend before the pool pays so much back."""
        kept_nano = still_due(self.came_nano - refund_nano, self.shares)
        return max(0, refund_nano - (self.available_nano - kept_nano))


def pool(work: str, rows: Rows) -> Pool:
    """The pool of a registered work."""
    account = rows.get(Account, pool_of(work))
    assert account is not None, f"{work} has no pool"
    debt = rows.get(PoolDebt, work)
    shares = {
        one.payee: Drawing(one.weight, one.drawn_nano) for one in rows.find(PoolShare, work=work)
    }
    owed_nano = debt.owed_nano if debt else 0
    drawn_nano = sum(one.drawn_nano for one in shares.values())
    came_nano = account.available_nano + drawn_nano - owed_nano
    return Pool(account.available_nano, owed_nano, came_nano, shares)


def due_from_pool(work: str, rows: Rows) -> Mapping[str, int]:
    """payee -> nano-tokens that the payee can draw from a work's pool now."""
    found = pool(work, rows)
    return dues(found.came_nano, found.shares)


def repayments(cause: str, credits_nano: Mapping[str, int], rows: Rows) -> tuple[Line, ...]:
    """What pools that owe the house pay back of their new credits; work -> nano-tokens.

    To be paid behind the credits, in the same fact. cause: of the credits
    """
    owing = [one.id for one in rows.some(PoolDebt, credits_nano) if one.owed_nano]
    amounts = {work: pool(work, rows).repaid_nano(credits_nano[work]) for work in owing}
    return tuple(
        _line(cause, "repaid", pool_of(work), FEE, nano) for work, nano in amounts.items() if nano
    )


def refunds(cause: str, paid_nano: Mapping[str, int], to: str, rows: Rows) -> tuple[Line, ...]:
    """What pools pay back to a buyer, each whole: what one lacks the house lends it first."""
    lines = []
    for work, nano in sorted(paid_nano.items()):
        name, lacking_nano = pool_of(work), pool(work, rows).lacking_nano(nano)
        if lacking_nano:
            lines.append(_line(cause, "lent", FEE, name, lacking_nano))
        lines.append(Line(_id(cause, "refund", name), "single", name, to, Nano(nano), "refund"))
    return tuple(lines)


def book(lines: Iterable[Line], rows: Rows) -> None:
    """Write down what pools owe the house once these lines are paid."""
    for line in lines:
        if line.code == ADVANCE:
            is_lent, nano = line.debit == FEE, line.amount_nano or 0
            work = (line.credit if is_lent else line.debit).removeprefix("pool:")
            debt = rows.get(PoolDebt, work)
            before_nano = debt.owed_nano if debt else 0
            rows.put(PoolDebt(work, before_nano + (nano if is_lent else -nano)))


def credits_of(lines: Sequence[Line]) -> dict[str, int]:
    """What these lines bring to pools: work -> nano-tokens."""
    return {
        line.credit.removeprefix("pool:"): line.amount_nano or 0
        for line in lines
        if line.credit.startswith("pool:")
    }


def _line(cause: str, purpose: str, debit: str, credit: str, nano: int) -> Line:
    name = debit if purpose == "repaid" else credit
    return Line(_id(cause, purpose, name), "single", debit, credit, Nano(nano), ADVANCE)


def _id(cause: str, purpose: str, account: str) -> str:
    return books.transfer_id(cause, f"{purpose}/{account}")
