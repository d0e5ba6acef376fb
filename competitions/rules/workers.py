"""Facts about workers: whose signatures on final scores count, and who is out."""

from collections.abc import Sequence

from assay.messages import Attested, Claim, Result
from assay.runs import claim_words, run_words, worker_words
from assay.succession import is_signed
from assay.wire import changed
from competitions.rules.checks import need
from competitions.rules.results import is_hash
from competitions.rules.rows import Competition, Phase, Worker
from competitions.rules.task import SANDBOX_LEVELS
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows

NEEDED = 2  # workers whose results must be the same to the last bit


def registered(entry: Entry, rows: Rows) -> None:
    body = entry.body
    need(is_hash(body.key), entry, "it names no key")
    need(rows.get(Worker, body.key) is None, entry, "it is registered already")
    need(body.sandbox_level in SANDBOX_LEVELS, entry, "there is no such sandbox level")
    words = worker_words(body.name, body.key, body.device, body.sandbox_level)
    need(is_signed(body.key, body.signature, words), entry, "the key did not sign it")
    told = (body.key, body.name, body.device, body.sandbox_level, body.at_ms)
    rows.put(Worker(*told))


def retired(entry: Entry, rows: Rows) -> None:
    body = entry.body
    found = rows.get(Worker, body.key)
    is_there = found is not None and found.retired_ms is None
    need(is_there, entry, "there is no such worker, or it is retired")
    assert found is not None
    rows.put(changed(found, retired_ms=body.at_ms, reason=body.reason))


def differed(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """Each claim is its worker's own, the first two are not the same, and the last one counts."""
    body = entry.body
    need(contest.phase == Phase.VERIFYING, entry, "it is not being verified")
    need(len(body.claims) == NEEDED + 1, entry, "it takes two claims, and the referee's")
    made_of = (body.manifest_sha256, body.adapter_sha256)
    for one in body.claims:
        _need_worker(entry, one.worker, contest, rows)
        words = claim_words(contest.id, body.submission, made_of, said(one))
        need(is_signed(one.worker, one.signature, words), entry, "a claim is not its worker's")
    first, second, _ = body.claims
    need(first.worker != second.worker, entry, "the same worker twice")
    need(said(first) != said(second), entry, "they do not differ")
    return contest


def attested(
    entry: Entry, contest: Competition, rows: Rows, *, submission: str, adapter_sha256: str
) -> None:
    """A final result counts when two workers came to it, each by itself.

    raises FoldRefused
    """
    result: Result = entry.body.result
    signed: Sequence[Attested] = entry.body.attested
    workers = {one.worker for one in signed}
    need(len(signed) == len(workers) == NEEDED, entry, "it takes two workers")
    made_of = (contest.spec.manifest_sha256, adapter_sha256)
    words = run_words(contest.id, submission, made_of, result)
    for one in signed:
        _need_worker(entry, one.worker, contest, rows)
        need(is_signed(one.worker, one.signature, words), entry, "a worker did not sign it")


def said(claim: Claim) -> dict[str, object]:
    """What a claim tells of its result."""
    return {
        "score_e9": str(claim.score_e9),
        "examples": claim.examples,
        "records_sha256": claim.records_sha256,
        "results_root": claim.results_root,
        "results_sha256": claim.results_sha256,
    }


def _need_worker(entry: Entry, key: str, contest: Competition, rows: Rows) -> None:
    found = rows.get(Worker, key)
    need(found is not None, entry, "there is no such worker")
    assert found is not None
    need(found.retired_ms is None, entry, f"{found.name} is retired")
    least, level = contest.spec.min_sandbox_level, found.sandbox_level
    is_strong = SANDBOX_LEVELS.index(level) >= SANDBOX_LEVELS.index(least)
    need(is_strong, entry, f"the sandbox of {found.name} is too weak")
