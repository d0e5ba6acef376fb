"""Reading the contest: competitions, boards, entries, and the work that waits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Q, QuerySet, Sum

from assay.errors import did_you_mean
from assay.messages import Result
from assay.wire import from_json
from competitions.errors import (
    CompetitionUnknown,
    DraftUnknown,
    SubmissionUnknown,
)
from competitions.models import Competition, Draft, Evaluation, Evaluator, Sealed, Submission
from competitions.rules import quota, rows
from competitions.rules.escrow import account_of
from competitions.rules.results import interval_e9
from competitions.rules.rows import Phase, State
from evaluator.manifest import MOST_MANIFEST_BYTES, Manifest, read_manifest
from ledger import blobs, log
from ledger import queries as ledger_queries


class BoardRow(NamedTuple):
    """One line of a board. rank: tied entries of a settled competition share it.

    low_e9, high_e9  the 95 % interval, for showing: no rank or prize depends on it. None where the
                     metric has none
    """

    rank: int
    is_tied: bool
    submission: Submission
    score_e9: int
    low_e9: int | None
    high_e9: int | None


def competitions(*, phase: str = "") -> QuerySet[Competition]:
    """All competitions, the newest first, or those of one phase."""
    wanted = {"phase": phase} if phase else {}
    return Competition.objects.filter(**wanted).order_by("-last_ms", "id")


def competition(name: str) -> Competition:
    """raises CompetitionUnknown, with the closest name"""
    found = Competition.objects.filter(pk=name).first()
    if found is None:
        known = [*Competition.objects.values_list("pk", flat=True)[:1000]]
        hint = did_you_mean(name, known) or CompetitionUnknown.next_step
        raise CompetitionUnknown(
            f"There is no competition {name!r}.", next_step=hint, competition=name
        )
    return found


def phases(names: Collection[str]) -> dict[str, str]:
    """Competition -> where it stands."""
    return dict(Competition.objects.filter(pk__in=names).values_list("pk", "phase"))


def has_competition(name: str) -> bool:
    return Competition.objects.filter(pk=name).exists()


def competition_row(name: str) -> rows.Competition:
    """The competition as the rules see it. raises CompetitionUnknown"""
    competition(name)
    found = log.Tables().get(rows.Competition, name)
    assert found is not None
    return found


def entry_rows(name: str) -> list[rows.Submission]:
    """Every entry of a competition, as the rules see it."""
    return log.Tables().find(rows.Submission, competition=name)


def entry_row(submission: str) -> rows.Submission | None:
    return log.Tables().get(rows.Submission, submission)


def submission(name: str) -> Submission:
    """raises SubmissionUnknown"""
    found = Submission.objects.filter(pk=name).first()
    if found is None:
        raise SubmissionUnknown(f"There is no submission {name!r}.", submission=name)
    return found


def submissions_of(owner: str) -> QuerySet[Submission]:
    """An owner's entries, the newest first."""
    return Submission.objects.filter(owner=owner).order_by("-committed_ms")


def entries(name: str) -> QuerySet[Submission]:
    """The entries of a competition, the newest first."""
    return Submission.objects.filter(competition=name).order_by("-committed_ms")


def entry_counts(names: list[str]) -> dict[str, int]:
    """Competition -> how many entries stand."""
    out = [State.REFUSED, State.FAILED]
    counted = Submission.objects.filter(competition__in=names).exclude(state__in=out)
    return dict(counted.values_list("competition").annotate(count=Count("pk")))


def earlier_entry(submission: str, adapter_sha256: str) -> str | None:
    """The earlier entry of the same adapter in the same competition by another owner."""
    one = Submission.objects.get(pk=submission)
    same = Submission.objects.filter(competition=one.competition, adapter_sha256=adapter_sha256)
    others = same.exclude(owner=one.owner).filter(committed_ms__lt=one.committed_ms)
    return others.order_by("committed_ms").values_list("pk", flat=True).first()


def leaderboard(name: str) -> list[BoardRow]:
    """The board: the best entry of each owner; final scores once they decide, public ones before.

    raises CompetitionUnknown
    """
    contest = competition(name)
    is_final = contest.phase in (Phase.PROVISIONAL, Phase.SETTLED)
    part = "final_" if is_final else ""
    scored = Submission.objects.filter(competition=name, **{f"{part}score_e9__isnull": False})
    ordered = sorted(
        scored, key=lambda one: (-int(getattr(one, f"{part}merit")), one.committed_ms, one.id)
    )
    return _ranked(ordered, contest.spec["metric"], part)


def _ranked(ordered: list[Submission], metric: str, part: str) -> list[BoardRow]:
    found: list[BoardRow] = []
    seen: set[str] = set()
    places = [one.place for one in ordered if one.place]
    for one in ordered:
        if one.owner in seen:
            continue
        seen.add(one.owner)
        result = from_json(Result, getattr(one, f"{part}result"))
        low_e9, high_e9 = interval_e9(result, metric) or (None, None)
        is_tied = places.count(one.place) > 1 if one.place else False
        rank = one.place or len(found) + 1
        score_e9 = getattr(one, f"{part}score_e9")
        found.append(BoardRow(rank, is_tied, one, score_e9, low_e9, high_e9))
    return found


def has_evaluator(manifest_sha256: str) -> bool:
    return Evaluator.objects.filter(pk=manifest_sha256).exists()


def evaluator_row(manifest_sha256: str) -> rows.Evaluator:
    found = log.Tables().get(rows.Evaluator, manifest_sha256)
    assert found is not None, "a competition names a registered evaluator"
    return found


def manifest_bytes(manifest_sha256: str) -> bytes:
    """The pinned task's canonical bytes. raises BlobMissing, BlobDamaged"""
    return blobs.read(manifest_sha256, limit_bytes=MOST_MANIFEST_BYTES)


def manifest(manifest_sha256: str) -> Manifest:
    """The pinned task. raises BlobMissing, BlobDamaged"""
    return read_manifest(manifest_bytes(manifest_sha256))


def adapter_limit_bytes(contest: rows.Competition) -> int:
    """How large the tensors of an entry may be."""
    return manifest(contest.spec.manifest_sha256).adapter.bytes_max


def sealed(manifest_sha256: str) -> Sealed:
    """The final slice's secret: for the close, the worker after it, and the orders of a race."""
    return Sealed.objects.get(pk=manifest_sha256)


def draft(name: str, *, sponsor: str, is_locked: bool = False) -> Draft:
    """A sponsor's own draft. raises DraftUnknown"""
    found = Draft.objects.filter(pk=name, sponsor=sponsor)
    if is_locked:
        found = found.select_for_update()
    one = found.first()
    if one is None:
        raise DraftUnknown("There is no such draft of yours.", draft=name)
    return one


def draft_for_worker(name: str) -> Draft:
    return Draft.objects.get(pk=name)


def drafts_of(sponsor: str) -> QuerySet[Draft]:
    """A sponsor's drafts that are not published, the newest first."""
    mine = Draft.objects.filter(sponsor=sponsor).exclude(state=Draft.State.PUBLISHED)
    return mine.order_by("-updated_at")


def drafts_waiting(now: datetime) -> QuerySet[Draft]:
    """Preparations that nobody holds."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Draft.objects.filter(free, state=Draft.State.WAITING)


def evaluations_waiting(now: datetime) -> QuerySet[Evaluation]:
    """Scoring work that nobody holds: never begun, or its worker did not come back in time."""
    return Evaluation.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now))


def funding_message(name: str) -> str:
    """The message that put a competition's stake into escrow."""
    held = ledger_queries.statement(account_of(name)).filter(kind="pending").first()
    assert held is not None, "a competition is published together with its stake"
    return held.message


def evaluation(number: int) -> Evaluation | None:
    return Evaluation.objects.filter(pk=number).first()


def evaluations_of(name: str, slice_name: str) -> QuerySet[Evaluation]:
    """The scoring work of a competition that is not done."""
    return Evaluation.objects.filter(competition=name, slice=slice_name).order_by("pk")


def place_in_queue(submission: str) -> int | None:
    """1 when the entry's run is next; None when it waits for nothing."""
    mine = Evaluation.objects.filter(submission=submission).order_by("pk").first()
    return Evaluation.objects.filter(pk__lt=mine.pk).count() + 1 if mine else None


def competitions_moving() -> list[str]:
    """Every competition that the clock may have to move."""
    moving = Competition.objects.exclude(phase__in=[*rows.ENDS])
    return [*moving.order_by("pk").values_list("pk", flat=True)]


def slots_left(contest: Competition, owner: str, *, window: int) -> int:
    """How many runs an owner has left in a window."""
    used = Submission.objects.filter(competition=contest.id, owner=owner, window=window)
    return int(contest.spec["quota"]) - used.filter(slot__isnull=False).count()


class Slots(NamedTuple):
    """What an owner may still run. next_slot_at_ms: when fresh slots come, if they come."""

    remaining: int
    next_slot_at_ms: int | None


def slots(contest: Competition, owner: str, *, now_ms: int) -> Slots:
    """An owner's runs in the window of this moment; before the opening, in the first."""
    times = {"opens_at_ms": contest.spec["opens_at_ms"], "window_s": contest.spec["window_s"]}
    window = quota.window_of(max(now_ms, times["opens_at_ms"]), **times)
    ends_ms = quota.window_ends_ms(window, **times)
    is_last = ends_ms >= contest.spec["closes_at_ms"]
    return Slots(slots_left(contest, owner, window=window), None if is_last else ends_ms)


def queue_places(submissions: Sequence[str]) -> dict[str, int]:
    """Entry -> its place among all runs that wait or run, the next being 1."""
    mine = dict(
        Evaluation.objects.filter(submission__in=submissions).values_list("pk", "submission")
    )
    if not mine:
        return {}
    waiting = (
        Evaluation.objects.filter(pk__lte=max(mine)).order_by("pk").values_list("pk", flat=True)
    )
    return {mine[pk]: place for place, pk in enumerate(waiting, start=1) if pk in mine}


def board_version(name: str) -> str:
    """Changes with every fact about a competition or its entries; the same text, the same board."""
    last_ms = Competition.objects.filter(pk=name).values_list("last_ms", flat=True).first()
    entries_of_it = Submission.objects.filter(competition=name)
    changes = entries_of_it.aggregate(count=Count("pk"), since_ms=Sum("since_ms"))
    return f"{last_ms}-{changes['count']}-{changes['since_ms']}"
