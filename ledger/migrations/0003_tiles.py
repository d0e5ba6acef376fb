"""Fences and stored tiles; TRUNCATE is refused as DELETE is, and SQLite keeps whole numbers whole."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# SQLite columns have no type of their own: without these 1.5 is stored as it is.
WHOLE = {
    "ledger_account": ("available_nano", "pending_out_nano", "pending_in_nano"),
    "ledger_transfer": ("amount_nano", "timeout_s", "at_ms"),
}
POSTGRESQL = """
CREATE TRIGGER transfer_whole_table_kept BEFORE TRUNCATE ON ledger_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_fixed();
CREATE TRIGGER message_whole_table_kept BEFORE TRUNCATE ON ledger_message
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_fixed();
"""
# Django gives each indexed text column a second index for LIKE; nobody asks that of ids and hashes,
# and each append would keep eight of them.
POSTGRESQL_LIKE = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
    AND tablename IN ('ledger_message', 'ledger_transfer') AND right(indexname, 5) = '_like' LOOP
    EXECUTE 'DROP INDEX ' || quote_ident(one.indexname);
  END LOOP; END $$;
"""


def make(_: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Install the triggers of this database's dialect."""
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRESQL)
        editor.execute(POSTGRESQL_LIKE)
        return
    for table, columns in WHOLE.items():
        is_odd = " OR ".join(f"typeof(NEW.{one}) <> 'integer'" for one in columns)
        for event in ("INSERT", "UPDATE"):
            editor.execute(
                f"CREATE TRIGGER {table}_whole_{event.lower()} BEFORE {event} ON {table}"
                f" WHEN {is_odd} BEGIN SELECT RAISE(ABORT, 'amounts are whole'); END;"
            )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_final_rows")]
    operations = [
        migrations.AddField("lease", "fence", models.BigIntegerField(default=0)),
        migrations.AddField("edge", "tiled_size", models.BigIntegerField(default=0)),
        migrations.RunPython(make),
    ]
