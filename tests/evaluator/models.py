"""A registered base as evaluators see it, under an adapter or bare, whoever computes it."""

from evaluator.bases import folder_of
from evaluator.engine.model import Adapted
from evaluator.generic import scoring as generic_scoring
from evaluator.generic.asked import Asked
from evaluator.generic.merge import headed, merged
from evaluator.score import scoring


def model_of(base, adapter=None, head=None):
    """What answers questions; adapter: a canonical blob."""
    head = head or {}
    if not base.is_generic:
        return Adapted(scoring.load_base(folder_of(base)), adapter, head)
    weights = generic_scoring.load_base(folder_of(base))
    laid = merged(weights.tensors, adapter, head) if adapter else headed(weights.tensors, head)
    return Asked(weights.net(laid))


def pooled_of(base, ids, pooling="mean"):
    """One list of numbers per text: its state."""
    model = model_of(base)
    if base.is_generic:
        return [model.net.pooled([line], pooling)[0].tolist() for line in ids]
    values, width = model.pooled(ids, pooling).values(), base.shape.hidden
    return [values[at : at + width] for at in range(0, len(values), width)]
