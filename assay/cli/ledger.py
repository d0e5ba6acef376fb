"""`assay ledger`: what an account holds, why, and royalties to draw."""

from typing import Annotated, Any

import typer

from assay import messages
from assay.cli import show
from assay.cli.caller import AsJson, caller_of, now_ms
from assay.money import parse_tokens, show_tokens
from assay.wire import Nano

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Balance and statement."
)
Account = Annotated[str, typer.Argument(help="Name of the account; default: yours.")]
COLUMNS = ["time", "what", "change", "balance"]
FORMATS = ("table", "json", "csv")


@app.command(epilog="Example: assay ledger balance")
def balance(context: typer.Context, account: Account = "", *, as_json: AsJson = False) -> None:
    """What an account can spend, what is held, what is promised to it; in tokens, exact."""
    caller = caller_of(context)
    with caller.client() as client:
        found = client.get(f"/api/accounts/{account or caller.account()}")
    show.put(found if as_json else _purse(found), as_json=as_json)


@app.command(epilog="Example: assay ledger statement --format csv > statement.csv")
def statement(
    context: typer.Context,
    account: Account = "",
    *,
    format: Annotated[str, typer.Option(help="table, json or csv.")] = "table",
    as_json: AsJson = False,
) -> None:
    """Every transfer of an account, the newest first, with the balance after it."""
    if format not in FORMATS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(FORMATS)}")
    caller = caller_of(context)
    name = account or caller.account()
    with caller.client() as client:
        path = f"/api/accounts/{name}/statement"
        if format == "csv":
            show.put_text(client.text(path, format="csv"))
            return
        rows = list(client.listed(path))
    is_json = as_json or format == "json"
    show.put_rows(rows if is_json else [_line(one) for one in rows], COLUMNS, as_json=is_json)
    if not rows:
        told = f"Nothing moved in {name} yet. Play money is on the account's page of the site."
        show.note(told, is_quiet=is_json)


@app.command(epilog="Example: assay ledger draw WORK")
def draw(
    context: typer.Context,
    work: Annotated[str, typer.Argument(help="Id of a work that you are paid from.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Draw what a work's pool holds for you. With nothing in it, nothing moves."""
    caller = caller_of(context)
    with caller.member() as client:
        words = f"royalty.draw/{work}/{now_ms()}"
        answer = client.order(messages.RoyaltyDraw(work), caller.key(), idempotency=words)
    show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog="Example: assay ledger withdraw 12.5 --to ADDRESS")
def withdraw(
    context: typer.Context,
    tokens: Annotated[str, typer.Argument(help="How much, in tokens.")],
    *,
    to: Annotated[str, typer.Option(help="Where it goes, as the site names places outside.")],
    as_json: AsJson = False,
) -> None:
    """Take money out of the site. It is held at once, and goes back when it cannot be paid."""
    caller = caller_of(context)
    body = messages.MoneyWithdraw(Nano(parse_tokens(tokens)), to)
    with caller.member() as client:
        words = f"money.withdraw/{to}/{tokens}/{now_ms()}"
        answer = client.order(body, caller.key(), idempotency=words)
    show.put_answer(answer, {}, as_json=as_json)


def _purse(found: dict[str, Any]) -> dict[str, object]:
    named = {
        "to_spend": "available_nano",
        "held": "pending_out_nano",
        "promised": "pending_in_nano",
    }
    amounts = {word: f"{show_tokens(int(found[name]))} tokens" for word, name in named.items()}
    return {"account": found["account"], **amounts}


def _line(found: dict[str, Any]) -> dict[str, object]:
    return {
        "time": show.moment(found["at_ms"]),
        "what": found["says"],
        "change": show_tokens(int(found["change_nano"])),
        "balance": show_tokens(int(found["balance_nano"])),
    }
