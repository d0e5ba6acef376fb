"""What a run came to is sealed until the close, and what is opened then is what was sealed.

Guards what was seen: the log and its tables told everybody each score, the records of every example
and why somebody's entry was refused, while the competition ran.
"""

from dataclasses import replace

import pytest
from django.db import transaction

from assay import messages
from assay.messages import Opened, Refusal, Shown
from assay.wire import Nano, changed, to_json
from competitions import queries
from competitions.actions import deadline, queue, score, sealing
from competitions.errors import FoldRefused, SliceUsed
from competitions.models import Evaluation, Seal, Sealed, Unopened
from competitions.rules import seals
from competitions.rules.fold import fold
from competitions.rules.records import pack
from evaluator.errors import AdapterWrongBase
from ledger import log
from ledger.actions import ms
from ledger.models import Message
from ledger.rules.entry import read_entry
from ledger.sequencer import sequence
from tests import factories
from tests.factories import at
from tests.laws.scenes import contest, put
from tests.laws.test_contest_exits import escrow_nano, folded, tables
from tests.laws.test_contest_fold import thrown_away

pytestmark = pytest.mark.django_db
SALT = "5c" * 32
ERROR = AdapterWrongBase("Made for another base.")


def forged(result, shown=None, number=5):
    """An entry of slow whose evaluator seals whatever it likes."""
    name = factories.submission("slow", number=number)
    Evaluation.objects.filter(submission=name).delete()
    body = messages.SubmissionScored(
        submission=name,
        manifest_sha256=contest().spec.manifest_sha256,
        seal=seals.seal_of(SALT, result),
        at_ms=ms(at(30)),
        shown=shown or Shown(result.score_e9, "30"),
    )
    put(body)
    return name, Opened(body.seal, SALT, result=result)


def opening(*lines, batch=0, seconds=602):
    return messages.ResultsOpened("docs", batch, lines, ms(at(seconds)))


def close():
    put(messages.CompetitionClosed("docs", ms(at(601))))


def told_to_open():
    """What the honest clock would open."""
    return queries.to_open("docs", limit=100)


# --- before the close -----------------------------------------------------------------------------


def test_before_the_close_only_what_the_board_shows_is_told():
    factories.competition(quota=5)
    for number, right in enumerate((30, 20, 31)):
        factories.scored("ada", number=number, right=right)
    factories.refused("eve", number=3, error=ERROR)
    rows = {one.title: one for one in queries.entry_rows("docs")}
    assert [rows[f"Try {one}"].score_e9 for one in range(3)] == [750_000_000, None, 775_000_000]
    assert {one.result for one in rows.values()} == {None}
    assert [rows["Try 3"].state, rows["Try 3"].refusal_code] == ["refused", ""]
    said = b"".join(bytes(one) for one in Message.objects.values_list("raw", flat=True))
    for secret in (b"adapter.wrong_base", b"another base", b"500000000", factories.result(30)
                   .records.encode()):  # fmt: skip
        assert secret not in said
    assert said.count(b"750000000") == 1
    assert folded() == tables()


@pytest.mark.parametrize("shown", [Shown(Nano(500_000_000), "20"), None], ids=["a worse", "none"])
def test_a_worse_entry_is_not_shown_and_the_first_is(shown):
    """The fold takes neither a second place of one owner on the board nor an empty one."""
    factories.competition()
    if shown:
        factories.scored("ada", right=30)
    name = factories.submission("ada", number=1)
    body = messages.SubmissionScored(
        name, contest().spec.manifest_sha256, "5e" * 32, ms(at(30)), shown
    )
    with pytest.raises(FoldRefused, match="board"):
        put(body)


def told_of(right, error):
    """(kind, body without its seal, bytes) of every message of one story."""
    with thrown_away():
        factories.competition(quota=3)
        factories.scored("ada", right=30)
        factories.scored("ada", number=1, right=right)
        factories.refused("bob", number=2, error=error)
        found = []
        for raw in Message.objects.order_by("pk").values_list("raw", flat=True):
            entry = read_entry(bytes(raw))
            body = to_json(entry.body)
            found.append((entry.kind, body | {"seal": ""} if "seal" in body else body, len(raw)))
        return found


@pytest.mark.parametrize("right", [0, 29])
def test_the_log_before_the_close_is_the_same_whatever_it_hides(right):
    """But for seals and signatures, and to the byte in its length."""
    other = AdapterWrongBase("Of another base, which is told at some length, " * 9)
    assert told_of(right, other) == told_of(17, ERROR)


# --- the opening ----------------------------------------------------------------------------------


def test_after_the_close_everything_is_opened_and_the_fold_says_the_same(replay):
    factories.competition(quota=5)
    for number, right in enumerate((30, 20, 31)):
        factories.scored("ada", number=number, right=right)
    eve = factories.refused("eve", number=3, error=ERROR)
    assert factories.settle()[-1] == "settled"
    scores = [one.score_e9 for one in queries.entry_rows("docs") if one.result]
    assert sorted(scores) == [500_000_000, 750_000_000, 775_000_000]
    assert queries.entry_row(eve).refusal_cause == "Made for another base."
    assert not Unopened.objects.exists()
    assert not Seal.objects.filter(is_open=False).exists()
    assert folded() == tables()
    while sequence(holder="site", now=at(700)):
        pass
    assert replay().is_equal


def two_sealed():
    factories.competition()
    factories.scored("ada", right=30)
    factories.refused("eve", number=1, error=ERROR)
    return told_to_open()[1:]  # the first is the base's


def other(line):
    """The same seal, another salt and result that would give the entry more."""
    return replace(line, result=factories.result(40))


FORGERIES = {
    "another result": lambda result, refusal: opening(other(result)),
    "another salt": lambda result, refusal: opening(replace(result, salt="5d" * 32)),
    "no salt": lambda result, refusal: opening(replace(result, salt="")),
    "nothing at all": lambda result, refusal: opening(replace(result, result=None)),
    "two things": lambda result, refusal: opening(replace(result, refusal=refusal.refusal)),
    "a refusal instead of a result": lambda result, refusal: opening(
        replace(result, result=None, refusal=refusal.refusal)
    ),
    "a seal that nobody set": lambda result, refusal: opening(
        Opened(seals.seal_of(SALT, refusal.refusal), SALT, refusal=refusal.refusal)
    ),
    "one seal twice": lambda result, refusal: opening(result, result),
    "an empty batch": lambda result, refusal: opening(),
    "a batch out of its turn": lambda result, refusal: opening(result, batch=1),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_an_opening_of_anything_else_is_refused(name):
    lines = two_sealed()
    close()
    with pytest.raises(FoldRefused):
        put(FORGERIES[name](*lines))
    put(opening(*lines))
    with pytest.raises(FoldRefused):
        put(opening(lines[0], batch=1, seconds=603))


def test_nothing_is_opened_before_the_close():
    lines = two_sealed()
    with pytest.raises(FoldRefused, match="it is open"):
        put(opening(*lines, seconds=100))
    assert not sealing.open_next("docs", now=at(100))


BAD = {
    "a score that does not follow from its records": {"score_e9": Nano(750_000_001)},
    "records of another number of examples": {"examples": 39},
    "records that are not as pack writes them": {"records": "zz"},
    "answers without a root": {"results_root": ""},
    "answers without a name": {"results_sha256": "8"},
}


@pytest.mark.parametrize("name", BAD)
def test_a_sealed_result_that_does_not_hold_is_not_recorded_and_never_opens(name):
    factories.competition()
    bad = factories.result(30, **BAD[name])
    entry = factories.submission("ada")
    work = Evaluation.objects.get(submission=entry)
    fence = queue.lease(evaluation=work.pk, now=at(20))
    told = {"evaluation": work.pk, "fence": fence, "measured": score.Measured("e" * 64, bad)}
    with pytest.raises(FoldRefused), transaction.atomic():
        score.record_score(**told, now=at(20))
    _, line = forged(bad)
    close()
    with pytest.raises(FoldRefused):
        put(opening(line))


def test_a_board_that_showed_another_score_than_was_sealed_is_found_at_the_opening():
    factories.competition()
    _, line = forged(factories.result(30), Shown(Nano(775_000_000), "31"))
    close()
    with pytest.raises(FoldRefused, match="the board showed another score"):
        put(opening(line))


def answered(found, shown):
    """A second entry of ada, whose first has 20 right answers; the opening of both results."""
    factories.competition()
    factories.scored("ada", right=20)
    first = told_to_open()[1]
    name = factories.submission("ada", number=1)
    seal = seals.seal_of(SALT, found)
    manifest = contest().spec.manifest_sha256
    put(messages.SubmissionScored(name, manifest, seal, ms(at(30)), shown))
    close()
    return [first, Opened(seal, SALT, result=found)]


@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "the other way round"])
def test_a_board_that_hid_a_clear_improvement_is_found_at_the_opening(turn):
    lines = answered(factories.result(30), None)
    with pytest.raises(FoldRefused, match="another answer than the Ladder"):
        put(opening(*lines[::turn]))


@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "the other way round"])
def test_a_board_that_told_a_score_that_is_no_clear_improvement_is_found_at_the_opening(turn):
    ones = (0,) * 19 + (1,) * 21  # one right answer more, twenty won and nineteen lost
    packed = pack(ones, is_binary=True)
    found = factories.result(21, records=packed)
    lines = answered(found, Shown(found.score_e9, "21"))
    with pytest.raises(FoldRefused, match="another answer than the Ladder"):
        put(opening(*lines[::turn]))


def measured_as(found):
    return score.Measured(factories.blob("canonical of a second entry").sha256, found)


def test_a_score_that_is_no_clear_improvement_is_not_told_and_its_opening_holds():
    factories.competition()
    factories.scored("ada", right=20)
    second = factories.submission("ada", number=1)
    found = factories.result(21, records=pack((0,) * 19 + (1,) * 21, is_binary=True))
    work = Evaluation.objects.get(submission=second)
    fence = queue.lease(evaluation=work.pk, now=at(20))
    told = {"evaluation": work.pk, "fence": fence, "measured": measured_as(found)}
    score.record_score(**told, now=at(20))
    assert queries.entry_row(second).score_e9 is None
    assert factories.as_its_owner_sees(second).score_e9 is None
    factories.settle()
    assert queries.entry_row(second).score_e9 == 525_000_000


def test_the_bases_result_on_the_board_is_opened_with_the_others_and_is_what_was_told():
    factories.competition()
    factories.scored("ada")
    evaluator = queries.evaluator_row(contest().spec.manifest_sha256)
    [line, _] = told_to_open()
    assert line.seal == evaluator.board_seal
    assert contest().board_baseline is None
    factories.settle()
    assert contest().board_baseline == line.result
    assert int(line.result.score_e9) == evaluator.board_baseline_e9 == factories.BASELINE_E9


def test_a_base_that_had_another_score_on_the_board_than_was_told_is_found(monkeypatch):
    monkeypatch.setattr(factories, "BASELINE_E9", 275_000_000)
    factories.competition()
    factories.scored("ada")
    lines = told_to_open()
    close()
    with pytest.raises(FoldRefused, match="the base had another score"):
        put(opening(*lines))


def test_the_sealed_slices_of_a_task_decide_one_competition_alone():
    """By the fold: one seal of the base. By the site: the same final rows under another salt."""
    factories.competition()
    spec = contest().spec
    asked = log.order_for("sponsor", messages.CompetitionPublish("again", spec), idempotency="a")
    told = messages.CompetitionPublished("again", "sponsor", spec, ms(at(2)))
    entries = [asked, log.fact(told, answers=asked)]
    with pytest.raises(FoldRefused, match="its sealed slices were used"), transaction.atomic():
        log.record(entries, rooms=(fold,))
    _, body, _ = factories.spec("again")
    factories.register(body, "again")
    Sealed.objects.filter(pk=body.manifest_sha256).update(
        final_root=queries.sealed(spec.manifest_sha256).final_root
    )
    with pytest.raises(SliceUsed):
        factories.competition("again")


# --- what cannot be opened holds up nothing -------------------------------------------------------

LOST = {
    "its salt is lost": lambda row: row.delete(),
    "another salt is kept": lambda row: Unopened.objects.filter(pk=row.pk).update(salt=SALT),
    "another result is kept": lambda row: Unopened.objects.filter(pk=row.pk).update(
        content=changed_content(row)
    ),
}


def changed_content(row):
    return row.content | {"score_e9": "1000000000"}


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_opened_stays_closed_and_everybody_is_paid(name, replay, caplog):
    factories.competition()
    ada = factories.scored("ada", right=30)
    bob = factories.scored("bob", number=1, right=31)
    LOST[name](Unopened.objects.get(submission=ada))
    assert factories.settle(right={ada: 39, bob: 25})[-1] == "settled"
    assert queries.entry_row(ada).result is None
    assert queries.entry_row(bob).result is not None
    assert queries.entry_row(ada).prize_nano > queries.entry_row(bob).prize_nano > 0
    assert escrow_nano() == (0, 0, 0)
    assert [one.submission for one in Seal.objects.filter(is_open=False)] == [ada]
    assert "docs" not in queries.competitions_due(at(10**6))
    assert ("cannot be opened" in caplog.text) == (name != "its salt is lost")
    while sequence(holder="site", now=at(700)):
        pass
    assert replay().is_equal


def test_seals_are_opened_by_the_hundred_and_no_message_is_too_large():
    factories.competition()
    long = Refusal("adapter.bad", "x" * 3000, "y" * 3000)
    made = contest()
    for number in range(12):
        sealing.seal(f"{number}", made, long)
    lines = told_to_open()[1:]
    parts = []
    while lines:
        part = seals.batch(lines)
        parts.append(len(part))
        lines = lines[len(part) :]
    assert parts == [8, 4]
    short = changed(long, cause="", next_step="")
    many = [Opened("", "", refusal=short)] * 250
    assert len(seals.batch(many)) == 100


def test_a_competition_that_ended_unopened_is_opened_all_the_same(monkeypatch):
    """It did not close in time, say: the clock comes back to what is sealed after the end."""
    factories.competition()
    ada = factories.scored("ada", right=30)
    monkeypatch.setitem(deadline._MOVES, "open", lambda *_: None)
    assert deadline.advance("docs", now=at(661)) == ["aborted"]
    assert not Unopened.objects.exists()
    assert queries.entry_row(ada).result is not None
    assert folded() == tables()
