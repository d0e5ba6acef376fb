"""A task file of lm-evaluation-harness, as a stranger sends it: a closed form, and no code.

The harness itself would run `!function`, load data sets by name and render any Jinja template. So
only named fields come through, with values of the named kinds; templates may name columns, index
them by whole numbers, and call a few functions that make a text no longer. Workers only.
source  lm-evaluation-harness 0.4.13, docs/task_guide.md
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jinja2
import yaml
from jinja2 import nodes

from evaluator.errors import HarnessRefused
from evaluator.evaluators.asking import MOST_NEW
from evaluator.evaluators.form import Manner

MOST_BYTES, MOST_TEMPLATE, MOST_SHOTS, MOST_STOPS = 65_536, 4_000, 16, 8
MOST_DEPTH = 32
_OPENS = (
    yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken,
)  # fmt: skip
_CLOSES = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
PAUSE = "\n\n"  # where writing ends when nothing is said
LIKELIHOOD, ROLLING, WRITES, CHOICE = (
    "loglikelihood", "loglikelihood_rolling", "generate_until", "multiple_choice",
)  # fmt: skip
METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {  # name -> its aggregation, output types
    "acc": ("mean", (LIKELIHOOD, CHOICE)),
    "acc_norm": ("mean", (CHOICE,)),
    "acc_bytes": ("mean", (CHOICE,)),
    "exact_match": ("mean", (WRITES, CHOICE)),
    "perplexity": ("perplexity", (LIKELIHOOD,)),
    "word_perplexity": ("weighted_perplexity", (ROLLING,)),
    "byte_perplexity": ("weighted_perplexity", (ROLLING,)),
    "bits_per_byte": ("bits_per_byte", (ROLLING,)),
}
_USUALLY = {
    name: {"aggregation": gathered, "higher_is_better": gathered == "mean"}
    for name, (gathered, _) in METRICS.items()
}
USUAL = {  # what a task without a list of metrics gives
    LIKELIHOOD: ("perplexity", "acc"),
    ROLLING: ("word_perplexity", "byte_perplexity", "bits_per_byte"),
    CHOICE: ("acc", "acc_norm"),
    WRITES: ("exact_match",),
}
FLAGS = ("ignore_case", "ignore_punctuation", "ignore_numbers")
FILTERS = ("take_first", "lowercase", "uppercase", "remove_whitespace")
_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Concat,
    nodes.List,
)  # fmt: skip
_METHODS = ("capitalize", "lower", "lstrip", "rstrip", "strip", "title", "upper")
_FILTERS = ("capitalize", "first", "last", "length", "lower", "string", "title", "trim", "upper")
_ENVIRONMENT = jinja2.Environment(autoescape=True)  # it parses, and never renders


def read_task(text: str) -> dict[str, Any]:
    """The fields of a task file that the harness gets.

    raises HarnessRefused: no YAML, an unknown field, a value of another kind, a template that does
           more than to name columns
    """
    if len(text.encode()) > MOST_BYTES:
        raise _refused("", f"the file is over {MOST_BYTES} bytes")
    try:
        _check_tokens(text)
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _refused("", f"it is no plain YAML: {str(error)[:200]!a}") from error
    if not isinstance(found, dict):
        raise _refused("", "it is no list of fields")
    for name, value in found.items():
        problem = _FIELDS[name](value) if name in _FIELDS else "it is not one that is read"
        if problem:
            raise _refused(str(name), problem)
    if found.get("output_type", WRITES) == CHOICE and "doc_to_choice" not in found:
        raise _refused("doc_to_choice", "it is missing")
    if found.get("num_fewshot") and "fewshot_config" not in found:
        raise _refused("fewshot_config", "it is missing, and the shots must stand in the file")
    kept = {name: value for name, value in found.items() if name not in _UNUSED}
    kind = kept.setdefault("output_type", WRITES)
    listed = kept.get("metric_list", [{"metric": name} for name in USUAL[kind]])
    return kept | {"metric_list": [{**_USUALLY[one["metric"]], **one} for one in listed]}


def _check_tokens(text: str) -> None:
    """Judge the file token by token, before its parts are put together.

    A nesting is left at once: what reads it takes time with its square.
    """
    depth = 0
    for token in yaml.scan(text):
        if isinstance(token, yaml.AliasToken):
            raise _refused("", "it has an alias")
        depth += isinstance(token, _OPENS) - isinstance(token, _CLOSES)
        if depth > MOST_DEPTH:
            raise _refused("", f"it is nested deeper than {MOST_DEPTH}")


def manner_of(task: Mapping[str, Any], metric: str) -> Manner:
    """How the model is asked; raises HarnessRefused when the task does not give the metric."""
    kind = task["output_type"]
    given = [one["metric"] for one in task["metric_list"]]
    if metric not in given or kind not in METRICS[metric][1]:
        raise _refused("metric_list", f"the task has {', '.join(given)}, not {metric}")
    if kind != WRITES:
        return Manner(is_rolling=kind == ROLLING)
    asked = task.get("generation_kwargs", {})
    until = asked.get("until", PAUSE)
    stops = tuple(until) if isinstance(until, list) else (until,)
    return Manner(asked.get("max_gen_toks", 256), stops)


def _text(value: object) -> str:
    return "" if isinstance(value, str) else "it is no text"


def _template(value: object) -> str:
    """A text that Jinja may render: short, and of the allowed parts only."""
    if not isinstance(value, str) or len(value) > MOST_TEMPLATE:
        return f"it is no text of at most {MOST_TEMPLATE} characters"
    try:
        parsed = _ENVIRONMENT.parse(value)
        strange = next((one for one in _parts(parsed) if not _is_allowed(one)), None)
    except (jinja2.TemplateError, RecursionError) as error:
        return f"it is no template: {str(error)[:100]!a}"
    return f"its template has a {type(strange).__name__}" if strange else ""


def _parts(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        if not (isinstance(node, nodes.Call) and isinstance(child, nodes.Getattr)):
            yield from _parts(child)
        else:
            yield from _parts(child.node)  # the method itself was looked at with its call


def _is_allowed(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Name):
        return node.name not in {*_ENVIRONMENT.globals, "self", "loop", "caller", "varargs"}
    if isinstance(node, nodes.Getitem):  # a text in brackets would be an attribute
        return isinstance(node.arg, nodes.Const) and type(node.arg.value) is int
    if isinstance(node, nodes.Filter):
        return node.name in _FILTERS and not node.args and not node.kwargs
    if isinstance(node, nodes.Call):
        called = node.node
        has_arguments = node.args or node.kwargs or node.dyn_args or node.dyn_kwargs
        is_method = isinstance(called, nodes.Getattr) and called.attr in _METHODS
        return is_method and not has_arguments
    return isinstance(node, _PLAIN)


def _place_or_template(value: object) -> str:
    return "" if type(value) is int else _template(value)


def _choices(value: object) -> str:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return "" if all(isinstance(one, str) for one in value) else "its choices are no texts"
    return _template(value)


def _metrics(value: object) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        return "it is no list of metrics"
    return next(filter(None, map(_metric, value)), "")


def _metric(one: Mapping[str, object]) -> str:
    name = str(one.get("metric"))
    if name not in METRICS:
        return f"{name[:40]!a} is not one of {', '.join(METRICS)}"
    if set(one) - {"metric", "aggregation", "higher_is_better", *FLAGS}:
        return "a metric has a field that is not read"
    if one.get("aggregation", METRICS[name][0]) != METRICS[name][0]:
        return f"{name} is aggregated by {METRICS[name][0]}"
    return "" if all(type(one.get(flag, False)) is bool for flag in FLAGS) else "a flag is no flag"


def _writing(value: object) -> str:
    if not isinstance(value, dict) or set(value) - {
        "until", "max_gen_toks", "do_sample", "temperature",
    }:  # fmt: skip
        return "it may have until, max_gen_toks, do_sample and temperature"
    until = value.get("until", [])
    stops = until if isinstance(until, list) else [until]
    if len(stops) > MOST_STOPS or not all(isinstance(one, str) and one for one in stops):
        return f"until is up to {MOST_STOPS} texts"
    most = value.get("max_gen_toks", 256)
    if type(most) is not int or not 1 <= most <= MOST_NEW:
        return f"max_gen_toks is 1 to {MOST_NEW}"
    is_greedy = value.get("do_sample", False) is False and value.get("temperature", 0) == 0
    return "" if is_greedy else "only greedy writing is taken"


def _filters(value: object) -> str:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        return "it is no list of one filter"
    steps = value[0].get("filter", [])
    if set(value[0]) != {"name", "filter"} or not isinstance(steps, list):
        return "a filter has a name and a list of functions"
    names = [one.get("function") if isinstance(one, dict) else None for one in steps]
    is_known = all(set(one) == {"function"} for one in steps) and {*names} <= {*FILTERS}
    is_whole = names[-1:] == ["take_first"] or names[:1] == ["take_first"]
    return (
        "" if is_known and is_whole else f"its functions are {', '.join(FILTERS)}, with take_first"
    )


def _shots(value: object) -> str:
    if not isinstance(value, dict) or set(value) != {"sampler", "samples"}:
        return "it has sampler and samples"
    samples = value["samples"]
    is_list = isinstance(samples, list) and all(isinstance(one, dict) for one in samples)
    return "" if value["sampler"] == "first_n" and is_list else "it is first_n of a list of rows"


def _one_of(*wanted: object) -> Callable[[object], str]:
    shown = ", ".join(map(str, wanted))
    return lambda value: "" if value in wanted else f"it is not one of {shown}"


def _anything(_: object) -> str:
    return ""


_UNUSED: Mapping[str, Callable[[object], str]] = {  # the slices are the data
    "dataset_path": _one_of("json"),
    "dataset_name": _anything,
    "dataset_kwargs": _anything,
    "training_split": _anything,
    "validation_split": _anything,
    "test_split": _anything,
    "fewshot_split": _anything,
    "metadata": _anything,
    "tag": _anything,
    "task_alias": _anything,
    "repeats": _one_of(1),
    "should_decontaminate": _one_of(False),  # noqa: FBT003 - a value, not a switch
}
_FIELDS: Mapping[str, Callable[[object], str]] = {
    **_UNUSED,
    "task": _text,
    "output_type": _one_of(*USUAL),
    "doc_to_text": _place_or_template,
    "doc_to_target": _place_or_template,
    "doc_to_choice": _choices,
    "description": _template,
    "gen_prefix": _template,
    "target_delimiter": _text,
    "fewshot_delimiter": _text,
    "num_fewshot": _one_of(*range(MOST_SHOTS + 1)),
    "fewshot_config": _shots,
    "metric_list": _metrics,
    "generation_kwargs": _writing,
    "filter_list": _filters,
}


def _refused(field: str, problem: str) -> HarnessRefused:
    where = f" at {field[:60]!a}" if field else ""
    return HarnessRefused(
        f"The task file cannot be taken{where}: {problem}.", field=field[:60], problem=problem
    )
