from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OneTimeCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("account", models.CharField(blank=True, max_length=120)),
                ("purpose", models.CharField(max_length=9)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("purpose", "signature"),
                            models.Q(("account", ""), _negated=True),
                            _connector="XOR",
                        ),
                        name="code_is_of_an_account",
                    )
                ],
            },
        ),
    ]
