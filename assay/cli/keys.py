"""`assay keys`: make, list, back up, replace and revoke the keys that sign for you."""

import re
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import keys, messages
from assay.cli import show
from assay.cli.caller import AsJson, Caller, caller_of, need_yes, now_ms
from assay.client import Client

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The keys that sign for you.",
)
_HEX = re.compile(r"[0-9a-f]{64}")
Name = Annotated[str, typer.Argument(help="Name of the key on this machine.")]


@app.command(epilog="Example: assay keys new")
def new(context: typer.Context, name: Name = "default", *, as_json: AsJson = False) -> None:
    """Make an Ed25519 key. An existing one is never overwritten."""
    caller = caller_of(context)
    path = caller.home.key_path(name)
    keys.write_key(path, keys.new_key())
    show.note(
        "Back it up: `assay keys export`. Who has it signs for you.", is_quiet=caller.is_quiet
    )
    public = keys.public_hex(keys.read_key(path))
    show.put({"name": name, "public": public, "path": str(path)}, as_json=as_json)


@app.command("list", epilog="Example: assay keys list --site")
def list_keys(
    context: typer.Context,
    *,
    site: Annotated[
        bool, typer.Option("--site", help="Also the keys that sign for your account there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The keys on this machine, by their public part."""
    caller = caller_of(context)
    home = caller.home
    here = {keys.public_hex(keys.read_key(home.key_path(name))): name for name in home.key_names()}
    rows = [{"name": name, "public": public} for public, name in here.items()]
    columns = ["name", "public"]
    if site:
        with caller.client() as client:
            signing = client.get(f"/api/accounts/{caller.account()}")["keys"]
        rows = [{**row, "signs": "yes" if row["public"] in signing else "no"} for row in rows]
        rows += [{"name": "", "public": one, "signs": "yes"} for one in signing if one not in here]
        columns = ["name", "signs", "public"]
    show.put_rows(rows, columns, as_json=as_json)
    if not rows:
        told = "There is no key on this machine. `assay auth login` makes one, or `assay keys new`."
        show.note(told, is_quiet=as_json)


@app.command(epilog="Example: assay keys rotate")
def rotate(context: typer.Context, name: Name = "default", *, as_json: AsJson = False) -> None:
    """Make a new key and put it in the place of this one, here and on the site; signs in anew.

    The old key signs nothing more; what it signed stays good. All tokens of the account end. Cut
    off, run it again.
    """
    caller = caller_of(context)
    path = caller.home.key_path(name)
    old, new = caller.key(name), keys.next_key(path)
    public, account = keys.public_hex(new), caller.account()
    told = {"name": name, "account": account, "public": public}
    with caller.client() as client:
        if public not in client.get(f"/api/accounts/{account}")["keys"]:
            body = messages.KeyRotate(public, keys.public_hex(old))
            answer = client.order(body, old, idempotency=f"key.rotate/{public}")
            told["receipt"] = str(answer["receipt"])
        told["old_key"] = str(keys.take_next(path))
        _sign_in(caller, client, new)
    note = "Back the new key up: `assay keys export`. Delete the old file when you need it no more."
    show.note(note, is_quiet=caller.is_quiet)
    show.put(told, as_json=as_json)


@app.command(epilog="Example: assay keys revoke laptop --with default --yes")
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Name of a key here, or its 64 hex digits.")],
    *,
    signer: Annotated[
        str, typer.Option("--with", help="Name of the key on this machine that signs this.")
    ] = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Revoke it without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """End a key of your account for good: lost, or stolen. All tokens of the account end.

    The only key is not revoked: `assay keys rotate` replaces it, and with a password the site's
    page of keys revokes it.
    """
    caller = caller_of(context)
    public = key if _HEX.fullmatch(key) else keys.public_hex(caller.key(key))
    mine, account = caller.key(signer), caller.account()
    need_yes(f"The key {public[:16]}... will sign nothing more for {account}.", is_given=yes)
    with caller.client() as client:
        words = f"key.revoke/{public}"
        answer = client.order(messages.KeyRevoke(public), mine, idempotency=words)
        if public != keys.public_hex(mine):
            _sign_in(caller, client, mine)
    show.put_answer(answer, {"account": account, "revoked": public}, as_json=as_json)


@app.command(epilog="Example: assay keys export --out backup.key")
def export(
    context: typer.Context,
    name: Name = "default",
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write it there, for you alone; else to stdout.")
    ] = None,
) -> None:
    """The private key as 64 hex digits. Keep it where nobody else reads it."""
    caller = caller_of(context)
    key = caller.key(name)
    if out is None:
        show.note("This is the private key.", is_quiet=caller.is_quiet)
        print(key.private_bytes_raw().hex())
        return
    keys.write_key(out, key)
    show.note(f"The key {name} is in {out}.", is_quiet=caller.is_quiet)


def _sign_in(caller: Caller, client: Client, key: Ed25519PrivateKey) -> None:
    """The tokens of the account ended with its key: get a new one."""
    answer = client.open_session(caller.account(), key, at_ms=now_ms())
    caller.home.keep_token(caller.url, str(answer["token"]))
