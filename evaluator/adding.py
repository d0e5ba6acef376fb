"""Register a base: read a folder, pin every file by its hash, keep a copy in the store.

Registering twice gives the same pins. Another folder under a name that is taken is refused.
"""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import huggingface_hub
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from assay.canonical import sha256_file
from evaluator.bases import rope
from evaluator.bases.catalogue import CARD_NAME, NAME, Base, base_named, bases, store, write_card
from evaluator.bases.reading import CONFIG_NAME, read_shape
from evaluator.bases.shapes import BertShape, FilePin, GenericShape, LlamaShape, Shape
from evaluator.errors import BaseRefused, BaseUnreachable
from evaluator.forward import generic

TOKENIZER_NAME = "tokenizer.json"
WEIGHTS = "*.safetensors"
HUB_PATTERNS = [CONFIG_NAME, TOKENIZER_NAME, WEIGHTS]


@dataclass(frozen=True)
class Card:
    """What a folder does not say of itself. licence: SPDX id; author: the handle that is paid."""

    name: str
    licence: str
    author: str
    source: str = ""


def add_base(folder: Path, card: Card) -> Base:
    """Pin and keep the base in a folder of transformers (config, tokenizer, safetensors).

    raises BaseRefused: a file is missing, is no safetensors file or does not fit the config, or
           the name is taken by another base
    """
    if not NAME.fullmatch(card.name):
        raise _refused(folder, f"{card.name!r:.80} is no name: use a-z, 0-9, dot, hyphen")
    shape = _complete(folder, read_shape(folder))
    weights = sorted(folder.glob(WEIGHTS))
    if not weights or not (folder / TOKENIZER_NAME).is_file():
        raise _refused(folder, "it needs tokenizer.json and *.safetensors")
    _check_weights(weights, shape)
    store().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store(), prefix=".new-") as made:
        kept = Path(made) / card.name
        kept.mkdir()
        for path in (folder / CONFIG_NAME, folder / TOKENIZER_NAME):
            shutil.copyfile(path, kept / path.name)
        _keep_weights(folder, weights, shape, kept)
        if isinstance(shape, LlamaShape):
            table = rope.table(shape.rope, positions=shape.positions, head_dim=shape.head_dim)
            (kept / rope.FILE_NAME).write_bytes(table)
        base = _pinned(kept, card, shape)
        (kept / CARD_NAME).write_bytes(write_card(base))
        for path in (kept, *kept.iterdir()):  # a jail has a user of its own, and a base no secrets
            path.chmod(0o755 if path.is_dir() else 0o644)
        return _placed(kept, base)


def from_hub(name: str) -> Path:
    """Fetch config, tokenizer and weights of a hub's repository; the folder that holds them.

    raises BaseUnreachable
    """
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=HUB_PATTERNS))
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise BaseUnreachable(
            f"{name} cannot be fetched: {error!s:.200}", base=name[:80]
        ) from error


def _keep_weights(folder: Path, weights: list[Path], shape: Shape, kept: Path) -> None:
    """The files as they are; those of a generic base under the names of its modules."""
    if not isinstance(shape, GenericShape):
        for path in weights:
            shutil.copyfile(path, kept / path.name)
        return
    try:
        generic.respell(folder, shape, kept / "model.safetensors")
    except (OSError, ValueError, RuntimeError) as error:
        raise _refused(folder, f"transformers cannot read it: {error!s:.200}") from error


def _pinned(folder: Path, card: Card, shape: Shape) -> Base:
    files = {
        path.name: FilePin(sha256_file(path), path.stat().st_size)
        for path in sorted(folder.iterdir())
    }
    families = {BertShape: "bert", LlamaShape: "llama", GenericShape: "transformers"}
    return Base(
        name=card.name,
        title=card.name,
        family=families[type(shape)],
        package="",
        folder=card.name,
        files=files,
        shape=shape,
        licence=card.licence,
        author=card.author,
        source=card.source,
    )


def _placed(kept: Path, base: Base) -> Base:
    """Move the finished copy to its place; a base that is there already must be the same."""
    if base.name in {one.name for one in bases()}:
        held = base_named(base.name)
        if (held.files, held.family) != (base.files, base.family):
            raise BaseRefused(
                f"The name {base.name} is taken by another base.",
                next_step="Choose another --name.",
                folder=base.name,
                problem="the name is taken",
            )
        return held
    kept.rename(store() / base.name)
    return base


def _complete(folder: Path, shape: Shape) -> Shape:
    """A generic shape gets its linear layers from transformers' own modules, without values."""
    if not isinstance(shape, GenericShape):
        return shape
    try:
        with torch.device("meta"):
            module = generic.skeleton(folder, shape)
    except (ValueError, KeyError, OSError, ImportError, RuntimeError) as error:
        raise _refused(folder, f"transformers cannot build it: {error!s:.200}") from error
    prefix = generic.ENCODER_PREFIX if shape.kind == "encoder" else ""
    linears = {
        prefix + name: (one.out_features, one.in_features)
        for name, one in module.named_modules()
        if isinstance(one, nn.Linear) and not name.endswith("lm_head")
    }
    if not linears:
        raise _refused(folder, "it has no linear layer that LoRA could change")
    return replace(shape, linears=dict(sorted(linears.items())))


def _check_weights(paths: list[Path], shape: Shape) -> None:
    """Each file can be read, and every target of the shape has its weight with its widths."""
    sizes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        try:
            with safe_open(path, framework="pt") as file:
                sizes |= {
                    name: tuple(file.get_slice(name).get_shape())
                    for name in file.keys()  # noqa: SIM118
                }
        except (SafetensorError, OSError) as error:
            raise _refused(path.parent, f"{path.name} is no safetensors file: {error}") from error
    for name, size in shape.targets.items():
        tail = name.removeprefix("bert.").removeprefix("model.").removeprefix("base.")
        found = [one for key, one in sizes.items() if key.endswith(f"{tail}.weight")]
        if size not in found:
            raise _refused(paths[0].parent, f"{name} is not {size[0]} x {size[1]}")


def _refused(folder: Path, problem: str) -> BaseRefused:
    return BaseRefused(
        f"{folder.name} cannot be a base: {problem}.", folder=folder.name, problem=problem
    )
