"""From a leased piece of scoring work to a recorded score, refusal or failure.

The adapter's raw files are read by our own intake alone; the canonical bytes go into the sandbox,
the labels never do. What comes out is checked, and compared with the labels, here.
"""

from django.utils import timezone

from competitions import queries
from competitions.actions import score as actions
from competitions.actions.score import Measured
from competitions.errors import EvaluationRefused
from competitions.queries import Ticket
from evaluator.errors import AdapterRefused, BaseMissing
from evaluator.intake.admission import admit
from evaluator.intake.files import MOST_CONFIG_BYTES
from evaluator.manifest import Manifest, read_manifest
from evaluator.metrics import metric_named
from evaluator.slices import final_commitment, unpack_inputs, unpack_labels
from ledger import blobs
from ledger.errors import BlobDamaged, BlobMissing
from workers.bench import sandbox_of
from workers.sandbox.errors import SandboxUnavailable, ZygoteFailed
from workers.sandbox.levels import Level
from workers.sandbox.runner import Job, Outcome, Status

MOST_SLICE_BYTES = 64 << 20
OURS = (BlobMissing, BlobDamaged, BaseMissing, SandboxUnavailable, ZygoteFailed)


class InfrastructureFailed(Exception):
    """Our side could not run the job; it will be tried again."""


def score(evaluation: int, fence: int) -> None:
    """Score leased work and write down what came of it.

    raises StaleAttempt when another attempt counts
    """
    ticket = queries.ticket(evaluation)
    told = {"evaluation": evaluation, "fence": fence}
    try:
        measured = measure(ticket)
    except (AdapterRefused, EvaluationRefused) as refusal:
        if ticket.submission:
            actions.record_refusal(**told, error=refusal, now=timezone.now())
        else:  # the baseline is ours: nobody is to blame, and it is tried again
            actions.record_failure(**told, reason=str(refusal), now=timezone.now())
    except (InfrastructureFailed, *OURS) as failure:
        actions.record_failure(**told, reason=str(failure), now=timezone.now())
    else:
        actions.record_score(**told, measured=measured, now=timezone.now())


def measure(ticket: Ticket) -> Measured:
    """Intake, sandbox, comparison with the labels.

    raises  AdapterRefused, EvaluationRefused: the adapter's fault
            InfrastructureFailed and OURS: not the adapter's fault
    """
    raw = queries.manifest_bytes(ticket.manifest_sha256)
    manifest = read_manifest(raw)
    adapter = _adapter(ticket, manifest)
    inputs = blobs.read(ticket.inputs_sha256, limit_bytes=MOST_SLICE_BYTES)
    answers = blobs.read(ticket.labels_sha256, limit_bytes=MOST_SLICE_BYTES)
    if ticket.is_final:
        _check_seal(ticket, manifest, inputs, answers)
    outcome = run(manifest, Job(adapter, inputs, raw), least=ticket.min_sandbox_level)
    labels = unpack_labels(answers)
    outcomes = metric_named(manifest.metric.name).per_example(classes_of(outcome), labels)
    name = blobs.put_bytes(adapter) if adapter else ""
    return Measured(name, outcomes, outcome.level.value, outcome.policy_sha256)


def run(manifest: Manifest, job: Job, *, least: str) -> Outcome:
    """Run a job; what ends it against the miner must happen twice before it is a verdict.

    raises  EvaluationRefused, InfrastructureFailed
    """
    sandbox = sandbox_of(manifest.base.name)
    if sandbox.level < Level(least):
        raise InfrastructureFailed(f"this worker's sandbox is {sandbox.level}, {least} is needed")
    outcome = sandbox.run(job)
    if outcome.status.is_verdict and not _is_whole(outcome, job):
        outcome = sandbox.run(job)
    if outcome.status.is_infrastructure:
        raise InfrastructureFailed(f"sandbox: {outcome.status} {outcome.setup_error}")
    if _is_whole(outcome, job):
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


def classes_of(outcome: Outcome) -> list[int]:
    """The class of each example, from an outcome that `run` has let pass."""
    assert outcome.predictions is not None, "an ok outcome has predictions"
    return [row[0] for row in outcome.predictions]


def _check_seal(ticket: Ticket, manifest: Manifest, inputs: bytes, labels: bytes) -> None:
    """The opened slice must be the one that was sealed. raises InfrastructureFailed"""
    found = final_commitment(bytes.fromhex(ticket.salt), inputs, labels)
    if found != manifest.test.final.commitment:
        raise InfrastructureFailed("the opened slice is not the one that was sealed")


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


def _is_whole(outcome: Outcome, job: Job) -> bool:
    """It ended well, with one class for each example."""
    rows, examples = outcome.predictions or (), len(unpack_inputs(job.inputs))
    is_complete = len(rows) == examples and all(len(row) == 1 for row in rows)
    return outcome.status is Status.OK and is_complete
