"""Any other architecture: transformers' own forward, over our own merged weights.

Slower than ours (nothing is skipped, every text is computed by itself), and never exact. It exists
so that a base need not wait for us. Nothing of the adapter reaches transformers: its modules are
given the merged weights.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D
from transformers.utils import ModelOutput

from evaluator.bases.shapes import CLS, DECODER, ENCODER, MEAN, GenericShape
from evaluator.engine.model import HEAD_MARK
from evaluator.evaluators.form import ON_THE_LAST, ON_THE_MEAN, Reading, Scored
from evaluator.generic.asked import Weights, scored_rows
from evaluator.generic.heads import class_model, put

ENCODER_PREFIX = "base."  # of an encoder that transformers gives no class with a head
Kind = type[transformers.PreTrainedModel]


def skeleton(config: transformers.PretrainedConfig, shape: GenericShape) -> nn.Module:
    """The base's modules from its config, in float32, with values that its weights replace.

    Not `from_pretrained`: it leaves threads behind, and a zygote may have none.
    """
    return plainly_linear(class_of(config, shape.kind)._from_config(config, dtype=torch.float32))  # noqa: SLF001 - `from_config` of the class that was chosen


def read_config(folder: Path) -> transformers.PretrainedConfig:
    """The config of a registered base; code that comes with a folder is never run.

    raises OSError, ValueError, KeyError
    """
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers.AutoConfig.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False
    )


def class_of(config: transformers.PretrainedConfig, kind: str) -> Kind:
    """What transformers builds of a config: with the vocabulary's head for a decoder.

    A model of pictures and texts has no language model of its own; it is asked for texts alone.
    raises KeyError when transformers has none
    """
    autos = [transformers.AutoModelForCausalLM, transformers.AutoModelForImageTextToText]
    if kind == ENCODER:
        autos = [transformers.AutoModel]
    for auto in autos:
        mapping = auto._model_mapping  # noqa: SLF001 - no public way leads from a config to a class
        if type(config) in mapping:
            found = mapping[type(config)]
            return _named(config, found) if isinstance(found, list | tuple) else found
    raise KeyError(config.model_type)


def plainly_linear(module: nn.Module) -> nn.Module:
    """The same modules with every Conv1D of GPT-2, a linear layer lying on its side, set upright.

    So each layer that LoRA may change has its weight as [out, in], by the same name.
    """
    for name, one in list(module.named_modules()):
        if isinstance(one, Conv1D):
            rows, columns = one.weight.shape
            upright = nn.Linear(rows, columns, device=one.weight.device, dtype=one.weight.dtype)
            upright.weight.data, upright.bias.data = one.weight.data.T.contiguous(), one.bias.data
            module.set_submodule(name, upright)
    return module.eval().requires_grad_(False)  # noqa: FBT003 - torch's signature


def linears_of(module: nn.Module, kind: str, prefix: str) -> dict[str, tuple[int, int]]:
    """Full module name -> (out, in) of every linear layer that LoRA may change.

    A pooler counts only where a task reads it, which is the class head's matter.
    """
    head = module.get_output_embeddings() if kind == DECODER else None
    found = {
        prefix + name: (one.out_features, one.in_features)
        for name, one in module.named_modules()
        if isinstance(one, nn.Linear)
        and one is not head
        and not name.endswith(("lm_head", "pooler.dense"))
    }
    return dict(sorted(found.items()))


def values_of(module: nn.Module) -> dict[str, Tensor]:
    """Name -> values of everything that a base's file holds, each shared tensor once."""
    parameters = {name: one.data for name, one in module.named_parameters()}
    kept = set(module.state_dict())
    buffers = {
        name: one
        for name, one in module.named_buffers()
        if name in kept and one.is_floating_point()
    }
    return dict(sorted((parameters | buffers).items()))


def weights_of(folder: Path, shape: GenericShape, tensors: dict[str, Tensor]) -> Weights:
    """The base's values, by the manifest's names, inside of transformers' modules.

    tensors  the files' own, which are used up
    """
    config = read_config(folder)
    module = skeleton(config, shape)
    marked = [name for name in tensors if name.startswith(HEAD_MARK)]
    own = {name.removeprefix(HEAD_MARK): tensors.pop(name) for name in marked}
    with torch.no_grad():
        for name, values in module.named_parameters():
            values.data = tensors.pop(name, torch.zeros_like(values))  # no file: nothing reads it
        for name, values in module.named_buffers():
            if name in tensors:
                values.copy_(tensors.pop(name))
    named = {shape.prefix + name: one.data for name, one in module.named_parameters()} | own
    if shape.kind == DECODER:
        return Weights(named, lambda merged: GenericDecoder(module, merged, shape))
    headed = class_model(config, module) if shape.pooling else None
    return Weights(named, lambda merged: GenericEncoder((module, headed), merged, shape))


class GenericEncoder:
    """An encoder of transformers under merged weights.

    modules  the encoder, and its class with a head around it, where there is one
    """

    def __init__(
        self,
        modules: tuple[nn.Module, nn.Module | None],
        weights: Mapping[str, Tensor],
        shape: GenericShape,
    ) -> None:
        self.module, self.headed = modules
        self.weights = weights
        self.device = _laid_over(self.module, weights, shape)
        if self.headed is not None and set(shape.head) <= set(weights):
            for name, _ in list(self.headed.named_parameters()):
                put(self.headed, name, weights[name])

    def logits(self, ids: Sequence[Sequence[int]], reading: Reading = ON_THE_MEAN) -> Tensor:
        """float32 [batch, classes] by the base's own head, or by a linear one."""
        if reading.is_own:
            return self._own_logits(ids)
        return nn.functional.linear(
            self.pooled(ids, reading.pooling),
            self.weights["classifier.weight"],
            self.weights["classifier.bias"],
        )

    def pooled(self, ids: Sequence[Sequence[int]], pooling: str = MEAN) -> Tensor:
        """float32 [batch, hidden]: the mean over the real tokens of each list, or its first."""
        rows, real = padded(ids, self.device)
        states = self.module(input_ids=rows, attention_mask=real.long()).last_hidden_state
        if pooling == CLS:
            first: Tensor = states[:, 0]
            return first
        return (states * real[:, :, None]).sum(1) / real.sum(1)[:, None]

    def _own_logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        assert self.headed is not None, "Evaluator.fitted sees to it"
        rows, real = padded(ids, self.device)
        logits: Tensor = self.headed(input_ids=rows, attention_mask=real.long()).logits
        return logits


class GenericDecoder:
    """A decoder of transformers under merged weights."""

    def __init__(
        self, module: nn.Module, weights: Mapping[str, Tensor], shape: GenericShape
    ) -> None:
        self.module, self.weights, self.shape = module, weights, shape
        self.device = _laid_over(module, weights, shape)

    def logits(self, ids: Sequence[Sequence[int]], _: Reading = ON_THE_LAST) -> Tensor:
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


def padded(ids: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """int64 [batch, longest] with zeros at the right, and bool of the same shape: real tokens."""
    longest = max(map(len, ids))
    rows = torch.tensor([[*line, *[0] * (longest - len(line))] for line in ids], device=device)
    lengths = torch.tensor([len(line) for line in ids], device=device)
    return rows, torch.arange(longest, device=device) < lengths[:, None]


def _laid_over(
    module: nn.Module, weights: Mapping[str, Tensor], shape: GenericShape
) -> torch.device:
    """Let the modules use these weights; where they are. Nothing is copied or written to."""
    for name, values in module.named_parameters():
        values.data = weights[shape.prefix + name]
    return next(iter(module.parameters())).device


def _named(config: transformers.PretrainedConfig, found: Sequence[Kind]) -> Kind:
    """Of several classes the one that the config names, else the first."""
    named = config.architectures or []
    return next((one for one in found if one.__name__ in named), found[0])
