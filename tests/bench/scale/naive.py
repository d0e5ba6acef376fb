"""What a miner or sponsor would write: a fresh process, peft, padded batches in file order.

    python -m tests.bench.scale.naive BASE ADAPTER IDS.json BATCH OUT.json [--encoder MANIFEST]

IDS.json holds token lists. OUT.json gets, per text, the nll of every token but the first, or the
class; and the processor time of the evaluation alone.
"""

import json
import sys
import time
from pathlib import Path

import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForCausalLM

from evaluator.manifest import read_manifest
from evaluator.training import plain_model


def main() -> None:
    base, adapter, ids, size, out, *rest = sys.argv[1:]
    torch.set_num_threads(1)
    docs = json.loads(Path(ids).read_text())
    if rest:
        plain = plain_model(Path(base), read_manifest(Path(rest[1]).read_bytes()))
    else:
        plain = AutoModelForCausalLM.from_pretrained(base)
    model = PeftModel.from_pretrained(plain, adapter).eval()
    found, slots = [], 0
    begun_s = time.process_time()
    with torch.no_grad():
        for first in range(0, len(docs), int(size)):
            part = docs[first : first + int(size)]
            rows = _padded(part, 0)
            mask = _padded([[1] * len(one) for one in part], 0)
            slots += rows.numel()
            answer = model.base_model(input_ids=rows, attention_mask=mask)
            found += answer.argmax(-1).tolist() if rest else _nll(answer.logits, rows, mask)
    spent_s = time.process_time() - begun_s
    told = {"found": found, "evaluation_cpu_s": spent_s, "slots": slots}
    Path(out).write_text(json.dumps(told))


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
