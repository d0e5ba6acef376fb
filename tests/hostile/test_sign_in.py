"""What was signed to come in is good once: whoever heard it does not come in after its owner."""

import pytest
from django.conf import settings
from django.utils import timezone

from assay import keys
from ledger import actions
from tests.hostile.orders import Stranger
from web.models import ApiToken

pytestmark = pytest.mark.django_db


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
