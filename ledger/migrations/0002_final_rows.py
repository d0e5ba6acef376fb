"""Rows that are final are kept final by the database itself (both dialects)."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SQLITE = """
CREATE TRIGGER transfer_fixed BEFORE UPDATE ON ledger_transfer
  BEGIN SELECT RAISE(ABORT, 'transfers are final'); END;
CREATE TRIGGER transfer_kept BEFORE DELETE ON ledger_transfer
  BEGIN SELECT RAISE(ABORT, 'transfers are final'); END;
CREATE TRIGGER transfer_whole BEFORE INSERT ON ledger_transfer
  WHEN typeof(NEW.amount_nano) <> 'integer'
  BEGIN SELECT RAISE(ABORT, 'amounts are whole'); END;
CREATE TRIGGER message_fixed BEFORE UPDATE ON ledger_message
  WHEN NOT (OLD.log_index IS NULL AND NEW.log_index IS NOT NULL
    AND OLD.id = NEW.id AND OLD.item = NEW.item AND OLD.kind = NEW.kind AND OLD.signer = NEW.signer
    AND OLD.anchor = NEW.anchor AND OLD.cause = NEW.cause AND OLD.raw = NEW.raw)
  BEGIN SELECT RAISE(ABORT, 'messages are final'); END;
CREATE TRIGGER message_kept BEFORE DELETE ON ledger_message
  BEGIN SELECT RAISE(ABORT, 'messages are final'); END;
"""
POSTGRESQL = """
CREATE FUNCTION ledger_fixed() RETURNS trigger AS $$ BEGIN
  RAISE EXCEPTION 'rows are final'; END $$ LANGUAGE plpgsql;
CREATE FUNCTION ledger_message_fixed() RETURNS trigger AS $$ BEGIN
  IF OLD.log_index IS NULL AND NEW.log_index IS NOT NULL
    AND (OLD.id, OLD.item, OLD.kind, OLD.signer, OLD.anchor, OLD.cause, OLD.raw)
      = (NEW.id, NEW.item, NEW.kind, NEW.signer, NEW.anchor, NEW.cause, NEW.raw) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'messages are final'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER transfer_fixed BEFORE UPDATE OR DELETE ON ledger_transfer
  FOR EACH ROW EXECUTE FUNCTION ledger_fixed();
CREATE TRIGGER message_fixed BEFORE UPDATE ON ledger_message
  FOR EACH ROW EXECUTE FUNCTION ledger_message_fixed();
CREATE TRIGGER message_kept BEFORE DELETE ON ledger_message
  FOR EACH ROW EXECUTE FUNCTION ledger_fixed();
"""


def make(_: object, editor: BaseDatabaseSchemaEditor) -> None:
    """Install the triggers of this database's dialect."""
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRESQL)
        return
    for statement in SQLITE.split("END;"):
        if statement.strip():
            editor.execute(f"{statement}END;")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(make)]
