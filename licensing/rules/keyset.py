"""The keys that sign grants, as a JWK set with their places in the log, and who may be believed.

Source: RFC 7517, RFC 8037; RFC 9864 calls EdDSA over this curve Ed25519, and libraries know one of
the names, so each key stands there twice. `log_first` and `log_last` are our own: the indexes of
the messages that began and ended a key, absent where none did.
"""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from licensing import errors
from licensing.rules.grant import jwk, kid_of

ALGORITHMS = ("EdDSA", "Ed25519")
MOST_KEYS = 10_000
_HEX = re.compile(r"[0-9a-f]{64}")


class KnownKey(NamedTuple):
    """A key of the operator. first, last: indexes of what began and ended it; None: nothing did."""

    public: str
    first: int | None = None
    last: int | None = None


def jwks(keys: Iterable[KnownKey]) -> dict[str, object]:
    """The set as it is published."""
    return {"keys": [_entry(one, name) for one in keys for name in ALGORITHMS]}


def read_jwks(text: str) -> list[KnownKey]:
    """The keys of a set that was published by `jwks`. raises KeySetInvalid"""
    try:
        found = json.loads(text)["keys"]
        keys = [_read(one) for one in found[:MOST_KEYS] if one.get("alg") == ALGORITHMS[0]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.KeySetInvalid("This is no set of keys of ours.") from error
    if not all(_HEX.fullmatch(one.public) for one in keys):
        raise errors.KeySetInvalid("A key of the set is no Ed25519 key.")
    return keys


def key_of(jws: str, keys: Iterable[KnownKey]) -> KnownKey:
    """The key of the set that a grant names. raises GrantMalformed, GrantKey"""
    kid = kid_of(jws)
    for one in keys:
        if one.public == kid:
            return one
    raise errors.GrantKey("No key of this set signed it.", kid=kid)


def check_place(key: KnownKey, index: int | None) -> None:
    """Whether the key signed at this place of the log. None: that is not proved.

    A key that has ended proves nothing by itself: whoever has it could sign anything with it.
    raises GrantKey
    """
    if index is None and key.last is not None:
        message = "This key has ended: what it signed counts only with its proof from the log."
        raise errors.GrantKey(message, kid=key.public)
    if index is not None and not (key.first or 0) <= index <= (
        index if key.last is None else key.last
    ):
        message = f"The key did not sign at entry {index} of the log."
        raise errors.GrantKey(message, kid=key.public)


def _entry(key: KnownKey, algorithm: str) -> dict[str, object]:
    places = {"log_first": key.first, "log_last": key.last}
    known = {name: place for name, place in places.items() if place is not None}
    return {**jwk(key.public), "alg": algorithm, "kid": key.public, "use": "sig", **known}


def _read(one: dict[str, object]) -> KnownKey:
    public = str(one["kid"])
    if {name: one[name] for name in ("crv", "kty", "x")} != jwk(public):
        raise ValueError("another key than its name says")
    first, last = (one.get(name) for name in ("log_first", "log_last"))
    if not all(place is None or isinstance(place, int) for place in (first, last)):
        raise ValueError("no place of a log")
    return KnownKey(public, first, last)  # type: ignore[arg-type]
