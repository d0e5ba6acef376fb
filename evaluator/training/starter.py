"""The starter of a competition: a short script that trains an adapter with transformers and peft.

It loads the base by the class whose head the task reads, so what it saves comes in, and scores what
transformers and peft predict. A test runs it for each family.
"""

from collections.abc import Iterable, Mapping

from evaluator.bases.shapes import is_decoder
from evaluator.intake.names import saved_modules
from evaluator.task.manifest import Manifest

NAME = "starter.py"
# The layers of attention that LoRA usually changes, as the families call them.
ATTENTION = frozenset({
    "Wqkv", "c_attn", "q", "q_lin", "q_proj", "qkv_proj", "query", "query_key_value", "query_proj",
    "v", "v_lin", "v_proj", "value", "value_proj",
})  # fmt: skip

SCRIPT = '''"""Train a LoRA adapter for this competition with transformers and peft.

    python {name} BASE OUT [STEPS]      in the folder that `assay competitions download` wrote

BASE is a folder or a hub's name of {base}; OUT gets the adapter. Next: assay check OUT.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from transformers import {model} as Model

base, out, steps = sys.argv[1], sys.argv[2], int((*sys.argv[3:], 200)[0])
here = Path(__file__).parent
rows = [json.loads(line) for line in (here / "train.jsonl").read_text("utf-8").split("\\n") if line]
file = Path(base) / "tokenizer.json"
tokenizer = Tokenizer.from_file(str(file)) if file.is_file() else Tokenizer.from_pretrained(base)
tokenizer.enable_truncation({most})
torch.manual_seed(1)
plain = Model.from_pretrained(base{more}, dtype=torch.float32)
model = get_peft_model(plain, LoraConfig(
    task_type="{task}", r=8, lora_alpha=16, target_modules={targets!r}, modules_to_save={saved!r},
))


def ids(text):
    return torch.tensor([tokenizer.encode(text).ids])


{loss}

wanted = [one for one in model.parameters() if one.requires_grad]
optimizer = torch.optim.AdamW(wanted, lr=1e-3)
for step in range(steps):
    losses = [loss(rows[(8 * step + place) % len(rows)]) for place in range(8)]
    total = torch.stack(losses).mean()
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    print(f"step {{step + 1}}/{{steps}}  loss {{total.item():.4f}}")
model.eval().save_pretrained(out)
'''
CLASSES = """labels = {labels!r}


def loss(row):
    logits = model(input_ids=ids(row["text"])).logits
    wanted = torch.tensor([labels.index(str(row["label"]))])
    return torch.nn.functional.cross_entropy(logits, wanted)
"""
CHOICES = """def text_of(row):
    answer, offered = row["answer"], row["choices"]
    right = answer if answer in offered else offered[int(answer)]
    return row["question"] + {between!r} + right
"""
WRITTEN = """def text_of(row):
    found = row["references"]
    return row["prompt"] + " " + (found[0] if isinstance(found, list) else found)
"""
WHOLE = """def text_of(row):
    return row.get("prompt", "") + row["text"]
"""
# What a task file of lm-evaluation-harness asks, and the answer that it wants.
HARNESS = """import ast  # these come with torch and transformers

import yaml
from jinja2.sandbox import SandboxedEnvironment

task = yaml.safe_load({task!r})
is_plain = task.get("output_type", "").startswith("loglikelihood")
between = "" if is_plain else task.get("target_delimiter", " ")
rendering = SandboxedEnvironment(keep_trailing_newline=True)


def told(part, row):
    return row[part] if part in row else rendering.from_string(str(part)).render(row)


def offered(row):
    found = task["doc_to_choice"]
    if isinstance(found, list):
        return [told(one, row) for one in found]
    found = told(found, row)
    return found if isinstance(found, list) else ast.literal_eval(found)


def text_of(row):
    wanted = told(task["doc_to_target"], row)
    if "doc_to_choice" in task and wanted not in offered(row):
        wanted = offered(row)[int(wanted)]
    return told(task.get("doc_to_text", ""), row) + between + str(wanted)
"""
TEXTS = """

def loss(row):
    given = ids(text_of(row))
    return model(input_ids=given, labels=given).loss
"""
STATES = """def state(text):
    states = model(input_ids=ids(text)).last_hidden_state[0]
    return torch.nn.functional.normalize({pooled}, dim=-1)


def document(row):
    found = row["relevant"]
    return found[0] if isinstance(found, list) else found


def loss(row):
    others = [document(one) for one in rows[:8] if document(one) != document(row)]
    near = torch.stack([state(one) for one in (document(row), *others)]) @ state(row["query"])
    return torch.nn.functional.cross_entropy(20 * near[None], torch.tensor([0]))
"""


def starter(manifest: Manifest) -> str:
    """The script; empty where `assay train` is the way: one linear layer over a pooled state."""
    options = manifest.metric.options
    if manifest.adapter.head and options.get("head") != "own":
        return ""
    if manifest.adapter.head:
        kind = ("AutoModelForSequenceClassification", "SEQ_CLS")
        loss = CLASSES.format(labels=list(manifest.labels))
    elif is_decoder(manifest.base.config):
        kind, loss = ("AutoModelForCausalLM", "CAUSAL_LM"), _text(options) + TEXTS
    else:
        kind = ("AutoModel", "FEATURE_EXTRACTION")
        loss = STATES.format(
            pooled="states[0]" if options.get("pooling") == "cls" else "states.mean(0)"
        )
    return SCRIPT.format(
        name=NAME,
        base=manifest.base.name,
        model=kind[0],
        task=kind[1],
        most=manifest.tokenizer.max_tokens,
        more=f", num_labels={len(manifest.labels)}" if manifest.adapter.head else "",
        targets=_targets(manifest.adapter.targets),
        saved=saved_modules(manifest.adapter.head) or None,
        loss=loss.rstrip(),
    )


def _text(options: Mapping[str, str]) -> str:
    """How a row's text is put together, told from the options that only its evaluator has."""
    if "task" in options:
        return HARNESS.format(task=options["task"])
    if "delimiter" in options:
        return CHOICES.format(between=options["delimiter"])
    return WRITTEN if "max_new_tokens" in options else WHOLE


def _targets(modules: Iterable[str]) -> list[str]:
    names = {one.rpartition(".")[2] for one in modules}
    return sorted(names & ATTENTION or names)
