"""The Merkle tree, notes and proof files against published vectors, and laws of our own."""

import json
from hashlib import sha256
from pathlib import Path
from time import process_time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from assay import merkle, notes

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tlog.json").read_text())
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
sizes = st.integers(1, 130)


def cases(group):
    return pytest.mark.parametrize("case", VECTORS[group], ids=lambda case: case.get("name", ""))


def leaves_of(size):
    return [merkle.leaf_hash(f"entry {number}".encode()) for number in range(size)]


@cases("roots")
def test_the_root_of_the_vectors(case):
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in case["entries_hex"]]
    assert merkle.root(leaves).hex() == case["root_hex"]


@cases("consistency")
def test_the_consistency_proofs_of_the_vectors(case):
    roots = (bytes.fromhex(case["old_root_hex"]), bytes.fromhex(case["new_root_hex"]))
    proof = [bytes.fromhex(one) for one in case["proof_hex"]]
    found = merkle.is_consistent(case["old"], roots[0], case["new"], roots[1], proof)
    assert found is case["expect"]


@cases("notes")
def test_the_notes_of_the_vectors(case):
    if case["expect"] == "refused":
        with pytest.raises(notes.NoteInvalid):
            notes.open_note(case["note"], case["vkey"])
    else:
        assert notes.open_note(case["note"], case["vkey"]) == case["expect"]


@cases("proofs")
def test_the_proof_files_of_the_vectors(case):
    leaf = merkle.leaf_hash(bytes.fromhex(case["entry_hex"]))
    if case["expect"] == "refused":
        with pytest.raises(notes.NoteInvalid):
            notes.check_proof(case["proof"], case["vkey"], leaf)
    else:
        assert notes.check_proof(case["proof"], case["vkey"], leaf) == case["expect"]


@cases("tile_paths")
def test_the_addresses_of_tiles(case):
    assert merkle.tile_path(case["level"], case["index"], case["width"]) == case["path"]


@cases("tile_lists")
def test_the_tiles_that_a_tree_needs(case):
    paths = merkle.tile_paths(case["size"])
    assert len(paths) == case["count"]
    assert set(case["includes"]) <= set(paths)
    assert not set(case["excludes"]) & set(paths)
    text = "\n".join(sorted(paths))
    wanted = case["sha256_of_sorted_paths"]
    assert wanted in {sha256(one.encode()).hexdigest() for one in (text, text + "\n")}


@given(size=sizes, data=st.data())
def test_every_leaf_proves_its_place_and_no_other(size, data):
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    proof = merkle.inclusion(leaves, index)
    assert merkle.root_of_inclusion(leaves[index], index, size, proof) == merkle.root(leaves)
    if other != index:
        assert merkle.root_of_inclusion(leaves[other], index, size, proof) != merkle.root(leaves)


@given(new=sizes, data=st.data())
def test_every_older_tree_is_proven_to_be_a_prefix(new, data):
    old = data.draw(st.integers(1, new))
    leaves = leaves_of(new)
    proof = merkle.consistency(old, leaves)
    roots = merkle.root(leaves[:old]), merkle.root(leaves)
    assert merkle.is_consistent(old, roots[0], new, roots[1], proof)
    forged = merkle.root([*leaves[: old - 1], bytes(32)])
    assert not merkle.is_consistent(old, forged, new, roots[1], proof)


@given(size=st.integers(0, 300))
def test_a_checkpoint_is_read_as_it_was_signed(size):
    checkpoint = notes.Checkpoint("assay.example/log", size, merkle.root(leaves_of(size)))
    public = KEY.public_key().public_bytes_raw()
    vkey = notes.verifier_key(checkpoint.origin, notes.LOG_KEY, public)
    note = notes.sign_checkpoint(checkpoint, KEY)
    assert notes.read_checkpoint(note, vkey) == checkpoint
    with pytest.raises(notes.NoteInvalid):
        notes.read_checkpoint(note.replace(f"\n{size}\n", f"\n{size + 1}\n", 1), vkey)


def test_a_note_has_one_spelling():
    """Guards against a second text of one checkpoint: unused bits of base64, other line ends."""
    vkey = notes.verifier_key("log.example", notes.LOG_KEY, KEY.public_key().public_bytes_raw())
    note = notes.sign_checkpoint(notes.Checkpoint("log.example", 7, bytes(32)), KEY).encode()
    for place in range(len(note)):
        for bit in range(8):
            flipped = note[:place] + bytes([note[place] ^ 1 << bit]) + note[place + 1 :]
            with pytest.raises((notes.NoteInvalid, UnicodeDecodeError)):
                notes.read_checkpoint(flipped.decode(), vkey)


def test_a_receipt_at_70_000_entries_is_small_and_quickly_checked():
    """At most 1.5 KB with one witness, and about a millisecond: a slow machine may take ten."""
    size, index = 70_000, 43_210
    leaves = leaves_of(size)
    note = notes.sign_checkpoint(
        notes.Checkpoint("assay.example/log", size, merkle.root(leaves)), KEY
    )
    note += notes.cosign(note, "witness.example/assay", WITNESS, time_s=1_800_000_000)
    text = notes.write_proof(index, merkle.inclusion(leaves, index), note)
    assert len(text.encode()) <= 1500
    public, other = (one.public_key().public_bytes_raw() for one in (KEY, WITNESS))
    vkey = notes.verifier_key("assay.example/log", notes.LOG_KEY, public)
    witness = notes.verifier_key("witness.example/assay", notes.WITNESS_KEY, other)
    took_s = []
    for _ in range(20):
        began_s = process_time()
        assert notes.check_proof(text, vkey, leaves[index], witnesses=[witness]) == index
        took_s.append(process_time() - began_s)
    assert min(took_s) <= 0.010, took_s


def test_a_receipt_without_the_witness_that_is_asked_for_proves_nothing():
    leaves = leaves_of(9)
    note = notes.sign_checkpoint(notes.Checkpoint("log.example", 9, merkle.root(leaves)), KEY)
    vkey = notes.verifier_key("log.example", notes.LOG_KEY, KEY.public_key().public_bytes_raw())
    public = WITNESS.public_key().public_bytes_raw()
    witness = notes.verifier_key("w.example", notes.WITNESS_KEY, public)
    other = notes.cosign(f"{note}x\n\n", "w.example", WITNESS, time_s=1)
    for lines in ("", other):
        text = notes.write_proof(4, merkle.inclusion(leaves, 4), note + lines)
        with pytest.raises(notes.NoteInvalid):
            notes.check_proof(text, vkey, leaves[4], witnesses=[witness])
    good = notes.write_proof(
        4, merkle.inclusion(leaves, 4), note + notes.cosign(note, "w.example", WITNESS, time_s=1)
    )
    assert notes.check_proof(good, vkey, leaves[4], witnesses=[witness]) == 4
