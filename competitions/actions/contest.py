"""What a sponsor does with a competition: publish and fund it, or cancel it."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from assay import messages
from assay.messages import FileRef, Spec
from assay.wire import Nano, from_json
from competitions import queries
from competitions.actions import sealing
from competitions.actions.deadline import pay_next
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import (
    CloseFixed,
    CompetitionExists,
    DatesInvalid,
    DryRunMissing,
    HasEntries,
    NotSponsor,
    OverCapacity,
    SliceUsed,
    SpecInvalid,
    WrongState,
)
from competitions.models import Draft
from competitions.rules import escrow
from competitions.rules.fold import fold
from competitions.rules.registry import rules_problems
from competitions.rules.rows import Competition, Phase
from competitions.rules.spec import (
    bond_nano,
    extension_problems,
    last_call_ms,
    new_problems,
    problems,
)
from ledger import actions as ledger_actions
from ledger import log
from ledger import queries as ledger_queries
from ledger.actions import ms
from ledger.errors import Overdrawn
from ledger.rules.accounts import FEE, Account
from ledger.rules.entry import Entry
from licensing import actions as licensing_actions
from licensing import queries as rights


@dataclass(frozen=True)
class Publication:
    """Everything that one click publishes.

    data  registers the sponsor's training data as a work; None when it is one already
    """

    competition: str
    spec: Spec
    data: messages.WorkRegister | None


def publish_for(
    sponsor: str, draft: str, publication: Publication, *, now: datetime
) -> tuple[Entry, ...]:
    """Register the data, publish and fund a prepared draft, in the operator's words for a web user.

    All or nothing: nobody ever sees a competition whose stake is not in escrow.
    returns the orders, those that publish and fund first; none when it was published before
    raises  DraftUnknown, DryRunMissing, CompetitionExists, SliceUsed, SpecInvalid, DatesInvalid,
            OverCapacity, Overdrawn, WorkTaken, TermsRefused, SharesInvalid
    """
    competition, spec = publication.competition, publication.spec
    words = f"competition/{competition}/{draft}"
    prize = messages.CompetitionFund(competition, spec.prize_nano, Nano(bond_nano(spec)))
    orders = [
        log.order_for(sponsor, messages.CompetitionPublish(competition, spec), idempotency=words),
        log.order_for(sponsor, prize, idempotency=f"{words}/fund"),
    ]
    with transaction.atomic():
        found = queries.draft(draft, sponsor=sponsor, is_locked=True)
        _lock_purses(sponsor)
        if found.state == Draft.State.PUBLISHED:
            return ()
        _check_prepared(found, spec)
        _check_base(spec)
        _check_capacity(spec)
        _check_balance(sponsor, spec)
        if publication.data:
            data = log.order_for(sponsor, publication.data, idempotency=f"{words}/data")
            licensing_actions.register_work(data, now=now)
            orders.append(data)
        publish(orders[0], orders[1], now=now)
        _open_files(found, now)
        found.state, found.updated_at = Draft.State.PUBLISHED, now
        found.fields |= {"competition": competition}
        found.save()
    return tuple(orders)


def _check_capacity(spec: Spec) -> None:
    """The policy of this site, which knows its workers; the log knows none. raises OverCapacity"""
    load = queries.load(spec)
    causes = [*load.problems()] if load else []
    if load and causes:
        raise OverCapacity(" ".join(causes), causes=causes, **asdict(load))


@transaction.atomic
def publish(order: Entry, funding: Entry, *, now: datetime) -> Competition:
    """Publish a competition and put its stake into escrow; the same orders, the same competition.

    order    competition.publish     funding  competition.fund, of the same sponsor
    raises   CompetitionExists, SliceUsed, SpecInvalid, DatesInvalid, Overdrawn
    """
    name, spec = order.body.competition, order.body.spec
    _lock_purses(order.actor)
    if log.find(order.id):
        return queries.competition_row(name)
    if queries.has_competition(name):
        raise CompetitionExists(f"The short name {name!r} is taken.", competition=name)
    check_spec(name, spec, now=now)
    if earlier := queries.slice_used_by(spec.manifest_sha256):
        raise SliceUsed(f"{earlier} was decided on the same final rows.", competition=earlier)
    at_ms = ms(now)
    contest = Competition(
        id=name,
        sponsor=order.actor,
        phase=Phase.PUBLISHED,
        spec=spec,
        since_ms=at_ms,
        last_ms=at_ms,
    )
    lines = escrow.funding(contest)
    published = messages.CompetitionPublished(name, order.actor, spec, at_ms)
    funded = messages.CompetitionFunded(name, lines, at_ms + 1)
    facts = [log.fact(published, answers=order), log.fact(funded, answers=funding)]
    log.record([order, funding, *facts], rooms=(fold,))
    sealing.keep_base(contest)
    return queries.competition_row(name)


@transaction.atomic
def extend(order: Entry, *, now: datetime) -> Competition:
    """Put the close off, once and not in the last tenth of the time.

    raises  CompetitionUnknown, NotSponsor, WrongState, CloseFixed, DatesInvalid
    """
    name, closes_at_ms = order.body.competition, order.body.closes_at_ms
    contest = contest_row(name)
    if log.find(order.id):
        return queries.competition_row(name)
    if contest.sponsor != order.actor:
        raise NotSponsor(f"{name} is not yours to extend.", competition=name)
    if contest.phase not in (Phase.FUNDED, Phase.OPEN):
        allowed = ["funded", "open"]
        raise WrongState(f"{name} is {contest.phase}.", state=contest.phase, allowed=allowed)
    at_ms = next_ms(contest, now)
    if contest.first_close_ms is not None or at_ms >= last_call_ms(contest.spec):
        facts = {"competition": name, "closes_at_ms": str(contest.spec.closes_at_ms)}
        raise CloseFixed(f"The close of {name} is fixed.", **facts)
    if found := [*extension_problems(contest.spec, closes_at_ms, now_ms=at_ms)]:
        words = "Choose a shorter time: the close moves by the competition's own length at most."
        raise DatesInvalid(
            found[0].cause, next_step=words, path=found[0].path, cause=found[0].cause
        )
    body = messages.CompetitionExtended(name, closes_at_ms, at_ms)
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))
    return queries.competition_row(name)


def extend_for(sponsor: str, competition: str, closes_at_ms: int, *, now: datetime) -> Entry:
    """Extend in the operator's words for a web user. returns the order; raises as extend"""
    body = messages.CompetitionExtend(competition, closes_at_ms)
    order = log.order_for(sponsor, body, idempotency=f"extend/{competition}/{closes_at_ms}")
    extend(order, now=now)
    return order


@transaction.atomic
def cancel(order: Entry, *, now: datetime) -> Competition:
    """Cancel before the first entry; the whole stake comes back.

    raises  CompetitionUnknown, NotSponsor, HasEntries, WrongState
    """
    name = order.body.competition
    contest = contest_row(name)
    if log.find(order.id):
        return queries.competition_row(name)
    if contest.sponsor != order.actor:
        raise NotSponsor(f"{name} is not yours to cancel.", competition=name)
    if contest.phase not in (Phase.PUBLISHED, Phase.FUNDED, Phase.OPEN):
        allowed = ["published", "funded", "open"]
        raise WrongState(f"{name} is {contest.phase}.", state=contest.phase, allowed=allowed)
    if queries.tally(name).standing:
        raise HasEntries(f"{name} has entries.", competition=name)
    body = messages.CompetitionCancelled(name, next_ms(contest, now))
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))
    pay_next(contest_row(name), now=now)
    return queries.competition_row(name)


def cancel_for(sponsor: str, competition: str, *, now: datetime) -> Entry:
    """Cancel in the operator's words for a web user. returns the order; raises as cancel"""
    body = messages.CompetitionCancel(competition)
    order = log.order_for(sponsor, body, idempotency=f"cancel/{competition}")
    cancel(order, now=now)
    return order


def check_spec(competition: str, spec: Spec, *, now: datetime) -> None:
    """raises SpecInvalid, or DatesInvalid when only the dates are wrong, with every problem"""
    now_ms = ms(now)
    found = problems(competition, spec, now_ms=now_ms)
    found += [*rules_problems(spec.rules), *new_problems(competition, spec, now_ms=now_ms)]
    if not found:
        return
    first = found[0]
    error = DatesInvalid if all(one.is_date for one in found) else SpecInvalid
    every = [f"{one.path}: {one.cause}" for one in found]
    raise error(first.cause, path=first.path, cause=first.cause, problems=every)


def _lock_purses(sponsor: str) -> None:
    """Publishing takes turns by the site's own purse: two sponsors may want one name.

    Both in one go, in order of id, as a sale locks them: else the two could wait for each other.
    """
    log.Tables().lock(Account, [sponsor, FEE])


def _check_base(spec: Spec) -> None:
    """raises SpecInvalid while the base model is no licensed work of this site"""
    if not rights.has_work(spec.base_work):
        raise SpecInvalid(
            f"The base model {spec.base} has no licence on this site yet.",
            next_step="Ask the operator to run `manage.py register_base`; then publish again.",
            path="base",
            cause="The base model has no licence on this site yet.",
        )


def _check_balance(sponsor: str, spec: Spec) -> None:
    """Ask for the whole stake at once; the books then check each part. raises Overdrawn"""
    balance_nano = ledger_queries.balance_nano(sponsor)
    stake_nano = spec.prize_nano + bond_nano(spec)
    if balance_nano < stake_nano:
        raise Overdrawn(sponsor, balance_nano, stake_nano)


def _open_files(draft: Draft, now: datetime) -> None:
    """From now on everybody may fetch what the task is made of, and the baseline's answers.

    raises BlobMissing, BlobGone, BlobBusy
    """
    names = [str(one["sha256"]) for one in draft.prepared["files"]]
    for name in (*names, str(draft.prepared["baseline"]["results_sha256"])):
        ledger_actions.publish_blob(name, now=now)


def _check_prepared(draft: Draft, spec: Spec) -> None:
    is_ready = draft.state == Draft.State.READY
    if not is_ready or draft.prepared["manifest_sha256"] != spec.manifest_sha256:
        raise DryRunMissing("The task has not been prepared and measured yet.", draft=draft.id)
    files = tuple(from_json(FileRef, one) for one in draft.prepared["files"])
    assert files == spec.files, "the spec is built from the prepared files"
