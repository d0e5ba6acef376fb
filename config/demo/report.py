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
    telling.facts["seconds"] = round(telling.elapsed_s, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(telling.facts, indent=2, sort_keys=True) + "\n")


def show(telling: Telling) -> None:
    """Print the board, the money, and what was proved."""
    console, facts = Console(width=100), telling.facts
    console.print()
    console.print(_board(facts))
    console.print(_money(facts))
    console.print(_proof(facts))


def _board(facts: dict[str, Any]) -> Table:
    table = Table(
        "place", "entry", "owner", "sealed score", "95 % interval", "prize", title="Board"
    )
    for row in facts["board"]["items"]:
        span = f"{row['low']} - {row['high']}"
        prize = show_tokens(int(row["prize_nano"] or 0))
        table.add_row(str(row["rank"]), row["title"], row["owner"], row["score"], span, prize)
    table.add_row("", "the base, untouched", "", facts["board"]["baseline"], "", "")
    for row in facts["refused"]:
        table.add_row("", "refused", row["owner"], row["code"], "", "")
    return table


def _money(facts: dict[str, Any]) -> Table:
    table = Table("what", "who", "tokens", title="Money")
    for line in facts["payout"]:
        table.add_row(line["code"], line["to"], show_tokens(int(line["amount_nano"])))
    for line in facts["royalty"] + facts["drawn"]:
        table.add_row(f"licence: {line['code']}", line["to"], show_tokens(int(line["amount_nano"])))
    return table


def _proof(facts: dict[str, Any]) -> Table:
    table = Table("check", "result", title=f"Proof, {facts['seconds']} s in all")
    for name, holds in facts["checks"].items():
        table.add_row(name.replace("_", " "), "holds" if holds else "BROKEN")
    for name, seconds in facts["stages"].items():
        table.add_row(f"stage {name}", f"{seconds} s")
    return table
