"""Every table follows from the log, or is listed among those that do not: never half and half."""

from dataclasses import fields

import pytest
from django.apps import apps
from django.db.models import Model

from competitions.rules import rows as competitions_rows
from config.management.commands.replay import NOT_REPLAYED
from ledger.rules import accounts as ledger_rows
from licensing.rules import rows as licensing_rows

ROOMS = ("config", "workers", "competitions", "licensing", "ledger", "web")
ROWS = (*ledger_rows.ROWS, *licensing_rows.ROWS, *competitions_rows.ROWS)


def test_every_table_is_rebuilt_by_replay_or_listed_as_not():
    rebuilt = {row.TABLE.lower() for row in ROWS}
    listed = {label.lower() for label in NOT_REPLAYED}
    models = {model._meta.label_lower for room in ROOMS for model in room_models(room)}
    assert rebuilt & listed == set()
    assert models - rebuilt - listed == set()
    assert rebuilt - models == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.TABLE)
def test_a_table_has_the_columns_of_its_row(row):
    every = apps.get_model(row.TABLE)._meta.concrete_fields
    written = [field for field in every if not field.generated]
    columns, named = ({getattr(one, name) for one in written} for name in ("attname", "name"))
    assert [field.name for field in fields(row) if field.name not in columns | named] == []
    assert len(columns) == len(fields(row))


def room_models(room: str) -> list[type[Model]]:
    """The tables of a room; none when the room is no Django app."""
    return list(apps.get_app_config(room).get_models()) if apps.is_installed(room) else []
