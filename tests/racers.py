"""Contests with a race, and what a worker finds in them without a sandbox."""

from assay.messages import RaceTerms
from assay.wire import Nano
from competitions import queries
from competitions.actions import queue, resume, score
from competitions.actions.score import Stopped
from competitions.models import Evaluation
from competitions.rules.race import stop_from
from competitions.rules.spec import deposit_nano
from evaluator.evaluators.classification import ACCURACY
from evaluator.score import racing
from ledger import log
from tests import factories
from tests.factories import EXAMPLES, at

SECRET = bytes.fromhex("5a" * 32)  # what seals the slices of every task of the factories
TERMS = RaceTerms(4, 10_000, 1, racing.commitment(racing.salt_of(SECRET)))
LEASED, ASKED, SCORED = at(30), at(40), at(50)


def contest(**changed):
    """An open competition that races for one place, looks every 4 of 40 examples, alpha 1 %."""
    return factories.competition(**({"race": TERMS, "curve": (1,)} | changed))


def lease(entry, now=LEASED):
    """The board work of an entry, leased: its id and the fence."""
    found = Evaluation.objects.get(submission=entry, slice="board")
    fence = queue.lease(evaluation=found.pk, now=now)
    assert fence is not None
    return {"evaluation": found.pk, "fence": fence}


def stop_of(entry, right):
    """The stop of an entry with so many right answers, as a worker finds it; None: it goes on."""
    track = queries.track(entry)
    if track is None or not track.rival:
        return None
    ones = [int(place < right) for place in track.order]
    look = racing.verdict(ones, track.rival_points, track.race)
    if look is None:
        return None
    return stop_from(look, ones, track=track, metric=ACCURACY)


def adapter_of(entry):
    return factories.blob(f"canonical {entry}").sha256


def stopped(entry, stop):
    return Stopped(adapter_of(entry), stop, "seccomp", "9" * 64)


def eliminated(owner="slow", number=5, right=8, now=None):
    """An entry that the race stopped; answers with its id."""
    entry = factories.submission(owner, number=number, now=now)
    score.record_elimination(
        **lease(entry), stopped=stopped(entry, stop_of(entry, right)), now=at(31)
    )
    return entry


def resumed(entry, now=ASKED):
    """The owner pays the deposit; answers with its order."""
    spec = queries.competition_row(queries.submission(entry).competition).spec
    body = factories.messages.SubmissionResume(entry, Nano(deposit_nano(spec)))
    owner = queries.submission(entry).owner
    order = log.order_for(owner, body, idempotency=f"resume/{entry}")
    resume.resume(order, now=now)
    return order


def run_in_full(entry, right, now=SCORED):
    """A worker scores an entry on the whole board slice."""
    adapter = factories.adapter_of(entry)
    score.record_score(**lease(entry, now), measured=factories.measured(adapter, right), now=now)


assert EXAMPLES % TERMS.block == 0
