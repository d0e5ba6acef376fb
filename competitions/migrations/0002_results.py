"""Results in one part: what a run came to and what it ran under, instead of loose outcomes."""

from django.db import migrations, models

OUTDATED = (
    ("competition", "baseline_outcomes"),
    ("evaluator", "sandbox_level"),
    ("submission", "final_outcomes"),
    ("submission", "outcomes"),
    ("submission", "policy_sha256"),
    ("submission", "sandbox_level"),
)
FRESH = (
    ("competition", "baseline", models.JSONField(null=True), True),
    ("evaluator", "baseline", models.JSONField(default=dict), False),
    ("evaluator", "code_sha256", models.CharField(blank=True, max_length=64, default=""), False),
    ("evaluator", "evaluator", models.CharField(max_length=40, default=""), False),
    ("evaluator", "final_mode", models.CharField(max_length=5, default="fast"), False),
    ("evaluator", "final_units", models.BigIntegerField(default=0), False),
    ("evaluator", "is_custom", models.BooleanField(default=False), False),
    ("evaluator", "is_generic", models.BooleanField(default=False), False),
    ("evaluator", "public_mode", models.CharField(max_length=5, default="fast"), False),
    ("evaluator", "public_units", models.BigIntegerField(default=0), False),
    ("submission", "final_merit", models.CharField(blank=True, max_length=400, default=""), False),
    ("submission", "final_result", models.JSONField(null=True), True),
    ("submission", "merit", models.CharField(blank=True, max_length=400, default=""), False),
    ("submission", "result", models.JSONField(null=True), True),
)


class Migration(migrations.Migration):
    dependencies = [("competitions", "0001_initial")]

    operations = [
        *(migrations.RemoveField(model_name=model, name=name) for model, name in OUTDATED),
        *(
            migrations.AddField(model_name=model, name=name, field=field, preserve_default=kept)
            for model, name, field, kept in FRESH
        ),
    ]
