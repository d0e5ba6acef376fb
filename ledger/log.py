"""The one log. Everything that happened is a message here; every table can be rebuilt from it.

An action decides, makes facts with `fact`, and ends with `record`: that folds the entries into the
tables and appends them, inside the action's transaction. Nothing else writes a table of the fold.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, models, transaction

from assay import keys, messages, wire
from ledger import bell
from ledger.errors import AnchorTaken, MessageUnknown
from ledger.models import Message
from ledger.rules import fold
from ledger.rules.accounts import Account, Transfer
from ledger.rules.entry import Entry, make_item, read_entry
from ledger.rules.rows import Overlay, R, Row


def read_order(raw: bytes) -> Entry:
    """An order in signed bytes from outside, with its actor known.

    raises BadItem, MessageRefused, BodyInvalid, SignerRefused
    """
    entry = read_entry(raw)
    if messages.KINDS[entry.kind].signer != "person" or entry.speaker:
        raise fold.refused(entry, "only orders come in by this door")
    return replace(entry, actor=fold.actor_of(entry, Tables()))


def order_for(account: str, body: object, *, idempotency: str) -> Entry:
    """An order that the operator signs for a web user; the same words, the same order."""
    key = signing_key("operator")
    item = make_item(body, key, speaker=account, idempotency=f"{account}/{idempotency}")
    return replace(read_entry(item.encode()), actor=account)


def fact(body: object, *, answers: Entry | None = None, idempotency: str = "") -> Entry:
    """A fact, signed by the key of its kind's signer.

    answers      the order that it answers
    idempotency  what makes it happen once, when it answers none or when an order has several facts
                 of one kind
    """
    kind = messages.KIND_OF[type(body)]
    assert answers or idempotency, "a fact without a cause needs words that make it once"
    cause = answers.id if answers else ""
    key = signing_key(messages.KINDS[kind].signer)
    words = f"{cause}/{kind}/{idempotency}"
    item = make_item(body, key, cause=cause, idempotency=words)
    return replace(read_entry(item.encode()), order=answers)


def record(entries: Sequence[Entry], *, rooms: Sequence[fold.Fold] = ()) -> None:
    """Fold the entries into the tables and append them: the last write of an action.

    No shared row is touched by the append, so writers never wait for each other there; the
    sequencer gives the places later. After commit the bell rings.
    raises AnchorTaken, and what the fold objects to; the caller's transaction is then lost as a
           whole
    """
    assert transaction.get_connection().in_atomic_block, "record() belongs inside an action"
    tables = Tables()
    above = Overlay(tables)
    lines = [line for entry in entries for line in getattr(entry.body, "transfers", ())]
    tables.lock(Account, _accounts(lines))
    tables.read_ahead(Transfer, [line.id for line in lines if line.debit])
    for entry in entries:
        fold.apply(entry, above, rooms)
    tables.write(list(above.changed))
    _append(entries)
    bell.ring_after_commit()


def find(item: str) -> Entry | None:
    """The entry of this id with its actor, when it is in the log."""
    row = Message.objects.filter(item=item).first()
    if row is None:
        return None
    entry = read_entry(bytes(row.raw))
    return replace(entry, actor=fold.actor_of(entry, Tables()))


def index_of(item: str) -> int | None:
    """The place of a message; None while it waits for one.

    raises MessageUnknown
    """
    row = Message.objects.filter(item=item).values("log_index").first()
    if row is None:
        raise MessageUnknown(f"No message {item} is in the log.", id=item)
    index: int | None = row["log_index"]
    return index


@cache
def _key(path: Path) -> Ed25519PrivateKey:
    return keys.read_or_make_key(path)


def signing_key(role: str) -> Ed25519PrivateKey:
    """One of the house's own keys: operator, evaluator, log. Files of mode 0600, never a table."""
    return _key(Path(settings.KEYS_FOLDER) / f"{role}.key")


class Tables:
    """Rows over the Django tables; what may change is locked when it is read, until the commit.

    Make one per transaction: a row that it has locked is not read again, since nobody else can
    change it. That a row is absent is not remembered, but for the ids of `read_ahead`.
    """

    def __init__(self) -> None:
        self._there: dict[tuple[type, str], Any] = {}
        self._absent: set[tuple[type, str]] = set()

    def get(self, table: type[R], key: str) -> R | None:
        known: R | None = self._there.get((table, key))
        if known is not None or (table, key) in self._absent or not key:
            return known
        found = self._read(table, pk=key)
        return found[0] if found else None

    def find(self, table: type[R], **wanted: object) -> list[R]:
        return self._read(table, **wanted)

    def lock(self, table: type[R], ids: Sequence[str]) -> None:
        """Lock rows in order of id, so that two batches never wait for each other in a ring."""
        self._read(table, pk__in=sorted(ids))

    def read_ahead(self, table: type[R], ids: Sequence[str]) -> None:
        """Read rows with one query; those that are not there count as absent from now on.

        Only where a lock that is held keeps everybody else from making them: whoever makes a
        transfer between named accounts has locked both.
        """
        found = {row.id for row in self._read(table, pk__in=sorted(ids))} if ids else set()
        self._absent.update((table, name) for name in ids if name not in found)

    def put(self, row: Row) -> None:
        self.write([row])

    def write(self, rows: Sequence[Row]) -> None:
        """Update the rows that were there, insert the others."""
        fresh: dict[type, list[models.Model]] = {}
        for row in rows:
            model = _model(type(row))
            values = _values(row)
            if (type(row), row.id) in self._there:
                model.objects.filter(pk=row.id).update(**values)
            else:
                fresh.setdefault(type(row), []).append(model(**values))
        for table, made in fresh.items():
            _model(table).objects.bulk_create(made)
        self._keep(rows)

    def _read(self, table: type[R], **wanted: object) -> list[R]:
        names = [field.name for field in fields(table)]  # type: ignore[arg-type]
        rows = _model(table).objects.filter(**wanted).order_by("pk")
        if not table.IS_FINAL and transaction.get_connection().in_atomic_block:
            rows = rows.select_for_update()
        found = [row_of(table, values) for values in rows.values(*names)]
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


def _values(row: Row) -> dict[str, object]:
    shapes = wire.hints(type(row))
    names = [field.name for field in fields(row)]  # type: ignore[arg-type]
    return {name: _to_table(getattr(row, name), shapes[name]) for name in names}


def _to_table(value: object, shape: object) -> object:
    return value if value is None or isinstance(value, str | int) else wire.encode(value, shape)


def _from_table(value: object, shape: object) -> object:
    return wire.decode(value, shape, "$") if isinstance(value, list | dict) else value


def _model(table: type[Row]) -> Any:
    return apps.get_model(table.TABLE)


def _append(entries: Sequence[Entry]) -> None:
    """raises AnchorTaken"""
    try:
        Message.objects.bulk_create(_row(entry) for entry in entries)
    except IntegrityError as error:
        text = "A message with this idempotency key is in the log already."
        raise AnchorTaken(text, anchors=[entry.anchor for entry in entries]) from error


def _accounts(lines: Sequence[messages.Line]) -> list[str]:
    return sorted({name for line in lines for name in (line.debit, line.credit) if name})


def _row(entry: Entry) -> Message:
    return Message(
        item=entry.id,
        kind=entry.kind,
        signer=entry.signer,
        anchor=entry.anchor,
        cause=entry.cause,
        raw=entry.raw,
    )
