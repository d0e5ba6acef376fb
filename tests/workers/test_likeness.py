"""Copies of an adapter are found however they are spelled, whoever is measured first."""

from dataclasses import replace

import numpy as np
import pytest

from assay.messages import Likeness, Refusal
from audit.adapters import Adapters
from audit.inspection import Problem, look_for_copies
from competitions import queries
from competitions.actions import entry, queue, score, winners
from competitions.errors import (
    Derived,
    Duplicate,
    FoldRefused,
    SubmissionExists,
    UndeclaredParent,
)
from competitions.models import Evaluation, NormalForm, Submission
from competitions.rules import likeness as rules
from competitions.rules.rows import Deposit, State
from ledger import actions as ledger_actions
from ledger import blobs, log
from ledger.models import Message
from ledger.rules.entry import read_entry
from licensing.rules.rows import entry_work
from tests import crew, factories, signing
from tests.evaluator.adapters import canonical, factors
from tests.evaluator.makers import pseudo
from workers import likeness

pytestmark = pytest.mark.django_db
LATER = 1000  # seconds: the first competition is over then


def enter(owner, adapter, *, name="docs", at=10, parents=(), files=""):
    """An entry of this adapter that waits for its public run; answers with its id."""
    factories.account(owner)
    names = [
        factories.blob(f"{part} {files or at}", owner=owner).sha256
        for part in ("config", "tensors")
    ]
    body = factories.committed(owner, name, names, "Try", parents=tuple(parents), salt=at)
    order = log.order_for(owner, body, idempotency=f"{name}/{at}")
    made = entry.commit(order, now=factories.at(at)).id
    BLOBS[made] = factories.blob(canonical(adapter)).sha256
    return made


BLOBS: dict[str, str] = {}  # entry -> its canonical adapter; ids are hashes, so tests share nothing


def check(made):
    """What a worker does before the run; the error that puts the entry out, or None."""
    try:
        likeness.check(made, BLOBS[made])
    except Duplicate as error:
        return error
    return None


def measure(made, *, at, right=30):
    """The whole public run of an entry, as workers.scoring does it; the error, or None."""
    work = Evaluation.objects.get(submission=made, slice="board")
    told = {"evaluation": work.pk, "now": factories.at(at)}
    fence = queue.lease(**told)
    if error := check(made):
        score.record_refusal(**told, fence=fence, error=error)
        return error
    score.record_score(**told, fence=fence, measured=factories.measured(BLOBS[made], right))
    return None


def mixed(adapter, seed="mix"):
    """The same update, spelled otherwise: another file and another hash."""
    made = {}
    for name, (up, down) in adapter.items():
        mix = np.eye(up.shape[1]) * 3 + pseudo(f"{seed}/{name}", (up.shape[1],) * 2).astype("f8")
        made[name] = (up @ mix, np.linalg.solve(mix, down))
    return made


def moved(adapter, by, seed="noise"):
    """An adapter with noise over it: the more, the less of the old one is left."""
    return {
        name: tuple(
            one + by * pseudo(f"{seed}/{name}/{n}", one.shape) for n, one in enumerate(pair)
        )
        for name, pair in adapter.items()
    }


ADA = factors("ada")


def state(made):
    return queries.entry_row(made).state


@pytest.fixture
def docs():
    return factories.competition()


def test_a_copy_in_another_spelling_is_refused_with_its_numbers_for_the_owner(docs):
    first, copy = enter("ada", ADA, at=10), enter("eve", mixed(ADA), at=11)
    assert measure(first, at=20) is None
    error = measure(copy, at=21)
    assert type(error) is Duplicate
    assert (error.facts["of"], error.facts["two_sided_ppm"]) == (first, 1_000_000)
    assert state(copy) == State.REFUSED
    told = factories.as_its_owner_sees(copy)
    assert told.refusal_code == "submission.duplicate"
    assert first in told.refusal_cause
    assert "100.00 %" in told.refusal_cause


def test_a_copy_that_was_measured_first_is_out_when_its_original_is_measured(docs):
    first, copy = enter("ada", ADA, at=10), enter("eve", mixed(ADA), at=11)
    assert measure(copy, at=20) is None
    assert measure(first, at=21) is None
    assert (state(first), state(copy)) == (State.SCORED, State.REFUSED)


def test_of_two_that_run_at_once_the_later_one_is_found_and_its_run_counts_no_more(docs):
    first, copy = enter("ada", ADA, at=10), enter("eve", mixed(ADA), at=11)
    likeness.check(copy, BLOBS[copy])  # it runs now, and has no score yet
    assert measure(first, at=21) is None
    assert (state(first), state(copy)) == (State.SCORED, State.REFUSED)
    assert not Evaluation.objects.filter(submission=copy).exists()


def test_an_entry_derived_from_a_hidden_one_is_out_of_the_prize(docs):
    first, copy = enter("ada", ADA, at=10), enter("eve", moved(ADA, 0.5), at=11)
    assert measure(first, at=20) is None
    error = measure(copy, at=21)
    assert type(error) is Derived
    assert 300_000 <= error.facts["two_sided_ppm"] < 900_000


def test_ones_own_and_independent_entries_are_let_in(docs):
    first, again = enter("ada", ADA, at=10), enter("ada", moved(ADA, 0.1), at=11)
    other = enter("bob", factors("bob"), at=12)
    assert [measure(one, at=20 + n) for n, one in enumerate((first, again, other))] == [None] * 3


def test_what_was_refused_makes_nobody_a_copier(docs):
    """Guards the honest: an entry that is out proves nothing against a later one."""
    first = enter("ada", ADA, at=10)
    factories.score.record_refusal(
        evaluation=Evaluation.objects.get(submission=first).pk,
        fence=queue.lease(
            evaluation=Evaluation.objects.get(submission=first).pk, now=factories.at(20)
        ),
        error=Duplicate("Out.", of="x"),
        now=factories.at(20),
    )
    assert measure(enter("bob", mixed(ADA), at=30), at=31) is None


# --- what is public -------------------------------------------------------------------------------


@pytest.fixture
def opened(docs):
    """ada won `docs` and bob lost it; both are open. A second competition on that base runs."""
    entries = enter("ada", ADA, at=10), enter("bob", factors("bob"), at=11)
    for n, made in enumerate(entries):
        assert measure(made, at=20 + n) is None
    factories.settle(right={entries[0]: 40, entries[1]: 12})
    winners.license_winners("docs", now=factories.at(620))
    later = ledger_actions.ms(factories.at(3000))
    factories.competition("next", "sponsor2", closes_at_ms=later, quota=9)
    return entries


def test_a_public_work_that_an_entry_is_made_from_must_be_declared(opened):
    work = entry_work(opened[0])
    made = enter("eve", moved(ADA, 0.5), name="next", at=LATER, files="same")
    error = measure(made, at=LATER + 1)
    assert type(error) is UndeclaredParent
    assert error.facts["of"] == work
    told = {"name": "next", "files": "same"}
    with pytest.raises(SubmissionExists):
        enter("eve", moved(ADA, 0.5), at=LATER + 2, **told)
    again = enter("eve", moved(ADA, 0.5), at=LATER + 3, parents=[work], **told)
    assert measure(again, at=LATER + 4) is None


def test_a_declared_parent_is_not_entered_as_it_is(opened):
    made = enter("eve", mixed(ADA), name="next", at=LATER, parents=[entry_work(opened[0])])
    assert type(measure(made, at=LATER + 1)) is Duplicate


def test_what_is_open_and_no_work_is_nobodys_to_build_on(opened):
    made = enter("eve", moved(factors("bob"), 0.5), name="next", at=LATER)
    error = measure(made, at=LATER + 1)
    assert (type(error), error.facts["of"]) == (Derived, opened[1])


def test_an_owner_may_enter_and_build_on_what_is_his_own(opened):
    same = enter("bob", factors("bob"), name="next", at=LATER)
    built = enter("bob", moved(factors("bob"), 0.5), name="next", at=LATER + 1)
    assert [measure(one, at=LATER + 2 + n) for n, one in enumerate((same, built))] == [None, None]


def test_two_who_build_on_the_same_work_are_no_copies_of_each_other(opened):
    """And one who copies the other's way from there is."""
    parents, told = [entry_work(opened[0])], {"name": "next"}
    cyd = moved(ADA, 0.5, "cyd")
    entries = [
        enter("cyd", cyd, at=LATER, parents=parents, **told),
        enter("dee", moved(ADA, 0.5, "dee"), at=LATER + 1, parents=parents, **told),
        enter("eve", moved(cyd, 0.4, "eve"), at=LATER + 2, parents=parents, **told),
    ]
    found = [measure(one, at=LATER + 3 + n) for n, one in enumerate(entries)]
    assert found[:2] == [None, None]
    assert (type(found[2]), found[2].facts["of"]) == (Derived, entries[0])


# --- what the log tells, and what the fold asks ---------------------------------------------------


def test_after_the_close_the_log_names_the_other_and_the_numbers(docs):
    first, copy = enter("ada", ADA, at=10), enter("eve", mixed(ADA), at=11)
    for n, made in enumerate((first, copy)):
        measure(made, at=20 + n)
    factories.deadline.advance("docs", now=factories.at(601))
    [message] = [one for one in opened_refusals() if one.reason == "submission.duplicate"]
    assert message.likeness == Likeness(first, 1_000_000, 1_000_000)
    assert queries.entry_row(copy).refusal_code == "submission.duplicate"


def test_a_deposit_comes_back_to_who_derived_from_what_nobody_could_see(docs):
    """And a copier's does not."""
    copies = {"eve": moved(ADA, 0.5), "fay": mixed(ADA)}
    measure(enter("ada", ADA, at=10), at=20)
    for n, (owner, adapter) in enumerate(copies.items()):
        measure(enter(owner, adapter, at=11 + n), at=21 + n)
    Submission.objects.filter(owner__in=copies).update(deposit=Deposit.FORFEITED)
    factories.deadline.advance("docs", now=factories.at(601))
    kept = dict(Submission.objects.filter(owner__in=copies).values_list("owner", "deposit"))
    assert kept == {"eve": Deposit.HELD, "fay": Deposit.FORFEITED}


def opened_refusals():
    raws = Message.objects.filter(kind="results.opened").values_list("raw", flat=True)
    bodies = [read_entry(bytes(raw)).body for raw in raws]
    return [line.refusal for body in bodies for line in body.opened if line.refusal]


@pytest.mark.parametrize(
    ("wrong", "changed"),
    [
        ("mean something else", {"two_sided_ppm": 899_999}),
        ("mean something else", {"reason": "submission.derived"}),
        ("nothing says how like", {"reason": "submission.derived", "likeness": None}),
        ("came later", {"of": "later"}),
        ("owner's own", {"of": "own"}),
        ("no such other", {"of": "nobody"}),
        (
            "no work cannot be declared",
            {"reason": "submission.undeclared_parent", "two_sided_ppm": 4e5},
        ),
    ],
)
def test_a_refusal_that_does_not_follow_is_no_fact(docs, wrong, changed):
    first, own = enter("ada", ADA, at=10), enter("eve", factors("eve"), at=11)
    copy, later = enter("eve", mixed(ADA), at=12), enter("bob", ADA, at=13)
    names = {"later": later, "own": own, "nobody": "x" * 43}
    told = {"of": first, "two_sided_ppm": 900_000, **changed}
    told["of"] = names.get(told["of"], told["of"])
    like = Likeness(told["of"], int(told["two_sided_ppm"]), 0)
    reason = told.get("reason", "submission.duplicate")
    refusal = Refusal(reason, "It is a copy.", "", told.get("likeness", like))
    rows = log.Tables()
    asked = (log.find(copy), refusal, queries.entry_row(copy), rows)
    with pytest.raises(FoldRefused, match=wrong):
        rules.judge(*asked)
    rules.judge(log.find(copy), replace(refusal, reason="submission.duplicate",
                likeness=Likeness(first, 900_000, 0)), *asked[2:])  # fmt: skip


# --- the normal forms -----------------------------------------------------------------------------


def test_a_form_is_made_once_and_again_when_its_file_is_gone(docs, monkeypatch):
    made = []
    whole = likeness.form_of
    monkeypatch.setattr(likeness, "form_of", lambda raw: made.append(1) or whole(raw))
    first = enter("ada", ADA, at=10)
    check(first)
    check(first)
    assert len(made) == 1
    (kept,) = NormalForm.objects.values_list("sha256", flat=True)
    assert kept in queries.files_in_use()
    blobs.delete(kept)
    check(first)
    assert len(made) == 2
    assert blobs.has(kept)


def test_the_forms_of_nobodys_adapters_may_go(docs):
    made = enter("ada", ADA, at=10)
    check(made)
    (kept,) = NormalForm.objects.values_list("sha256", flat=True)
    Evaluation.objects.filter(submission=made).delete()
    assert kept not in queries.files_in_use()


# --- from outside ---------------------------------------------------------------------------------


class Served:
    """What a site serves of its files, without the network."""

    def blob(self, sha256):
        return blobs.read(sha256, limit_bytes=1 << 20) if blobs.has(sha256) else None


def adapters_from_outside():
    history = signing.history()
    for raw in Message.objects.order_by("pk").values_list("raw", flat=True):
        history.follow(bytes(raw))
    return Adapters(history, Served())


def let_in(made, *, at):
    """A site that does not look: the score is recorded, and nothing is compared."""
    work = Evaluation.objects.get(submission=made, slice="board")
    told = {"evaluation": work.pk, "now": factories.at(at)}
    fence = queue.lease(**told)
    score.record_score(**told, fence=fence, measured=factories.measured(BLOBS[made], 30))


def test_a_stranger_finds_the_copies_that_a_site_let_in_with_the_sites_own_numbers(opened):
    declared = enter(
        "dee", moved(ADA, 0.5, "dee"), name="next", at=LATER, parents=[entry_work(opened[0])]
    )
    derived = enter("eve", moved(ADA, 0.5), name="next", at=LATER + 1)
    copy = enter("fay", mixed(moved(ADA, 0.5)), name="next", at=LATER + 2)
    honest = enter("gil", factors("gil"), name="next", at=LATER + 3)
    wanted = {made: check(made) for made in (derived, copy)}
    for n, made in enumerate((declared, derived, copy, honest)):
        let_in(made, at=LATER + 10 + n)
    settle_next()
    outside = adapters_from_outside()
    found = {one.id: (other.name, alike) for one, (other, alike) in outside.copies()}
    assert found.keys() == {derived, copy}
    for made, (name, alike) in found.items():
        error = wanted[made]
        assert (name, alike.two_sided_ppm) == (error.facts["of"], error.facts["two_sided_ppm"])
    assert outside.measured == 6
    with pytest.raises(Problem, match="2 in all"):
        look_for_copies(adapters_from_outside())


def settle_next():
    """Close `next`, score it, and open what stands."""
    for seconds in (3001, 3001, 3002):
        factories.deadline.advance("next", now=factories.at(seconds))
    for work in list(queries.evaluations_of("next", "final")):
        name = factories.adapter_of(work.submission) if work.submission else ""
        count = 30 if work.submission else 10
        now = factories.at(3003)
        crew.finish(work, factories.measured(name, count), taken=now, now=now)
    factories.deadline.advance("next", now=factories.at(3004))


def test_a_stranger_finds_nothing_where_the_site_looked(opened):
    outside = adapters_from_outside()
    assert look_for_copies(outside).words.startswith("2 opened adapters, none of them a copy")
