"""What each payee can draw is in an index; searches by text read an index alone."""

from collections import defaultdict
from itertools import islice
from typing import Any

from django.db import migrations, models

AT_ONCE = 2000  # works


def fill(apps: Any, _schema_editor: Any) -> None:
    """Of every pool that there is: parts by weight of all that came in, rounded down."""
    share, due = apps.get_model("licensing", "PoolShare"), apps.get_model("licensing", "ShareDue")
    works = iter(share.objects.order_by("work").values_list("work", flat=True).distinct())
    while part := list(islice(works, AT_ONCE)):
        left = dict(
            apps.get_model("ledger", "Account")
            .objects.filter(pk__in=[f"pool:{work}" for work in part])
            .values_list("pk", "available_nano")
        )
        beside = defaultdict(list)
        for one in share.objects.filter(work__in=part):
            beside[one.work].append(one)
        due.objects.bulk_create(
            due(
                id=one.id,
                work=work,
                payee=one.payee,
                due_nano=came_nano * one.weight // whole - one.drawn_nano,
                drawn_nano=one.drawn_nano,
            )
            for work, shares in beside.items()
            for came_nano in [left[f"pool:{work}"] + sum(one.drawn_nano for one in shares)]
            for whole in [sum(one.weight for one in shares)]
            for one in shares
        )


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0008_prices_with_access"),
        ("ledger", "0011_newest_transfers"),
    ]

    operations = [
        migrations.CreateModel(
            name="ShareDue",
            fields=[
                ("id", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("work", models.CharField(max_length=64)),
                ("payee", models.CharField(max_length=120)),
                ("due_nano", models.BigIntegerField()),
                ("drawn_nano", models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveIndex(
            model_name="poolshare",
            name="share_of_payee",
        ),
        migrations.RemoveIndex(
            model_name="poolshare",
            name="share_of_work",
        ),
        migrations.RemoveIndex(
            model_name="searchcard",
            name="card_newest",
        ),
        migrations.RemoveIndex(
            model_name="searchcard",
            name="card_newest_of_kind",
        ),
        migrations.AddIndex(
            model_name="poolshare",
            index=models.Index(fields=["payee", "work"], name="work_of_payee"),
        ),
        migrations.AddIndex(
            model_name="searchcard",
            index=models.Index(fields=["-registered_ms", "work", "text"], name="card_text"),
        ),
        migrations.AddIndex(
            model_name="searchcard",
            index=models.Index(
                fields=["kind", "-registered_ms", "work", "text"], name="card_text_of_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="sharedue",
            index=models.Index(
                fields=["payee", "-due_nano", "-drawn_nano", "work"], name="largest_due_of_payee"
            ),
        ),
        migrations.AddConstraint(
            model_name="sharedue",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_nano__gte", 0)), name="due_not_below_zero"
            ),
        ),
    ]
