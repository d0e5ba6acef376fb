"""Boards are read in the order of an index: merits as texts that sort, and what lists look for."""

from django.db import migrations, models

import competitions.models


class Migration(migrations.Migration):
    dependencies = [
        ("competitions", "0004_previews"),
    ]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="final_rank_key",
            field=models.GeneratedField(
                db_persist=True,
                expression=competitions.models.RankKey(models.F("final_merit")),
                output_field=models.CharField(max_length=500, null=True),
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="rank_key",
            field=models.GeneratedField(
                db_persist=True,
                expression=competitions.models.RankKey(models.F("merit")),
                output_field=models.CharField(max_length=500, null=True),
            ),
        ),
        migrations.AlterField(
            model_name="competition",
            name="phase",
            field=models.CharField(max_length=12),
        ),
        migrations.AlterField(
            model_name="submission",
            name="competition",
            field=models.CharField(max_length=48),
        ),
        migrations.AlterField(
            model_name="submission",
            name="owner",
            field=models.CharField(max_length=120),
        ),
        migrations.AddIndex(
            model_name="competition",
            index=models.Index(fields=["phase", "-last_ms", "id"], name="competitions_by_phase"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                fields=["competition", "state", "since_ms"], name="entries_of_a_competition"
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["owner", "-committed_ms"], name="entries_of_an_owner"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("place__isnull", False)),
                fields=["competition", "place"],
                name="entries_that_won",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("rank_key__isnull", False)),
                fields=["competition", "-rank_key", "committed_ms", "owner"],
                name="board_by_rank_key",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("rank_key__isnull", False)),
                fields=["competition", "owner", "-rank_key", "committed_ms"],
                name="owner_by_rank_key",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("final_rank_key__isnull", False)),
                fields=["competition", "-final_rank_key", "committed_ms", "owner"],
                name="board_by_final_rank_key",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("final_rank_key__isnull", False)),
                fields=["competition", "owner", "-final_rank_key", "committed_ms"],
                name="owner_by_final_rank_key",
            ),
        ),
    ]
