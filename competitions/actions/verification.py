"""Final scores: two workers run each, and what they agree on is recorded with both signatures.

Facts are recomputed, never voted on: where two differ, the referee runs it again in the open, and
whoever differs from it is retired.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from assay import messages
from assay.canonical import sha256_hex
from assay.errors import AssayError
from assay.messages import Attested, Claim, Result
from assay.wire import from_json
from competitions.actions import crew, queue, sealing
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import EvaluationRefused
from competitions.models import Evaluation
from competitions.rules.descent import first_differing
from competitions.rules.fold import fold
from competitions.rules.results import is_hash
from competitions.rules.rows import Competition
from competitions.rules.workers import NEEDED
from ledger import blobs, log
from ledger.errors import BlobGone, BlobMissing

REFEREE = NEEDED  # the number of a third run, which is there when two differ
MOST_BYTES = 80 << 20


def note(work: Evaluation, contest: Competition, found: dict[str, Any], now: datetime) -> None:
    """Keep what a worker's run came to, and record the score when another one came to the same.

    work   leased by that worker, under the competition's lock
    found  adapter_sha256, result and signature; or a refusal
    """
    work.found, work.leased_until = found, None
    work.save(update_fields=["found", "leased_until"])
    done = _runs(work).filter(found__isnull=False)
    runs = [*done.order_by("number")]
    if runs[-1].number == REFEREE and len(runs) > NEEDED:
        _referee(contest, runs, now)
    elif len(runs) == NEEDED and _said(runs[0]) == _said(runs[1]):
        _record(contest, runs, now)
    elif len(runs) == NEEDED and not _runs(work).filter(number=REFEREE).exists():
        again = queue.Run(work.submission, work.owner, work.slice, REFEREE)
        queue.enqueue(contest, again, now=now)


def _runs(work: Evaluation) -> Any:
    told = {"competition": work.competition, "submission": work.submission, "slice": work.slice}
    return Evaluation.objects.filter(**told)


def _referee(contest: Competition, runs: Sequence[Evaluation], now: datetime) -> None:
    """The last of the runs counts. Whoever signed another result is retired."""
    *parties, referee = runs
    right = [one for one in parties if _said(one) == _said(referee)]
    wrong = [one for one in parties if one not in right]
    if all("result" in _found(one) for one in runs):
        message = _tell(contest, runs, now)
        for one in wrong:
            reason = f"It signed another result than the referee: {message}."
            crew.retire(one.worker, reason=reason, now=now)
    counting = {one.worker: one for one in (*right, referee)}
    if len(counting) >= NEEDED:
        _record(contest_row(contest.id), [*counting.values()][:NEEDED], now)
        return
    referee.delete()
    numbers = [one.pk for one in wrong]
    Evaluation.objects.filter(pk__in=numbers).update(found=None, worker="")


def _tell(contest: Competition, runs: Sequence[Evaluation], now: datetime) -> str:
    """The fact that two differed, with the first batch in which they do; its id."""
    first, second, _ = leaves = [_leaves(one) for one in runs]
    batch = first_differing(first, second) if first and second else None
    claims = tuple(_claim(one, part, batch) for one, part in zip(runs, leaves, strict=True))
    body = messages.RunsDiffered(
        competition=contest.id,
        submission=runs[0].submission,
        manifest_sha256=contest.spec.manifest_sha256,
        adapter_sha256=_found(runs[0])["adapter_sha256"],
        batch=batch,
        claims=claims,
        at_ms=next_ms(contest, now),
    )
    words = f"{contest.id}/{runs[0].submission}/{runs[-1].pk}"
    fact = log.fact(body, idempotency=words)
    log.record([fact], rooms=(fold,))
    return fact.id


def _claim(run: Evaluation, leaves: Sequence[str], batch: int | None) -> Claim:
    result = from_json(Result, _found(run)["result"])
    return Claim(
        worker=run.worker,
        signature=_found(run)["signature"],
        score_e9=result.score_e9,
        examples=result.examples,
        records_sha256=sha256_hex(result.records.encode()),
        results_root=result.results_root,
        results_sha256=result.results_sha256,
        leaf=leaves[batch] if batch is not None and batch < len(leaves) else "",
    )


def _found(run: Evaluation) -> dict[str, Any]:
    """What a run that is done came to."""
    assert run.found is not None, "it is done"
    return dict(run.found)


def _leaves(run: Evaluation) -> list[str]:
    """Of the results file that a run left; none when it is not there."""
    name = _found(run)["result"]["results_sha256"]
    try:
        leaves = [*json.loads(blobs.read(name, limit_bytes=MOST_BYTES))["leaves"]]
        return leaves if all(map(is_hash, leaves)) else []
    except (BlobMissing, BlobGone, ValueError, KeyError, TypeError):
        return []


def _said(run: Evaluation) -> tuple[Any, ...]:
    """What must be the same to the last bit. Of refusals the code alone: causes tell of times."""
    if "refused" in _found(run):
        return ("refused", _found(run)["refused"]["code"])
    told = _found(run)["result"]
    names = ("score_e9", "examples", "records", "results_root", "results_sha256")
    return (_found(run)["adapter_sha256"], *(told[name] for name in names))


def _record(contest: Competition, runs: Sequence[Evaluation], now: datetime) -> None:
    """Two have come to the same: it is a score, or a refusal."""
    found, submission = _found(runs[0]), runs[0].submission
    _runs(runs[0]).delete()
    at_ms = next_ms(contest, now)
    if "refused" in found:
        error = refusal_from(found["refused"])
        body: object = sealing.refusal_of(submission, contest, error, at_ms=at_ms)
    else:
        body = _scored(contest, runs, at_ms)
    log.record([log.fact(body, idempotency=submission or contest.id)], rooms=(fold,))


def _scored(contest: Competition, runs: Sequence[Evaluation], at_ms: int) -> object:
    first = runs[0]
    told: dict[str, Any] = {
        "manifest_sha256": contest.spec.manifest_sha256,
        "result": from_json(Result, _found(first)["result"]),
        "at_ms": at_ms,
        "attested": tuple(Attested(one.worker, _found(one)["signature"]) for one in runs),
    }
    if not first.submission:
        return messages.BaselineScored(competition=contest.id, **told)
    told |= {"submission": first.submission, "adapter_sha256": _found(first)["adapter_sha256"]}
    return messages.SubmissionFinalScored(**told)


def refusal_of(error: AssayError) -> dict[str, Any]:
    """A refusal as it is kept until another worker has come to it."""
    return {"refused": error.as_dict()}


def refusal_from(told: dict[str, Any]) -> AssayError:
    """The error that was kept."""
    made = EvaluationRefused(str(told["message"]), next_step=str(told["next"]))
    made.code = str(told["code"])
    return made
