"""That a grant was paid and logged: its message, and the proof that this message is in the log.

source  docs/licensing.md 7, steps 3 to 5; C2SP tlog-proof
"""

from assay import notes
from assay.errors import AssayError
from assay.merkle import leaf_hash
from assay.messages import LicenceGranted
from ledger.rules.entry import Entry, read_entry
from licensing import errors
from licensing.rules.grant import Claims


def check_logged(jws: str, claims: Claims, *, message: bytes, proof: str, log_key: str) -> int:
    """Check that the fact that granted a verified licence is in its issuer's log.

    message  the signed bytes of the fact;  proof: its `.tlog-proof`
    log_key  the log's verifier key, which names the log
    returns  the fact's place in the log
    raises   GrantOrigin, GrantNotLogged
    """
    origin = log_key.partition("+")[0]
    if origin != claims.issuer:
        text = f"The grant was issued by {claims.issuer}, the key is of {origin}."
        raise errors.GrantOrigin(text, issuer=claims.issuer, origin=origin)
    entry = _read(message)
    body = entry.body
    if not isinstance(body, LicenceGranted) or body.jws != jws:
        raise _not_logged("the message is not the one that granted this licence")
    told = (body.grant, body.work, body.uses, body.price_nano, body.holder, entry.cause)
    claimed = (claims.grant, claims.work, claims.uses, claims.price_nano, claims.holder)
    if told != (*claimed, claims.message):
        raise _not_logged("message and grant say different things")
    try:
        return notes.check_proof(proof, log_key, leaf_hash(message))
    except notes.NoteInvalid as error:
        if error.facts.get("reason") == "origin":
            text = "The proof is of another log."
            raise errors.GrantOrigin(text, issuer=claims.issuer, origin=origin) from error
        raise _not_logged(str(error.facts.get("reason", ""))) from error


def _read(message: bytes) -> Entry:
    try:
        return read_entry(message)
    except AssayError as error:
        raise _not_logged("the message cannot be read") from error


def _not_logged(reason: str) -> errors.GrantNotLogged:
    return errors.GrantNotLogged(f"That it was logged is not proved: {reason}.", reason=reason)
