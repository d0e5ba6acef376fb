"""The figures of the pages as a page."""

from dataclasses import asdict

from tests.bench.web.build import Size
from tests.bench.web.measure import CPU_MS, GZIP_BYTES, QUERIES, TIMES

ABOUT = """# Figures of the pages

Written by `make bench-web`; every number comes from [web.json](web.json). Machine: {cpu},
{cpus} CPUs, Python {python}, Django {django}, SQLite, {date}.

The site holds {entries:,} entries in each of two competitions (one open, one settled) of
{competitions:,}, {works:,} adapters of one base, and {sales:,} licences. The miner of the table
has every twentieth entry and adapter; the buyer has every fourth licence, and every fourth licence
is of one adapter. Each page may cost {cpu_ms} ms of CPU, {queries} queries and {gzip_bytes:,} bytes
compressed. CPU is that of the whole process, the median of {times} calls, with SQLite's own work in
it; the calls go through every middleware.

| page | asked by | CPU, ms | queries | bytes | compressed | |
|---|---|---|---|---|---|---|
"""


def size() -> dict[str, int]:
    return asdict(Size())


def page(told) -> str:
    machine = told["machine"]
    bounds = {"cpu_ms": CPU_MS, "queries": QUERIES, "gzip_bytes": GZIP_BYTES, "times": TIMES}
    names = {**machine, **told["size"], **bounds, "django": machine["versions"]["Django"]}
    return ABOUT.format(**names) + "".join(_line(one) for one in told["pages"])


def _line(one) -> str:
    says = one["unbounded"] or ("" if one["passes"] else "**over**")
    costs = f"{one['cpu_ms']} | {one['queries']} | {one['bytes']:,} | {one['gzip_bytes']:,}"
    return f"| {one['page']} | {one['viewer']} | {costs} | {says} |\n"
