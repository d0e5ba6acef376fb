import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.canonical import canonical
from evaluator.task.plan import batches
from evaluator.task.slices import (
    Inputs,
    Row,
    commitment,
    pack_inputs,
    pack_labels,
    public_root,
    single,
    unpack_inputs,
    unpack_labels,
)

rows = st.builds(Row, st.lists(st.integers(0, 30521), max_size=6).map(tuple), st.integers(0, 6))
inputs = st.builds(
    Inputs,
    st.lists(st.lists(rows, min_size=1, max_size=3).map(tuple), min_size=1, max_size=6).map(tuple),
    st.lists(rows, max_size=3).map(tuple),
)
labels = st.lists(
    st.integers(-5, 255) | st.text(max_size=5) | st.lists(st.integers(0, 9), max_size=3),
    max_size=20,
)
SALT = b"s" * 32


@given(inputs)
def test_packed_inputs_come_back(given_inputs):
    assert unpack_inputs(pack_inputs(given_inputs)) == given_inputs


@given(labels)
def test_packed_labels_come_back(values):
    assert unpack_labels(pack_labels(values)) == values


@given(inputs, st.integers(0, 10_000))
def test_a_cut_blob_is_refused(given_inputs, place):
    blob = pack_inputs(given_inputs)
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for developers
        unpack_inputs(blob[: place % len(blob)])


def test_labels_have_one_spelling():
    with pytest.raises(ValueError, match="canonical"):
        unpack_labels(b"ASSAYLABELS2\n[1, 2]")


def test_the_layout_of_the_blobs_is_the_documented_one():
    words = [0, 2, 1, 1, 1, 0, 2, 1, 7, 8, 9]  # none shared, two examples of one row each
    found = pack_inputs(Inputs(((Row((7,)),), (Row((8, 9), 1),))))
    assert found == b"ASSAYIDS2\n" + b"".join(one.to_bytes(4, "little") for one in words)
    assert pack_labels([1, "a"]) == b'ASSAYLABELS2\n[1,"a"]'


def test_the_commitment_of_one_example_is_the_documented_hash():
    mac = hmac.digest(SALT, b"final" + (0).to_bytes(8, "little"), sha256)
    leaf = sha256(b"\0" + mac + canonical({"rows": [{"ids": [5, 6], "start": 0}], "label": 2}))
    found = commitment(SALT, "final", pack_inputs(single([[5, 6]])), pack_labels([2]))
    assert found == leaf.hexdigest()


def test_any_change_of_salt_slice_ids_labels_or_order_changes_the_commitment():
    packed, right = pack_inputs(single([[5, 6], [7]])), pack_labels([2, 0])
    shared = pack_inputs(Inputs(single([[5, 6], [7]]).examples, (Row((1,)),)))
    roots = {
        commitment(SALT, "board", packed, right),
        commitment(SALT, "final", packed, right),
        commitment(b"t" * 32, "final", packed, right),
        commitment(SALT, "final", pack_inputs(single([[5, 7], [7]])), right),
        commitment(SALT, "final", packed, pack_labels([2, 1])),
        commitment(SALT, "final", pack_inputs(single([[7], [5, 6]])), pack_labels([0, 2])),
        commitment(SALT, "final", shared, right),
        public_root(packed, right),
    }
    assert len(roots) == 8


@given(
    st.lists(st.lists(st.integers(1, 48), min_size=1, max_size=4), max_size=40),
    st.integers(1, 512),
)
def test_a_plan_holds_each_example_once_and_keeps_to_its_budget(lengths, budget):
    examples = [[Row(tuple(range(length))) for length in rows] for rows in lengths]
    plan = batches(examples, budget_tokens=budget)
    assert sorted(place for batch in plan for place in batch) == list(range(len(lengths)))
    for batch in plan:
        assert sum(sum(lengths[place]) for place in batch) <= budget or len(batch) == 1
