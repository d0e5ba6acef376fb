"""What the board answers of a run is the Ladder's: whom it was compared with, and the answer."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("competitions", "0014_three_slices")]

    operations = [
        migrations.AddField("seal", "is_told", models.BooleanField(default=False)),
        migrations.AlterField(
            "seal", "rival", models.CharField(blank=True, db_index=True, max_length=43)
        ),
    ]
