"""The queue of scoring runs: which is next, and how long each of them waits."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from assay.messages import Spec
from competitions.models import Cost, Evaluation, Evaluator, Turn, Worker
from competitions.rules.capacity import Costs, Load, load_of, until_ms
from competitions.rules.turns import (
    FIRST_GUESS_MS,
    LOST_OFTEN,
    Ahead,
    Wait,
    Waiting,
    total,
    wait_of,
)

Group = dict[tuple[str, str], Waiting]
# Of work that nobody holds: so many attempts were lost. The newest is counted when it is replaced.
_BROUGHT_DOWN = Q(lost__gte=LOST_OFTEN) | Q(lost=LOST_OFTEN - 1, leased_until__isnull=False)


def evaluations_waiting(now: datetime, *, worker: str | None = None) -> QuerySet[Evaluation]:
    """Scoring work that nobody holds, and whose pause is over.

    worker  that would take it; work at which it failed itself waits longer for it
    """
    now_ms = _ms(now)
    found = _unheld(now).filter(not_before_ms__lte=now_ms)
    if worker is None:
        return found
    found = found.exclude(failed_by=worker, again_ms__gt=now_ms)
    return found.exclude(Q(slice=Evaluation.Slice.FINAL) & Exists(_its_own(now, worker)))


def _its_own(now: datetime, worker: str) -> QuerySet[Evaluation]:
    """The other run of the same, which this worker has done or does: two make a final score."""
    is_begun = Q(found__isnull=False) | Q(leased_until__gte=now)
    return Evaluation.objects.filter(
        is_begun,
        competition=OuterRef("competition"),
        submission=OuterRef("submission"),
        slice=OuterRef("slice"),
        worker=worker,
    ).exclude(number=OuterRef("number"))


def waits_for_another(worker: str, now: datetime) -> bool:
    """True when work waits that this worker must leave to others, and one of them is free."""
    left = evaluations_waiting(now).filter(Exists(_its_own(now, worker)))
    return evaluations_held(now).count() < settings.SLOTS - 1 and left.exists()


def worker(key: str) -> Worker | None:
    """The worker of this key; None: the log knows none."""
    return Worker.objects.filter(pk=key).first()


def next_evaluation(
    now: datetime, *, worker: str, levels: Collection[str], runs_generic: bool = True
) -> Evaluation | None:
    """The work whose turn it is, of what this worker may do; locked where the database can.

    Verifying comes before the board; then whoever was served least: competition, then owner; then
    age. Entries that brought down their workers come when nothing else is there.
    levels        those of the sandbox that it can hold
    runs_generic  it has the libraries that compute generic bases
    """
    within = {"least__in": ["", *levels]} | ({} if runs_generic else {"is_generic": False})
    ordered = (
        evaluations_waiting(now, worker=worker)
        .filter(**within)
        .annotate(
            is_dangerous=_is_so(_BROUGHT_DOWN),
            is_board=_is_so(Q(slice=Evaluation.Slice.BOARD)),
            theirs_ms=_served(Value("")),
            owners_ms=_served(OuterRef("owner")),
        )
        .order_by("is_dangerous", "is_board", "theirs_ms", "owners_ms", "pk")
    )
    found = ordered.select_for_update(skip_locked=True, of=("self",)).first()
    is_dangerous = found is not None and found.is_dangerous
    return None if is_dangerous and evaluations_held(now).exists() else found


def is_generic(manifest_sha256: str) -> bool:
    """True for a task whose base only transformers computes."""
    return Evaluator.objects.filter(pk=manifest_sha256, is_generic=True).exists()


def evaluations_held(now: datetime) -> QuerySet[Evaluation]:
    """Scoring work that a worker has."""
    return Evaluation.objects.filter(leased_until__gte=now)


def evaluations_lost(works: QuerySet[Evaluation], now: datetime) -> QuerySet[Evaluation]:
    """Those from which no worker came back, the last one when nothing else ran."""
    is_over = Q(lost=LOST_OFTEN, leased_until__lt=now) | Q(lost__gt=LOST_OFTEN)
    return works.filter(is_over)


def evaluation(number: int) -> Evaluation | None:
    return Evaluation.objects.filter(pk=number).first()


def evaluations_of(name: str, slice_name: str) -> QuerySet[Evaluation]:
    """The scoring work of a competition that is not done."""
    return Evaluation.objects.filter(competition=name, slice=slice_name).order_by("pk")


def workers() -> QuerySet[Worker]:
    """All that the log knows, the oldest first."""
    return Worker.objects.order_by("at_ms", "pk")


def cost_ms(manifest_sha256: str, slice_name: str) -> int:
    """How long a run of a task takes on a slice, as far as it is known."""
    found = Cost.objects.filter(manifest_sha256=manifest_sha256, slice=slice_name)
    return found.values_list("mean_ms", flat=True).first() or FIRST_GUESS_MS


def scored_until_ms(name: str, from_ms: int) -> int:
    """When what waits in a competition must have its scores, at the slowest."""
    found = Evaluation.objects.filter(competition=name).aggregate(cost_ms=Sum("cost_ms"))
    return until_ms(from_ms, found["cost_ms"] or 0, settings.SLOTS)


def load(spec: Spec) -> Load | None:
    """What is expected of the workers in a competition; None while no dry run was measured."""
    found = Cost.objects.filter(manifest_sha256=spec.manifest_sha256)
    known = dict(found.values_list("slice", "mean_ms"))
    if not {"board", "final"} <= {*known}:
        return None
    costs = Costs(known["board"], known["final"], settings.SLOTS)
    return load_of(spec, costs, owners=settings.EXPECTED_OWNERS)


def waits(submissions: Sequence[str], now: datetime | None = None) -> dict[str, Wait]:
    """Entry -> how long its run waits; those that wait for none, or have begun, are not there.

    What comes in later may come before it only where its owner, or competition, was served less.
    """
    now = now or timezone.now()
    mine = [*_unheld(now).filter(submission__in=submissions).order_by("pk")]
    if not mine:
        return {}
    running, verifying = _before_all(now)
    found: dict[str, Wait] = {}
    for part in sorted({one.slice for one in mine}, reverse=True):  # final, then board
        works = [one for one in mine if one.slice == part]
        first = verifying if part == Evaluation.Slice.BOARD else Ahead(0, 0)
        for work, ahead in _ahead(works, _unheld(now).filter(slice=part)):
            wait = wait_of(total([first, ahead]), running, settings.SLOTS)
            found.setdefault(work.submission, wait)
    return found


def _before_all(now: datetime) -> tuple[Ahead, Ahead]:
    """The runs that workers have, and those on the final slice that wait."""
    is_held = Q(leased_until__gte=now)
    is_verifying = ~is_held & Q(slice=Evaluation.Slice.FINAL)
    is_verifying |= Q(slice=Evaluation.Slice.FINAL, leased_until=None)
    is_verifying &= Q(found__isnull=True)
    parts = {"held": is_held, "verifying": is_verifying}
    counts = {f"{name}_runs": Count("pk", filter=claim) for name, claim in parts.items()}
    costs = {f"{name}_ms": Sum("cost_ms", filter=claim) for name, claim in parts.items()}
    told = Evaluation.objects.aggregate(**counts, **costs)
    held, verifying = (Ahead(told[f"{name}_runs"], told[f"{name}_ms"] or 0) for name in parts)
    return held, verifying


def _ahead(
    works: Sequence[Evaluation], waiting: QuerySet[Evaluation]
) -> Iterable[tuple[Evaluation, Ahead]]:
    """Each of them, and what of the same slice comes before it."""
    contests = {one.competition for one in works}
    owners = {one.owner for one in works}
    theirs = _groups(waiting, "competition")
    within = _groups(waiting.filter(competition__in=contests), "competition", "owner")
    earlier = defaultdict(list)
    for one in waiting.filter(competition__in=contests, owner__in=owners).order_by("pk"):
        earlier[one.competition, one.owner].append(one)
    for work in works:
        key = (work.competition, work.owner)
        own = [one for one in earlier[key] if one.pk < work.pk]
        before = Ahead(len(own), sum(one.cost_ms for one in own))
        inside = _others(within, key, before.cost_ms, work.competition)
        inside = total([before, inside])
        outside = _others(theirs, (work.competition, ""), inside.cost_ms)
        yield work, total([inside, outside])


def _others(groups: Group, mine: tuple[str, str], later_ms: int, within: str = "") -> Ahead:
    """What all others have before the turn that comes so much after the next of mine."""
    if mine not in groups:  # it was taken while we looked
        return Ahead(0, 0)
    turn_ms, first = groups[mine].served_ms + later_ms, groups[mine].first
    others = (one for key, one in groups.items() if key != mine and within in ("", key[0]))
    return total(one.ahead_of(turn_ms, first) for one in others)


def _groups(waiting: QuerySet[Evaluation], *by: str) -> Group:
    """What waits, by competition, or by competition and owner."""
    counted = waiting.values(*by).order_by()
    owner = OuterRef("owner") if "owner" in by else Value("")
    told = counted.annotate(
        runs=Count("pk"), cost=Sum("cost_ms"), first=Min("pk"), served_ms=_served(owner)
    )
    return {
        (row["competition"], row.get("owner", "")): Waiting(
            row["served_ms"], row["runs"], row["cost"], row["first"]
        )
        for row in told
    }


def _served(owner: Any) -> Coalesce:
    turn = Turn.objects.filter(competition=OuterRef("competition"), owner=owner)
    return Coalesce(Subquery(turn.values("served_ms")[:1]), 0)


def _is_so(claim: Q) -> Case:
    return Case(When(claim, then=True), default=False, output_field=BooleanField())


def _unheld(now: datetime) -> QuerySet[Evaluation]:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Evaluation.objects.filter(free, found__isnull=True)


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)
