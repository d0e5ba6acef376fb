"""The books: double entry, two phases, all transfers of a batch or none.

Every answer is a stable word; of several that fit, the first in the documented order is given.
source  tigerbeetle/tigerbeetle docs/reference/requests/create_transfers.md, with these differences:
        zero amounts are refused, a refused id is not burnt, the batch is the chain, one supply cap
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from sys import intern

from assay.messages import Line
from assay.money import MOST_NANO
from assay.wire import changed, made
from ledger.errors import AccountUnknown, Overdrawn, TransferRefused
from ledger.rules.accounts import Account, AccountKind, Transfer
from ledger.rules.rows import Overlay, Rows

CODES = frozenset(
    [
        "mint",
        "burn",
        "pay",
        "stake",
        "prize",
        "deposit",
        "fee",
        "royalty",
        "licence",
        "refund",
        "advance",
        "slash",
        "expire",
    ]
)
OPENING, CLOSING = ("single", "pending"), ("post", "void", "expire")
MOST_TIMEOUT_S = 315_360_000
_ID = re.compile(r"[0-9a-f]{64}")
_IMPOSSIBLE = {"0" * 64, "f" * 64}


def transfer_id(cause: str, purpose: str, number: int = 0) -> str:
    """The id of a transfer: same cause, purpose and number, same transfer, so it pays once."""
    text = f"assay/transfer/v1\0{cause}\0{purpose}\0{number}"
    return sha256(text.encode()).hexdigest()


def apply(lines: Sequence[Line], rows: Rows, *, at_ms: int, message: str) -> None:
    """Make all transfers of one batch, or none.

    raises Overdrawn, AccountUnknown, TransferRefused with the answer of the first that fails
    """
    for line, answer in zip(lines, answers(lines, rows, at_ms=at_ms, message=message), strict=True):
        if answer in ("ok", "batch_failed"):
            continue
        if answer == "overdrawn":
            wanted_nano = sum(one.amount_nano or 0 for one in lines if one.debit == line.debit)
            raise Overdrawn(line.debit, _account(rows, line.debit).available_nano, wanted_nano)
        if answer.endswith("account_not_found"):
            missing = line.debit if answer.startswith("debit") else line.credit
            raise AccountUnknown(f"There is no account {missing!r}.", account=missing)
        raise TransferRefused(f"The books answer {answer}.", transfer=line.id, answer=answer)


def answers(lines: Sequence[Line], rows: Rows, *, at_ms: int, message: str) -> list[str]:
    """One answer per line: ok, exists, batch_failed, batch_partly_exists, or why not.

    The rows change only when every answer is ok.
    """
    above = Overlay(rows)
    given = []
    for line in lines:
        answer = judge(line, above, at_ms)
        given.append(answer)
        if answer == "ok":
            _move(line, above, at_ms, message)
    if all(answer == "ok" for answer in given):
        above.keep()
        return given
    if all(answer == "exists" for answer in given):
        return given
    if set(given) == {"ok", "exists"}:
        return ["batch_partly_exists"] * len(given)
    return ["batch_failed" if answer in ("ok", "exists") else answer for answer in given]


def expiry(held: str) -> Line:
    """The one line that gives a pending transfer back, whole, when its time is over."""
    return Line(transfer_id(held, "expire"), "expire", "", "", pending_id=held)


def expires(line: Line, rows: Rows, at_ms: int) -> bool:
    """Whether this is the line that gives back a pending transfer that is over and unresolved.

    It looks at that transfer alone, however many others there are.
    """
    held = rows.get(Transfer, line.pending_id or "")
    if held is None or held.kind != "pending" or not _is_over(held, at_ms):
        return False
    return line == expiry(held.id) and not rows.find(Transfer, pending_id=held.id)


def open_account(rows: Rows, name: str, kind: str) -> None:
    """Make an account of the house (escrow, pool) unless it is there."""
    if rows.get(Account, name) is None:
        rows.put(Account(id=name, kind=kind))


def closing(account: Account) -> str:
    """What the books answer to closing an account: ok, or why not, the first that fits."""
    checks = (
        (account.is_closed, "account_closed"),
        (bool(account.pending_out_nano or account.pending_in_nano), "account_has_pending"),
        (bool(account.available_nano), "account_not_empty"),
    )
    return next((word for is_wrong, word in checks if is_wrong), "ok")


def judge(line: Line, rows: Rows, at_ms: int) -> str:
    """What the books answer to one line; the order of these checks is part of the contract."""
    if line.kind not in OPENING + CLOSING:
        return "kind_unknown"
    if not _ID.fullmatch(line.id) or line.id in _IMPOSSIBLE:
        return "id_invalid"
    if there := rows.get(Transfer, line.id):
        return _same(line, there, rows)
    if line.kind in CLOSING:
        return _judge_closing(line, rows, at_ms)
    return _form(line) or _judge_opening(line, rows)


def _same(line: Line, there: Transfer, rows: Rows) -> str:
    held = rows.get(Transfer, line.pending_id or "")
    wanted_nano = _amount_nano(line, held)
    pairs = (
        ("kind", line.kind, there.kind),
        ("pending_id", line.pending_id, there.pending_id),
        ("timeout", line.timeout_s or 0, there.timeout_s),
        ("debit", line.debit, there.debit),
        ("credit", line.credit, there.credit),
        ("amount", wanted_nano, there.amount_nano),
        ("reference", line.reference or "", there.reference),
        ("code", line.code, there.code),
    )
    closing_blanks = ("debit", "credit", "code") if line.kind in CLOSING else ()
    for name, wanted, found in pairs:
        if wanted != found and not (name in closing_blanks and not wanted):
            return f"exists_with_different_{name}"
    return "exists"


def _amount_nano(line: Line, held: Transfer | None) -> int:
    """What a line moves: the amount that it names, else the whole of what it resolves."""
    if line.amount_nano is not None:
        return line.amount_nano
    return held.amount_nano if held else 0


def _form(line: Line) -> str:
    amount_nano = _amount_nano(line, None)
    checks = (
        (not line.debit, "debit_account_missing"),
        (not line.credit, "credit_account_missing"),
        (line.debit == line.credit, "accounts_must_be_different"),
        (line.pending_id is not None, "pending_id_must_be_absent"),
        (line.kind == "single" and bool(line.timeout_s), "timeout_reserved_for_pending"),
        (not 0 <= (line.timeout_s or 0) <= MOST_TIMEOUT_S, "timeout_out_of_range"),
        (amount_nano <= 0, "amount_must_be_positive"),
        (amount_nano > MOST_NANO, "amount_too_large"),
        (line.code not in CODES, "code_unknown"),
    )
    return next((word for is_wrong, word in checks if is_wrong), "")


def _judge_opening(line: Line, rows: Rows) -> str:
    debit, credit = rows.get(Account, line.debit), rows.get(Account, line.credit)
    if debit is None:
        return "debit_account_not_found"
    if credit is None:
        return "credit_account_not_found"
    is_issuance = debit.kind == AccountKind.ISSUANCE
    issued_nano = -debit.available_nano if is_issuance else 0  # held amounts are taken already
    amount_nano = _amount_nano(line, None)
    left_nano = debit.available_nano - amount_nano
    checks = (
        (debit.unit != credit.unit, "units_differ"),
        (debit.is_closed, "debit_account_closed"),
        (credit.is_closed, "credit_account_closed"),
        (issued_nano + amount_nano > MOST_NANO, "supply_cap_exceeded"),
        (left_nano < 0 and not is_issuance, "overdrawn"),
    )
    return next((word for is_wrong, word in checks if is_wrong), "ok")


def _judge_closing(line: Line, rows: Rows, at_ms: int) -> str:
    named_nano = 1 if line.amount_nano is None else line.amount_nano
    form = (
        (not line.pending_id, "pending_id_missing"),
        (line.pending_id == line.id, "pending_id_must_be_different"),
        (bool(line.timeout_s), "timeout_reserved_for_pending"),
        (named_nano <= 0, "amount_must_be_positive"),
        (named_nano > MOST_NANO, "amount_too_large"),
        (bool(line.code) and line.code not in CODES, "code_unknown"),
    )
    if word := next((word for is_wrong, word in form if is_wrong), ""):
        return word
    held = rows.get(Transfer, line.pending_id or "")
    if held is None:
        return "pending_not_found"
    if held.kind != "pending":
        return "pending_is_not_pending"
    return _fits(line, held) or _is_open(line, held, rows, at_ms) or "ok"


def _fits(line: Line, held: Transfer) -> str:
    amount_nano = _amount_nano(line, held)
    checks = (
        (line.debit not in ("", held.debit), "pending_has_different_debit_account"),
        (line.credit not in ("", held.credit), "pending_has_different_credit_account"),
        (line.code not in ("", held.code), "pending_has_different_code"),
        (amount_nano > held.amount_nano, "exceeds_pending_amount"),
        (line.kind != "post" and amount_nano != held.amount_nano, "pending_has_different_amount"),
    )
    return next((word for is_wrong, word in checks if is_wrong), "")


def _is_open(line: Line, held: Transfer, rows: Rows, at_ms: int) -> str:
    resolved = rows.find(Transfer, pending_id=held.id)
    if resolved:
        words = {"post": "pending_already_posted", "void": "pending_already_voided"}
        return words.get(resolved[0].kind, "pending_expired")
    if line.kind == "expire":
        return "" if _is_over(held, at_ms) else "pending_not_expired"
    if _is_over(held, at_ms):
        return "pending_expired"
    if line.kind == "void":
        return ""
    if _account(rows, held.debit).is_closed:
        return "debit_account_closed"
    return "credit_account_closed" if _account(rows, held.credit).is_closed else ""


def _is_over(held: Transfer, at_ms: int) -> bool:
    return bool(held.timeout_s) and at_ms >= held.at_ms + 1000 * held.timeout_s


def _move(line: Line, rows: Rows, at_ms: int, message: str) -> None:
    """Write the transfer and both sides of it; the books allowed it.

    Its texts are those of the accounts and of the words known here: a log has very many transfers.
    """
    held = rows.get(Transfer, line.pending_id) if line.pending_id else None
    amount_nano = _amount_nano(line, held)
    debit = _account(rows, held.debit if held else line.debit)
    credit = _account(rows, held.credit if held else line.credit)
    written = {
        "id": line.id,
        "kind": intern(line.kind),
        "debit": debit.id,
        "credit": credit.id,
        "amount_nano": amount_nano,
        "code": held.code if held else intern(line.code),
        "pending_id": line.pending_id,
        "timeout_s": line.timeout_s or 0,
        "reference": line.reference or "",
        "at_ms": at_ms,
        "message": message,
    }
    rows.put(made(Transfer, written))
    held_nano = held.amount_nano if held else 0
    out, into = _steps(line.kind, amount_nano, held_nano)
    rows.put(_changed(debit, *out))
    rows.put(_changed(credit, *into))


def _steps(kind: str, amount: int, held: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(available, pending out, pending in) of the debit side, then of the credit side."""
    if kind == "single":
        return (-amount, 0, 0), (amount, 0, 0)
    if kind == "pending":
        return (-amount, amount, 0), (0, 0, amount)
    if kind == "post":
        return (held - amount, -held, 0), (amount, 0, -held)
    return (held, -held, 0), (0, 0, -held)  # void, expire


def _changed(account: Account, available: int, pending_out: int, pending_in: int) -> Account:
    return changed(
        account,
        available_nano=account.available_nano + available,
        pending_out_nano=account.pending_out_nano + pending_out,
        pending_in_nano=account.pending_in_nano + pending_in,
    )


def _account(rows: Rows, name: str) -> Account:
    found = rows.get(Account, name)
    assert found is not None, f"the books name {name}, which has no row"
    return found
