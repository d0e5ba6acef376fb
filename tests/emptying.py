"""How tables are emptied after a test whose commits were real: final rows go as well.

Django's own way empties every table and then writes the names of models and permissions anew. Here
only tables with rows are touched, in one transaction, and what migrations wrote stays.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

from tests.laws.tampering import FINAL, drop_triggers, run

WRITTEN_BY_MIGRATIONS = {"django_content_type", "auth_permission"}


@transaction.atomic
def empty_tables(_: TransactionTestCase) -> None:
    """Stands in for `TransactionTestCase._fixture_teardown`."""
    filled = _filled_tables()
    back = [] if filled.isdisjoint(FINAL) else drop_triggers()
    run(*(f"DELETE FROM {table}" for table in sorted(filled)))
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")  # else its triggers cannot be switched on again
    run(*back)


def _filled_tables() -> set[str]:
    """Those that have a row, but for what stays."""
    every = connection.introspection.django_table_names(only_existing=True, include_views=False)
    asked = (
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})"
        for table in every
        if table not in WRITTEN_BY_MIGRATIONS
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {table for (table,) in cursor.fetchall()}
