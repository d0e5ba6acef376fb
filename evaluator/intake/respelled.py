"""A canonical blob as the two files that peft loads: for backends that are not our own forward.

A miner's files never go there. What goes there is written here, by our own code, from a blob of
the intake: values that are judged, names of the task, and a config with nothing in it but what
counts. `admit` of the two files gives the same blob again, byte for byte.
source  docs/evaluator.md, section 2
"""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

from evaluator.blob import FLOAT_BYTES, Contents, read_blob, spell_beginning
from evaluator.intake.files import CONFIG_NAME, TENSORS_NAME
from evaluator.intake.tensors import PREFIX
from evaluator.manifest import AdapterClause

SIDES = {".A": ".lora_A.weight", ".B": ".lora_B.weight"}
ALIGNMENT = 8  # safetensors lays values at multiples of it


def write_folder(blob: bytes, clause: AdapterClause, folder: Path) -> None:
    """Write adapter_config.json and adapter_model.safetensors into an existing folder.

    raises ValueError as `respell` does
    """
    config, tensors = respell(blob, clause)
    (folder / CONFIG_NAME).write_bytes(config)
    (folder / TENSORS_NAME).write_bytes(tensors)


def respell(blob: bytes, clause: AdapterClause) -> tuple[bytes, bytes]:
    """The config and the tensors file of a canonical blob, as peft reads them; values are float32.

    clause   the task that the blob was admitted for
    raises   ValueError when the bytes are not a blob that the intake made for this task; backends
             get only blobs of the intake, so this is a broken house, not a miner's fault
    """
    contents = read_blob(blob)
    modules = _modules(contents, clause)
    shapes = {name: part.shape for name, part in contents.parts.items()}
    if not blob.startswith(spell_beginning(contents.rank, contents.scale, shapes)):
        raise ValueError("the blob is not spelt in its one canonical way")
    return _config(contents, modules, clause), _tensors(blob, contents, clause)


def _modules(contents: Contents, clause: AdapterClause) -> list[str]:
    """The changed modules, when the blob holds exactly their pairs and the head."""
    modules = [
        name.removesuffix(".A")
        for name in contents.parts
        if name not in clause.head and name.endswith(".A")
    ]
    if not modules or not set(modules) <= set(clause.targets):
        raise ValueError("the blob changes other modules than the task's")
    wanted = dict(clause.head)
    for module in modules:
        rows, columns = clause.targets[module]
        wanted[f"{module}.A"] = (contents.rank, columns)
        wanted[f"{module}.B"] = (rows, contents.rank)
    if {name: part.shape for name, part in contents.parts.items()} != wanted:
        raise ValueError("the blob's tensors are not the task's")
    return modules


def _config(contents: Contents, modules: list[str], clause: AdapterClause) -> bytes:
    alpha, is_stabilised = _alpha(contents.scale, contents.rank, clause.alpha_max)
    heads = sorted({name.rpartition(".")[0] for name in clause.head})
    return _json(
        {
            "bias": "none",
            "inference_mode": True,
            "init_lora_weights": True,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "modules_to_save": heads or None,
            "peft_type": "LORA",
            "r": contents.rank,
            "target_modules": modules,
            "task_type": None,
            "use_rslora": is_stabilised,
        }
    )


def _alpha(scale: float, rank: int, limit: int) -> tuple[float, bool]:
    """A lora_alpha that gives exactly this scale, and whether it is over the root of the rank.

    Each scale of the intake is one rounded quotient, so a number beside the rounded product gives
    it back; which of the two quotients it was does not matter.
    raises  ValueError when the scale is none that the intake makes
    """
    for divisor, is_stabilised in ((float(rank), False), (math.sqrt(rank), True)):
        near = scale * divisor
        for alpha in _beside(near):
            if 0.0 < alpha <= limit and alpha / divisor == scale:
                return (int(alpha) if alpha.is_integer() else alpha), is_stabilised
    raise ValueError("the blob's scale is none that the intake makes")


def _beside(near: float) -> list[float]:
    """The number and two neighbours on each side: two roundings reach no further."""
    below, above = math.nextafter(near, -math.inf), math.nextafter(near, math.inf)
    return [near, below, above, math.nextafter(below, -math.inf), math.nextafter(above, math.inf)]


def _tensors(blob: bytes, contents: Contents, clause: AdapterClause) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place, values = 0, []
    for name, part in contents.parts.items():
        raw = memoryview(blob)[part.start : part.start + math.prod(part.shape) * FLOAT_BYTES]
        header[_name_in_file(name, clause.head)] = {
            "dtype": "F32",
            "shape": list(part.shape),
            "data_offsets": [place, place + len(raw)],
        }
        place += len(raw)
        values.append(raw)
    spelt = _json(header)
    spelt += b" " * (-len(spelt) % ALIGNMENT)
    return b"".join([struct.pack("<Q", len(spelt)), spelt, *values])


def _name_in_file(name: str, head: Mapping[str, object]) -> str:
    if name in head:
        return PREFIX + name
    return PREFIX + name[:-2] + SIDES[name[-2:]]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
