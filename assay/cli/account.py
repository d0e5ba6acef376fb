"""`assay account`: close the account that you are signed in to."""

from typing import Annotated

import typer

from assay import messages
from assay.cli import show
from assay.cli.caller import AsJson, caller_of, need_yes

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Your account."
)


@app.callback()
def group() -> None:
    """Your account on the site."""


@app.command(epilog="Example: assay account close --yes")
def close(
    context: typer.Context,
    *,
    key: Annotated[str, typer.Option(help="Name of the key on this machine.")] = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Close it without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close your account for good: it is empty, and nothing will be paid to it any more.

    Nobody signs in to it again, and nobody else gets its name. What it did stays in the log.
    """
    caller = caller_of(context)
    name = caller.account()
    need_yes(f"The account {name} will be closed for good.", is_given=yes)
    with caller.client() as client:
        body = messages.AccountClose(name)
        answer = client.order(body, caller.key(key), idempotency=f"account.close/{name}")
    caller.home.forget_token(caller.url)
    caller.home.change(account=None)
    show.put_answer(answer, {"account": name, "closed": True}, as_json=as_json)
