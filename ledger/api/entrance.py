"""The doors for keys: a token for a program, a browser that signs in, a key for a web account.

What is signed begins with what it is for, and names the log, the account, and what makes it count
once. What concerns a browser also names the host that the signer talked to, so that no other site
can pass it on.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema

from assay import items
from assay.bounds import MOST_MS
from assay.tokens import SCOPES, Scope
from ledger import actions, queries
from ledger.errors import AccountIsClosed, AccountUnknown, KeyTaken, SignerRefused
from web import auth, budgets
from web.api import Body, Token, TokenWish
from web.codes import FOR_BROWSER, FOR_KEY, make_code, redeem, spend_signature
from web.errors import CodeSpent, KeySignInsSpent, SignaturesSpent, SignInError, TokensHeld
from web.openapi import documented
from web.receipts import receipt_url

CLOCKS_MAY_DIFFER_MS = 5 * 60_000
SPENT = (SignaturesSpent, KeySignInsSpent)


class KeySignature(Body):
    """A key of an account, and its signature.

    signature_type is that of ANS-104: 1 RSA, 2 Ed25519, 3 Ethereum. `public` is the whole key.
    """

    account: str = Field(max_length=120)
    public: str = Field(pattern=r"^([0-9a-f]{2}){32,512}$")
    signature: str = Field(pattern=r"^([0-9a-f]{2}){64,512}$")
    signature_type: int = Field(items.ED25519, ge=items.RSA, le=items.ETHEREUM)

    @property
    def key(self) -> str:
        """What the books call the key."""
        return items.key_name(self.signature_type, bytes.fromhex(self.public))


class KeySignIn(TokenWish, KeySignature):
    """One over `assay-session-v1 0x00 origin 0x00 account 0x00 at_ms`, made now; it counts once.

    Without scopes the token has all of them: it adds nothing to what its key may sign.
    """

    scopes: list[Scope] = Field([*SCOPES], min_length=1, max_length=len(SCOPES))

    at_ms: int = Field(ge=0, le=MOST_MS)


class BrowserSignIn(KeySignature):
    """One over `assay-web-v1 0x00 origin 0x00 host 0x00 account 0x00 at_ms`; it counts once."""

    at_ms: int = Field(ge=0, le=MOST_MS)


class NewKey(KeySignature):
    """One over `assay-key-v1 0x00 origin 0x00 host 0x00 account 0x00 code`, by the new key.

    code  from the account's page of keys: it counts once, for a few minutes
    """

    code: str = Field(max_length=64)


class Link(Schema):
    """Where a browser signs in, once."""

    path: str
    account: str
    expires_at_ms: int


class KeyOut(Schema):
    """A key that signs for an account from now on, and the receipt of the order."""

    account: str
    key: str
    receipt: str


def router() -> Router:
    router = Router()
    refusals = (SignInError, CodeSpent, AccountUnknown, AccountIsClosed, *SPENT)
    for_token, by_key = documented(*refusals, TokensHeld), documented(*refusals)
    router.post("", response=Token, openapi_extra=for_token)(_sign_in)
    router.post("/web", response=Link, openapi_extra=by_key)(_sign_in_browser)
    by_code = documented(
        *(SignInError, CodeSpent, SignerRefused, AccountUnknown, AccountIsClosed, KeyTaken),
        SignaturesSpent,
    )
    router.post("/keys", response=KeyOut, openapi_extra=by_code)(_add_key)
    return router


def _sign_in(request: HttpRequest, body: KeySignIn) -> dict[str, object]:  # noqa: ARG001
    """Sign in with the key of an account; get a token for a program."""
    now = timezone.now()
    _check_sign_in(body, "assay-session-v1", settings.LOG_ORIGIN)
    spend_signature(f"session/{body.key}/{body.at_ms}", now)  # the words: some keys sign them anew
    auth.welcome(body.account)
    return body.issue(body.account, now)


def _sign_in_browser(request: HttpRequest, body: BrowserSignIn) -> dict[str, object]:
    """Sign in with the key of an account; get an address at which a browser is signed in, once."""
    now = timezone.now()
    _check_sign_in(body, "assay-web-v1", settings.LOG_ORIGIN, request.get_host())
    spend_signature(f"web/{body.key}/{body.at_ms}", now)
    auth.welcome(body.account)
    code, until = make_code(body.account, FOR_BROWSER, now)
    path = f"/account/enter/{code}/"
    return {"path": path, "account": body.account, "expires_at_ms": actions.ms(until)}


def _add_key(request: HttpRequest, body: NewKey) -> dict[str, object]:
    """Let a key sign for an account that was opened in the web, with a code of its owner."""
    now = timezone.now()
    budgets.spend("signatures")
    queries.account(body.account)
    origin, host = settings.LOG_ORIGIN, request.get_host()
    _check_signature(body, "assay-key-v1", origin, host, body.account, body.code)
    redeem(body.code, FOR_KEY, now, account=body.account)
    order = actions.add_key_for(body.account, body.key, now=now)
    return {"account": body.account, "key": body.key, "receipt": receipt_url(order)}


def check_signed(body: KeySignature, *words: object) -> None:
    """That a key signed these words; whose it is, the caller asks. Whoever tries spends for it.

    raises SignaturesSpent, AccountUnknown, AccountIsClosed, SignInError
    """
    budgets.spend("signatures")
    if queries.account(body.account).is_closed:
        raise AccountIsClosed(body.account)
    _check_signature(body, *words)


def check_holder(body: KeySignature, at_ms: int, *words: object) -> None:
    """That a key of the account signed these words just now. Whoever tries spends of his address.

    raises SignaturesSpent, AccountUnknown, AccountIsClosed, SignInError
    """
    budgets.spend("signatures")
    _check_key(body)
    _check_clock(at_ms, actions.ms(timezone.now()))
    _check_signature(body, *words)


def _check_sign_in(body: KeySignIn | BrowserSignIn, *begin: str) -> None:
    """The same of a sign-in, which an account spends too: by what its own keys signed alone.

    begin   what its words begin with
    raises  what check_holder raises, KeySignInsSpent
    """
    check_holder(body, body.at_ms, *begin, body.account, body.at_ms)
    budgets.spend("key_sign_ins", account=body.account)


def _check_key(body: KeySignature) -> None:
    """raises AccountUnknown, AccountIsClosed, SignInError"""
    if queries.account(body.account).is_closed:
        raise AccountIsClosed(body.account)
    if queries.key_account(body.key) != body.account:
        raise SignInError(
            f"This key does not sign for {body.account}.",
            next_step=f"Is {body.account} yours, with a password? Then sign in on the site, open "
            "Keys in your account, and run the command it shows. Else choose another account name.",
            reason="key",
            account=body.account,
        )


def _check_clock(at_ms: int, now_ms: int) -> None:
    """raises SignInError"""
    if abs(now_ms - at_ms) > CLOCKS_MAY_DIFFER_MS:
        raise SignInError(
            "The clock of your machine and ours differ by more than five minutes.",
            next_step="Set your clock, and sign in again.",
            reason="clock",
            server_ms=now_ms,
        )


def _check_signature(body: KeySignature, *words: object) -> None:
    """raises SignInError"""
    said = "\0".join(map(str, words)).encode()
    public, signature = bytes.fromhex(body.public), bytes.fromhex(body.signature)
    if not items.verifies(body.signature_type, public, signature, said):
        raise SignInError("The signature is not of these words.", reason="signature")
