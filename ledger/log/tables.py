"""The rows of the fold over the Django tables, by statements that are made once per table.

An action reads and writes a handful of rows by their id. The ORM takes longer to put such a
statement together than the database takes to answer it, and every append waits for that.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from assay import wire
from ledger.rules.rows import R, Row

Statement = tuple[str, list[Any]]  # SQL, and a value for each of its %s
MOST_VALUES = 30_000  # in one statement: PostgreSQL takes 65,535


class Tables:
    """Rows over the Django tables; what may change is locked when it is read, until the commit.

    Make one per transaction: a row that it has locked is not read again, since nobody else can
    change it. That a row is absent is not remembered, but for the ids of `read_ahead`.
    """

    def __init__(self) -> None:
        self._there: dict[tuple[type, str], Any] = {}
        self._absent: set[tuple[type, str]] = set()
        self._base = transaction.get_connection()

    @cached_property
    def cursor(self) -> CursorWrapper:
        """One for all statements: to make a cursor takes a tenth of what a statement takes."""
        return self._base.cursor()

    def get(self, table: type[R], key: str) -> R | None:
        known: R | None = self._there.get((table, key))
        if known is not None or (table, key) in self._absent or not key:
            return known
        found = self._read(table, "id = %s", [key])
        return found[0] if found else None

    def some(self, table: type[R], keys: Iterable[str]) -> list[R]:
        return self._read_all(table, sorted(set(keys)))

    def find(self, table: type[R], **wanted: object) -> list[R]:
        columns = self._shape(table).columns
        parts = [
            f"{columns[name]} IS NULL" if value is None else f"{columns[name]} = %s"
            for name, value in wanted.items()
        ]
        given = [value for value in wanted.values() if value is not None]
        return self._read(table, " AND ".join(parts) or "1 = 1", given)

    def assume(self, row: Row) -> None:
        """Take a final row as read. Whoever does so asks the database before the commit."""
        assert type(row).IS_FINAL
        self._keep([row])

    def lock(self, table: type[R], ids: Sequence[str]) -> None:
        """Lock rows in order of id, so that two batches never wait for each other in a ring."""
        self._read_all(table, ids)

    def read_ahead(self, table: type[R], ids: Sequence[str]) -> None:
        """Read rows with one query; those that are not there count as absent from now on.

        Only where a lock that is held keeps everybody else from making them: whoever makes a
        transfer between named accounts has locked both.
        """
        found = {row.id for row in self._read_all(table, ids)}
        self._absent.update((table, name) for name in ids if name not in found)

    def put(self, row: Row) -> None:
        self.write([row])

    def write(self, rows: Sequence[Row]) -> None:
        """Replace the rows that were there, insert the others."""
        for statement in self._statements(rows):
            self.cursor.execute(*statement)

    def write_by_next(self, rows: Sequence[Row]) -> Statement:
        """Write the rows; on PostgreSQL by the answer, put at the head of the next statement.

        All of it is then one trip to the server. That statement does not see the rows.
        """
        if self._base.vendor != "postgresql":
            self.write(rows)
            return "", []
        statements = self._statements(rows)
        if sum(len(values) for _, values in statements) > MOST_VALUES:
            for statement in statements:
                self.cursor.execute(*statement)
            return "", []
        parts, given = [], []
        for place, (sql, values) in enumerate(statements):
            parts.append(f"written{place} AS ({sql})")
            given += values
        return (f"WITH {', '.join(parts)} " if parts else ""), given

    def _statements(self, rows: Sequence[Row]) -> list[Statement]:
        found = []
        for table in dict.fromkeys(type(row) for row in rows):
            mine, shape = [row for row in rows if type(row) is table], self._shape(table)
            old = [row for row in mine if (table, row.id) in self._there]
            new = [row for row in mine if (table, row.id) not in self._there]
            at_once = MOST_VALUES // len(shape.names)
            for some, more in ((old, shape.replace), (new, "")):
                for at in range(0, len(some), at_once):
                    values = [shape.values(row) for row in some[at : at + at_once]]
                    found.append(insert_of(shape.insert, values, more))
        self._keep(rows)
        return found

    def _shape(self, table: type[Row]) -> "_Shape":
        return _shape_of(table, self._base.vendor)

    def _read_all(self, table: type[R], ids: Sequence[str]) -> list[R]:
        if not ids:
            return []
        places = ", ".join(["%s"] * len(ids))
        return self._read(table, f"id IN ({places})", sorted(ids))

    def _read(self, table: type[R], where: str, given: Sequence[Any]) -> list[R]:
        shape = self._shape(table)
        is_locked = not table.IS_FINAL and self._base.in_atomic_block
        lock = " FOR UPDATE" if is_locked and self._base.vendor == "postgresql" else ""
        self.cursor.execute(f"{shape.select} WHERE {where} ORDER BY id{lock}", given)
        found: list[R] = [shape.row(values) for values in self.cursor.fetchall()]
        self._keep(found)
        # By code point, as in memory: a database sorts by its collation.
        return sorted(found, key=lambda row: row.id)

    def _keep(self, rows: Sequence[Row]) -> None:
        self._there.update(((type(row), row.id), row) for row in rows)


def row_of(table: type[R], values: dict[str, Any]) -> R:
    """A row of the fold from a table's values."""
    shapes = wire.hints(table)
    plain = {name: _from_table(value, shapes[name]) for name, value in values.items()}
    return table(**plain)


class _Shape:
    """How one table is spoken to: its statements, and what its columns must be turned into."""

    def __init__(self, table: type[Row]) -> None:
        meta = apps.get_model(table.TABLE)._meta  # noqa: SLF001 - Django's own documented name
        quote = connection.ops.quote_name
        self.names = [one.name for one in fields(table)]  # type: ignore[arg-type]
        self.fields = [meta.get_field(name) for name in self.names]
        self.columns = {one.name: quote(one.column) for one in self.fields}
        self.into = quote(meta.db_table)
        listed = ", ".join(self.columns.values())
        self.select = f"SELECT {listed} FROM {self.into}"  # noqa: S608 - names of our own columns
        self.insert = f"INSERT INTO {self.into} ({listed}) VALUES "  # noqa: S608
        changed = [f"{one} = excluded.{one}" for one in list(self.columns.values())[1:]]
        self.replace = f" ON CONFLICT (id) DO UPDATE SET {', '.join(changed)}"
        self._table = table
        hints = wire.hints(table)
        self._readers = {
            name: reader for name in self.names if (reader := _reader_of(hints[name])) is not None
        }
        self._take = attrgetter(*self.names)
        self._deep = [
            (place, hints[field.name], field)
            for place, field in enumerate(self.fields)
            if not _is_plain(hints[field.name])
        ]

    def row(self, values: Sequence[Any]) -> Any:
        told = dict(zip(self.names, values, strict=True))
        for name, reader in self._readers.items():
            told[name] = reader(told[name])
        return wire.made(self._table, told)

    def values(self, row: Row) -> list[Any]:
        values = list(self._take(row))
        for place, hint, field in self._deep:
            if values[place] is not None:
                written = wire.encode(values[place], hint)
                values[place] = field.get_db_prep_save(written, connection)
        return values


@cache
def _shape_of(table: type[Row], vendor: str) -> _Shape:
    assert vendor == connection.vendor
    return _Shape(table)


def _is_plain(hint: Any) -> bool:
    """Whether values of this type lie in their column as they are."""
    return hint in (str, int, bool, str | None, int | None)


def _reader_of(hint: Any) -> Callable[[Any], object] | None:
    """What turns a column's value into the field's; None for texts and whole numbers."""
    if hint is bool:
        return bool
    if _is_plain(hint):
        return None
    return lambda value: value if value is None else wire.decode(json.loads(value), hint, "$")


def _from_table(value: object, shape: object) -> object:
    return wire.decode(value, shape, "$") if isinstance(value, list | dict) else value


def insert_of(insert: str, rows: Sequence[Sequence[Any]], more: str = "") -> Statement:
    """One INSERT of several rows. insert: up to VALUES;  more: what follows the rows."""
    one = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
    given = [value for row in rows for value in row]
    return insert + ", ".join([one] * len(rows)) + more, given
