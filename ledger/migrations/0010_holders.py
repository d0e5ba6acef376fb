"""Who has sent the bytes of a blob besides its owner."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0009_small_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Holder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("blob", models.CharField(max_length=64)),
                ("account", models.CharField(max_length=120)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("blob", "account"), name="holder_once_per_blob")
                ],
            },
        ),
    ]
