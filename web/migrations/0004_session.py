from typing import Any

from django.contrib.auth import SESSION_KEY
from django.db import migrations, models

from web.sessions import SessionStore

MOVE = (
    'INSERT INTO web_session (session_key, session_data, expire_date, "user")'
    " SELECT session_key, session_data, expire_date, '' FROM django_session"
)


def move(apps: Any, schema_editor: Any) -> None:
    """Nobody is signed out by the change of the table."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if "django_session" not in connection.introspection.table_names(cursor):
            return
        cursor.execute(MOVE)
        rows, store = apps.get_model("web", "Session").objects, SessionStore()
        for key, kept in list(rows.values_list("pk", "session_data")):
            rows.filter(pk=key).update(user=store.decode(kept).get(SESSION_KEY, ""))
        cursor.execute("DROP TABLE django_session")


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0003_spending"),
    ]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "session_key",
                    models.CharField(
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                        verbose_name="session key",
                    ),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                (
                    "expire_date",
                    models.DateTimeField(db_index=True, verbose_name="expire date"),
                ),
                ("user", models.CharField(blank=True, db_index=True, max_length=40)),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.RunPython(move, migrations.RunPython.noop),
    ]
