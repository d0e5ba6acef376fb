"""A grant holds offline exactly when the operator signed every character of it, and in its time."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.keys import public_hex
from licensing.errors import GrantRefused
from licensing.rules.grant import Claims, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OPERATOR = public_hex(KEY)
CLAIMS = Claims(
    issuer="assay.example",
    holder="carol",
    grant="g" * 43,
    issued_ms=1_700_000_000_000,
    from_ms=1_700_000_000_000,
    until_ms=1_700_000_100_000,
    access_until_ms=0,
    udl="dE0rmDfl9_OWjkDznNEXHaSO_JohJkRolvMzaCroUdw",
    work="ab" * 32,
    terms_version=1,
    uses=("commercial", "copy"),
    conditions=("credit",),
    price_nano=2**62,
    message="m" * 43,
)
JWS = sign(CLAIMS, KEY)


def refusal(jws, now_ms=CLAIMS.from_ms, operator=OPERATOR):
    with pytest.raises(GrantRefused) as caught:
        verify(jws, operator, now_ms=now_ms)
    return caught.value.code


def forged(*, header=None, payload=None, key=KEY):
    parts = [json.loads(urlsafe_b64decode(part + "==")) for part in JWS.split(".")[:2]]
    parts[0] |= header or {}
    parts[1] |= payload or {}
    texts = [json.dumps(part, sort_keys=True, separators=(",", ":")).encode() for part in parts]
    signed = b".".join(urlsafe_b64encode(text).rstrip(b"=") for text in texts)
    return (signed + b"." + urlsafe_b64encode(key.sign(signed)).rstrip(b"=")).decode()


def test_a_grant_gives_its_claims_back():
    assert verify(JWS, OPERATOR, now_ms=CLAIMS.from_ms) == CLAIMS
    assert sign(CLAIMS, KEY) == JWS == forged()
    assert len(JWS) < 1000


def test_one_changed_character_anywhere_is_refused():
    for place, old in enumerate(JWS):
        new = "B" if old == "A" else "A"
        assert refusal(JWS[:place] + new + JWS[place + 1 :]).startswith("grant.")


def test_a_grant_holds_from_its_first_second_until_its_last():
    assert refusal(JWS, CLAIMS.from_ms - 1) == "grant.early"
    verify(JWS, OPERATOR, now_ms=CLAIMS.until_ms - 1)
    assert refusal(JWS, CLAIMS.until_ms) == "grant.expired"


def test_a_grant_without_an_end_holds_for_ever():
    endless = replace(CLAIMS, until_ms=0)
    assert verify(sign(endless, KEY), OPERATOR, now_ms=2**52) == endless


def test_another_algorithm_kind_or_key_is_refused_by_its_code():
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    assert refusal(forged(header={"alg": "none"})) == "grant.algorithm"
    assert refusal(forged(header={"alg": "ES256"})) == "grant.algorithm"
    assert refusal(forged(header={"alg": "eddsa"})) == "grant.algorithm"
    assert refusal(forged(header={"typ": "JWT"})) == "grant.type"
    assert refusal(forged(header={"kid": public_hex(other)})) == "grant.key"
    assert refusal(JWS, operator=public_hex(other)) == "grant.key"
    assert refusal(forged(key=other)) == "grant.signature"
    assert refusal(forged(header={"crit": ["exp"]})) == "grant.malformed"


def test_odd_claims_are_malformed_even_when_signed():
    for odd in ({"exp": "9"}, {"nbf": True}, {"extra": 1}, {"lic": "all"}, {"sub": 7}, {"iat": -1}):
        assert refusal(forged(payload=odd)) == "grant.malformed"


def test_text_that_is_no_grant_is_malformed():
    for odd in ("", "a.b.c", JWS + "\n", " " + JWS, JWS + "=", JWS.replace(".", ".."), "a" * 9000):
        assert refusal(odd) == "grant.malformed"
    deep = urlsafe_b64encode(b"[" * 290).decode().rstrip("=")
    assert refusal(f"{deep}.{deep}.{'A' * 86}") == "grant.malformed"
