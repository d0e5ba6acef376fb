"""The few lines of Python on a model's card: they load the folder and ask as the evaluator asked.

A test runs them. One text at a time, so that no padding can change an answer.
"""

from evaluator.bases.shapes import CLS
from evaluator.delivery.folder import HEAD, LABELS
from evaluator.delivery.loading import CAUSAL, CLASSES, Loading, loading_of
from evaluator.task.manifest import Manifest

_LIKELIHOODS = frozenset({"lm", "choice"})  # evaluators that ask how likely a text is
MOST_NEW = 32


def snippet(manifest: Manifest, base: str) -> str:
    """Python that ends with printing the answer to one text; run beside the folder's files.

    base  what `from_pretrained` is given to load the base
    """
    loading = loading_of(manifest)
    lines = [*_opening(loading, base), *_body(manifest, loading), 'print(answer("Your text."))']
    return "\n".join(lines) + "\n"


def _opening(loading: Loading, base: str) -> list[str]:
    has_labels = loading.model == CLASSES or loading.has_head_apart
    lines = ["import json"] if has_labels else []
    lines += ["import torch"] if loading.model == CAUSAL or loading.has_head_apart else []
    lines += ["from peft import PeftModel"]
    lines += ["from safetensors.torch import load_file"] if loading.has_head_apart else []
    lines += [f"from transformers import {', '.join(sorted((loading.model, 'AutoTokenizer')))}"]
    lines += ["", f'base, folder = {base!r}, "."']
    lines += [f'labels = json.load(open(folder + "/{LABELS}"))'] if has_labels else []
    named = ", **labels" if loading.model == CLASSES else ""
    return [
        *lines,
        "tokenizer = AutoTokenizer.from_pretrained(base)",
        f"plain = {loading.model}.from_pretrained(base{named})",
        "model = PeftModel.from_pretrained(plain, folder).eval()",
        *([f'head = load_file(folder + "/{HEAD}")'] if loading.has_head_apart else []),
        "",
    ]


def _body(manifest: Manifest, loading: Loading) -> list[str]:
    most = manifest.tokenizer.max_tokens
    read = f'    given = tokenizer(text, truncation=True, max_length={most}, return_tensors="pt")'
    lines = ["def answer(text):", read]
    if loading.model == CAUSAL:
        return [*lines, *_decoder(manifest), ""]
    pooled = "[:, 0]" if loading.pooling == CLS else ".mean(1)"
    if loading.is_own:
        lines += ["    scores = model(**given).logits[0]"]
    elif loading.model == CLASSES:
        lines += [
            "    states = plain.base_model(**given).last_hidden_state",
            f"    scores = plain.classifier(states{pooled})[0]  # the task's own pooling",
        ]
    else:
        lines += [f"    state = model(**given).last_hidden_state{pooled}[0]"]
        if not loading.has_head_apart:
            return [*lines, "    return (state / state.norm()).tolist()", ""]
        named = 'head["classifier.weight"], head["classifier.bias"]'
        lines += [f"    scores = torch.nn.functional.linear(state, {named})"]
    return [*lines, '    return labels["id2label"][str(int(scores.argmax()))]', ""]


def _decoder(manifest: Manifest) -> list[str]:
    if manifest.metric.evaluator in _LIKELIHOODS:
        return [
            "    with torch.no_grad():",
            '        return float(model(**given, labels=given["input_ids"]).loss)  # nats a token',
        ]
    most = int(manifest.metric.options.get("max_new_tokens", MOST_NEW))
    return [
        "    with torch.no_grad():",
        f"        ids = model.generate(**given, max_new_tokens={most}, do_sample=False)[0]",
        '    return tokenizer.decode(ids[given["input_ids"].shape[1] :], skip_special_tokens=True)',
    ]
