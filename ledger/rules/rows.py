"""Rows: the state that the fold works on, wherever it lives.

A row is a frozen dataclass whose first field is `id` and whose `TABLE` names the Django table that
mirrors it, field by field. The fold sees rows only through `Rows`; three things offer that:
`MemoryRows` (replay, audit), the tables (ledger/log.py, live), and `Overlay` over either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

from ledger.errors import MessageRefused


class Row(Protocol):
    """What every row class has.

    INDEXES   the fields that `find` is asked by
    IS_FINAL  nobody need lock its rows: they never change once they are there (a key's row says
              how it changes once)
    """

    TABLE: ClassVar[str]
    INDEXES: ClassVar[tuple[str, ...]]
    IS_FINAL: ClassVar[bool]

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Row)


class Rows(Protocol):
    """Read and replace rows. Nothing is ever deleted: a state ends, its row stays."""

    def get(self, table: type[R], key: str) -> R | None:
        """The row of this id, or None."""

    def some(self, table: type[R], keys: Iterable[str]) -> list[R]:
        """The rows of these ids that are there, in order of id: one question, however many."""

    def find(self, table: type[R], **wanted: object) -> list[R]:
        """Rows whose indexed fields equal `wanted`, in order of id."""

    def put(self, row: Row) -> None:
        """Insert the row, or replace the one of the same id. raises MessageRefused without an id"""


_Index = dict[object, dict[str, None]]  # value of a field -> ids of the rows that have it
_NOBODY: Mapping[str, None] = MappingProxyType({})


class MemoryRows:
    """All rows in dictionaries: what replay and the auditor fold into."""

    def __init__(self) -> None:
        self._rows: dict[type, dict[str, Any]] = defaultdict(dict)
        self._index: dict[tuple[type, str], _Index] = defaultdict(dict)

    def get(self, table: type[R], key: str) -> R | None:
        return self._rows[table].get(key)

    def some(self, table: type[R], keys: Iterable[str]) -> list[R]:
        rows = self._rows[table]
        return [rows[key] for key in sorted(set(keys)) if key in rows]

    def find(self, table: type[R], **wanted: object) -> list[R]:
        rows = self._rows[table]
        keys = [self._index[table, name].get(value, _NOBODY) for name, value in wanted.items()]
        hits = min(keys, key=len) if keys else rows.keys()
        return [rows[key] for key in sorted(hits) if all(key in one for one in keys)]

    def put(self, row: Row) -> None:
        _need_name(row)
        table, key = type(row), row.id
        rows = self._rows[table]
        old = rows.get(key)
        rows[key] = row
        for name in table.INDEXES:
            value = getattr(row, name)
            if old is None:
                self._index[table, name].setdefault(value, {})[key] = None
            elif (before := getattr(old, name)) != value:
                del self._index[table, name][before][key]
                self._index[table, name].setdefault(value, {})[key] = None

    def count(self, table: type[Row]) -> int:
        """How many rows a table has."""
        return len(self._rows[table])

    def all(self, table: type[R]) -> list[R]:
        """Every row of a table, in order of id."""
        return [self._rows[table][key] for key in sorted(self._rows[table])]


class Overlay:
    """Changes on top of other rows, not yet written: all of them are kept, or none."""

    def __init__(self, below: Rows) -> None:
        self._below = below
        self._changed: dict[tuple[type, str], Row] = {}

    def get(self, table: type[R], key: str) -> R | None:
        changed: Any = self._changed.get((table, key))
        return changed if changed is not None else self._below.get(table, key)

    def some(self, table: type[R], keys: Iterable[str]) -> list[R]:
        wanted = sorted(set(keys))
        found: dict[str, Any] = {row.id: row for row in self._below.some(table, wanted)}
        found |= {key: row for key in wanted if (row := self._changed.get((table, key)))}
        return [found[key] for key in wanted if key in found]

    def find(self, table: type[R], **wanted: object) -> list[R]:
        found = {row.id: row for row in self._below.find(table, **wanted)}
        for (kind, key), row in self._changed.items():
            if kind is table:
                found.pop(key, None)
                if all(getattr(row, name) == value for name, value in wanted.items()):
                    found[key] = row  # type: ignore[assignment]
        return [found[key] for key in sorted(found)]

    def put(self, row: Row) -> None:
        _need_name(row)
        self._changed[type(row), row.id] = row

    @property
    def changed(self) -> Iterable[Row]:
        return self._changed.values()

    def keep(self) -> None:
        """Hand every change down to the rows below."""
        for row in self._changed.values():
            self._below.put(row)
        self._changed.clear()


def _need_name(row: Row) -> None:
    """The tables find no row by an empty id, so none may have it anywhere."""
    if not row.id:
        cause = f"A row of {type(row).TABLE} needs a name."
        raise MessageRefused(cause, reason="nameless", table=type(row).TABLE)
