"""Any other architecture: transformers' own forward, over our own merged weights.

Slower than ours (nothing is skipped, every text is computed by itself), and in mode `fast` only. It
exists so that a base need not wait for us. Nothing of the adapter reaches transformers: the merged
weights are copied over the base's, and the process ends after the job.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn

from evaluator.bases.shapes import GenericShape
from evaluator.evaluators.form import Scored
from evaluator.forward.llama import scored_rows
from evaluator.forward.model import Weights, read_tensors
from evaluator.forward.padding import padded

ENCODER_PREFIX = "base."  # an encoder stands beside its head, so its modules have a parent


def skeleton(folder: Path, shape: GenericShape) -> nn.Module:
    """The base's modules from its config, with values that its weights replace.

    Not `from_pretrained`: it leaves threads behind, and a zygote may have none.
    """
    transformers.logging.set_verbosity_error()
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    kind = (
        transformers.AutoModelForCausalLM
        if shape.kind == "decoder"
        else transformers.AutoModel
    )  # fmt: skip
    return kind.from_config(config).eval().requires_grad_(False)  # noqa: FBT003 - torch's signature


def weights_of(folder: Path, shape: GenericShape, *, device: str = "cpu") -> Weights:
    """The base's values, by the manifest's names, inside of transformers' modules."""
    module = skeleton(folder, shape)
    own = {name for name, _ in module.named_parameters()}
    stem = f"{module.base_model_prefix}."
    tensors = read_tensors(folder, device=device)
    held = {name if name in own else name.removeprefix(stem): one for name, one in tensors.items()}
    missing = own & set(module.load_state_dict(held, strict=False).missing_keys)
    module.tie_weights()
    tied = set(getattr(module, "_tied_weights_keys", None) or ())
    assert not missing - tied, f"the base lacks {sorted(missing)[:3]}"
    module.to(device)
    named = {_prefix(shape) + name: one.data for name, one in module.named_parameters()}
    return Weights(named, {"fast": lambda merged: Generic(module, merged, shape)})


class Generic:
    """A model of transformers under merged weights: the methods of our own forwards."""

    def __init__(
        self, module: nn.Module, weights: Mapping[str, Tensor], shape: GenericShape
    ) -> None:
        self.module, self.weights, self.shape = module, weights, shape
        for name, values in module.named_parameters():
            merged = weights[_prefix(shape) + name]
            if values.data_ptr() != merged.data_ptr():
                values.copy_(merged)
        self.device = next(iter(module.parameters())).device

    def logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, classes] by the task's head."""
        if self.shape.kind == "encoder":
            return nn.functional.linear(
                self.pooled(ids), self.weights["classifier.weight"], self.weights["classifier.bias"]
            )
        return nn.functional.linear(self.last(ids), self.weights["score.weight"])

    def pooled(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, hidden]: the mean over the real tokens of each list."""
        rows, real = padded(ids, self.device)
        states = self.module(input_ids=rows, attention_mask=real.long()).last_hidden_state
        return (states * real[:, :, None]).sum(1) / real.sum(1)[:, None]

    def last(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, hidden] of the last token of each list."""
        found = [
            self.module(
                input_ids=torch.tensor([list(one)], device=self.device),
                output_hidden_states=True,
                use_cache=False,
            ).hidden_states[-1][0, -1]
            for one in ids
        ]
        return torch.stack(found)

    def scored(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Scored]:
        """Each token from its list's start on (at least 1), predicted from those before it."""
        found = []
        for one, start in zip(ids, starts, strict=True):
            rows = torch.tensor([list(one)], device=self.device)
            logits = self.module(input_ids=rows, use_cache=False).logits[0, start - 1 : -1]
            found += scored_rows(logits.float(), rows[0, start:], [len(one) - start])
        return found

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation: up to `most` tokens, or the first of `ends` (not included)."""
        found: list[int] = []
        while len(found) < most and len(ids) + len(found) < self.shape.positions:
            rows = torch.tensor([[*ids, *found]], device=self.device)
            token = int(self.module(input_ids=rows, use_cache=False).logits[0, -1].argmax())
            if token in ends:
                break
            found.append(token)
        return found


def _prefix(shape: GenericShape) -> str:
    return ENCODER_PREFIX if shape.kind == "encoder" else ""
