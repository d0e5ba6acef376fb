"""The harness as a backend: its own figures on the same examples, and what is not taken of it."""

import json

import lm_eval
import pytest
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from evaluator.bases import folder_of
from evaluator.engine.model import Adapted
from evaluator.errors import HarnessRefused
from evaluator.evaluators import harness
from evaluator.evaluators.form import Task
from evaluator.evaluators.generation import GENERATION
from evaluator.evaluators.lm_eval import LM_EVAL
from evaluator.evaluators.taskfile import manner_of, read_task
from evaluator.intake import admit_folder
from evaluator.score.checking import check
from evaluator.score.scoring import load_base
from evaluator.task.prepare import Options, prepare
from evaluator.task.slices import unpack_inputs
from evaluator.task.tokens import tokens_of
from tests.evaluator.tiny import rows_for

SALT = bytes(range(32))
MAX_TOKENS, NEW = 140, 6
CHOICE = """\
task: choice
output_type: multiple_choice
doc_to_text: "Q: {{question.strip()}}\\nA:"
doc_to_choice: choices
doc_to_target: answer
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]
"""
ROLLING = """\
task: rolling
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}} {{choices[1]}}"
metric_list: [{metric: byte_perplexity}, {metric: bits_per_byte}]
"""
LIKELY = """\
task: likely
output_type: loglikelihood
doc_to_text: "{{question}}"
doc_to_target: "{{next}}"
metric_list: [{metric: perplexity}, {metric: acc}]
"""
WRITING = f"""\
task: writing
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: reply
num_fewshot: 1
fewshot_config:
  sampler: first_n
  samples: [{{question: "Who is it?", reply: me}}]
generation_kwargs: {{until: ["\\n", "q"], max_gen_toks: {NEW}}}
metric_list: [{{metric: exact_match, ignore_case: true}}]
"""
FILES = {"choice": CHOICE, "rolling": ROLLING, "likely": LIKELY, "writing": WRITING}


def row(phrase, number):
    return {
        "question": f"Where is the {phrase}?",
        "choices": ["in the house", f"on the {phrase}", "é"],
        "answer": number % 3,
    }


@pytest.fixture(scope="module")
def rows(tiny):
    """Rows of which half have the reply and the next token that the adapted model gives."""
    manifest = prepared(
        tiny, "choice", "acc", [rows_for(row, 5, one) for one in (0, 50, 90)]
    ).manifest
    weights = load_base(folder_of(tiny.base))
    adapter = admit_folder(tiny.adapter, manifest).canonical
    model = Adapted(weights, adapter, {})
    tokens = tokens_of(folder_of(tiny.base), max_tokens=MAX_TOKENS)
    found = []
    for place, one in enumerate(rows_for(row, 36)):
        shots = f"Who is it? me\n\n{one['question']}"
        reply = GENERATION.pack(
            [{"prompt": shots, "references": "x"}],
            Task("bleu", (), tokens, {"max_new_tokens": str(NEW), "stop": '["\\n", "q"]'}),
        ).inputs
        [ids] = GENERATION.predictor(model, reply.shared, {})(reply.examples)
        said = tokens.decode(ids).partition("\n")[0].partition("q")[0]
        next_ = tokens.decode(model.continued(tokens.whole(one["question"]), most=1, ends=[]))
        is_right = place % 2 == 0
        found.append(
            {**one, "reply": said if is_right else "no", "next": next_ if is_right else "!"}
        )
    return found


def prepared(tiny, file, metric, slices, **options):
    chosen = {"task": "dataset_path: json\n" + FILES[file]}
    return prepare(
        tiny.base,
        *slices,
        Options(
            salt=SALT, metric=f"lm_eval_{metric}", max_tokens=MAX_TOKENS, options=chosen, **options
        ),
    )


@pytest.fixture(scope="module")
def theirs(tiny, rows, tmp_path_factory):
    """What the harness's own evaluation says, with its own model under peft."""
    folder = tmp_path_factory.mktemp("harness")
    (folder / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows[:12]))
    data = {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "rows.jsonl")}},
    }
    where = "".join(f"{name}: {json.dumps(value)}\n" for name, value in data.items())
    for name, told in FILES.items():
        (folder / f"{name}.yaml").write_text(f"{where}test_split: test\n{told}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_DATASETS_CACHE", str(folder / "cache"))
        found = lm_eval.simple_evaluate(
            model=HFLM(
                pretrained=str(tiny.folder), peft=str(tiny.adapter), device="cpu",
                dtype="float32", batch_size=4,
            ),
            tasks=list(FILES),
            task_manager=TaskManager(include_path=str(folder), include_defaults=False),
            bootstrap_iters=0,
        )  # fmt: skip
    return found["results"]


@pytest.mark.parametrize(
    ("file", "metric"),
    [
        ("choice", "acc"),
        ("choice", "acc_norm"),
        ("choice", "acc_bytes"),
        ("rolling", "byte_perplexity"),
        ("rolling", "bits_per_byte"),
        ("likely", "acc"),
        ("writing", "exact_match"),
    ],
)
def test_the_figure_is_that_of_the_harness_on_the_same_examples(tiny, rows, theirs, file, metric):
    task = prepared(tiny, file, metric, [rows[24:], rows[:12], rows[12:24]])
    found = check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
    assert found.score_e9 / 1e9 == pytest.approx(theirs[file][f"{metric},none"], rel=1e-6)


def test_the_shares_that_are_compared_are_neither_none_nor_all(theirs):
    shares = {
        file: theirs[file][f"{name},none"]
        for file, name in (("choice", "acc"), ("likely", "acc"), ("writing", "exact_match"))
    }
    assert all(0 < one < 1 for one in shares.values()), shares


@pytest.mark.parametrize("metric", ["acc", "acc_norm", "acc_bytes"])
def test_our_own_choice_gives_what_the_harness_gives(tiny, rows, theirs, metric):
    asked = [{**one, "question": f"Q: {one['question']}\nA:"} for one in rows]
    own = prepare(
        tiny.base, asked[24:], asked[:12], asked[12:24],
        Options(salt=SALT, metric=metric, max_tokens=MAX_TOKENS),
    )  # fmt: skip
    found = check(tiny.adapter, own.manifest, own.public_inputs, own.public_labels)
    assert found.score_e9 / 1e9 == pytest.approx(theirs["choice"][f"{metric},none"], abs=1e-9)


def test_a_perplexity_is_that_of_the_formula_and_ends_at_its_limit(tiny, rows):
    task = prepared(tiny, "likely", "perplexity", [rows[24:], rows[:12], rows[12:24]])
    found = check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
    assert 10**9 < found.score_e9 < 10**18


def test_a_text_longer_than_a_window_is_scored_once_token_by_token(tiny):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=16)
    task = Task("lm_eval_bits_per_byte", (), tokens, {"task": ROLLING})
    one = {"question": "the lamp " * 9, "choices": ["a", "b"]}
    [found] = LM_EVAL.pack([one], task).inputs.examples
    scored = [token for part in found for token in part.ids[part.start :]]
    assert len(found) > 2
    assert scored == tokens.whole("the lamp " * 9 + " b")
    assert {len(part.ids) for part in found} == {16}


def test_the_file_is_part_of_the_manifest(tiny, rows):
    task = prepared(tiny, "choice", "acc", [rows[24:], rows[:12], rows[12:24]])
    assert task.manifest.metric.options["task"].endswith(CHOICE)
    assert len(unpack_inputs(task.public_inputs).examples[0]) == 3


REFUSED = {
    "a function": ("doc_to_text: !function score.text", ""),
    "another file": ("include: other.yaml", "include"),
    "a class": ("class: Task", "class"),
    "processing": ("process_results: score", "process_results"),
    "code that runs": ("unsafe_code: true", "unsafe_code"),
    "a data set of a hub": ("dataset_path: cais/mmlu", "dataset_path"),
    "a data set's code": ("custom_dataset: score.data", "custom_dataset"),
    "an unknown kind": ("output_type: chat", "output_type"),
    "an alias": ("tag: &a [x]\nmetadata: *a", ""),
    "no YAML": ("a: [", ""),
    "no fields": ("- a", ""),
    "a call": ('doc_to_text: "{{ lipsum() }}"', "doc_to_text"),
    "a loop": ('doc_to_text: "{% for a in x %}{{a}}{% endfor %}"', "doc_to_text"),
    "an attribute": ('doc_to_text: "{{ x.__class__ }}"', "doc_to_text"),
    "an attribute in brackets": ('doc_to_text: "{{ x[\'__class__\'] }}"', "doc_to_text"),
    "a name in brackets": ('doc_to_text: "{{ x[y] }}"', "doc_to_text"),
    "a method with arguments": ("doc_to_text: \"{{ x.strip('a') }}\"", "doc_to_text"),
    "a format": ("doc_to_text: \"{{ '{0.__class__}'.format(x) }}\"", "doc_to_text"),
    "a product": ('doc_to_text: "{{ x * 99999999 }}"', "doc_to_text"),
    "an own filter": ("doc_to_text: \"{{ x|regex_replace('a', 'b') }}\"", "doc_to_text"),
    "an assignment": ('doc_to_text: "{% set a = x %}{{a}}"', "doc_to_text"),
    "the template itself": ('doc_to_text: "{{ self }}"', "doc_to_text"),
    "a template in the target": ('doc_to_target: "{{ range }}"', "doc_to_target"),
    "a template in the choices": ('doc_to_choice: "{{ x.a }}"', "doc_to_choice"),
    "a broken template": ('doc_to_text: "{{ x"', "doc_to_text"),
    "a long template": (f'doc_to_text: "{"x" * 4001}"', "doc_to_text"),
    "a regular expression": (
        "filter_list: [{name: a, filter: [{function: regex, regex_pattern: x}]}]", "filter_list",
    ),
    "a filter of the sponsor's": (
        "filter_list: [{name: a, filter: [{function: custom}]}]", "filter_list",
    ),
    "a metric of a hub": ("metric_list: [{metric: rouge, hf_evaluate: true}]", "metric_list"),
    "an unknown metric": ("metric_list: [{metric: brier_score}]", "metric_list"),
    "another aggregation": ("metric_list: [{metric: acc, aggregation: median}]", "metric_list"),
    "patterns to ignore": (
        "metric_list: [{metric: exact_match, regexes_to_ignore: [x]}]", "metric_list",
    ),
    "chance": ("generation_kwargs: {do_sample: true}", "generation_kwargs"),
    "warmth": ("generation_kwargs: {temperature: 0.7}", "generation_kwargs"),
    "no end": ("generation_kwargs: {max_gen_toks: 100000}", "generation_kwargs"),
    "shots by chance": ("num_fewshot: 3", "fewshot_config"),
    "shots of a sampler": (
        "num_fewshot: 1\nfewshot_config: {sampler: default, samples: []}", "fewshot_config",
    ),
    "choices that are missing": ("output_type: multiple_choice", "doc_to_choice"),
    "a large file": ("task: " + "x" * 70_000, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_runs_code_or_reaches_out_is_refused_by_its_field(name):
    told, field = REFUSED[name]
    with pytest.raises(HarnessRefused) as refused:
        manner_of(read_task(told), "acc")
    assert refused.value.code == "data.harness_refused"
    assert refused.value.facts["field"] == field
    assert refused.value.next_step


def test_a_metric_that_the_task_does_not_give_is_refused():
    with pytest.raises(HarnessRefused, match="not exact_match"):
        manner_of(read_task(CHOICE), "exact_match")


@pytest.mark.parametrize(
    ("told", "row"),
    [
        (CHOICE, {"question": "x", "choices": ["a"]}),
        (CHOICE, {"question": "x", "choices": ["a"], "answer": 1}),
        (CHOICE, {"question": "x", "choices": ["a"], "answer": "b"}),
        (CHOICE.replace("doc_to_choice: choices", 'doc_to_choice: "{{question}}"'), row("a", 0)),
        (LIKELY, {"question": "x"}),
    ],
)
def test_rows_that_do_not_fit_the_file_are_refused(tiny, told, row):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=64)
    with pytest.raises(HarnessRefused, match="does not fit the rows"):
        LM_EVAL.pack([row], Task("lm_eval_acc", (), tokens, {"task": told}))


def test_a_template_that_multiplies_its_rows_is_refused(tiny, monkeypatch):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=64)
    told = LIKELY.replace("{{question}}", "{{question}}" * 300)
    rows = [{"question": "x" * 20, "next": "y"}] * 5
    task = Task("lm_eval_acc", (), tokens, {"task": told})
    assert len(LM_EVAL.pack(rows, task).labels) == 5
    monkeypatch.setattr(harness, "MOST_CHARACTERS", 4 * 300 * 20)
    with pytest.raises(HarnessRefused, match="characters together"):
        LM_EVAL.pack(rows, task)


@pytest.mark.parametrize("opening", ["[", "{", "[{", "- ", "? ", "a: ["])
def test_a_nesting_is_refused_before_it_costs_anything(opening):
    with pytest.raises(HarnessRefused, match="nested deeper"):
        read_task(opening * (60_000 // len(opening)))
