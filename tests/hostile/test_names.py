"""One list of names that nobody gets, at every door; no name hides behind an address of ours."""

from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.urls import get_resolver

from assay import handles, keys
from assay.messages import AccountOpen
from competitions.rules.spec import OUR_ADDRESSES, new_problems
from ledger import actions, queries
from tests import factories
from tests.hostile.orders import BYTES
from tests.hostile.places import addresses
from tests.signing import sign_order

ODD = ("a", "a--b", "ada-", "9ada", "x" * 33, "ad.a", "escrow:docs", "\u0430da")
GOOD = ("ada", "a-b", "x" * 32, "sponsor")
PASSWORD = "weigh-me-44"
OF_THE_HOUSE = ("evaluators", "fee", "issuance")


@pytest.fixture
def by_api(client, db):
    actions.found(now=factories.NOW)

    def ask(name):
        raw = sign_order(AccountOpen(name), keys.new_key(), idempotency=name).encode()
        return client.post("/api/messages", raw, content_type=BYTES)

    return ask


@pytest.fixture
def by_form(client, db):
    actions.found(now=factories.NOW)

    def ask(name):
        cache.clear()  # so many sign-ups a minute are refused for another reason
        client.logout()
        return client.post("/account/sign-up/", {"username": name, "password1": PASSWORD})

    return ask


def test_a_name_that_is_reserved_or_none_is_refused_at_both_doors(by_api, by_form):
    for name in (*sorted(handles.RESERVED), *ODD):
        told = by_api(name)
        assert (told.status_code, told.json()["code"]) == (422, "ledger.account_invalid"), name
        page = by_form(name)
        says_why = told.json()["message"] in page.text or name == "a"  # that is said otherwise
        assert (page.status_code, says_why) == (200, True), name
        assert not queries.has_account(name) or name in OF_THE_HOUSE
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_taken_at_both_doors(by_api, by_form, name):
    assert by_api(name).status_code == 200
    other = f"{name[:31]}2"
    assert by_form(other).status_code == 302
    assert queries.has_account(other)


def test_what_the_fold_refuses_is_on_the_list():
    assert handles.OF_THE_BOOKS < handles.RESERVED


def words_beside(place, routes):
    """The fixed words that stand where a route has this place, which no name may be."""
    for route in routes:
        start, found, rest = route.partition(place)
        for other in routes if found else ():
            word = other.removeprefix(start).removesuffix(rest)
            if other == f"{start}{word}{rest}" and word and not set(word) & set("/<>{}"):
                yield word


def test_no_competition_has_a_name_that_leads_to_another_page():
    routes = {one for one in addresses(get_resolver().url_patterns) if "(?P" not in one}
    assert set(words_beside("<str:competition>", routes)) == OUR_ADDRESSES
    for place in ("<str:name>", "<str:work>", "<str:grant>", "<str:submission>", "<str:draft>"):
        assert set(words_beside(place, routes)) - {"statement.csv", "draw"} == set(), place


@pytest.mark.django_db
def test_a_competition_under_an_address_of_ours_is_not_published():
    spec = replace(factories.spec()[0], closes_at_ms=1)
    assert [one.path for one in new_problems("new", spec, now_ms=0)] == ["competition"]
    assert new_problems("newer", spec, now_ms=0) == []
