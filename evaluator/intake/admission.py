"""Admit an adapter: size and kind, config, header, tensors, canonical blob, in this order.

The first failure in that order is the verdict, so a verdict is reproducible. Neither peft nor the
safetensors library ever sees the bytes. One copy of this code runs before the upload
(`assay check`) and in the worker. Values are judged in pieces before anything of the adapter's
size is allocated: a refusal costs no more memory than the header and one piece.
source  docs/evaluator.md, section 2
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assay.canonical import sha256_hex
from assay.linked import followed
from evaluator.blob import write_blob
from evaluator.errors import AdapterFileKind
from evaluator.intake.config import read_config
from evaluator.intake.files import (
    CONFIG_NAME,
    MOST_CONFIG_BYTES,
    TENSORS_NAME,
    is_there,
    open_file,
    open_folder,
    others_in,
    refuse_size,
)
from evaluator.intake.header import read_header
from evaluator.intake.kinds import note, refuse_other_weights
from evaluator.intake.matching import match_tensors
from evaluator.intake.sources import FileSource, MemorySource, Source
from evaluator.intake.tensors import check_forms, float32_values, judge_values
from evaluator.task.manifest import Manifest


@dataclass(frozen=True)
class Admitted:
    """An adapter that may be scored.

    canonical  the blob that scorers read (see evaluator/blob.py)
    sha256     its hash: the adapter's identity, 64 hex digits
    rank       the largest of its modules
    ignored    what is there and changes no number: fields, tensors and files, by name
    """

    canonical: bytes
    sha256: str
    rank: int
    ignored: tuple[str, ...] = ()


def admit(config_bytes: bytes, tensors_bytes: bytes, manifest: Manifest) -> Admitted:
    """Check both files of an adapter against the task and spell it in its one canonical way.

    config_bytes   adapter_config.json, as peft writes it
    tensors_bytes  adapter_model.safetensors
    raises         AdapterRefused: the first thing that is wrong, with its code
    """
    refuse_size(CONFIG_NAME, len(config_bytes), MOST_CONFIG_BYTES)
    refuse_size(TENSORS_NAME, len(tensors_bytes), manifest.adapter.bytes_max)
    return _admit(config_bytes, MemorySource(tensors_bytes), manifest)


def admit_folder(path: Path, manifest: Manifest, *, follows: bool = False) -> Admitted:
    """Admit the adapter in a folder as `save_pretrained` leaves it; raises AdapterRefused.

    follows  the folder is the own one of the caller: links of a hub cache are followed
    """
    most_bytes = manifest.adapter.bytes_max
    with open_folder(path) as folder:
        others = others_in(folder)
        if not is_there(folder, TENSORS_NAME):
            refuse_other_weights(others)
        with _opened(path, folder, CONFIG_NAME, MOST_CONFIG_BYTES, follows=follows) as config:
            config_bytes = bytes(config.read(0, config.size))
            config.check_unchanged()
        with _opened(path, folder, TENSORS_NAME, most_bytes, follows=follows) as tensors:
            found = _admit(config_bytes, tensors, manifest)
    return replace(found, ignored=(*note(others), *found.ignored))


@contextmanager
def _opened(
    path: Path, folder: int, name: str, limit: int, *, follows: bool
) -> Iterator[FileSource]:
    """The folder's file of this name, or the one that a link of the owner's leads to."""
    if not (follows and (path / name).is_symlink()):
        with open_file(folder, name, limit) as found:
            yield found
        return
    real = followed(path / name)
    if real is None:
        raise AdapterFileKind(f"{name} is a link that leads out of the folder.", file=name)
    with open_folder(real.parent) as there, open_file(there, real.name, limit) as found:
        yield found


def _admit(config_bytes: bytes, source: Source, manifest: Manifest) -> Admitted:
    clause = manifest.adapter
    config = read_config(config_bytes, clause)
    header = read_header(source)
    matched = match_tensors(header, config, clause, manifest.base.name)
    check_forms(matched, clause)
    parts = sorted(matched.parts.items())
    for _, part in parts:
        judge_values(source, header.start, part.entry, clause.amax_max)
    tensors = {
        name: (part.shape, float32_values(source, header.start, part.entry, clause.amax_max))
        for name, part in parts
    }
    source.check_unchanged()
    first, *_ = sorted(matched.scales)
    scale = matched.scales[first]
    others = {name: one for name, one in matched.scales.items() if one != scale}
    rank = max(part.shape[0] for name, part in parts if name.endswith(".A"))
    blob = write_blob(rank, scale, tensors, others)
    return Admitted(blob, sha256_hex(blob), rank, (*config.ignored, *matched.ignored))
