"""Admit an adapter: size and kind, config, header, tensors, canonical blob, in this order.

The first failure in that order is the verdict, so a verdict is reproducible. Neither peft nor the
safetensors library ever sees the bytes. One copy of this code runs before the upload
(`assay check`) and in the worker. Values are judged in pieces before anything of the adapter's
size is allocated: a refusal costs no more memory than the header and one piece.
source  docs/evaluator.md, section 2
"""

from dataclasses import dataclass
from pathlib import Path

from assay.canonical import sha256_hex
from evaluator.blob import write_blob
from evaluator.intake.config import read_config
from evaluator.intake.files import (
    CONFIG_NAME,
    MOST_CONFIG_BYTES,
    TENSORS_NAME,
    open_file,
    open_folder,
    refuse_size,
)
from evaluator.intake.header import read_header
from evaluator.intake.sources import MemorySource, Source
from evaluator.intake.tensors import float32_values, judge_values, match_tensors
from evaluator.manifest import Manifest


@dataclass(frozen=True)
class Admitted:
    """An adapter that may be scored.

    canonical  the blob that scorers read (see evaluator/blob.py)
    sha256     its hash: the adapter's identity, 64 hex digits
    """

    canonical: bytes
    sha256: str
    rank: int


def admit(config_bytes: bytes, tensors_bytes: bytes, manifest: Manifest) -> Admitted:
    """Check both files of an adapter against the task and spell it in its one canonical way.

    config_bytes   adapter_config.json, as peft writes it
    tensors_bytes  adapter_model.safetensors
    raises         AdapterRefused: the first thing that is wrong, with its code
    """
    refuse_size(CONFIG_NAME, len(config_bytes), MOST_CONFIG_BYTES)
    refuse_size(TENSORS_NAME, len(tensors_bytes), manifest.adapter.bytes_max)
    return _admit(config_bytes, MemorySource(tensors_bytes), manifest)


def admit_folder(path: Path, manifest: Manifest) -> Admitted:
    """Admit the adapter in a folder as `save_pretrained` leaves it; raises AdapterRefused."""
    most_bytes = manifest.adapter.bytes_max
    with open_folder(path) as folder:
        with open_file(folder, CONFIG_NAME, MOST_CONFIG_BYTES) as config:
            config_bytes = bytes(config.read(0, config.size))
            config.check_unchanged()
        with open_file(folder, TENSORS_NAME, most_bytes) as tensors:
            return _admit(config_bytes, tensors, manifest)


def _admit(config_bytes: bytes, source: Source, manifest: Manifest) -> Admitted:
    clause, base = manifest.adapter, manifest.base.name
    config = read_config(config_bytes, clause, base)
    header = read_header(source)
    matched = sorted(match_tensors(header, config, clause, base).items())
    for _, entry in matched:
        judge_values(source, header.start, entry, clause.amax_max)
    tensors = {
        name: (entry.shape, float32_values(source, header.start, entry, clause.amax_max))
        for name, entry in matched
    }
    source.check_unchanged()
    blob = write_blob(config.rank, config.scale, tensors)
    return Admitted(canonical=blob, sha256=sha256_hex(blob), rank=config.rank)
