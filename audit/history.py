"""The whole log, folded again by the rules of every room: what replay and the auditor share."""

import gc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from assay import items, merkle, messages
from assay.errors import AssayError
from assay.wire import changed
from competitions.rules import fold as contest_fold
from competitions.rules import rows as contest_rows
from ledger.errors import LogDamaged
from ledger.rules import accounts, fold
from ledger.rules.checks import refused
from ledger.rules.entry import Entry, read_entry
from ledger.rules.rows import MemoryRows, Row
from licensing.rules import fold as licensing_fold
from licensing.rules import rows as licensing_rows

TABLES: tuple[type[Row], ...] = (*accounts.ROWS, *licensing_rows.ROWS, *contest_rows.ROWS)
FOLDS: tuple[fold.Fold, ...] = (licensing_fold.licensing, contest_fold.fold)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for cycles while a log is folded: its rows hold none, and there are millions."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class TracedRows(MemoryRows):
    """Rows that remember which messages wrote them first and last."""

    def __init__(self) -> None:
        super().__init__()
        self.index = -1
        self._first: dict[type, dict[str, int]] = {one: {} for one in TABLES}
        self._last: dict[type, dict[str, int]] = {one: {} for one in TABLES}

    def put(self, row: Row) -> None:
        MemoryRows.put(self, row)
        table, key, index = type(row), row.id, self.index
        if self._first[table].setdefault(key, index) != index:
            self._last[table][key] = index

    def touched(self, table: type[Row], key: str) -> tuple[int, int] | None:
        """Log indexes of the first and the last message that wrote a row; None when none did."""
        first = self._first[table].get(key)
        return None if first is None else (first, self._last[table].get(key, first))


class History:
    """Follows a log from its first entry: checks each, folds it, and grows the tree.

    origin  the log's name, which every order must be meant for
    rows    the state after all entries so far
    kinds   the kind of each entry, by log index
    leaves  leaf hashes, by log index
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.rows = TracedRows()
        self.kinds: list[str] = []
        self.leaves: list[bytes] = []
        self._edge: list[bytes] = []
        self._orders: dict[str, Entry] = {}
        self._anchors: dict[str, set[bytes]] = defaultdict(set)  # signer -> what it used up

    @property
    def size(self) -> int:
        return len(self.leaves)

    @property
    def edge(self) -> Sequence[bytes]:
        """The right edge of the tree, largest subtree first."""
        return self._edge

    @property
    def root(self) -> bytes:
        """The root over all entries so far."""
        return merkle.edge_root(self._edge)

    def grow(self, raw: bytes) -> None:
        """Take the next entry into the tree, whatever it says."""
        leaf = merkle.leaf_hash(raw)
        self._edge = merkle.grown(self._edge, self.size, leaf)
        self.leaves.append(leaf)

    def follow(self, raw: bytes) -> Entry:
        """Verify the next entry and fold it; the tree must have it already, or gets it now.

        raises LogDamaged with its index and the reason; the history ends there
        """
        index = len(self.kinds)
        if index == self.size:
            self.grow(raw)
        self.rows.index = index
        try:
            entry = self._folded(read_entry(raw))
        except AssayError as error:
            raise _damaged(index, raw, error.code, str(error), error.facts) from error
        except Exception as error:  # a signer can put anything in a body: no rule may swallow it
            raise _damaged(index, raw, type(error).__name__, str(error), {}) from error
        self.kinds.append(entry.kind)
        return entry

    def order(self, item: str) -> Entry | None:
        """The order of this id, without its bytes; None when it is no order of the log."""
        return self._orders.get(item)

    def cause_of(self, table: type[Row], key: str) -> str:
        """Which messages wrote a row, in words."""
        touched = self.rows.touched(table, key)
        if touched is None:
            return "no message writes this row"
        first, last = (f"message {index} ({self.kinds[index]})" for index in touched)
        return f"written by {first}" + ("" if first == last else f", last by {last}")

    def _folded(self, entry: Entry) -> Entry:
        """raises what the fold objects to, and MessageRefused for copies and missing causes"""
        anchor, anchors = bytes.fromhex(entry.anchor), self._anchors[entry.signer]
        if anchor in anchors:
            raise refused(entry, "it is in the log already")
        if entry.cause and entry.cause not in self._orders:
            raise refused(entry, "it answers no order of the log")
        anchors.add(anchor)
        order = self._orders[entry.cause] if entry.cause else None
        entry = fold.apply(entry, self.rows, FOLDS, origin=self.origin, order=order)
        if messages.KINDS[entry.kind].signer == "person":
            self._orders[entry.id] = changed(entry, raw=b"")
        return entry


def _damaged(index: int, raw: bytes, code: str, words: str, facts: dict[str, Any]) -> LogDamaged:
    cause = str(facts.get("reason") or code)
    item, kind = _named(raw)
    return LogDamaged(
        f"Message {index} ({kind}, {item}) does not hold: {words}",
        where="log",
        index=index,
        cause=cause,
        code=code,
        item=item,
        kind=kind,
        leaf=merkle.leaf_hash(raw).hex(),
    )


def _named(raw: bytes) -> tuple[str, str]:
    """Id and kind that the bytes claim, whoever signed them."""
    try:
        item = items.Item.decode(raw)
        return item.id, item.tag("Kind") or "no kind"
    except (AssayError, ValueError):
        return "no id", "no message"
