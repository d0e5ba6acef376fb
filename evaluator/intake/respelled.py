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
from evaluator.intake.names import saved_modules
from evaluator.intake.spelling import PREFIX
from evaluator.task.manifest import AdapterClause

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
    ranks = _ranks(contents, clause)
    shapes = {name: part.shape for name, part in contents.parts.items()}
    beginning = spell_beginning(contents.rank, contents.scale, shapes, contents.scales)
    if not blob.startswith(beginning) or not _is_canonical(contents, ranks):
        raise ValueError("the blob is not spelt in its one canonical way")
    return _config(contents, ranks, clause), _tensors(blob, contents, clause)


def _ranks(contents: Contents, clause: AdapterClause) -> dict[str, int]:
    """Module -> rank, when the blob holds exactly pairs of the task's modules, and the head."""
    ranks = {
        name.removesuffix(".A"): part.shape[0]
        for name, part in contents.parts.items()
        if name not in clause.head and name.endswith(".A")
    }
    if not ranks or not set(ranks) <= set(clause.targets):
        raise ValueError("the blob changes other modules than the task's")
    wanted = dict(clause.head)
    for module, rank in ranks.items():
        rows, columns = clause.targets[module]
        wanted[f"{module}.A"] = (rank, columns)
        wanted[f"{module}.B"] = (rows, rank)
    if {name: part.shape for name, part in contents.parts.items()} != wanted:
        raise ValueError("the blob's tensors are not the task's")
    return ranks


def _is_canonical(contents: Contents, ranks: Mapping[str, int]) -> bool:
    """The largest rank is named, and the factors that are not the first module's, no others."""
    named = set(contents.scales)
    return (
        contents.rank == max(ranks.values())
        and named <= set(ranks) - {min(ranks)}
        and contents.scale not in contents.scales.values()
    )


def _config(contents: Contents, ranks: Mapping[str, int], clause: AdapterClause) -> bytes:
    return _json(
        {
            "bias": "none",
            "inference_mode": True,
            "init_lora_weights": True,
            "lora_dropout": 0.0,
            "modules_to_save": saved_modules(clause.head) or None,
            "peft_type": "LORA",
            "target_modules": list(ranks),
            "task_type": None,
        }
        | scaling(contents, ranks, clause.alpha_max)
    )


def scaling(contents: Contents, ranks: Mapping[str, int], limit: int) -> dict[str, object]:
    """The fields of a config that say rank and factor: r, lora_alpha, use_rslora, both patterns.

    ranks   module -> rank
    limit   the largest alpha
    raises  ValueError when the factors are none that the intake makes
    """
    alphas, is_stabilised = _alphas(contents, ranks, limit)
    alpha = alphas[min(ranks)]
    return {
        "alpha_pattern": {name: one for name, one in alphas.items() if one != alpha},
        "lora_alpha": alpha,
        "r": contents.rank,
        "rank_pattern": {name: one for name, one in ranks.items() if one != contents.rank},
        "use_rslora": is_stabilised,
    }


def _alphas(
    contents: Contents, ranks: Mapping[str, int], limit: int
) -> tuple[dict[str, float], bool]:
    """For each module a lora_alpha that gives exactly its scale; whether over the rank's root.

    Each scale of the intake is one rounded quotient, so a number beside the rounded product gives
    it back; which of the two quotients it was does not matter.
    """
    for is_stabilised in (False, True):
        found = {
            name: _alpha(contents.scale_of(name), math.sqrt(rank) if is_stabilised else rank, limit)
            for name, rank in ranks.items()
        }
        if all(found.values()):
            return found, is_stabilised
    raise ValueError("the blob's scale is none that the intake makes")


def _alpha(scale: float, divisor: float, limit: int) -> float:
    """The alpha of this quotient; 0 when there is none."""
    near = _beside(scale * divisor)
    alpha = next((one for one in near if 0 < one <= limit and one / divisor == scale), 0.0)
    return int(alpha) if alpha.is_integer() else alpha


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
