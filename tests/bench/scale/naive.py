"""What a miner or sponsor would write: a fresh process, peft, padded batches in file order.

    python -m tests.bench.scale.naive BASE ADAPTER IDS.json BATCH OUT.json [--encoder MANIFEST]

IDS.json holds token lists. OUT.json gets, per text, the nll of every token but the first, or the
class; and the processor time of the evaluation alone. With the batch "sorted" it is what a good
engineer writes: merged weights, and texts sorted by length in batches of 1,024 padded tokens.
"""

import json
import sys
import time
from pathlib import Path

import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForCausalLM

from evaluator.task.manifest import read_manifest
from evaluator.training.peft_run import plain_model

SORTED, PADDED_TOKENS = "sorted", 1024


def main() -> None:
    base, adapter, ids, size, out, *rest = sys.argv[1:]
    torch.set_num_threads(1)
    docs = json.loads(Path(ids).read_text())
    if rest:
        plain = plain_model(Path(base), read_manifest(Path(rest[1]).read_bytes()))
    else:
        plain = AutoModelForCausalLM.from_pretrained(base)
    model = PeftModel.from_pretrained(plain, adapter).eval()
    ask, plan = model.base_model, [*range(len(docs))]
    parts = (
        [plan[at : at + int(size)] for at in range(0, len(docs), int(size))]
        if size != SORTED
        else []
    )
    if size == SORTED:
        ask, parts = model.merge_and_unload(), _sorted(docs)
    found, slots = [0.0] * len(docs), 0
    begun_s = time.process_time()
    with torch.inference_mode():
        for part in parts:
            rows = _padded([docs[one] for one in part], 0)
            mask = _padded([[1] * len(docs[one]) for one in part], 0)
            slots += rows.numel()
            answer = ask(input_ids=rows, attention_mask=mask)
            told = answer.argmax(-1).tolist() if rest else _nll(answer.logits, rows, mask)
            for place, one in zip(part, told, strict=True):
                found[place] = one
    spent_s = time.process_time() - begun_s
    told = {"found": found, "evaluation_cpu_s": spent_s, "slots": slots}
    Path(out).write_text(json.dumps(told))


def _sorted(docs) -> list[list[int]]:
    """Places of texts of like length, batch by batch."""
    found, longest = [], 0
    for place in sorted(range(len(docs)), key=lambda one: len(docs[one])):
        longest = max(longest, len(docs[place]))
        if not found or (len(found[-1]) + 1) * longest > PADDED_TOKENS:
            found.append([])
        found[-1].append(place)
    return found


def _nll(logits, rows, mask) -> list[float]:
    """The sum over each text's tokens but the first."""
    costs = nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), rows[:, 1:], reduction="none"
    )
    return (costs.double() * mask[:, 1:]).sum(1).tolist()


def _padded(lists, value):
    return nn.utils.rnn.pad_sequence(
        [torch.tensor(one) for one in lists], batch_first=True, padding_value=value
    )


if __name__ == "__main__":
    main()
