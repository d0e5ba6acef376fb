"""Reading the record: messages in log order, accounts, statements, proofs."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import (
    BigIntegerField,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)

from ledger.errors import AccountUnknown, BlobUnknown
from ledger.models import (
    Account,
    Blob,
    Bookmark,
    Checkpoint,
    Cosignature,
    Holder,
    Key,
    Message,
    Transfer,
    Witness,
)
from ledger.rules.entry import read_entry
from ledger.rules.rows import Row
from ledger.rules.statement import StatementLine, change_nano, explain

STATEMENT_ROWS = 1000
SUM_PART = 10**9
MOST_ANSWERS = 100
REFUNDED, LENT = "refund", "advance"  # codes of transfers that are nobody's draw
_PLACE = Subquery(Message.objects.filter(item=OuterRef("message")).values("log_index")[:1])


def account(name: str) -> Account:
    """raises AccountUnknown"""
    found = Account.objects.filter(pk=name).first()
    if found is None:
        raise AccountUnknown(f"There is no account {name!r}.", account=name)
    return found


def has_account(name: str) -> bool:
    return Account.objects.filter(pk=name).exists()


def is_open(name: str) -> bool:
    """Whether there is such an account, and it is not closed."""
    return Account.objects.filter(pk=name, is_closed=False).exists()


def balance_nano(name: str) -> int:
    """What the account can spend. raises AccountUnknown"""
    return account(name).available_nano


def balances_nano(names: Iterable[str]) -> dict[str, int]:
    """What each of these accounts can spend, with one query; only those that exist."""
    rows = Account.objects.filter(pk__in=list(names))
    return dict(rows.values_list("id", "available_nano"))


def keys_of(name: str) -> list[str]:
    """The public keys that sign for an account now."""
    return [*key_rows(name).filter(revoked_by="").values_list("id", flat=True)]


def key_rows(name: str) -> QuerySet[Key]:
    """The keys that sign for an account, or did, the oldest first."""
    return Key.objects.filter(account=name).order_by("at_ms")


def accounts_of_keys(publics: Iterable[str]) -> dict[str, str]:
    """Public key -> its account, of those keys that are known."""
    return dict(Key.objects.filter(pk__in=list(publics)).values_list("pk", "account"))


def key_account(public: str) -> str | None:
    """The account that a person's key signs for now; None for one that is revoked."""
    mine = Key.objects.filter(pk=public, role="person", revoked_by="")
    return mine.values_list("account", flat=True).first()


def statement(name: str) -> QuerySet[Transfer]:
    """Every transfer of an account, newest first."""
    return _in_order(Transfer.objects.filter(Q(debit=name) | Q(credit=name)))


def newest_transfers(name: str, *, limit: int, behind: Transfer | None = None) -> list[Transfer]:
    """The first lines of an account's statement, or those behind a transfer of it.

    Each side is read by its own index, so whatever else the account has is not looked at.
    """
    older = _older(behind) if behind else Q()
    sides = (Q(debit=name), Q(credit=name))
    found = [_in_order(Transfer.objects.filter(side, older))[:limit] for side in sides]
    return list(islice(merge(*found, key=lambda one: (-one.at_ms, one.pk)), limit))


def newest_paid(names: QuerySet[Any, str], *, to: str, limit: int) -> list[Transfer]:
    """The newest credits of these accounts, their refunds, and what went to `to`, newest first.

    Each has its `log_index`, as in `paid_between`
    """
    found = Transfer.objects.filter(_paid(names, to))
    newest = found.order_by("-at_ms", "-id").values_list("pk", flat=True)[:limit]
    rows = Transfer.objects.filter(pk__in=list(newest)).annotate(log_index=_PLACE)
    return list(rows.order_by("-at_ms", "-id"))


def paid_between(
    names: QuerySet[Any, str], *, to: str, since_ms: int, until_ms: int
) -> Iterator[Transfer]:
    """Credits of these accounts, their refunds, and what went to `to`, in the order of the log.

    Read piece by piece. log_index of each: of its message, None while that waits for its place
    """
    found = Transfer.objects.filter(_paid(names, to), at_ms__gte=since_ms, at_ms__lt=until_ms)
    placed = found.annotate(log_index=_PLACE)
    order = (F("log_index").asc(nulls_last=True), "at_ms", "id")
    return placed.order_by(*order).iterator(STATEMENT_ROWS)


def paid_before(names: Collection[str], *, to: str, until_ms: int) -> dict[str, tuple[int, int]]:
    """Account -> all that came into it before a moment less refunds, and what went out to `to`.

    What the house lends to it, and gets back, is neither
    """
    moved = Transfer.objects.filter(at_ms__lt=until_ms, kind__in=["single", "post"])
    moved = moved.exclude(code=LENT)
    came = _sums(moved.filter(credit__in=names), "credit")
    back = _sums(moved.filter(debit__in=names, code=REFUNDED), "debit")
    drawn = moved.filter(debit__in=names, credit=to).exclude(code=REFUNDED)
    went = _sums(drawn, "debit")
    return {name: (came.get(name, 0) - back.get(name, 0), went.get(name, 0)) for name in names}


def _paid(names: QuerySet[Any, str], to: str) -> Q:
    out = Q(debit__in=names) & (Q(credit=to) | Q(code=REFUNDED))
    return ~Q(code=LENT) & (Q(credit__in=names) | out)


def _sums(rows: QuerySet[Transfer], side: str) -> dict[str, int]:
    """What all these rows come to by one of their accounts; it may pass 64 bits: two parts."""
    found = (
        rows.order_by()
        .values_list(side)
        .annotate(high=Sum(F("amount_nano") / SUM_PART), low=Sum(F("amount_nano") % SUM_PART))
    )
    return {name: int(high) * SUM_PART + int(low) for name, high, low in found}


def paid_by_message(name: str, made: Collection[str]) -> dict[str, int]:
    """Message -> what it paid to an account, of these messages."""
    found = Transfer.objects.filter(message__in=made).values_list(
        "message", "credit", "amount_nano"
    )
    return {message: amount_nano for message, credit, amount_nano in found if credit == name}


def transfers_of(message: str) -> QuerySet[Transfer]:
    return Transfer.objects.filter(message=message).order_by("id")


class StatementPage(NamedTuple):
    """Lines of a statement, newest first. next: where the following page begins, or empty."""

    lines: list[StatementLine]
    next: str


def statement_page(name: str, *, after: str, limit: int) -> StatementPage:
    """At most `limit` lines behind the transfer `after`, or the newest. raises AccountUnknown"""
    balance_nano = account(name).available_nano
    cursor = Transfer.objects.filter(pk=after).first() if after else None
    if cursor:
        balance_nano -= _changed_since_nano(name, cursor)
    shown = newest_transfers(name, limit=limit + 1, behind=cursor)
    lines = list(explain(name, balance_nano, shown[:limit], _held(shown)))
    return StatementPage(lines, lines[-1].transfer if len(shown) > limit else "")


def statement_lines(name: str) -> Iterator[StatementLine]:
    """All lines, newest first, read piece by piece. raises AccountUnknown"""
    balance_nano, rows = account(name).available_nano, statement(name).iterator(STATEMENT_ROWS)
    while part := list(islice(rows, STATEMENT_ROWS)):
        held = _held(part)
        yield from explain(name, balance_nano, part, held)
        balance_nano -= sum(change_nano(name, one, held) for one in part)


def _in_order(rows: QuerySet[Transfer]) -> QuerySet[Transfer]:
    return rows.order_by("-at_ms", "id")


def _older(cursor: Transfer) -> Q:
    """What comes behind a transfer in a statement."""
    later_named = Q(at_ms__lt=cursor.at_ms) | Q(id__gt=cursor.pk)
    return Q(at_ms__lte=cursor.at_ms) & later_named  # a bound that an index can use comes first


def _changed_since_nano(name: str, cursor: Transfer) -> int:
    """What this transfer and all newer ones changed of what an account can spend.

    As `rules.statement.change_nano` says it of each, added up by the database.
    """
    since = Q(at_ms__gte=cursor.at_ms) & (Q(at_ms__gt=cursor.at_ms) | Q(id__lte=cursor.pk))
    came = Transfer.objects.filter(since, credit=name, kind__in=["single", "post"])
    went = Transfer.objects.filter(since, debit=name, kind__in=["single", "pending", "post"])
    ended = Transfer.objects.filter(since, debit=name, kind__in=["post", "void", "expire"])
    freed = Transfer.objects.filter(pk__in=ended.values("pending_id"))
    return _sum_nano(came) + _sum_nano(freed) - _sum_nano(went)


def _sum_nano(rows: QuerySet[Transfer]) -> int:
    """In two parts: over a lifetime the sum may pass 64 bits."""
    parts = rows.aggregate(
        high=Sum(F("amount_nano") / SUM_PART, default=0),
        low=Sum(F("amount_nano") % SUM_PART, default=0),
    )
    return int(parts["high"]) * SUM_PART + int(parts["low"])


def _held(rows: Iterable[Transfer]) -> dict[str, int]:
    """The amounts of the pending transfers that these resolve."""
    wanted = [one.pending_id for one in rows if one.pending_id]
    found = Transfer.objects.filter(pk__in=wanted).values_list("id", "amount_nano")
    return dict(found) if wanted else {}


def message_of_transfer(transfer: str) -> str:
    """The message that made a transfer; empty when there is none."""
    made = Transfer.objects.filter(pk=transfer).values_list("message", flat=True).first()
    return made or ""


def transfer(name: str) -> Transfer:
    """A transfer that is known to be there."""
    return Transfer.objects.get(pk=name)


def is_resolved(pending: str) -> bool:
    """Whether a held amount was posted, voided or expired."""
    return Transfer.objects.filter(pending_id=pending).exists()


def holds_over(at_ms: int, *, limit: int) -> list[str]:
    """Pending transfers that are over by `at_ms` and not resolved, in order of id.

    Only those with a time limit are looked at, by an index that holds nothing else.
    """
    timed = Transfer.objects.filter(kind="pending", timeout_s__gt=0, at_ms__lt=at_ms)
    now = Value(at_ms, BigIntegerField())  # else PostgreSQL is sent its last 32 bits
    over = timed.filter(timeout_s__lte=(now - F("at_ms")) / 1000)
    resolved = Transfer.objects.filter(pending_id=OuterRef("pk"))
    found = over.exclude(Exists(resolved)).order_by("pk").values_list("pk", flat=True)
    return list(found[:limit])


def withdrawals_waiting(limit: int) -> list[str]:
    """Orders whose money is held and not yet paid outside, the oldest first."""
    resolved = Transfer.objects.filter(pending_id=OuterRef("pk"))
    held = Transfer.objects.filter(kind="pending", code="burn").exclude(Exists(resolved))
    made = held.order_by("at_ms", "id").values_list("message", flat=True)[:limit]
    causes = dict(Message.objects.filter(item__in=list(made)).values_list("item", "cause"))
    return [causes[one] for one in made]


def minted_nano(name: str) -> int:
    """What an account got from the faucet so far."""
    lines = Transfer.objects.filter(credit=name, code="mint").values_list("amount_nano", flat=True)
    return sum(lines)


def messages_from(index: int, *, limit: int) -> QuerySet[Message]:
    """Sequenced messages from `index` on, in log order."""
    return Message.objects.filter(log_index__gte=index).order_by("log_index")[:limit]


def answers_to(order: str) -> list[Message]:
    """The facts that answer an order, in the order of the log; those without a place at the end."""
    found = Message.objects.filter(cause=order).order_by(F("log_index").asc(nulls_last=True), "id")
    return list(found[:MOST_ANSWERS])


def subject_of(message: Message, field: str) -> str:
    """A field of a message's body, such as the submission that it is about."""
    return str(getattr(read_entry(bytes(message.raw)).body, field))


def next_index(reader: str) -> int:
    """Where the reader goes on reading."""
    mark = Bookmark.objects.filter(reader=reader).first()
    return mark.next_index if mark else 0


def log_size() -> int:
    """How many messages have their place."""
    last: int | None = Message.objects.aggregate(last=Max("log_index"))["last"]
    return 0 if last is None else last + 1


def placed_before(size: int, names: Collection[str]) -> set[str]:
    """Those of these messages that are among the first `size` of the log."""
    found = Message.objects.filter(item__in=names, log_index__lt=size)
    return set(found.values_list("item", flat=True))


def waiting_messages() -> int:
    return Message.objects.filter(log_index=None).count()


def latest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.order_by("-size").first()


def checkpoint_at(size: int) -> Checkpoint | None:
    """The checkpoint of exactly this size."""
    return Checkpoint.objects.filter(pk=size).first()


def covering_checkpoint(index: int) -> Checkpoint | None:
    """The newest checkpoint over this entry that a witness signed; else the newest there is."""
    witnessed = Cosignature.objects.filter(size__gt=index).aggregate(best=Max("size"))["best"]
    found = checkpoint_at(witnessed) if witnessed else latest_checkpoint()
    return found if found and found.size > index else None


def cosigned_note(checkpoint: Checkpoint) -> str:
    """The signed note of a checkpoint, with the lines of the witnesses that signed it too."""
    lines = Cosignature.objects.filter(size=checkpoint.size).order_by("witness")
    return checkpoint.note + "".join(lines.values_list("line", flat=True))


def witnesses() -> list[Witness]:
    """What every witness answered last, by name."""
    return list(Witness.objects.order_by("id"))


def witness(name: str) -> Witness:
    """What a witness answered last; a blank row, which is not stored, for one never asked."""
    return Witness.objects.filter(pk=name).first() or Witness(pk=name)


def evidence_holders() -> list[str]:
    """Witnesses that hold proof of another history under our key, which nobody has settled."""
    return list(Witness.objects.exclude(evidence="").order_by("id").values_list("id", flat=True))


def blob(sha256: str) -> Blob | None:
    return Blob.objects.filter(pk=sha256).first()


def public_blobs(names: Collection[str]) -> set[str]:
    """Those of these files that anybody may fetch."""
    return set(Blob.objects.filter(pk__in=names, is_public=True).values_list("pk", flat=True))


def holds(account: str, sha256: str) -> bool:
    """Whether an account has sent all of these bytes itself."""
    is_owner = Blob.objects.filter(pk=sha256, owner=account).exists()
    return is_owner or Holder.objects.filter(blob=sha256, account=account).exists()


def named_blob(sha256: str, *, account: str, is_claimed: bool = False) -> Blob:
    """The file that an account names in an order: every order that names one asks here.

    is_claimed  the order claims it as the account's own: then a public file of others will not do
    raises      BlobUnknown for what is not there, goes at this moment, or is another's alike
    """
    found = Blob.objects.filter(pk=sha256, is_going=False, withdrawn="").first()
    if found is None or not ((found.is_public and not is_claimed) or holds(account, sha256)):
        raise BlobUnknown(sha256)
    return found


def table_page(table: type[Row], *, after: str, limit: int) -> list[dict[str, object]]:
    """Rows of a table of the fold, in order of id: what the site claims, for auditors."""
    names = [field.name for field in fields(table)]  # type: ignore[arg-type]
    rows = apps.get_model(table.TABLE).objects.filter(pk__gt=after).order_by("pk")
    return list(rows.values(*names)[:limit])


def entries(start: int, end: int) -> list[bytes]:
    """The signed bytes of the messages from index `start` to before `end`."""
    rows = Message.objects.filter(log_index__gte=start, log_index__lt=end).order_by("log_index")
    return [bytes(raw) for raw in rows.values_list("raw", flat=True)]
