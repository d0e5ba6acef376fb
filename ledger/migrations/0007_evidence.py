from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0006_chunk_roots"),
    ]

    operations = [
        migrations.AddField(
            model_name="witness",
            name="evidence",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="witness",
            name="settled",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="witness",
            constraint=models.CheckConstraint(
                condition=models.Q(("evidence", ""), ("is_dispute", True), _connector="OR"),
                name="evidence_makes_a_dispute",
            ),
        ),
    ]
