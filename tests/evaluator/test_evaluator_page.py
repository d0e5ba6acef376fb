"""docs/adding-an-evaluator.md: its example is an evaluator that works."""

import importlib.util
import re
import sys

import pytest

from config import env
from evaluator import registry
from evaluator.evaluators.form import Evaluator, Metric
from evaluator.score.checking import check
from evaluator.task.prepare import Options, prepare
from tests.evaluator.tiny import rows_for

PAGE = (env.HOUSE / "docs" / "adding-an-evaluator.md").read_text(encoding="utf-8")
FIELD = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)


@pytest.fixture
def verbatim(tmp_path, monkeypatch):
    """The page's file as a module, and its line in the registry."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "verbatim.py").write_text(code)
    spec = importlib.util.spec_from_file_location("verbatim", tmp_path / "verbatim.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "verbatim", module)
    spec.loader.exec_module(module)
    one = module.VERBATIM
    monkeypatch.setattr(registry, "REGISTERED", (*registry.REGISTERED, one))
    monkeypatch.setattr(registry, "EVALUATORS", {**registry.EVALUATORS, one.name: one})
    metrics = {metric.name: metric for metric in one.metrics}
    monkeypatch.setattr(registry, "METRICS", {**registry.METRICS, **metrics})
    return one


def test_the_pages_evaluator_goes_from_rows_to_a_score(tiny, verbatim):
    def row(phrase, number):
        return {"beginning": f"the {phrase} is", "rest": "in the house"}

    train, public, final = (rows_for(row, 6, first) for first in (0, 50, 90))
    task = prepare(
        tiny.base, train, public, final, Options(salt=bytes(32), metric="known_by_heart")
    )
    found = check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
    assert (found.score_e9, found.examples) == (0, 6), "nobody taught the tiny base"
    assert verbatim.metrics[0].records([[1], [0]], [0, 0], None) == (1, 0)


@pytest.mark.parametrize("form", [Evaluator, Metric])
def test_the_page_explains_every_field(form):
    told = {name for row in FIELD.findall(PAGE) for name in re.findall(r"`(\w+)`", row)}
    assert set(form.__dataclass_fields__) - told - {"name", "title", "version", "metrics"} == set()
