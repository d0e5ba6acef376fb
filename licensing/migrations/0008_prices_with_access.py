"""Prices in lists hold the access that a use needs; shares of earnings are not sold, nor listed."""

from typing import Any

from django.db import migrations

from licensing.rules.reading import parse
from licensing.rules.search import spans


def fill(apps: Any, _schema_editor: Any) -> None:
    works, terms, rights = (apps.get_model("licensing", name).objects
                            for name in ("Work", "TermsVersion", "SearchRight"))  # fmt: skip
    for work in works.iterator(2000):
        tags = terms.get(pk=f"{work.id}/{work.terms_version}").tags
        given = spans(parse([(name, value) for name, value in tags]), work.registered_ms)
        rights.filter(work=work.id).delete()
        rights.bulk_create(
            rights.model(id=f"{work.id}/{one.use}/{one.from_ms}", work=work.id, **vars(one))
            for one in given
        )


class Migration(migrations.Migration):
    dependencies = [("licensing", "0007_pool_indexes")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
