"""Index the works that are there. What contests measured comes after, from their own migration."""

from typing import Any

from django.db import migrations

from licensing.rules.reading import parse
from licensing.rules.search import search_text, spans


def fill(apps: Any, _schema_editor: Any) -> None:
    models = {name: apps.get_model("licensing", name)
              for name in ("Work", "TermsVersion", "SearchCard", "SearchRight")}  # fmt: skip
    for work in models["Work"].objects.iterator(2000):
        terms = models["TermsVersion"].objects.get(pk=f"{work.id}/{work.terms_version}")
        text = search_text(work.title, work.owner, work.id, None)
        told = {"kind": work.kind, "registered_ms": work.registered_ms, "text": text}
        models["SearchCard"].objects.create(work=work.id, **told)
        reading = parse([(name, value) for name, value in terms.tags])
        models["SearchRight"].objects.bulk_create(
            models["SearchRight"](
                id=f"{work.id}/{one.use}/{one.from_ms}", work=work.id, **vars(one)
            )
            for one in spans(reading, work.registered_ms)
        )


class Migration(migrations.Migration):
    dependencies = [("licensing", "0002_search")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
