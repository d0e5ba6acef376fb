"""The conformance cases of the books: every answer, in its order, and the end balances."""

import json
from pathlib import Path

import pytest

from assay import wire
from assay.messages import Line
from ledger.rules import books
from ledger.rules.accounts import Account, Transfer
from ledger.rules.rows import MemoryRows
from tests.ledger.holding import expiries

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "transfers.json").read_text())
BLANK = {"debit": "", "credit": ""}


def line_of(case):
    named = {("amount_nano" if name == "amount" else name): value for name, value in case.items()}
    return wire.from_json(Line, {**BLANK, **named})


def answer_batch(rows, batch, at_ms):
    """An amount that is no amount never reaches the books: the wire refuses the message."""
    try:
        lines = [line_of(case) for case in batch]
    except wire.BodyInvalid as error:
        return ["amount_invalid"] if error.facts["path"] == "$.amount_nano" else [str(error)]
    return books.answers(lines, rows, at_ms=at_ms, message="m")


def tick(rows, step):
    lines = expiries(rows, step["tick_ms"])
    assert [line.pending_id for line in lines] == step["expect_expired"]
    books.apply(lines, rows, at_ms=step["tick_ms"], message="m")


@pytest.mark.parametrize("scenario", VECTORS["scenarios"], ids=lambda one: one["name"])
def test_the_books_answer_as_the_vectors_say(scenario):
    rows, now_ms = MemoryRows(), scenario["start_ms"]
    for one in scenario["accounts"]:
        rows.put(Account(**one))
    for step in scenario["steps"]:
        now_ms = step.get("tick_ms", now_ms)
        if "tick_ms" in step:
            tick(rows, step)
        else:
            assert answer_batch(rows, step["batch"], now_ms) == step["expect"], step["batch"]
    for name, wanted in scenario["balances"].items():
        account = rows.get(Account, name)
        found = {part: str(getattr(account, f"{part}_nano")) for part in wanted}
        assert found == wanted, name
    held = rows.find(Transfer, kind="pending")
    assert all(len(rows.find(Transfer, pending_id=one.id)) <= 1 for one in held)
