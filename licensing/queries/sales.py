"""Reading sales: what a licence costs, who is paid from it, which ones were granted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from assay.messages import LicenceBuy
from assay.wire import Nano
from ledger import log
from ledger.queries import balance_nano, balances_nano
from licensing import errors
from licensing.models import Dispute, Grant, PoolShare, Work
from licensing.queries.royalties import owed_to_house
from licensing.queries.works import dues_of, works_of
from licensing.rules import catalogue, sale
from licensing.rules.contributors import Pool, parts_of, role_of
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.offer import NOBODY, Offer, check, offer
from licensing.rules.rows import Grant as GrantRow
from licensing.rules.rows import Work as WorkRow
from licensing.rules.rows import pool_of
from licensing.rules.royalty import Sale, share_sale


@dataclass(frozen=True)
class Quote:
    """What a licence would cost this account now, and who would get how much of it.

    shares  work -> nano-tokens; shares of the sale before anybody draws. Nothing is written
    held    the account's licences for one of these uses, newest first: it would pay again
    renews  the account's newest licence for one of these uses that has ended; "" without one
    """

    work: WorkRow
    offer: Offer
    terms_version: int
    shares: Sale
    held: tuple[GrantRow, ...] = ()
    renews: str = ""

    def order(self, *, beside: str | None = None) -> LicenceBuy:
        """What a buyer signs who agrees; beside: the licence that they hold and know of."""
        price_nano = Nano(self.offer.price_nano)
        return LicenceBuy(self.work.id, self.offer.uses, self.terms_version, price_nano, beside)


@dataclass(frozen=True)
class Contributor:
    """A payee of a sale. role: in words; amount_nano: of this sale; part_e8: of its price."""

    work: Work
    payee: str
    role: str
    amount_nano: int
    part_e8: int


@dataclass(frozen=True)
class Split:
    """Where the price of a sale goes: gross = fee + contributors + held.

    held_nano  what rounding keeps in pools for later sales, or, below zero, had kept before
    """

    gross_nano: int
    fee_nano: int
    contributors: tuple[Contributor, ...]
    held_nano: int

    @property
    def bar(self) -> list[int]:
        """The parts of the contributors, as the bar on a page draws them."""
        return [one.part_e8 for one in self.contributors]


def quote(
    work_id: str,
    uses: Sequence[str],
    *,
    account: str,
    now: datetime,
    rows: log.Tables | None = None,
) -> Quote:
    """What these uses cost now.

    account  the buyer, or "" for a visitor
    rows     read before for the same page
    raises   WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules
    """
    rows, at_ms = rows or log.Tables(), int(now.timestamp() * 1000)
    found = catalogue.work_of(work_id, rows)
    subject = catalogue.subject(found, rows)
    mine = catalogue.holder(work_id, account, rows=rows, at_ms=at_ms) if account else NOBODY
    asked = offer(subject, uses, now_ms=at_ms, holder=mine)
    check(asked, subject)
    shares = _share(work_id, asked.price_nano, "")
    held, renews = [], ""
    if account and asked.price_nano:
        held = catalogue.held(work_id, asked.uses, account, rows=rows, at_ms=at_ms)
    if account:
        renews = catalogue.ended(work_id, asked.uses, account, rows=rows, at_ms=at_ms)
    return Quote(found, asked, found.terms_version, shares, tuple(held), renews)


def split_of(
    work_id: str, gross_nano: int, *, payment_id: str = "", shares: Sale | None = None
) -> Split:
    """Who is paid how much of a sale at this price, to the last nano. shares: of a quote, if any"""
    shares = shares or _share(work_id, gross_nano, payment_id)
    others = sorted((-share_nano, work) for work, share_nano in shares.shares_nano.items())
    ids = [work_id, *(work for _, work in others if work != work_id)]
    parts = parts_of({one: shares.shares_nano[one] for one in ids}, _pools(ids))
    found = works_of(ids)
    contributors = tuple(
        Contributor(
            work=found[work],
            payee=payee,
            role=role_of(found[work].kind, is_sold=work == work_id),
            amount_nano=amount_nano,
            part_e8=amount_nano * WHOLE_E8 // gross_nano if gross_nano else 0,
        )
        for (work, payee), amount_nano in parts.items()
    )
    held_nano = gross_nano - shares.fee_nano - sum(parts.values())
    return Split(gross_nano, shares.fee_nano, contributors, held_nano)


def pool_nano(work_id: str) -> int:
    """What lies in a work's pool, not yet drawn. raises AccountUnknown"""
    return balance_nano(pool_of(work_id))


def grant(grant_id: str) -> Grant:
    """raises GrantUnknown"""
    found = Grant.objects.filter(pk=grant_id).first()
    if found is None:
        raise errors.GrantUnknown(f"No licence {grant_id[:16]} was granted.", grant=grant_id)
    return found


def dispute(name: str) -> Dispute:
    """raises DisputeUnknown"""
    found = Dispute.objects.filter(pk=name).first()
    if found is None:
        raise errors.DisputeUnknown(f"No dispute {name[:16]} was raised.", dispute=name)
    return found


def disputes(work_id: str) -> QuerySet[Dispute]:
    """What was said against a work, newest first."""
    return Dispute.objects.filter(work=work_id).order_by("-at_ms", "id")


def grants(*, holder: str = "", work_id: str = "") -> QuerySet[Grant]:
    """Licences, newest first."""
    wanted = {name: value for name, value in (("holder", holder), ("work", work_id)) if value}
    return Grant.objects.filter(**wanted).order_by("-from_ms", "id")


def state_of(granted: Grant, *, now: datetime) -> str:
    """active, revoked, refunded, or expired once its time is over."""
    is_over = granted.until_ms and int(now.timestamp() * 1000) >= granted.until_ms
    return "expired" if is_over and granted.state == "active" else granted.state


def _share(work_id: str, gross_nano: int, payment_id: str) -> Sale:
    dues = dues_of([work_id])
    return share_sale(work_id, gross_nano, dues, fee_e8=sale.SALE_FEE_E8, payment_id=payment_id)


def _pools(ids: Sequence[str]) -> Mapping[str, Pool]:
    """Every pool as it is now, with three queries."""
    weights: dict[str, dict[str, int]] = {work: {} for work in ids}
    drawn = dict.fromkeys(ids, 0)
    for share in PoolShare.objects.filter(work__in=ids).order_by("-weight", "payee"):
        weights[share.work][share.payee] = share.weight
        drawn[share.work] += share.drawn_nano
    left, lent = balances_nano([pool_of(work) for work in ids]), owed_to_house(ids)
    return {
        work: Pool(left[pool_of(work)] + drawn[work] - lent.get(work, 0), weights[work])
        for work in ids
    }
