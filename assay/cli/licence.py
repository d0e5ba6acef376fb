"""`assay licence`: look at, buy, report on, give back. `verify` comes from the room of licences."""

import sys
from typing import Annotated, Any

import typer

from assay import messages
from assay.cli import show
from assay.cli.caller import AsJson, caller_of, now_ms
from assay.errors import AssayError
from assay.keys import public_hex
from assay.money import parse_tokens, show_tokens
from assay.wire import Nano

CLOCKS_MS = 10_000  # by which the site's clock may be behind this machine's
app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Licences."
)


class NotAgreed(AssayError):
    """Nobody agreed to the price. Facts: price_nano."""

    code, status = "usage.not_agreed", 422
    next_step = "Run it again with --yes to pay the price that is shown."


@app.command("show", epilog="Example: assay licence show GRANT")
def show_one(
    context: typer.Context,
    grant: Annotated[str, typer.Argument(help="Id of the licence.")],
    *,
    as_json: AsJson = False,
) -> None:
    """What a licence allows, to whom, until when, and its signed text."""
    with caller_of(context).client() as client:
        found = client.get(f"/api/licences/{grant}")
    show.put(found, as_json=as_json)


@app.command(epilog="Example: assay licence buy WORK --use commercial --yes")
def buy(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    work: Annotated[str, typer.Argument(help="Id of the work.")],
    *,
    use: Annotated[list[str] | None, typer.Option(help="What for: commercial, ...")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Pay the price without asking.")] = False,
    beside: Annotated[
        str, typer.Option(help="A licence that you hold: pay for another one beside it.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Buy a licence at the quoted price. The same work, uses, terms and price are bought once.

    Who holds such a licence pays again only with --beside and its id. When it has ended, the same
    command buys it anew.
    """
    caller = caller_of(context)
    uses = tuple(sorted(set(use or ["commercial"])))
    with caller.member() as client:
        quote = client.get(f"/api/works/{work}/quote", uses=",".join(uses))
        price_nano = int(quote["price_nano"])
        _agree(quote, price_nano, is_given=yes)
        version = int(quote["terms_version"])
        uses = tuple(str(one) for one in quote["uses"])
        named = public_hex(caller.key())
        order = messages.LicenceBuy(work, uses, version, Nano(price_nano), beside or None, named)
        words = f"licence.buy/{work}/{','.join(uses)}/{version}/{price_nano}"
        period = str(quote.get("renews", ""))  # a licence that has ended: this order is another one
        words += "".join(f"/{one}" for one in (period, beside) if one)
        answer = client.order(order, caller.key(), idempotency=words)
    show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog="Example: assay licence refund GRANT")
def refund(
    context: typer.Context,
    grant: Annotated[str, typer.Argument(help="Id of the licence.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a licence back within 14 days, while it was not used; its price comes back whole."""
    caller = caller_of(context)
    with caller.member() as client:
        order = messages.LicenceRefund(grant)
        answer = client.order(order, caller.key(), idempotency=f"licence.refund/{grant}")
    show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog="Example: assay licence report GRANT 120.50")
def report(
    context: typer.Context,
    grant: Annotated[str, typer.Argument(help="Id of the licence.")],
    tokens: Annotated[str, typer.Argument(help="What you earned with the work, in tokens.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Report what you earned under a licence that asks for a share, since the last report.

    Until now, or until the licence ended. The share is paid at once when your account holds it.
    """
    caller = caller_of(context)
    with caller.member() as client:
        until_ms = int(client.get(f"/api/licences/{grant}")["until_ms"])
        asked = messages.UsageReport(
            grant, min(until_ms, now_ms() - CLOCKS_MS), Nano(parse_tokens(tokens))
        )
        words = f"usage.report/{grant}/{asked.until_ms}/{asked.gross_nano}"
        answer = client.order(asked, caller.key(), idempotency=words)
    show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog="Example: assay licence pay REPORT")
def pay(
    context: typer.Context,
    report: Annotated[str, typer.Argument(help="Id of a report whose share is owed.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Pay the share that you owe by a report."""
    caller = caller_of(context)
    with caller.member() as client:
        order = messages.UsagePay(report)
        answer = client.order(order, caller.key(), idempotency=f"usage.pay/{report}")
    show.put_answer(answer, answer["result"], as_json=as_json)


def _agree(quote: dict[str, Any], price_nano: int, *, is_given: bool) -> None:
    """Show the price and who gets it; ask a person. raises NotAgreed"""
    show.note(f"The price is {show_tokens(price_nano)} tokens.")
    for grant in quote.get("held", [])[:1]:
        show.note(f"  You hold it already: assay licence show {grant}")
    for part in quote.get("split", []):
        show.note(f"  {show_tokens(int(part['amount_nano']))} to {part['payee']}")
    if int(quote.get("fee_nano", 0)):
        show.note(f"  {show_tokens(int(quote['fee_nano']))} to the house")
    if is_given:
        return
    if not sys.stdin.isatty() or not typer.confirm("Pay it?", err=True):
        raise NotAgreed("Nothing was bought.", price_nano=str(price_nano))
