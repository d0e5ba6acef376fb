"""Reading the contest: competitions, boards, entries, and the work that waits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from assay.errors import did_you_mean
from competitions.errors import (
    CompetitionUnknown,
    DraftUnknown,
    SubmissionUnknown,
)
from competitions.models import (
    Competition,
    Draft,
    Evaluator,
    Sealed,
    Submission,
    Tally,
    Unopened,
)
from competitions.rules import quota, rows
from competitions.rules.escrow import prize_hold
from competitions.rules.nomination import chosen
from competitions.rules.rows import ENDS, STANDING, State
from competitions.rules.tally import tally_of
from competitions.rules.verdict import standing
from evaluator.task.manifest import MOST_MANIFEST_BYTES, Manifest, read_manifest
from ledger import blobs, log
from ledger import queries as ledger_queries


def competitions(*, phase: str = "") -> QuerySet[Competition]:
    """All competitions, the newest first, or those of one phase."""
    wanted = {"phase": phase} if phase else {}
    return Competition.objects.filter(**wanted).order_by("-last_ms", "id")


def competitions_by_phase(
    order: Sequence[Collection[str]], *, start: int, limit: int
) -> list[Competition]:
    """A page of all competitions: the phases in this order, the newest of each group first.

    limit  one more is read, so that whoever asks knows of a further page
    """
    groups = [When(phase__in=[*group], then=Value(place)) for place, group in enumerate(order)]
    ordered = Competition.objects.order_by(Case(*groups, default=len(order)), "-last_ms", "id")
    # Keys first: the index has all that the order needs, and a spec is read only when shown.
    keys = [*ordered.values_list("pk", flat=True)[start : start + limit + 1]]
    found = Competition.objects.in_bulk(keys)
    return [found[key] for key in keys]


class Totals(NamedTuple):
    """What the whole site holds. live: competitions that have not ended, with their prizes."""

    live: int
    staked_nano: int
    entries: int


def totals() -> Totals:
    """Counted by the database."""
    live = Competition.objects.exclude(phase__in=[*ENDS])
    prize_nano = Cast(KT("spec__prize_nano"), BigIntegerField())
    counted = live.aggregate(live=Count("pk"), staked_nano=Sum(prize_nano))
    entries_in_all = Submission.objects.exclude(state=State.REFUSED).count()
    return Totals(counted["live"], int(counted["staked_nano"] or 0), entries_in_all)


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


def competitions_named(names: Collection[str]) -> dict[str, Competition]:
    """Those of these names that are there."""
    return Competition.objects.in_bulk([*names])


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


def tally(name: str) -> rows.Tally:
    """How many entries of a competition stand where."""
    return tally_of(name, log.Tables())


def rows_to_open(name: str, *, limit: int) -> list[rows.Submission]:
    """The next entries whose adapters are to be opened, as the rules see them."""
    waiting = Submission.objects.filter(competition=name, state=State.FINAL_SCORED)
    keys = waiting.order_by("pk").values_list("pk", flat=True)[:limit]
    return log.Tables().some(rows.Submission, keys)


def nominations(name: str) -> list[rows.Nomination]:
    """What the owners of a competition's entries said last of which ones decide."""
    return log.Tables().find(rows.Nomination, competition=name)


def deciding_count(contest: Competition) -> int:
    """How many of the entries that decide stand, once the close has fixed them."""
    return Tally.objects.values_list("nominated", flat=True).get(pk=contest.pk)


def nomination(name: str, owner: str) -> rows.Nomination | None:
    """What an owner said last; None: nothing."""
    return log.Tables().get(rows.Nomination, rows.Nomination.key(name, owner))


def nominated_of(name: str, owner: str) -> list[rows.Submission]:
    """The owner's entries that decide, or would if it closed now."""
    contest, mine = competition_row(name), entry_rows_of(name, owner)
    if fixed := [one for one in mine if one.is_nominated]:
        return fixed
    said = nomination(name, owner)
    return chosen(standing(mine), said.submissions if said else (), contest.spec.finals)


def entry_rows_of(name: str, owner: str) -> list[rows.Submission]:
    """One owner's entries of a competition, as the rules see them."""
    return log.Tables().find(rows.Submission, competition=name, owner=owner)


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


def entries_of(owner: str, competition: str) -> QuerySet[Submission]:
    """An owner's entries in one competition, the newest first, without what they ran under."""
    found = submissions_of(owner).filter(competition=competition)
    return found.defer("result", "final_result")


def has_entries(name: str) -> bool:
    """Whether any entry of a competition stands: then nobody may cancel it."""
    standing = Submission.objects.filter(competition=name, state__in=[*STANDING])
    return standing.exists()


def entry_counts(names: list[str]) -> dict[str, int]:
    """Competition -> how many entries stand."""
    counted = Submission.objects.filter(competition__in=names).exclude(state=State.REFUSED)
    return dict(counted.values_list("competition").annotate(count=Count("pk")))


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
    """The sealed slices' secret: for workers, for their opening, and for the orders of a race."""
    return Sealed.objects.get(pk=manifest_sha256)


def slice_used_by(manifest_sha256: str) -> str | None:
    """The competition that has the final rows of this task already, whatever sealed them."""
    mine = Sealed.objects.filter(pk=manifest_sha256).values("final_root")
    same = Sealed.objects.filter(final_root__in=mine).values_list("pk", flat=True)
    used = Competition.objects.filter(spec__manifest_sha256__in=[*same]).order_by("last_ms")
    return used.values_list("pk", flat=True).first()


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


def funding_message(name: str) -> str:
    """The message that put a competition's stake into escrow."""
    return ledger_queries.message_of_transfer(prize_hold(name))


def competitions_due(now: datetime) -> list[str]:
    """Every competition that the clock has to look at: by an index, whatever the others wait for.

    One that has ended and paid is due for its seals alone, while any of them can be opened.
    """
    due = Competition.objects.filter(due_ms__lte=int(now.timestamp() * 1000))
    is_over = Q(phase__in=[*rows.ENDS], paid_batches=F("due_batches"))
    sealed = Unopened.objects.filter(is_lost=False, competition=OuterRef("pk"))
    return [*due.filter(~is_over | Exists(sealed)).order_by("pk").values_list("pk", flat=True)]


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
