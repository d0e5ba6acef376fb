"""A row that nothing could have made breaks no list: the others are still shown.

Guards what was seen: a competition that closed in the year 9999 was published, and every list that
named it answered 500 from then on.
"""

import pytest

from competitions.models import Competition, Submission
from tests import factories

pytestmark = pytest.mark.django_db
ODD = {
    "a close in the year 9999": {"closes_at_ms": 253_402_300_799_000},
    "a close past every calendar": {"closes_at_ms": 10**17},
    "an opening before all time": {"opens_at_ms": -(10**17)},
    "a prize of nothing": {"prize_nano": "0"},
    "an empty title": {"title": ""},
}
LISTS = (
    "/", "/competitions/", "/api/competitions", "/competitions/docs/", "/competitions/other/",
    "/competitions/docs/leaderboard/", "/api/competitions/docs",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_competition_with_an_odd_value_breaks_no_list(client, name):
    factories.competition()
    factories.competition("other")
    factories.scored("ada")
    row = Competition.objects.get(pk="docs")
    Competition.objects.filter(pk="docs").update(spec=row.spec | ODD[name])
    client.raise_request_exception = False
    told = {address: client.get(address).status_code for address in LISTS}
    assert told == dict.fromkeys(LISTS, 200)


@pytest.mark.parametrize("odd_ms", [253_402_300_799_000, 10**17, -(10**17)])
def test_an_entry_of_another_age_breaks_neither_its_board_nor_its_page(client, odd_ms):
    factories.competition()
    entry = factories.scored("ada")
    Submission.objects.filter(pk=entry).update(committed_ms=odd_ms, since_ms=odd_ms)
    client.raise_request_exception = False
    for address in ("/competitions/docs/", f"/submissions/{entry}/", f"/api/submissions/{entry}"):
        assert client.get(address).status_code == 200, address
