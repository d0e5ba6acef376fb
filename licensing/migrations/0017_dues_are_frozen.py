"""What every sale of a work owes to those above it is a row of its own."""

from collections import defaultdict
from typing import Any

from django.db import migrations, models


def fill(apps: Any, _schema_editor: Any) -> None:
    """Of every work that there is: each edge above it counts once."""
    edge, work = apps.get_model("licensing", "Edge"), apps.get_model("licensing", "Work")
    parents: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for child, parent, rate_e8 in edge.objects.values_list("child", "parent", "rate_e8"):
        parents[child].append((parent, rate_e8))
    due = apps.get_model("licensing", "DueAbove")
    names = work.objects.values_list("pk", flat=True)
    due.objects.bulk_create((_due(due, name, parents) for name in names), batch_size=2000)


def _due(due: Any, name: str, parents: dict[str, list[tuple[str, int]]]) -> Any:
    met, waiting, rates = set[str](), [name], defaultdict[str, int](int)
    while waiting:
        child = waiting.pop()
        if child in met:
            continue
        met.add(child)
        for parent, rate_e8 in parents.get(child, ()):
            rates[parent] += rate_e8
            waiting.append(parent)
    owed = sorted(rates.items())
    return due(id=name, works=[one for one, _ in owed], rates_e8=[rate for _, rate in owed])


class Migration(migrations.Migration):
    dependencies = [("licensing", "0016_disputes")]

    operations = [
        migrations.CreateModel(
            name="DueAbove",
            fields=[
                ("id", models.CharField(max_length=72, primary_key=True, serialize=False)),
                ("works", models.JSONField()),
                ("rates_e8", models.JSONField()),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
