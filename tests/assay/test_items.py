"""ANS-104 items against vectors of another implementation, and laws of our own."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from assay import avro, items

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "ans104.json").read_text())
CASES = {case["name"]: case for case in VECTORS["items"]}
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
tags = st.lists(
    st.tuples(st.text("abcK-", min_size=1), st.text(min_size=1, max_size=40)), max_size=9
)


def raw_of(case):
    text = case["item"]
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def names(expected):
    return [name for name, case in CASES.items() if case["expect"] == expected]


@pytest.mark.parametrize("name", names("valid"))
def test_an_item_of_the_vectors_is_read_and_written_byte_for_byte(name):
    case = CASES[name]
    item = items.Item.decode(raw_of(case))
    assert item.encode() == raw_of(case)
    assert item.id == case["id"]
    assert [[key.decode(), value.decode()] for key, value in item.tags] == case["tags"]
    assert item.data.hex() == case["data_hex"]


@pytest.mark.parametrize("name", names("valid"))
def test_an_item_of_the_vectors_verifies_whatever_its_signer(name):
    assert items.Item.decode(raw_of(CASES[name])).is_signed()


@pytest.mark.parametrize("name", names("bad_signature"))
def test_an_item_whose_signature_is_wrong_is_refused(name):
    assert not items.Item.decode(raw_of(CASES[name])).is_signed()


@pytest.mark.parametrize(
    "name", [n for n, c in CASES.items() if c["expect"] not in ("valid", "bad_signature")]
)
def test_an_item_that_is_malformed_is_refused_with_its_reason(name):
    with pytest.raises(items.BadItem) as refused:
        items.Item.decode(raw_of(CASES[name]))
    assert refused.value.facts["reason"] == CASES[name]["expect"]


@pytest.mark.parametrize("case", [case for case in VECTORS["deep_hash"] if "input_hex" in case])
def test_the_deep_hash_of_the_vectors(case):
    node = case["input_hex"]

    def read(one):
        return bytes.fromhex(one) if isinstance(one, str) else [read(child) for child in one]

    assert items.deep_hash(read(node)).hex() == case["sha384"]


def test_the_bundle_of_the_vectors_holds_its_members():
    case = VECTORS["bundles"][0]
    raw = urlsafe_b64decode(case["bundle"] + "=" * (-len(case["bundle"]) % 4))
    members = items.unbundle(raw)
    assert [item.id for item in members] == case["ids"]
    assert items.bundle(members) == raw


@given(tags=tags, data=st.binary(max_size=200), anchor=st.binary(min_size=32, max_size=32))
def test_what_is_made_is_read_again_and_verifies(tags, data, anchor):
    item = items.make(KEY, tags, data, anchor=anchor)
    again = items.Item.decode(item.encode())
    assert again.is_signed()
    assert (again.id, again.data, again.anchor, again.tags) == (item.id, data, anchor, item.tags)


@given(data=st.binary(min_size=1, max_size=60), place=st.integers(0), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_noticed(data, place, bit):
    raw = bytearray(items.make(KEY, [("Kind", "a.b")], data, anchor=bytes(32)).encode())
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(items.BadItem):
        items.read_strict(bytes(raw))


@given(raw=st.binary(max_size=300))
def test_random_bytes_are_refused_and_never_crash_the_reader(raw):
    with pytest.raises(items.BadItem):
        items.read_strict(raw)


@given(number=st.integers(-(2**62), 2**62))
def test_avro_longs_come_back(number):
    raw = avro.write_long(number)
    assert avro.read_long(raw, 0) == (number, len(raw))


def test_a_tag_that_comes_twice_is_refused():
    raw = items.make(KEY, [("Kind", "a"), ("Kind", "b")], b"", anchor=bytes(32)).encode()
    with pytest.raises(items.BadItem) as refused:
        items.read_strict(raw)
    assert refused.value.facts["reason"] == "tag_twice"
