"""One scale: a task no longer says how each slice is computed."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("competitions", "0010_results_are_sealed")]

    operations = [
        migrations.RemoveField(model_name="evaluator", name="final_mode"),
        migrations.RemoveField(model_name="evaluator", name="public_mode"),
    ]
