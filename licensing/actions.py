"""What changes the rights: registering works, buying licences, drawing royalties, recording."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from assay import messages, records
from assay.wire import Nano
from evaluator.bases import base_id, bases
from ledger import blobs, log
from ledger.actions import ms, publish_blob
from ledger.queries import named_blob, statement
from ledger.rules.accounts import FEE, Account
from ledger.rules.checks import refused
from ledger.rules.entry import Entry
from licensing import errors, queries
from licensing.models import (
    Grant,
    OutputBatch,
    OutputRecord,
    SearchCard,
    SearchRight,
    ShareDue,
    Work,
)
from licensing.rules import grant, sale
from licensing.rules.fold import licensing
from licensing.rules.reading import parse
from licensing.rules.rows import WorkKind, content_in, pool_of
from licensing.rules.search import Measured, search_text, spans
from licensing.rules.terms import Tag


@dataclass(frozen=True)
class Registration:
    """A work to register, and what it was made from.

    work     its id;  content: SHA-256 of its canonical bytes;  shares: the payees of its pool
    licence  of a base, its own;  parents: the works that it was made from, each registered
    """

    work: str
    kind: str
    content: str
    owner: str
    title: str
    tags: tuple[Tag, ...]
    shares: tuple[messages.Share, ...]
    licence: str = ""
    parents: tuple[str, ...] = ()


@transaction.atomic
def register_work(order: Entry, *, now: datetime) -> str:
    """Register the work of a `work.register` order with all its parents.

    Whoever signs the order has sent the work's bytes; a base is registered in the operator's words
    only, since everybody can make the bytes that its id is the hash of.
    returns  the work's id; the same order again gives the same answer
    raises   WorkTaken, TermsRefused, SharesInvalid, LineageRefused, MessageRefused, BlobUnknown;
             what the contests' fold objects to, such as the adapter of an entry
    """
    asked: messages.WorkRegister = order.body
    if not order.speaker:
        _check_claim(order)
    log.Tables().lock(Account, [FEE])
    if log.find(order.id):
        return asked.work
    told = (asked.title, asked.tags, asked.shares, asked.licence, asked.parents)
    content = content_in(asked.work)
    registration = Registration(asked.work, asked.kind, content, order.actor, *told)
    fact = registration_fact(registration, answers=order, now=now)
    log.record([order, fact], rooms=log.every_room())
    index_work(asked.work)
    return asked.work


def _check_claim(order: Entry) -> None:
    """raises BlobUnknown, MessageRefused"""
    asked: messages.WorkRegister = order.body
    content = content_in(asked.work)
    if asked.kind == WorkKind.BASE or content in {base_id(base) for base in bases()}:
        raise refused(order, "a base is registered by the operator")
    named_blob(content, account=order.actor, is_claimed=True)


def registration_fact(registration: Registration, *, answers: Entry, now: datetime) -> Entry:
    """The one fact that makes something a work with all its parents; not recorded.

    For an action that registers a work among other things, such as a winning entry: it records it
    with the folds of every room. answers: an order of the owner.
    raises LineageRefused
    """
    one = registration
    rates = queries.check_parents(one.tags, one.parents, owner=one.owner, now=now)
    body = messages.WorkRegistered(
        work=one.work,
        kind=one.kind,
        content=one.content,
        owner=one.owner,
        title=one.title,
        tags=one.tags,
        shares=one.shares,
        licence=one.licence,
        parents=tuple(messages.Parent(name, rate_e8) for name, rate_e8 in rates.items()),
        at_ms=ms(now),
    )
    return log.fact(body, answers=answers, idempotency=f"{one.work}/registered")


@transaction.atomic
def index_work(work: str, measured: Measured | None = None) -> None:
    """Write down what lists and searches go by of a registered work; again, it is written anew.

    In the transaction that registers the work. measured: how a contest measured it, if one did
    """
    found, told = queries.work(work), {} if measured is None else asdict(measured)
    SearchCard.objects.update_or_create(
        work=work,
        defaults={
            "kind": found.kind,
            "registered_ms": found.registered_ms,
            "text": search_text(found.title, found.owner, work, measured),
            **told,
        },
    )
    _index_rights(found)
    index_dues([work])


def _index_rights(found: Work) -> None:
    """What searches go by of the terms that hold now."""
    work, given = found.id, spans(parse(queries.tags_of(found)), found.registered_ms)
    SearchRight.objects.filter(work=work).delete()
    SearchRight.objects.bulk_create(
        SearchRight(id=f"{work}/{one.use}/{one.from_ms}", work=work, **asdict(one)) for one in given
    )


def index_dues(works: Collection[str]) -> None:
    """Write down what lists and totals go by of what is due from these works' pools.

    In the transaction that changed what lies in them, under the locks of their accounts
    """
    ShareDue.objects.bulk_create(
        queries.open_dues(works),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["due_nano", "drawn_nano"],
    )


@transaction.atomic
def change_terms(order: Entry, *, now: datetime) -> int:
    """Put a work under the terms of a `terms.change` order, for later sales and later children.

    returns  the number of the terms; the same order again gives the same number
    raises   WorkUnknown, NotOwner, NotForSale, TermsStale, TermsRefused, LineageRefused; what the
             contests' fold objects to
    """
    asked: messages.TermsChange = order.body
    log.Tables().lock(Account, [pool_of(asked.work)])
    if not log.find(order.id):
        body = messages.TermsChanged(asked.work, asked.number, asked.tags, ms(now))
        log.record([order, log.fact(body, answers=order)], rooms=log.every_room())
        _index_rights(queries.work(asked.work))
    return asked.number


@transaction.atomic
def withdraw_work(order: Entry, *, now: datetime) -> str:
    """Take the work of a `work.withdraw` order off the market. Twice is once.

    raises WorkUnknown, NotOwner, NotForSale; what the contests' fold objects to
    """
    asked: messages.WorkWithdraw = order.body
    log.Tables().lock(Account, [pool_of(asked.work)])
    if not log.find(order.id):
        body = messages.WorkWithdrawn(asked.work, ms(now))
        log.record([order, log.fact(body, answers=order)], rooms=log.every_room())
    return asked.work


@transaction.atomic
def buy_licence(order: Entry, *, now: datetime) -> Grant:
    """Sell what a `licence.buy` order asks for: fee and pools are paid, a grant is made.

    returns  the grant; the same order again gives the same grant
    raises   WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules, QuoteStale,
             AlreadyHeld, Overdrawn
    """
    asked: messages.LicenceBuy = order.body
    holder, at_ms, rows = order.actor, ms(now), log.Tables()
    pools = [pool_of(work) for work in queries.links_above(asked.work)]
    rows.lock(Account, [holder, FEE, *pools])
    if log.find(order.id):
        return queries.grant(order.id)
    made = sale.deal(order, holder, rows, at_ms=at_ms)
    sale.check_second(made, order, holder, rows, at_ms=at_ms)
    claims = sale.claims_of(made, order, holder, issuer=settings.LOG_ORIGIN, at_ms=at_ms)
    fact = messages.LicenceGranted(
        grant=order.id,
        work=made.work.id,
        uses=made.offer.uses,
        terms_version=made.work.terms_version,
        holder=holder,
        price_nano=Nano(made.offer.price_nano),
        from_ms=made.offer.from_ms,
        until_ms=made.offer.until_ms,
        access_until_ms=made.offer.access_until_ms,
        jws=grant.sign(claims, log.signing_key("operator")),
        transfers=made.lines,
        at_ms=at_ms,
    )
    log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
    index_dues([line.credit.removeprefix("pool:") for line in made.lines if line.credit != FEE])
    return queries.grant(order.id)


@transaction.atomic
def draw_royalty(order: Entry, *, now: datetime) -> int:
    """Pay the actor of a `royalty.draw` order what is due from a work's pool.

    returns  the amount in nano-tokens; the same order again gives the same amount
    raises   WorkUnknown, NotAPayee, NothingToDraw
    """
    rows = log.Tables()
    rows.lock(Account, [order.actor, pool_of(order.body.work)])
    if log.find(order.id):
        return statement(order.actor).get(pk=sale.draw_id(order)).amount_nano
    share, line = sale.draw(order, order.actor, rows)
    fact = messages.RoyaltyDrawn(share.work, share.payee, (line,), ms(now))
    log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
    index_dues([share.work])
    return line.amount_nano or 0


def record_outputs(order: Entry, *, now: datetime) -> OutputBatch:
    """Record the outputs of a `provenance.record` order; their file is public from then on.

    returns  the batch; the same order again gives the same batch
    raises   WorkUnknown, RecordingRefused, RecordsDiffer, RecordInvalid, BlobUnknown
    """
    asked: messages.ProvenanceRecord = order.body
    named_blob(asked.records, account=order.actor, is_claimed=True)
    lines = records.lines_in(blobs.read(asked.records, limit_bytes=records.MOST_FILE_BYTES))
    outputs = [_made_with(line, place, asked) for place, line in enumerate(lines)]
    if (records.root_of(lines), len(lines)) != (asked.root, asked.size):
        reason = "its root or its size is another one"
        raise errors.RecordsDiffer(f"The file is not that: {reason}.", reason=reason)
    return _record_batch(order, outputs, now=now)


def _made_with(line: bytes, place: int, asked: messages.ProvenanceRecord) -> str:
    """The hash of the output of one record. raises RecordInvalid, RecordsDiffer"""
    one = records.read_line(line, place)
    if (one.work, one.licence) != (asked.work, asked.licence or ""):
        reason = f"record {place} names another work or licence"
        raise errors.RecordsDiffer(f"The file is not that: {reason}.", reason=reason)
    return one.output


@transaction.atomic
def _record_batch(order: Entry, outputs: list[str], *, now: datetime) -> OutputBatch:
    asked: messages.ProvenanceRecord = order.body
    log.Tables().lock(Account, [order.actor])
    if log.find(order.id):
        return queries.output_batch(order.id)
    told = (asked.root, asked.size, asked.records, asked.licence or "", ms(now))
    fact = messages.ProvenanceRecorded(order.id, asked.work, order.actor, *told)
    log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
    publish_blob(asked.records, now=now)
    index_outputs(order.id, outputs)
    return queries.output_batch(order.id)


def index_outputs(batch: str, outputs: Sequence[str]) -> None:
    """Write down where each output of a batch is found; again, nothing is added."""
    at_ms = queries.output_batch(batch).at_ms
    rows = [
        OutputRecord(id=f"{batch}/{place}", output=one, batch=batch, place=place, at_ms=at_ms)
        for place, one in enumerate(outputs)
    ]
    OutputRecord.objects.bulk_create(rows, ignore_conflicts=True)
