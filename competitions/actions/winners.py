"""Winning adapters become licensed works, apart from the payout.

So no question of rights can hold up the money.
"""

from datetime import datetime

from django.db import transaction

from assay.errors import AssayError
from competitions import queries
from competitions.actions.moment import contest_row
from competitions.models import HeldUp
from competitions.rules.fold import fold
from competitions.rules.results import interval_e9
from competitions.rules.rights import parents_of, shares_of, title_of
from competitions.rules.rows import Competition, Submission
from ledger import log
from ledger.rules.entry import Entry
from licensing import actions as licensing_actions
from licensing import queries as rights
from licensing.rules.fold import licensing
from licensing.rules.rows import WorkKind, entry_work
from licensing.rules.search import Measured


def license_winners(competition: str, *, now: datetime) -> list[str]:
    """Make every winning adapter a work, linked to what it was made from. May run twice.

    Each by itself: one whose parent was withdrawn, say, holds up nobody else, and its owner reads
    on its page what it waits for.
    raises ExceptionGroup: of what held some up, with their names, once all others have their works
    """
    contest, made, broken = queries.competition_row(competition), [], []
    for one in queries.entry_rows(competition):
        if not one.prize_nano:
            continue
        try:
            made.append(_license(contest, one, now=now))
        except AssayError as error:
            _tell(one.id, error, now=now)
            error.add_note(f"winner {one.id}")
            broken.append(error)
    if broken:
        raise ExceptionGroup("winners that cannot be licensed yet", broken)
    return [work for work in made if work]


@transaction.atomic
def _license(contest: Competition, entry: Submission, *, now: datetime) -> str | None:
    contest_row(contest.id)
    work = entry_work(entry.id)
    if rights.has_work(work):
        return None
    order = log.find(entry.id)
    assert isinstance(order, Entry), "an entry's id is the id of its order"
    registration = licensing_actions.Registration(
        work=work,
        kind=WorkKind.ADAPTER.value,
        content=entry.adapter_sha256,
        owner=entry.owner,
        title=title_of(contest, entry),
        tags=entry.tags,
        shares=shares_of(entry),
        parents=parents_of(contest, entry),
    )
    fact = licensing_actions.registration_fact(registration, answers=order, now=now)
    log.record([fact], rooms=(licensing, fold))
    licensing_actions.index_work(work, _measured(contest, entry))
    HeldUp.objects.filter(pk=entry.id).delete()
    return work


def _tell(entry: str, error: AssayError, *, now: datetime) -> None:
    """Note what holds a winner up; the sweep, which tries again and again, writes it once."""
    told = {"code": error.code, "cause": str(error), "next_step": error.next_step}
    if not HeldUp.objects.filter(pk=entry, **told).exists():
        HeldUp.objects.update_or_create(pk=entry, defaults={**told, "since": now})


def _measured(contest: Competition, entry: Submission) -> Measured:
    """The final figures of a winner, for whoever looks for models."""
    assert entry.final_result is not None, "it won"
    assert entry.final_score_e9 is not None, "it won"
    assert contest.baseline_e9 is not None, "it was better than the baseline"
    evaluator = queries.evaluator_row(contest.spec.manifest_sha256)
    low_e9, high_e9 = interval_e9(entry.final_result, evaluator.metric) or (None, None)
    return Measured(
        competition=contest.id,
        entry=entry.id,
        title=contest.spec.title,
        manifest=contest.spec.manifest_sha256,
        base=contest.spec.base,
        evaluator=evaluator.evaluator,
        metric=evaluator.metric,
        score_e9=entry.final_score_e9,
        low_e9=low_e9,
        high_e9=high_e9,
        baseline_e9=contest.baseline_e9,
    )
