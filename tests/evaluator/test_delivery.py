"""The folder that a buyer gets: transformers and peft load it, and it answers as it was scored."""

import json
import warnings
from dataclasses import replace

import peft
import pytest
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import load_file

from evaluator.bases import MINILM, folder_of
from evaluator.bases.shapes import GenericShape
from evaluator.blob import read_blob
from evaluator.delivery.folder import PEFT_VERSION, tensor_files, text_files
from evaluator.delivery.snippet import snippet
from evaluator.engine.model import Adapted
from evaluator.evaluators.form import ON_THE_LAST, ON_THE_MEAN
from evaluator.generic import forward as generic
from evaluator.generic.asked import Asked
from evaluator.generic.merge import merged
from evaluator.generic.scoring import read_tensors
from evaluator.intake import admit, admit_folder
from evaluator.score.scoring import load_base
from evaluator.task.manifest import MetricClause
from evaluator.task.slices import unpack_inputs
from tests.evaluator import makers
from tests.evaluator.test_evaluator_lm import prepared as language_task


def adapted(weights, blob, task):
    """The base under the adapter, as the evaluator asks it."""
    return Adapted(weights, blob, task.adapter.head)


TEXTS = ("The cat purrs beside the lamp.", "A dog barks.", "At night the owl hoots, number 5.")


def write_folder(blob, manifest, out, base):
    """What the site streams, in a folder of this machine."""
    contents = read_blob(blob)
    out.mkdir()
    for name, raw in text_files(contents, manifest, str(base)).items():
        (out / name).write_bytes(raw)
    for name, file in tensor_files(contents, manifest, lambda _: {"assay.work": "w"}).items():
        values = b"".join(blob[first : first + size] for first, size in file.spans)
        (out / name).write_bytes(file.header + values)
    return out


def run_snippet(manifest, base, folder, monkeypatch):
    """The card's own lines, run beside the files; their `answer`."""
    monkeypatch.chdir(folder)
    lines = snippet(manifest, str(base))
    assert len(lines.splitlines()) <= 20
    names = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(missing|unexpected).*keys.*")
        exec(compile(lines, "card", "exec"), names)
    return names


@pytest.fixture(scope="module")
def classifier():
    """An adapter of the real encoder with three classes; its modules differ in rank and alpha."""
    task, arrays = makers.manifest(), makers.tensors(scale=1.0)
    wider = "bert.encoder.layer.4.attention.self.value"
    for side, size in (("A", (3, 384)), ("B", (384, 3))):
        name = f"base_model.model.{wider}.lora_{side}.weight"
        arrays[name] = makers.pseudo(f"wide {side}", size)
    config, _ = makers.adapter(lora_alpha=3, rank_pattern={wider: 3}, alpha_pattern={wider: 7})
    return admit(config, makers.safetensors(arrays), task).canonical, task


def test_the_peft_that_the_folder_names_is_the_pinned_one(house):
    pinned = (house / "requirements" / "train.txt").read_text().split()
    assert f"peft=={PEFT_VERSION}" in pinned


def test_a_classifier_loads_without_a_key_too_many_or_too_few(classifier, tmp_path):
    base = folder_of(MINILM, is_verified=False)
    folder = write_folder(*classifier, tmp_path / "folder", base)
    config = peft.PeftConfig.from_pretrained(folder)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    model = peft.get_peft_model(plain, config)
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        assert file.metadata()["assay.work"] == "w"
    assert set(tensors) == set(peft.get_peft_model_state_dict(model))
    loaded = peft.set_peft_model_state_dict(model, tensors)
    assert not loaded.unexpected_keys
    assert not [name for name in loaded.missing_keys if "lora" in name or "modules_to_save" in name]


def test_the_cards_lines_answer_as_the_evaluator_scored(classifier, tmp_path, monkeypatch, weights):
    blob, task = classifier
    base = folder_of(MINILM, is_verified=False)
    folder = write_folder(blob, task, tmp_path / "folder", base)
    names = run_snippet(task, base, folder, monkeypatch)
    tokens = names["tokenizer"]
    for text in TEXTS:
        ids = tokens(text)["input_ids"]
        with torch.inference_mode():
            wanted = torch.tensor(adapted(weights, blob, task).logits([ids], ON_THE_MEAN))[0]
            states = names["plain"].base_model(input_ids=torch.tensor([ids])).last_hidden_state
            found = names["plain"].classifier(states.mean(1))[0]
        assert (wanted - found).abs().max() < 1e-5 * wanted.abs().max()
        assert wanted.abs().max() > 0.01
        assert names["answer"](text) == task.labels[int(wanted.argmax())]


def test_a_decoder_answers_as_the_evaluator_scored(tiny, tmp_path, monkeypatch):
    task = language_task(tiny, "nll")[0]
    blob = admit_folder(tiny.adapter, task.manifest).canonical
    folder = write_folder(blob, task.manifest, tmp_path / "folder", tiny.folder)
    answer = run_snippet(task.manifest, tiny.folder, folder, monkeypatch)["answer"]
    base = load_base(folder_of(tiny.base))
    for [row] in unpack_inputs(task.public_inputs).examples:
        text = transformers.AutoTokenizer.from_pretrained(tiny.folder).decode(row.ids[1:])
        with torch.inference_mode():
            [scored] = adapted(base, blob, task.manifest).scored([row])
        nats = sum(scored.nll_q32) / 2**32 / len(scored.nll_q32)
        assert answer(text) == pytest.approx(nats, rel=1e-5)


def test_a_decoder_writes_what_the_evaluator_compared(tiny, tmp_path, monkeypatch):
    clause = MetricClause("generation", "exact_match", 1, {"max_new_tokens": "9", "stop": ""})
    task = replace(language_task(tiny, "nll")[0].manifest, metric=clause)
    blob = admit_folder(tiny.adapter, task).canonical
    folder = write_folder(blob, task, tmp_path / "folder", tiny.folder)
    names = run_snippet(task, tiny.folder, folder, monkeypatch)
    base, tokens = load_base(folder_of(tiny.base)), names["tokenizer"]
    for text in TEXTS:
        with torch.inference_mode():
            model = adapted(base, blob, task)
            ids = model.continued(tokens(text)["input_ids"], most=9, ends=(1,))
        assert names["answer"](text) == tokens.decode(ids, skip_special_tokens=True)


def test_a_decoder_with_a_head_answers_with_the_class(tiny, tmp_path, monkeypatch):
    head = {"score.weight": (3, tiny.base.shape.hidden)}
    whole = language_task(tiny, "nll")[0].manifest
    task = replace(
        whole,
        labels=("cat", "dog", "owl"),
        metric=MetricClause("classification", "accuracy", 1, {"head": "own", "pooling": "last"}),
        adapter=replace(whole.adapter, head=head),
    )
    config = json.loads((tiny.adapter / "adapter_config.json").read_bytes())
    config |= {"modules_to_save": ["score"], "task_type": "SEQ_CLS"}
    arrays = load_file(tiny.adapter / "adapter_model.safetensors")
    name, size = next(iter(head.items()))
    arrays["base_model.model." + name] = makers.pseudo("head", size)
    raw = json.dumps(config).encode(), makers.safetensors(arrays)
    blob = admit(*raw, task).canonical
    folder = write_folder(blob, task, tmp_path / "folder", tiny.folder)
    answer = run_snippet(task, tiny.folder, folder, monkeypatch)["answer"]
    tokens = transformers.AutoTokenizer.from_pretrained(tiny.folder)
    base, seen = load_base(folder_of(tiny.base)), set()
    for text in (*TEXTS, *"abcdefgh"):
        with torch.inference_mode():
            [place] = adapted(base, blob, task).classes([tokens(text)["input_ids"]], ON_THE_LAST)
        assert answer(text) == task.labels[place]
        seen.add(place)
    assert len(seen) > 1


def test_an_encoder_that_finds_texts_gives_their_states(classifier, tmp_path, monkeypatch, weights):
    _, whole = classifier
    clause = MetricClause("retrieval", "ndcg_at_10", 1, {"k": "10", "pooling": "mean"})
    task = replace(whole, labels=(), metric=clause, adapter=replace(whole.adapter, head={}))
    config = json.dumps(makers.config(modules_to_save=None)).encode()
    arrays = {name: one for name, one in makers.tensors(scale=1.0).items() if "lora" in name}
    blob = admit(config, makers.safetensors(arrays), task).canonical
    base = folder_of(MINILM, is_verified=False)
    folder = write_folder(blob, task, tmp_path / "folder", base)
    names = run_snippet(task, base, folder, monkeypatch)
    for text in TEXTS:
        with torch.inference_mode():
            ids = names["tokenizer"](text).input_ids
            state = torch.tensor([adapted(weights, blob, task).pooled([ids], "mean").values()])
        found = torch.tensor(names["answer"](text))
        assert (found - state[0] / state[0].norm()).abs().max() < 1e-5


def test_a_head_that_the_model_class_has_no_room_for_lies_apart(tmp_path, monkeypatch):
    folder_of_base = folder_of(MINILM, is_verified=False)
    linears = {f"base.{name.removeprefix('bert.')}": size for name, size in MINILM.targets.items()}
    shape = GenericShape("encoder", 384, 512, 30522, linears, prefix="base.")
    whole = makers.manifest()
    task = replace(
        whole,
        base=replace(whole.base, family="transformers", config=shape),
        adapter=replace(whole.adapter, targets=linears),
    )
    arrays = {
        name.replace("model.bert.", "model.base."): one
        for name, one in makers.tensors(scale=1.0).items()
    }
    config = json.dumps(makers.config()).encode()
    blob = admit(config, makers.safetensors(arrays), task).canonical
    folder = write_folder(blob, task, tmp_path / "folder", folder_of_base)
    names = run_snippet(task, folder_of_base, folder, monkeypatch)
    base = generic.weights_of(folder_of_base, shape, read_tensors(folder_of_base))
    for text in TEXTS:
        ids = names["tokenizer"](text).input_ids
        with torch.inference_mode():
            [place] = Asked(base.net(merged(base.tensors, blob, task.adapter.head))).classes(
                [ids], ON_THE_MEAN
            )
        assert names["answer"](text) == task.labels[place]
