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


def sign_in(client, body):
    return client.post("/api/sessions", body, content_type="application/json")


def test_a_signature_that_signed_in_once_signs_in_nobody_again(eve, client):
    now_ms = actions.ms(timezone.now())
    heard = words_of(eve, now_ms)
    assert sign_in(client, heard).status_code == 200
    tokens = ApiToken.objects.count()
    again = sign_in(client, heard)
    assert again.status_code == 401
    assert ApiToken.objects.count() == tokens
    assert sign_in(client, words_of(eve, now_ms + 1)).status_code == 200


@pytest.mark.parametrize("more", [{"extra": 1}, {"at_ms": 10**400}, {"at_ms": -1}])
def test_a_sign_in_with_odd_fields_is_refused(eve, client, more):
    body = words_of(eve, actions.ms(timezone.now())) | more
    assert sign_in(client, body).status_code == 422
