"""Run a score again from its receipt: all of it, or one batch of its plan alone.

A receipt names what was computed, and the leaves that came of it. Whoever holds the same bytes gets
the same leaves on any machine, unless transformers computes the base.
source  docs/evaluator.md, section 6; RFC 6962 for the tree
"""

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from assay.canonical import canonical, sha256_hex
from assay.merkle import leaf_hash, root
from evaluator.bases import base_named, folder_of
from evaluator.errors import BatchUnknown, ReceiptInvalid
from evaluator.score.racing import stage_plans
from evaluator.score.results import ResultTree, batch_leaf
from evaluator.task.manifest import Manifest, read_manifest
from evaluator.task.slices import Inputs, pack_inputs, unpack_inputs

VERSION = "assay-receipt/2"
MANIFEST, INPUTS, ADAPTER = "manifest.json", "inputs.blob", "adapter.blob"


@dataclass(frozen=True)
class Receipt:
    """What was computed, and what came of it.

    adapter_sha256  of the canonical blob; empty: the baseline, the base under a head of zeros
    order           in which a run in stages met the examples; empty: it was not in stages
    leaves          one per batch of the plan; the root of their tree is results_root
    """

    version: str
    manifest_sha256: str
    inputs_sha256: str
    adapter_sha256: str
    results_root: str
    leaves: tuple[str, ...]
    order: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rerun:
    """What a run came to, beside what the receipt says.

    place       of the batch; None: all of them
    is_generic  transformers computed it: other bits on another machine prove nothing
    """

    place: int | None
    found: tuple[str, ...]
    wanted: tuple[str, ...]
    is_generic: bool = False

    @property
    def differing(self) -> tuple[int, ...]:
        """Places, in the tree, of the leaves that are not those of the receipt."""
        first = self.place or 0
        pairs = zip(self.found, self.wanted, strict=True)
        return tuple(first + at for at, (one, other) in enumerate(pairs) if one != other)


def receipt_of(
    manifest: bytes,
    inputs: bytes,
    adapter: bytes | None,
    tree: ResultTree,
) -> Receipt:
    """The receipt of a run over these bytes; one in stages gets its order by `replace`."""
    return Receipt(
        version=VERSION,
        manifest_sha256=sha256_hex(manifest),
        inputs_sha256=sha256_hex(inputs),
        adapter_sha256=sha256_hex(adapter) if adapter else "",
        results_root=tree.root,
        leaves=tree.leaves,
    )


def write_receipt(receipt: Receipt) -> bytes:
    """The receipt as canonical JSON."""
    return canonical(asdict(receipt))


def read_receipt(raw: bytes) -> Receipt:
    """The receipt in these bytes, its leaves under its root. raises ReceiptInvalid"""
    try:
        value = json.loads(raw)
        lists = {name: tuple(value[name]) for name in ("leaves", "order")}
        receipt = Receipt(**{**value, **lists})
        tree = root([leaf_hash(bytes.fromhex(leaf)) for leaf in receipt.leaves]).hex()
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ReceiptInvalid("This is not a receipt.", problem="form") from error
    if receipt.version != VERSION:
        raise ReceiptInvalid(f"This is not a receipt of {VERSION}.", problem="version")
    if tree != receipt.results_root:
        raise ReceiptInvalid("The leaves are not those of the root.", problem="results_root")
    return receipt


def rerun(receipt: Receipt, folder: Path, place: int | None = None) -> Rerun:
    """Compute again.

    folder  holds manifest.json, inputs.blob and, but for the baseline, adapter.blob
    place   the batch of the plan, from 0; None: all
    raises  ReceiptInvalid: a file is missing or is not the named one; BatchUnknown; BaseUnknown,
            BaseMissing, BaseDamaged, ManifestInvalid, EngineMissing
    """
    raw = _file(folder, MANIFEST, receipt.manifest_sha256)
    manifest = read_manifest(raw)
    inputs = unpack_inputs(_file(folder, INPUTS, receipt.inputs_sha256))
    adapter = None
    if receipt.adapter_sha256:
        adapter = _file(folder, ADAPTER, receipt.adapter_sha256)
    stages = _stages(receipt, manifest, inputs)
    plan = [batch for stage in stages for batch in stage]
    if len(plan) != len(receipt.leaves):
        raise ReceiptInvalid("The plan has another number of batches.", problem="leaves")
    if place is not None:
        stages = [[plan[_checked(place, plan)]]]
    base = base_named(manifest.base.name)
    scorer = importlib.import_module(base.scorer)
    weights = scorer.load_base(folder_of(base))

    def predict(chosen: bytes) -> list[list[int]]:
        given: list[list[int]] = scorer.predict(weights, adapter, chosen, raw)
        return given

    answers = _answers(predict, inputs, stages)
    wanted = receipt.leaves if place is None else (receipt.leaves[place],)
    found = tuple(batch_leaf(one) for one in answers)
    return Rerun(place, found, wanted, is_generic=base.is_generic)


def _stages(receipt: Receipt, manifest: Manifest, inputs: Inputs) -> list[list[list[int]]]:
    is_whole = sorted(receipt.order) == list(range(len(inputs.examples)))
    if receipt.order and not (is_whole and manifest.race.block):
        raise ReceiptInvalid("The order is none of this task.", problem="order")
    return stage_plans(inputs, manifest, receipt.order)


def _answers(
    predict: Callable[[bytes], list[list[int]]],
    inputs: Inputs,
    stages: Sequence[Sequence[Sequence[int]]],
) -> list[list[list[int]]]:
    """The answers of each batch, in the plan's order of its examples; a stage is one run."""
    answers = []
    for stage in stages:
        places = [place for batch in stage for place in batch]
        found = iter(predict(pack_inputs(inputs.chosen(places))))
        answers += [list(islice(found, len(batch))) for batch in stage]
    return answers


def _checked(place: int, plan: Sequence[object]) -> int:
    if 0 <= place < len(plan):
        return place
    raise BatchUnknown(f"There is no batch {place}; there are {len(plan)}.", batches=len(plan))


def _file(folder: Path, name: str, sha256: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise ReceiptInvalid(f"The file {name} is not beside the receipt.", problem=name)
    raw = path.read_bytes()
    if sha256_hex(raw) != sha256:
        raise ReceiptInvalid(f"{name} is not the file that the receipt names.", problem=name)
    return raw
