"""The contest's fold: which facts may follow which, and the rows they leave behind.

The site runs it before it writes anything, replay and the auditor run it afterwards: a fact that
these rules do not give is refused by all three.
"""

from collections.abc import Callable
from dataclasses import fields

from assay.wire import changed
from competitions.errors import FoldRefused
from competitions.rules import claims, contests, entries, rights, seals, timetable, workers
from competitions.rules.checks import need
from competitions.rules.results import is_hash, judged, public_slice
from competitions.rules.rows import Competition, Evaluator
from competitions.rules.tally import tally_of
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows

__all__ = ["FoldRefused", "fold"]
_EVALUATOR = frozenset(one.name for one in fields(Evaluator))


def fold(entry: Entry, rows: Rows) -> None:
    """Change the contest's rows by one entry; kinds of other rooms pass, but works of entries.

    raises FoldRefused
    """
    if rule := _RULES.get(entry.kind):
        rule(entry, rows)


def _evaluator_registered(entry: Entry, rows: Rows) -> None:
    body = entry.body
    need(rows.get(Evaluator, body.manifest_sha256) is None, entry, "it is registered already")
    told = {one.name: getattr(body, one.name) for one in fields(body) if one.name in _EVALUATOR}
    made = Evaluator(
        id=body.manifest_sha256,
        baseline_e9=body.baseline.score_e9,
        message=entry.id,
        **told,
    )
    judged(entry, body.baseline, public_slice(made))
    need(is_hash(body.board_seal), entry, "the seal is no hash")
    rows.put(made)


def _timed(
    rule: Callable[[Entry, Competition, Rows], Competition],
) -> Callable[[Entry, Rows], None]:
    """A rule about one competition: its row is read, time must rise, the new row is put.

    With it, when the clock has to look next.
    """

    def apply(entry: Entry, rows: Rows) -> None:
        contest = rows.get(Competition, entry.body.competition)
        if contest is None:
            raise FoldRefused(f"{entry.kind}: there is no such competition.", reason="unknown")
        need(entry.body.at_ms > contest.last_ms, entry, "its time is not later than the last")
        made = rule(entry, contest, rows)
        due_ms = timetable.due_ms(made, tally_of(made.id, rows))
        rows.put(changed(made, last_ms=entry.body.at_ms, due_ms=due_ms))

    return apply


_RULES: dict[str, Callable[[Entry, Rows], None]] = {
    "account.closed": claims.account_closed,
    "evaluator.registered": _evaluator_registered,
    "competition.published": contests.published,
    "competition.funded": _timed(contests.funded),
    "competition.opened": _timed(contests.opened),
    "competition.extended": _timed(contests.extended),
    "competition.closed": _timed(contests.closed),
    "competition.cancelled": _timed(contests.cancelled),
    "slice.opened": _timed(contests.slice_opened),
    "competition.verifying": _timed(contests.verifying),
    "baseline.scored": _timed(contests.baseline_scored),
    "runs.differed": _timed(workers.differed),
    "worker.registered": workers.registered,
    "worker.retired": workers.retired,
    "competition.provisional": _timed(contests.provisional),
    "competition.settled": _timed(contests.settled),
    "competition.aborted": _timed(contests.aborted),
    "competition.paid": _timed(contests.paid),
    "task.faulted": _timed(contests.faulted),
    "submission.committed": _timed(entries.committed),
    "submission.scored": entries.scored,
    "submission.eliminated": entries.eliminated,
    "submission.resumed": _timed(entries.resumed),
    "submission.nominated": _timed(entries.nominated),
    "submission.refused": entries.refused,
    "results.opened": _timed(seals.opened),
    "submission.opened": _timed(entries.opened),
    "submission.revealed": entries.revealed,
    "submission.final_scored": entries.final_scored,
    "work.registered": rights.registered,
    "terms.changed": rights.terms_changed,
    "work.withdrawn": rights.withdrawn,
}
