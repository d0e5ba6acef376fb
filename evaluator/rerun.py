"""Run a score again from its receipt: all of it, or one batch of its plan alone.

A receipt names what was computed, and the leaves that came of it. Whoever holds the same bytes gets
the same leaves: in mode `exact` on any machine, in mode `fast` on one of the same kind.
source  docs/evaluator.md, section 6; RFC 6962 for the tree
"""

import importlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.canonical import canonical, sha256_hex
from assay.merkle import leaf_hash, root
from evaluator.bases import base_named, folder_of
from evaluator.errors import BatchUnknown, ReceiptInvalid
from evaluator.manifest import Manifest, read_manifest, to_bytes
from evaluator.plan import batches
from evaluator.results import ResultTree, batch_leaf
from evaluator.slices import Inputs, pack_inputs, unpack_inputs

VERSION = "assay-receipt/1"
MANIFEST, INPUTS, ADAPTER = "manifest.json", "inputs.blob", "adapter.blob"


@dataclass(frozen=True)
class Receipt:
    """What was computed, and what came of it.

    adapter_sha256  of the canonical blob; empty: the baseline, the base under a head of zeros
    mode            "fast" or "exact"
    leaves          one per batch of the plan; the root of their tree is results_root
    """

    version: str
    manifest_sha256: str
    inputs_sha256: str
    adapter_sha256: str
    mode: str
    results_root: str
    leaves: tuple[str, ...]


@dataclass(frozen=True)
class Rerun:
    """What a run came to, beside what the receipt says. place: of the batch; None: all of them."""

    place: int | None
    found: tuple[str, ...]
    wanted: tuple[str, ...]

    @property
    def differing(self) -> tuple[int, ...]:
        """Places, in the tree, of the leaves that are not those of the receipt."""
        first = self.place or 0
        pairs = zip(self.found, self.wanted, strict=True)
        return tuple(first + at for at, (one, other) in enumerate(pairs) if one != other)


def receipt_of(
    manifest: bytes, inputs: bytes, adapter: bytes | None, mode: str, tree: ResultTree
) -> Receipt:
    """The receipt of a run over these bytes."""
    return Receipt(
        version=VERSION,
        manifest_sha256=sha256_hex(manifest),
        inputs_sha256=sha256_hex(inputs),
        adapter_sha256=sha256_hex(adapter) if adapter else "",
        mode=mode,
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
        receipt = Receipt(**{**value, "leaves": tuple(value["leaves"])})
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
            BaseMissing, BaseDamaged, ManifestInvalid
    """
    raw = _file(folder, MANIFEST, receipt.manifest_sha256)
    manifest = read_manifest(raw)
    inputs = unpack_inputs(_file(folder, INPUTS, receipt.inputs_sha256))
    adapter = None
    if receipt.adapter_sha256:
        adapter = _file(folder, ADAPTER, receipt.adapter_sha256)
    plan = batches(inputs.examples, budget_tokens=manifest.plan.budget_tokens)
    if len(plan) != len(receipt.leaves):
        raise ReceiptInvalid("The plan has another number of batches.", problem="leaves")
    chosen = plan if place is None else [plan[_checked(place, plan)]]
    answers = _answers(manifest, inputs, adapter, receipt.mode, chosen)
    wanted = receipt.leaves if place is None else (receipt.leaves[place],)
    return Rerun(place, tuple(batch_leaf(one) for one in answers), wanted)


def _answers(
    manifest: Manifest,
    inputs: Inputs,
    adapter: bytes | None,
    mode: str,
    plan: Sequence[Sequence[int]],
) -> list[list[list[int]]]:
    """The answers of each batch, in the plan's order of its examples."""
    base = base_named(manifest.base.name)
    scorer = importlib.import_module(base.scorer)
    weights = scorer.load_base(folder_of(base))
    places = [place for batch in plan for place in batch]
    packed = pack_inputs(inputs.chosen(places))
    found = scorer.predict(weights, adapter, packed, to_bytes(manifest), mode)
    ends, answers = 0, []
    for batch in plan:
        answers.append(found[ends : ends + len(batch)])
        ends += len(batch)
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
