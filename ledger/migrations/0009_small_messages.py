"""A message fits into a bundle of tiles, whatever wrote it: the database itself says so."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SQLITE = (
    "CREATE TRIGGER message_fits BEFORE INSERT ON ledger_message WHEN length(NEW.raw) > 65535"
    " BEGIN SELECT RAISE(ABORT, 'a message has 65,535 bytes at most'); END;"
)
POSTGRESQL = (
    "ALTER TABLE ledger_message ADD CONSTRAINT message_fits CHECK (octet_length(raw) <= 65535)"
)


def make(_: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Install the guard of this database's dialect."""
    editor.execute(POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0008_open_holds")]
    operations = [migrations.RunPython(make)]
