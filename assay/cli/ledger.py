"""`assay ledger`: what an account holds, why, and royalties to draw."""

from typing import Annotated, Any

import typer

from assay import messages
from assay.cli import show
from assay.cli.caller import AsJson, Caller, caller_of, now_ms
from assay.money import parse_tokens, show_tokens
from assay.wire import Nano

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Balance and statement."
)
Account = Annotated[str, typer.Argument(help="Name of the account; default: yours.")]
EARNED = ["log_index", "what", "state", "title", "share", "drawn", "due"]
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
def statement(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    account: Account = "",
    *,
    format: Annotated[str, typer.Option(help="table, json or csv.")] = "table",
    of_royalties: Annotated[
        bool, typer.Option("--royalties", help="What your works brought you, in a period.")
    ] = False,
    since: Annotated[str, typer.Option(help="The first day, 2026-11-01 (of royalties).")] = "",
    until: Annotated[str, typer.Option(help="The first day behind it (of royalties).")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="The same as --format csv.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every transfer of an account, the newest first, with the balance after it.

    With --royalties: what your works brought you in a period, in the order of the log, with what
    you could draw before and after it. Days are those of UTC.
    """
    form = "csv" if as_csv else "json" if as_json else format
    if form not in FORMATS:
        raise typer.BadParameter(f"{form!r} is not one of {', '.join(FORMATS)}")
    if (since or until) and not of_royalties:
        raise typer.BadParameter("a period is of royalties: add --royalties")
    caller = caller_of(context)
    if of_royalties:
        _royalties(caller, {"since": since, "until": until}, form)
        return
    name = account or caller.account()
    with caller.client() as client:
        path = f"/api/accounts/{name}/statement"
        if form == "csv":
            show.put_text(client.text(path, format="csv"))
            return
        rows = list(client.listed(path))
    is_json = form == "json"
    show.put_rows(rows if is_json else [_line(one) for one in rows], COLUMNS, as_json=is_json)
    if not rows:
        told = f"Nothing moved in {name} yet. Play money is on the account's page of the site."
        show.note(told, is_quiet=is_json)


def _royalties(caller: Caller, days: dict[str, str], format: str) -> None:
    """A statement of royalties, as the site sends it or as a table."""
    path, asked = "/api/royalties/statement", {name: day for name, day in days.items() if day}
    with caller.member() as client:
        if format == "csv":
            show.put_text(client.text(path, format="csv", **asked))
            return
        found = client.get(path, **asked)
    if format == "json":
        show.put(found, as_json=True)
        return
    show.note(f"Opening: {show_tokens(int(found['opening_nano']))} tokens.")
    amounts = ("share", "drawn", "due")
    rows = [
        {**one, **{name: show_tokens(int(one[f"{name}_nano"])) for name in amounts}}
        for one in found["lines"]
    ]
    show.put_rows(rows, EARNED, as_json=False)
    show.note(f"Closing: {show_tokens(int(found['closing_nano']))} tokens.")


@app.command(epilog="Example: assay ledger draw --all")
def draw(
    context: typer.Context,
    work: Annotated[str, typer.Argument(help="Id of a work that you are paid from.")] = "",
    *,
    from_all: Annotated[bool, typer.Option("--all", help="From every work.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw what a work's pool holds for you, or all pools. With nothing there, nothing moves.

    --all draws from a hundred works, the largest amounts first; run again it draws on.
    """
    if bool(work) == from_all:
        raise typer.BadParameter("name a work, or --all")
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
