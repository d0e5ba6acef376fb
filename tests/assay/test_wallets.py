"""Signatures of foreign wallets: checked as the public implementation does, and then some."""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from assay import items, keccak, keys, wallets
from tests.assay import foreign
from tests.assay.curve import P

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
# y of a point of order 8 and of one of order 4, as an attacker would write them in an item
SMALL = [
    bytes([1]) + bytes(31),
    bytes(32),
    bytes(31) + b"\x80",
    (P - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]


def test_keccak_is_ethereums_and_not_sha3():
    """Known answers: of nothing, and of EIP-191's "hello" as every wallet signs it."""
    nothing = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak.keccak256(b"").hex() == nothing
    hello = "50b2c43fd39106bafbba0da34fc430e1f91e3c96ea2acee2bc34119f92b37750"
    assert wallets.personal_hash(b"hello").hex() == hello


@given(st.binary(max_size=3 * keccak.RATE_BYTES))
def test_with_the_ending_of_sha3_our_sponge_is_hashlibs(message):
    ours = keccak.keccak256(message, ending=keccak.SHA3)
    assert ours == hashlib.sha3_256(message).digest()


@pytest.mark.parametrize("wallet", [foreign.rsa_wallet, foreign.ethereum_wallet])
def test_a_wallets_item_is_read_strictly_and_one_changed_bit_is_refused(wallet):
    item = foreign.signed(wallet(), [("Kind", "a")])
    raw = bytearray(item.encode())
    assert items.read_strict(bytes(raw)).signer == wallet().name
    for place in (5, 2 + len(item.signature) + 9, len(raw) - 1):
        raw[place] ^= 1
        with pytest.raises(items.BadItem):
            items.read_strict(bytes(raw))
        raw[place] ^= 1


@given(message=st.binary(max_size=80), secret=st.integers(1, CURVE_ORDER - 1))
def test_whatever_a_wallet_signs_verifies_and_only_under_its_key(message, secret):
    wallet = foreign.ethereum_wallet(secret.to_bytes(32, "big"))
    signature = wallet.sign(message)
    assert wallets.ethereum_verifies(wallet.owner, signature, message)
    assert wallets.ethereum_is_plain(wallet.owner, signature, message)
    other = foreign.ethereum_wallet(b"\x12" * 32)
    assert not wallets.ethereum_verifies(other.owner, signature, message)


def test_an_order_cannot_be_given_a_second_id_by_writing_its_signature_in_another_way():
    """Guards is_plainly_signed: v is covered by no signature, and s has a twin."""
    item = foreign.signed(foreign.ethereum_wallet(), [("Kind", "a")])
    r, s, v = item.signature[:32], int.from_bytes(item.signature[32:64], "big"), item.signature[64]
    twin = r + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    others = [twin, *(item.signature[:64] + bytes([one]) for one in range(256) if one != v)]
    for signature in others:
        with pytest.raises(items.BadItem):
            items.read_strict(replace(item, signature=signature).encode())
    assert items.read_strict(item.encode()).id == item.id


@pytest.mark.parametrize("owner", [bytes(65), b"\x04" + bytes(64), b"\x04" * 65])
def test_an_owner_that_is_no_point_of_the_curve_verifies_nothing(owner):
    wallet = foreign.ethereum_wallet()
    assert not wallets.ethereum_verifies(owner, wallet.sign(b"x"), b"x")
    assert not wallets.ethereum_is_plain(owner, wallet.sign(b"x"), b"x")


@pytest.mark.parametrize("signature", [bytes(65), b"\xff" * 65, bytes(64) + b"\x1b"])
def test_a_signature_that_is_none_verifies_nothing(signature):
    wallet = foreign.ethereum_wallet()
    assert not wallets.ethereum_verifies(wallet.owner, signature, b"x")
    assert not wallets.ethereum_is_plain(wallet.owner, signature, b"x")


@pytest.mark.parametrize("number", [0, 1, 2, 3, 2**4095])
def test_a_modulus_that_is_no_key_verifies_nothing_and_breaks_nothing(number):
    assert not wallets.rsa_verifies(number.to_bytes(512, "big"), bytes(512), b"x")


@pytest.mark.parametrize("pad", [bytes.rjust, bytes.ljust])
def test_a_short_rsa_key_in_a_long_field_verifies_nothing(pad):
    item = foreign.signed(foreign.rsa_wallet(2048), [("Kind", "a")])
    padded = replace(item, signature=pad(item.signature, 512, b"\0"))
    with pytest.raises(items.BadItem) as refused:
        items.read_strict(padded.encode())
    assert refused.value.facts["reason"] == "signature"


@pytest.mark.parametrize("owner", SMALL)
@pytest.mark.parametrize("sign_bit", [0, 0x80])
def test_an_ed25519_key_of_small_order_signs_nothing(owner, sign_bit):
    owner = owner[:31] + bytes([owner[31] ^ sign_bit])
    signature = b"\x01" + bytes(63)
    assert not any(keys.verifies(owner, signature, bytes([one])) for one in range(16))
    item = items.Item(items.ED25519, owner, ((b"Kind", b"a"),), b"x", signature=signature)
    with pytest.raises(items.BadItem):
        items.read_strict(item.encode())


def test_a_key_of_another_type_does_not_verify_by_its_size_alone():
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    owner = key.public_key().public_bytes_raw()
    assert items.verifies(items.ED25519, owner, key.sign(b"x"), b"x")
    assert not items.verifies(items.ETHEREUM, owner, key.sign(b"x"), b"x")
    assert not items.verifies(items.RSA, owner, key.sign(b"x"), b"x")
