"""Arithmetic whose bits are the same on every machine, in any order, for any number of threads.

A sum runs over multiples of one power of two that are so small that no partial sum rounds, so the
order, the blocking and fused operations of a matrix library do not matter. Everything else is one
IEEE operation + - * / sqrt per element, which is correctly rounded everywhere, or a power of two
written into the exponent bits. No function here calls a kernel for exp, log, erf or tanh, and none
uses `addcmul`, `add(alpha=)` or a compiler: those may round once where two operations round twice.
source  docs/algorithms/exact.md
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

BLOCK = 2048  # terms of one exact sum at most; more are summed block by block, in order
PASS = 1 << 15  # elements that one pass takes: a few buffers of them stay in the second cache

_SMALLEST = -100  # a row whose values are all below 2**-100 counts as zeros
_EXP_LIMIT = 80.0  # e**80 and e**-80 are ordinary float32 numbers
_ERF_LIMIT = 4.0  # beyond it erf is 1 in float32


def _number(value: float) -> Tensor:
    """A float32 constant; as a tensor it need not be made one at each step of a series."""
    return torch.tensor(value, dtype=torch.float32)


_ONE, _TWO, _HALF = _number(1), _number(2), _number(0.5)
_LOG2_E = _number(1.4426950408889634)
_LN2_HIGH = _number(0.693359375)  # 9 bits, so that its product with a whole number is exact
_LN2_LOW = _number(-2.121944400546905827679e-4)
_WHOLE = _number(3 << 22)  # adding it rounds to a whole number, half to even
_EXP_SERIES = tuple(_number(1 / math.factorial(order)) for order in range(7, -1, -1))
_ERF_OVER = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_UNDER = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


def _series(terms: tuple[float, ...], factor: float = 1, step: float = 1) -> tuple[Tensor, ...]:
    """The polynomial factor * P(step * x) of P with these coefficients, the highest power first."""
    powers = range(len(terms) - 1, -1, -1)
    return tuple(
        _number(term * factor * step**power) for term, power in zip(terms, powers, strict=True)
    )


_ERF = _series(_ERF_OVER), _series(_ERF_UNDER)
# erf(x / sqrt 2) / 2 is x times a rational function of x**2 / 2
_HALF_ERF = _series(_ERF_OVER, 0.7071067811865476 / 2, 0.5), _series(_ERF_UNDER, 1, 0.5)


def bits_of(width: int) -> int:
    """The bits at which sums of `width` products stay exact: 23 up to 512 of them, else 22.

    Whole numbers of b bits are at most 2**(b - 1), so a sum over a block stays below 2**53 when
    2 * (b - 1) + log2(block) <= 53. More than 23 bits do not fit in float32 with their rounding.
    """
    block = min(max(width, 1 << 9), BLOCK)
    return 1 + (53 - (block - 1).bit_length()) // 2


def fixed(x: Tensor, bits: int = 0, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """x in fixed point: rounded to whole multiples of one power of two per row.

    x        float64 or float32, of any shape
    bits     with 2**e above every value of the row, the unit is 2**(e - bits + 1), so that values
             are whole numbers of at most 2**(bits - 1) units, half to even; 0 stands for `bits_of`
             the row; at most 23. A row without a value above 2**-100 has the unit of 2**-100
    dim      the dimension whose values share a unit
    out      where to, in any layout; float64
    returns  float64 of x's shape
    """
    anchor = _anchor(x.abs().amax(dim, keepdim=True), bits or bits_of(x.shape[dim]))
    if x.dtype == torch.float64:
        return torch.sub(torch.add(x, anchor), anchor, out=out)
    short = (x + anchor).sub_(anchor)
    return short.double() if out is None else out.copy_(short)


def fixed_by_pass(out: Tensor, values: Callable[[slice], Tensor]) -> Tensor:
    """out, float64 [rows, width], filled in fixed point per row in pieces that stay in the cache.

    values  gives float64 or float32 [piece, width] for a piece of the rows
    """
    for piece in passes(*out.shape):
        fixed(values(piece), out=out[piece])
    return out


def _anchor(largest: Tensor, bits: int) -> Tensor:
    """1.5 * 2**n whose last bit is one unit, so that adding it rounds: the exponent, moved up."""
    is_long = largest.dtype == torch.float64
    whole, fraction, width = (torch.int64, 52, 11) if is_long else (torch.int32, 23, 8)
    up = ((fraction + 2 - bits) << fraction) + (1 << (fraction - 1))
    exponent = ((1 << width) - 1) << fraction
    raw = largest.clamp_min(2.0**_SMALLEST).view(whole)
    return raw.bitwise_and_(exponent).add_(up).view(largest.dtype)


def product(rows: Tensor, columns: Tensor, out: Tensor | None = None) -> Tensor:
    """rows @ columns.T in float64, exact per block of 2048; the blocks are added in order.

    rows     float64 [m, k], fixed per row
    columns  float64 [n, k], fixed per row
    out      float64 [m, n], where to
    """
    parts = zip(rows.split(BLOCK, 1), columns.split(BLOCK, 1), strict=True)
    first = next(parts)
    total = torch.mm(first[0], first[1].t(), out=out)
    for left, right in parts:
        total.add_(torch.mm(left, right.t()))
    return total


def total_of_squares(rows: Tensor) -> Tensor:
    """float64 [m, 1]: the squares of each row, exact per block of 2048, blocks added in order.

    rows  float64 [m, k], fixed per row
    """
    parts = [(part * part).sum(-1, keepdim=True) for part in rows.split(BLOCK, -1)]
    total = parts[0]
    for part in parts[1:]:
        total = total.add_(part)
    return total


def passes(count: int, width: int) -> Iterator[slice]:
    """Rows of [count, width] in pieces that stay in the cache; each row is whole."""
    step = max(1, PASS // max(1, width))
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


def exp(x: Tensor, *, shift: int = 0) -> Tensor:
    """2**shift * e**x of float32, within 3 units of the last place; x is held inside -80 .. 80.

    x      float32; -inf gives what -80 gives
    shift  whole, from -8 to 40
    """
    x = x.clamp(-_EXP_LIMIT, _EXP_LIMIT)
    power = (x * _LOG2_E).add_(_WHOLE)
    turns = power - _WHOLE
    rest = x.sub_(turns * _LN2_HIGH).sub_(turns.mul_(_LN2_LOW))
    value = _polynomial(rest, _EXP_SERIES)
    # The low bits of `power` are the whole number itself: they become the exponent.
    exponent = power.view(torch.int32).add_(127 + shift).bitwise_left_shift_(23)
    return value.mul_(exponent.view(torch.float32))


def ln(x: Tensor) -> Tensor:
    """The natural logarithm of float64 x > 0, within 2**-51 of it or of its value.

    The mantissa m is taken to 0.707 .. 1.414; z = (m - 1) / (m + 1); an odd series to z**21.
    """
    mantissa, exponent = torch.frexp(x)
    is_low = mantissa < 0.7071067811865476
    mantissa = torch.where(is_low, mantissa * 2, mantissa)
    z = (mantissa - 1) / (mantissa + 1)
    square, series = z * z, torch.full_like(z, 1 / 21)
    for order in range(19, 0, -2):
        series.mul_(square).add_(1 / order)
    turns = (exponent - is_low.to(exponent.dtype)).double()
    return (turns * 0.6931471805599453).add_(series.mul_(z).mul_(2))


def erf(x: Tensor) -> Tensor:
    """The error function of float32, within 4e-7.

    source  a rational function of x**2, as in Eigen (MathFunctionsImpl.h, generic_fast_erf)
    """
    return _odd(x.clamp(-_ERF_LIMIT, _ERF_LIMIT), _ERF)


def gelu(x: Tensor) -> Tensor:
    """x * (1 + erf(x / sqrt 2)) / 2 of float32."""
    limit = _ERF_LIMIT * 1.4142135623730951
    return _odd(x.clamp(-limit, limit), _HALF_ERF).add_(_HALF).mul_(x)


def _odd(x: Tensor, over_under: tuple[tuple[Tensor, ...], tuple[Tensor, ...]]) -> Tensor:
    """x times one polynomial of x**2 over another."""
    square = x * x
    over, under = (_polynomial(square, terms) for terms in over_under)
    return over.mul_(x).div_(under)


def silu(x: Tensor) -> Tensor:
    """x / (1 + e**-x) of float32."""
    return x / exp(x.neg()).add_(_ONE)


def tanh(x: Tensor) -> Tensor:
    """1 - 2 / (e**2x + 1) of float32, within 3e-7."""
    return _ONE - _TWO / exp(x * _TWO).add_(_ONE)


def _polynomial(x: Tensor, terms: tuple[Tensor, ...]) -> Tensor:
    """The polynomial with these coefficients, the highest power first: two roundings a step."""
    value = (x * terms[0]).add_(terms[1])
    for term in terms[2:]:
        value.mul_(x).add_(term)
    return value
