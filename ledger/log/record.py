"""Recording what happened: the last step of every action.

An action decides, makes facts with `fact`, and ends with `record`: that folds the entries into the
tables and appends them, inside the action's transaction. Nothing else writes a table of the fold.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from assay import messages
from assay.wire import changed
from ledger import bell
from ledger.errors import AccountIsClosed, AnchorTaken, KeyEnded, MessageUnknown
from ledger.log import signers
from ledger.log.house import signing_key
from ledger.log.tables import Tables, insert_of
from ledger.models import Message
from ledger.rules import fold, gate, keyring, speakers
from ledger.rules.accounts import Account, Key, Transfer
from ledger.rules.checks import refused
from ledger.rules.entry import Entry, make_entry, read_entry
from ledger.rules.rows import Overlay, Row
from web import budgets

_INSERT = "INSERT INTO ledger_message (item, kind, signer, anchor, cause, raw) VALUES "
_IS_EARLIER_WAITING = (
    "EXISTS (SELECT 1 FROM ledger_message AS earlier"
    " WHERE earlier.log_index IS NULL AND earlier.id < ledger_message.id)"
)
_TOLD = f" RETURNING id, {_IS_EARLIER_WAITING}, {signers.SAYS}"


def read_order(raw: bytes) -> Entry:
    """An order in signed bytes from outside, with its actor known.

    raises BadItem, MessageRefused, BodyInvalid, SignerRefused, KeyEnded, AccountIsClosed, and what
           the gate objects to
    """
    entry = read_entry(raw)
    gate.admit(entry, origin=settings.LOG_ORIGIN)
    if messages.KINDS[entry.kind].signer != "person" or entry.speaker:
        raise refused(entry, "only orders come in by this door")
    try:
        actor = speakers.admitted(entry, Tables())
    except (KeyEnded, AccountIsClosed):
        if not is_recorded(entry.id):
            raise
        actor = speakers.actor_of(entry, Tables())  # taken before; whoever sends it again is told
    return replace(entry, actor=actor)


def order_for(account: str, body: object, *, idempotency: str) -> Entry:
    """An order that the operator signs for a web user; the same words, the same order.

    raises LogBytesSpent
    """
    made = _spoken_for(account, body, idempotency)
    budgets.order(len(made.raw), account=account)
    return replace(made, actor=account)


def order_id_for(account: str, body: object, *, idempotency: str) -> str:
    """The id that `order_for` will give, for a page that shows what would come of it.

    Nothing is recorded, so no budget is spent.
    """
    return _spoken_for(account, body, idempotency).id


def _spoken_for(account: str, body: object, idempotency: str) -> Entry:
    told = {"origin": settings.LOG_ORIGIN, "speaker": account}
    words = f"{account}/{idempotency}"
    return make_entry(body, signing_key("operator"), **told, idempotency=words)


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
    return changed(make_entry(body, key, cause=cause, idempotency=words), order=answers)


def record(entries: Sequence[Entry], *, rooms: Sequence[fold.Fold] = ()) -> None:
    """Fold the entries into the tables and append them: the last write of an action.

    No shared row is touched by the append, so writers never wait for each other there; the
    sequencer gives the places later. After commit the bell rings.
    raises AnchorTaken, and what the fold objects to; the caller's transaction is then lost as a
           whole
    """
    assert transaction.get_connection().in_atomic_block, "record() belongs inside an action"
    for entry in entries:  # before the database is asked for what may be no name at all
        gate.admit(entry, origin=settings.LOG_ORIGIN)
    if any(entry.kind in keyring.ENDING for entry in entries):
        signers.keep_appends_out()
    tables = Tables()
    signers.assume(entries, tables)
    above = Overlay(tables)
    lines = [line for entry in entries for line in getattr(entry.body, "transfers", ())]
    tables.lock(Account, _accounts(lines, entries))
    tables.read_ahead(Transfer, [line.id for line in lines if line.debit])
    for entry in entries:
        fold.apply(entry, above, rooms, origin=settings.LOG_ORIGIN)
    if not _append(entries, tables, list(above.changed)):
        bell.ring_after_commit()


def rehearse(entries: Sequence[Entry], *, rooms: Sequence[fold.Fold]) -> None:
    """Fold the entries, and keep nothing: what they are refused for is known before any lock.

    raises what the fold objects to
    """
    above = Overlay(Tables())
    for entry in entries:
        fold.apply(entry, above, rooms, origin=settings.LOG_ORIGIN)


@cache
def every_room() -> tuple[fold.Fold, ...]:
    """The folds of all rooms above, as a replay runs them: the settings name them, in order."""
    return tuple(import_string(name) for name in settings.FOLDS)


def find(item: str) -> Entry | None:
    """The entry of this id with its actor, when it is in the log."""
    row = Message.objects.filter(item=item).first()
    if row is None:
        return None
    entry = read_entry(bytes(row.raw))
    return replace(entry, actor=speakers.actor_of(entry, Tables()))


def is_recorded(item: str) -> bool:
    """Whether a message of this id was taken."""
    return Message.objects.filter(item=item).exists()


def find_signer(item: str) -> str:
    """The key that signed a message of the log. raises MessageUnknown"""
    signer: str | None = Message.objects.filter(item=item).values_list("signer", flat=True).first()
    if signer is None:
        raise MessageUnknown(f"No message {item} is in the log.", id=item)
    return signer


def index_of(item: str) -> int | None:
    """The place of a message; None while it waits for one.

    raises MessageUnknown
    """
    row = Message.objects.filter(item=item).values("log_index").first()
    if row is None:
        raise MessageUnknown(f"No message {item} is in the log.", id=item)
    index: int | None = row["log_index"]
    return index


def _append(entries: Sequence[Entry], tables: Tables, changed: Sequence[Row]) -> bool:
    """Write what the fold changed, and insert the messages. raises AnchorTaken, SignerRefused

    returns  whether an earlier message still waits for its place. Then the bell was rung for that
             one, and whoever hears it goes on until nothing waits, and looks again at the end
             (`workers.dispatch.follow`). Rung for each of a thousand messages, the bell costs more
             than they do
    """
    signs = [row for row in changed if type(row) is Key]  # the insert asks for these: before it
    tables.write(signs)
    head, given = tables.write_by_next([row for row in changed if type(row) is not Key])
    rows = [(one.id, one.kind, one.signer, one.anchor, one.cause, one.raw) for one in entries]
    insert, values = insert_of(_INSERT, rows, _TOLD)
    try:
        tables.cursor.execute(head + insert, given + values)
    except IntegrityError as error:
        if _is_of_another_table(error):
            raise
        text = "A message with this idempotency key is in the log already."
        raise AnchorTaken(text, anchors=[entry.anchor for entry in entries]) from error
    told = sorted(tables.cursor.fetchall())
    signers.check(entries, [says for _, _, says in told], tables)
    return bool(told[0][1])


def _is_of_another_table(error: IntegrityError) -> bool:
    """PostgreSQL tells the table; on SQLite the statement writes no other one."""
    told = getattr(error.__cause__, "diag", None)
    return told is not None and told.table_name != "ledger_message"


def _accounts(lines: Sequence[messages.Line], entries: Sequence[Entry]) -> list[str]:
    """Whom money moves from and to, and who speaks: none of them is closed meanwhile."""
    speaking = {one.actor for one in entries if messages.KINDS[one.kind].signer == gate.PERSON}
    moving = {name for line in lines for name in (line.debit, line.credit)}
    return sorted((moving | speaking) - {""})
