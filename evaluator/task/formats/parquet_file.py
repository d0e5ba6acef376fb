"""A Parquet file, by pyarrow. What it says of itself is judged before its pages are read."""

import math
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from evaluator.errors import DataEmpty, DataRefused
from evaluator.task.formats.table import (
    MOST_COLUMNS,
    MOST_FILE_BYTES,
    MOST_ROWS,
    MOST_VALUES,
    Cell,
    Number,
    Odd,
    Row,
    check_size,
    limit,
    malformed,
)

MAGIC = b"PAR1"
FOOTER_BYTES = 8
MOST_FOOTER_BYTES = 4 * 1024 * 1024
BATCH_ROWS = 1_000


class ParquetFile:
    """An open Parquet file. raises DataEmpty, DataTooLarge, DataMalformed"""

    is_text = False
    guessed: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        _check_footer(path)
        self._path = path
        try:
            self._file = parquet.ParquetFile(path)
            self.columns = tuple(str(name) for name in self._file.schema_arrow.names)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise malformed(
                path, 0, f"it is not a readable Parquet file ({_said(error)})"
            ) from error
        found = self._file.metadata
        limit(path, found.num_columns, MOST_COLUMNS, "columns")
        limit(path, found.num_rows, MOST_ROWS, "rows")
        if found.num_rows == 0:
            raise DataEmpty(f"{path.name} holds no rows.", file=path.name, row=0)

    def rows(self, names: Collection[str]) -> Iterator[Row | DataRefused]:
        wanted = [name for name in self.columns if name in names]
        chunks = list(self._chunks(wanted))
        unpacked_bytes = sum(one.total_uncompressed_size for one in chunks)
        limit(self._path, unpacked_bytes, MOST_FILE_BYTES, "bytes")
        limit(self._path, sum(one.num_values for one in chunks), MOST_VALUES, "values")
        row = 0
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False):
                columns = {name: _cells(batch.column(name)) for name in wanted}
                for place in range(batch.num_rows):
                    row += 1
                    yield Row(row, {name: cells[place] for name, cells in columns.items()})
        except (pa.ArrowException, OSError) as error:
            yield malformed(self._path, row + 1, f"its pages cannot be read ({_said(error)})")

    def _chunks(self, wanted: Collection[str]) -> Iterator[parquet.ColumnChunkMetaData]:
        """What the table of contents says of the pages of these columns."""
        found = self._file.metadata
        for group in map(found.row_group, range(found.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                name = chunk.path_in_schema
                if name in wanted or name.split(".")[0] in wanted:
                    yield chunk


def _check_footer(path: Path) -> None:
    """The table of contents is judged by its length before anything reads it."""
    check_size(path)
    with path.open("rb") as file:
        first = file.read(len(MAGIC))
        file.seek(-min(FOOTER_BYTES, path.stat().st_size), 2)
        last = file.read()
    if first != MAGIC or last[-len(MAGIC) :] != MAGIC:
        raise malformed(path, 0, "it is not a whole Parquet file")
    limit(path, int.from_bytes(last[:4], "little"), MOST_FOOTER_BYTES, "bytes of table of contents")


def _cells(column: pa.Array) -> list[Cell]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    try:
        return [_cell(one, kind) for one in column.to_pylist()]
    except UnicodeDecodeError:  # kept as text files keep it, so that the row can be named
        held = column.cast(pa.binary()).to_pylist()
        return [None if one is None else one.decode("utf-8", "surrogateescape") for one in held]
    except (pa.ArrowException, ValueError, OverflowError):  # a date beyond Python's calendar
        return [Odd(str(kind))] * len(column)


def _cell(value: object, kind: pa.DataType) -> Cell:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) or pa.types.is_decimal(kind):
        return Number(str(value))
    if isinstance(value, float):
        return None if math.isnan(value) else Number(repr(value))
    if isinstance(value, list):
        return [_cell(one, kind.value_type) for one in value]
    return Odd("bytes" if isinstance(value, bytes) else f"of the type {kind!s:.40}")


def _said(error: Exception) -> str:
    return ascii(" ".join(str(error).split()))[1:81]
