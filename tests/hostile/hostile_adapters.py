"""Hostile and malformed adapters: name -> (code, config, tensors file). Nothing here is executed.

The tables follow the threat table of docs/evaluator.md. `ALL` is all of them as two files each.
"""

import json
import pickle
import struct
from dataclasses import dataclass

import numpy as np

from tests.evaluator import makers
from tests.hostile.hostile_configs import CONFIG, IN_CONFIG, IN_FIELDS

PREFIX = "base_model.model."
VALUE_5 = PREFIX + "bert.encoder.layer.5.attention.self.value"
WEIGHT, BIAS = PREFIX + "classifier.weight", PREFIX + "classifier.bias"
TENSORS = makers.adapter()[1]
EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


@dataclass(frozen=True)
class Case:
    """One adapter and the code that must refuse it."""

    code: str
    config: bytes
    tensors: bytes


def changed(name, array):
    return makers.safetensors(makers.tensors() | {name: array})


def without(name):
    return makers.safetensors({key: one for key, one in makers.tensors().items() if key != name})


def renamed(old, new):
    return makers.safetensors(
        {name.replace(old, new): one for name, one in makers.tensors().items()}
    )


def beside(name, **fields):
    """The honest file and one more entry, of nothing."""
    return makers.safetensors(makers.tensors(), **{name: EMPTY | fields})


def filled(value, name=WEIGHT, dtype="F32"):
    arrays = makers.tensors()
    arrays[name] = arrays[name].copy()
    arrays[name].reshape(-1)[-1] = value
    return makers.safetensors(arrays, dtype)


def with_bits(bits):
    """The honest file, its last float32 replaced by these bits."""
    return TENSORS[:-4] + struct.pack("<I", bits)


def split(raw=TENSORS):
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def entry(name, **fields):
    """The honest file with some fields of one header entry replaced."""
    header, values = split()
    header[name] |= fields
    return makers.with_header(header, values)


def respelt(old, new):
    """The honest file with a piece of its header's text replaced."""
    header, values = split()
    text = json.dumps(header).encode()
    assert old in text
    return makers.with_header(text.replace(old, new, 1), values)


def narrow():
    """An adapter of a base of width 768."""
    found = {}
    for name, array in makers.tensors().items():
        shape = tuple(768 if size == 384 else size for size in array.shape)
        found[name] = makers.pseudo(name, shape)
    return makers.safetensors(found)


def with_a_gap():
    """Four bytes between the first tensor and the second, which nobody describes."""
    header, values = split()
    gap_at = header[WEIGHT]["data_offsets"][1]
    for name, described in header.items():
        if name != WEIGHT:
            described["data_offsets"] = [place + 4 for place in described["data_offsets"]]
    return makers.with_header(header, values[:gap_at] + bytes(4) + values[gap_at:])


def many(count):
    return makers.with_header({f"{n}": EMPTY for n in range(count)})


OTHER_LORA = makers.safetensors(
    {
        PREFIX + "model.layers.0.self_attn.q_proj.lora_A.weight": makers.pseudo("a", (2, 64)),
        PREFIX + "model.layers.0.self_attn.q_proj.lora_B.weight": makers.pseudo("b", (64, 2)),
    }
)
BASES_OWN = PREFIX + "bert.embeddings.word_embeddings.weight"
OTHER_PAIR = PREFIX + "bert.encoder.layer.0.output.dense.lora_A.weight"

IN_TENSORS = {
    "a tensor that would overwrite the base": ("key_unknown", changed(BASES_OWN, np.ones((4, 4)))),
    "the head of a language model": (
        "key_unknown",
        changed(PREFIX + "lm_head.weight", np.ones((4, 4))),
    ),
    "a head of another task": ("key_unknown", changed(PREFIX + "score.weight", np.ones((2, 2)))),
    "a LoRA pair outside the config": ("key_unknown", changed(OTHER_PAIR, np.ones((2, 1536)))),
    "a DoRA magnitude": (
        "key_unknown",
        changed(VALUE_5 + ".lora_magnitude_vector.weight", np.ones(384)),
    ),
    "a LoRA of an embedding": ("key_unknown", beside(VALUE_5 + ".lora_embedding_A")),
    "a LoRA bias": ("key_unknown", beside(VALUE_5 + ".lora_B.bias")),
    "an empty extra tensor": ("key_unknown", beside("")),
    "a name that is half a character": ("key_unknown", beside("\ud800")),
    "a name that runs backwards": ("key_unknown", beside("\u202egnp.thgiew")),
    "a name of 200 kB": ("key_unknown", beside("x" * 200_000)),
    "a name of 100000 dots": ("key_unknown", beside("." * 100_000 + "lora_A")),
    "a name with a line break and a colour": ("key_unknown", beside("\r\n\x1b[31m")),
    "misspelt names": ("key_missing", renamed("lora_A", "lora_a")),
    "all names misspelt": ("key_missing", renamed(".lora_", ".lora_default_")),
    "names without peft's prefix": ("key_missing", renamed(PREFIX, "")),
    "names with the adapter's name in them": ("key_missing", renamed(".weight", ".default.weight")),
    "no head": ("key_missing", without(WEIGHT)),
    "A without B": ("key_missing", without(VALUE_5 + ".lora_B.weight")),
    "a module twice, once with less in front": (
        "key_unknown",
        changed(VALUE_5.replace("bert.", "") + ".lora_A.weight", np.ones((2, 384))),
    ),
    "the same module of a part for pictures": (
        "key_missing",
        renamed("bert.encoder", "vision_tower.encoder"),
    ),
    "too much in front": ("wrong_base", renamed("bert.", "a.b.c.d.e.")),
    "nothing at all": ("key_missing", makers.with_header({})),
    "4096 tensors that nobody asked for": ("key_missing", many(4096)),
    "NaN": ("value_not_finite", filled(np.nan)),
    "an infinity": ("value_not_finite", filled(-np.inf)),
    "a signalling NaN": ("value_not_finite", with_bits(0x7F800001)),
    "a negative NaN with a payload": ("value_not_finite", with_bits(0xFFFFABCD)),
    "NaN in half precision": ("value_not_finite", filled(np.nan, BIAS, "F16")),
    "an infinity in half precision": ("value_not_finite", filled(np.inf, BIAS, "F16")),
    "NaN in bfloat16": ("value_not_finite", filled(np.nan, BIAS, "BF16")),
    "NaN and a huge value": (
        "value_not_finite",
        changed(WEIGHT, np.full((3, 384), np.nan) * np.eye(3, 384) + 2000),
    ),
    "a huge value": ("value_too_large", filled(1001.0)),
    "a huge negative value": ("value_too_large", filled(-1e38)),
    "the next float above the limit": (
        "value_too_large",
        filled(np.nextafter(1000, 1001, dtype="f4")),
    ),
    "a huge value in half precision": ("value_too_large", filled(60000.0, BIAS, "F16")),
    "float64": ("dtype", makers.safetensors(makers.tensors(), "F64")),
    "integers": ("dtype", makers.safetensors(makers.tensors(), "I8")),
    "float8 e4m3": ("dtype", entry(WEIGHT, dtype="F8_E4M3")),
    "float8 e5m2": ("dtype", entry(WEIGHT, dtype="F8_E5M2")),
    "truth values": ("dtype", entry(WEIGHT, dtype="BOOL")),
    "complex numbers": ("dtype", entry(WEIGHT, dtype="C64")),
    "a type in small letters": ("dtype", entry(WEIGHT, dtype="f32")),
    "a type nobody knows": ("dtype", entry(WEIGHT, dtype="X" * 1000)),
    "another shape": ("shape", changed(WEIGHT, makers.pseudo("w", (384, 3)))),
    "another rank than r": ("shape", makers.safetensors(makers.tensors(rank=4))),
    "one tensor of another width": (
        "shape",
        changed(VALUE_5 + ".lora_A.weight", makers.pseudo("w", (2, 768))),
    ),
    "an empty tensor": ("shape", changed(VALUE_5 + ".lora_A.weight", np.ones((0, 384)))),
    "one dimension": ("shape", entry(WEIGHT, shape=[3 * 384])),
    "one dimension too many": ("shape", entry(WEIGHT, shape=[1, 3, 384])),
    "no dimension": ("shape", entry(WEIGHT, shape=[])),
    "a shape of 2^62": ("shape", entry(WEIGHT, shape=[0, 2**62])),
    "a shape that overflows": ("shape", entry(WEIGHT, shape=[2**32, 2**32])),
    "a size of 4000 digits": ("shape", entry(WEIGHT, shape=[10**4000, 1])),
    "another base's widths": ("wrong_base", narrow()),
    "another base's names": ("wrong_base", OTHER_LORA),
    "a header of 300 KiB": ("header_size", makers.with_header(b" " * 300_000)),
    "a header length of 2^63": ("header_size", b"\xff" * 8 + TENSORS[8:]),
    "a header one byte over the limit": (
        "header_size",
        makers.with_header(b"{}" + b" " * (256 * 1024 - 1)),
    ),
    "4097 tensors": ("header_size", many(4097)),
    "metadata of 20 kB": ("header_size", makers.with_header({"__metadata__": {"a": "b" * 20_000}})),
    "metadata of 18000 names": (
        "header_size",
        makers.with_header({"__metadata__": {str(n): "" for n in range(18_000)}}),
    ),
    "metadata that is no table of texts": ("layout", beside("__metadata__")),
    "metadata that is a list": ("layout", makers.safetensors(makers.tensors(), __metadata__=[])),
    "a file of four bytes": ("layout", b"1234"),
    "an empty file": ("layout", b""),
    "a header longer than the file": ("layout", TENSORS[:100]),
    "a cut file": ("layout", TENSORS[:-1]),
    "trailing bytes": ("layout", TENSORS + b"\0"),
    "a gap": ("layout", with_a_gap()),
    "an overlap": ("layout", entry(BIAS, data_offsets=[0, 12])),
    "two tensors in one place": (
        "layout",
        entry(BIAS, data_offsets=split()[0][WEIGHT]["data_offsets"]),
    ),
    "offsets that run backwards": ("layout", entry(WEIGHT, data_offsets=[12, 0])),
    "negative offsets": ("layout", entry(WEIGHT, data_offsets=[-4, 4])),
    "an offset of true": ("layout", entry(WEIGHT, data_offsets=[False, True])),
    "an offset of 8.0": ("layout", entry(WEIGHT, data_offsets=[0, 4608.0])),
    "an offset of 2^64": ("layout", entry(WEIGHT, data_offsets=[0, 2**64])),
    "an offset that wraps around": ("layout", entry(WEIGHT, data_offsets=[2**64, 2**64 + 4608])),
    "an offset of 4000 digits": ("layout", entry(WEIGHT, data_offsets=[0, 10**4000])),
    "three offsets": ("layout", entry(WEIGHT, data_offsets=[0, 4608, 4608])),
    "a size of 3.0": ("layout", entry(WEIGHT, shape=[3.0, 384])),
    "a size of true": ("layout", entry(WEIGHT, shape=[True, 384])),
    "a size as text": ("layout", entry(WEIGHT, shape=["3", 384])),
    "a negative size": ("layout", entry(WEIGHT, shape=[-3, -384])),
    "a type that is null": ("layout", entry(WEIGHT, dtype=None)),
    "a length of another shape": ("layout", entry(WEIGHT, dtype="F16")),
    "a field that tensors do not have": ("layout", entry(WEIGHT, byteorder="big")),
    "an entry that is null": ("layout", makers.with_header({WEIGHT: None})),
    "nine dimensions": ("layout", entry(WEIGHT, shape=[1] * 9)),
    "130000 dimensions": (
        "layout",
        makers.with_header(
            b'{"a":{"dtype":"F32","data_offsets":[0,0],"shape":[' + b"1," * 130_000 + b"1]}}"
        ),
    ),
    "a pickle": ("layout", pickle.dumps({"weights": [1.0] * 64})),
    "a zip of torch.save": ("layout", b"PK\x03\x04" + b"\0" * 100),
    "a GGUF file": ("layout", b"GGUF\x03\0\0\0" + b"\0" * 100),
    "a Git LFS pointer": ("layout", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    "a web page": ("layout", b"<!DOCTYPE html><html></html>"),
    "an empty header": ("json", makers.with_header(b"")),
    "a header of zeros": ("json", b"\0" * 4096),
    "a header that begins with spaces": ("json", makers.with_header(b"  {}")),
    "a header with a second document": ("json", makers.with_header(b"{} {}")),
    "a header that ends in zeros": ("json", makers.with_header(b"{}\0\0")),
    "a tensor name given twice": ("json", makers.with_header(b'{"a": {}, "a": {}}')),
    "a tensor name given twice, once escaped": (
        "json",
        makers.with_header(b'{"a": {}, "\\u0061": {}}'),
    ),
    "a field of a tensor given twice": ("json", respelt(b'"dtype"', b'"dtype": "F16", "dtype"')),
    "27000 names, some twice": (
        "json",
        makers.with_header(
            b"{" + b",".join(b'"%x":1' % (n % 27_000) for n in range(28_000)) + b"}"
        ),
    ),
    "NaN in a header": ("json", respelt(b"[3, 384]", b"[3, NaN]")),
    "digits that are not ASCII": ("json", respelt(b"[3, 384]", "[３, ٣٨٤]".encode())),  # noqa: RUF001
    "a size with a leading zero": ("json", respelt(b"[3, 384]", b"[03, 384]")),
    "a size with a plus": ("json", respelt(b"[3, 384]", b"[+3, 384]")),
    "a header that is a list": ("json", makers.with_header(b"[]")),
    "a header that is not UTF-8": ("json", makers.with_header(b'{"\xff": 1}')),
    "200000 open brackets": ("json", makers.with_header(b"[" * 200_000)),
    "nesting of 9 in a header": ("json", makers.with_header(b'{"a":' + b"[" * 8 + b"]" * 8 + b"}")),
    "87000 empty tables": ("json", makers.with_header(b'{"a":[' + b"{}," * 87_000 + b"{}]}")),
    "87000 empty texts": ("layout", makers.with_header(b'{"a":[' + b'"",' * 87_000 + b'""]}')),
    "a number of 200000 digits": ("json", makers.with_header(b'{"a": ' + b"9" * 200_000 + b"}")),
    "a fraction of 200000 digits": (
        "layout",
        makers.with_header(b'{"a": 0.' + b"9" * 200_000 + b"}"),
    ),
    "60 numbers of 4300 digits": (
        "layout",
        makers.with_header(b'{"a": [' + (b"9" * 4299 + b",") * 60 + b"1]}"),
    ),
    "100000 escaped quotes": ("json", makers.with_header(b'{"' + b'\\"' * 100_000)),
}

ALL: dict[str, Case] = (
    {name: Case(code, CONFIG, raw) for name, (code, raw) in IN_TENSORS.items()}
    | {
        name: Case(code, json.dumps(makers.config(**fields)).encode(), TENSORS)
        for name, (code, fields) in IN_FIELDS.items()
    }
    | {name: Case(code, raw, TENSORS) for name, (code, raw) in IN_CONFIG.items()}
    | {"a tensors file over its limit": Case("file_size", CONFIG, b"\0" * 3_000_001)}
)
assert len(ALL) == len(IN_TENSORS) + len(IN_FIELDS) + len(IN_CONFIG) + 1, "a name stands twice"
