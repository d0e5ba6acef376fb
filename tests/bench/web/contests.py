"""Contests in large numbers: one that is open, one that is settled, and a thousand small ones."""

import json

from assay.wire import to_json
from competitions.models import Competition, Evaluation, Submission
from competitions.rules.rows import Phase
from tests import factories
from tests.bench.web.rows import name_of, new, pour, row_of

OPEN, SETTLED = "big", "done"
MINER, MINERS = "ada", 4000  # ada has every twentieth entry; the others share the rest
LIVE = (Phase.OPEN, Phase.OPEN, Phase.OPEN, Phase.FUNDED)
PHASES = (*LIVE, Phase.PROVISIONAL, Phase.CANCELLED, *[Phase.SETTLED] * 14)
RESULTS = 41


def fill(entries, competitions):
    """`entries` in each of the two large contests, and `competitions` in all."""
    factories.competition(OPEN)
    factories.scored(MINER, OPEN, right=30)
    _settled()
    for name in (OPEN, SETTLED):
        pour(Submission, _entries(name, entries))
    pour(Evaluation, _waiting(entries))
    pour(Competition, _competitions(competitions - 2))


def owner_of(number):
    return MINER if number % 20 == 0 else f"miner{number % MINERS}"


def _settled():
    factories.competition(SETTLED)
    ones = [factories.scored(f"winner{n}", SETTLED, n, right=38 - n) for n in range(3)]
    factories.settle(SETTLED, right={one: 39 - n for n, one in enumerate(ones)})


def _entries(name, count):
    """Nine of ten are scored; of the others some were refused and some wait."""
    is_final = name == SETTLED
    owner = "winner2" if is_final else MINER
    first = row_of(Submission, competition=name, owner=owner)
    results = [json.dumps(to_json(factories.result(right))) for right in range(RESULTS)]
    for number in range(1, count):
        right = number * 7919 % RESULTS
        one = first | {
            "id": name_of("entry", name, number)[:43],
            "owner": owner_of(number),
            "title": f"Try {number}",
            "committed_ms": first["committed_ms"] + number,
            "since_ms": first["since_ms"] + number,
            "window": number // MINERS * 20 + number % 20 + number // 20 + 1,
            "commitment": name_of("commitment", name, number),
            "place": None,
            "prize_nano": None,
        }
        yield one | _state(number, right, results[right], is_final=is_final)


def _state(number, right, result, *, is_final):
    if not is_final and number % 50 == 49:
        return _unscored("committed")
    if number % 10 == 9:
        words = {"refusal_code": "submission.too_large", "refusal_cause": "It is too large."}
        return _unscored("refused") | words | {"slot": None}
    told = {"score_e9": right * 10**9 // 40, "merit": str(right), "result": result}
    if is_final:
        told |= {f"final_{name}": value for name, value in told.items()}
    return told


def _unscored(state):
    told = dict.fromkeys(("score_e9", "result", "final_score_e9", "final_result"))
    return told | {"state": state, "merit": "", "final_merit": ""}


def _waiting(entries):
    for number in range(49, entries, 50):
        name = name_of("entry", OPEN, number)[:43]
        at = factories.NOW
        yield new(Evaluation(competition=OPEN, submission=name, slice="board", created_at=at))


def _competitions(count):
    opened = row_of(Competition, id=OPEN)
    settled = row_of(Competition, id=SETTLED)
    spec = json.loads(opened["spec"])
    for number in range(count):
        phase = PHASES[number % len(PHASES)]
        like = settled if phase in (Phase.SETTLED, Phase.PROVISIONAL) else opened
        yield like | {
            "id": f"contest-{number}",
            "sponsor": "sponsor" if number % 5 == 0 else f"sponsor{number % 50}",
            "phase": phase.value,
            "spec": json.dumps(spec | {"title": f"The question {number}"}),
            "since_ms": like["since_ms"] + number,
            "last_ms": like["last_ms"] + number,
        }
