"""Whatever breaks, time alone empties the escrow; and what an end owes is paid in any number.

Guards what was seen: one false stop, a missing blob or an exception in a step locked a stake for
ever, and 305 tied winners made a settlement that stopped the whole log.
"""

import os
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.history import TABLES
from competitions import queries
from competitions.actions import deadline, entry
from competitions.errors import OpeningMissing, OwnEntry, SubmissionExists
from competitions.models import Evaluation, Opening, Sealed, Submission
from competitions.rules.escrow import account_of
from competitions.rules.rows import ENDS, PHASES, Phase
from evaluator.errors import AdapterWrongBase
from ledger import blobs, log
from ledger.errors import BlobMissing
from ledger.models import Account, Message, Transfer
from ledger.queries import balance_nano
from ledger.sequencer import sequence
from tests import crew, factories, signing
from tests.factories import at
from tests.laws.test_contest_fold import thrown_away

pytestmark = pytest.mark.django_db
MOVES = tuple(phase for phase in PHASES if phase not in ENDS and phase != Phase.PUBLISHED)
MOST_DAYS = 40
FUNDS_NANO = 10_000 * 10**9


class Stuck(Exception):
    """A step that hangs."""


def escrow_nano(name="docs"):
    found = Account.objects.get(pk=account_of(name))
    return found.available_nano, found.pending_in_nano, found.pending_out_nano


def break_moves(monkeypatch, since):
    """From this phase on no move can be made; answers with those that were tried."""
    tried = Counter()

    def hang(contest, now):
        tried[contest.phase] += 1
        raise Stuck(contest.phase)

    for phase in MOVES[MOVES.index(since) :]:
        monkeypatch.setitem(deadline._MOVES, phase, hang)
    return tried


def tick(seconds):
    with suppress(Stuck):
        deadline.advance("docs", now=at(seconds))


def live(entries, is_scored):
    """A competition with some entries, as far as the working moves bring it."""
    factories.competition(is_open=False)
    tick(1)
    contest = queries.competition_row("docs")
    for number in range(entries if contest.phase == Phase.OPEN else 0):
        make = factories.scored if is_scored else factories.submission
        make(f"miner{number}", number=number)
    tick(601)
    for work in list(queries.evaluations_of("docs", "final")):
        name = work.submission
        adapter = factories.adapter_of(name) if name else ""
        found = factories.measured(adapter, 30 if name else 10)
        crew.finish(work, found, taken=at(602), now=at(603))


@settings(max_examples=40)
@given(since=st.sampled_from(MOVES), entries=st.integers(0, 3), is_scored=st.booleans())
def test_with_all_moves_broken_from_any_phase_on_time_alone_empties_the_escrow(
    since, entries, is_scored
):
    with thrown_away(), pytest.MonkeyPatch.context() as patch:
        tried = break_moves(patch, since)
        live(entries, is_scored)
        for day in range(MOST_DAYS):
            tick(610 + 86_400 * day)
        contest = queries.competition_row("docs")
        assert contest.phase in ENDS, since
        assert contest.is_cleared
        assert escrow_nano() == (0, 0, 0)
        assert balance_nano("sponsor") == FUNDS_NANO or contest.phase == Phase.SETTLED
        assert folded() == tables()
        assert not Evaluation.objects.exists()
        # Vacuous unless a broken move was met, or the story ended before it.
        assert tried or contest.phase != Phase.ABORTED or not is_scored


def folded():
    history = signing.history()
    for raw in Message.objects.order_by("pk").values_list("raw", flat=True):
        history.follow(bytes(raw))
    return {table.TABLE: history.rows.all(table) for table in TABLES}


def tables():
    found = log.Tables()
    return {table.TABLE: found.find(table) for table in TABLES}


BREAKS = {
    "the sealed slice is gone": lambda one: Sealed.objects.all().delete(),
    "an adapter is gone": lambda one: blobs.delete(factories.adapter_of(one.id)),
    "nobody has the salt": lambda one: Opening.objects.filter(submission=one.id).delete(),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_missing_at_the_opening_locks_nobodys_money(name):
    factories.competition()
    made = factories.scored("ada")
    adapters = {made: factories.adapter_of(made)}
    BREAKS[name](queries.entry_row(made))
    for seconds in (601, 604):
        quietly(seconds)
    for work in list(queries.evaluations_of("docs", "final")):
        found = factories.measured(adapters.get(work.submission, ""), 30)
        crew.finish(work, found, taken=at(602), now=at(603))
    quietly(610)
    quietly(721)
    assert queries.competition_row("docs").phase == "aborted"
    assert escrow_nano() == (0, 0, 0)
    assert balance_nano("sponsor") == FUNDS_NANO


def quietly(seconds):
    """What breaks is the point; the exit must come all the same."""
    with suppress(Sealed.DoesNotExist, BlobMissing, OpeningMissing):
        deadline.advance("docs", now=at(seconds))


# --- any number of winners ------------------------------------------------------------------------


WINNERS = int(os.environ.get("ASSAY_WINNERS", "210"))  # noqa: TID251 - how large a run is


@pytest.mark.slow
def test_any_number_of_paid_winners_settles_and_every_fact_is_small(replay):
    """All tie for the first place: each is paid, in batches of at most a hundred lines."""
    factories.competition(quota=1)
    for number in range(WINNERS):
        factories.scored(f"m{number}", number=number, now=at(10 + number / 10))
    factories.settle()
    for turn in range(2 + WINNERS // 100):
        deadline.advance("docs", now=at(620 + turn))
    contest = queries.competition_row("docs")
    assert (contest.phase, contest.is_cleared) == ("settled", True)
    assert escrow_nano() == (0, 0, 0)
    prizes = Transfer.objects.filter(code="prize", kind="single")
    assert prizes.count() == WINNERS
    assert sum(prizes.values_list("amount_nano", flat=True)) == 925 * 10**9
    assert Message.objects.filter(kind="competition.paid").count() == contest.due_batches
    assert contest.due_batches > WINNERS // 100
    assert max(len(raw) for raw in Message.objects.values_list("raw", flat=True)) <= 60_000
    while sequence(holder="site", now=at(700)):
        pass
    assert folded() == tables()
    assert replay().is_equal


# --- what a refusal costs, and who may enter ------------------------------------------------------


def test_the_fourth_refusal_in_a_competition_costs_its_run():
    factories.competition(quota=4)
    error = AdapterWrongBase("Made for another base.")
    slots = []
    for number in range(4):
        made = factories.refused("ada", number=number, error=error)
        slots.append(queries.entry_row(made).slot)
    assert slots[:3] == [None] * 3
    assert slots[3] is not None


def test_the_same_files_again_are_answered_from_the_record_and_run_nothing():
    factories.competition(quota=2)
    first = factories.refused("ada", error=AdapterWrongBase("Made for another base."))
    before = Message.objects.count()
    told = queries.opening_of(queries.entry_row(first))
    files = (told.config_sha256, told.tensors_sha256)
    body = factories.committed("ada", "docs", files, "Another title", salt="another")
    order = log.order_for("ada", body, idempotency="again")
    with pytest.raises(SubmissionExists) as answer:
        entry.commit(order, now=at(40))
    assert answer.value.facts["submission"] == first
    assert answer.value.facts["refusal_code"] == "adapter.wrong_base"
    assert "Made for another base." in str(answer.value)
    assert (Message.objects.count(), Evaluation.objects.count()) == (before, 0)


def test_a_sponsor_cannot_enter_the_competition_that_he_pays_for():
    factories.competition()
    with pytest.raises(OwnEntry):
        factories.submission("sponsor")
    assert not Submission.objects.exists()
