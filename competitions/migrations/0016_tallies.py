"""Entries are counted by state, and an index says which competitions are due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("competitions", "0015_the_ladder"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.CharField(max_length=48, primary_key=True, serialize=False)),
                ("committed", models.IntegerField(default=0)),
                ("scored", models.IntegerField(default=0)),
                ("eliminated", models.IntegerField(default=0)),
                ("refused", models.IntegerField(default=0)),
                ("final_scored", models.IntegerField(default=0)),
                ("revealed", models.IntegerField(default=0)),
                ("nominated", models.IntegerField(default=0)),
                ("shut", models.IntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="competition",
            name="due_ms",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="competition",
            index=models.Index(
                condition=models.Q(("due_ms__isnull", False)),
                fields=["due_ms"],
                name="competitions_by_due",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("deposit", ""), _negated=True),
                fields=["competition", "deposit"],
                name="entries_with_a_deposit",
            ),
        ),
        migrations.AddConstraint(
            model_name="tally",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("committed__gte", 0),
                    ("eliminated__gte", 0),
                    ("final_scored__gte", 0),
                    ("nominated__gte", 0),
                    ("refused__gte", 0),
                    ("revealed__gte", 0),
                    ("scored__gte", 0),
                    ("shut__gte", 0),
                ),
                name="no_tally_is_below_nothing",
            ),
        ),
    ]
