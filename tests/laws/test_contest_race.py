"""Races in a contest: a stop must follow, its deposit must add up, and the close finds a lie.

Every refused fact is signed by an operator who would have it so.
"""

from dataclasses import replace

import pytest
from django.db import transaction

from assay import messages
from assay.messages import Line
from assay.wire import Nano
from competitions import queries
from competitions.actions import deadline, resume, score, sealing
from competitions.errors import (
    DepositDiffers,
    FoldRefused,
    NotEliminated,
    NotOwner,
    SubmissionClosed,
)
from competitions.models import Evaluation
from competitions.rules import records
from competitions.rules.escrow import account_of
from competitions.rules.fold import fold
from competitions.rules.spec import deposit_nano
from ledger import log
from ledger import queries as ledger_queries
from ledger.actions import ms
from ledger.errors import Overdrawn
from ledger.models import Account, Message
from tests import factories, racers
from tests.factories import at
from tests.laws.forged import opened_files

pytestmark = pytest.mark.django_db
DEPOSIT_NANO = 10**9  # a thousandth of the prize of 1000


def state(entry):
    return queries.submission(entry).state


def balance(owner):
    return ledger_queries.balance_nano(owner)


def told(entry, **changed):
    """The fact of an entry that was stopped with 8 right answers, with changes to its stop."""
    stop = replace(racers.stop_of(entry, 8), **changed)
    return sealing_fact(entry, stop)


def sealing_fact(entry, stop):
    """What a dishonest operator seals and would open later."""
    contest = queries.competition_row("docs")
    return messages.SubmissionEliminated(
        submission=entry,
        manifest_sha256=contest.spec.manifest_sha256,
        rival=stop.rival,
        seal=sealing.seal(entry, contest, stop),
        sandbox_level="seccomp",
        policy_sha256="9" * 64,
        at_ms=ms(at(60)),
    )


@transaction.atomic
def put(body, answers=None):
    log.record([log.fact(body, answers=answers, idempotency="forged")], rooms=(fold,))


def refusal(body, answers=None):
    before = Message.objects.count()
    with pytest.raises(FoldRefused) as refused:
        put(body, answers)
    assert Message.objects.count() == before
    return refused.value.facts["reason"]


# --- the stop -------------------------------------------------------------------------------------


def test_a_stopped_entry_has_no_score_no_final_run_and_no_prize():
    racers.contest()
    best, slow = factories.scored("ada", right=36), racers.eliminated()
    entry = queries.submission(slow)
    assert (entry.state, entry.score_e9, entry.slot) == ("eliminated", None, 0)
    assert entry.stop is None
    assert factories.as_its_owner_sees(slow).stop["rival"] == best
    assert factories.settle(right={best: 36})[-1] == "settled"
    entry = queries.submission(slow)
    assert entry.stop["rival"] == best
    assert (entry.state, entry.final_score_e9, entry.prize_nano) == ("eliminated", None, None)
    assert queries.submission(best).prize_nano > 0


def test_nobody_is_raced_while_a_place_is_free_or_when_the_task_has_no_race():
    racers.contest(curve=(1,))
    waiting = factories.submission("ada")
    assert queries.track(waiting).rival == ""
    factories.competition("other", "sponsor")
    assert queries.track(factories.submission("ada", "other")) is None


def test_the_rival_is_the_best_entry_of_the_owner_on_the_last_paid_place():
    racers.contest(race=replace(racers.TERMS, places=2), curve=(2, 1))
    factories.scored("ada", right=36)
    factories.scored("ada", number=1, right=35)
    bob = factories.scored("bob", number=2, right=30)
    assert queries.track(factories.submission("cyd", number=3)).rival == bob


FORGERIES = {
    "the number of examples differs": {"examples": 44},
    "there is no look after so many examples": {"n": 7},
    "the e-value is too small": {"e_value_e3": 99_999, "reason": "evidence"},
    "it could still have placed": {"reason": "count", "n": 4, "records": "0"},
    "the records have the wrong length": {"records": "0" * 40},
}


@pytest.mark.parametrize(("reason", "changed"), FORGERIES.items(), ids=str)
def test_a_stop_that_cannot_be_is_not_recorded_nor_opened(reason, changed):
    racers.contest()
    factories.scored("ada", right=36)
    slow = factories.submission("slow", number=5)
    stop = replace(racers.stop_of(slow, 8), **changed)
    told = {**racers.lease(slow), "stopped": racers.stopped(slow, stop)}
    with pytest.raises(FoldRefused) as refused, transaction.atomic():
        score.record_elimination(**told, now=at(31))
    assert refused.value.facts["reason"] == reason
    put(sealing_fact(slow, stop))
    Evaluation.objects.all().delete()
    with pytest.raises(FoldRefused) as refused:
        deadline.advance("docs", now=at(601))
    assert refused.value.facts["reason"] == reason


def test_a_rival_without_a_score_stops_nobody():
    racers.contest()
    factories.scored("ada", right=36)
    slow = factories.submission("slow", number=5)
    assert refusal(told(slow, rival="x" * 43)) == "its rival has no score here"


def test_a_rival_above_the_last_place_is_refused_and_one_that_was_overtaken_is_not():
    racers.contest(race=replace(racers.TERMS, places=2), curve=(2, 1))
    ada = factories.scored("ada", right=36)
    factories.scored("bob", number=1, right=30)
    slow = factories.submission("slow", number=5)
    forged = told(slow)
    assert refusal(told(slow, rival=ada)) == "its rival stands above the last place"
    factories.scored("cyd", number=2, right=34)
    put(forged)
    assert state(slow) == "eliminated"


def test_without_a_race_and_without_a_finisher_nothing_is_stopped():
    racers.contest()
    slow = factories.submission("slow", number=5)
    assert refusal(sealing_fact(slow, stop_without_rival(slow))) == "a place is still free"


def stop_without_rival(entry):
    return messages.Stop(entry, 4, 40, 100_000, "evidence", "0")


def test_a_stop_of_the_wrong_examples_passes_while_the_order_is_secret_and_not_the_close():
    """The worker moves a wrong answer to the front: only the order can tell, and it does."""
    racers.contest()
    factories.scored("ada", right=36)
    slow = factories.submission("slow", number=5)
    stop = racers.stop_of(slow, 8)
    moved = records.pack((0,) * (stop.n - 1) + (1,), is_binary=True)
    put(told(slow, records=moved, e_value_e3=200_000, reason="evidence"))
    deadline.advance("docs", now=at(599))
    with pytest.raises(FoldRefused, match="does not follow from its records"):
        factories.settle()
    assert not queries.competition_row("docs").slice_salt


def test_a_stop_that_cannot_be_proven_locks_nobodys_money():
    test_a_stop_of_the_wrong_examples_passes_while_the_order_is_secret_and_not_the_close()
    with pytest.raises(FoldRefused, match="does not follow from its records"):
        deadline.advance("docs", now=at(721))
    assert queries.competition_row("docs").phase == "aborted"
    assert escrow_nano() == (0, 0, 0)


def test_a_salt_that_opens_no_order_is_refused_at_the_close():
    racers.contest()
    factories.scored("ada", right=36)
    deadline.advance("docs", now=at(601))
    body = messages.SliceOpened("docs", "5b" * 32, opened_files(), ms(at(602)))
    assert refusal(body) == "the salt opens no order of this race"


# --- the margin -----------------------------------------------------------------------------------


def rival_drops_out():
    """cyd entered bob's adapter before bob, and was stopped: bob, who is last placed, is a copy."""
    racers.contest(race=replace(racers.TERMS, places=2), curve=(2, 1))
    ada, cyd = factories.scored("ada", right=36), factories.submission("cyd", number=1)
    bob, slow = factories.submission("bob", number=2), factories.submission("slow", number=5)
    measured = factories.measured(racers.adapter_of(cyd), 34)
    score.record_score(**racers.lease(bob), measured=measured, now=at(31))
    for entry, right in ((slow, 12), (cyd, 8)):
        found = racers.stopped(entry, racers.stop_of(entry, right))
        score.record_elimination(**racers.lease(entry), stopped=found, now=at(32))
    return ada, bob, slow, cyd


def test_at_the_close_an_entry_whose_rival_drops_out_is_run_in_full_and_may_win():
    ada, bob, slow, cyd = rival_drops_out()
    assert deadline.advance("docs", now=at(601)) == ["closed"]
    for entry in (slow, cyd):
        assert (state(entry), queries.submission(entry).resumed) == ("committed", "margin")
        assert queries.track(entry).rival == ""
        racers.run_in_full(entry, 20, now=at(602))
    assert factories.settle(right={ada: 36, slow: 35, cyd: 10})[-1] == "settled"
    assert state(bob) == "refused"
    assert queries.submission(slow).prize_nano > 0


def test_a_close_that_leaves_an_entry_inside_the_margin_is_refused():
    rival_drops_out()
    put(messages.CompetitionClosed("docs", ms(at(601))))
    assert sealing.open_next("docs", now=at(602))
    copy = next(one for one in queries.entry_rows("docs") if one.owner == "bob")
    put(messages.SubmissionRefused(copy.id, "5e" * 32, ms(at(602))))
    put(messages.CompetitionVerifying("docs", 1, ms(at(603))))
    body = messages.SliceOpened("docs", "5a" * 32, opened_files(), ms(at(604)))
    assert refusal(body).endswith("is inside the margin and was not run in full")


def test_an_entry_run_in_full_by_the_margin_costs_nothing_and_only_at_the_close():
    racers.contest()
    factories.scored("ada", right=36)
    slow = racers.eliminated()
    early = messages.SubmissionResumed(slow, "docs", "margin", (), ms(at(60)))
    assert refusal(early) == "it is not the close"
    assert refusal(replace(early, reason="pity")) == "there is no such reason"


# --- the deposit ----------------------------------------------------------------------------------


def raced(right=8):
    """ada leads with 36; an entry of `slow`, who has 5 tokens, was stopped and is run in full."""
    racers.contest()
    best = factories.scored("ada", right=36)
    factories.account("slow", "5")
    slow = racers.eliminated(right=right)
    racers.resumed(slow)
    assert balance("slow") == 4 * 10**9
    assert (state(slow), queries.submission(slow).deposit) == ("committed", "held")
    return best, slow


def escrow_nano():
    purse = Account.objects.get(pk=account_of("docs"))
    return purse.available_nano, purse.pending_in_nano, purse.pending_out_nano


def test_a_full_score_that_places_brings_the_deposit_back():
    best, slow = raced()
    racers.run_in_full(slow, 37)
    assert queries.submission(slow).deposit == "earned"
    assert factories.settle(right={best: 30, slow: 10})[-1] == "settled"
    assert balance("slow") == 5 * 10**9
    assert escrow_nano() == (0, 0, 0)


def test_a_full_score_that_does_not_place_leaves_the_deposit_to_the_winners():
    best, slow = raced()
    racers.run_in_full(slow, 9)
    assert queries.submission(slow).deposit == "forfeited"
    assert factories.settle(right={best: 36, slow: 10})[-1] == "settled"
    assert balance("slow") == 4 * 10**9
    spec = queries.competition_row("docs").spec
    fees = spec.prize_nano * (spec.fee_e8 + spec.pool_e8) // 10**8
    assert queries.submission(best).prize_nano == spec.prize_nano - fees + DEPOSIT_NANO
    assert escrow_nano() == (0, 0, 0)


def test_a_forfeited_deposit_is_burnt_when_nobody_wins_and_never_the_sponsors():
    best, slow = raced()
    racers.run_in_full(slow, 9)
    before = balance("issuance")
    sponsor = balance("sponsor")
    assert factories.settle(right={best: 10, slow: 10})[-1] == "settled"
    assert balance("issuance") - before == DEPOSIT_NANO
    spec = queries.competition_row("docs").spec
    stake_nano = spec.prize_nano + spec.prize_nano * spec.bond_e8 // 10**8
    pool_nano = spec.prize_nano * spec.pool_e8 // 10**8
    assert balance("sponsor") - sponsor == stake_nano - pool_nano
    assert escrow_nano() == (0, 0, 0)


def test_every_deposit_comes_back_when_the_competition_is_aborted():
    _, slow = raced()
    racers.run_in_full(slow, 9)
    deadline.advance("docs", now=at(601))
    assert deadline.advance("docs", now=at(2000)) == ["aborted"]
    assert balance("slow") == 5 * 10**9
    assert escrow_nano() == (0, 0, 0)


def test_a_full_run_that_is_refused_forfeits_the_deposit():
    _, slow = raced()
    assert queries.submission(slow).deposit == "held"
    put(messages.SubmissionRefused(slow, "5e" * 32, ms(at(60))))
    assert queries.submission(slow).deposit == "forfeited"


def test_the_same_order_twice_takes_one_deposit_and_runs_once():
    racers.contest()
    factories.scored("ada", right=36)
    factories.account("slow", "5")
    slow = racers.eliminated()
    order = racers.resumed(slow)
    assert resume.resume(order, now=at(41)).id == slow
    assert balance("slow") == 4 * 10**9
    racers.run_in_full(slow, 9)
    assert resume.resume(order, now=at(55)).state == "scored"


def asks(entry, owner="slow", nano=DEPOSIT_NANO, now=racers.ASKED):
    body = messages.SubmissionResume(entry, Nano(nano))
    return resume.resume(log.order_for(owner, body, idempotency=f"{owner}/{nano}"), now=now)


def test_who_may_not_ask_for_a_full_run_is_told_why():
    racers.contest()
    best = factories.scored("ada", right=36)
    slow = racers.eliminated()
    for error, asked in (
        (NotOwner, {"entry": slow, "owner": "ada"}),
        (NotEliminated, {"entry": best, "owner": "ada"}),
        (DepositDiffers, {"entry": slow, "nano": 1}),
        (SubmissionClosed, {"entry": slow, "now": at(700)}),
        (Overdrawn, {"entry": slow}),
    ):
        with pytest.raises(error):
            asks(**asked)
    assert state(slow) == "eliminated"


def test_a_forged_deposit_is_refused():
    racers.contest()
    factories.scored("ada", right=36)
    factories.account("slow", "5")
    slow = racers.eliminated()
    order = log.order_for(
        "slow", messages.SubmissionResume(slow, Nano(DEPOSIT_NANO)), idempotency="resume"
    )
    body = messages.SubmissionResumed(slow, "docs", "deposit", (), ms(at(60)))
    assert refusal(body, order) == "the transfers differ"
    assert refusal(body) == "it answers no submission.resume"
    line = Line("1" * 64, "pending", "slow", "fee", Nano(1), "deposit")
    assert refusal(replace(body, transfers=(line,)), order) == "the transfers differ"


def test_an_entry_that_is_run_in_full_is_not_stopped_again():
    _, slow = raced()
    with pytest.raises(FoldRefused, match="run in full"):
        score.record_elimination(
            **racers.lease(slow, at(50)),
            stopped=racers.stopped(slow, stop_without_rival(slow)),
            now=at(51),
        )


def test_a_small_prize_still_asks_for_something():
    racers.contest(prize_nano=Nano(7), curve=(1,))
    assert deposit_nano(queries.competition_row("docs").spec) == 1
