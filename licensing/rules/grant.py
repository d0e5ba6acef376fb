"""A licence grant that its holder can show to anybody: a compact JWS, signed by the operator.

Source: RFC 7515, RFC 8037 (EdDSA). Verification needs no network; what it proves is that the
operator granted the licence. That it was paid and logged is proved by the receipt of its message.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.canonical import NotCanonical, canonical, read_canonical
from assay.keys import public_hex, verifies
from licensing import errors

ALGORITHM = "EdDSA"
TYPE = "assay-license+jwt"
MOST_CHARACTERS = 8192
_COMPACT = re.compile(r"([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")


@dataclass(frozen=True)
class Claims:
    """What a grant says.

    issuer           the site;  holder: account of the buyer;  grant: id of the licence
    issued_ms, from_ms, until_ms  whole seconds are kept; until_ms 0: no end
    access_until_ms  the end of the access among the uses, in whole seconds; 0: none, or no end
    udl              id of the licence text;  work, terms_version: what it is about
    price_nano       what was paid;  message: id of the order on the log
    share_e8         the share of what the holder earns that is owed, parts per 10^8
    holder_key       the Ed25519 key of whoever may show it, 64 hex digits; "": it names none
    """

    issuer: str
    holder: str
    grant: str
    issued_ms: int
    from_ms: int
    until_ms: int
    access_until_ms: int
    udl: str
    work: str
    terms_version: int
    uses: tuple[str, ...]
    conditions: tuple[str, ...]
    price_nano: int
    message: str
    share_e8: int = 0
    holder_key: str = ""


def jwk(public: str) -> dict[str, str]:
    """An Ed25519 key as RFC 8037 writes it. public: 64 hex digits"""
    return {"crv": "Ed25519", "kty": "OKP", "x": _encode(bytes.fromhex(public))}


def sign(claims: Claims, operator_key: Ed25519PrivateKey) -> str:
    """The grant as one line of text; the same claims and key always give the same text."""
    header = {"alg": ALGORITHM, "kid": public_hex(operator_key), "typ": TYPE}
    signed = f"{_encode(canonical(header))}.{_encode(canonical(_payload(claims)))}"
    return f"{signed}.{_encode(operator_key.sign(signed.encode()))}"


def verify(jws: str, operator_public: str, *, now_ms: int) -> Claims:
    """Check a grant offline: nbf <= now < exp, and the operator's signature over every character.

    operator_public  the operator's Ed25519 key, 64 hex digits
    raises GrantMalformed, GrantAlgorithm, GrantType, GrantKey, GrantSignature, GrantEarly,
           GrantExpired
    """
    parts = _COMPACT.fullmatch(jws) if len(jws) <= MOST_CHARACTERS else None
    if not parts:
        raise errors.GrantMalformed("This is not the text of a grant.")
    _check_header(parts[1], operator_public)
    signed = f"{parts[1]}.{parts[2]}".encode()
    if not verifies(bytes.fromhex(operator_public), _decode(parts[3]), signed):
        raise errors.GrantSignature("The signature does not fit the text.")
    payload = _decode_object(parts[2])
    claims = _claims(payload)
    if _payload(claims) != payload:
        raise errors.GrantMalformed("The grant makes claims that no licence makes.")
    if now_ms < claims.from_ms:
        raise errors.GrantEarly("This grant has not begun.", nbf=claims.from_ms // 1000)
    if claims.until_ms and now_ms >= claims.until_ms:
        raise errors.GrantExpired("This grant has ended.", exp=claims.until_ms // 1000)
    return claims


def kid_of(jws: str) -> str:
    """The key that a grant names, 64 hex digits. Nothing is checked. raises GrantMalformed"""
    parts = _COMPACT.fullmatch(jws) if len(jws) <= MOST_CHARACTERS else None
    if not parts:
        raise errors.GrantMalformed("This is not the text of a grant.")
    return _text(_decode_object(parts[1]), "kid")


@lru_cache(64)
def _check_header(text: str, operator_public: str) -> None:
    """The same line on every grant of one key; one that is refused is not kept."""
    header = _decode_object(text)
    if header.get("alg") != ALGORITHM:
        raise errors.GrantAlgorithm("Only EdDSA signs grants.", alg=str(header.get("alg")))
    if header.get("typ") != TYPE:
        raise errors.GrantType("This is another kind of token.", typ=str(header.get("typ")))
    if header.get("kid") != operator_public:
        raise errors.GrantKey("Another key signed this.", kid=str(header.get("kid")))
    if set(header) != {"alg", "typ", "kid"}:
        raise errors.GrantMalformed("The header says more than a grant says.")


def _payload(claims: Claims) -> dict[str, object]:
    times = {"iat": claims.issued_ms // 1000, "nbf": claims.from_ms // 1000}
    if claims.until_ms:
        times["exp"] = claims.until_ms // 1000
    licence: dict[str, object] = {
        "udl": claims.udl,
        "work": claims.work,
        "terms_version": claims.terms_version,
        "uses": list(claims.uses),
        "conditions": list(claims.conditions),
        "price_nano": str(claims.price_nano),
        "message": claims.message,
    }
    if claims.access_until_ms:
        licence["access_until"] = claims.access_until_ms // 1000
    if claims.share_e8:
        licence["share_e8"] = claims.share_e8
    names = {"iss": claims.issuer, "sub": claims.holder, "jti": claims.grant}
    bound = {"cnf": {"jwk": jwk(claims.holder_key)}} if claims.holder_key else {}
    return {**names, **times, **bound, "lic": licence}


def _claims(payload: dict[str, object]) -> Claims:
    licence = payload.get("lic")
    if not isinstance(licence, dict):
        raise errors.GrantMalformed("The grant names no licence.")
    return Claims(
        issuer=_text(payload, "iss"),
        holder=_text(payload, "sub"),
        grant=_text(payload, "jti"),
        issued_ms=_seconds(payload, "iat") * 1000,
        from_ms=_seconds(payload, "nbf") * 1000,
        until_ms=_seconds(payload, "exp") * 1000 if "exp" in payload else 0,
        access_until_ms=_seconds(licence, "access_until") * 1000
        if "access_until" in licence
        else 0,
        udl=_text(licence, "udl"),
        work=_text(licence, "work"),
        terms_version=_seconds(licence, "terms_version"),
        uses=_texts(licence, "uses"),
        conditions=_texts(licence, "conditions"),
        price_nano=_amount(licence, "price_nano"),
        message=_text(licence, "message"),
        share_e8=_seconds(licence, "share_e8") if "share_e8" in licence else 0,
        holder_key=_holder_key(payload),
    )


def _holder_key(payload: dict[str, object]) -> str:
    """RFC 7800: the key of whoever may show it; that it is written in its one way, `verify` sees"""
    if "cnf" not in payload:
        return ""
    found = payload["cnf"]
    told = found.get("jwk") if isinstance(found, dict) else None
    if not isinstance(told, dict):
        raise errors.GrantMalformed("The grant is bound to nothing that is a key.")
    return _decode(_text(told, "x")).hex()


def _text(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise errors.GrantMalformed(f"The claim {name} is no text.")
    return value


def _texts(values: dict[str, object], name: str) -> tuple[str, ...]:
    value = values.get(name)
    if not isinstance(value, list):
        raise errors.GrantMalformed(f"The claim {name} is no list.")
    return tuple(_text({name: one}, name) for one in value)


def _seconds(values: dict[str, object], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise errors.GrantMalformed(f"The claim {name} is no whole number.")
    return value


def _amount(values: dict[str, object], name: str) -> int:
    value = _text(values, name)
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", value):
        raise errors.GrantMalformed(f"The claim {name} is no amount.")
    return int(value)


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise errors.GrantMalformed("A part of the grant is not base64url.") from error
    if _encode(raw) != text:
        raise errors.GrantMalformed("A part of the grant is not written in its one way.")
    return raw


def _decode_object(text: str) -> dict[str, object]:
    try:
        return read_canonical(_decode(text))
    except NotCanonical as error:
        raise errors.GrantMalformed("A part of the grant is not canonical JSON.") from error
