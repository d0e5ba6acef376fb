"""The database ranks a board as whole numbers of any size do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competitions import queries
from competitions.models import Submission
from tests import factories
from tests.bench.web.rows import pour, row_of

pytestmark = pytest.mark.django_db
MERITS = st.one_of(
    st.integers(-20, 20), st.integers(-(10**12), 10**12), st.integers(-(10**390), 10**390)
)
ENTRIES = st.lists(st.tuples(st.sampled_from("abcd"), MERITS), min_size=1, max_size=12)


@pytest.fixture
def first(db):
    """One real entry, of which the others are copies."""
    factories.competition()
    made = factories.scored()
    found = row_of(Submission, id=made)
    Submission.objects.filter(pk=made).delete()
    return found


@given(ENTRIES)
@settings(max_examples=60)
def test_a_board_is_the_best_of_each_owner_in_the_order_of_whole_numbers(first, entries):
    Submission.objects.all().delete()
    pour(Submission, (_copy(first, number, *one) for number, one in enumerate(entries)))
    ordered = sorted(enumerate(entries), key=lambda one: (-one[1][1], one[0]))
    best = {}
    for number, (owner, _) in ordered:
        best.setdefault(owner, f"entry{number}")
    board = queries.leaderboard("docs")
    assert [row.submission.pk for row in board] == [*best.values()]
    assert [row.rank for row in board] == [*range(1, len(best) + 1)]
    contest = queries.competition("docs")
    assert queries.board_size(contest) == len(best)
    assert queries.best_entry(contest).pk == board[0].submission.pk
    for one in Submission.objects.all():
        assert queries.is_on_board(one, contest) == (one.pk in best.values())
    parts = [queries.leaderboard("docs", start=at, limit=1) for at in range(len(best) + 1)]
    assert [row for part in parts for row in part] == board


def _copy(first, number, owner, merit):
    told = {"id": f"entry{number}", "owner": owner, "merit": str(merit)}
    told["commitment"] = f"{number:064x}"
    times = {"committed_ms": first["committed_ms"] + number, "window": number}
    return first | told | times
