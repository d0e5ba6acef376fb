"""The manifest: everything that can change a bit of a score, in whole numbers and text.

Its hash is what a sponsor stakes on. `read_manifest` takes exactly what `to_json` gives: no field
more, none less, no float, no other version.
source  docs/evaluator.md, section 1
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from assay.canonical import canonical, sha256_hex
from evaluator.bases.shapes import FAMILIES, GENERIC, FilePin, Shape
from evaluator.errors import ManifestInvalid
from evaluator.task.plan import RULE

VERSION = "assay-evaluator/5"
MOST_MANIFEST_BYTES = 1 << 20
PLAIN = (int, str, bool)
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class BaseClause:
    """The base model: files by name, widths, licence id (SPDX), the author's handle."""

    name: str
    family: str
    files: Mapping[str, FilePin]
    config: Shape
    licence: str
    author: str


@dataclass(frozen=True)
class TokenizerClause:
    """The tokenizer's file hash, and the length at which token lists are cut."""

    sha256: str
    max_tokens: int


@dataclass(frozen=True)
class PublicSlice:
    """The open slice, to check on: inputs and labels are public, and it ranks nobody.

    units  what the metric's mean is taken over: examples, tokens or bytes
    root   the unsalted RFC 6962 root over its examples
    """

    examples: int
    tokens: int
    units: int
    inputs_sha256: str
    labels_sha256: str
    root: str


@dataclass(frozen=True)
class SealedSlice:
    """A sealed slice; commitment is its salted RFC 6962 root, opened when all is judged."""

    examples: int
    tokens: int
    units: int
    commitment: str


NO_BOARD = SealedSlice(0, 0, 0, "")


@dataclass(frozen=True)
class TestClause:
    """The slices that are scored: to check on, for the live board, and the one that decides.

    board  NO_BOARD: the task has none, so nothing ranks before the close
    """

    __test__ = False  # the name reads as a test class to pytest

    public: PublicSlice
    board: SealedSlice
    final: SealedSlice


@dataclass(frozen=True)
class MetricClause:
    """An evaluator of the registry, its metric, the metric's version, the evaluator's options."""

    evaluator: str
    name: str
    version: int
    options: Mapping[str, str]


@dataclass(frozen=True)
class AdapterClause:
    """What an adapter may be.

    targets     full module name -> (out, in)
    alpha_max, amax_max   largest lora_alpha; largest absolute value of a tensor
    bytes_max   size of adapter_model.safetensors
    head        tensor name -> shape; zero-initialised, and the adapter must carry it
    """

    targets: Mapping[str, tuple[int, ...]]
    rank_max: int
    alpha_max: int
    amax_max: int
    dtypes: tuple[str, ...]
    bytes_max: int
    head: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class PlanClause:
    """How examples become batches: a named rule and the padded tokens of a batch."""

    rule: str
    budget_tokens: int


@dataclass(frozen=True)
class RaceClause:
    """How hopeless entries are stopped early on the board slice (evaluator/score/racing.py).

    block       examples between two looks; 0: there is no race, and the others are 0 or empty
    alpha_ppm   the largest chance, in parts of 10^6, to stop an entry that is as good
    places      the entry is compared with the one at this place
    order       commitment to the secret orders: SHA-256 of the salt that decides them
    """

    block: int
    alpha_ppm: int
    places: int
    order: str


NO_RACE = RaceClause(0, 0, 0, "")


@dataclass(frozen=True)
class EngineClause:
    """What computes: the version of the engine's arithmetic, which decides every bit of a score."""

    version: str


@dataclass(frozen=True)
class Manifest:
    """One task, pinned.

    labels  the class names in the order of the head's rows; empty where there are no classes
    code    SHA-256 of the sponsor's own scoring code; empty: there is none
    """

    version: str
    base: BaseClause
    tokenizer: TokenizerClause
    labels: tuple[str, ...]
    test: TestClause
    metric: MetricClause
    adapter: AdapterClause
    plan: PlanClause
    engine: EngineClause
    race: RaceClause
    code: str
    min_sandbox_level: str


def to_json(manifest: Manifest) -> dict[str, object]:
    """The manifest as JSON values."""
    value = _plain(manifest)
    assert isinstance(value, dict)
    return value


def to_bytes(manifest: Manifest) -> bytes:
    """The canonical bytes: what a manifest file and a blob hold."""
    return canonical(to_json(manifest))


def manifest_sha256(manifest: Manifest) -> str:
    """SHA-256 of the canonical bytes."""
    return sha256_hex(to_bytes(manifest))


def read_manifest(raw: bytes) -> Manifest:
    """The manifest in these bytes; raises ManifestInvalid."""
    if len(raw) > MOST_MANIFEST_BYTES:
        raise ManifestInvalid("The manifest is over 1 MiB.", path="$")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid("The manifest is not JSON.", path="$") from error
    return from_json(value)


def from_json(value: object) -> Manifest:
    """The manifest in these JSON values.

    raises ManifestInvalid for an unknown version, and for a field that is missing, unknown, of
    another type, or of a value that this version does not know
    """
    version = value.get("version") if isinstance(value, dict) else None
    if version != VERSION:
        raise ManifestInvalid(f"This is not a manifest of version {VERSION}.", path="$.version")
    manifest = _read(Manifest, value, "$")
    assert isinstance(manifest, Manifest)
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    known = {
        "$.base.config": _is_of_family(manifest.base),
        "$.plan.rule": manifest.plan.rule == RULE,
        "$.tokenizer.max_tokens": 2 <= manifest.tokenizer.max_tokens <= _positions(manifest),
        "$.plan.budget_tokens": manifest.plan.budget_tokens >= manifest.tokenizer.max_tokens,
        "$.labels": len(set(manifest.labels)) == len(manifest.labels) != 1,
        "$.test.board": manifest.test.board == NO_BOARD or manifest.test.board.examples > 0,
        "$.race": _is_race(manifest.race),
        "$.adapter.rank_max": manifest.adapter.rank_max >= 1,
        "$.adapter.targets": all(len(size) == 2 for size in manifest.adapter.targets.values()),
    }
    for path, is_fine in known.items():
        if not is_fine:
            raise ManifestInvalid(f"The value at {path} is not one that is read.", path=path)


def _is_of_family(base: BaseClause) -> bool:
    """The shape is one of this family's."""
    form = FAMILIES.get(base.family)
    is_own = base.family in (GENERIC, base.config.kind)
    return form is not None and isinstance(base.config, form) and is_own


def _is_race(race: RaceClause) -> bool:
    is_sound = race.block > 0 and 0 < race.alpha_ppm < 10**6 and race.places > 0
    return race == NO_RACE or (is_sound and bool(_HASH.fullmatch(race.order)))


def _positions(manifest: Manifest) -> int:
    return manifest.base.config.positions


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


@cache
def _hints(form: type) -> dict[str, Any]:
    return get_type_hints(form)


def _read(form: Any, value: object, path: str) -> object:
    """A value of the type `form` from JSON, or ManifestInvalid naming the path."""
    origin = get_origin(form)
    hints = {} if origin or form in PLAIN or form is Shape else _hints(form)
    if hints and isinstance(value, dict) and set(value) == set(hints):
        return form(**{name: _read(hints[name], value[name], f"{path}.{name}") for name in hints})
    if form is Shape and isinstance(value, dict):
        return _read(_shape_of(value), value, path)
    if origin is tuple and isinstance(value, list):
        inner = get_args(form)[0]
        return tuple(_read(inner, one, f"{path}[{place}]") for place, one in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        inner = get_args(form)[1]
        return {name: _read(inner, one, f"{path}.{name}") for name, one in value.items()}
    if type(value) is form and form in PLAIN:
        return value
    raise ManifestInvalid(f"The manifest has something unexpected at {path:.120}.", path=path[:120])


def _shape_of(value: dict[str, object]) -> type:
    """The family's shape whose fields these are; when there is none, one that refuses them."""
    shapes: list[type] = [*FAMILIES.values()]
    return next((one for one in shapes if set(value) == set(_hints(one))), BaseClause)
