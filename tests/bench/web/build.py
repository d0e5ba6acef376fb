"""A site with very many rows, made in a minute: the first of each kind by the site's own actions.

The others are copies of those, written straight into the tables. They are in no log, so such a site
is for measuring pages: it cannot be replayed or audited.
"""

from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection

from tests.bench.web import contests, rights


@dataclass(frozen=True)
class Size:
    """How many. entries: in each of two contests."""

    entries: int = 10_000
    competitions: int = 1_000
    works: int = 100_000
    sales: int = 20_000


def fill(size):
    """Fill an empty database."""
    contests.fill(size.entries, size.competitions)
    rights.fill(size.works, size.sales)
    if connection.vendor == "postgresql":  # what its own vacuum does within a minute
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def fill_once(folder):
    """Migrate and fill the database of a data folder, unless that was done to the end."""
    done = folder / "filled"
    if done.exists():
        return
    call_command("migrate", verbosity=0)
    fill(Size())
    done.touch()
