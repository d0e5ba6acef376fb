"""A hostile adapter: a good one with a key that would overwrite the base in a naive loader."""

import json
import shutil
import struct
from pathlib import Path

EXTRA = "base_model.model.bert.embeddings.LayerNorm.weight"


def poison(good: Path, target: Path) -> Path:
    """Copy an adapter and add one tensor of the base's own name to it."""
    shutil.copytree(good, target, dirs_exist_ok=True)
    path = target / "adapter_model.safetensors"
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, body = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    values = struct.pack("<384f", *([0.0] * 384))
    offsets = [len(body), len(body) + len(values)]
    header[EXTRA] = {"dtype": "F32", "shape": [384], "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body + values)
    return target
