"""A sponsor's draft: saved at each change, prepared by a worker, measured, then published.

The data is one file that the site splits by a seed, or four files, one for each slice.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import F

from assay import messages
from assay.errors import AssayError
from assay.messages import FileRef, Result
from assay.wire import to_json
from competitions import queries
from competitions.actions import previews, queue
from competitions.errors import FilesMissing, StaleAttempt
from competitions.models import Draft, Sealed
from competitions.rules.findings import Findings
from competitions.rules.fold import fold
from competitions.rules.preview import SLICES, WHOLE
from competitions.rules.task import read_pairs, text_files
from evaluator.registry import REGISTERED, evaluator_of
from ledger import bell, log
from web import budgets

LEASE_S = 900
READING, MEASURING = "reading", "measuring"  # stages of a preparation
PLAIN = {  # field -> option of the reader
    "base": "--base",
    "max_tokens": "--max-tokens",
    "min_sandbox_level": "--min-sandbox-level",
}
PAIRS = ("columns", "options")  # fields of one pair a line
SPLIT = ("seed", "group")  # how one file is split
USUAL_SEED = "1"


@dataclass(frozen=True)
class DraftFile:
    """A data file of a draft, in the blob store."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Reading:
    """What the reader is given.

    files         slice -> its file, or WHOLE -> the one file
    columns       the metric's name of a column -> its name in the files, as the sponsor said
    split         seed and group, of the one file
    texts         "code" and "task", of those that the metric needs
    options       of the reader, as arguments
    task_options  of the evaluator: name -> value as it was typed
    """

    files: dict[str, DraftFile]
    texts: dict[str, DraftFile]
    metric: str
    columns: dict[str, str]
    split: dict[str, str]
    options: list[str]
    task_options: dict[str, str]


def reading_of(draft: Draft) -> Reading:
    """What the sponsor chose and uploaded, of a draft whose fields were checked.

    raises FilesMissing
    """
    told = [
        f"{option}={draft.fields[name]}" for name, option in PLAIN.items() if draft.fields.get(name)
    ]
    told.append("--no-race")  # where a run was stopped tells more of the board than the board
    metric = str(draft.fields["metric"])
    return Reading(
        files=_files(draft, _parts(draft)),
        texts=_files(draft, text_files(evaluator_of(metric))),
        metric=metric,
        columns=read_pairs(str(draft.fields.get("columns", ""))),
        split=_split(draft),
        options=told,
        task_options=read_pairs(str(draft.fields.get("options", ""))),
    )


def _parts(draft: Draft) -> tuple[str, ...]:
    return (WHOLE,) if WHOLE in draft.files else SLICES


def _files(draft: Draft, names: Sequence[str]) -> dict[str, DraftFile]:
    missing = [name for name in names if name not in draft.files]
    if missing:
        raise FilesMissing(f"The {missing[0]} file is missing.", missing=missing)
    return {name: DraftFile(**draft.files[name]) for name in names}


def _chosen(draft: Draft) -> list[object]:
    """What the task is prepared from, as it was typed and uploaded."""
    typed = [draft.fields.get(name) or "" for name in ("metric", *PLAIN, *PAIRS)]
    return [_split(draft), dict(draft.files), *typed]


@transaction.atomic
def begin(*, sponsor: str, now: datetime) -> Draft:
    """An empty draft of this sponsor. raises DraftsHeld"""
    budgets.turn("drafts", account=sponsor)
    mine = Draft.objects.filter(sponsor=sponsor).exclude(state=Draft.State.PUBLISHED)
    budgets.need_room("drafts", mine.count())
    return Draft.objects.create(id=uuid4().hex, sponsor=sponsor, updated_at=now)


@transaction.atomic
def discard(draft: str, *, sponsor: str) -> None:
    """Throw a draft away; its files go with the next sweep. raises DraftUnknown"""
    found = queries.draft(draft, sponsor=sponsor, is_locked=True)
    if found.state != Draft.State.PUBLISHED:
        previews.forget(draft)
        found.delete()


@transaction.atomic
def save(
    draft: str,
    *,
    sponsor: str,
    fields: dict[str, object],
    files: dict[str, DraftFile],
    now: datetime,
) -> Draft:
    """Keep what the sponsor typed and uploaded; what was prepared from other files is void.

    One file takes the place of four, and four that of one. raises DraftUnknown, ReadingsSpent
    """
    found = queries.draft(draft, sponsor=sponsor, is_locked=True)
    before = _chosen(found)
    found.fields |= fields
    gone = SLICES if WHOLE in files else (WHOLE,) if {*SLICES} & {*files} else ()
    kept = {name: file for name, file in found.files.items() if name not in gone}
    found.files = kept | {name: asdict(file) for name, file in files.items()}
    if before != _chosen(found):
        found.state, found.prepared, found.problem = Draft.State.EDITING, {}, {}
    found.updated_at = now
    found.save()
    asked = looked_at(found)
    if asked is not None:
        previews.ask(found, asdict(asked), now=now)
    return found


def looked_at(draft: Draft) -> Reading | None:
    """What a preview is made of: the files that are there; None while they cannot be read at all.

    It needs no other field than metric, columns and the split.
    """
    files = {
        name: DraftFile(**draft.files[name]) for name in (WHOLE, *SLICES) if name in draft.files
    }
    metric = draft.fields.get("metric")
    if not files or not any(metric == one.name for each in REGISTERED for one in each.metrics):
        return None
    try:
        columns = read_pairs(str(draft.fields.get("columns", "")))
    except ValueError:
        return None
    return Reading(files, {}, str(metric), columns, _split(draft), [], {})


def _split(draft: Draft) -> dict[str, str]:
    """How one file is split; nothing for four."""
    if WHOLE not in draft.files:
        return {}
    seed, group = (str(draft.fields.get(name) or "") for name in SPLIT)
    return {"seed": seed or USUAL_SEED, "group": group}


@transaction.atomic
def request_preparation(draft: str, *, sponsor: str, now: datetime) -> Draft:
    """Ask for the dry run: a worker reads the files, pins the task, and measures the baseline.

    raises DraftUnknown, FilesMissing, DryRunsHeld, DryRunsSpent
    """
    budgets.turn("dry_runs_at_once", account=sponsor)
    found = queries.draft(draft, sponsor=sponsor, is_locked=True)
    _files(found, _parts(found))
    if found.state in (Draft.State.EDITING, Draft.State.REFUSED):
        held = Draft.objects.filter(sponsor=sponsor, state=Draft.State.WAITING)
        budgets.need_room("dry_runs_at_once", held.count())
        budgets.spend("dry_runs", account=sponsor)
        found.state, found.problem, found.attempts = Draft.State.WAITING, {}, 0
        found.leased_until, found.stage, found.updated_at = None, "", now
        found.save()
        bell.ring_after_commit()
    return found


@transaction.atomic
def lease_preparation(*, draft: str, now: datetime) -> int | None:
    """Take the work and return the fence to answer with; None: another has it, or it is done."""
    until = now + timedelta(seconds=LEASE_S)
    free = queries.drafts_waiting(now).filter(pk=draft)
    told = {"leased_until": until, "stage": READING}
    if not free.update(**told, fence=F("fence") + 1, attempts=F("attempts") + 1):
        return None
    return int(Draft.objects.values_list("fence", flat=True).get(pk=draft))


def extend_lease(*, draft: str, fence: int, now: datetime, stage: str = "") -> None:
    """Make the lease of a preparation that still runs as long as a fresh one, counted from now.

    stage   that begins with it, for the page; empty: the one before goes on
    raises  StaleAttempt when another attempt counts
    """
    until = now + timedelta(seconds=LEASE_S)
    mine = Draft.objects.filter(pk=draft, fence=fence, state=Draft.State.WAITING)
    if not mine.update(leased_until=until, **({"stage": stage} if stage else {})):
        raise StaleAttempt("Another attempt counts.", work=draft, fence=fence)


@dataclass(frozen=True)
class BaseOnBoard:
    """What the seal of the untouched base's board result holds."""

    salt: str
    result: Result


@dataclass(frozen=True)
class Preparation:
    """What a worker made of a draft.

    files      what everybody may download
    salt       that seals both slices, hex
    sealed     {board,final}.{inputs,labels}, kept from everybody until all is judged
    final_root  of the final slice without the salt
    base       the base's result on the board slice, under the salt of its seal
    findings   what the sponsor is told
    costs_ms   how long a run takes on board and final slice
    """

    registered: messages.EvaluatorRegistered
    files: tuple[FileRef, ...]
    salt: str
    sealed: tuple[FileRef, ...]
    final_root: str
    base: BaseOnBoard
    findings: Findings = field(default_factory=Findings)
    costs_ms: dict[str, int] = field(default_factory=dict)


def record_preparation(*, draft: str, fence: int, made: Preparation, now: datetime) -> None:
    """Register the evaluator that a worker prepared. Its files are private until it is published.

    raises  StaleAttempt
    """
    registered = made.registered
    with transaction.atomic():
        found = _held(draft, fence)
        if not queries.has_evaluator(registered.manifest_sha256):
            log.record(
                [log.fact(registered, idempotency=registered.manifest_sha256)], rooms=(fold,)
            )
            Sealed.objects.create(
                id=registered.manifest_sha256,
                salt=made.salt,
                files=[to_json(one) for one in made.sealed],
                final_root=made.final_root,
                base=to_json(made.base),
            )
        for part, took_ms in made.costs_ms.items():
            queue.note_cost(registered.manifest_sha256, part, took_ms)
        found.state, found.leased_until, found.updated_at = Draft.State.READY, None, now
        found.prepared = {
            "files": [to_json(one) for one in made.files],
            "findings": to_json(made.findings),
            **to_json(registered),
        }
        found.save()


@transaction.atomic
def record_refusal(*, draft: str, fence: int, error: AssayError, now: datetime) -> None:
    """The task cannot be prepared as it is: tell the sponsor what to change. raises StaleAttempt"""
    found = _held(draft, fence)
    found.state, found.problem = Draft.State.REFUSED, error.as_dict()
    found.leased_until, found.updated_at = None, now
    found.save()


def _held(draft: str, fence: int) -> Draft:
    found = Draft.objects.select_for_update().filter(pk=draft, fence=fence).first()
    if found is None or found.state != Draft.State.WAITING:
        raise StaleAttempt("Another attempt counts.", work=draft, fence=fence)
    return found
