"""However many rows there are, a page asks the database the same number of questions."""

import secrets
from itertools import count

import pytest
from django.db import transaction

from tests.bench.web import build, measure, pages

pytestmark = pytest.mark.django_db
SIZES = (build.Size(60, 25, 240, 20), build.Size(240, 60, 400, 60))  # more than a page of works


def questions(size, listed):
    """Page -> its queries, on a site of this size, which is gone afterwards.

    Its log begins anew with the same bytes each time, so salts are no secret here.
    """
    salts = (f"{number:064x}" for number in count())
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_hex", lambda _: next(salts))
        build.fill(size)
        found = {one.name: measure.cost_of(one, times=1).queries for one in listed()}
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("listed", [pages.contest_pages, pages.rights_pages, pages.record_pages])
def test_a_page_takes_as_many_queries_on_a_large_site_as_on_a_small_one(listed):
    small, large = (questions(size, listed) for size in SIZES)
    assert large == small
    assert max(large.values()) <= measure.QUERIES
