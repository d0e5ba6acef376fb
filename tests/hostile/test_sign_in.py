"""What was signed to come in is good once: whoever heard it does not come in after its owner."""

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from assay import keys
from ledger import actions
from tests.hostile.orders import Stranger
from web.models import ApiToken

pytestmark = pytest.mark.django_db
WORD, OTHER = "weigh-me-44", "weigh-me-55"


@pytest.fixture
def eve(client):
    return Stranger(client)


def words_of(stranger, at_ms):
    words = f"assay-session-v1\0{settings.LOG_ORIGIN}\0{stranger.name}\0{at_ms}"
    return {
        "account": stranger.name,
        "public": keys.public_hex(stranger.key),
        "at_ms": at_ms,
        "signature": stranger.key.sign(words.encode()).hex(),
    }


def sign_in(client, body, **more):
    return client.post("/api/sessions", body, content_type="application/json", **more)


def test_a_signature_that_signed_in_once_signs_in_nobody_again(eve, client):
    now_ms = actions.ms(timezone.now())
    heard = words_of(eve, now_ms)
    assert sign_in(client, heard).status_code == 200
    tokens = ApiToken.objects.count()
    again = sign_in(client, heard)
    assert again.status_code == 401
    assert ApiToken.objects.count() == tokens
    assert sign_in(client, words_of(eve, now_ms + 1)).status_code == 200


def test_an_address_tries_so_many_signatures_and_shuts_no_owner_out(eve, client, most):
    """Whoever names an account and one of its keys, which are public, spends of his own."""
    most("signatures", address=3)
    most("key_sign_ins", account=2)
    now_ms = actions.ms(timezone.now())
    for number in range(3):
        forged = words_of(eve, now_ms) | {"signature": f"{number:0128x}"}
        place = ("/api/sessions", "/api/sessions/web")[number % 2]
        assert client.post(place, forged, content_type="application/json").status_code == 401
    told = sign_in(client, words_of(eve, now_ms))
    assert (told.status_code, told.json()["code"]) == (429, "budget.signatures")
    code = {**words_of(eve, 1), "code": "x"}
    del code["at_ms"]
    told = client.post("/api/sessions/keys", code, content_type="application/json")
    assert told.status_code == 429
    for number in range(2):
        body, elsewhere = words_of(eve, now_ms + number), f"198.51.100.{number}"
        assert sign_in(client, body, REMOTE_ADDR=elsewhere).status_code == 200
    told = sign_in(client, words_of(eve, now_ms + 2), REMOTE_ADDR="198.51.100.9")
    assert (told.status_code, told.json()["code"]) == (429, "budget.key_sign_ins")
    assert told.json()["facts"]["of"] == "account"


@pytest.mark.parametrize("more", [{"extra": 1}, {"at_ms": 10**400}, {"at_ms": -1}])
def test_a_sign_in_with_odd_fields_is_refused(eve, client, more):
    body = words_of(eve, actions.ms(timezone.now())) | more
    assert sign_in(client, body).status_code == 422


TYPED = {
    "sign-in": {"login": "ada", "password": WORD, "next": "/"},
    "sign-up": {"username": "grace", "password1": WORD, "next": "/"},
    "sign-out": {"next": "/"},
    "password": {"oldpassword": WORD, "password1": OTHER, "password2": OTHER},
    "password/set": {"password1": OTHER, "password2": OTHER},
}


@pytest.fixture
def uncounted():
    """django-allauth counts by number of the user, and a test's users begin again at one."""
    cache.clear()
    yield
    cache.clear()


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("form", TYPED)
def test_a_form_of_sign_in_does_nothing_with_a_field_that_it_does_not_have(form):
    actions.found(now=timezone.now())
    users = get_user_model()
    users.objects.create_user("ada", password=None if form == "password/set" else WORD)
    browser = Client()
    if form in ("sign-out", "password", "password/set"):
        browser.force_login(users.objects.get())
    before = state_of(browser)
    path = f"/account/{form}/"
    told = browser.post(path, TYPED[form] | {"is_staff": "1"}, headers={"accept": "text/html"})
    assert told.status_code in (200, 422)
    assert "This form has no field is_staff." in told.text
    assert state_of(browser) == before
    assert browser.post(path, TYPED[form]).status_code == 302
    assert state_of(browser) != before


def state_of(browser):
    """Who there is, with which password, and who is signed in."""
    users = get_user_model().objects.order_by("pk").values_list("username", "password")
    return [*users], browser.session.get("_auth_user_id")
