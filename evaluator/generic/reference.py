"""A base in transformers' own modules: what is read, which tensors count, what it computes.

This is the measure that a base is held against before it is registered: evaluator/generic/trial.py.
Code that comes with a folder is never run, and no tensor is left out that a forward would read.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from torch import Tensor, nn
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from evaluator.bases.folder import CONFIG_NAME, refused
from evaluator.bases.headers import Held
from evaluator.bases.shapes import DECODER, ENCODER
from evaluator.errors import BaseRefused
from evaluator.generic import forward
from evaluator.generic.heads import OwnHead, own_head

TIED = "tie_word_embeddings"
Told = Mapping[str, Collection[Any]]
_BUFFERS = re.compile(
    r"(^|\.)(position_ids|token_type_ids|inv_freq|masked_bias|(attn|attention)\.bias|rotary_emb\..*)$"
)
_POOLER = re.compile(r"(^|\.)pooler\.")
_NAMED = 3  # tensors that a message names
ONE_MODEL = "Take config.json and weights of one and the same model."


@dataclass(frozen=True)
class Folder:
    """What is read: the owner's folder, its files that count, the tensors that they hold.

    config  what its config.json says
    kept    where the store's copy is made; a readable config.json lies there
    """

    path: Path
    files: Sequence[Path]
    held: Mapping[str, Held]
    config: Mapping[str, object]
    kept: Path


@dataclass(frozen=True)
class Reference:
    """A base in transformers' modules, all in float32.

    kind     "decoder" or "encoder"
    missing  names that no file has, and that no forward of ours reads
    notes    sentences on what was decided or left out
    head     the class head that transformers gives an encoder, where it gives one
    """

    config: transformers.PretrainedConfig
    kind: str
    module: nn.Module
    missing: frozenset[str]
    notes: tuple[str, ...]
    head: OwnHead | None = None

    def decoded(self, ids: Sequence[int]) -> Tensor:
        """float64 [tokens, vocabulary]: a decoder's logits of one text."""
        found = self.module(input_ids=torch.tensor([list(ids)]), use_cache=False)
        logits: Tensor = found.logits[0].double()
        return logits

    def pooled(self, ids: Sequence[int]) -> Tensor:
        """float64 [hidden]: the mean of an encoder's states of one text."""
        found = self.module(input_ids=torch.tensor([list(ids)]))
        states: Tensor = found.last_hidden_state[0].double().mean(0)
        return states


def read_reference(folder: Folder) -> Reference:
    """Read the base as transformers does. raises BaseRefused"""
    config = _config(folder)
    kind = _kind(config)
    tensors: dict[str, Tensor] = {}
    for path in folder.files:
        with safe_open(path, framework="pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    module, told = _loaded(folder, config, kind, tensors)
    notes: tuple[str, ...] = ()
    if kind == DECODER and _lacks_head(folder, module, told):
        config.tie_word_embeddings = True
        module, told = _loaded(folder, config, kind, tensors)
        notes = ("no file holds the vocabulary's head, so the embedding is the head too",)
    elif kind == DECODER and getattr(config, TIED, False) and not _is_tied(module):
        config.tie_word_embeddings = False
        notes = ("the vocabulary's head differs from the embedding, so they are not tied",)
    if notes:
        _write_tied(folder, is_tied=bool(config.tie_word_embeddings))
    missing, more = _accounted(folder, module, told)
    _refuse_infinite(folder, module, missing)
    head = _head(folder, config, tensors) if kind == ENCODER else None
    return Reference(config, kind, forward.plainly_linear(module), missing, notes + more, head)


def _config(folder: Folder) -> transformers.PretrainedConfig:
    name = str(folder.config.get("model_type") or "")
    if not name:
        raise refused(folder.path, "config.json names no model_type")
    if name not in transformers.CONFIG_MAPPING:
        problem = f"transformers {transformers.__version__} knows no model_type {name!r:.60}"
        if folder.config.get("auto_map"):
            problem = f"{name:.60} comes with code of its own (auto_map), and none is run here"
        raise refused(folder.path, problem, "Choose a model of a family that transformers has.")
    try:
        config = forward.read_config(folder.kept)
    except Exception as error:
        problem = f"transformers cannot read config.json: {_line(error)}"
        raise refused(folder.path, problem, "Take config.json as its author wrote it.") from error
    if (
        getattr(config, "is_encoder_decoder", False)
        or folder.config.get("is_encoder_decoder")
        or name == "t5"
    ):
        raise refused(
            folder.path,
            f"{name} is an encoder-decoder, and only encoders and decoders are scored",
            "Choose a decoder for texts and choices, an encoder for searches and classes.",
        )
    _refuse_strange_rope(folder, config)
    return config


def _refuse_strange_rope(folder: Folder, config: transformers.PretrainedConfig) -> None:
    told = getattr(config.get_text_config(), "rope_parameters", None)
    parts = [told, *told.values()] if isinstance(told, Mapping) else []
    kinds = {one["rope_type"] for one in parts if isinstance(one, Mapping) and "rope_type" in one}
    if strange := sorted(kinds - {"default", *ROPE_INIT_FUNCTIONS}):
        problem = (
            f"transformers {transformers.__version__} knows no rope of type {strange[0]!r:.40}"
        )
        raise refused(folder.path, problem, "Take config.json as its author wrote it.")


def _kind(config: transformers.PretrainedConfig) -> str:
    """By the class that the config names; where it names none, by what transformers has."""
    named = " ".join(config.architectures or ())
    is_masked = type(config) in transformers.AutoModelForMaskedLM._model_mapping  # noqa: SLF001
    if is_masked and not getattr(config, "is_decoder", False):
        return ENCODER
    if named and not re.search("CausalLM|LMHead|ForConditionalGeneration|DoubleHeads", named):
        return ENCODER
    try:
        forward.class_of(config, DECODER)
    except KeyError:
        return ENCODER
    return DECODER


def _loaded(
    folder: Folder,
    config: transformers.PretrainedConfig,
    kind: str,
    tensors: Mapping[str, Tensor],
) -> tuple[transformers.PreTrainedModel, Told]:
    """Modules with these values, and transformers' account of them. raises BaseRefused"""
    shown = _shown(config)
    try:
        whole = forward.class_of(config, kind)
    except KeyError as error:
        raise refused(folder.path, f"{shown} is no language model of transformers") from error
    try:
        module, told = whole.from_pretrained(
            None, config=config, state_dict=dict(tensors), dtype=torch.float32,
            ignore_mismatched_sizes=True, output_loading_info=True,
        )  # fmt: skip
    except (MemoryError, BaseRefused):
        raise
    except Exception as error:
        problem = f"transformers cannot build {shown}: {_line(error)}"
        raise refused(folder.path, problem) from error
    return module, told


def _head(
    folder: Folder, config: transformers.PretrainedConfig, tensors: Mapping[str, Tensor]
) -> OwnHead | None:
    """The class with a head, from the same files. raises BaseRefused"""
    try:
        return own_head(config, tensors)
    except (MemoryError, BaseRefused):
        raise
    except Exception as error:
        problem = f"transformers cannot build {_shown(config)} with a class head: {_line(error)}"
        raise refused(folder.path, problem) from error


def _lacks_head(folder: Folder, module: transformers.PreTrainedModel, told: Told) -> bool:
    """True when the config does not say whether head and embedding are one, and one is there."""
    text = folder.config.get("text_config")
    said = [folder.config, text if isinstance(text, Mapping) else {}]
    if any(one.get(TIED) is not None for one in said):
        return False
    head = module.get_output_embeddings()
    names = {name for name, one in module.named_parameters() if head and one is head.weight}
    return bool(names) and names <= set(told["missing_keys"])


def _is_tied(module: transformers.PreTrainedModel) -> bool:
    head, words = module.get_output_embeddings(), module.get_input_embeddings()
    return head is None or head.weight is words.weight


def _write_tied(folder: Folder, *, is_tied: bool) -> None:
    """Say in the kept config what the files showed."""
    path = folder.kept / CONFIG_NAME
    config = json.loads(path.read_bytes()) | {TIED: is_tied}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def _accounted(
    folder: Folder, module: transformers.PreTrainedModel, told: Told
) -> tuple[frozenset[str], tuple[str, ...]]:
    """What may be missing, and a note on what is left out. raises BaseRefused for the others"""
    if told["mismatched_keys"]:
        name, found, wanted = min(told["mismatched_keys"])
        sizes = f"{_size(found)} in the file, and is not {_size(wanted)} as config.json asks"
        raise refused(folder.path, f"{name} is {sizes}", ONE_MODEL)
    missing = sorted(told["missing_keys"])
    strange = sorted(one for one in told["unexpected_keys"] if not _BUFFERS.search(one))
    lacking = [one for one in missing if not _POOLER.search(one)]
    if lacking:
        raise _lacking(folder, lacking, strange)
    inside = [one for one in strange if _is_inside(one, module) and not _POOLER.search(one)]
    if inside:
        problem = f"config.json has no place for {_count(inside)} of the files: {_some(inside)}"
        raise refused(folder.path, problem, ONE_MODEL)
    left = sorted({_first(one) for one in strange})
    notes = (f"left out, as no forward here reads it: {', '.join(left)}",) if left else ()
    return frozenset(missing), notes


def _is_inside(name: str, module: transformers.PreTrainedModel) -> bool:
    """True for a tensor of the model's body: other heads stand beside it."""
    prefix = module.base_model_prefix + "."
    body = {one for one, _ in module.base_model.named_children()}
    own = {one for one, _ in module.named_children()} - {module.base_model_prefix}
    return _first(name.removeprefix(prefix)) in body or _first(name) in own


def _lacking(folder: Folder, names: Sequence[str], strange: Sequence[str]) -> BaseRefused:
    if before := _prefix(names, strange):
        return refused(
            folder.path,
            f"the names of its tensors begin with {before!r:.60}, as a wrapper wrote them",
            "Save the model itself with save_pretrained, not what it was wrapped in.",
        )
    if all("head" in one or "embed_out" in one for one in names):
        return refused(
            folder.path,
            f"{names[0]}, the vocabulary's head, is missing, and config.json says {TIED}: false",
            "Download all files; or set it to true in config.json, if the author ties them.",
        )
    return refused(
        folder.path,
        f"{_count(names)} that config.json asks for {'is' if len(names) == 1 else 'are'} missing: "
        f"{_some(names)}",
        "Download all files of the model, and its own config.json.",
    )


def _prefix(names: Sequence[str], strange: Sequence[str]) -> str:
    """What stands before every missing name in the files; empty when they are not there at all."""
    found = next((one for one in strange if one.endswith("." + names[0])), "")
    before = found.removesuffix(names[0])
    return before if all(before + one in strange for one in names) else ""


def _refuse_infinite(folder: Folder, module: nn.Module, missing: Collection[str]) -> None:
    for name, values in forward.values_of(module).items():
        if name not in missing and not bool(values.isfinite().all()):
            raise refused(
                folder.path,
                f"{name} holds NaN or an infinity: its values are not finite",
                "Download the file again, or choose another model.",
            )


def _shown(config: transformers.PretrainedConfig) -> str:
    """How a message calls the model; one of several parts is said to be."""
    parts = [name.removesuffix("_config") for name in config.sub_configs]
    if not parts:
        return str(config.model_type)
    return f"{config.model_type}, a composite of {' and '.join(parts)},"


def _first(name: str) -> str:
    return name.partition(".")[0]


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}"


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _line(error: Exception) -> str:
    """The first line of an error's words: its cause."""
    words = [one.strip() for one in str(error).splitlines() if one.strip()]
    kind = type(error).__name__
    return (
        f"{kind} {words[0]:.200}"
        if words and isinstance(error, KeyError)
        else (words or [kind])[0][:200]
    )
