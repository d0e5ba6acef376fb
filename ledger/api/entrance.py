"""Signing in with a key."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema

from assay import items
from ledger import actions, queries
from web import auth
from web.api import Token
from web.errors import SignInError

CLOCKS_MAY_DIFFER_MS = 5 * 60_000


class KeySignIn(Schema):
    """A signature over `assay-session-v1 0x00 origin 0x00 account 0x00 at_ms`, made just now.

    signature_type is that of ANS-104: 1 RSA, 2 Ed25519, 3 Ethereum. `public` is the whole key.
    """

    account: str = Field(max_length=120)
    public: str = Field(pattern=r"^([0-9a-f]{2}){32,512}$")
    at_ms: int
    signature: str = Field(pattern=r"^([0-9a-f]{2}){64,512}$")
    signature_type: int = Field(items.ED25519, ge=items.RSA, le=items.ETHEREUM)


def router() -> Router:
    router = Router()
    router.post("", response=Token)(_sign_in)
    return router


def _sign_in(request: HttpRequest, body: KeySignIn) -> dict[str, object]:  # noqa: ARG001
    """Sign in with the key of an account; get a token for a program."""
    now = timezone.now()
    _check_signature(body, actions.ms(now))
    auth.welcome(body.account)
    raw = auth.issue(body.account, now)
    return {"token": raw, "account": body.account, "expires_at": now + auth.TOKEN_LIFETIME}


def _check_signature(body: KeySignIn, now_ms: int) -> None:
    """raises AccountUnknown, SignInError"""
    queries.account(body.account)
    public = bytes.fromhex(body.public)
    if queries.key_account(items.key_name(body.signature_type, public)) != body.account:
        raise SignInError(
            f"This key does not sign for {body.account}.",
            next_step="Use the key that opened the account, or choose another account name.",
            reason="key",
            account=body.account,
        )
    if abs(now_ms - body.at_ms) > CLOCKS_MAY_DIFFER_MS:
        raise SignInError(
            "The clock of your machine and ours differ by more than five minutes.",
            next_step="Set your clock, and sign in again.",
            reason="clock",
            server_ms=now_ms,
        )
    words = f"assay-session-v1\0{settings.LOG_ORIGIN}\0{body.account}\0{body.at_ms}"
    signature = bytes.fromhex(body.signature)
    if not items.verifies(body.signature_type, public, signature, words.encode()):
        raise SignInError("The signature is not of these words.", reason="signature")
