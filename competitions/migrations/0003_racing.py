"""Racing: a task may have a race, an entry may be stopped by it, and run in full after all."""

from django.db import migrations, models
from django.db.models import Q

STATES = ("committed", "scored", "eliminated", "refused", "failed", "revealed", "final_scored")
DEPOSITS = ("held", "earned", "forfeited")

WORDS = {"resumed": 7, "deposit": 9}
CHECKS = {
    "submission_state_known": Q(state__in=[*STATES]),
    "scored_has_a_score": Q(state__in=["committed", "eliminated", "refused", "failed"])
    | Q(score_e9__isnull=False),
    "eliminated_was_stopped_and_has_no_score": ~Q(state="eliminated")
    | Q(stop__isnull=False, score_e9__isnull=True),
    "submission_deposit_known": Q(deposit__in=["", *DEPOSITS]),
}
REPLACED = ("submission_state_known", "scored_has_a_score")


class Migration(migrations.Migration):
    dependencies = [("competitions", "0002_results")]

    operations = [
        *(migrations.RemoveConstraint("submission", name) for name in REPLACED),
        migrations.AddField("evaluator", "race", models.JSONField(null=True)),
        migrations.AddField("submission", "stop", models.JSONField(null=True)),
        *(
            migrations.AddField(
                "submission",
                name,
                models.CharField(max_length=length, blank=True, default=""),
                preserve_default=False,
            )
            for name, length in WORDS.items()
        ),
        *(
            migrations.AddConstraint(
                "submission", models.CheckConstraint(condition=condition, name=name)
            )
            for name, condition in CHECKS.items()
        ),
    ]
