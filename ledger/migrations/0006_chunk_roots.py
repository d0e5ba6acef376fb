from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_lean_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="blob",
            name="chunk_root",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
    ]
