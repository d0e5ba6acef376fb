"""Seals: what a run came to is told by a hash before the close, and by itself after it.

Before the close the log tells of a run that it was judged, and what the board shows. What it came
to (records, the score of an entry that is no clear improvement, where a race stopped it, why it is
out) is sealed, and opened batch by batch once nobody can enter any more. The fold judges each
opening by its seal. No move and no exit waits for an opening: a lost salt holds up nobody's money.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from assay.canonical import canonical, sha256_hex
from assay.messages import Opened, Refusal, Result, Shown, Stop
from assay.wire import changed, to_json
from competitions.errors import Derived
from competitions.rules import likeness, race
from competitions.rules.checks import need
from competitions.rules.registry import Rules, rules_of
from competitions.rules.results import board_slice, is_hash, judged, mark_of
from competitions.rules.rows import Competition, Deposit, Evaluator, Held, Seal, Submission
from competitions.rules.tally import count_seals
from competitions.rules.visibility import SECRET_PHASES
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows

MOST_OPENED = 100  # seals in one batch
MOST_BYTES = 50_000  # of a batch as canonical JSON, unless one line alone is larger
HOLDS: Mapping[type, Held] = MappingProxyType(
    {Result: Held.RESULT, Stop: Held.STOP, Refusal: Held.REFUSAL}
)


def seal_of(salt: str, held: Result | Stop | Refusal) -> str:
    """The hash that stands for a thing until it is opened. salt: 64 hex digits, secret till then"""
    return sha256_hex(bytes.fromhex(salt) + canonical(to_json(held)))


def fits(line: Opened) -> bool:
    """Whether exactly one thing is there, and gives the seal with its salt."""
    found = [one for one in (line.result, line.stop, line.refusal) if one is not None]
    is_salt = is_hash(line.salt)
    return is_salt and len(found) == 1 and seal_of(line.salt, found[0]) == line.seal


def batch(lines: list[Opened]) -> list[Opened]:
    """As many of the first lines as go into one message; one at least."""
    size = 0
    kept: list[Opened] = []
    for line in lines[:MOST_OPENED]:
        size += len(canonical(to_json(line)))
        if kept and size > MOST_BYTES:
            break
        kept.append(line)
    return kept


def shown(entry: Entry, result: Result, best: Submission | None, rows: Rows) -> Shown | None:
    """What the board shows of a result that is recorded now; None: no clear improvement.

    entry   a `submission.scored` of it
    best    the entry that the board shows of the same owner, with its result; None: of none
    raises  FoldRefused when the result does not follow from its records
    """
    one = rows.get(Submission, entry.body.submission)
    assert one is not None
    asked = board_slice(_evaluator(one, rows))
    mark = judged(entry, result, asked)
    if best is None or best.result:
        known = mark_of(best.result, asked) if best and best.result else None
        is_told = _rules(one, rows).board(mark, known)
    else:  # what it came to is lost, so that nobody can compare
        is_told = mark.merit > int(best.merit)
    return Shown(result.score_e9, str(mark.merit)) if is_told else None


def best_shown(mine: Sequence[Submission], but: str = "") -> Submission | None:
    """The entry that the board shows of an owner before the close; None: of none.

    mine  all entries of the owner in the competition     but  another one than this
    """
    told = [one for one in mine if one.merit and one.id != but]
    return min(told, key=race.rank_key, default=None)


def sealed(
    entry: Entry, submission: Submission, held: Held, rows: Rows, *, rival: str = ""
) -> None:
    """Keep the seal of a fact. raises FoldRefused"""
    is_told = held == Held.RESULT and entry.body.shown is not None
    seal = entry.body.seal
    need(is_hash(seal), entry, "the seal is no hash")
    need(rows.get(Seal, seal) is None, entry, "the seal is another's")
    rows.put(Seal(seal, submission.competition, submission.id, held.value, rival, is_told))
    count_seals(submission.competition, 1, rows)


def opened(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """A batch of seals is opened, after the close. raises FoldRefused"""
    body = entry.body
    need(contest.phase not in SECRET_PHASES, entry, f"it is {contest.phase}")
    need(body.batch == contest.opened_batches, entry, "it is another batch's turn")
    need(0 < len(body.opened) <= MOST_OPENED, entry, "there are too many, or none")
    for line in body.opened:
        seal = rows.get(Seal, line.seal)
        is_here = seal is not None and seal.competition == contest.id and not seal.is_open
        need(is_here, entry, "there is no such seal, or it is open")
        assert seal is not None
        is_held = fits(line) and getattr(line, seal.held) is not None
        need(is_held, entry, "the seal holds something else")
        rows.put(changed(seal, is_open=True))
        if not seal.submission:
            contest = changed(contest, board_baseline=_baseline(entry, line, contest, rows))
            continue
        submission = rows.get(Submission, seal.submission)
        assert submission is not None, "the fold has seen whom it seals"
        told = _OPENINGS[Held(seal.held)](entry, line, seal, rows)
        rows.put(changed(submission, **told))
    count_seals(contest.id, -len(body.opened), rows)
    return changed(contest, opened_batches=contest.opened_batches + 1)


def _baseline(entry: Entry, line: Opened, contest: Competition, rows: Rows) -> Result:
    """The base's result follows from its records, and gives the score that was told."""
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    assert line.result is not None
    judged(entry, line.result, board_slice(evaluator))
    is_same = int(line.result.score_e9) == evaluator.board_baseline_e9
    need(is_same, entry, "the base had another score")
    return line.result


Told = dict[str, Any]  # fields of the submission's row


def _result(entry: Entry, line: Opened, seal: Seal, rows: Rows) -> Told:
    """The score follows from the records, and the board showed what it had to show."""
    result, one = line.result, rows.get(Submission, seal.submission)
    assert result is not None
    assert one is not None
    mark = judged(entry, result, board_slice(_evaluator(one, rows)))
    made = changed(one, score_e9=int(result.score_e9), merit=str(mark.merit), result=result)
    if one.merit:
        is_same = (one.score_e9, one.merit) == (made.score_e9, made.merit)
        need(is_same, entry, "the board showed another score")
    best = rows.get(Submission, seal.rival) if seal.rival else None
    _check_answer(entry, seal, made, best, rows)
    for later in rows.find(Seal, rival=one.id, held=Held.RESULT.value, is_open=True):
        other = rows.get(Submission, later.submission)
        assert other is not None
        _check_answer(entry, later, other, made, rows)
    return {name: getattr(made, name) for name in ("score_e9", "merit", "result")}


def _check_answer(
    entry: Entry, seal: Seal, one: Submission, best: Submission | None, rows: Rows
) -> None:
    """The board's answer is the Ladder's, once both results are open; one may be lost for ever.

    raises FoldRefused
    """
    if one.result is None or (best and best.result is None):
        return
    asked = board_slice(_evaluator(one, rows))
    known = mark_of(best.result, asked) if best and best.result else None
    is_told = _rules(one, rows).board(mark_of(one.result, asked), known)
    need(is_told == seal.is_told, entry, "the board gave another answer than the Ladder")


def _stop(entry: Entry, line: Opened, seal: Seal, rows: Rows) -> Told:
    """The stop is one that the race could have made; the order of the slice proves it later."""
    assert line.stop is not None
    one, rival = rows.get(Submission, seal.submission), rows.get(Submission, seal.rival)
    assert one is not None
    assert rival is not None, "the fold has seen a stop's rival"
    need(line.stop.rival == seal.rival, entry, "its rival is another")
    if rival.result is None:  # its salt was lost: nothing proves the stop, so it is run in full
        return {}
    wrong = race.misform(line.stop, rival, _evaluator(one, rows))
    need(not wrong, entry, wrong)
    return {"stop": line.stop}


def _refusal(entry: Entry, line: Opened, seal: Seal, rows: Rows) -> Told:
    """One that is out for being like another names that one; a deposit may come back."""
    assert line.refusal is not None
    told, one = line.refusal, rows.get(Submission, seal.submission)
    assert one is not None
    likeness.judge(entry, told, one, rows)
    is_back = told.reason == Derived.code and one.deposit == Deposit.FORFEITED
    return {
        "refusal_code": told.reason,
        "refusal_cause": told.cause,
        "refusal_next": told.next_step,
        "deposit": Deposit.HELD.value if is_back else one.deposit,
    }


_OPENINGS: Mapping[Held, Callable[[Entry, Opened, Seal, Rows], Told]] = MappingProxyType(
    {Held.RESULT: _result, Held.STOP: _stop, Held.REFUSAL: _refusal}
)


def _contest(one: Submission, rows: Rows) -> Competition:
    found = rows.get(Competition, one.competition)
    assert found is not None
    return found


def _evaluator(one: Submission, rows: Rows) -> Evaluator:
    found = rows.get(Evaluator, _contest(one, rows).spec.manifest_sha256)
    assert found is not None
    return found


def _rules(one: Submission, rows: Rows) -> Rules:
    return rules_of(_contest(one, rows).spec)
