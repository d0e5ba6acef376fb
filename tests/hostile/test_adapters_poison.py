"""Nothing that an adapter does outlives it: a good one has the same bits after 200 bad ones."""

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.bases import MINILM, folder_of
from evaluator.blob import MAGIC, write_blob
from evaluator.errors import AdapterRefused
from evaluator.intake import admit
from evaluator.task.manifest import to_bytes
from evaluator.task.slices import pack_inputs, single
from tests.evaluator import makers
from workers.sandbox.levels import probe
from workers.sandbox.runner import Job, Sandbox, Status

TASK = makers.manifest()
MANIFEST = to_bytes(TASK)
INPUTS = pack_inputs(single([[101, 2023, 2003, 1037, 4937, 102], [101, 3899, 102]]))
CONFIG, TENSORS = makers.adapter()
GOOD = admit(CONFIG, TENSORS, TASK).canonical
BAD_ONES = 200
VALUES_FROM = 8 + int.from_bytes(TENSORS[:8], "little")


@pytest.fixture(scope="module")
def sandbox():
    host = probe()
    if host.level is None:
        pytest.skip(f"no sandbox on this host: {host.explain()}")
    with Sandbox(folder_of(MINILM), scorer="tests.hostile.bits_scorer") as made:
        yield made


def run(sandbox, blob):
    return sandbox.run(Job(blob, INPUTS, MANIFEST, wall_s=30, cpu_s=30))


def bits(sandbox):
    """What the good adapter gets: int32 [examples, classes]."""
    outcome = run(sandbox, GOOD)
    assert outcome.status is Status.OK, outcome
    assert len({one for row in outcome.predictions for one in row}) == 2 * len(makers.LABELS)
    return outcome.predictions


# --- bad files ------------------------------------------------------------------------------------


def flipped(raw, first, last):
    """Some bits of some bytes of a part, turned over."""

    def turn(changes):
        spoiled = bytearray(raw)
        for place, mask in changes:
            spoiled[place] ^= mask
        return bytes(spoiled)

    change = st.tuples(st.integers(first, last - 1), st.integers(1, 255))
    return st.lists(change, min_size=1, max_size=6).map(turn)


def cut(raw):
    return st.integers(0, len(raw) - 1).map(lambda size: raw[:size])


bad_files = st.one_of(
    st.tuples(flipped(CONFIG, 0, len(CONFIG)), st.just(TENSORS)),
    st.tuples(cut(CONFIG), st.just(TENSORS)),
    st.tuples(st.just(CONFIG), flipped(TENSORS, 0, VALUES_FROM)),
    st.tuples(st.just(CONFIG), cut(TENSORS)),
    st.tuples(st.just(CONFIG), flipped(TENSORS, VALUES_FROM, len(TENSORS))),
)


def test_a_good_adapter_has_the_same_bits_after_200_bad_ones(sandbox):
    before, zygote = bits(sandbox), sandbox._zygote
    ended = []

    @settings(max_examples=BAD_ONES, deadline=None)
    @given(bad_files)
    def feed(files):
        try:
            blob = admit(*files, TASK).canonical
        except AdapterRefused as refusal:
            ended.append(refusal.code)
        else:
            ended.append(run(sandbox, blob).status)

    feed()
    assert len(ended) == BAD_ONES
    scored = [one for one in ended if isinstance(one, Status)]
    assert set(scored) == {Status.OK}  # what comes in is harmless
    assert BAD_ONES // 20 < len(scored) < BAD_ONES // 2
    assert sandbox._zygote is zygote  # the very process that served them all
    assert bits(sandbox) == before


# --- bad blobs, as if the intake had a hole -------------------------------------------------------


def blob_of(arrays, *, rank=2, scale=2.0):
    return write_blob(
        rank,
        scale,
        {name: (one.shape, one.astype("<f4").tobytes()) for name, one in arrays.items()},
    )


def with_all(value):
    """The good adapter with each of its values replaced."""
    arrays = {}
    for name, one in makers.tensors().items():
        short = name.removeprefix("base_model.model.").replace(".lora_", ".")
        arrays[short.removesuffix(".weight") if short[-8] in "AB" else short] = one * 0 + value
    return arrays


def beside(arrays):
    return blob_of(with_all(0.01) | arrays)


def with_header(**changed):
    (size,) = struct.unpack_from("<I", GOOD, len(MAGIC))
    start = len(MAGIC) + 4
    raw = json.dumps(json.loads(GOOD[start : start + size]) | changed).encode()
    return MAGIC + struct.pack("<I", len(raw)) + raw + GOOD[start + size :]


WORDS, DENSE = "bert.embeddings.word_embeddings", "bert.encoder.layer.0.output.dense"
HARMFUL = {
    "all NaN": blob_of(with_all(math.nan)),
    "all infinite": blob_of(with_all(math.inf)),
    "all as large as can be": blob_of(with_all(3e38), scale=1e300),
    "all too small to be normal": blob_of(with_all(1e-45)),
    "the words of the base": beside(
        {f"{WORDS}.A": np.full((2, 384), 1e30), f"{WORDS}.B": np.full((30522, 2), 1e30)}
    ),
    "a norm of the base": beside({"bert.embeddings.LayerNorm.weight": np.full(384, math.nan)}),
    "a module that is not there": beside({"no.A": np.ones((2, 2)), "no.B": np.ones((2, 2))}),
    "other widths than the base": beside(
        {f"{DENSE}.A": np.ones((2, 7)), f"{DENSE}.B": np.ones((5, 2))}
    ),
    "sizes beyond the blob": with_header(tensors=[["classifier.weight", [2**40, 2**20]]]),
    "a cut blob": GOOD[:-5],
}


def test_no_damaged_blob_changes_a_bit_of_the_next_score(sandbox):
    before = bits(sandbox)
    ended = {name: run(sandbox, blob).status for name, blob in HARMFUL.items()}
    assert set(ended.values()) <= {Status.OK, Status.CRASH, Status.OOM}, ended
    assert ended["all NaN"] is Status.OK
    assert ended["a cut blob"] is Status.CRASH
    assert bits(sandbox) == before
