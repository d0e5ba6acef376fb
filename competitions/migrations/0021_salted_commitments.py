"""Entries are committed by a salted hash; what it holds is kept apart from the log's tables."""

from hashlib import sha256
from typing import Any

from django.db import migrations, models


def move_files(apps: Any, _schema: Any) -> None:
    """Entries of before have no commitment in the log: theirs is of the id, and opens nothing."""
    entries = apps.get_model("competitions", "Submission").objects
    openings = apps.get_model("competitions", "Opening").objects
    for entry in entries.iterator():
        entry.commitment = sha256(entry.pk.encode()).hexdigest()
        told = {
            "salt": "0" * 64,
            "config_sha256": entry.config_sha256,
            "tensors_sha256": entry.tensors_sha256,
        }
        if entry.state == "revealed":
            entry.opening = told
        entry.save(update_fields=["commitment", "opening"])
        openings.create(
            commitment=entry.commitment,
            competition=entry.competition,
            owner=entry.owner,
            submission=entry.pk,
            adapter_sha256=entry.adapter_sha256,
            at="2026-01-01T00:00:00Z",
            **told,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("competitions", "0020_generic_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                ("commitment", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("competition", models.CharField(max_length=48)),
                ("owner", models.CharField(max_length=120)),
                ("submission", models.CharField(blank=True, db_index=True, max_length=43)),
                ("salt", models.CharField(max_length=64)),
                ("config_sha256", models.CharField(max_length=64)),
                ("tensors_sha256", models.CharField(max_length=64)),
                ("adapter_sha256", models.CharField(blank=True, db_index=True, max_length=64)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("submission", "")),
                        fields=["owner", "at"],
                        name="openings_without_an_entry",
                    ),
                    models.Index(
                        fields=["competition", "owner", "tensors_sha256"],
                        name="openings_of_an_owner",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="submission",
            name="commitment",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="submission",
            name="opening",
            field=models.JSONField(null=True),
        ),
        migrations.RunPython(move_files, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(model_name="submission", name="config_sha256"),
        migrations.RemoveField(model_name="submission", name="tensors_sha256"),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.UniqueConstraint(
                fields=("commitment",), name="one_entry_per_commitment"
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "revealed"), _negated=True),
                    ("opening__isnull", False),
                    _connector="OR",
                ),
                name="what_is_public_opens_its_commitment",
            ),
        ),
    ]
