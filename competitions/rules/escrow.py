"""The money of a competition: every line into its escrow, and every line out of it."""

from collections.abc import Mapping

from assay.messages import Line
from assay.wire import Nano
from competitions.rules.prizes import Payout
from competitions.rules.rows import Competition
from competitions.rules.spec import bond_nano
from ledger.rules.accounts import FEE, POOL
from ledger.rules.books import transfer_id


def account_of(competition: str) -> str:
    """The escrow account; it is empty in every end state."""
    return f"escrow:{competition}"


def funding(contest: Competition) -> tuple[Line, ...]:
    """Hold prize and bond: pending transfers, which a settlement posts and a cancellation voids."""
    held = (("prize", int(contest.spec.prize_nano)), ("bond", bond_nano(contest.spec)))
    return tuple(
        Line(
            id=transfer_id(contest.id, f"fund/{purpose}"),
            kind="pending",
            debit=contest.sponsor,
            credit=account_of(contest.id),
            amount_nano=Nano(amount_nano),
            code="stake",
        )
        for purpose, amount_nano in held
        if amount_nano
    )


def giving_back(contest: Competition) -> tuple[Line, ...]:
    """Void everything that is held: the sponsor has back what he put in."""
    return tuple(_close(contest, line, "void") for line in funding(contest))


def paying(contest: Competition, payout: Payout, owners: Mapping[str, str]) -> tuple[Line, ...]:
    """Post the prize, pay it out, give the bond back.

    owners  id of an entry -> the account its prize goes to
    """
    prize, *bond = funding(contest)
    parts = [("fee", FEE, payout.fee_nano, "fee"), ("pool", POOL, payout.pool_nano, "fee")]
    parts += [(name, owners[name], amount, "prize") for name, amount in payout.prizes.items()]
    parts.append(("rest", contest.sponsor, payout.to_sponsor_nano, "refund"))
    paid = [_pay(contest, *part) for part in parts if part[2]]
    return (_close(contest, prize, "post"), *paid, *(_close(contest, one, "void") for one in bond))


def _pay(contest: Competition, purpose: str, to: str, amount_nano: int, code: str) -> Line:
    return Line(
        id=transfer_id(contest.id, f"settle/{purpose}"),
        kind="single",
        debit=account_of(contest.id),
        credit=to,
        amount_nano=Nano(amount_nano),
        code=code,
    )


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
