import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.canonical import canonical
from evaluator.plan import batches
from evaluator.slices import (
    final_commitment,
    pack_inputs,
    pack_labels,
    public_root,
    unpack_inputs,
    unpack_labels,
)

ids = st.lists(st.lists(st.integers(0, 30521), max_size=6), min_size=1, max_size=6)
SALT = b"s" * 32


@given(ids)
def test_packed_inputs_come_back(lines):
    assert unpack_inputs(pack_inputs(lines)) == lines


@given(st.lists(st.integers(0, 255), max_size=20))
def test_packed_labels_come_back(labels):
    assert unpack_labels(pack_labels(labels)) == labels


@given(ids, st.integers(0, 10_000))
def test_a_cut_blob_is_refused(lines, place):
    blob = pack_inputs(lines)
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for developers
        unpack_inputs(blob[: place % len(blob)])


def test_the_layout_of_the_blobs_is_the_documented_one():
    assert pack_inputs([[7], [8, 9]]).hex() == (
        b"ASSAYIDS1\n".hex() + "02000000" + "01000000" + "02000000" + "070000000800000009000000"
    )
    assert pack_labels([1]).hex() == b"ASSAYLABELS1\n".hex() + "01000000" + "01000000"


def test_the_commitment_of_one_example_is_the_documented_hash():
    inputs, labels = pack_inputs([[5, 6]]), pack_labels([2])
    mac = hmac.digest(SALT, (0).to_bytes(8, "little"), sha256)
    leaf = sha256(b"\0" + mac + canonical({"ids": [5, 6], "label": 2}))
    assert final_commitment(SALT, inputs, labels) == leaf.hexdigest()


def test_any_change_of_salt_ids_labels_or_order_changes_the_commitment():
    inputs, labels = pack_inputs([[5, 6], [7]]), pack_labels([2, 0])
    roots = {
        final_commitment(SALT, inputs, labels),
        final_commitment(b"t" * 32, inputs, labels),
        final_commitment(SALT, pack_inputs([[5, 7], [7]]), labels),
        final_commitment(SALT, inputs, pack_labels([2, 1])),
        final_commitment(SALT, pack_inputs([[7], [5, 6]]), pack_labels([0, 2])),
        public_root(inputs, labels),
    }
    assert len(roots) == 6


@given(st.lists(st.integers(1, 48), max_size=60), st.integers(1, 512))
def test_a_plan_holds_each_example_once_and_keeps_to_its_budget(lengths, budget):
    plan = batches(lengths, budget_tokens=budget)
    assert sorted(place for batch in plan for place in batch) == list(range(len(lengths)))
    for batch in plan:
        padded = len(batch) * max(lengths[place] for place in batch)
        assert padded <= budget or len(batch) == 1
