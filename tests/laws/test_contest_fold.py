"""Random histories of a competition, guided to each of its ends: the tables are always the log's.

After every end: the log folded from its first message gives the tables row for row, the escrow is
empty, no token was made or lost, and nothing moves any more. Of wild histories hardly one gets past
the opening, so each is told which end to make for; how often each was reached is printed.
"""

from collections import Counter
from contextlib import contextmanager, suppress

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.money import parse_tokens
from assay.wire import Nano
from audit.history import TABLES
from competitions import queries
from competitions.actions import deadline, queue, score
from competitions.actions.contest import cancel_for, extend_for
from competitions.actions.nomination import nominate_for
from competitions.actions.resume import resume_for
from competitions.actions.score import Stopped
from competitions.errors import (
    Duplicate,
    HasEntries,
    NotNominable,
    QuotaUsed,
    SubmissionClosed,
    SubmissionExists,
    WrongState,
)
from competitions.models import Evaluation
from competitions.rules import race
from competitions.rules.rows import ENDS
from competitions.rules.verdict import forfeits_nano, standing
from ledger import log
from ledger.errors import Overdrawn
from ledger.models import Account, Message
from ledger.queries import balance_nano
from tests import crew, factories, racers, signing
from tests.factories import at

pytestmark = pytest.mark.django_db
FUNDS = 10_000 * 10**9
MINERS = ("ada", "bob", "cyd")
PURSE = 100 * 10**9
FAR = 10**6
KEPT = ("scored", "final_scored", "revealed")
EACH = 8  # histories for each end
RULES = (
    HasEntries,
    NotNominable,
    Overdrawn,
    QuotaUsed,
    SubmissionClosed,
    SubmissionExists,
    WrongState,
)
ACTS = ("enter", "enter", "score", "score", "resume", "refuse", "fail", "cancel", "extend",
        "nominate", "nominate")  # fmt: skip
histories = st.fixed_dictionaries(
    {
        "quota": st.integers(1, 3),
        "window_s": st.sampled_from((30, 86_400)),
        "curve": st.sampled_from(((1,), (8, 4, 2, 1), (1, 1))),
        "prize": st.sampled_from(("1000", "0.000000007", "123.456789012")),
        "dispute_s": st.sampled_from((0, 30)),
        "miners": st.sampled_from((0, 2, 3)),
        "is_raced": st.booleans(),
        "steps": st.lists(
            st.tuples(
                st.sampled_from(ACTS),
                st.sampled_from(MINERS),
                st.integers(0, 40),
            ),
            max_size=8,
        ),
    }
)


class Contest:
    """One competition and a hand that pushes it; what the rules refuse must change nothing."""

    def __init__(self, plan, right):
        self.plan, self.right, self.seconds, self.number = plan, right, 10, 0
        self.later_s = 0  # by how much the close was put off
        terms = {name: plan[name] for name in ("quota", "window_s", "curve", "dispute_s")}
        terms["race"] = racers.TERMS if plan["is_raced"] else None
        prize = Nano(parse_tokens(plan["prize"]))
        factories.competition(is_open=False, prize_nano=prize, **terms)

    @property
    def phase(self):
        return queries.competition("docs").phase

    def try_to(self, act, *told):
        """Do it, or be refused by a rule; either way the books hold."""
        with suppress(*RULES), transaction.atomic():
            act(*told)
        assert_nothing_is_made_or_lost()

    def play(self, end):
        for miner in MINERS[: self.plan["miners"]]:
            self.seconds += 5
            self.try_to(self.enter, miner, 0)
        for act, miner, right in self.plan["steps"]:
            self.seconds += 5
            self.try_to(getattr(self, act), miner, right)
        end(self)

    # what may happen while it is open

    def enter(self, miner, _):
        self.number += 1
        factories.submission(miner, number=self.number, now=at(self.seconds))

    def cancel(self, *_):
        cancel_for("sponsor", "docs", now=at(self.seconds))

    def nominate(self, miner, which):
        """Any of his entries, some of which do not stand; the last word of many."""
        mine = [one.id for one in queries.entry_rows_of("docs", miner)]
        names = mine[which % 3 :][: which % 4]
        nominate_for(miner, "docs", names, now=at(self.seconds))

    def extend(self, *_):
        closes_at_ms = factories.ledger_actions.ms(at(900))
        extend_for("sponsor", "docs", closes_at_ms, now=at(self.seconds))
        self.later_s = 300

    def score(self, miner, right):
        for told in self.leased(miner):
            entry = Evaluation.objects.get(pk=told["evaluation"]).submission
            name = factories.adapter_of(entry)  # which a stopped entry has
            adapter = name or factories.blob(f"adapter {right or entry}").sha256  # some are copies
            when = {**told, "now": at(self.seconds)}
            if stop := racers.stop_of(entry, right):
                found = Stopped(adapter, stop, "seccomp", "9" * 64)
                score.record_elimination(**when, stopped=found)
                continue
            score.record_score(**when, measured=factories.measured(adapter, right))

    def resume(self, miner, right):
        """Ask for the full run of a stopped entry; a worker does it at once."""
        for one in race.eliminated(queries.entry_rows("docs")):
            if one.owner != miner:
                continue
            resume_for(miner, one.id, now=at(self.seconds))
            told = racers.lease(one.id, at(self.seconds))
            measured = factories.measured(factories.adapter_of(one.id), right)
            score.record_score(**told, measured=measured, now=at(self.seconds))
            return

    def refuse(self, miner, _):
        error = Duplicate("It was entered before.", of="somebody")
        for told in self.leased(miner):
            score.record_refusal(**told, error=error, now=at(self.seconds))

    def fail(self, miner, _):
        """Our side fails: the work rests for a while, and is there again."""
        for told in self.leased(miner):
            score.record_failure(**told, reason="our disk is full", now=at(self.seconds))
            Evaluation.objects.filter(pk=told["evaluation"]).update(not_before_ms=0, again_ms=0)

    def leased(self, miner=""):
        """What a worker holds: the first waiting work of a miner, or of anybody."""
        mine = {one.id for one in queries.entry_rows("docs") if miner in ("", one.owner)}
        for work in Evaluation.objects.filter(submission__in=mine, slice="board")[:1]:
            fence = queue.lease(evaluation=work.pk, now=at(self.seconds))
            assert fence is not None
            yield {"evaluation": work.pk, "fence": fence}

    def empty_the_queue(self, act):
        while Evaluation.objects.filter(slice="board").exists():
            self.seconds += 1
            self.try_to(act, "", 0)

    # the ends

    def judged(self):
        self.empty_the_queue(self.score)
        self.advance(601)
        self.empty_the_queue(self.score)  # of entries that are inside the margin of a race
        self.advance(601)
        for place, work in enumerate(list(queries.evaluations_of("docs", "final"))):
            entry = queries.entry_row(work.submission) if work.submission else None
            right = self.right[place // 2 % len(self.right)] if entry else 10
            adapter = factories.adapter_of(entry.id) if entry else ""
            found = factories.measured(adapter, right)
            crew.finish(work, found, taken=self.after(602), now=self.after(603))
        self.advance(610)
        self.advance(650)

    def raced(self):
        """One leads, the others are stopped, and some of them run in full."""
        for miner, right in zip(MINERS, (36, 9, 4), strict=True):
            self.seconds += 5
            self.try_to(self.enter, miner, 0)
            self.try_to(self.score, miner, right)
        for miner, right in zip(MINERS[1:], self.right[:2], strict=True):
            self.seconds += 5
            self.try_to(self.resume, miner, right)
        self.judged()

    def taken_back(self):
        self.empty_the_queue(self.refuse)
        self.try_to(self.cancel)
        self.judged()

    def nobody(self):
        self.empty_the_queue(self.refuse)
        self.judged()

    def no_score(self):
        """The workers are away from now on."""
        self.seconds = max(self.seconds, 100)
        self.try_to(self.enter, "ada", 0)
        self.advance(601)
        self.advance(661)
        self.judged()

    def late(self):
        """The workers are away once the sealed slice is open."""
        self.empty_the_queue(self.score)
        self.advance(601)
        self.advance(719)
        self.advance(721)
        self.advance(FAR)

    def after(self, seconds):
        """The time that is so far from the close as this is from the close at 600."""
        return at(seconds + self.later_s)

    def advance(self, seconds):
        deadline.advance("docs", now=self.after(seconds))
        assert_nothing_is_made_or_lost()


def tables():
    found = log.Tables()
    return {table.TABLE: found.find(table) for table in TABLES}


def folded():
    """The tables of an auditor, who has nothing but the bytes of the log."""
    history = signing.history()
    for raw in Message.objects.order_by("pk").values_list("raw", flat=True):
        history.follow(bytes(raw))
    return {table.TABLE: history.rows.all(table) for table in TABLES}


def assert_nothing_is_made_or_lost():
    sums = Account.objects.aggregate(Sum("available_nano"), Sum("pending_out_nano"))
    assert sum(sums.values()) == 0
    pending = Account.objects.aggregate(Sum("pending_in_nano"))["pending_in_nano__sum"]
    assert sums["pending_out_nano__sum"] == pending


def assert_it_ended_well(contest):
    found, spec = queries.competition_row("docs"), queries.competition_row("docs").spec
    assert found.phase in ENDS
    assert folded() == tables()
    escrow = Account.objects.get(pk="escrow:docs")
    assert (escrow.available_nano, escrow.pending_in_nano, escrow.pending_out_nano) == (0, 0, 0)
    entries = queries.entry_rows("docs")
    prizes_nano = sum(one.prize_nano or 0 for one in entries)
    if found.phase != "settled":
        assert balance_nano("sponsor") == FUNDS
        assert prizes_nano == 0
    else:
        pool_nano, fee_nano = (balance_nano(name) for name in ("evaluators", "fee"))
        kept_nano = FUNDS - balance_nano("sponsor")
        lost_nano = forfeits_nano(spec, entries)
        burnt_nano = 0 if any(one.place for one in entries) else lost_nano
        assert kept_nano + lost_nano == pool_nano + fee_nano + prizes_nano + burnt_nano
        assert pool_nano == int(spec.prize_nano) * spec.pool_e8 // 10**8
    for miner in MINERS:
        mine = [one for one in entries if one.owner == miner]
        won_nano = sum(one.prize_nano or 0 for one in mine)
        lost_nano = forfeits_nano(spec, mine) if found.phase == "settled" else 0
        assert balance_nano(miner) == PURSE + won_nano - lost_nano
    assert_only_the_named_decide(entries)
    out = [one for one in entries if one not in standing(entries) and one.state != "eliminated"]
    assert all(not one.prize_nano for one in out)
    given_back = Counter(one.owner for one in out if one.slot is None)
    assert all(count <= 3 for count in given_back.values())
    assert_nothing_moves_any_more(contest)


def assert_only_the_named_decide(entries):
    """By another reading of the rule: per owner his standing named ones, else best and newest."""
    decide = {one.id for one in entries if one.is_nominated}
    assert all(one.is_nominated for one in entries if one.final_result or one.place)
    for owner in {one.owner for one in entries if decide}:
        mine = [one for one in entries if one.owner == owner and one.slot is not None]
        stood = sorted((one for one in mine if one.state in KEPT), key=lambda one: one.committed_ms)
        said = queries.nomination("docs", owner)
        wanted = [one.id for one in stood if said and one.id in said.submissions]
        if stood and not wanted:
            best = max(stood, key=lambda one: (int(one.merit), -one.committed_ms))
            others = [one for one in stood if one != best]
            wanted = [one.id for one in (best, *others[-1:])]
        assert sorted(wanted) == sorted(decide & {one.id for one in mine}), owner


def assert_nothing_moves_any_more(contest):
    before = Message.objects.count(), tables()
    contest.seconds = 700
    for act in (contest.enter, contest.cancel):
        contest.try_to(act, "ada", 0)
    assert deadline.advance("docs", now=at(FAR)) == []
    assert not list(Evaluation.objects.all())
    assert (Message.objects.count(), tables()) == before


def end_of(contest):
    """How it ended, in words."""
    found = queries.competition_row("docs")
    if found.phase == "cancelled":
        return "cancelled at the close" if found.draw else "cancelled by the sponsor"
    if found.phase == "aborted":
        return f"aborted: {found.end_reason}"
    places = [one.place for one in queries.entry_rows("docs") if one.place]
    if not places:
        return "settled, nobody won"
    return "settled with a tie" if len(set(places)) < len(places) else "settled"


def races_of(entries):
    """What a race did, in words."""
    for one in entries:
        if one.stop:
            yield "an entry was stopped"
        if one.deposit:
            yield f"a deposit was {one.deposit}"


# name: (how to make for it, right answers on the sealed slice, an end that must come up)
GUIDES = {
    "judged": (Contest.judged, (39, 25, 18, 30), "settled"),
    "judged alike": (Contest.judged, (30, 29, 31), "settled with a tie"),
    "none is better": (Contest.judged, (10, 9, 13), "settled, nobody won"),
    "raced": (Contest.raced, (9, 40, 30), "an entry was stopped"),
    "taken back": (Contest.taken_back, (30,), "cancelled by the sponsor"),
    "nobody stands": (Contest.nobody, (30,), "cancelled at the close"),
    "no score": (Contest.no_score, (30,), "aborted: a board score is missing"),
    "late": (Contest.late, (30,), "aborted: a final score is missing"),
}


@contextmanager
def thrown_away():
    """Whatever happens in the block is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", GUIDES)
def test_at_every_end_the_tables_are_the_logs_and_the_escrow_is_empty(name):
    end, right, wanted = GUIDES[name]
    reached = Counter()
    factories.competition("other", "rival")  # what a competition needs is there already
    for miner in MINERS:
        factories.account(miner, "100")
    factories.account("sponsor", "10000")

    @settings(max_examples=EACH)
    @given(histories)
    def happen(plan):
        with thrown_away():
            contest = Contest(plan | {"is_raced": True} if name == "raced" else plan, right)
            contest.advance(1)
            contest.play(end)
            assert_it_ended_well(contest)
            reached[end_of(contest)] += 1
            reached.update(races_of(queries.entry_rows("docs")))

    happen()
    if name == "raced":
        assert {f"a deposit was {one}" for one in ("earned", "forfeited")} <= set(reached), reached
    print(f"{name}: {dict(reached)}")  # noqa: T201 - how often each end came
    assert reached[wanted], reached
