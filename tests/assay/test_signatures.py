"""Ed25519 at its edges: what verifies here verifies in OpenSSL too, and never for many messages."""

from hashlib import sha512

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from assay import keys
from tests.assay.curve import BASE, ORDER, SMALL_ORDER_Y, P, add, encoded, times, torsion

SECRET = 12345678901234567


def signed(message, *, r_twist=0, key_twist=0, r=987654321):
    """(public, signature) whose R, and whose key, are off by multiples of a point of order 8."""
    public = encoded(add(times(BASE, SECRET), torsion(key_twist)))
    big_r = encoded(add(times(BASE, r), torsion(r_twist)))
    challenge = int.from_bytes(sha512(big_r + public + message).digest(), "little") % ORDER
    return public, big_r + ((r + challenge * SECRET) % ORDER).to_bytes(32, "little")


def openssl_verifies(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("y", sorted(SMALL_ORDER_Y))
def test_a_key_of_small_order_verifies_nothing(y):
    public = y.to_bytes(32, "little")
    for sign in (public, bytes([*public[:31], public[31] | 0x80])):
        assert not keys.verifies(sign, bytes([1, *bytes(63)]), b"anything")


@given(message=st.binary(max_size=50))
def test_a_signature_verifies_for_its_words_only(message):
    key = keys.new_key()
    public = key.public_key().public_bytes_raw()
    assert keys.verifies(public, key.sign(message), message)
    assert not keys.verifies(public, key.sign(message), message + b"!")


@given(message=st.binary(max_size=50))
def test_the_plain_signature_of_these_formulas_verifies(message):
    """Guards the tests below: their arithmetic makes real signatures when nothing is twisted."""
    assert keys.verifies(*signed(message), message)


@given(message=st.binary(max_size=50), twist=st.integers(1, 7))
def test_a_point_that_is_off_by_a_small_order_is_refused(message, twist):
    """Guards the one meaning: an equation with a cofactor would take it, and OpenSSL does not."""
    public, signature = signed(message, r_twist=twist)
    assert not keys.verifies(public, signature, message)


def test_a_point_of_small_order_is_refused_though_openssl_takes_it():
    """Guards against the one change of library that could ever have let more in, not less."""
    public, signature = signed(b"m", r=0)
    assert openssl_verifies(public, signature, b"m")
    assert not keys.verifies(public, signature, b"m")


@given(
    message=st.binary(max_size=20),
    r=st.integers(0, 3),
    r_twist=st.integers(0, 7),
    key_twist=st.integers(0, 7),
)
def test_whatever_verifies_here_verifies_in_openssl(message, r, r_twist, key_twist):
    told = signed(message, r=r, r_twist=r_twist, key_twist=key_twist)
    if keys.verifies(*told, message):
        assert openssl_verifies(*told, message)


@given(message=st.binary(max_size=20), bit=st.integers(0, 767))
def test_one_other_bit_anywhere_is_no_signature(message, bit):
    public, signature = signed(message)
    raw = bytearray(public + signature)
    raw[bit // 8] ^= 1 << bit % 8
    assert not keys.verifies(bytes(raw[:32]), bytes(raw[32:]), message)


def test_a_number_that_is_not_reduced_is_refused():
    public, signature = signed(b"m")
    again = int.from_bytes(signature[32:], "little") + ORDER
    assert not keys.verifies(public, signature[:32] + again.to_bytes(32, "little"), b"m")


@pytest.mark.parametrize("lengths", [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_other_lengths_verify_nothing(lengths):
    public, signature = signed(b"m")
    key, proof = lengths
    assert not keys.verifies((public + b"\0")[:key], (signature + b"\0")[:proof], b"m")


def test_a_key_in_another_spelling_is_refused():
    """y + p names the same point as y; only one of the two may."""
    assert not keys.verifies((P + 3).to_bytes(32, "little"), bytes(64), b"m")
