"""`assay auth`: sign in with a key, see who is signed in, sign out."""

import sys
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import keys, messages
from assay.cli import show
from assay.cli.caller import AsJson, Caller, caller_of, now_ms
from assay.client import Client, ClientError
from assay.tokens import DAYS, DAYS_MOST, SCOPES

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Sign in and out."
)


@app.command(epilog="Example: assay auth login --url https://assay.example --account ada")
def login(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    *,
    url: Annotated[str, typer.Option(help="Address of the site.")] = "",
    account: Annotated[str, typer.Option(help="Your name there; a new one is opened.")] = "",
    key: Annotated[str, typer.Option(help="Name of the key on this machine.")] = "default",
    code: Annotated[
        str, typer.Option(help="From Keys in your account on the site: adds the key to it.")
    ] = "",
    scopes: Annotated[
        str, typer.Option(help="What the token may do: fewer of these, by commas.")
    ] = ",".join(SCOPES),
    days: Annotated[int, typer.Option(min=1, max=DAYS_MOST, help="Days until it expires.")] = DAYS,
    log: Annotated[
        str, typer.Option(help="Name of its log, when you know it from elsewhere.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Sign in with your key; a key and an account are made when there are none.

    Run it again whenever a token expired. An account of the site gets its key by --code.
    """
    caller = caller_of(context)
    site = (url or caller.url).rstrip("/")
    name = account or caller.home.settings().get("account", "") or _ask_name()
    chosen = _chosen(scopes)
    signer = keys.read_or_make_key(caller.home.key_path(key))
    with Client(site, origin=log or caller.home.origin(site)) as client:
        caller.home.keep_origin(site, client.origin())
        receipt = _add_key(client, name, signer, code) or _open_account(client, name, signer)
        answer = client.open_session(name, signer, at_ms=now_ms(), scopes=chosen, days=days)
    caller.home.keep_token(site, str(answer["token"]))
    caller.home.change(url=site, account=name)
    did = "signed in" if code or not receipt else "opened and signed in"
    show.note(f"{name} is {did} at {site}.", is_quiet=caller.is_quiet)
    told = {"account": name, "url": site, "scopes": answer["scopes"]}
    told |= {"expires_at": answer["expires_at"]}
    told |= {"is_new": bool(receipt) and not code} | ({"receipt": receipt} if receipt else {})
    show.put(told, as_json=as_json)


@app.command(epilog="Example: assay auth web")
def web(
    context: typer.Context,
    *,
    key: Annotated[str, typer.Option(help="Name of the key on this machine.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Sign a browser in with your key: shows an address that works once, for two minutes."""
    caller = caller_of(context)
    with caller.client() as client:
        found = client.browser_link(caller.account(), caller.key(key), at_ms=now_ms())
    show.note("Open this in your browser, within two minutes:", is_quiet=caller.is_quiet)
    if as_json:
        show.put(found, as_json=True)
    else:
        show.put_text(f"{found['url']}\n")


@app.command(epilog="Example: assay auth whoami --json")
def whoami(context: typer.Context, *, as_json: AsJson = False) -> None:
    """For which account the token speaks, what it may do, and until when."""
    caller = caller_of(context)
    with caller.member() as client:
        found = client.get("/api/auth/whoami")
    show.put({**found, "url": caller.url}, as_json=as_json)


@app.command(epilog="Example: assay auth logout")
def logout(context: typer.Context) -> None:
    """End the token here and on the site. The key stays."""
    caller = caller_of(context)
    _revoke(caller)
    caller.home.forget_token(caller.url)
    show.note(f"Nobody is signed in at {caller.url} from here.", is_quiet=caller.is_quiet)


def _chosen(scopes: str) -> list[str]:
    """The scopes that are named. raises BadParameter"""
    chosen = [one.strip() for one in scopes.split(",")]
    for one in chosen:
        if one not in SCOPES:
            raise typer.BadParameter(f"a token has the scopes {', '.join(SCOPES)}, not {one!r}")
    return chosen


def _open_account(client: Client, name: str, signer: Ed25519PrivateKey) -> str:
    """The receipt of the order, or nothing when the account is there; sent twice it opens once."""
    try:
        client.get(f"/api/accounts/{name}")
    except ClientError as error:
        if error.status != 404:
            raise
        words = f"account.open/{name}"
        return str(client.order(messages.AccountOpen(name), signer, idempotency=words)["receipt"])
    return ""


def _add_key(client: Client, name: str, signer: Ed25519PrivateKey, code: str) -> str:
    """The receipt of the order that adds the key, or nothing without a code."""
    return str(client.add_key(name, signer, code=code)["receipt"]) if code else ""


def _ask_name() -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter("name the account: --account NAME")
    return str(typer.prompt("Account name", err=True)).strip()


def _revoke(caller: Caller) -> None:
    """A token that the site does not know any more needs no revoking."""
    if not caller.token:
        return
    with caller.client() as client:
        try:
            client.delete("/api/auth/token")
        except ClientError as error:
            if error.status != 401:
                raise
