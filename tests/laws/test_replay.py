"""Every table follows from the log: replay gives the same rows, and names whatever does not."""

import json

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from audit.history import TABLES
from config.management.commands.replay import as_json, as_text, exit_code
from config.replay import NOT_REPLAYED, unlisted
from ledger.models import Checkpoint, Edge, Message
from tests.laws import story
from tests.laws.tampering import unguarded, write

COLUMNS = ("item", "kind", "signer", "anchor", "cause")


@pytest.fixture
def told(transactional_db):
    story.tell()


def test_every_model_is_rebuilt_or_listed_with_a_reason():
    labels = {model._meta.label for model in apps.get_models(include_auto_created=True)}
    rebuilt = {table.TABLE for table in TABLES}
    assert unlisted() == []
    assert set(NOT_REPLAYED) & rebuilt == set()
    assert (set(NOT_REPLAYED) | rebuilt) - labels == set()


def test_after_the_whole_story_every_table_has_rows_and_replay_is_equal(told, replay):
    report = replay()
    assert as_text(report)[0].startswith("EQUAL"), as_text(report)
    assert exit_code(report) == 0
    assert report.messages == Message.objects.count()
    assert report.checkpoints == Checkpoint.objects.count()
    assert [one.TABLE for one in TABLES if not apps.get_model(one.TABLE).objects.exists()] == []


def test_messages_without_a_place_are_counted_and_nothing_is_compared(told, replay):
    story.mint(account="buyer", amount_nano=1, idempotency="late", now=story.NOW)
    report = replay()
    assert (report.waiting, report.messages, exit_code(report)) == (1, 0, 1)
    assert "Run it again" in as_text(report)[0]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.TABLE)
def test_replay_names_every_value_that_was_changed(told, replay, table):
    """Guards the comparison itself: leave a column out of it, and this fails for that column."""
    model = apps.get_model(table.TABLE)
    key = model.objects.order_by("pk").values_list("pk", flat=True).last()
    for field in model._meta.concrete_fields:
        if field.generated:
            continue  # the database computes it from another column
        before = model.objects.values_list(field.attname, flat=True).get(pk=key)
        after = changed(before, field)
        if not overwrite(model, key, field, after):
            continue  # the database itself refused, by a named constraint
        report = replay()
        found = {(one.table, one.row, one.column) for one in report.differences}
        named = str(after if field.primary_key else key)
        column = "id" if field.primary_key else field.attname
        assert (table.TABLE, named, column) in found, field.name
        assert exit_code(report) == 6
        assert overwrite(model, after if field.primary_key else key, field, before)
    assert replay().is_equal


def changed(value, field):
    """The same value, with one thing about it different."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    if value is None:
        kind = type(field).__name__
        return 1 if "Integer" in kind else ["x"] if "JSON" in kind else "x"
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    text = json.dumps(value)
    return json.loads(text.replace("1", "2", 1)) if "1" in text else [*value, "x"]


def overwrite(model, key, field, value):
    """Write past every rule; False when PostgreSQL's own constraint stands in the way."""
    value = value if value is None or isinstance(value, str | int) else json.dumps(value)
    try:
        with unguarded(model._meta.db_table), transaction.atomic():
            write(model._meta.db_table, key, field.column, value)
    except IntegrityError:
        assert connection.vendor == "postgresql"
        return False
    return True


def test_replay_names_a_row_that_was_taken_away_and_the_message_that_wrote_it(told, replay):
    table, key = "ledger_transfer", story.queries_of_last_transfer()
    with unguarded(table), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [key])
    (one,) = replay().differences
    assert (one.table, one.row, one.column, one.claimed) == (
        "ledger.Transfer",
        key,
        "id",
        "nothing",
    )
    assert "(royalty.drawn)" in one.cause


def test_replay_names_a_row_that_no_message_writes(told, replay):
    apps.get_model("ledger.Account").objects.create(
        id="eve",
        kind="user",
        unit="ASSAY",
        available_nano=0,
        pending_out_nano=0,
        pending_in_nano=0,
        is_closed=False,
    )
    (one,) = replay().differences
    assert (one.table, one.row, one.cause) == (
        "ledger.Account",
        "eve",
        "no message writes this row",
    )


def test_one_flipped_byte_in_a_message_is_named_with_its_index_and_cause(told, replay):
    """Guards the signature check of every message."""
    message = Message.objects.get(kind="competition.settled")
    raw = bytes(message.raw)
    for place in (2, 70, 120, len(raw) // 2, len(raw) - 1):
        flipped = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with unguarded("ledger_message"):
            write("ledger_message", message.pk, "raw", flipped)
        report = replay()
        assert report.damage.facts["index"] == message.log_index, place
        assert report.damage.facts["cause"], place
        assert exit_code(report) == 6
        assert as_json(report)["damage"]["code"] == "log.damaged"


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_search_column_of_a_message_is_named(told, replay, column):
    message = Message.objects.filter(kind="licence.granted").earliest("pk")
    with unguarded("ledger_message"):
        write("ledger_message", message.pk, column, getattr(message, column)[:-1] + "_")
    damage = replay().damage
    assert (damage.facts["index"], damage.facts["cause"]) == (message.log_index, column)


def test_a_message_that_was_taken_out_is_named(told, replay):
    message = Message.objects.get(log_index=7)
    with unguarded("ledger_message"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_message WHERE id = %s", [message.pk])
    damage = replay().damage
    assert (damage.facts["index"], damage.facts["cause"]) == (7, "missing")


@pytest.mark.parametrize("column", ["root", "note", "size"])
def test_a_changed_checkpoint_is_named(told, replay, column):
    """Guards that every root is computed again, and every signature over it."""
    last = Checkpoint.objects.order_by("size").last()
    value = changed(getattr(last, column), Checkpoint._meta.get_field(column))
    value = last.note[:-3] + "AA\n" if column == "note" else value
    Checkpoint.objects.filter(pk=last.pk).update(**{column: value})
    report = replay()
    assert report.damage.facts["where"] == "checkpoint"
    assert exit_code(report) == 6


@pytest.mark.parametrize("change", [{"size": 3}, {"hashes": []}])
def test_a_changed_edge_of_the_tree_is_named(told, replay, change):
    Edge.objects.update(**change)
    assert "right edge" in str(replay().damage)
