"""On PostgreSQL, no second index for LIKE beside that of a name: the record looks up whole names.

Django makes one for each text column that is unique or indexed, and every append writes to all.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = ("ledger_account", "ledger_transfer", "ledger_key", "ledger_message")


def drop(_: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop what ends in _like, as Django names these indexes."""
    if editor.connection.vendor != "postgresql":
        return
    find = "SELECT indexname FROM pg_indexes WHERE tablename = ANY(%s) AND indexname LIKE %s"
    with editor.connection.cursor() as cursor:
        cursor.execute(find, [list(TABLES), "%\\_like"])
        for (name,) in cursor.fetchall():
            editor.execute(f"DROP INDEX {editor.quote_name(name)}")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_doors")]
    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
