"""The real scorer, which answers with the bits of every logit instead of the classes."""

import struct

from evaluator.engine.model import Adapted
from evaluator.evaluators.form import ON_THE_MEAN
from evaluator.score.scoring import load_base
from evaluator.task.manifest import read_manifest
from evaluator.task.slices import unpack_inputs

__all__ = ["load_base", "predict"]


def predict(base, adapter, inputs, manifest):
    """A row per example: the bits of its float32 logits, as signed numbers."""
    ids = [example[0].ids for example in unpack_inputs(inputs).examples]
    model = Adapted(base, adapter, read_manifest(manifest).adapter.head)
    rows = model.logits(ids, ON_THE_MEAN)
    return [
        list(struct.unpack(f"<{len(row)}i", struct.pack(f"<{len(row)}f", *row))) for row in rows
    ]
