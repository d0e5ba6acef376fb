"""From a leased piece of scoring work to a recorded score, refusal or failure.

The adapter's raw files are read by our own intake alone; the canonical bytes go into the sandbox,
the labels never do. What comes out is checked, and compared with the labels, here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from assay.canonical import canonical
from assay.messages import Result, Stop
from assay.runs import run_words
from assay.wire import Nano
from competitions import queries
from competitions.actions import queue
from competitions.actions import score as actions
from competitions.actions.score import Measured, Stopped
from competitions.errors import CodeFailed, Duplicate, EvaluationRefused
from competitions.queries import Ticket
from competitions.rules import records
from competitions.rules.race import Track, stop_from
from evaluator.bases import base_named, folder_of
from evaluator.bases.shapes import GENERIC
from evaluator.errors import AdapterRefused, BaseMissing, BaseUnknown
from evaluator.evaluators.form import Context
from evaluator.intake.admission import admit
from evaluator.intake.files import MOST_CONFIG_BYTES
from evaluator.libraries import LibraryMissing
from evaluator.score.judging import Judged, are_sound, judge, metric_of
from evaluator.task.manifest import Manifest, read_manifest, to_bytes
from evaluator.task.slices import (
    Inputs,
    commitment,
    pack_inputs,
    unpack_inputs,
    unpack_labels,
)
from evaluator.task.tokens import tokens_of
from ledger import actions as ledger_actions
from ledger import blobs
from ledger.errors import BlobBusy, BlobDamaged, BlobGone, BlobMissing
from workers import custom, identity, likeness, limits
from workers.bench import is_known_here, sandbox_of
from workers.failures import InfrastructureFailed
from workers.holding import Lease, held
from workers.sandbox.errors import SandboxUnavailable, ZygoteFailed
from workers.sandbox.levels import Level
from workers.sandbox.protocol import Rows
from workers.sandbox.runner import Job, Outcome, Status
from workers.stages import Places, run_stages

MOST_SLICE_BYTES = 64 << 20
STORE = (BlobMissing, BlobDamaged, BlobBusy, BlobGone)
OURS = (*STORE, BaseMissing, BaseUnknown, LibraryMissing, SandboxUnavailable, ZygoteFailed)
RESULTS = "assay-results/1"
FINAL = "final"


@dataclass(frozen=True)
class Work:
    """What is scored: a canonical adapter, or None for the baseline, on the blobs of a slice.

    part  which slice it is: public, board or final
    """

    adapter: bytes | None
    inputs: bytes
    labels: bytes
    part: str


def score(evaluation: int, fence: int) -> None:
    """Score leased work and write down what came of it.

    raises StaleAttempt when another attempt counts
    """
    ticket = queries.ticket(evaluation)
    told = {"evaluation": evaluation, "fence": fence}

    def renew() -> None:
        queue.extend_lease(**told, now=timezone.now())

    try:
        found = measure(ticket, Lease(renew, settings.LEASE_S))
    except (AdapterRefused, EvaluationRefused, Duplicate) as refusal:
        if ticket.submission:
            actions.record_refusal(**told, error=refusal, now=timezone.now())
        else:  # the baseline is ours: nobody is to blame, and it is tried again
            actions.record_failure(**told, reason=str(refusal), now=timezone.now())
    except CodeFailed as fault:
        actions.record_fault(**told, error=fault, now=timezone.now())
    except (InfrastructureFailed, *OURS) as failure:
        actions.record_failure(**told, reason=str(failure), now=timezone.now())
    else:
        if isinstance(found, Stopped):
            actions.record_elimination(**told, stopped=found, now=timezone.now())
        else:
            actions.record_score(**told, measured=_signed(ticket, found), now=timezone.now())


def _signed(ticket: Ticket, found: Measured) -> Measured:
    """A run on the final slice counts beside that of another worker: each signs its own."""
    if ticket.part != FINAL:
        return found
    made_of = (ticket.manifest_sha256, found.adapter_sha256)
    words = run_words(ticket.competition, ticket.submission, made_of, found.result)
    return replace(found, signature=identity.signed(words, worker=ticket.worker))


def measure(ticket: Ticket, lease: Lease) -> Measured | Stopped:
    """Intake, sandbox, comparison with the labels; Stopped when a race ended the run early.

    raises  AdapterRefused, EvaluationRefused: the adapter's fault; Duplicate: it is a copy
            CodeFailed: the sponsor's fault; InfrastructureFailed and OURS: ours
    """
    manifest = read_manifest(queries.manifest_bytes(ticket.manifest_sha256))
    adapter = _adapter(ticket, manifest)
    inputs = blobs.read(ticket.inputs_sha256, limit_bytes=MOST_SLICE_BYTES)
    labels = blobs.read(ticket.labels_sha256, limit_bytes=MOST_SLICE_BYTES)
    _check_seal(ticket, manifest, inputs, labels)
    work = Work(adapter, inputs, labels, part=ticket.part)
    track = None if ticket.part == FINAL else queries.track(ticket.submission)
    name = ledger_actions.store_own(adapter, now=timezone.now()) if adapter else ""
    least = ticket.min_sandbox_level
    if name and ticket.part != FINAL:
        likeness.check(ticket.submission, name)
    if track is None:
        return Measured(name, score_on(manifest, work, lease, least=least))
    found = race_on(manifest, work, track, lease, least=least)
    return Measured(name, found) if isinstance(found, Result) else Stopped(name, *found)


def score_on(manifest: Manifest, work: Work, lease: Lease, *, least: str = "") -> Result:
    """Predict in the sandbox, judge outside of it. The answers are kept as a blob.

    least   the weakest sandbox level; empty: the manifest's own
    raises  EvaluationRefused, InfrastructureFailed, CodeFailed
    """
    inputs = unpack_inputs(work.inputs)
    job = job_for(manifest, work, inputs)
    job_level = least or manifest.min_sandbox_level
    with held(lease):
        outcome = run(manifest, job, inputs, least=job_level)
        if work.part == FINAL and manifest.base.family == GENERIC:
            _refuse_another(outcome, run(manifest, job, inputs, least=job_level))
    lease.renew()
    assert outcome.predictions is not None, "an ok outcome has predictions"
    context = _context(manifest, work.part)
    if manifest.code:
        labels = unpack_labels(work.labels)
        given = custom.values_of(manifest, outcome.predictions, labels, context)
        context = replace(context, given=given)
    return _judged(manifest, work, outcome, context)


def race_on(
    manifest: Manifest, work: Work, track: Track, lease: Lease, *, least: str = ""
) -> Result | tuple[Stop, str, str]:
    """The same in stages; where the race stops it, the stop, the level and the policy instead.

    A task of a sponsor's own code has no race (evaluator/task/prepare.py).
    """
    inputs, labels = unpack_inputs(work.inputs), unpack_labels(work.labels)
    metric = metric_of(manifest)
    context = replace(_context(manifest, work.part), order=track.order)

    def compute(places: Places) -> Outcome:
        part = inputs.chosen(places)
        job = job_for(manifest, replace(work, inputs=pack_inputs(part)), part)
        return run(manifest, job, part, least=least or manifest.min_sandbox_level)

    def numbers_of(found: Rows, places: Places) -> Sequence[int]:
        return metric.records(found, [labels[place] for place in places], context)

    with held(lease):
        staged = run_stages(track, metric, compute, numbers_of)
    lease.renew()
    if staged.look is None:
        return _judged(manifest, work, staged.outcome, context)
    stop = stop_from(staged.look, staged.numbers, track=track, metric=metric)
    return stop, staged.outcome.level.value, staged.outcome.policy_sha256


def _judged(manifest: Manifest, work: Work, outcome: Outcome, context: Context) -> Result:
    """What predictions of the whole slice come to."""
    assert outcome.predictions is not None, "an ok outcome has predictions"
    inputs, labels = unpack_inputs(work.inputs), unpack_labels(work.labels)
    found = judge(outcome.predictions, labels, inputs, manifest, context)
    return _result(manifest, outcome, found)


def job_for(manifest: Manifest, work: Work, inputs: Inputs) -> Job:
    """The job of this work, with limits that fit its size."""
    size = limits.size_of(manifest, inputs, part=work.part)
    wall_s = limits.wall_s(size)
    return Job(
        work.adapter,
        work.inputs,
        to_bytes(manifest),
        wall_s=wall_s,
        cpu_s=wall_s,
        memory_bytes=limits.memory_bytes(size),
        result_bytes=limits.result_bytes(size),
    )


def run(manifest: Manifest, job: Job, inputs: Inputs, *, least: str) -> Outcome:
    """Run a job; what ends it against the miner must happen twice before it is a verdict.

    raises  EvaluationRefused, InfrastructureFailed
    """
    sandbox = sandbox_of(manifest.base.name)
    if sandbox.level < Level(least):
        raise InfrastructureFailed(f"this worker's sandbox is {sandbox.level}, {least} is needed")
    if not is_known_here():
        raise InfrastructureFailed("this machine does not give the known answers of the engine")
    for _ in range(2):
        outcome = sandbox.run(job)
        is_whole = _is_whole(outcome, inputs, manifest)
        if is_whole or outcome.status.is_infrastructure:
            break
    if outcome.status.is_infrastructure:
        raise InfrastructureFailed(f"sandbox: {outcome.status} {outcome.setup_error}")
    if is_whole:
        return outcome
    status = outcome.status if outcome.status is not Status.OK else Status.BAD_OUTPUT
    raise EvaluationRefused(
        f"The run ended with {status}.",
        status=str(status),
        cpu_ms=int(outcome.cpu_s * 1000),
        wall_ms=int(outcome.wall_s * 1000),
        peak_bytes=outcome.peak_bytes,
        wall_limit_s=int(job.wall_s),
        memory_limit_bytes=job.memory_bytes,
    )


def _refuse_another(outcome: Outcome, again: Outcome) -> None:
    """What transformers computes is not exact: a final score needs two runs that agree."""
    if outcome.predictions != again.predictions:
        raise InfrastructureFailed("two runs of a generic base do not agree")


def _is_whole(outcome: Outcome, inputs: Inputs, manifest: Manifest) -> bool:
    """It ended well, with an answer to each example that an honest run can give."""
    if outcome.status is not Status.OK or outcome.predictions is None:
        return False
    return are_sound(outcome.predictions, inputs, manifest)


def _context(manifest: Manifest, part: str) -> Context:
    folder = folder_of(base_named(manifest.base.name), is_verified=False)
    tokens = tokens_of(folder, max_tokens=manifest.tokenizer.max_tokens)
    return Context(getattr(manifest.test, part).units, manifest.metric.options, tokens)


def _result(manifest: Manifest, outcome: Outcome, found: Judged) -> Result:
    assert outcome.predictions is not None, "an ok outcome has predictions"
    metric = metric_of(manifest)
    answers = results_file(outcome.predictions, found)
    return Result(
        score_e9=Nano(found.score_e9),
        examples=len(outcome.predictions),
        records=records.pack(found.records, is_binary=metric.is_binary),
        results_root=found.tree.root,
        results_sha256=ledger_actions.store_own(answers, now=timezone.now()),
        sandbox_level=outcome.level.value,
        policy_sha256=outcome.policy_sha256,
    )


def results_file(predictions: Rows, found: Judged) -> bytes:
    """The answers and the leaves over them, as everybody may download them after the close."""
    answers = [list(row) for row in predictions]
    return canonical(
        {"version": RESULTS, "leaves": list(found.tree.leaves), "predictions": answers}
    )


def _check_seal(ticket: Ticket, manifest: Manifest, inputs: bytes, labels: bytes) -> None:
    """The slice must be the one that was sealed. raises InfrastructureFailed"""
    found = commitment(bytes.fromhex(ticket.salt), ticket.part, inputs, labels)
    if found != getattr(manifest.test, ticket.part).commitment:
        raise InfrastructureFailed(f"the {ticket.part} slice is not the one that was sealed")


def _adapter(ticket: Ticket, manifest: Manifest) -> bytes | None:
    """The canonical blob: made by the intake the first time, by its name afterwards."""
    limit_bytes = manifest.adapter.bytes_max
    if not ticket.submission:
        return None
    if ticket.adapter_sha256:
        return blobs.read(ticket.adapter_sha256, limit_bytes=limit_bytes * 2)
    config = blobs.read(ticket.config_sha256, limit_bytes=MOST_CONFIG_BYTES)
    tensors = blobs.read(ticket.tensors_sha256, limit_bytes=limit_bytes)
    return admit(config, tensors, manifest).canonical
