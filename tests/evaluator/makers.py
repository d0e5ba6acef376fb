"""The shortest valid things of the scale: a manifest, an adapter's two files."""

import json
import struct
from hashlib import sha256

import numpy as np

from evaluator.bases import MINILM
from evaluator.bases.catalogue import plain
from evaluator.engine.library import VERSION as ENGINE
from evaluator.task.manifest import NO_RACE, VERSION, Manifest, from_json

LABELS = ("cat", "dog", "owl")
RANK = 2
WIDTHS = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I8": "i1"}


def manifest(**changed) -> Manifest:
    """A task on the real base with three classes; `changed` replaces top-level parts."""
    zero = "0" * 64
    head = {"classifier.weight": [len(LABELS), 384], "classifier.bias": [len(LABELS)]}
    slice_ = {"examples": 1, "tokens": 1, "units": 1}
    value = {
        "version": VERSION,
        "base": {
            "name": MINILM.name,
            "family": "bert",
            "files": {name: vars(pin) for name, pin in MINILM.files.items()},
            "config": plain(MINILM.shape),
            "licence": MINILM.licence,
            "author": MINILM.author,
        },
        "tokenizer": {"sha256": zero, "max_tokens": 48},
        "labels": list(LABELS),
        "test": {
            "public": {
                **slice_,
                "inputs_sha256": zero,
                "labels_sha256": zero,
                "root": zero,
            },
            "board": {**slice_, "commitment": zero},
            "final": {**slice_, "commitment": zero},
        },
        "metric": {
            "evaluator": "classification",
            "name": "accuracy",
            "version": 1,
            "options": {"head": "linear", "pooling": "mean"},
        },
        "adapter": {
            "targets": {name: list(size) for name, size in MINILM.targets.items()},
            "rank_max": 16,
            "alpha_max": 512,
            "amax_max": 1000,
            "dtypes": ["BF16", "F16", "F32"],
            "bytes_max": 3_000_000,
            "head": head,
        },
        "plan": {"rule": "length-sorted-v3", "budget_tokens": 512},
        "engine": {"version": ENGINE},
        "race": vars(NO_RACE),
        "code": "",
        "min_sandbox_level": "seccomp",
    }
    return from_json(value | changed)


def config(**changed) -> dict:
    """adapter_config.json of rank 2 on the values of two layers, as peft 0.21.2 writes it."""
    return {
        "alpha_pattern": {},
        "auto_mapping": None,
        "base_model_name_or_path": None,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layer_replication": None,
        "loftq_config": {},
        "lora_alpha": 4,
        "lora_dropout": 0.0,
        "megatron_core": "megatron.core",
        "modules_to_save": ["classifier"],
        "peft_type": "LORA",
        "peft_version": "0.21.2",
        "qalora_group_size": 16,
        "r": RANK,
        "rank_pattern": {},
        "target_modules": ["layer.4.attention.self.value", "layer.5.attention.self.value"],
        "task_type": "FEATURE_EXTRACTION",
        "use_dora": False,
        "use_rslora": False,
    } | changed


def tensors(*, rank: int = RANK, scale: float = 0.05, trainer: str = "") -> dict[str, np.ndarray]:
    """The tensors that `config` asks for: name in the file -> float32 values.

    trainer  whose they are: those of two trainers are independent
    """
    found = {
        "base_model.model.classifier.weight": pseudo("head", (len(LABELS), 384)) * scale,
        "base_model.model.classifier.bias": pseudo("bias", (len(LABELS),)) * scale,
    }
    for layer in (4, 5):
        name = f"base_model.model.bert.encoder.layer.{layer}.attention.self.value"
        found[f"{name}.lora_A.weight"] = pseudo(f"{name}A{trainer}", (rank, 384)) * scale
        found[f"{name}.lora_B.weight"] = pseudo(f"{name}B{trainer}", (384, rank)) * scale
    return found


def pseudo(seed: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32 values in [-1, 1] that a hash decides."""
    count, raw = int(np.prod(shape)), b""
    while len(raw) < 2 * count:
        raw += sha256(f"{seed} {len(raw)}".encode()).digest()
    values = np.frombuffer(raw[: 2 * count], "<i2").astype(np.float32) / 32768
    return values.reshape(shape)


def safetensors(arrays: dict[str, np.ndarray], dtype: str = "F32", **entries) -> bytes:
    """A safetensors file of these arrays; `entries` are laid over the header's entries."""
    header, values = {}, b""
    for name, array in arrays.items():
        raw = bf16(array) if dtype == "BF16" else array.astype(WIDTHS[dtype]).tobytes()
        offsets = [len(values), len(values) + len(raw)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        values += raw
    return with_header(header | entries, values)


def with_header(header: object, values: bytes = b"") -> bytes:
    """A safetensors file with this header: an object, or its bytes."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + values


def bf16(array: np.ndarray) -> bytes:
    """bfloat16 bytes, cut towards zero."""
    return (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


def adapter(trainer: str = "", **changed) -> tuple[bytes, bytes]:
    """An honest adapter's two files; `changed` replaces config fields. trainer: as for tensors"""
    return json.dumps(config(**changed)).encode(), safetensors(tensors(trainer=trainer))
