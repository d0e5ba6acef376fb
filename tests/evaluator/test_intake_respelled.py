"""From a canonical blob back to peft's two files: the same blob again, or nothing."""

import json
import math
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.blob import MAGIC, write_blob
from evaluator.intake import admit, admit_folder
from evaluator.intake.respelled import respell, write_folder
from tests.evaluator import decoders, makers

TASK = makers.manifest()
BLOB = admit(*makers.adapter(), TASK).canonical
LLAMA = decoders.task()
ONE = {"only.q_proj": (1, 1)}  # the smallest task: one number on each side
SMALL = replace(TASK, adapter=replace(TASK.adapter, targets=ONE, head={}, rank_max=300))


def small(rank, alpha, *, is_stabilised):
    arrays = {
        f"base_model.model.only.q_proj.lora_{side}.weight": makers.pseudo(side, shape)
        for side, shape in (("A", (rank, 1)), ("B", (1, rank)))
    }
    config = makers.config(
        r=rank, lora_alpha=alpha, use_rslora=is_stabilised, target_modules=["q_proj"],
        modules_to_save=None,
    )  # fmt: skip
    return admit(json.dumps(config).encode(), makers.safetensors(arrays), SMALL)


def test_an_admitted_adapter_comes_back_byte_for_byte():
    assert admit(*respell(BLOB, TASK.adapter), TASK).canonical == BLOB
    llama = admit(
        json.dumps(decoders.config()).encode(), makers.safetensors(decoders.tensors()), LLAMA
    ).canonical
    assert admit(*respell(llama, LLAMA.adapter), LLAMA).canonical == llama


def test_the_folder_holds_the_two_files_and_comes_in_again(tmp_path):
    write_folder(BLOB, TASK.adapter, tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert admit_folder(tmp_path, TASK).canonical == BLOB


@settings(max_examples=400, deadline=None)
@given(
    st.integers(1, 300),
    st.floats(min_value=0, max_value=512, exclude_min=True) | st.integers(1, 512),
    st.booleans(),
)
def test_every_scale_of_the_intake_comes_back_exactly(rank, alpha, is_stabilised):
    admitted = small(rank, alpha, is_stabilised=is_stabilised)
    assert admit(*respell(admitted.canonical, SMALL.adapter), SMALL) == admitted


def test_nothing_of_a_miners_config_is_left():
    config, tensors = respell(BLOB, TASK.adapter)
    told = makers.config(base_model_name_or_path="https://evil.example", peft_version="$(id)")
    spoken = admit(json.dumps(told).encode(), makers.adapter()[1], TASK).canonical
    assert spoken == BLOB
    assert b"evil" not in config + tensors
    assert len(tensors) % 4 == 0
    assert int.from_bytes(tensors[:8], "little") % 8 == 0


# --- what is no canonical blob --------------------------------------------------------------------


def header():
    (size,) = struct.unpack_from("<I", BLOB, len(MAGIC))
    start = len(MAGIC) + 4
    return json.loads(BLOB[start : start + size]), BLOB[start + size :]


def respelt(**changed):
    found, values = header()
    raw = json.dumps(found | changed, separators=(",", ":"), sort_keys=True).encode()
    return MAGIC + struct.pack("<I", len(raw)) + raw + values


NOT_CANONICAL = {
    "no bytes": b"",
    "other bytes": b"not a blob",
    "a miner's own file": makers.adapter()[1],
    "a cut blob": BLOB[:-1],
    "a longer blob": BLOB + b"\0",
    "a header with spaces": BLOB.replace(b'"rank":2', b'"rank": 2', 1),
    "a scale in another spelling": respelt(scale="2.0"),
    "a scale that is no number": respelt(scale="nan"),
    "a scale without end": respelt(scale="inf"),
    "a negative scale": respelt(scale=(-2.0).hex()),
    "a scale above every alpha": respelt(scale=(512.0).hex()),
    "a rank of text": respelt(rank="2"),
    "another rank": respelt(rank=3),
    "a field more": respelt(more=1),
    "tensors in another order": respelt(tensors=header()[0]["tensors"][::-1]),
    "no tensors": write_blob(2, 2.0, {}),
    "a tensor of the base": write_blob(
        2, 2.0, {"bert.embeddings.word_embeddings.weight": ((1, 1), bytes(4))}
    ),
    "a module of another task": write_blob(
        1, 1.0, {"only.q_proj.A": ((1, 1), bytes(4)), "only.q_proj.B": ((1, 1), bytes(4))}
    ),
}


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_what_the_intake_did_not_make_is_not_respelt(name, tmp_path):
    with pytest.raises(ValueError, match="blob"):
        write_folder(NOT_CANONICAL[name], TASK.adapter, tmp_path)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(BLOB) - len(header()[1]) - 1), st.integers(0, 255))
def test_a_changed_byte_of_a_blobs_header_is_noticed_or_means_another_blob(place, value):
    changed = bytearray(BLOB)
    changed[place] = value
    try:
        files = respell(bytes(changed), TASK.adapter)
    except ValueError:
        return
    assert admit(*files, TASK).canonical == changed


def test_a_scale_that_no_alpha_gives_is_not_respelt():
    found = small(3, 1.0, is_stabilised=False).canonical
    scale = 1 / 3
    for _ in range(9):  # of neighbours, some are no quotient by 3 and none by its root
        scale = math.nextafter(scale, 1)
        odd = found.replace((1 / 3).hex().encode(), scale.hex().encode())
        try:
            files = respell(odd, SMALL.adapter)
        except ValueError:
            break
        assert admit(*files, SMALL).canonical == odd
    else:
        pytest.fail("every scale was taken")
