"""`make bench-royalties`: a statement of 100,000 lines, its time and memory; metered calls.

One real sale, and copies of it straight in the tables. Writes docs/benchmarks/royalties.json and
royalties.md. Exit 1 when the largest takes more than 10 s of processor time, or when its memory is
more than one and a half times that of a statement with a tenth of the lines.
"""

import json
import os
import sys
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import django

HOUSE = Path(__file__).resolve().parents[2]
SCRATCH = TemporaryDirectory(prefix="assay-bench-")
os.environ["ASSAY_DATA"] = SCRATCH.name  # noqa: TID251
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
django.setup()

from django.core.management import call_command  # noqa: E402 - Django is awake

from ledger.models import Message, Transfer  # noqa: E402
from ledger.rules.accounts import FEE  # noqa: E402
from licensing import queries  # noqa: E402
from licensing.models import Grant  # noqa: E402
from licensing.rules.rows import pool_of  # noqa: E402
from licensing.rules.statement import Period  # noqa: E402
from licensing.rules.statement_files import as_file  # noqa: E402
from tests.bench import metering  # noqa: E402
from tests.bench.ledger import machine  # noqa: E402
from tests.bench.web.rows import name_of, pour, row_of  # noqa: E402
from tests.licensing import market  # noqa: E402

LINES = (10_000, 100_000)
MOST_S, MOST_TIMES = 10, 1.5
PAYEE = "miner"
OUT = HOUSE / "docs" / "benchmarks"
PAGE = """# Statements of royalties

Written by `make bench-royalties`; every number comes from [royalties.json](royalties.json).
Machine: {cpu}, {cpus} CPUs, {date}, SQLite.

The CSV of a payee whose pool got so many sales, from the first byte to the last. Memory is the
most that Python held at once while it was made.

| lines | processor time | memory | size |
|---|---|---|---|
{rows}

Goals: {lines:,} lines within {most_s} s, and memory that does not grow with the lines.
"""


def main() -> None:
    call_command("migrate", verbosity=0)
    market.people()
    market.scene()
    made = market.buy()
    told = {"machine": machine(), "metered": metering.measured()}
    _copy(row_of(Grant, id=made.id), max(LINES))
    told["statements"] = [_measured(count, made.from_ms) for count in LINES]
    (OUT / "royalties.json").write_text(json.dumps(told, indent=1) + "\n")
    (OUT / "royalties.md").write_text(_page(told) + metering.section(told["metered"]))
    small, large = told["statements"]
    is_flat = large["peak_bytes"] <= MOST_TIMES * small["peak_bytes"]
    SCRATCH.cleanup()
    sys.exit(0 if is_flat and large["cpu_s"] <= MOST_S else 1)


def _copy(grant, count):
    """The sale of this grant, `count` times in all."""
    message = row_of(Message, item=grant["message"]) | {"raw": b""}
    del message["id"]
    found = Transfer.objects.filter(message=grant["message"])
    paid = [
        row_of(Transfer, id=one.pk) for one in found if one.credit in (FEE, pool_of(market.WORK))
    ]
    items = [(number, name_of("sale", number)[:43]) for number in range(1, count)]
    size = Message.objects.count()
    pour(Message, (
        message | {"item": item, "anchor": name_of("anchor", item), "log_index": size + number}
        for number, item in items
    ))  # fmt: skip
    pour(Grant, (
        grant | {"id": item, "message": item, "from_ms": grant["from_ms"] + number}
        for number, item in items
    ))  # fmt: skip
    pour(Transfer, (
        one | {"id": name_of(one["credit"], item), "message": item, "at_ms": one["at_ms"] + number}
        for number, item in items for one in paid
    ))  # fmt: skip


def _measured(count, since_ms):
    """The statement of the first so many lines: once for its time, once for its memory."""
    began = time.process_time()
    size_bytes, lines = _whole(count, since_ms)
    cpu_s = round(time.process_time() - began, 2)
    assert lines == count + 3, "a line of names, the opening, the closing"
    tracemalloc.start()
    _whole(count, since_ms)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    line = {"lines": count, "cpu_s": cpu_s, "peak_bytes": peak_bytes, "size_bytes": size_bytes}
    sys.stdout.write(json.dumps(line) + "\n")
    return line


def _whole(count, since_ms):
    asked = Period(0, since_ms + count)
    made = queries.royalty_statement(PAYEE, asked)
    size_bytes = lines = 0
    for piece in as_file("csv", PAYEE, asked, made.opening_nano, made.lines):
        size_bytes += len(piece)
        lines += piece.count(b"\n")
    return size_bytes, lines


def _page(told):
    rows = "\n".join(
        f"| {one['lines']:,} | {one['cpu_s']} s | {one['peak_bytes'] / 2**20:.1f} MiB "
        f"| {one['size_bytes'] / 2**20:.1f} MiB |"
        for one in told["statements"]
    )
    return PAGE.format(**told["machine"], rows=rows, lines=max(LINES), most_s=MOST_S)


if __name__ == "__main__":
    main()
