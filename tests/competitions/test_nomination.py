"""Which entries decide: by the owner's word, without one, and what becomes of the others."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from competitions import queries
from competitions.actions import deadline
from competitions.actions.nomination import nominate_for
from competitions.errors import NotNominable, SubmissionClosed
from competitions.models import Evaluation
from competitions.rules.nomination import chosen
from ledger.models import Blob, Message
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db
PAGE = "/competitions/docs/nominate/"


def three_of_ada(finals=2, quota=5):
    """ada's second of three entries is the best on the board; bob has one."""
    factories.competition(quota=quota, finals=finals)
    rights = (20, 36, 28)
    ids = [factories.scored("ada", number=n, right=right) for n, right in enumerate(rights)]
    return [*ids, factories.scored("bob", number=9, right=30)]


def name(*ids, owner="ada", now=None):
    return nominate_for(owner, "docs", ids, now=now or at(100))


def finally_scored():
    """Whose work on the sealed slice was asked for: entries, without the base."""
    found = Evaluation.objects.filter(competition="docs", slice="final").exclude(submission="")
    return set(found.values_list("submission", flat=True))


def close():
    deadline.advance("docs", now=at(601))


def test_without_a_word_the_best_of_the_board_decides_and_the_newest_other():
    _, best, newest, bob = three_of_ada()
    close()
    assert finally_scored() == {best, newest, bob}


@pytest.mark.parametrize(("finals", "count"), [(1, 1), (2, 2), (10, 2)])
def test_the_rule_takes_two_at_most_and_never_more_than_may_decide(finals, count):
    _, best, *_ = three_of_ada(finals)
    close()
    mine = [one for one in finally_scored() if queries.submission(one).owner == "ada"]
    assert best in mine
    assert len(mine) == count


def test_the_last_word_before_the_close_counts():
    first, best, newest, bob = three_of_ada()
    name(newest, best)
    name(first, now=at(120))
    close()
    assert finally_scored() == {first, bob}


def test_whoever_takes_his_word_back_leaves_it_to_the_rule():
    first, best, newest, bob = three_of_ada()
    name(first)
    name(now=at(120))
    close()
    assert finally_scored() == {best, newest, bob}


def test_when_none_of_the_named_entries_stands_the_rule_chooses():
    factories.competition(quota=3)
    copied = factories.submission("bob")
    named = factories.submission("ada", number=1)
    other = factories.scored("ada", number=2)
    name(named, now=at(15))
    adapter = factories.blob("the same").sha256
    for entry in (named, copied):  # the copy is seen at the close: its original comes later
        work = Evaluation.objects.get(submission=entry)
        fence = factories.queue.lease(evaluation=work.pk, now=at(30))
        factories.score.record_score(
            evaluation=work.pk, fence=fence, measured=factories.measured(adapter, 38), now=at(31)
        )
    close()
    assert queries.submission(named).state == "refused"
    assert finally_scored() == {other, copied}


def test_a_named_entry_alone_decides_though_more_may():
    first, *_ = three_of_ada()
    mine = queries.entry_rows_of("docs", "ada")
    assert [one.id for one in chosen(mine, (first,), 2)] == [first]


def test_only_those_that_decide_are_opened_ranked_and_paid():
    first, best, newest, bob = three_of_ada()
    name(first)
    assert factories.settle(right={first: 30, bob: 25})[-1] == "settled"
    states = {one: queries.submission(one).state for one in (first, best, newest, bob)}
    assert states == {first: "revealed", best: "scored", newest: "scored", bob: "revealed"}
    assert queries.submission(best).prize_nano is None
    assert queries.submission(first).place == 1
    assert [row.submission.id for row in queries.leaderboard("docs")] == [first, bob]
    adapters = {one: factories.adapter_of(one) for one in states}
    public = {one for one, sha in adapters.items() if Blob.objects.get(pk=sha).is_public}
    assert public == {first, bob}
    assert queries.submission(best).result is not None, "its sealed result is told after the close"


def test_a_receipt_of_an_entry_that_did_not_decide_is_for_its_owner_alone(client):
    _, best, *_ = ids = three_of_ada()
    name(ids[0])
    factories.settle()
    address = f"/api/submissions/{best}/receipts/board"
    assert client.get(address).json()["code"] == "submission.receipt_sealed"
    assert client.get(address.replace(best, ids[0])).status_code == 200


def test_with_more_that_decide_a_winner_has_to_be_clearer():
    """ada beats the base by five of forty: enough alone at 1/20, and not beside bob at 1/40."""
    factories.competition()
    ada = factories.scored("ada")
    assert factories.settle(right={ada: 15})[-1] == "settled"
    assert queries.submission(ada).place == 1
    factories.competition("other", sponsor="rival")
    ada, bob = factories.scored("ada", "other"), factories.scored("bob", "other", number=1)
    assert factories.settle("other", right={ada: 15, bob: 10})[-1] == "settled"
    assert [queries.submission(one).place for one in (ada, bob)] == [None, None]


@pytest.mark.parametrize("what", ["another's", "refused", "too many", "twice", "unknown"])
def test_what_cannot_decide_is_refused_and_says_why(what):
    first, best, newest, bob = three_of_ada()
    out = factories.refused("ada", number=20, error=NotNominable("It is bad."))
    ids = {
        "another's": [bob],
        "refused": [out],
        "too many": [first, best, newest],
        "twice": [first, first],
        "unknown": ["A" * 43],
    }[what]
    before = Message.objects.count()
    with pytest.raises(NotNominable) as refusal:
        name(*ids)
    assert refusal.value.facts["most"] == 2
    assert Message.objects.count() == before


def test_after_the_close_nobody_changes_who_decides():
    first, *_ = three_of_ada()
    with pytest.raises(SubmissionClosed):
        name(first, now=at(600))
    close()
    with pytest.raises(SubmissionClosed):
        name(first, now=at(602))


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture
def ada(client, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: at(100))
    ids = three_of_ada()
    user = get_user_model().objects.get(username="ada")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, ids


def ticked(page):
    """The entries whose boxes are ticked."""
    boxes = [one for one in page.text.split("<input") if 'name="entries"' in one]
    return {one.split('value="')[1][:43] for one in boxes if " checked" in one.split(">")[0]}


def test_the_page_shows_what_would_decide_now_and_takes_another_choice(ada):
    client, (first, best, newest, _) = ada
    assert ticked(client.get(PAGE)) == {best, newest}
    page = client.post(PAGE, {"entries": [first]}, follow=True)
    assert ticked(page) == {first}
    assert "You named them" in page.text
    page = client.post(PAGE, {}, follow=True)
    assert ticked(page) == {best, newest}
    assert "You named none" in page.text


def test_more_boxes_than_may_decide_are_refused_at_the_field_and_stay_ticked(ada):
    client, (first, best, newest, bob) = ada
    page = client.post(PAGE, {"entries": [first, best, newest]})
    assert page.status_code == 422
    assert "You chose 3. At most 2 may decide" in page.text
    assert ticked(page) == {first, best, newest}
    assert client.post(PAGE, {"entries": [bob]}).status_code == 422
    assert queries.nomination("docs", "ada") is None


def test_every_way_to_the_page_is_a_link_and_it_ends_with_the_close(ada, monkeypatch):
    client, (first, *_) = ada
    for address in ("/competitions/docs/", "/competitions/docs/entries/", f"/submissions/{first}/"):
        assert PAGE in client.get(address).text, address
    monkeypatch.setattr(timezone, "now", lambda: at(602))
    close()
    assert 'name="entries"' not in client.get(PAGE).text
    assert client.post(PAGE, {"entries": [first]}).status_code == 409
    assert "it does not decide" in client.get(f"/submissions/{first}/").text
