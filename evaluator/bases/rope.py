"""The rotation tables of a decoder, made with whole numbers: the same bytes on every machine.

A table is data that is pinned with the base, because the cosine of a math library differs in the
last bit between machines. Angles are those of transformers: the product, in float32, of a position
and a frequency in float32. Their cosine and sine are taken with 200 bits and rounded once.

    float32 little-endian: cos [positions, head_dim / 2], then sin [positions, head_dim / 2]

source  Su et al. 2021 (arXiv 2104.09864); Llama 3.1's scaling: transformers, rope "llama3"
"""

import struct
from array import array
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext  # noqa: TID251 - no money: frequencies to 60 digits
from functools import cache
from sys import byteorder

FILE_NAME, LOCAL_FILE_NAME = "rope.f32", "rope-local.f32"
MOST_POSITIONS = 8192  # a table of more takes longer to make than a base to try
VARIANTS = ("default", "linear", "llama3")
BITS = 200
DIGITS = 60
ONE = 1 << BITS


def table(rope: Mapping[str, str], *, positions: int, head_dim: int) -> bytes:
    """The table's bytes.

    rope    "kind", one of VARIANTS, and its numbers as decimal strings: theta; factor; for llama3
            also low, high (low_freq_factor, high_freq_factor) and original (positions)
    raises  ValueError for another kind
    """
    steps = [_float32(one) for one in _frequencies(rope, head_dim)]
    angles = [_float32(step * place) for place in range(positions) for step in steps]
    waves = [_wave(angle) for angle in angles]
    packed = array("f", [one[0] for one in waves] + [one[1] for one in waves])
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _frequencies(rope: Mapping[str, str], head_dim: int) -> list[float]:
    with localcontext() as context:
        context.prec = DIGITS
        theta = Decimal(rope["theta"])
        plain = [
            theta ** (Decimal(-2 * place) / Decimal(head_dim)) for place in range(head_dim // 2)
        ]
        scaled: Mapping[str, Callable[[Decimal], Decimal]] = {
            "default": lambda one: one,
            "linear": lambda one: one / Decimal(rope["factor"]),
            "llama3": lambda one: _llama3(one, rope),
        }
        if rope["kind"] not in scaled:
            raise ValueError(f"no rope variant {rope['kind']!r:.40}")
        return [float(scaled[rope["kind"]](one)) for one in plain]


def _llama3(frequency: Decimal, rope: Mapping[str, str]) -> Decimal:
    """Short waves stay, long ones are stretched by the factor, those between are blended."""
    factor, low, high, original = (
        Decimal(rope[name]) for name in ("factor", "low", "high", "original")
    )
    wave = 2 * Decimal(_pi()) / Decimal(ONE) / frequency
    if wave < original / high:
        return frequency
    if wave > original / low:
        return frequency / factor
    smooth = (original / wave - low) / (high - low)
    return (1 - smooth) * frequency / factor + smooth * frequency


def _wave(angle: float) -> tuple[float, float]:
    """(cos, sin) of a non-negative float64 that holds a float32, both rounded to float32."""
    top, bottom = angle.as_integer_ratio()
    quarter = _pi() // 2
    turns, rest = divmod((top << BITS) // bottom, quarter)
    cosine, sine = _series(rest, even=True), _series(rest, even=False)
    turned = ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))[turns % 4]
    return _float32(turned[0] / ONE), _float32(turned[1] / ONE)


def _series(angle: int, *, even: bool) -> int:
    """The Taylor series of the cosine (even) or the sine, of a fixed-point angle below pi / 2."""
    square = angle * angle >> BITS
    term = ONE if even else angle
    total, place = term, 0 if even else 1
    while term:
        term = -(term * square >> BITS) // ((place + 1) * (place + 2))
        total, place = total + term, place + 2
    return total


@cache
def _pi() -> int:
    """Pi times 2^BITS. source: Machin 1706, pi / 4 = 4 arctan(1/5) - arctan(1/239)"""
    spare = 16
    one = ONE << spare
    return (16 * _arctan(5, one) - 4 * _arctan(239, one)) >> spare


def _arctan(inverse: int, one: int) -> int:
    power = one // inverse
    total, place = power, 1
    while power:
        power = -power // (inverse * inverse)
        place += 2
        total += power // place
    return total


def _float32(value: float) -> float:
    """The nearest float32, ties to even, as a Python float."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
