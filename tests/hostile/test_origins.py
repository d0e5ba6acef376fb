"""What was signed for one log is good at no other, and no site can pass for another's."""

import json
from pathlib import Path

import httpx2
import pytest
from django.db import transaction
from django.utils import timezone

from assay import items, keys, messages
from assay.cli.home import home_at
from assay.client import Client
from assay.signing import OriginChanged, OriginOdd, believed
from ledger import actions, log
from ledger.errors import LogDamaged, OriginRefused
from ledger.models import Message
from tests import signing
from tests.hostile.orders import Stranger, fold_anew
from tests.signing import sign_order

SHARES = (messages.Share("eve", 1),)
WORK = messages.WorkRegister("data:" + "ab" * 32, "data", "t", (("License", "x"),), SHARES)
OURS, THEIRS = "assay.local/log", "other.example/log"


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["", THEIRS, "assay.local/LOG", f"{OURS} "])
def test_an_order_for_another_log_or_for_none_is_taken_by_no_door(client, origin):
    """Taken, whoever runs one site could hand in at another what was signed for the first."""
    eve = Stranger(client)
    before = Message.objects.count()
    order = sign_order(WORK, eve.key, origin=origin, idempotency="one")
    if not origin:
        tags = signing.tags_of("work.register", origin="")
        order = items.make(eve.key, tags, order.data, anchor=order.anchor)
    answer = eve.send_raw(order.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "log.origin_refused")
    assert "Log-Origin" in answer.json()["next"]
    assert answer.json()["facts"]["origin"] == OURS
    assert Message.objects.count() == before
    fold_anew()


@pytest.mark.django_db
def test_an_order_of_another_log_is_refused_by_record_and_by_every_fold(client, settings):
    """The operator of two sites may not carry an order from one to the other either."""
    eve = Stranger(client)
    settings.LOG_ORIGIN = THEIRS
    order = log.order_for("eve", messages.RoyaltyDraw("ab" * 32), idempotency="one")
    settings.LOG_ORIGIN = OURS
    with transaction.atomic(), pytest.raises(OriginRefused):
        log.record([order])
    signed = sign_order(messages.KeyAdd("cd" * 32), eve.key, origin=THEIRS, idempotency="two")
    with pytest.raises(LogDamaged) as refusal:
        fold_anew().follow(signed.encode())
    assert refusal.value.facts["code"] == "log.origin_refused"


@pytest.mark.django_db
def test_a_fact_names_no_log(client):
    Stranger(client)
    body, key = messages.ClockTicked(actions.ms(timezone.now())), log.signing_key("operator")
    fact = signing.make_item(body, key, origin=OURS, idempotency="one")
    with pytest.raises(LogDamaged, match="a fact names no log"):
        fold_anew().follow(fact.encode())


@pytest.mark.parametrize(
    ("origin", "url", "is_believed"),
    [
        ("assay.example/log", "https://assay.example", True),
        ("assay.example:8443/log", "https://assay.example:8443", True),
        ("assay.example/log", "http://127.0.0.1:8000", True),
        ("assay.example/log", "http://localhost:8000", True),
        ("assay.example/log", "https://evil.example", False),
        ("assay.example/log", "https://assay.example.evil.example", False),
        ("assay.example/log", "https://127.0.0.1.evil.example", False),
        ("assay.example/log", "https://assay.example@evil.example", False),
        ("assay.local/log", "http://192.0.2.7:8000", False),
        ("", "https://evil.example", False),
    ],
)
def test_a_site_may_name_its_own_host_and_no_other(origin, url, is_believed):
    if is_believed:
        assert believed(origin, url) == origin
        return
    with pytest.raises(OriginOdd) as refusal:
        believed(origin, url)
    assert "--log NAME" in refusal.value.next_step


def site_that_says(origin, came):
    def answer(request):
        came.append(request.method)
        return httpx2.Response(200, json={"origin": origin})

    return httpx2.MockTransport(answer)


def test_a_client_signs_nothing_for_a_strangers_site_with_another_ones_name():
    """Signed, the stranger could hand the order in at the site whose name it took."""
    came, key = [], keys.new_key()
    wire = site_that_says("assay.example/log", came)
    with Client("https://evil.example", transport=wire) as client:
        with pytest.raises(OriginOdd):
            client.order(WORK, key, idempotency="one")
        with pytest.raises(OriginOdd):
            client.open_session("ada", key, at_ms=1)
    assert set(came) == {"GET"}


def test_a_site_whose_log_has_another_name_than_before_gets_no_signature():
    came, key = [], keys.new_key()
    wire = site_that_says("evil.example/log", came)
    client = Client("https://evil.example", origin=THEIRS, transport=wire)
    with client, pytest.raises(OriginChanged):
        client.open_session("ada", key, at_ms=1)
    assert came == ["GET"]


def test_what_a_site_is_called_is_kept_by_its_address(tmp_path):
    home = home_at(Path(tmp_path))
    assert home.origin("https://a.example") == ""
    home.keep_origin("https://a.example", "a.example/log")
    home.keep_origin("https://b.example", "b.example/log")
    assert home.origin("https://a.example") == "a.example/log"
    assert home.origin("https://evil.example") == ""
    assert home.logs_path.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(home.logs_path.read_text())) == 2
