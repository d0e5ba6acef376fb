"""Eight writers on one database: what an append costs beside the same SQL by hand.

`ASSAY_DATA=... DATABASE_URL=... python -m tests.bench.appends` answers with one JSON object. The
kinds of work take turns, round by round, in the same eight processes, so that whatever else the
machine does weighs on all of them alike. Commits are durable.

    plain       one INSERT of a row as long as a message, in a transaction of its own, into a table
                without any other index
    append      a fact, signed, folded and recorded
    hot         a payment from one account that everybody shares, by `record`;  hot_sql: by hand
    spread      payments among 1,000 accounts, by `record`;                     spread_sql: by hand

After them the sequencer runs beside the eight, as a worker runs it while the bell keeps ringing,
and the time from each commit to the checkpoint that covers it is taken.
"""

import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import count

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
django.setup()

from django.core.management import call_command  # noqa: E402 - Django is awake
from django.db import connection, connections, transaction  # noqa: E402
from django.db.utils import OperationalError  # noqa: E402
from django.utils import timezone  # noqa: E402

from assay import messages  # noqa: E402
from assay.wire import Nano  # noqa: E402
from ledger import actions, log, queries  # noqa: E402
from ledger.models import Message  # noqa: E402
from ledger.rules import books, fold  # noqa: E402
from ledger.sequencer import sequence  # noqa: E402

WRITERS, ACCOUNTS = 8, 1000
ROUNDS, ROUND_S, LOAD_S = 3, 2.0, 8.0
KINDS = ("plain", "append", "hot_sql", "hot", "spread_sql", "spread")
PAUSE_S = 0.05  # between two turns of the sequencer, when nothing waits
PLAIN = "INSERT INTO plain (item, kind, signer, anchor, cause, raw) VALUES (%s, %s, %s, %s, %s, %s)"
MESSAGE = PLAIN.replace("INTO plain", "INTO ledger_message")
TRANSFER = (
    "INSERT INTO ledger_transfer (id, kind, debit, credit, amount_nano, code, pending_id,"
    " timeout_s, reference, at_ms, message)"
    " VALUES (%s, 'single', %s, %s, 1, 'pay', NULL, 0, '', %s, %s)"
)


class Writer:
    """One of the eight, in a process of its own."""

    def __init__(self, number: int) -> None:
        self.number, self.turns = number, count()
        self.lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""
        self.commits: list[tuple[str, float]] = []

    def fresh(self) -> str:
        return f"{self.number}/{next(self.turns)}/{time.monotonic_ns()}"

    def plain(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(PLAIN, row_of(self.fresh()))

    def append(self) -> None:
        body = messages.ClockTicked(actions.ms(timezone.now()))
        with transaction.atomic():
            fact = log.fact(body, idempotency=self.fresh())
            log.record([fact])
        self.commits.append((fact.id, time.monotonic()))

    def hot(self) -> None:
        self._pay("purse0", f"purse{1 + self.number}")

    def hot_sql(self) -> None:
        self._pay_by_hand("purse0", f"purse{1 + self.number}")

    def spread(self) -> None:
        self._pay(*self._pair())

    def spread_sql(self) -> None:
        self._pay_by_hand(*self._pair())

    def _pair(self) -> tuple[str, str]:
        one = (7919 * next(self.turns) + 131 * self.number) % ACCOUNTS
        return f"purse{one}", f"purse{(one + 37) % ACCOUNTS}"

    def _pay(self, debit: str, credit: str) -> None:
        words = self.fresh()
        line = messages.Line(
            books.transfer_id(words, "pay"), "single", debit, credit, Nano(1), "pay"
        )
        body = messages.BooksExpired((line,), actions.ms(timezone.now()))
        with transaction.atomic():
            fact = log.fact(body, idempotency=words)
            log.record([fact])
        self.commits.append((fact.id, time.monotonic()))

    def _pay_by_hand(self, debit: str, credit: str) -> None:
        words = self.fresh()
        row = row_of(words)
        with transaction.atomic(), connection.cursor() as cursor:
            find = "SELECT id, available_nano FROM ledger_account WHERE id IN (%s, %s) ORDER BY id"
            cursor.execute(find + self.lock, [debit, credit])
            held = dict(cursor.fetchall())
            assert held[debit] > 0
            change = "UPDATE ledger_account SET available_nano = %s WHERE id = %s"
            cursor.execute(change, [held[debit] - 1, debit])
            cursor.execute(change, [held[credit] + 1, credit])
            name = books.transfer_id(words, "pay")
            cursor.execute(TRANSFER, [name, debit, credit, 1, row[0]])
            cursor.execute(MESSAGE, row)


def row_of(words: str) -> list[object]:
    """A row as long as that of a payment: 43, 64 and 64 characters, and 520 bytes of a message."""
    name = books.transfer_id(words, "row")
    return [name[:43], "books.expired", name, name[::-1], "", name.encode() * 8 + b"x" * 8]


def write(number: int, gate, loaded, results) -> None:
    """The body of a writer's process: all kinds in turn, each for some seconds, then the load."""
    connections.close_all()
    writer = Writer(number)
    writer.append()
    done = dict.fromkeys(KINDS, 0)
    for _ in range(ROUNDS):
        for kind in KINDS:
            gate.wait()
            done[kind] += busily(getattr(writer, kind), ROUND_S)
    gate.wait()
    writer.commits.clear()
    loaded.wait()
    busily(writer.append, LOAD_S)
    connections.close_all()
    results.put((done, writer.commits))


def busily(work: Callable[[], None], for_s: float) -> int:
    """How often the work was done; a database that gave up waiting is asked again."""
    end, done = time.monotonic() + for_s, 0
    while time.monotonic() < end:
        try:
            work()
        except OperationalError:
            continue
        done += 1
    return done


def follow(gate, loaded, stop, results) -> None:
    """The sequencer: it takes what the rounds have left, then keeps up with the load."""
    connections.close_all()
    for _ in range(ROUNDS * len(KINDS) + 1):
        gate.wait()
    place_all()
    loaded.wait()
    covered = []
    while not stop.is_set():
        try:
            placed = sequence(holder="bench", now=timezone.now())
        except OperationalError:
            continue
        covered.append((time.monotonic(), queries.latest_checkpoint().size))
        if not placed:
            time.sleep(PAUSE_S)
    place_all()
    covered.append((time.monotonic(), queries.latest_checkpoint().size))
    connections.close_all()
    results.put(covered)


def place_all() -> None:
    while sequence(holder="bench", now=timezone.now()):
        pass


def main() -> None:
    call_command("migrate", verbosity=0)
    prepare()
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    gate, loaded = fork.Barrier(WRITERS + 1), fork.Barrier(WRITERS + 1)
    results, covered, stop = fork.Queue(), fork.Queue(), fork.Event()
    writers = [fork.Process(target=write, args=(n, gate, loaded, results)) for n in range(WRITERS)]
    beside = fork.Process(target=follow, args=(gate, loaded, stop, covered))
    for one in (beside, *writers):
        one.start()
    told = [results.get(timeout=600) for _ in writers]
    stop.set()
    delays = delays_of([one for _, commits in told for one in commits], covered.get(timeout=300))
    for one in (beside, *writers):
        one.join(30)
    sys.stdout.write(json.dumps(answer([done for done, _ in told], delays)) + "\n")


def answer(done: list[dict[str, int]], delays: list[float]) -> dict[str, object]:
    per_s = {kind: round(sum(one[kind] for one in done) / (ROUNDS * ROUND_S)) for kind in KINDS}
    cuts = statistics.quantiles(delays, n=100)
    return {
        "database": connection.vendor,
        "per_s": per_s,
        "append_over_insert": round(per_s["append"] / per_s["plain"], 3),
        "books_over_insert": round(per_s["spread"] / per_s["plain"], 3),
        "hot_over_sql": round(per_s["hot"] / per_s["hot_sql"], 3),
        "spread_over_sql": round(per_s["spread"] / per_s["spread_sql"], 3),
        "sequencer_p50_s": round(cuts[49], 3),
        "sequencer_p95_s": round(cuts[94], 3),
        "load_messages": len(delays),
        "load_per_s": round(len(delays) / LOAD_S),
    }


def prepare() -> None:
    """Accounts with play money. A payment between people is no fact of the house: see below."""
    fold._RULES.pop("books.expired")  # so one rule is set aside here, as in the laws of the ledger
    now = timezone.now()
    actions.found(now=now)
    with transaction.atomic():
        for number in range(ACCOUNTS):
            opened = messages.AccountOpened(f"purse{number}", "pool", actions.ms(now))
            log.record([log.fact(opened, idempotency=str(number))])
    for number in range(ACCOUNTS):
        amount = 10**12 if number == 0 else 10**6
        actions.mint(account=f"purse{number}", amount_nano=amount, idempotency="funds", now=now)
    key = "bigserial PRIMARY KEY"
    raw = "bytea"
    if connection.vendor == "sqlite":
        key, raw = "integer PRIMARY KEY AUTOINCREMENT", "blob"
    columns = "item text, kind text, signer text, anchor text, cause text"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE plain (id {key}, {columns}, raw {raw})")


def delays_of(commits: list[tuple[str, float]], covered: list[tuple[float, int]]) -> list[float]:
    """Seconds from each commit to the first checkpoint that covers it."""
    places = dict(Message.objects.values_list("item", "log_index"))
    moments = iter(covered)
    moment, size = next(moments)
    found = []
    for index, committed in sorted((places[item], at) for item, at in commits):
        while size <= index:
            moment, size = next(moments)
        found.append(max(0.0, moment - committed))
    return found


if __name__ == "__main__":
    main()
