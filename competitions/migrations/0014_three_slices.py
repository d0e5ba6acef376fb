"""Board and final slice are sealed; what was scored on a public board is of an older rule."""

from django.db import migrations, models


def added(model: str, name: str, field: models.Field) -> migrations.AddField:
    """A column that rows of before fill with nothing."""
    return migrations.AddField(model, name, field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("competitions", "0013_nomination")]

    operations = [
        migrations.AddField("competition", "board_baseline", models.JSONField(null=True)),
        added("evaluator", "board_baseline_e9", models.BigIntegerField(default=0)),
        added("evaluator", "board_commitment", models.CharField(max_length=64, default="")),
        added("evaluator", "board_examples", models.IntegerField(default=0)),
        added("evaluator", "board_seal", models.CharField(max_length=64, default="")),
        added("evaluator", "board_units", models.BigIntegerField(default=0)),
        migrations.RemoveField("sealed", "inputs"),
        migrations.RemoveField("sealed", "labels"),
        added("sealed", "base", models.JSONField(default=dict)),
        added("sealed", "files", models.JSONField(default=list)),
        added("sealed", "final_root", models.CharField(max_length=64, default="", db_index=True)),
        migrations.AlterField(
            "evaluation",
            "slice",
            models.CharField(choices=[("board", "Board"), ("final", "Final")], max_length=6),
        ),
    ]
