"""What one page costs: CPU of the process that answers, queries, bytes."""

import gzip
import time
from dataclasses import asdict, dataclass
from statistics import median

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from tests.bench.web.pages import Page

CPU_MS, QUERIES, GZIP_BYTES = 60, 20, 100_000  # the bounds of a page
TIMES = 9
ASKED = {"Accept": "text/html", "Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class Cost:
    """cpu_ms: the median of several calls; on SQLite the database's own work is in it."""

    cpu_ms: float
    queries: int
    bytes: int
    gzip_bytes: int


def cost_of(page: Page, times: int = TIMES) -> Cost:
    """Ask for a page several times, after once to warm up."""
    client = _client(page.viewer)
    answer, queries = _ask(client, page), []
    assert answer.status_code == 200, f"{page.name}: {answer.status_code} at {page.address}"
    spent_ms = []
    for _ in range(times):
        with connection.execute_wrapper(_counting(queries)):
            began = time.process_time()
            sent = b"".join(_ask(client, page))
            spent_ms.append(1000 * (time.process_time() - began))
    body = gzip.decompress(sent) if answer.headers.get("Content-Encoding") else sent
    return Cost(round(median(spent_ms), 1), len(queries) // times, len(body), len(sent))


def told(page: Page, cost: Cost) -> dict[str, object]:
    """A line of the report."""
    named = {"page": page.name, "viewer": page.viewer or "visitor", "address": page.address}
    return {**named, **asdict(cost), "unbounded": page.unbounded, "passes": passes(page, cost)}


def passes(page: Page, cost: Cost) -> bool:
    is_cheap = cost.cpu_ms <= CPU_MS and cost.queries <= QUERIES
    return bool(page.unbounded) or (is_cheap and cost.gzip_bytes <= GZIP_BYTES)


def _client(viewer: str) -> Client:
    client = Client(SERVER_NAME="127.0.0.1")
    if viewer:
        user = get_user_model().objects.get(username=viewer)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _ask(client: Client, page: Page):
    return client.get(page.address, headers={**ASKED, **page.headers})


def _counting(seen: list[str]):
    def count(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    return count
