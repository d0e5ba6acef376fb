"""The files of an adapter as peft reads them, made from its canonical blob and its task.

The values lie in a canonical blob as safetensors wants them, so no tensor is ever in memory: a file
is a header, and spans of the blob behind it.
source  the formats of safetensors 0.8 and of peft 0.21
"""

import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from evaluator.blob import FLOAT_BYTES, Contents, Part
from evaluator.delivery.loading import Loading, loading_of
from evaluator.intake.names import saved_modules
from evaluator.intake.respelled import scaling
from evaluator.task.manifest import Manifest

PEFT_VERSION = "0.21.2"  # whose config this is; a test compares it with the pinned one
CONFIG, TENSORS, HEAD, LABELS = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "head.safetensors",
    "labels.json",
)
PREFIX = "base_model.model."
ALIGNED = 8
Metadata = Callable[[tuple[tuple[int, int], ...]], Mapping[str, str]]
_SIDES = {".A": ".lora_A.weight", ".B": ".lora_B.weight"}


@dataclass(frozen=True)
class Spans:
    """A file of tensors. spans: (first byte, bytes) of the blob that come behind the header."""

    header: bytes
    spans: tuple[tuple[int, int], ...]


def text_files(contents: Contents, manifest: Manifest, base: str) -> dict[str, bytes]:
    """Name -> bytes of adapter_config.json and, where there are classes, labels.json.

    base  what `from_pretrained` is given to load the base
    """
    files = {CONFIG: _json(_config(contents, manifest, base))}
    if manifest.labels:
        places = {str(place): label for place, label in enumerate(manifest.labels)}
        names = {label: place for place, label in enumerate(manifest.labels)}
        files[LABELS] = _json({"id2label": places, "label2id": names})
    return files


def tensor_files(contents: Contents, manifest: Manifest, metadata: Metadata) -> dict[str, Spans]:
    """Name -> adapter_model.safetensors and, where the head lies apart, head.safetensors.

    metadata  texts for the header, beside safetensors' own "format"; it is told the spans behind it
    """
    loading, head = loading_of(manifest), manifest.adapter.head
    inside = {
        PREFIX + _spelt(name, head, loading): part
        for name, part in contents.parts.items()
        if not (loading.has_head_apart and name in head)
    }
    files = {TENSORS: _file(inside, metadata)}
    if loading.has_head_apart:
        files[HEAD] = _file({name: contents.parts[name] for name in head}, metadata)
    return files


def modules_of(contents: Contents, manifest: Manifest) -> tuple[str, ...]:
    """Full names of the modules that the adapter changes, as the task names them."""
    head = manifest.adapter.head
    return tuple(
        name.removesuffix(".A")
        for name in sorted(contents.parts)
        if name.endswith(".A") and name not in head
    )


def _config(contents: Contents, manifest: Manifest, base: str) -> dict[str, object]:
    loading, head = loading_of(manifest), manifest.adapter.head
    kept = saved_modules(head) if not loading.has_head_apart else []
    return {
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_dropout": 0.0,
        "modules_to_save": kept or None,
        "peft_type": "LORA",
        "peft_version": PEFT_VERSION,
        "target_modules": [
            name.removeprefix(loading.prefix) for name in modules_of(contents, manifest)
        ],
        "task_type": loading.task_type,
        "use_dora": False,
        **_scaling(contents, manifest, loading),
    }


def _scaling(contents: Contents, manifest: Manifest, loading: Loading) -> dict[str, object]:
    """Rank, alpha and their patterns, which name modules as the loaded model does."""
    modules = modules_of(contents, manifest)
    ranks = {name: contents.parts[f"{name}.A"].shape[0] for name in modules}
    found = scaling(contents, ranks, manifest.adapter.alpha_max)
    for pattern in ("alpha_pattern", "rank_pattern"):
        numbers = found[pattern]
        assert isinstance(numbers, dict)
        found[pattern] = {name.removeprefix(loading.prefix): one for name, one in numbers.items()}
    return found


def _spelt(name: str, head: Mapping[str, object], loading: Loading) -> str:
    """A canonical name as peft spells it, without what every one of its names has in front."""
    if name in head:
        return name
    module, side = name[:-2], name[-2:]
    return module.removeprefix(loading.prefix) + _SIDES[side]


def _file(parts: Mapping[str, Part], metadata: Metadata) -> Spans:
    """A safetensors file: u64 header length, the header padded with spaces, the values."""
    ordered, end = sorted(parts.items(), key=lambda one: one[1].start), 0
    spans = _joined(part for _, part in ordered)
    header: dict[str, object] = {"__metadata__": {"format": "pt", **metadata(spans)}}
    for name, part in ordered:
        size = math.prod(part.shape) * FLOAT_BYTES
        offsets = [end, end + size]
        header[name] = {"dtype": "F32", "shape": list(part.shape), "data_offsets": offsets}
        end += size
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % ALIGNED)
    return Spans(struct.pack("<Q", len(raw)) + raw, spans)


def _joined(parts: Iterable[Part]) -> tuple[tuple[int, int], ...]:
    """Where the values lie, neighbours in one span."""
    spans: list[tuple[int, int]] = []
    for part in parts:
        size = math.prod(part.shape) * FLOAT_BYTES
        if spans and sum(spans[-1]) == part.start:
            spans[-1] = (spans[-1][0], spans[-1][1] + size)
        else:
            spans.append((part.start, size))
    return tuple(spans)


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
