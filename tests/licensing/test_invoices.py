"""An invoice: the log's numbers, the holder's own name on it, and nobody else's eyes."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from ledger import log
from ledger.models import Message
from ledger.sequencer import sequence
from licensing import models
from tests.licensing import market

pytestmark = pytest.mark.django_db
HTML = {"accept": "text/html"}
PARTY = {"name": "Orchard & Sons Ltd", "address": "1 Apple Row\nYork", "tax_id": "GB 123"}


@pytest.fixture
def bought(client):
    market.people()
    market.scene()
    grant = market.buy()
    while sequence(holder="site", now=timezone.now()):
        pass
    for name in ("buyer", "mate"):
        get_user_model().objects.create_user(username=name)
    sign_in(client, "buyer")
    return client, grant


def sign_in(client, name):
    client.force_login(get_user_model().objects.get(username=name))


def test_the_holder_writes_a_name_on_it_and_the_number_and_the_lines_are_the_logs(bought):
    client, grant = bought
    place, before = f"/licences/{grant.id}/invoice/", Message.objects.count()
    page = client.get(place, headers=HTML).text
    assert f"/{log.index_of(grant.message)}" in page
    assert ">100<" in page.replace(" ", "").replace("\n", "")
    assert client.post(place, {**PARTY, "name": ""}, headers=HTML).status_code == 422
    assert client.post(place, PARTY, headers=HTML).status_code == 302
    page = client.get(place, headers=HTML).text
    for words in ("Orchard &amp; Sons Ltd", "1 Apple Row<br>York", "GB 123", "no-print"):
        assert words in page
    assert Message.objects.count() == before, "nothing of it is in the log"
    assert place in client.get(f"/licences/{grant.id}/", headers=HTML).text


def test_nobody_else_sees_it(bought):
    client, grant = bought
    place = f"/licences/{grant.id}/invoice/"
    client.post(place, PARTY, headers=HTML)
    sign_in(client, "mate")
    assert client.get(place, headers=HTML).status_code == 404
    assert client.post(place, PARTY, headers=HTML).status_code == 404
    assert not models.BillingParty.objects.filter(pk="mate").exists()
    for open_page in (f"/licences/{grant.id}/", f"/api/licences/{grant.id}"):
        assert "Orchard" not in client.get(open_page).text
    client.logout()
    assert client.get(place, headers=HTML).status_code == 302
