"""A score again from its receipt, by the door that a stranger would use."""

import json
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.canonical import canonical, sha256_hex
from assay.merkle import leaf_hash, root
from evaluator.errors import ReceiptInvalid
from evaluator.intake import admit
from evaluator.score.racing import order_of, plan_of, stages
from evaluator.score.rerun import read_receipt, receipt_of, rerun, write_receipt
from evaluator.score.results import result_tree
from evaluator.score.scoring import predict
from evaluator.task.manifest import RaceClause, to_bytes
from evaluator.task.plan import batches
from evaluator.task.slices import pack_inputs, unpack_inputs
from tests.evaluator import makers


@pytest.fixture(scope="module")
def downloaded(weights, prepared, tmp_path_factory):
    """A receipt beside its files, as they are after a run on the public slice."""
    folder = tmp_path_factory.mktemp("receipt")
    task = replace(prepared.manifest, plan=replace(prepared.manifest.plan, budget_tokens=128))
    manifest, inputs = to_bytes(task), prepared.public_inputs
    adapter = admit(*makers.adapter(), task).canonical
    found = predict(weights, adapter, inputs, manifest)
    plan = batches(unpack_inputs(inputs).examples, budget_tokens=task.plan.budget_tokens)
    assert len(plan) > 1
    receipt = receipt_of(manifest, inputs, adapter, result_tree(found, plan))
    (folder / "receipt.json").write_bytes(write_receipt(receipt))
    for name, raw in {
        "manifest.json": manifest, "inputs.blob": inputs, "adapter.blob": adapter,
    }.items():  # fmt: skip
        (folder / name).write_bytes(raw)
    return folder


def door(receipt, *arguments):
    command = [sys.executable, "-m", "evaluator", "rerun", str(receipt), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    return done.returncode, json.loads(done.stdout)


def test_one_batch_alone_gives_its_leaf_again(downloaded):
    code, told = door(downloaded / "receipt.json", "--batch", "1")
    assert (code, told["same"], told["batches"]) == (0, True, 1)


def test_a_whole_run_gives_every_leaf_again(downloaded):
    receipt = read_receipt((downloaded / "receipt.json").read_bytes())
    found = rerun(receipt, downloaded)
    assert found.differing == ()
    assert found.found == receipt.leaves


def test_a_run_in_stages_gives_every_leaf_again_and_needs_its_order(weights, prepared, tmp_path):
    """As the site runs a raced entry: a job a stage, the tree over the stages' plans."""
    task = replace(prepared.manifest, race=RaceClause(3, 1000, 3, "0" * 64))
    raw, inputs = to_bytes(task), unpack_inputs(prepared.public_inputs)
    order = order_of(b"s" * 32, "an entry", len(inputs.examples))
    found = [[] for _ in order]
    for part in stages(order, 3):
        answers = predict(weights, None, pack_inputs(inputs.chosen(part)), raw)
        for place, one in zip(part, answers, strict=True):
            found[place] = one
    tree = result_tree(found, plan_of(inputs, task, order))
    receipt = receipt_of(raw, prepared.public_inputs, None, tree)
    (tmp_path / "manifest.json").write_bytes(raw)
    (tmp_path / "inputs.blob").write_bytes(prepared.public_inputs)
    receipt = read_receipt(write_receipt(replace(receipt, order=order)))
    assert rerun(receipt, tmp_path).differing == ()
    assert rerun(receipt, tmp_path, len(tree.leaves) - 1).differing == ()
    for odd in (order[1:], ()):
        with pytest.raises(ReceiptInvalid):
            rerun(replace(receipt, order=odd), tmp_path)


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
