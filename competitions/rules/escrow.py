"""The money of a competition: every line into its escrow, and every line out of it."""

from collections.abc import Mapping, Sequence

from assay.messages import Line
from assay.wire import Nano
from competitions.rules.prizes import Payout
from competitions.rules.rows import Competition, Deposit, Submission
from competitions.rules.spec import bond_nano, deposit_nano
from ledger.rules.accounts import FEE, ISSUANCE, POOL
from ledger.rules.books import transfer_id
from ledger.rules.rows import Rows


def account_of(competition: str) -> str:
    """The escrow account; it is empty in every end state."""
    return f"escrow:{competition}"


def prize_hold(competition: str) -> str:
    """The id of the transfer that holds a competition's prize."""
    return _hold(competition, "prize")


def funding(contest: Competition) -> tuple[Line, ...]:
    """Hold prize and bond: pending transfers, which a settlement posts and a cancellation voids."""
    held = (("prize", int(contest.spec.prize_nano)), ("bond", bond_nano(contest.spec)))
    return tuple(
        Line(
            id=_hold(contest.id, purpose),
            kind="pending",
            debit=contest.sponsor,
            credit=account_of(contest.id),
            amount_nano=Nano(amount_nano),
            code="stake",
        )
        for purpose, amount_nano in held
        if amount_nano
    )


def deposit(contest: Competition, entry: Submission) -> Line:
    """Hold what the full run of an eliminated entry costs unless it places."""
    return Line(
        id=transfer_id(entry.id, "resume"),
        kind="pending",
        debit=entry.owner,
        credit=account_of(contest.id),
        amount_nano=Nano(deposit_nano(contest.spec)),
        code="deposit",
    )


def staked(competition: str, rows: Rows) -> list[Submission]:
    """The entries whose owners put down a deposit, in order of id."""
    parts = (rows.find(Submission, competition=competition, deposit=one.value) for one in Deposit)
    return sorted((one for part in parts for one in part), key=lambda one: one.id)


def giving_back(contest: Competition, entries: Sequence[Submission]) -> tuple[Line, ...]:
    """Void everything that is held: the sponsor and every miner have back what they put in."""
    held = (*funding(contest), *(deposit(contest, one) for one in entries if one.deposit))
    return tuple(_close(contest, line, "void") for line in held)


def forfeiting(
    contest: Competition, entries: Sequence[Submission], shares: Mapping[str, int]
) -> tuple[Line, ...]:
    """The same, but the bond goes to these owners. shares: owner -> nano-tokens of the bond"""
    prize, bond = funding(contest)
    back = (prize, *(deposit(contest, one) for one in entries if one.deposit))
    paid = (_pay(contest, f"bond/{name}", name, shares[name], "slash") for name in sorted(shares))
    return (
        _close(contest, bond, "post"),
        *(line for line in paid if line.amount_nano),
        *(_close(contest, line, "void") for line in back),
    )


def paying(contest: Competition, payout: Payout, entries: Sequence[Submission]) -> tuple[Line, ...]:
    """Post the prize and the forfeited deposits, pay them out, give the rest back.

    entries  that won or have a deposit, at least: a prize goes to the owner of its entry
    """
    owners = {one.id: one.owner for one in entries}
    prize, *bond = funding(contest)
    staked = [one for one in entries if one.deposit]
    lost = [deposit(contest, one) for one in staked if one.deposit == Deposit.FORFEITED]
    back = [deposit(contest, one) for one in staked if one.deposit != Deposit.FORFEITED]
    parts = [("fee", FEE, payout.fee_nano, "fee"), ("pool", POOL, payout.pool_nano, "fee")]
    parts += [(name, owners[name], amount, "prize") for name, amount in payout.prizes.items()]
    parts.append(("rest", contest.sponsor, payout.to_sponsor_nano, "refund"))
    parts.append(("burn", ISSUANCE, payout.burnt_nano, "burn"))
    paid = [_pay(contest, *part) for part in parts if part[2]]
    posted = [_close(contest, one, "post") for one in (prize, *lost)]
    return (*posted, *paid, *(_close(contest, one, "void") for one in (*bond, *back)))


def _pay(contest: Competition, purpose: str, to: str, amount_nano: int, code: str) -> Line:
    return Line(
        id=transfer_id(contest.id, f"settle/{purpose}"),
        kind="single",
        debit=account_of(contest.id),
        credit=to,
        amount_nano=Nano(amount_nano),
        code=code,
    )


def _hold(competition: str, purpose: str) -> str:
    return transfer_id(competition, f"fund/{purpose}")


def _close(contest: Competition, held: Line, kind: str) -> Line:
    return Line(
        id=transfer_id(contest.id, f"{kind}/{held.id}"),
        kind=kind,
        debit=held.debit,
        credit=held.credit,
        amount_nano=held.amount_nano,
        code=held.code,
        pending_id=held.id,
    )
