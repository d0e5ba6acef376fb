"""What any door accepts, a fresh fold accepts: nobody can damage or stop the log by an order."""

import pytest
from celery.signals import before_task_publish
from django.db import DatabaseError, transaction
from django.utils import timezone

from assay import items, messages
from assay.canonical import canonical
from assay.wire import to_json
from ledger import actions, log, queries
from ledger.errors import LogTooLarge
from ledger.models import Message
from licensing.rules.terms import OUR_LICENCE
from tests.hostile.orders import Stranger, fold_anew
from tests.signing import tags_of
from workers import clock, dispatch

pytestmark = pytest.mark.django_db


@pytest.fixture
def eve(client):
    return Stranger(client)


def signed(stranger, body, **told):
    """An order with tags of the stranger's choice."""
    tags = tags_of(messages.KIND_OF[type(body)], **told)
    return items.make(stranger.key, tags, canonical(to_json(body)), anchor=bytes(32)).encode()


def work(title="t", tags=(), kind="data"):
    terms = (("License", OUR_LICENCE), *tags)
    return messages.WorkRegister(
        f"{kind}:" + "ab" * 32, kind, title, terms, (messages.Share("eve", 1),)
    )


@pytest.mark.parametrize("cause", ["x" * 43, "the order that opened the account"])
def test_an_order_that_says_it_answers_another_is_not_taken(eve, cause):
    """Taken, it would damage every replay and audit for ever: only facts answer orders."""
    cause = cause if len(cause) == 43 else Message.objects.get(kind="account.open").item
    before = Message.objects.count()
    answer = eve.send_raw(signed(eve, work(), cause=cause))
    assert (answer.status_code, answer.json()["code"]) == (422, "log.message_refused")
    assert Message.objects.count() == before
    fold_anew()


@pytest.mark.parametrize("size_bytes", [33_000, 60_500, 65_481])
def test_an_order_whose_fact_the_log_could_not_keep_is_not_taken(eve, size_bytes):
    """Taken, its fact of 65,575 bytes would fit into no tile, and the log would stop."""
    blank = len(signed(eve, work(tags=[(f"Note-{n:02d}", "x") for n in range(22)])))
    left, tags = size_bytes - blank, []
    for number in range(22):
        more = min(left, 3000)
        tags.append((f"Note-{number:02d}", "x" * (1 + more)))
        left -= more
    answer = eve.send_raw(signed(eve, work(tags=tags)))
    assert (answer.status_code, answer.json()["code"]) == (413, "log.too_large")
    fold_anew()


def test_a_fact_over_60_000_bytes_is_not_recorded(eve):
    lines = tuple(
        messages.Line(f"{n:064x}", "single", "issuance", "eve", 1, "mint") for n in range(1, 420)
    )
    body = messages.BooksMinted("eve", lines, actions.ms(timezone.now()))
    with transaction.atomic(), pytest.raises(LogTooLarge) as refusal:
        log.record([log.fact(body, idempotency="large")])
    assert refusal.value.code == "log.too_large"
    fold_anew()


def test_the_database_itself_keeps_no_message_that_fits_into_no_tile(eve):
    told = {"item": "y" * 43, "kind": "k", "signer": "s", "anchor": "a", "cause": ""}
    with transaction.atomic(), pytest.raises(DatabaseError):
        Message.objects.create(**told, raw=bytes(65_536))


@pytest.mark.parametrize(
    "title",
    ["\x1b[2J", "a\nb", "a\x00b", "\u202egnp.exe", "a\u200bb", "a\u2066b", "   ", "x" * 201],
)
def test_a_title_that_no_reader_should_see_is_not_taken(eve, title):
    answer = eve.send(work(title))
    assert answer.status_code == 422, answer.content
    assert Message.objects.filter(kind="work.register").count() == 0


def test_an_order_with_a_field_that_its_kind_does_not_have_is_not_taken(eve):
    body = canonical({**to_json(work()), "extra": 1})
    raw = items.make(eve.key, tags_of("work.register"), body, anchor=bytes(32)).encode()
    assert eve.send_raw(raw).json()["code"] == "message.body_invalid"


@pytest.mark.parametrize("inner", [b"null", b"1", b"1.5", b"9" * 5000])
def test_lists_in_lists_without_end_are_refused_and_not_a_fault_of_ours(eve, inner):
    for depth in (100, 700, 900, 980, 5000):
        data = b'{"account":' + b"[" * depth + inner + b"]" * depth + b"}"
        raw = items.make(eve.key, tags_of("account.open"), data, anchor=bytes(32)).encode()
        assert eve.send_raw(raw).status_code == 422


def test_work_that_has_its_place_is_done_while_the_sequencer_cannot_go_on(
    eve, settings, tmp_path, caplog
):
    """Guards against one odd row or a full disk: the clock, the sweep and the tasks go on."""
    sent, blocked = [], tmp_path / "a file where a folder should be"
    blocked.write_bytes(b"")
    away = {**settings.STORAGES["tiles"], "OPTIONS": {"location": str(blocked)}}
    settings.STORAGES = {**settings.STORAGES, "tiles": away}

    def note(sender, **_):
        sent.append(sender)

    before_task_publish.connect(note, weak=False)
    try:
        dispatch.follow()
        clock.sweep()
    finally:
        before_task_publish.disconnect(note)
    assert queries.next_index("dispatch") == queries.log_size() > 0
    assert "The sequencer stops" in caplog.text
    assert queries.latest_checkpoint() is None
