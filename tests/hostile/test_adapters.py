"""Every threat of the intake, with the code that refuses it; and that nothing ever crashes it."""

import json
import os
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.errors import AdapterRefused
from evaluator.intake import Admitted, admit, admit_folder
from tests.evaluator import makers

TASK = makers.manifest()
PREFIX = "base_model.model."
VALUE_5 = PREFIX + "bert.encoder.layer.5.attention.self.value"
WEIGHT = PREFIX + "classifier.weight"
CONFIG, TENSORS = makers.adapter()
MOST_SECONDS = 0.5  # the target is 0.05 on an idle machine; this one may be shared


def changed(name, array):
    return makers.safetensors(makers.tensors() | {name: array})


def without(name):
    return makers.safetensors({key: one for key, one in makers.tensors().items() if key != name})


def filled(value):
    array = makers.tensors()[WEIGHT].copy()
    array[1, 7] = value
    return changed(WEIGHT, array)


def entry(name, **fields):
    """The honest file with some fields of one header entry replaced."""
    size = int.from_bytes(TENSORS[:8], "little")
    header = json.loads(TENSORS[8 : 8 + size])
    header[name] |= fields
    return makers.with_header(header, TENSORS[8 + size :])


def narrow():
    """An adapter of a base of width 768."""
    found = {}
    for name, array in makers.tensors().items():
        shape = tuple(768 if size == 384 else size for size in array.shape)
        found[name] = makers.pseudo(name, shape)
    return makers.safetensors(found)


def nested(depth):
    return b'{"r": ' + b"[" * depth + b"]" * depth + b"}"


OTHER_LORA = makers.safetensors(
    {
        PREFIX + "model.layers.0.self_attn.q_proj.lora_A.weight": makers.pseudo("a", (2, 64)),
        PREFIX + "model.layers.0.self_attn.q_proj.lora_B.weight": makers.pseudo("b", (64, 2)),
    }
)
EXTRA = PREFIX + "bert.embeddings.word_embeddings.weight"
MISSPELT = {name.replace("lora_A", "lora_a"): one for name, one in makers.tensors().items()}

HOSTILE_TENSORS = {
    "a tensor that would overwrite the base": ("key_unknown", changed(EXTRA, np.ones((4, 4)))),
    "a head of another task": ("key_unknown", changed(PREFIX + "score.weight", np.ones((2, 2)))),
    "a LoRA pair outside the config": (
        "key_unknown",
        changed(PREFIX + "bert.encoder.layer.0.output.dense.lora_A.weight", np.ones((2, 1536))),
    ),
    "misspelt names": ("key_missing", makers.safetensors(MISSPELT)),
    "no head": ("key_missing", without(WEIGHT)),
    "A without B": ("key_missing", without(VALUE_5 + ".lora_B.weight")),
    "nothing at all": ("key_missing", makers.with_header({})),
    "NaN": ("value_not_finite", filled(np.nan)),
    "an infinity": ("value_not_finite", filled(-np.inf)),
    "a huge value": ("value_too_large", filled(1001.0)),
    "float64": ("dtype", makers.safetensors(makers.tensors(), "F64")),
    "integers": ("dtype", makers.safetensors(makers.tensors(), "I8")),
    "float8": ("dtype", entry(WEIGHT, dtype="F8_E4M3")),
    "a type nobody knows": ("dtype", entry(WEIGHT, dtype="X" * 1000)),
    "another shape": ("shape", changed(WEIGHT, makers.pseudo("w", (384, 3)))),
    "another rank than r": ("shape", makers.safetensors(makers.tensors(rank=4))),
    "one tensor of another width": (
        "shape",
        changed(VALUE_5 + ".lora_A.weight", makers.pseudo("w", (2, 768))),
    ),
    "an empty tensor": ("shape", changed(VALUE_5 + ".lora_A.weight", np.ones((0, 384)))),
    "a shape of 2^62": ("shape", entry(WEIGHT, shape=[0, 2**62])),
    "another base's widths": ("wrong_base", narrow()),
    "another base's names": ("wrong_base", OTHER_LORA),
    "a header of 300 KiB": ("header_size", makers.with_header(b" " * 300_000)),
    "a header length of 2^63": ("header_size", b"\xff" * 8 + TENSORS[8:]),
    "5000 tensors": (
        "header_size",
        makers.with_header(
            {f"{n}": {"dtype": "F32", "shape": [], "data_offsets": [0, 0]} for n in range(4500)}
        ),
    ),
    "metadata of 20 kB": ("header_size", makers.with_header({"__metadata__": {"a": "b" * 20_000}})),
    "metadata that is no table of texts": (
        "layout",
        makers.with_header({"__metadata__": {"a": 1}}),
    ),
    "a file of four bytes": ("layout", b"1234"),
    "an empty file": ("layout", b""),
    "a header longer than the file": ("layout", TENSORS[:100]),
    "a cut file": ("layout", TENSORS[:-1]),
    "trailing bytes": ("layout", TENSORS + b"\0"),
    "an overlap": ("layout", entry(PREFIX + "classifier.bias", data_offsets=[0, 12])),
    "offsets that run backwards": ("layout", entry(WEIGHT, data_offsets=[12, 0])),
    "negative offsets": ("layout", entry(WEIGHT, data_offsets=[-4, 4])),
    "an offset of true": ("layout", entry(WEIGHT, data_offsets=[False, True])),
    "a length of another shape": ("layout", entry(WEIGHT, dtype="F16")),
    "a field that tensors do not have": ("layout", entry(WEIGHT, byteorder="big")),
    "nine dimensions": ("layout", entry(WEIGHT, shape=[1] * 9)),
    "a tensor name given twice": ("json", makers.with_header(b'{"a": {}, "a": {}}')),
    "a header that is a list": ("json", makers.with_header(b"[]")),
    "a header that is not UTF-8": ("json", makers.with_header(b'{"\xff": 1}')),
    "200000 open brackets": ("json", makers.with_header(b"[" * 200_000)),
    "a number of 200000 digits": ("json", makers.with_header(b'{"a": ' + b"9" * 200_000 + b"}")),
    "100000 escaped quotes": ("json", makers.with_header(b'{"' + b'\\"' * 100_000)),
}

PATTERNS = ("exclude_modules", "layers_pattern")
HOSTILE_FIELDS = {
    "another peft type": ("peft_type", {"peft_type": "XLORA"}),
    "no peft type": ("peft_type", {"peft_type": None}),
    "an unknown field": ("config_field", {"surprise": None}),
    "a regex in exclude_modules": ("config_field", {"exclude_modules": "(a+)+$"}),
    "a regex in layers_pattern": ("config_field", {"layers_pattern": "(a+)+$"}),
    "a regex in rank_pattern": ("config_field", {"rank_pattern": {"(a+)+$": 4}}),
    "a regex in alpha_pattern": ("config_field", {"alpha_pattern": {"(a+)+$": 4}}),
    "a regex in modules_to_save": ("config_field", {"modules_to_save": "(a+)+$"}),
    "a regex in target_modules": ("targets", {"target_modules": "(a+)+$"}),
    "layers that are doubled": ("config_field", {"layer_replication": [[0, 6], [0, 6]]}),
    "weights set at load: pissa": ("config_field", {"init_lora_weights": "pissa"}),
    "weights set at load: olora": ("config_field", {"init_lora_weights": "olora"}),
    "weights set at load: loftq": ("config_field", {"init_lora_weights": "loftq"}),
    "weights set at load: eva": ("config_field", {"init_lora_weights": "eva"}),
    "DoRA": ("config_field", {"use_dora": True}),
    "QALoRA": ("config_field", {"use_qalora": True}),
    "aLoRA": ("config_field", {"alora_invocation_tokens": [1, 2]}),
    "KaSA": ("config_field", {"kasa_config": {}}),
    "trainable tokens": ("config_field", {"trainable_token_indices": [1]}),
    "target parameters": ("config_field", {"target_parameters": ["weight"]}),
    "trained biases": ("config_field", {"bias": "all"}),
    "LoRA biases": ("config_field", {"lora_bias": True}),
    "megatron": ("config_field", {"megatron_config": {"a": 1}}),
    "a module to import": ("config_field", {"megatron_core": "os"}),
    "a class to import": ("config_field", {"auto_mapping": {"parent_library": "os"}}),
    "a runtime config": ("config_field", {"runtime_config": {"ephemeral_gpu_offload": True}}),
    "1 for false": ("config_field", {"fan_in_fan_out": 0}),
    "rslora as a number": ("config_field", {"use_rslora": 1}),
    "no head saved": ("config_field", {"modules_to_save": None}),
    "another module saved": ("config_field", {"modules_to_save": ["classifier", "embeddings"]}),
    "a saved module that is a table": ("config_field", {"modules_to_save": [{}]}),
    "a huge rank": ("rank", {"r": 10**9}),
    "rank 0": ("rank", {"r": 0}),
    "rank true": ("rank", {"r": True}),
    "rank 2.0": ("rank", {"r": 2.0}),
    "no rank": ("rank", {"r": None}),
    "alpha 0": ("alpha", {"lora_alpha": 0}),
    "a negative alpha": ("alpha", {"lora_alpha": -1}),
    "a huge alpha": ("alpha", {"lora_alpha": 1e9}),
    "alpha as text": ("alpha", {"lora_alpha": "4"}),
    "alpha true": ("alpha", {"lora_alpha": True}),
    "all-linear": ("targets", {"target_modules": "all-linear"}),
    "no targets": ("targets", {"target_modules": []}),
    "a target twice": ("targets", {"target_modules": ["value", "value"]}),
    "a target that is a number": ("targets", {"target_modules": [1]}),
    "a target outside the task": ("targets", {"target_modules": ["value", "word_embeddings"]}),
    "a target that is half a name": ("targets", {"target_modules": ["value", "alue"]}),
    "another base's targets": ("wrong_base", {"target_modules": ["q_proj", "v_proj"]}),
}

HOSTILE_CONFIGS = {
    "not JSON": ("json", b"pickle"),
    "not UTF-8": ("json", b'{"peft_type": "\xff"}'),
    "a byte order mark": ("json", b"\xef\xbb\xbf" + CONFIG),
    "a list": ("json", b"[]"),
    "a name given twice": ("json", CONFIG[:-1] + b', "r": 2}'),
    "NaN": ("json", b'{"lora_alpha": NaN}'),
    "Infinity": ("json", b'{"lora_alpha": -Infinity}'),
    "an alpha beyond all numbers": (
        "alpha",
        CONFIG.replace(b'"lora_alpha": 4', b'"lora_alpha": 1e999'),
    ),
    "nesting of 9": ("json", nested(8)),
    "nesting of 30000": ("json", nested(30_000)),
    "a lone surrogate": ("config_field", CONFIG[:-1] + b', "\\ud800": 2}'),
    "an empty file": ("json", b""),
    "65 KiB": ("file_size", CONFIG + b" " * 65_536),
}


def verdict(config, tensors):
    started = time.perf_counter()
    with pytest.raises(AdapterRefused) as refused:
        admit(config, tensors, TASK)
    assert time.perf_counter() - started < MOST_SECONDS
    document = refused.value.as_dict()
    assert document["message"].isascii()
    assert document["next"]
    assert len(json.dumps(document)) < 2000
    return document["code"]


@pytest.mark.parametrize("name", HOSTILE_TENSORS)
def test_hostile_tensors_are_refused_by_code(name):
    code, raw = HOSTILE_TENSORS[name]
    assert verdict(CONFIG, raw) == f"adapter.{code}"


@pytest.mark.parametrize("name", HOSTILE_FIELDS)
def test_hostile_config_fields_are_refused_by_code(name):
    code, fields = HOSTILE_FIELDS[name]
    assert verdict(makers.adapter(**fields)[0], TENSORS) == f"adapter.{code}"


@pytest.mark.parametrize("name", HOSTILE_CONFIGS)
def test_hostile_configs_are_refused_by_code(name):
    code, raw = HOSTILE_CONFIGS[name]
    assert verdict(raw, TENSORS) == f"adapter.{code}"


def test_an_adapter_over_its_size_is_refused_before_it_is_read():
    assert verdict(CONFIG, b"\0" * 3_000_001) == "adapter.file_size"


def test_the_first_failure_in_the_order_of_the_intake_is_the_verdict():
    assert verdict(b"[]", b"1234") == "adapter.json"
    assert verdict(makers.adapter(r=99, peft_type="X")[0], b"1234") == "adapter.peft_type"
    assert verdict(CONFIG, b"1234") == "adapter.layout"


# --- folders --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "adapter_config.json").write_bytes(CONFIG)
    (tmp_path / "adapter_model.safetensors").write_bytes(TENSORS)
    (tmp_path / "README.md").write_text("dropped")
    return tmp_path


def folder_verdict(folder):
    with pytest.raises(AdapterRefused) as refused:
        admit_folder(folder, TASK)
    return refused.value.code


def test_a_folder_as_peft_leaves_it_is_admitted_and_its_readme_dropped(folder):
    assert admit_folder(folder, TASK) == admit(CONFIG, TENSORS, TASK)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert folder_verdict(folder) == "adapter.file_missing"


@pytest.mark.parametrize("name", ["adapter_model.bin", "optimizer.pt", ".hidden", "config.json"])
def test_a_file_that_an_adapter_does_not_have_is_refused(folder, name):
    (folder / name).write_bytes(b"")
    assert folder_verdict(folder) == "adapter.file_unknown"


def test_a_folder_in_the_folder_is_refused(folder):
    (folder / "checkpoint-20").mkdir()
    assert folder_verdict(folder) == "adapter.file_unknown"


def test_a_missing_folder_and_a_file_in_its_place_are_named(folder):
    assert folder_verdict(folder / "nowhere") == "adapter.file_missing"
    assert folder_verdict(folder / "README.md") == "adapter.file_kind"


def replaced_by_symlink(file):
    file.symlink_to("/etc/passwd")


def replaced_by_hard_link(file):
    (file.parent / "README.md").unlink()
    (file.parent.parent / "other").write_bytes(CONFIG)
    os.link(file.parent.parent / "other", file)


@pytest.mark.parametrize(
    "replace", [replaced_by_symlink, replaced_by_hard_link, os.mkfifo, os.mkdir]
)
def test_what_is_not_a_plain_file_of_one_name_is_refused_without_waiting(folder, replace):
    inner = folder / "adapter"
    inner.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors", "README.md"):
        (folder / name).rename(inner / name)
    (inner / "adapter_config.json").unlink()
    replace(inner / "adapter_config.json")
    assert folder_verdict(inner) == "adapter.file_kind"


def test_a_file_over_its_limit_is_refused_by_its_size(folder):
    (folder / "adapter_model.safetensors").write_bytes(b"\0" * 3_000_001)
    assert folder_verdict(folder) == "adapter.file_size"


# --- laws -----------------------------------------------------------------------------------------


def judged(config, tensors):
    """Admitted, or refused by code: anything else escapes and fails the law."""
    with suppress(AdapterRefused):
        return admit(config, tensors, TASK)
    return None


flips = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8)


def flipped(raw, changes):
    spoiled = bytearray(raw)
    for place, value in changes:
        spoiled[place % len(raw)] = value
    return bytes(spoiled)


@settings(max_examples=150, deadline=None)
@given(flips, flips)
def test_no_changed_bytes_crash_the_intake(in_config, in_tensors):
    judged(flipped(CONFIG, in_config), TENSORS)
    found = judged(CONFIG, flipped(TENSORS, in_tensors))
    assert found is None or isinstance(found, Admitted)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_at_all_crash_the_intake(first, second):
    judged(first, TENSORS)
    judged(CONFIG, second)
    judged(CONFIG, makers.with_header(first, second))


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(makers.config())), anything)
def test_no_value_of_a_config_field_crashes_the_intake(name, value):
    judged(json.dumps(makers.config() | {name: value}).encode(), TENSORS)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(makers.tensors())),
    st.sampled_from(["dtype", "shape", "data_offsets"]),
    anything,
)
def test_no_value_of_a_header_field_crashes_the_intake(name, field, value):
    judged(CONFIG, entry(name, **{field: value}))
