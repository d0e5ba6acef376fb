"""What a dishonest operator can do with the database, and how it is undone after a test."""

from contextlib import contextmanager

from django.db import connection

FIND = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"


FINAL = ("ledger_transfer", "ledger_message")


def drop_triggers():
    """Take every trigger away, so that tables can be emptied; the answer is what puts them back."""
    if connection.vendor == "postgresql":
        run(*(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in FINAL))
        return [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in FINAL]
    with connection.cursor() as cursor:
        found = cursor.execute(FIND).fetchall()
        for name, _ in found:
            cursor.execute(f"DROP TRIGGER {name}")
    return [statement for _, statement in found]


@contextmanager
def unguarded(table):
    """Triggers and checks of a table are off: what anybody with the database file can do."""
    off, on = _switches(table)
    back = drop_triggers() if connection.vendor == "sqlite" else []
    try:
        run(*off)
        yield
    finally:
        run(*on, *back)


def _switches(table):
    if connection.vendor == "sqlite":
        pragma = "PRAGMA ignore_check_constraints = "
        return [f"{pragma}1"], [f"{pragma}0"]
    switch = f"ALTER TABLE {table} {{}} TRIGGER USER"
    return [switch.format("DISABLE")], [switch.format("ENABLE")]


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def write(table, key, column, value):
    """Change one value of one row by SQL, past every rule of the house."""
    column = connection.ops.quote_name(column)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, key])
        assert cursor.rowcount == 1
