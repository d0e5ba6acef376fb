"""The headers of safetensors files: which tensors a base has, of which type and size.

Standard library only. A header is read and bounded before a library opens the file.
source  https://github.com/huggingface/safetensors, section "Format"
"""

import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from evaluator.bases.folder import refuse_stand_in, refused
from evaluator.errors import BaseRefused

MOST_HEADER_BYTES = 64 << 20
FLOATS = ("F64", "F32", "F16", "BF16")
_LENGTH = struct.Struct("<Q")
_SCALED = re.compile(
    r"\.(weight_scale(_inv|_2)?|input_scale|scales|biases|qweight|qzeros|g_idx|(nested_)?absmax|"
    r"(nested_)?quant_map|SCB|weight_format|weight_packed|weight_shape|weight_zero_point|codebooks)$"
    r"|\.quant_state\.|_blocks$|_scales$"
)
_SMALL_FLOAT = re.compile(r"F[468](_|$)")
_MARKS = re.compile(r"lora_[AB]\.|\.lora_|modules_to_save\.")


@dataclass(frozen=True)
class Held:
    """One tensor of a file. dtype as safetensors names it: "BF16"."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def values(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


def read_headers(paths: Iterable[Path]) -> dict[str, Held]:
    """Name -> tensor, over all files. raises BaseRefused: damaged, or a name in two files"""
    found: dict[str, Held] = {}
    for path in paths:
        held = _header(path)
        twice = next((name for name in held if name in found), None)
        if twice is not None:
            raise refused(path.parent, f"the tensor {twice!r:.100} is in two files")
        found |= held
    return found


def refuse_quantised(folder: Path, config: Mapping[str, object], held: Mapping[str, Held]) -> None:
    """Weights that are codes for others. raises BaseRefused, by the kind of quantisation"""
    told = config.get("quantization_config") or config.get("compression_config")
    told = told or config.get("quantization")
    scale = next((name for name in held if _SCALED.search(name)), None)
    coded = next(
        ((name, one.dtype) for name, one in held.items() if _is_coded(name, one.dtype)), None
    )
    if not told and scale is None and coded is None:
        return
    if isinstance(told, Mapping):
        kind = _kind(told)
    elif scale is not None:
        kind = f"they come with scales, such as {scale}"
    else:
        name, dtype = coded or ("", "")
        kind = f"{name} is {'fp8' if dtype.startswith('F8') else dtype}"
    raise refused(
        folder,
        f"its weights are quantised ({kind}): an adapter's product needs the weights themselves",
        "Give the same model in float32, float16 or bfloat16, which its author publishes too.",
    )


def refuse_adapter(folder: Path, held: Iterable[str]) -> None:
    """A model with an adapter still in it. raises BaseRefused"""
    found = next((name for name in held if _MARKS.search(name)), None)
    if found is not None:
        raise refused(
            folder,
            f"it holds an adapter that was not merged ({found})",
            "Merge it with peft first: model.merge_and_unload(), then save_pretrained.",
        )


def _kind(told: Mapping[str, object]) -> str:
    """fp8, bitsandbytes in 4 bits, gptq, ...: how a config names it."""
    name = str(told.get("quant_method") or told.get("format") or "")
    if told.get("load_in_4bit") or told.get("_load_in_4bit"):
        return f"{name or 'bitsandbytes'}, 4-bit"
    if told.get("load_in_8bit") or told.get("_load_in_8bit"):
        return f"{name or 'bitsandbytes'}, 8-bit"
    bits = told.get("bits") or told.get("w_bit")
    shown = str(told.get("format") or told.get("fmt") or "")
    parts = [name, f"{bits}-bit" if bits else "", shown if shown != name else ""]
    if "float-quantized" in shown or name == "fp8":
        parts.append("fp8")
    return ", ".join(dict.fromkeys(one for one in parts if one)) or "named in config.json"


def _is_coded(name: str, dtype: str) -> bool:
    """Numbers that only scales make weights of; masks and positions are whole numbers too."""
    if _SMALL_FLOAT.match(dtype):
        return True
    return dtype in ("I8", "U8", "I32", "U32", "I16", "U16") and name.endswith(".weight")


def _header(path: Path) -> dict[str, Held]:
    refuse_stand_in(path)
    try:
        with path.open("rb") as file:
            [length] = _LENGTH.unpack(file.read(_LENGTH.size))
            if length > MOST_HEADER_BYTES:
                raise _damaged(path, "its header has no length")
            told = json.loads(file.read(length))
        found = {name: one for name, one in told.items() if name != "__metadata__"}
        end = max((int(one["data_offsets"][1]) for one in found.values()), default=0)
        held = {name: Held(str(one["dtype"]), _shape(one["shape"])) for name, one in found.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _damaged(path, "its header cannot be read") from error
    if path.stat().st_size != _LENGTH.size + length + end:
        raise _damaged(path, "it is cut short, or longer than its header says")
    return held


def _shape(found: Iterable[object]) -> tuple[int, ...]:
    shape = tuple(one for one in found if type(one) is int and one >= 0)
    if len(shape) != len(list(found)):
        raise ValueError("no shape")
    return shape


def _damaged(path: Path, problem: str) -> BaseRefused:
    return refused(
        path.parent,
        f"{path.name} is no safetensors file: {problem}",
        "Download the file again, and compare its size with the one that its page shows.",
    )
