"""Say in the index of the works what the contests measured that their adapters won."""

from typing import Any

from django.db import migrations

from assay.messages import Result
from assay.wire import from_json
from competitions.rules.results import interval_e9
from licensing.rules.search import Measured, search_text


def fill(apps: Any, _schema_editor: Any) -> None:
    entries = apps.get_model("competitions", "Submission").objects
    cards = apps.get_model("licensing", "SearchCard").objects
    works = apps.get_model("licensing", "Work").objects
    contests = apps.get_model("competitions", "Competition").objects
    evaluators = apps.get_model("competitions", "Evaluator").objects
    won = entries.filter(prize_nano__gt=0).order_by("since_ms", "id")
    for entry in won.iterator(500):
        work = works.filter(pk=entry.adapter_sha256).first()
        if work is None or cards.filter(pk=work.id).exclude(competition="").exists():
            continue
        contest = contests.get(pk=entry.competition)
        evaluator = evaluators.get(pk=contest.spec["manifest_sha256"])
        measured = _measured(entry, contest, evaluator)
        text = search_text(work.title, work.owner, work.id, measured)
        cards.filter(pk=work.id).update(text=text, **vars(measured))


def _measured(entry: Any, contest: Any, evaluator: Any) -> Measured:
    result = from_json(Result, entry.final_result)
    low_e9, high_e9 = interval_e9(result, evaluator.metric) or (None, None)
    return Measured(
        competition=contest.id, entry=entry.id, title=contest.spec["title"],
        manifest=evaluator.id, base=contest.spec["base"], evaluator=evaluator.evaluator,
        metric=evaluator.metric, score_e9=entry.final_score_e9, low_e9=low_e9, high_e9=high_e9,
        baseline_e9=contest.baseline_e9,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("competitions", "0006_stage"), ("licensing", "0003_fill_search")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
