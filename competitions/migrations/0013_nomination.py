"""Owners name the entries that decide; the close fixes which these are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("competitions", "0012_normal_forms")]

    operations = [
        migrations.CreateModel(
            name="Nomination",
            fields=[
                ("id", models.CharField(max_length=169, primary_key=True, serialize=False)),
                ("competition", models.CharField(db_index=True, max_length=48)),
                ("owner", models.CharField(max_length=120)),
                ("submissions", models.JSONField()),
                ("order", models.CharField(max_length=43)),
                ("at_ms", models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="submission",
            name="is_nominated",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("is_nominated", True)),
                fields=["competition"],
                name="entries_that_decide",
            ),
        ),
    ]
