"""Facts that the rules do not give: a dishonest operator signs each, and the fold takes none.

Every case begins in a scene that honest actions made, changes one thing about the fact that would
come next, and finds the tables and the log as they were.
"""

from dataclasses import replace

import pytest
from django.apps import apps
from django.db import transaction

from assay import messages
from assay.messages import FileRef
from assay.wire import Nano
from competitions import queries
from competitions.audit.history import TABLES
from competitions.errors import FoldRefused
from competitions.rules import escrow, verdict
from ledger.actions import ms
from ledger.models import Message
from tests import factories
from tests.factories import at
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
    one_of_which_no_entry_stands,
    order,
    put,
)

pytestmark = pytest.mark.django_db
OUTSIDE = ("manifest_sha256", "submission", "adapter_sha256", "at_ms")


def everything():
    """All rows of every table of the fold, and how long the log is."""
    found = {table.TABLE: list(apps.get_model(table.TABLE).objects.order_by("pk").values())
             for table in TABLES}  # fmt: skip
    return found, Message.objects.count()


# --- the facts ------------------------------------------------------------------------------------


def publication(**changed):
    spec = replace(contest().spec, **changed.pop("spec", {}))
    name = changed.pop("name", "other")
    asked = order("sponsor", messages.CompetitionPublish(name, changed.pop("ordered", spec)))
    body = messages.CompetitionPublished(name, changed.pop("sponsor", "sponsor"), spec, ms(at(2)))
    return body, asked


def registration():
    return factories.evaluator("docs")[0], None


def funding(account="sponsor", name="docs", prize_nano=None, at_ms=None, **changed):
    spec = contest().spec
    prize = messages.CompetitionFund(name, Nano(prize_nano or spec.prize_nano), Nano(0))
    lines = changed.get("lines", escrow.funding(contest()))
    return messages.CompetitionFunded("docs", lines, at_ms or ms(at(2))), order(account, prize)


def half_funded():
    """A second competition that is published and not funded yet, and the fact that funds it."""
    factories.account("rival", "5000")
    body, asked = publication()
    put(body, asked)
    return contest("other")


def funds(account="sponsor", *, ordered="other", factor=1, less_nano=0):
    made = half_funded()
    prize = messages.CompetitionFund(ordered, Nano(made.spec.prize_nano * factor), Nano(0))
    first, *rest = escrow.funding(made)
    lines = (replace(first, amount_nano=Nano(first.amount_nano - less_nano)), *rest)
    asked = order(account, prize, "another prize")
    return messages.CompetitionFunded("other", lines, ms(at(3))), asked


def cancellation(account="sponsor", *, name="docs", lines=None, is_ordered=True):
    asked = order(account, messages.CompetitionCancel(name)) if is_ordered else None
    lines = escrow.giving_back(contest(), queries.entry_rows("docs")) if lines is None else lines
    return messages.CompetitionCancelled("docs", lines, ms(at(602))), asked


def commit(account="cyd", *, owner="cyd", name="docs", seconds=300, **told):
    factories.account("cyd")
    body = messages.SubmissionCommit(name, "c" * 64, "d" * 64, "Mine", factories.REQUIRED, ())
    asked = order(account, body)
    slot = {"window": 0, "slot": 0} | told
    fact = messages.SubmissionCommitted(asked.id, "docs", owner, **slot, at_ms=ms(at(seconds)))
    return fact, asked


def told_score(changed, mode):
    """Fields of the message and of its result: thirty right answers of forty."""
    outside = {"manifest_sha256": contest().spec.manifest_sha256, "at_ms": ms(at(610))}
    outside |= {name: changed.pop(name) for name in list(changed) if name in OUTSIDE}
    return outside | {"result": factories.result(30, changed.pop("mode", mode), **changed)}


def score(**changed):
    (waiting,) = entries("committed")
    told = {"submission": waiting.id, "adapter_sha256": "e" * 64} | told_score(changed, "fast")
    return messages.SubmissionScored(**told), None


def final_score(of="revealed", **changed):
    one = entries(of)[0]
    told = {"submission": one.id, "adapter_sha256": one.adapter_sha256}
    return messages.SubmissionFinalScored(**told | told_score(changed, "exact")), None


def baseline(**changed):
    told = told_score(changed, "exact")
    return messages.BaselineScored(competition="docs", **told), None


def reveal(state="scored", adapter=None):
    one = entries(state)[0]
    file = FileRef("adapter.blob", adapter or one.adapter_sha256, 9)
    return messages.SubmissionRevealed(one.id, file, ms(at(610))), None


def opened_slice():
    file = FileRef("inputs", "f" * 64, 9)
    return messages.SliceOpened("docs", "5a" * 32, file, file, ms(at(610))), None


def settlement(at_s=640, shift=None, **changed):
    """The honest settlement, with a nano moved along `shift` = (from purpose, to purpose)."""
    found, entered = contest(), queries.entry_rows("docs")
    if found.phase == "provisional":
        evaluator = queries.evaluator_row(found.spec.manifest_sha256)
        result, lines = verdict.payout(found, entered, evaluator)
        groups = result.groups
    else:
        groups, lines = (), ()
    lines = [replace(one, amount_nano=Nano(one.amount_nano + (shift or {}).get(one.credit, 0)))
             if one.kind == "single" else one for one in lines]  # fmt: skip
    told = {"draw": found.draw, "groups": groups, "transfers": tuple(lines)} | changed
    return messages.CompetitionSettled("docs", at_ms=ms(at(at_s)), **told), None


def regrouped():
    body, _ = settlement()
    return replace(body, groups=tuple(reversed(body.groups))), None


def one_group():
    body, _ = settlement()
    return replace(body, groups=(tuple(one for group in body.groups for one in group),)), None


def to_another_account():
    body, _ = settlement()
    lines = tuple(replace(one, credit="sponsor") if one.code == "prize" else one
                  for one in body.transfers)  # fmt: skip
    return replace(body, transfers=lines), None


def abortion(at_s, lines=None):
    lines = escrow.giving_back(contest(), queries.entry_rows("docs")) if lines is None else lines
    return messages.CompetitionAborted("docs", "why not", lines, ms(at(at_s))), None


def phase(kind, at_s):
    return kind("docs", ms(at(at_s))), None


def provisional(seconds):
    at_ms = ms(at(620))
    return messages.CompetitionProvisional("docs", at_ms + 1000 * seconds, at_ms), None


def refusal(state):
    one = entries(state)[0]
    return messages.SubmissionRefused(one.id, "x.y", "Because.", "Go.", ms(at(700))), None


def failure(state):
    return messages.SubmissionFailed(entries(state)[0].id, "ours", ms(at(700))), None


CASES = {
    # before the opening
    "a competition of somebody else's order": (a_funded_one, lambda: publication(sponsor="ada")),
    "a name that is taken": (a_funded_one, lambda: publication(name="docs")),
    "a spec that was not ordered": (
        a_funded_one,
        lambda: publication(spec={"quota": 3}, ordered=contest().spec),
    ),
    "a spec that is not well formed": (a_funded_one, lambda: publication(spec={"curve": (1, 2)})),
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
    # public scores
    "a score in another mode than the pinned one": (an_open_one, lambda: score(mode="exact")),
    "a score whose answers have no root": (an_open_one, lambda: score(results_root="")),
    "a score whose answers have no name": (an_open_one, lambda: score(results_sha256="8")),
    "a score that does not follow from its records": (
        an_open_one,
        lambda: score(score_e9=Nano(750_000_001)),
    ),
    "records of another number of examples": (an_open_one, lambda: score(examples=39)),
    "records that are not as pack writes them": (an_open_one, lambda: score(records="zz")),
    "a score by another evaluator": (an_open_one, lambda: score(manifest_sha256="0" * 64)),
    "a score of nobody's entry": (an_open_one, lambda: score(submission="A" * 43)),
    "a second score": (an_open_one, lambda: score(submission=entries("scored")[0].id)),
    "a refusal of an entry that has its score": (an_open_one, lambda: refusal("scored")),
    "a failure of an entry that has its score": (an_open_one, lambda: failure("scored")),
    # the close
    "a cancellation although somebody has entered": (an_open_one, cancellation),
    "a cancellation by another account": (a_funded_one, lambda: cancellation("base-author")),
    "a cancellation that was meant for another": (a_funded_one, lambda: cancellation(name="other")),
    "a cancellation that gives nothing back": (a_funded_one, lambda: cancellation(lines=())),
    "a cancellation by the clock before the close": (
        factories.competition,
        lambda: cancellation(is_ordered=False),
    ),
    "a close before its time": (an_open_one, lambda: phase(messages.CompetitionClosed, 599)),
    "an abortion of an open competition": (an_open_one, lambda: abortion(9999)),
    "an abortion before its time": (a_closed_one, lambda: abortion(659)),
    "an abortion that keeps the stake": (a_closed_one, lambda: abortion(661, lines=())),
    "an adapter that is opened before the close": (an_open_one, reveal),
    "another adapter than the one that was scored": (
        a_closed_one,
        lambda: reveal(adapter="0" * 64),
    ),
    "a slice that is opened before the close": (an_open_one, opened_slice),
    "a verification of a sealed slice": (
        one_of_which_no_entry_stands,
        lambda: phase(messages.CompetitionVerifying, 603),
    ),
    "a verification while an entry is not revealed": (
        a_closed_one,
        lambda: (put(opened_slice()[0]), phase(messages.CompetitionVerifying, 620))[1],
    ),
    "a second opening of the slice": (one_being_verified, opened_slice),
    # final scores
    "a final score before the slice is open": (a_closed_one, lambda: final_score("scored")),
    "a final score of another adapter": (
        one_being_verified,
        lambda: final_score(adapter_sha256="0" * 64),
    ),
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
    "a failure of a judged entry": (a_provisional_one, lambda: failure("final_scored")),
    "a refusal of a judged entry": (a_provisional_one, lambda: refusal("final_scored")),
    "an abortion of a judged competition": (a_provisional_one, lambda: abortion(9999)),
    "a cancellation of a judged competition": (a_provisional_one, cancellation),
    # the payout
    "a settlement before the disputes are over": (a_provisional_one, lambda: settlement(639)),
    "a nano from the second to the first": (
        a_provisional_one,
        lambda: settlement(shift={"ada": 1, "bob": -1}),
    ),
    "a nano from the pool to the fee": (
        a_provisional_one,
        lambda: settlement(shift={"fee": 1, "evaluators": -1}),
    ),
    "a nano that stays in escrow": (a_provisional_one, lambda: settlement(shift={"ada": -1})),
    "prizes to another account": (a_provisional_one, to_another_account),
    "no transfers at all": (a_provisional_one, lambda: settlement(transfers=())),
    "groups in another order": (a_provisional_one, regrouped),
    "one group instead of two": (a_provisional_one, one_group),
    "another draw": (a_provisional_one, lambda: settlement(draw="D" * 43)),
    # after the end
    "a second settlement": (a_settled_one, settlement),
    "a cancellation after the payout": (a_settled_one, cancellation),
    "an abortion after the payout": (a_settled_one, lambda: abortion(9999)),
    "an entry after the payout": (a_settled_one, lambda: commit(seconds=700)),
    "a funding after the cancellation": (a_cancelled_one, lambda: funding(at_ms=ms(at(700)))),
    "a settlement after the abortion": (an_aborted_one, settlement),
    "a second abortion": (an_aborted_one, lambda: abortion(9999)),
    "a score after the abortion": (an_aborted_one, score),
    "a refusal after the abortion": (an_aborted_one, lambda: refusal("committed")),
    "a failure after the abortion": (an_aborted_one, lambda: failure("committed")),
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
