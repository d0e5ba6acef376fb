"""A score again from its receipt, by the door that a stranger would use."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.canonical import canonical, sha256_hex
from assay.merkle import leaf_hash, root
from evaluator.errors import ReceiptInvalid
from evaluator.intake import admit
from evaluator.manifest import to_bytes
from evaluator.plan import batches
from evaluator.rerun import read_receipt, receipt_of, rerun, write_receipt
from evaluator.results import result_tree
from evaluator.scoring import predict
from evaluator.slices import unpack_inputs
from tests.evaluator import makers


@pytest.fixture(scope="module")
def downloaded(weights, prepared, tmp_path_factory):
    """A receipt beside its files, as they are after a run on the public slice."""
    folder = tmp_path_factory.mktemp("receipt")
    manifest, inputs = to_bytes(prepared.manifest), prepared.public_inputs
    adapter = admit(*makers.adapter(), prepared.manifest).canonical
    found = predict(weights, adapter, inputs, manifest, "fast")
    plan = batches(
        unpack_inputs(inputs).examples, budget_tokens=prepared.manifest.plan.budget_tokens
    )
    assert len(plan) > 1
    receipt = receipt_of(manifest, inputs, adapter, "fast", result_tree(found, plan))
    (folder / "receipt.json").write_bytes(write_receipt(receipt))
    for name, raw in {
        "manifest.json": manifest, "inputs.blob": inputs, "adapter.blob": adapter,
    }.items():  # fmt: skip
        (folder / name).write_bytes(raw)
    return folder


def door(receipt, *arguments):
    command = [sys.executable, "-m", "evaluator", "rerun", str(receipt), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, json.loads(done.stdout)


def test_one_batch_alone_gives_its_leaf_again(downloaded):
    code, told = door(downloaded / "receipt.json", "--batch", "1")
    assert (code, told["same"], told["batches"]) == (0, True, 1)


def test_a_whole_run_gives_every_leaf_again(downloaded):
    receipt = read_receipt((downloaded / "receipt.json").read_bytes())
    found = rerun(receipt, downloaded)
    assert found.differing == ()
    assert found.found == receipt.leaves


def test_a_forged_answer_is_found_in_its_batch(downloaded, tmp_path):
    receipt = asdict(read_receipt((downloaded / "receipt.json").read_bytes()))
    leaves = [*receipt["leaves"]]
    leaves[1] = sha256_hex(b"a better answer")
    forged = root([leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]).hex()
    told = canonical({**receipt, "leaves": leaves, "results_root": forged})
    (downloaded / "forged.json").write_bytes(told)
    code, told = door(downloaded / "forged.json", "--batch", "1")
    assert (code, told["differing"]) == (6, [1])
    assert rerun(read_receipt((downloaded / "forged.json").read_bytes()), downloaded, 0).found


def test_another_file_beside_the_receipt_is_refused_by_name(downloaded, tmp_path):
    for name in ("receipt.json", "manifest.json", "inputs.blob", "adapter.blob"):
        (tmp_path / name).write_bytes((downloaded / name).read_bytes())
    (tmp_path / "adapter.blob").write_bytes(b"another")
    code, told = door(tmp_path / "receipt.json")
    assert (code, told["error"]["code"]) == (5, "receipt.invalid")
    assert told["error"]["facts"]["problem"] == "adapter.blob"
    code, told = door(downloaded / "receipt.json", "--batch", "99")
    assert (code, told["error"]["code"]) == (5, "receipt.batch_unknown")


@given(st.binary(max_size=60) | st.builds(canonical, st.dictionaries(st.text(), st.text())))
def test_what_is_no_receipt_is_refused(raw):
    with pytest.raises(ReceiptInvalid):
        read_receipt(raw)


def test_leaves_of_another_root_are_refused(downloaded):
    receipt = asdict(read_receipt((downloaded / "receipt.json").read_bytes()))
    with pytest.raises(ReceiptInvalid, match="root"):
        read_receipt(canonical({**receipt, "leaves": receipt["leaves"][1:]}))


@given(
    st.lists(st.lists(st.integers(-(2**53), 2**53), max_size=3), min_size=1, max_size=12),
    st.integers(1, 5),
    st.data(),
)
def test_one_changed_integer_changes_one_leaf_and_the_root(results, size, data):
    plan = [
        list(range(first, min(first + size, len(results))))
        for first in range(0, len(results), size)
    ]
    place = data.draw(st.integers(0, len(results) - 1))
    changed = [*results]
    changed[place] = [*results[place], 7]
    before, after = result_tree(results, plan), result_tree(changed, plan)
    assert before.root != after.root
    pairs = zip(before.leaves, after.leaves, strict=True)
    assert [at for at, (one, other) in enumerate(pairs) if one != other] == [place // size]
