"""Copies of a row in large numbers, straight into its table."""

import json
from hashlib import sha256
from itertools import islice

from django.db import connection, models, transaction

AT_ONCE = 5000


def name_of(*words):
    """64 hex digits that follow from the words."""
    return sha256("/".join(map(str, words)).encode()).hexdigest()


def row_of(model, **wanted):
    """The values of one row as its table holds them, by field."""
    found = model.objects.get(**wanted)
    return {field.attname: _held(field, found) for field in written(model)}


def new(row):
    """The values of a row that is not in its table yet, with every default, but an id."""
    fields = (one for one in written(type(row)) if not one.primary_key)
    return {one.attname: _held(one, row) for one in fields}


def written(model):
    """The columns that somebody writes."""
    return [one for one in model._meta.concrete_fields if not getattr(one, "generated", False)]


def pour(model, rows):
    """Insert rows, each a dict of all fields but an id that the table counts itself."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    columns = {one.attname: one.column for one in written(model) if one.attname in first}
    quote = connection.ops.quote_name
    named = ", ".join(quote(one) for one in columns.values())
    places = ", ".join(["%s"] * len(columns))
    insert = f"INSERT INTO {quote(model._meta.db_table)} ({named}) VALUES ({places})"
    part = [first, *islice(rows, AT_ONCE - 1)]
    with transaction.atomic(), connection.cursor() as cursor:
        while part:
            cursor.executemany(insert, [[one[name] for name in columns] for one in part])
            part = list(islice(rows, AT_ONCE))


def _held(field, found):
    value = getattr(found, field.attname)
    if isinstance(field, models.JSONField) and value is not None:
        return json.dumps(value)
    return field.get_db_prep_save(value, connection)
