"""Facts that the rules do not give: a dishonest operator signs each, and the fold takes none.

Every case begins in a scene that honest actions made, changes one thing about the fact that would
come next, and finds the tables and the log as they were.
"""

import pytest
from django.apps import apps
from django.db import transaction

from assay import messages
from assay.wire import Nano
from audit.history import TABLES
from competitions.errors import FoldRefused
from ledger.actions import ms
from ledger.models import Message
from tests import factories
from tests.factories import at
from tests.laws.forged import (
    a_settlement_whose_payment_waits,
    abortion,
    baseline,
    cancellation,
    commit,
    dearer,
    extension,
    final_score,
    funding,
    funds,
    nomination,
    of_another,
    one_group,
    one_that_its_owner_opened,
    one_whose_slice_is_open,
    opened_by_its_owner,
    opened_slice,
    payment,
    phase,
    provisional,
    publication,
    refusal,
    registration,
    regrouped,
    reveal,
    score,
    score_of_who_does_not_decide,
    settlement,
    shifted,
    to_another_account,
    twice_extended,
    verification,
)
from tests.laws.scenes import (
    a_cancelled_one,
    a_closed_one,
    a_funded_one,
    a_provisional_one,
    a_settled_one,
    an_aborted_one,
    an_open_one,
    contest,
    entries,
    one_being_verified,
    one_in_which_not_all_decide,
    one_of_many_entries,
    one_of_which_no_entry_stands,
    one_whose_scores_are_there,
    order,
    put,
)

pytestmark = pytest.mark.django_db


def everything():
    """All rows of every table of the fold, and how long the log is."""
    found = {table.TABLE: list(apps.get_model(table.TABLE).objects.order_by("pk").values())
             for table in TABLES}  # fmt: skip
    return found, Message.objects.count()


CASES = {
    # before the opening
    "a competition of somebody else's order": (a_funded_one, lambda: publication(sponsor="ada")),
    "a name that is taken": (a_funded_one, lambda: publication(name="docs")),
    "a spec that was not ordered": (
        a_funded_one,
        lambda: publication(spec={"quota": 3}, ordered=contest().spec),
    ),
    "a spec that is not well formed": (a_funded_one, lambda: publication(spec={"curve": (1, 2)})),
    "rules that nobody knows": (a_funded_one, lambda: publication(spec={"rules": "contest/0"})),
    "a competition in which no entry decides": (
        a_funded_one,
        lambda: publication(spec={"finals": 0}),
    ),
    "an evaluator that nobody registered": (
        a_funded_one,
        lambda: publication(spec={"manifest_sha256": "0" * 64}),
    ),
    "training data that nobody registered": (
        a_funded_one,
        lambda: publication(spec={"data_work": "0" * 64}),
    ),
    "a second funding": (a_funded_one, funding),
    "a funding ordered by another sponsor": (a_funded_one, lambda: funds("rival")),
    "a funding of another prize": (a_funded_one, lambda: funds(factor=2)),
    "a funding ordered for another competition": (a_funded_one, lambda: funds(ordered="docs")),
    "a funding that holds one nano less": (a_funded_one, lambda: funds(less_nano=1)),
    "a funding that answers no funding": (
        a_funded_one,
        lambda: (funds()[0], order("sponsor", messages.CompetitionCancel("other"))),
    ),
    "an evaluator that is registered already": (a_funded_one, registration),
    "an opening before its time": (
        lambda: factories.competition(is_open=False, opens_at_ms=ms(at(100))),
        lambda: phase(messages.CompetitionOpened, 99),
    ),
    "a second opening": (an_open_one, lambda: phase(messages.CompetitionOpened, 50)),
    # a later close
    "a close put off by another": (an_open_one, lambda: extension("ada")),
    "a close put off to another time than ordered": (an_open_one, lambda: extension(ordered=800)),
    "a close put off by an order for another": (an_open_one, lambda: extension(name="other")),
    "a close put off twice": (an_open_one, twice_extended),
    "a close put off in the last tenth": (an_open_one, lambda: extension(at_s=541)),
    "an earlier close": (an_open_one, lambda: extension(seconds=599)),
    "a close put off by more than the first time": (an_open_one, lambda: extension(seconds=1201)),
    "a close put off when it is over": (a_closed_one, lambda: extension(at_s=602)),
    # entries
    "an entry before the opening": (a_funded_one, commit),
    "an entry after the close": (an_open_one, lambda: commit(seconds=600)),
    "an entry into a closed competition": (a_closed_one, lambda: commit(seconds=602)),
    "an entry in another's name": (an_open_one, lambda: commit(owner="ada")),
    "an entry that was meant for another competition": (an_open_one, lambda: commit(name="other")),
    "an entry in a slot that the quota does not give": (an_open_one, lambda: commit(slot=1)),
    "an entry in another window": (an_open_one, lambda: commit(window=1)),
    "a second entry in one slot": (an_open_one, lambda: commit("ada", owner="ada")),
    "an entry that is no later than the last": (an_open_one, lambda: commit(seconds=11)),
    # who decides
    "a nomination in another's name": (one_of_many_entries, lambda: nomination([0], "bob")),
    "a nomination that was not ordered": (
        one_of_many_entries,
        lambda: nomination([0], ordered=()),
    ),
    "a nomination of another's entry": (one_of_many_entries, of_another),
    "a nomination of a refused entry": (one_of_many_entries, lambda: nomination([0, 3])),
    "a nomination of more than may decide": (one_of_many_entries, lambda: nomination([0, 1, 2])),
    "a nomination of one entry twice": (one_of_many_entries, lambda: nomination([0, 0])),
    "a nomination of nobody's entry": (one_of_many_entries, lambda: nomination(["A" * 43])),
    "a nomination after the close": (one_of_many_entries, lambda: nomination([0], at_s=600)),
    "a nomination in a closed competition": (
        one_whose_scores_are_there,
        lambda: nomination([0], at_s=602),
    ),
    "a verification of other entries": (
        one_whose_scores_are_there,
        lambda: verification(4, 603),
    ),
    "a final score of an entry that does not decide": (
        one_in_which_not_all_decide,
        score_of_who_does_not_decide,
    ),
    # board scores
    "a score under no seal": (an_open_one, lambda: score(seal="no hash")),
    "a first score that the board hides": (an_open_one, lambda: score(shown=None)),
    "a score that is shown with no merit": (
        an_open_one,
        lambda: score(shown=messages.Shown(Nano(1), "more")),
    ),
    "a score by another evaluator": (an_open_one, lambda: score(manifest_sha256="0" * 64)),
    "a score of nobody's entry": (an_open_one, lambda: score(submission="A" * 43)),
    "a second score": (an_open_one, lambda: score(submission=entries("scored")[0].id)),
    "an entry of the sponsor": (an_open_one, lambda: commit("sponsor", owner="sponsor")),
    # the close
    "a cancellation although somebody has entered": (an_open_one, cancellation),
    "a cancellation by another account": (a_funded_one, lambda: cancellation("base-author")),
    "a cancellation that was meant for another": (a_funded_one, lambda: cancellation(name="other")),
    "a cancellation by the clock before the close": (
        factories.competition,
        lambda: cancellation(is_ordered=False),
    ),
    "a close before its time": (an_open_one, lambda: phase(messages.CompetitionClosed, 599)),
    "an abortion of an open competition before its time": (an_open_one, lambda: abortion(659)),
    "an abortion that blames the sponsor without a proof": (
        a_closed_one,
        lambda: abortion(661, fault="sponsor"),
    ),
    "an abortion for another reason": (a_closed_one, lambda: abortion(661, reason="why not")),
    "an abortion before its time": (a_closed_one, lambda: abortion(659)),
    "an adapter that is opened before the close": (an_open_one, reveal),
    "another adapter than the one that was scored": (
        one_whose_slice_is_open,
        lambda: reveal("final_scored", adapter="0" * 64),
    ),
    "a salt that does not open the commitment": (
        one_whose_slice_is_open,
        lambda: reveal("final_scored", salt="0" * 64),
    ),
    "files that were not committed": (
        one_whose_slice_is_open,
        lambda: reveal("final_scored", tensors_sha256="0" * 64),
    ),
    "an entry without a commitment": (an_open_one, lambda: commit(hash="C" * 64)),
    "a commitment that is another entry's": (
        an_open_one,
        lambda: commit(hash=entries("committed")[0].commitment),
    ),
    "an entry that its owner opens before the close": (an_open_one, opened_by_its_owner),
    "an entry that another account opens": (
        a_closed_one,
        lambda: opened_by_its_owner("base-author"),
    ),
    "an entry that its owner opens to other files": (
        a_closed_one,
        lambda: opened_by_its_owner(config_sha256="0" * 64),
    ),
    "an opening that its order does not say": (
        a_closed_one,
        lambda: opened_by_its_owner(said="0" * 64),
    ),
    "an entry that is opened twice": (one_that_its_owner_opened, opened_by_its_owner),
    "a slice that is opened before the close": (an_open_one, opened_slice),
    "a verification of nobody": (
        one_of_which_no_entry_stands,
        lambda: verification(1, 603),
    ),
    "a verification while a board score is missing": (
        a_closed_one,
        lambda: verification(2, 620),
    ),
    "a slice that is opened while entries wait for their scores": (a_closed_one, opened_slice),
    "a fault of the task before the sealed slice is scored": (
        a_closed_one,
        lambda: (messages.TaskFaulted("docs", "", "It raised.", ms(at(620))), None),
    ),
    "a fault of the task with nobody's entry": (
        one_being_verified,
        lambda: (messages.TaskFaulted("docs", "A" * 43, "It raised.", ms(at(620))), None),
    ),
    "an adapter that is opened before the slice": (
        one_being_verified,
        lambda: reveal("final_scored"),
    ),
    "a second opening of the slice": (a_provisional_one, opened_slice),
    # final scores
    "a final score before the slice is open": (a_closed_one, lambda: final_score("scored")),
    "a final score of what another owner's entry decides by": (
        one_being_verified,
        lambda: final_score(adapter_sha256=entries("final_scored")[0].adapter_sha256),
    ),
    "a final score of no adapter": (one_being_verified, lambda: final_score(adapter_sha256="")),
    "a final score that does not follow": (
        one_being_verified,
        lambda: final_score(score_e9=Nano(1)),
    ),
    "a second final score": (one_being_verified, lambda: final_score("final_scored")),
    "a baseline before the slice is open": (a_closed_one, baseline),
    "a baseline that does not follow": (one_being_verified, lambda: baseline(score_e9=Nano(1))),
    "a verdict while a score is missing": (one_being_verified, lambda: provisional(0)),
    "a settlement while a score is missing": (one_being_verified, settlement),
    "an abortion while the scores may still come": (one_being_verified, lambda: abortion(719)),
    "a second baseline": (a_provisional_one, baseline),
    "a refusal of a judged entry": (a_provisional_one, lambda: refusal("revealed")),
    "an abortion of a judged competition before its time": (
        a_provisional_one,
        lambda: abortion(699),
    ),
    "a cancellation of a judged competition": (a_provisional_one, cancellation),
    # the payout
    "a settlement before the disputes are over": (a_provisional_one, lambda: settlement(639)),
    "a nano from the second to the first": (
        a_provisional_one,
        lambda: shifted({"ada": 1, "bob": -1}),
    ),
    "a nano from the pool to the fee": (
        a_provisional_one,
        lambda: shifted({"fee": 1, "evaluators": -1}),
    ),
    "a nano that stays in escrow": (a_provisional_one, lambda: shifted({"ada": -1})),
    "prizes to another account": (a_provisional_one, to_another_account),
    "groups in another order": (a_provisional_one, regrouped),
    "one group instead of two": (a_provisional_one, one_group),
    "other amounts": (a_provisional_one, lambda: settlement(fee_nano=Nano(1))),
    "other winners": (a_provisional_one, lambda: settlement(winners=1)),
    "a payment before the settlement": (a_provisional_one, payment),
    "a payment out of its turn": (a_settlement_whose_payment_waits, lambda: payment(batch=1)),
    "a payment that leaves a line out": (
        a_settlement_whose_payment_waits,
        lambda: payment(change=lambda lines: lines[:-1]),
    ),
    "a nano from the second to the first as it is paid": (
        a_settlement_whose_payment_waits,
        lambda: payment(change=dearer),
    ),
    "another draw": (a_provisional_one, lambda: settlement(draw="D" * 43)),
    # after the end
    "a second settlement": (a_settled_one, settlement),
    "a second payment": (a_settled_one, lambda: payment(batch=1, at_s=700)),
    "a cancellation after the payout": (a_settled_one, cancellation),
    "an abortion after the payout": (a_settled_one, lambda: abortion(9999)),
    "an entry after the payout": (a_settled_one, lambda: commit(seconds=700)),
    "a funding after the cancellation": (a_cancelled_one, lambda: funding(at_ms=ms(at(700)))),
    "a settlement after the abortion": (an_aborted_one, settlement),
    "a second abortion": (an_aborted_one, lambda: abortion(9999)),
    "a score after the abortion": (an_aborted_one, score),
    "a refusal after the abortion": (an_aborted_one, lambda: refusal("committed")),
    "a second cancellation": (a_cancelled_one, cancellation),
    "an entry after the cancellation": (a_cancelled_one, commit),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fact_that_the_rules_do_not_give_is_refused_and_changes_nothing(name):
    scene, forged = CASES[name]
    scene()
    body, answers = forged()
    before = everything()
    with pytest.raises(FoldRefused) as refusal, transaction.atomic():
        put(body, answers)
    assert refusal.value.code == "competition.fact_refused"
    assert refusal.value.facts["reason"]
    assert everything() == before
