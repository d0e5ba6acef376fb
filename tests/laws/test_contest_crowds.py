"""The contest under many at once, on SQLite and on PostgreSQL.

What was taken away once, by hand, on PostgreSQL, and what then failed here:
    SELECT FOR UPDATE anywhere          quota, same order, clocks, cancellation, one name, sales
    the lock of `contest_row` alone     fifty owners, same order, entry and cancellation, clocks
    the lock of the accounts            the same click on buy, the same draw, one name
    the compare-and-set of the lease    eight workers, and the clocks whose workers share the slice
    the fence in `_take`                the paused worker, one fence used by eight
SQLite takes one writer at a time anyway; there they guard that an action looks after its lock.
"""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import Sum

from assay import keys
from assay.messages import (
    AccountOpen,
)
from competitions import queries
from competitions.actions import contest, deadline, entry, queue, score, winners
from competitions.errors import (
    HasEntries,
    QuotaUsed,
    StaleAttempt,
    SubmissionClosed,
)
from competitions.models import Evaluation, Opening, Submission
from ledger import actions, log
from ledger.models import Transfer
from ledger.queries import balance_nano
from ledger.sequencer import sequence
from tests import crew, factories
from tests.laws.together import count, nothing_is_made_or_lost, together
from tests.signing import sign_order

AT_ONCE = 50
AT = factories.at(1)


@pytest.fixture(autouse=True)
def house(transactional_db):
    """Commits are real here."""


@pytest.fixture
def crowd(crowd):
    return together(crowd)


def orders(owner, number):
    """That many different entries of one owner, signed and with their files uploaded."""
    factories.account(owner)
    made = []
    for one in range(number):
        config, tensors = (
            factories.blob(f"{part} {owner} {one}", owner=owner).sha256 for part in "ct"
        )
        body = factories.committed(owner, "docs", (config, tensors), f"Try {one}")
        made.append(log.order_for(owner, body, idempotency=str(one)))
    return made


def keyholder(name):
    """An account that is opened by its own key."""
    factories.account("somebody")
    key = keys.new_key()
    item = sign_order(AccountOpen(name), key, idempotency="open")
    actions.open_account(log.read_order(item.encode()), now=factories.NOW)
    return key


def test_of_fifty_entries_at_a_quota_of_one_exactly_one_is_accepted(crowd):
    """Guards the lock of the competition in `commit`, and that slots are counted after it."""
    factories.competition(quota=1)
    asked, accepted = orders("miner", AT_ONCE), []

    def enter(number):
        accepted.append(entry.commit(asked[number], now=factories.at(30)).id)

    refused = crowd(enter, size=AT_ONCE)
    assert [type(error) for error in refused] == [QuotaUsed] * (AT_ONCE - 1), refused
    assert {error.code for error in refused} == {"submission.quota_used"}
    assert {error.facts["remaining"] for error in refused} == {0}
    next_window = str(actions.ms(factories.at(86_400)))
    assert {error.facts["next_slot_at_ms"] for error in refused} == {next_window}
    assert accepted == [*Submission.objects.values_list("pk", flat=True)]
    assert count("submission.commit") == count("submission.committed") == 1
    assert Evaluation.objects.count() == 1


def test_fifty_owners_at_a_quota_of_one_all_have_their_own_slot(crowd):
    """The quota is per owner: nobody takes another's slot, and the times of the commits differ."""
    factories.competition(quota=1)
    asked = [orders(f"miner{number}", 1)[0] for number in range(AT_ONCE)]
    enter = lambda number: entry.commit(asked[number], now=factories.at(30))  # noqa: E731
    assert crowd(enter, size=AT_ONCE) == []
    times = Submission.objects.values_list("committed_ms", flat=True)
    assert len(set(times)) == AT_ONCE
    assert set(Submission.objects.values_list("slot", flat=True)) == {0}


def test_the_very_same_signed_order_eight_times_is_one_entry_and_eight_equal_answers(crowd):
    """Guards the second look for the order, after the lock."""
    factories.competition(quota=1)
    key = keyholder("keyholder")
    config, tensors = (factories.blob(f"{part} same", owner="keyholder").sha256 for part in "ct")
    body = factories.committed("keyholder", "docs", (config, tensors))
    raw = sign_order(body, key, idempotency="one").encode()
    answers = []

    def send(_):
        answers.append(entry.commit(log.read_order(raw), now=factories.at(30)))

    assert crowd(send) == []
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert count("submission.commit") == count("submission.committed") == 1


def test_entries_and_the_close_at_once_leave_everybody_in_or_refused(crowd):
    """Guards that the close and a commit take turns: no entry comes into a closed competition."""
    factories.competition()
    factories.submission("early")
    asked = [orders(f"miner{number}", 1)[0] for number in range(7)]

    def race(number):
        if number == 7:
            deadline.advance("docs", now=factories.at(600))
        else:
            entry.commit(asked[number], now=factories.at(599.99))

    refused = crowd(race)
    assert {type(error) for error in refused} <= {SubmissionClosed}
    assert queries.competition("docs").phase == "closed"
    closed_ms = queries.competition("docs").since_ms
    entered = Submission.objects.values_list("committed_ms", flat=True)
    assert len(entered) == 1 + 7 - len(refused)
    assert all(one < closed_ms for one in entered)


def test_a_cancellation_and_an_entry_at_once_never_both_hold(crowd):
    """Guards that cancel looks for entries after the lock: a prize under an entry cannot leave."""
    factories.competition()
    asked = orders("miner", 1)[0]

    def race(number):
        if number % 2:
            contest.cancel_for("sponsor", "docs", now=factories.at(30))
        else:
            entry.commit(asked, now=factories.at(30))

    refused = {error.code for error in crowd(race)}
    if queries.competition("docs").phase == "cancelled":
        assert refused == {SubmissionClosed.code}
        assert not Submission.objects.exists()
        assert balance_nano("sponsor") == 10_000 * 10**9
    else:
        assert refused == {HasEntries.code}
        assert Submission.objects.count() == 1
    assert count("competition.cancelled") + count("submission.committed") == 1


def test_eight_workers_that_lease_one_evaluation_get_one_fence(crowd):
    """Guards the one UPDATE that takes the lease by compare-and-set."""
    factories.competition()
    factories.submission()
    (work,) = Evaluation.objects.all()
    fences = []

    def lease(_):
        fences.append(queue.lease(evaluation=work.pk, now=factories.at(40)))

    assert crowd(lease) == []
    assert sorted(fences, key=str) == [1, *[None] * 7]
    work.refresh_from_db()
    assert (work.fence, work.attempts) == (1, 1)


def test_of_a_worker_paused_past_its_lease_and_its_successor_one_writes_the_score(crowd):
    """Guards the fence: the work is gone with the newest fence only, so the older one is stale."""
    factories.competition()
    made = factories.submission()
    (work,) = Evaluation.objects.all()
    moments = [factories.at(40), factories.at(40) + timedelta(seconds=settings.LEASE_S + 1)]
    fences = [queue.lease(evaluation=work.pk, now=moment) for moment in moments]
    assert fences == [1, 2]

    def write(number):
        measured = factories.measured(f"{number}" * 64, 20 + number)
        score.record_score(
            evaluation=work.pk, fence=fences[number], measured=measured, now=moments[1]
        )

    (stale,) = crowd(write, size=2)
    assert (type(stale), stale.code) == (StaleAttempt, "evaluation.stale_attempt")
    assert stale.facts == {"work": str(work.pk), "fence": 1}
    assert factories.adapter_of(made) == "1" * 64
    assert count("submission.scored") == 1


def test_one_fence_used_by_eight_writes_one_score(crowd):
    """Guards that a fence is spent together with the score: a redelivered task writes nothing."""
    factories.competition()
    factories.submission()
    (work,) = Evaluation.objects.all()
    fence = queue.lease(evaluation=work.pk, now=factories.at(40))
    measured = factories.measured("a" * 64, 30)

    def write(_):
        score.record_score(evaluation=work.pk, fence=fence, measured=measured, now=factories.at(41))

    assert [type(error) for error in crowd(write)] == [StaleAttempt] * 7
    assert count("submission.scored") == 1


def test_eight_clocks_through_all_phases_say_each_fact_once_and_pay_once(crowd, replay):
    """Guards that each step of the clock looks again under the competition's lock."""
    factories.competition(is_open=False, dispute_s=0)
    clocks = lambda seconds: crowd(  # noqa: E731
        lambda _: deadline.advance("docs", now=factories.at(seconds))
    )
    assert clocks(1) == []
    entries = {factories.scored(name, number=place): 39 - place
               for place, name in enumerate(("ada", "bob"))}  # fmt: skip
    assert clocks(601) == []
    assert queries.competition("docs").phase == "verifying"
    scorers(crowd, entries)
    assert clocks(610) == []
    assert crowd(lambda _: winners.license_winners("docs", now=factories.at(611))) == []
    assert queries.competition("docs").phase == "settled"
    once = ("opened", "closed", "verifying", "provisional", "settled", "paid")
    assert {kind: count(f"competition.{kind}") for kind in once} == dict.fromkeys(once, 1)
    assert (count("slice.opened"), count("baseline.scored")) == (1, 1)
    assert (count("submission.revealed"), count("submission.final_scored")) == (2, 2)
    assert Transfer.objects.filter(code="prize").count() == 2
    prize_nano = Transfer.objects.filter(code="prize").aggregate(Sum("amount_nano"))
    assert prize_nano["amount_nano__sum"] == 925 * 10**9
    assert balance_nano("escrow:docs") == 0
    assert nothing_is_made_or_lost()
    while sequence(holder="site", now=factories.at(700)):
        pass
    report = replay()
    assert report.is_equal, report


def scorers(crowd, entries):
    """Eight workers score whatever of the sealed slice they get a lease of."""
    crew.register(factories.at(602))
    works = list(queries.evaluations_of("docs", "final"))
    adapters = dict(Opening.objects.values_list("submission", "adapter_sha256"))

    def work(number):
        for one in works[number % 3 :] + works[: number % 3]:
            who = crew.NAMES[one.number]
            fence = queue.lease(evaluation=one.pk, worker=who, now=factories.at(602))
            if fence is None:
                continue
            right = entries.get(one.submission, 10)
            measured = factories.measured(adapters.get(one.submission, ""), right)
            told = {"evaluation": one.pk, "fence": fence}
            told |= {"measured": crew.sealed(one, measured)}
            score.record_score(**told, now=factories.at(603))

    assert crowd(work) == []
