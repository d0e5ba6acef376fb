"""A grant is an ordinary signed token: two libraries that know nothing of us verify it."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import jwt as pyjwt
import pytest
from joserfc import jwt as joserfc
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from licensing.rules.grant import sign
from tests.licensing.test_grant import CLAIMS, KEY, OPERATOR

# RFC 9864 calls EdDSA Ed25519 here; readers that know only one of the names are the older ones.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
LASTING = replace(CLAIMS, until_ms=0, access_until_ms=1_900_000_000_000)
GRANT = sign(LASTING, KEY)
PUBLIC = urlsafe_b64encode(bytes.fromhex(OPERATOR)).rstrip(b"=").decode()
JWK = {"kty": "OKP", "crv": "Ed25519", "x": PUBLIC, "kid": OPERATOR}


def by_pyjwt(text):
    key = pyjwt.PyJWK.from_json(json.dumps(JWK), algorithm="EdDSA")
    return pyjwt.decode(text, key.key, algorithms=["EdDSA"], issuer=LASTING.issuer)


def by_joserfc(text):
    return joserfc.decode(text, OKPKey.import_key(JWK), algorithms=["EdDSA"]).claims


@pytest.mark.parametrize("verified", [by_pyjwt, by_joserfc])
def test_a_library_of_its_field_verifies_a_grant_and_reads_its_claims(verified):
    told = verified(GRANT)
    assert (told["sub"], told["jti"], told["iss"]) == ("carol", "g" * 43, "assay.example")
    assert told["lic"]["work"] == CLAIMS.work
    assert told["lic"]["access_until"] == 1_900_000_000


@pytest.mark.parametrize("verified", [by_pyjwt, by_joserfc])
def test_it_refuses_a_grant_of_which_one_letter_was_changed(verified):
    head, claims, signature = GRANT.split(".")
    other = claims[:-1] + ("A" if claims[-1] != "A" else "Q")
    with pytest.raises((pyjwt.PyJWTError, JoseError)):
        verified(f"{head}.{other}.{signature}")
