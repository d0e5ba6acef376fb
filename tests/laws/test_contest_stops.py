"""The stop law: from every state that a competition can reach, time alone empties the escrow.

Histories are generated, with work that fails, files and seals that are lost and a task that cannot
score. At a moment of its own each history stops: from then on no move and no opening can be made,
and nobody does anything. How often each state was stopped in, and how it ended, is printed.
"""

import os
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import MappingProxyType

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from assay import messages
from assay.wire import from_json
from competitions import queries
from competitions.actions import deadline, queue, score, sealing
from competitions.errors import CodeFailed, OpeningMissing
from competitions.models import Evaluation, Opening, Sealed, Unopened
from competitions.rules.rows import ENDS, Phase
from competitions.rules.spec import bond_nano
from ledger import blobs
from ledger.errors import BlobMissing
from ledger.queries import balance_nano
from tests import crew, factories
from tests.factories import at
from tests.laws.test_contest_exits import MOST_DAYS, MOVES, Stuck, escrow_nano
from tests.laws.test_contest_fold import (
    FUNDS,
    MINERS,
    PURSE,
    Contest,
    assert_nothing_is_made_or_lost,
    folded,
    tables,
    thrown_away,
)

pytestmark = pytest.mark.django_db
CASES = int(os.environ.get("ASSAY_STOP_CASES", "15"))  # noqa: TID251 - how many are drawn
PLAN = MappingProxyType(
    {"quota": 3, "window_s": 86_400, "curve": (8, 4), "prize": "1000", "dispute_s": 30}
)
DAY_S = 86_400
MOST_RUNS = 6
BROKEN = (Stuck, Sealed.DoesNotExist, BlobMissing, OpeningMissing)
LOSSES = {
    "the sealed slice": lambda _: Sealed.objects.all().delete(),
    "what the seals hold": lambda _: Unopened.objects.all().delete(),
    "what opens the entries": lambda _: Opening.objects.all().delete(),
    "a salt": lambda _: Unopened.objects.update(salt="0" * 64),
    "work that waits": lambda _: Evaluation.objects.all().delete(),
    "an adapter": lambda entries: [
        blobs.delete(name) for one in entries if (name := factories.adapter_of(one.id))
    ],
}
reached: Counter[str] = Counter()


class Stop(RuleBasedStateMachine):
    """A competition that is brought as far as `goal` and pushed about; then everything stops."""

    @initialize(goal=st.integers(0, len(MOVES)), is_raced=st.booleans(), miners=st.integers(0, 3))
    def begin(self, goal, is_raced, miners):
        self.held = ExitStack()
        self.held.enter_context(thrown_away())
        self.patch = self.held.enter_context(pytest.MonkeyPatch.context())
        factories.account("sponsor", "10000")
        for miner in MINERS:
            factories.account(miner, "100")
        self.contest = Contest({**PLAN, "is_raced": is_raced}, (39, 25, 18))
        self.miners = MINERS[:miners]
        for move in (self.open, self.close, self.verify, self.judge, self.settle)[:goal]:
            move()

    def open(self):
        self.tick(1)

    def close(self):
        """With entries that are scored, and one that waits."""
        for miner, right in zip(self.miners, (36, 9, 20), strict=False):
            self.attempt(self.contest.enter, miner, 0)
            self.attempt(self.contest.score, miner, right)
            self.attempt(self.contest.resume, miner, 20)  # whom the race stopped pays a deposit
        if self.miners:
            self.attempt(self.contest.enter, "cyd", 0)
        self.contest.seconds = 601
        self.tick(0)

    def verify(self):
        for _ in range(MOST_RUNS):
            self.attempt(self.contest.score, "", 20)
        self.tick(1)

    def judge(self):
        while Evaluation.objects.filter(slice="final").exists():
            self.final(30)
        self.tick(1)

    def settle(self):
        self.tick(40)

    # --- what may happen ------------------------------------------------------------------------

    @rule(miner=st.sampled_from(MINERS), right=st.integers(0, 40))
    def enter(self, miner, right):
        self.contest.seconds += 5
        self.attempt(self.contest.enter, miner, 0)
        if right % 2:
            self.attempt(self.contest.score, miner, right)

    @rule(
        act=st.sampled_from(("score", "refuse", "fail", "resume", "cancel", "extend")),
        miner=st.sampled_from(MINERS),
    )
    def act(self, act, miner):
        self.contest.seconds += 5
        self.attempt(getattr(self.contest, act), miner, 20)

    @rule(right=st.integers(0, 40))
    def final(self, right):
        """A worker takes a run on the sealed slice."""
        self.contest.seconds += 1
        left = Evaluation.objects.filter(slice="final", found__isnull=True)
        for work in left.order_by("pk")[:1]:
            adapter = factories.adapter_of(work.submission) if work.submission else ""
            measured = factories.measured(adapter, right)
            other = Evaluation.objects.filter(submission=work.submission, found__isnull=False)
            for one in other:  # whoever is sound comes to the same
                result = from_json(messages.Result, one.found["result"])
                measured = replace(measured, result=result)
            signed = crew.sealed(work, measured)
            self._hold(work, score.record_score, measured=signed)

    @rule()
    def fault(self):
        """The sponsor's code raises in every run on the sealed slice."""
        for work in Evaluation.objects.filter(slice="final", found__isnull=True):
            self.contest.seconds += 1
            self._hold(work, score.record_fault, error=CodeFailed("It raised."))

    @rule(seconds=st.sampled_from((0, 1, 30, 61, 300, 601)))
    def tick(self, seconds):
        self.contest.seconds += seconds
        with suppress(*BROKEN):
            deadline.advance("docs", now=at(self.contest.seconds))
        assert_nothing_is_made_or_lost()

    @rule(what=st.sampled_from(sorted(LOSSES)))
    def lose(self, what):
        LOSSES[what](queries.entry_rows("docs"))

    def attempt(self, act, *told):
        """Refused by a rule or broken by a loss: either way nothing is changed."""
        with suppress(*BROKEN), transaction.atomic():
            self.contest.try_to(act, *told)

    def _hold(self, work, record, **told):
        Evaluation.objects.filter(pk=work.pk).update(leased_until=None, not_before_ms=0, again_ms=0)
        now = at(self.contest.seconds)
        crew.register(now)
        fence = queue.lease(evaluation=work.pk, worker=crew.NAMES[work.number], now=now)
        record(evaluation=work.pk, fence=fence, now=at(self.contest.seconds), **told)

    # --- the stop -------------------------------------------------------------------------------

    def teardown(self):
        if hasattr(self, "held"):
            with self.held:
                self.stop()

    def stop(self):
        def hang(*_, **__):
            raise Stuck

        before = state()
        for phase in MOVES:
            self.patch.setitem(deadline._MOVES, phase, hang)
        self.patch.setattr(sealing, "open_next", hang)
        for _ in range(MOST_DAYS):
            self.tick(DAY_S)
            if queries.competition_row("docs").is_cleared:
                break
        found = queries.competition_row("docs")
        assert found.phase in ENDS, before
        assert found.is_cleared, before
        assert escrow_nano() == (0, 0, 0), before
        assert not Evaluation.objects.exists()
        assert folded() == tables()
        self.everybody_has_his(found)
        reached[f"{before} -> {found.phase} {found.fault}".strip()] += 1

    def everybody_has_his(self, found):
        if found.phase == Phase.SETTLED:
            return
        lost_nano = bond_nano(found.spec) if found.fault == "sponsor" else 0
        assert balance_nano("sponsor") == FUNDS - lost_nano
        assert sum(map(balance_nano, MINERS)) == len(MINERS) * PURSE + lost_nano


def state():
    """Where the competition stands, in words."""
    found, entries = queries.competition_row("docs"), queries.entry_rows("docs")
    told = [found.phase]
    told += sorted({one.state for one in entries})
    told += ["deposit"] * any(one.deposit for one in entries)
    told += ["faulted"] * (found.faults > 0)
    told += ["sealed"] * Unopened.objects.exists()
    told += ["owing"] * (found.phase in ENDS and not found.is_cleared)
    return " ".join(told)


def test_with_nothing_else_in_between_time_alone_empties_the_escrow_from_every_phase():
    reached.clear()
    for goal in range(len(MOVES) + 1):
        machine = Stop()
        machine.begin(goal=goal, is_raced=False, miners=2)
        machine.teardown()
    stopped_in = {told.split(" ", maxsplit=1)[0] for told in reached}
    assert stopped_in == {*MOVES, "settled"}


def test_from_every_state_that_is_reached_time_alone_empties_the_escrow():
    reached.clear()
    steps = settings(
        max_examples=CASES, stateful_step_count=8, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Stop, settings=steps)
    for told, count in sorted(reached.items()):
        print(f"{count:5} {told}")  # noqa: T201 - what a law has tried is to be seen
    assert len(reached) > CASES // 10, "a law about nothing"
