"""What the demo has shown: the final table for people, the same facts as JSON for programs."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assay.money import show_tokens
from config.demo.telling import Telling


def write(telling: Telling, path: Path) -> None:
    """Write the facts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(telling.facts, indent=2, sort_keys=True) + "\n")


def show(telling: Telling) -> None:
    """Print the entries, the money, and what was proved."""
    console, facts = Console(width=100), telling.facts
    facts["seconds"] = round(telling.elapsed_s, 1)
    console.print()
    console.print(_board(facts))
    console.print(_money(facts))
    console.print(_proof(facts))


def _board(facts: dict[str, Any]) -> Table:
    heads = ("place", "entry", "board", "final", "95 % interval, final", "prize")
    table = Table(*heads, title=f"Entries, scored in the sandbox ({facts['sandbox_level']})")
    for row in facts["scored"]:
        span = " to ".join(one[:6] for one in row["interval"])
        prize = show_tokens(int(row["prize_nano"]))
        place = str(row["place"] or "")
        table.add_row(place, row["title"], row["board"][:6], row["sealed"], span, prize)
    base = facts["baseline"]
    table.add_row("", "the untouched base", base["board"][:6], base["sealed"][:6], "", "")
    for row in facts["refused"]:
        table.add_row("", f"{row['owner']}: hostile", "refused", row["code"], "", "")
    return table


def _money(facts: dict[str, Any]) -> Table:
    table = Table("from", "as", "to", "tokens", title="Money, to the last nano")
    sources = (("escrow", "payout"), ("the buyer", "royalty"), ("pools", "drawn"))
    for source, name in sources:
        for line in facts[name]:
            table.add_row(source, line["code"], line["to"], show_tokens(int(line["amount_nano"])))
    return table


def _proof(facts: dict[str, Any]) -> Table:
    table = Table("check", "result", title=f"Proof, {facts['seconds']} s in all")
    for name, holds in facts["checks"].items():
        table.add_row(name.replace("_", " "), "holds" if holds else "BROKEN")
    for name, seconds in facts["stages"].items():
        table.add_row(f"stage {name}", f"{seconds} s")
    return table
