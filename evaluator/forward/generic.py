"""Any other architecture: transformers' own forward, over our own merged weights.

Slower than ours (nothing is skipped, every text is computed by itself), and in mode `fast` only. It
exists so that a base need not wait for us. Nothing of the adapter reaches transformers: the merged
weights are copied over the base's, and the process ends after the job.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.utils import ModelOutput

from evaluator.bases.shapes import GenericShape
from evaluator.evaluators.form import Scored
from evaluator.forward.llama import scored_rows
from evaluator.forward.model import Weights, read_tensors
from evaluator.forward.padding import padded
from evaluator.manifest import FAST

ENCODER_PREFIX = "base."  # an encoder stands beside its head, so its modules have a parent


def skeleton(folder: Path, shape: GenericShape) -> nn.Module:
    """The base's modules from its config, with values that its weights replace.

    Not `from_pretrained`: it leaves threads behind, and a zygote may have none.
    """
    transformers.logging.set_verbosity_error()
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    return _kind(shape).from_config(config).eval().requires_grad_(False)  # noqa: FBT003 - torch's signature


def weights_of(folder: Path, shape: GenericShape, *, device: str = "cpu") -> Weights:
    """The base's values, by the manifest's names, inside of transformers' modules."""
    module = skeleton(folder, shape)
    tensors = read_tensors(folder, device=device)
    module.to(device)
    for name, values in module.named_parameters():
        values.copy_(tensors[name])
    named = {_prefix(shape) + name: one.data for name, one in module.named_parameters()}
    kind = GenericDecoder if shape.kind == "decoder" else GenericEncoder
    return Weights(named, {FAST: lambda merged: kind(module, merged, shape)})


def respell(folder: Path, shape: GenericShape, out: Path) -> None:
    """Write the base's values under the names of its modules: transformers renames as it reads.

    raises OSError, ValueError, RuntimeError for weights that transformers cannot read
    """
    module = _kind(shape).from_pretrained(str(folder), local_files_only=True, dtype="auto")
    named = {name: one.data.contiguous() for name, one in module.named_parameters()}
    save_file(dict(sorted(named.items())), out)


class GenericEncoder:
    """An encoder of transformers under merged weights: the methods of forward/bert.py."""

    def __init__(
        self, module: nn.Module, weights: Mapping[str, Tensor], shape: GenericShape
    ) -> None:
        self.module, self.weights = module, weights
        self.device = _laid_over(module, weights, shape)

    def logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, classes] by the task's head."""
        return nn.functional.linear(
            self.pooled(ids), self.weights["classifier.weight"], self.weights["classifier.bias"]
        )

    def pooled(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, hidden]: the mean over the real tokens of each list."""
        rows, real = padded(ids, self.device)
        states = self.module(input_ids=rows, attention_mask=real.long()).last_hidden_state
        return (states * real[:, :, None]).sum(1) / real.sum(1)[:, None]


class GenericDecoder:
    """A decoder of transformers under merged weights: the methods of forward/llama.py."""

    def __init__(
        self, module: nn.Module, weights: Mapping[str, Tensor], shape: GenericShape
    ) -> None:
        self.module, self.weights, self.shape = module, weights, shape
        self.device = _laid_over(module, weights, shape)

    def logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, classes] by the head on the last token of each list."""
        last = [self._run(one, output_hidden_states=True).hidden_states[-1][0, -1] for one in ids]
        return nn.functional.linear(torch.stack(last), self.weights["score.weight"])

    def scored(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Scored]:
        """Each token from its list's start on (at least 1), predicted from those before it."""
        found = []
        for one, start in zip(ids, starts, strict=True):
            logits = self._run(one).logits[0, start - 1 : -1].float()
            wanted = torch.tensor(list(one[start:]), device=self.device)
            found += scored_rows(logits, wanted, [len(one) - start])
        return found

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation: up to `most` tokens, or the first of `ends` (not included)."""
        found: list[int] = []
        while len(found) < most and len(ids) + len(found) < self.shape.positions:
            token = int(self._run([*ids, *found]).logits[0, -1].argmax())
            if token in ends:
                break
            found.append(token)
        return found

    def _run(self, ids: Sequence[int], **how: bool) -> ModelOutput:
        """One text alone: without padding there is nothing to mask."""
        rows = torch.tensor([list(ids)], device=self.device)
        return self.module(input_ids=rows, use_cache=False, **how)


def _laid_over(
    module: nn.Module, weights: Mapping[str, Tensor], shape: GenericShape
) -> torch.device:
    """Copy what the adapter changed into the modules; where they are."""
    for name, values in module.named_parameters():
        merged = weights[_prefix(shape) + name]
        if values.data_ptr() != merged.data_ptr():
            values.copy_(merged)
    return next(iter(module.parameters())).device


def _kind(shape: GenericShape) -> type[transformers.PreTrainedModel]:
    is_decoder = shape.kind == "decoder"
    kind: type[transformers.PreTrainedModel] = (
        transformers.AutoModelForCausalLM if is_decoder else transformers.AutoModel
    )
    return kind


def _prefix(shape: GenericShape) -> str:
    return ENCODER_PREFIX if shape.kind == "encoder" else ""
