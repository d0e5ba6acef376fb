"""Money is a whole number of nano-tokens. There are no floats and no Decimals in this house."""

import re
from collections.abc import Mapping
from hashlib import sha256

from assay.errors import AssayError

NANO_PER_TOKEN = 1_000_000_000
MOST_NANO = 2**63 - 1
_TOKENS = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,9}))?")


class AmountInvalid(AssayError):
    """The text is no amount of tokens. Facts: given."""

    code, status = "money.amount_invalid", 422
    next_step = "Write a plain number of tokens with at most nine decimals, such as 12.5."


def parse_tokens(text: str) -> int:
    """Nano-tokens from tokens as people write them: `12.5` is 12 500 000 000.

    raises AmountInvalid for signs, exponents, separators, other scripts' digits, too many decimals
    """
    found = _TOKENS.fullmatch(text.strip())
    amount_nano = -1
    if found:
        amount_nano = int(found[1]) * NANO_PER_TOKEN + int((found[2] or "").ljust(9, "0"))
    if not 0 <= amount_nano <= MOST_NANO:
        raise AmountInvalid(f"{text!r} is not an amount of tokens.", given=text)
    return amount_nano


def show_tokens(amount_nano: int) -> str:
    """Tokens as people read them, exact: never rounded, trailing zeros dropped."""
    whole, part = divmod(abs(amount_nano), NANO_PER_TOKEN)
    sign = "-" if amount_nano < 0 else ""
    return f"{sign}{whole}.{part:09d}".rstrip("0").rstrip(".")


def split(pot_nano: int, weights: Mapping[str, int], *, draw: str) -> dict[str, int]:
    """Divide a pot in proportion to whole-number weights, losing nothing.

    pot_nano  nano-tokens, >= 0
    weights   name -> weight >= 0, at least one > 0
    draw      what decides equal remainders: the payment's id
    returns   name -> nano-tokens; the values add up to pot_nano
    raises    ValueError when there is nobody to pay
    source    largest remainder (Hamilton); of equal ones the smaller sha256(draw 0x00 name) first,
              so that nobody gains by choosing a name
    """
    total = sum(weights.values())
    if pot_nano < 0 or total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"cannot split {pot_nano} by {dict(weights)}")

    def turn(name: str) -> tuple[int, bytes]:
        return -(pot_nano * weights[name] % total), sha256(f"{draw}\0{name}".encode()).digest()

    shares = {name: pot_nano * weight // total for name, weight in weights.items()}
    short = pot_nano - sum(shares.values())
    for name in sorted(weights, key=turn)[:short]:
        shares[name] += 1
    assert sum(shares.values()) == pot_nano
    return shares
