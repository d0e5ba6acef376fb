"""`assay licence verify`: check a grant on any machine, without the site and without a network.

A plain function: the command line wraps it, and finds it as the entry point `licence.verify`.
"""

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from assay.cli import show
from assay.money import show_tokens
from licensing import errors
from licensing.rules import revoked as revocation
from licensing.rules.grant import Claims, verify
from licensing.rules.keyset import KnownKey, check_place, key_of, read_jwks
from licensing.rules.proof import check_logged

MOST_BYTES = 128 << 10
Keys = Annotated[
    Path | None,
    typer.Option(help="The site's /.well-known/jwks.json.", exists=True, dir_okay=False),
]
Revocations = Annotated[
    Path | None,
    typer.Option(help="The site's /licences/revoked.txt.", exists=True, dir_okay=False),
]
Proof = Annotated[Path | None, typer.Option(help="Its .tlog-proof.", exists=True, dir_okay=False)]
Message = Annotated[
    Path | None, typer.Option(help="The bytes of its message.", exists=True, dir_okay=False)
]


def verify_grant(  # noqa: PLR0913 - each option of a command is an argument
    grant: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The grant.")
    ],
    *,
    key: Annotated[str, typer.Option(help="The operator's public key, 64 hex digits.")] = "",
    jwks: Keys = None,
    revoked: Revocations = None,
    proof: Proof = None,
    message: Message = None,
    log_key: Annotated[str, typer.Option(help="The log's verifier key.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check the signature and the time of a licence; with a proof, that it was paid and logged.

    Example: assay licence verify grant.jws --jwks jwks.json
    """
    jws = _text(grant).rstrip("\r\n")
    signer = _signer(jws, key, jwks)
    now_ms = time.time_ns() // 1_000_000
    claims = verify(jws, signer.public, now_ms=now_ms)
    index = None
    if proof or message or (log_key and not revoked):
        if not (proof and message and log_key):
            raise typer.BadParameter("--proof, --message and --log-key belong together")
        raw = message.read_bytes()
        index = check_logged(jws, claims, message=raw, proof=_text(proof), log_key=log_key)
    check_place(signer, index)
    known = _revoked(revoked, log_key)
    revocation.check(claims.grant, [known] if known else [])
    told = _told(claims, index) | {"revoked": _as_of(known, now_ms // 1000)}
    if as_json:
        shown = {**asdict(claims), "price_nano": str(claims.price_nano), "log_index": index}
        shown["revoked"] = told["revoked"]
        show.put(shown, as_json=True)
        return
    width = max(map(len, told))
    show.put_text("".join(f"{name:<{width}}  {value}\n" for name, value in told.items()))


def _signer(jws: str, key: str, jwks: Path | None) -> KnownKey:
    """The operator's key, by itself or from a set. raises KeySetInvalid, GrantKey"""
    if bool(key) == bool(jwks):
        raise typer.BadParameter("give --key or --jwks")
    return key_of(jws, read_jwks(_text(jwks))) if jwks else KnownKey(_public(key))


def _revoked(file: Path | None, log_key: str) -> revocation.Revoked | None:
    """raises RevokedInvalid"""
    if file and not log_key:
        raise typer.BadParameter("--revoked needs --log-key, which signs the list")
    return revocation.read(_text(file), log_key) if file else None


def _as_of(known: revocation.Revoked | None, now_s: int) -> str:
    """What the list says, and how old it is: no list can say more."""
    if known is None:
        return "not asked (add --revoked and --log-key)"
    hours, minutes = divmod(max(0, now_s - known.at_s) // 60, 60)
    at, age = _moment(known.at_s * 1000), f"{hours} h {minutes} min"
    return f"not revoked as of {at}, entry {known.size} of the log; that was {age} ago"


def _public(key: str) -> str:
    found = key.strip().lower()
    if len(found) != 64 or not set(found) <= set("0123456789abcdef"):
        raise typer.BadParameter("--key is the operator's public key: 64 hex digits")
    return found


def _text(file: Path) -> str:
    """A file's text, as much of it as can matter. raises GrantMalformed"""
    with file.open("rb") as stream:
        raw = stream.read(MOST_BYTES)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise errors.GrantMalformed(f"{file.name} is not text.") from error


def _told(claims: Claims, index: int | None) -> dict[str, str]:
    proved = "signed; not proved paid (add --proof, --message and --log-key)"
    if index is not None:
        proved = f"signed, paid, and entry {index} of the log"
    return {
        "holds": proved,
        "holder": claims.holder,
        "work": claims.work,
        "uses": ", ".join(claims.uses),
        "conditions": ", ".join(claims.conditions) or "none",
        "price": f"{show_tokens(claims.price_nano)} tokens",
        "from": _moment(claims.from_ms),
        "until": _moment(claims.until_ms) if claims.until_ms else "no end",
        "issuer": claims.issuer,
        "grant": claims.grant,
        **({"holder's key": claims.holder_key} if claims.holder_key else {}),
    }


def _moment(at_ms: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
