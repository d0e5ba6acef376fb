"""What workers, re-runs and the sweep of files ask of the contest. Nothing here writes."""

import json
from typing import NamedTuple

from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Concat

from assay.messages import Result
from assay.wire import from_json
from competitions.errors import (
    ReceiptSealed,
)
from competitions.models import (
    Competition,
    Draft,
    Evaluation,
    HeldUp,
    Opening,
    Sealed,
    Submission,
    Unopened,
)
from competitions.queries.contests import (
    competition_row,
    entry_row,
    entry_rows,
    evaluator_row,
    sealed,
)
from competitions.queries.likeness import forms_in_use
from competitions.queries.openings import adapter_of, opening_of
from competitions.queries.sealing import with_result
from competitions.rules.race import Track, last_placed, opened_order, track_for
from competitions.rules.rows import Evaluator
from competitions.rules.task import CODE_FILE, MOST_TEXT_BYTES, SANDBOX_LEVELS, words_of
from evaluator.errors import AdapterRefused
from evaluator.intake.config import ignored_of
from evaluator.intake.files import MOST_CONFIG_BYTES
from evaluator.score.rerun import VERSION as RECEIPT_VERSION
from evaluator.score.rerun import Receipt
from ledger import blobs
from ledger.errors import BlobGone, BlobMissing
from ledger.rules.naming import hashes_in
from licensing import queries as rights
from licensing.rules.rows import ENTRY, entry_work

MOST_RESULTS_BYTES = 80 << 20


def score_receipt(entry: Submission, contest: Competition, *, is_final: bool) -> Receipt:
    """What an entry's score was made of, for everybody who runs it again.

    raises ReceiptSealed when there is no such score, BlobMissing
    """
    told = entry.final_result if is_final else entry.result
    name = Evaluation.Slice.FINAL if is_final else Evaluation.Slice.BOARD
    manifest_sha256 = str(contest.spec["manifest_sha256"])
    if told is None:
        raise ReceiptSealed(f"There is no {name} score to be seen yet.", slice=name)
    result, evaluator = from_json(Result, told), evaluator_row(manifest_sha256)
    file = json.loads(blobs.read(result.results_sha256, limit_bytes=MOST_RESULTS_BYTES))
    return Receipt(
        version=RECEIPT_VERSION,
        manifest_sha256=manifest_sha256,
        inputs_sha256=_slice_files(sealed(manifest_sha256), name)[0],
        adapter_sha256=entry.adapter_sha256 or adapter_of(entry.id),
        results_root=result.results_root,
        leaves=tuple(file["leaves"]),
        order=() if is_final else opened_order(entry.id, evaluator, contest.slice_salt),
    )


def ignored_fields(entry: Submission) -> tuple[str, ...]:
    """Fields of an accepted entry's config that change no number; none when its blob is gone."""
    opening = opening_of(entry) if adapter_of(entry.id) else None
    if opening is None:
        return ()
    try:
        return ignored_of(blobs.read(opening.config_sha256, limit_bytes=MOST_CONFIG_BYTES))
    except (BlobMissing, BlobGone, AdapterRefused):  # an older house may have taken more
        return ()


def scoring_code(contest: Competition) -> str:
    """The sponsor's own code, for everybody to read; empty where there is none."""
    files = (one for one in contest.spec["files"] if one["name"] == CODE_FILE)
    name = next((str(one["sha256"]) for one in files), "")
    return blobs.read(name, limit_bytes=MOST_TEXT_BYTES).decode(errors="replace") if name else ""


def marks(evaluator: Evaluator) -> list[str]:
    """What must be said wherever scores of this evaluator are shown."""
    return words_of(is_generic=evaluator.is_generic, is_custom=evaluator.is_custom)


class Ticket(NamedTuple):
    """What a worker needs to know of one piece of scoring work.

    part                           which slice it is scored on: board or final
    config_sha256, tensors_sha256  the raw files of the entry; empty for the baseline
    adapter_sha256                 the canonical blob, once the intake has made it
    inputs_sha256, labels_sha256   of the slice to score on
    salt                           that sealed it, hex
    worker                         whose lease it is
    """

    competition: str
    submission: str
    part: str
    manifest_sha256: str
    min_sandbox_level: str
    config_sha256: str
    tensors_sha256: str
    adapter_sha256: str
    inputs_sha256: str
    labels_sha256: str
    salt: str
    worker: str


def unlicensed_winners() -> list[str]:
    """Competitions that paid a prize to an entry whose adapter is no work yet."""
    its_work = Concat(Value(f"{ENTRY}:"), OuterRef("pk"), output_field=CharField())
    works = rights.works().filter(pk=its_work).order_by()
    paid = (
        Submission.objects.filter(place__isnull=False, prize_nano__gt=0)
        .exclude(Exists(works))
        .order_by()
    )
    return [*paid.values_list("competition", flat=True).distinct()]


def licensed_as(entry: Submission) -> str:
    """The work that this winner became; "" when it is none, or none yet."""
    work = entry_work(entry.id)
    return work if entry.prize_nano and rights.has_work(work) else ""


def held_up(entry: Submission) -> HeldUp | None:
    """What keeps this winner from being licensed, for its owner to read; None when nothing does."""
    return HeldUp.objects.filter(pk=entry.id).first()


def least_level_of_draft(name: str) -> str:
    """The weakest sandbox in which a draft's baseline may be measured."""
    found = Draft.objects.filter(pk=name).values_list("fields", flat=True).first() or {}
    return str(found.get("min_sandbox_level") or SANDBOX_LEVELS[0])


def ticket(number: int) -> Ticket:
    """The work behind an evaluation that its worker has leased."""
    work = Evaluation.objects.get(pk=number)
    spec = competition_row(work.competition).spec
    entry = entry_row(work.submission) if work.submission else None
    secret = sealed(spec.manifest_sha256)
    opening = opening_of(entry) if entry else None
    inputs, labels = _slice_files(secret, work.slice)
    return Ticket(
        competition=work.competition,
        submission=work.submission,
        part=work.slice,
        manifest_sha256=spec.manifest_sha256,
        min_sandbox_level=spec.min_sandbox_level,
        config_sha256=opening.config_sha256 if opening else "",
        tensors_sha256=opening.tensors_sha256 if opening else "",
        adapter_sha256=adapter_of(entry.id) if entry else "",
        inputs_sha256=inputs,
        labels_sha256=labels,
        salt=secret.salt,
        worker=work.worker,
    )


def track(submission: str) -> Track | None:
    """How an entry's board run is to be done; None: in one piece. Secret until the close."""
    entry = entry_row(submission)
    if entry is None:
        return None
    evaluator = evaluator_row(competition_row(entry.competition).spec.manifest_sha256)
    if evaluator.race is None:
        return None
    secret = bytes.fromhex(sealed(evaluator.id).salt)
    last = last_placed(entry_rows(entry.competition), evaluator)
    rival = with_result(last) if last else None
    return track_for(entry, rival if rival and rival.result else None, evaluator, secret)


def _slice_files(hidden: Sealed, name: str) -> tuple[str, str]:
    """Inputs and labels of the sealed slice of this name."""
    named = {one["name"]: str(one["sha256"]) for one in hidden.files}
    return named[f"{name}.inputs"], named[f"{name}.labels"]


def files_in_use() -> set[str]:
    """Files of drafts, entries, slices and results that the log does not name; and normal forms."""
    drafts = Draft.objects.values_list("files", "prepared")
    sealed = Sealed.objects.values_list("files", "base")
    unopened = Unopened.objects.values_list("content")
    entered = Opening.objects.values_list("config_sha256", "tensors_sha256", "adapter_sha256")
    running = Evaluation.objects.values_list("adapter_sha256")
    every = (drafts, sealed, unopened, entered, running)
    texts = (json.dumps(row).encode() for rows in every for row in rows)
    return forms_in_use().union(*(hashes_in(text) for text in texts))
