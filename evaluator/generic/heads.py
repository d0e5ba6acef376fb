"""The class head that transformers gives an encoder: what it reads, and which part of it is where.

`get_peft_model(AutoModelForSequenceClassification...)` saves the modules whose names end in
`classifier` or `score`; of the others it takes the base's, and draws by chance what no file holds.
So the first and the last are carried by the adapter, and the base keeps what it has.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import transformers
from torch import Tensor, nn

from evaluator.bases.shapes import CLS, CLS_POOLER, MEAN

SAVED_BY_PEFT = ("classifier", "score")
FIRST, SECOND = 5, 7  # numbers of classes that no width has in common


@dataclass(frozen=True)
class OwnHead:
    """The head of a base's own class.

    prefix   what the encoder is called in it: "roberta."
    pooling  how it makes one state of a text's
    carried  tensor -> shape, where 0 is the number of classes
    linears  its linear layers that the base holds: module -> (out, in)
    values   tensors that the base's files hold beside the encoder's
    """

    prefix: str
    pooling: str
    carried: Mapping[str, tuple[int, ...]]
    linears: Mapping[str, tuple[int, int]]
    values: Mapping[str, Tensor]


def own_head(
    config: transformers.PretrainedConfig, tensors: Mapping[str, Tensor]
) -> OwnHead | None:
    """The class head of an encoder with these files; None: transformers has no such class."""
    kind = _kind(config)
    if kind is None:
        return None
    module, told = kind.from_pretrained(
        None, config=_with_classes(config, FIRST), state_dict=dict(tensors), dtype=torch.float32,
        ignore_mismatched_sizes=True, output_loading_info=True,
    )  # fmt: skip
    prefix = module.base_model_prefix + "."
    absent = {*told["missing_keys"], *(one[0] for one in told["mismatched_keys"])}
    sizes = _sizes(kind, config)
    parts = {name: one for name, one in module.named_parameters() if _is_read(name, prefix, absent)}
    carried = {name for name in parts if name in absent or _is_saved(name) or 0 in sizes[name]}
    linears = {
        name: (one.out_features, one.in_features)
        for name, one in module.named_modules()
        if isinstance(one, nn.Linear)
        and f"{name}.weight" not in carried
        and (not name.startswith(prefix) or name.endswith("pooler.dense"))
    }
    return OwnHead(
        prefix=prefix,
        pooling=_pooling(module, prefix),
        carried={name: sizes[name] for name in sorted(carried)},
        linears=dict(sorted(linears.items())),
        values={
            name: one.data for name, one in parts.items()
            if name not in carried and not name.startswith(prefix)
        },
    )  # fmt: skip


def class_model(config: transformers.PretrainedConfig, encoder: nn.Module) -> nn.Module | None:
    """The class with its head around an encoder that is there; the head has no values yet."""
    kind = _kind(config)
    if kind is None:
        return None
    with torch.device("meta"):
        module = kind._from_config(_with_classes(config, FIRST), dtype=torch.float32)  # noqa: SLF001 - `from_config` of the class that was chosen
    setattr(module, module.base_model_prefix, encoder)
    return module.eval().requires_grad_(False)  # noqa: FBT003 - torch's signature


def put(module: nn.Module, name: str, values: Tensor) -> None:
    """Give a parameter other values, of any size and place."""
    parent, _, leaf = name.rpartition(".")
    part = module.get_submodule(parent)
    setattr(part, leaf, nn.Parameter(values, requires_grad=False))


def _kind(config: transformers.PretrainedConfig) -> type[transformers.PreTrainedModel] | None:
    mapping = transformers.AutoModelForSequenceClassification._model_mapping  # noqa: SLF001 - as in generic.py
    found: type[transformers.PreTrainedModel] | None = mapping.get(type(config), None)
    return found


def _with_classes(
    config: transformers.PretrainedConfig, count: int
) -> transformers.PretrainedConfig:
    changed = copy.deepcopy(config)
    changed.num_labels = count
    return changed


def _is_read(name: str, prefix: str, absent: set[str]) -> bool:
    """The head's own tensors, and of the encoder the pooler, where no file holds it."""
    return not name.startswith(prefix) or (name in absent and ".pooler." in name)


def _is_saved(name: str) -> bool:
    """As peft does for SEQ_CLS: by the end of a module's name, so `pre_classifier` is one too."""
    modules = name.split(".")[:-1]
    return any(one.endswith(SAVED_BY_PEFT) for one in modules)


def _sizes(
    kind: type[transformers.PreTrainedModel], config: transformers.PretrainedConfig
) -> dict[str, tuple[int, ...]]:
    """Tensor -> shape, with 0 where the number of classes stands."""
    found = []
    for count in (FIRST, SECOND):
        with torch.device("meta"):
            module = kind._from_config(_with_classes(config, count), dtype=torch.float32)  # noqa: SLF001 - see above
        found.append({name: tuple(one.shape) for name, one in module.named_parameters()})
    return {
        name: tuple(
            0 if one != other else one
            for one, other in zip(size, found[1][name], strict=True)
        )
        for name, size in found[0].items()
    }  # fmt: skip


def _pooling(module: transformers.PreTrainedModel, prefix: str) -> str:
    told = str(getattr(module.config, "classifier_pooling", CLS))
    names = {name for name, _ in module.named_modules()}
    has_pooler = "pooler" in names or f"{prefix}pooler" in names
    return CLS_POOLER if has_pooler else MEAN if told == MEAN else CLS
