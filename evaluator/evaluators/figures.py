"""From the whole numbers of all examples to one figure: rounded once, the same everywhere.

Shares and means are fractions of whole numbers, roots are taken of whole numbers, and exponentials
and logarithms by decimal arithmetic of 60 digits. No float and no mathematics library is met, so no
processor can give another last digit. Standard library only.
"""

import decimal  # noqa: TID251 - no money here: exponentials without a float
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt

from evaluator.evaluators.form import E9

MOST_SCORE_E9 = 10**18  # 10^9: what is larger stands for "far too much"
_Z = Fraction(1_959_963_985, E9)  # the 0.975 quantile of the normal distribution
_MOST_EXPONENT = Fraction(21)  # e^21 > 10^9


def share_e9(ones: Sequence[int], _: int = 0) -> int:
    """The share of ones in parts of 10^9, half to even; raises ValueError when there are none."""
    return _mean(ones, E9)


def mean_e9(parts: Sequence[int], _: int = 0) -> int:
    """The mean of numbers that are in parts of 10^9 already, half to even; ValueError for none."""
    return _mean(parts, 1)


def total(numbers: Sequence[int], _: int) -> int:
    """What ranks where the mean is over all examples: their sum."""
    return sum(numbers)


def rows_of(records: Sequence[int], width: int) -> list[tuple[int, ...]]:
    """The records of each example; raises ValueError when the last is cut."""
    if len(records) % width:
        raise ValueError(f"{len(records)} numbers are no rows of {width}")
    return [tuple(records[place : place + width]) for place in range(0, len(records), width)]


def columns_of(records: Sequence[int], width: int) -> list[int]:
    """The sum of each of the width numbers over all examples; ValueError when there are none."""
    found = rows_of(records, width)
    if not found:
        raise ValueError("a score needs at least one example")
    return [sum(column) for column in zip(*found, strict=True)]


def wilson_e9(ones: Sequence[int]) -> tuple[int, int]:
    """The 95 % Wilson score interval of the share of ones, in parts of 10^9, rounded outwards.

    source  Wilson 1927, JASA 22(158), 209-212; without continuity correction. It is for people to
            read: no rank or prize depends on it.
    """
    count, good = len(ones), Fraction(sum(ones))
    square = _Z * _Z
    middle = (good + square / 2) / (count + square)
    inside = good * (count - good) / count + square / 4
    half = _Z * _root_above(inside) / (count + square)
    return _outwards(middle - half, middle + half)


def normal_e9(parts: Sequence[int]) -> tuple[int, int]:
    """The 95 % interval of a mean of numbers from 0 to 10^9: 1.96 standard errors to each side.

    It is for people to read, like `wilson_e9`. One example alone tells nothing: 0 to 10^9.
    """
    count = len(parts)
    if count == 1:
        return 0, E9
    mean = Fraction(sum(parts), count)
    squares = Fraction(sum(one * one for one in parts))
    spread = (squares - mean * mean * count) / (count - 1)
    half = _Z * _root_above(spread / count)
    return _outwards((mean - half) / E9, (mean + half) / E9)


def whole_root(square: Fraction) -> int:
    """The square root of a fraction that is not negative, rounded to the nearest whole number."""
    doubled = isqrt(4 * square.numerator // square.denominator)
    return (doubled + 1) // 2


def exp_e9(exponent: Fraction) -> int:
    """e to the exponent in parts of 10^9, half to even, at most MOST_SCORE_E9."""
    if exponent > _MOST_EXPONENT:
        return MOST_SCORE_E9
    exactly = _exactly()
    over, under = (decimal.Decimal(one) for one in (exponent.numerator, exponent.denominator))
    value = exactly.exp(exactly.divide(over, under))
    return min(MOST_SCORE_E9, round(Fraction(value) * E9))


def log(value: Fraction) -> Fraction:
    """The natural logarithm of a fraction above 0, to more than 50 digits."""
    exactly = _exactly()
    over, under = (exactly.ln(decimal.Decimal(one)) for one in (value.numerator, value.denominator))
    return Fraction(exactly.subtract(over, under))


def capped_e9(value: Fraction) -> int:
    """A figure in parts of 10^9, half to even, at most MOST_SCORE_E9."""
    return min(MOST_SCORE_E9, round(value * E9))


def by_row(width: int, point: Callable[[tuple[int, ...]], int]) -> Callable[..., tuple[int, ...]]:
    """Points from the records of one example at a time."""
    return lambda records: tuple(point(row) for row in rows_of(records, width))


def _mean(numbers: Sequence[int], scale: int) -> int:
    if not numbers:
        raise ValueError("a score needs at least one example")
    return round(Fraction(sum(numbers) * scale, len(numbers)))


def _outwards(low: Fraction, high: Fraction) -> tuple[int, int]:
    return max(0, int(low * E9)), min(E9, -int(-high * E9 // 1))


def _root_above(value: Fraction) -> Fraction:
    """The square root, rounded up in the twelfth decimal place."""
    scale = 10**12
    return Fraction(isqrt(value.numerator * scale**2 // value.denominator) + 1, scale)


def _exactly() -> decimal.Context:
    """60 digits, half to even: `exp` and `ln` are then rounded correctly, so the same everywhere.

    source  General Decimal Arithmetic Specification 1.70
    """
    traps = [decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
    return decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN, traps=traps)
