"""The transfers of an account are found in order of time, each side by one index.

The single-column indexes go without a change of the table: SQLite would build it anew, and drop
the triggers that keep its rows final.
"""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "ledger_transfer"


def drop(_: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the indexes of debit alone and of credit alone."""
    with editor.connection.cursor() as cursor:
        found = editor.connection.introspection.get_constraints(cursor, TABLE)
    for name, one in found.items():
        if one["index"] and one["columns"] in (["debit"], ["credit"]):
            editor.execute(f"DROP INDEX {editor.quote_name(name)}")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_holders")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("transfer", "credit", models.CharField(max_length=120)),
                migrations.AlterField("transfer", "debit", models.CharField(max_length=120)),
            ],
            database_operations=[migrations.RunPython(drop, migrations.RunPython.noop)],
        ),
        migrations.AddIndex(
            "transfer", models.Index(fields=["debit", "-at_ms"], name="transfer_newest_out")
        ),
        migrations.AddIndex(
            "transfer", models.Index(fields=["credit", "-at_ms"], name="transfer_newest_in")
        ),
    ]
