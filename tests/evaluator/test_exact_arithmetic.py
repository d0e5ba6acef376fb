"""Arithmetic that cannot round in sums: against whole numbers, and in every order."""

import math
from fractions import Fraction

import pytest
import torch

from evaluator.exact import arithmetic
from evaluator.exact.arithmetic import bits_of, exp, fixed, ln, product, total_of_squares

WIDTHS = (64, 512, 513, 1408, 2048, 2049, 5000)


def noise(*shape, seed=1):
    """Values of very different size, float64."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return small * torch.exp(4 * torch.randn(*shape, generator=generator, dtype=torch.float64))


def whole(rows):
    return [[Fraction(value) for value in row] for row in rows.tolist()]


def test_a_sum_of_the_largest_products_stays_below_what_float64_holds():
    for width in WIDTHS:
        largest = 2 ** (bits_of(width) - 1)
        assert largest**2 * min(width, arithmetic.BLOCK) <= 2**53
    assert [bits_of(width) for width in (1, 512, 513, 2048, 10**6)] == [23, 23, 22, 22, 22]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bits", [20, 22, 23])
def test_fixed_point_is_the_nearest_multiple_of_the_rows_unit(dtype, bits):
    rows = noise(40, 30).to(dtype)
    rows[3, 4], rows[5] = 1.5, 0
    for row, found in zip(whole(rows.double()), whole(fixed(rows, bits)), strict=True):
        above = max(math.frexp(abs(value))[1] for value in row)
        unit = Fraction(2) ** (max(above, -99) - bits + 1)
        assert found == [round(value / unit) * unit for value in row]


def test_half_a_unit_goes_to_even_and_a_power_of_two_is_itself():
    unit = 2.0**-21  # of a row whose largest value is below 2
    row = torch.tensor([[1.0, 0.5 * unit, 1.5 * unit, -2.5 * unit, 2.0 - unit / 4]])
    assert fixed(row.double(), 23).tolist() == [[1.0, 0.0, 2 * unit, -2 * unit, 2.0]]


def test_fixed_point_along_another_dimension_is_that_of_the_turned_rows():
    rows = noise(6, 50, 3)
    turned = fixed(rows.transpose(1, 2).contiguous(), 20).transpose(1, 2)
    out = torch.empty(3, 50, 6, dtype=torch.float64).permute(2, 1, 0)
    assert torch.equal(fixed(rows, 20, dim=1, out=out), turned)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_product_is_that_of_whole_numbers_added_block_by_block(width):
    left, right = fixed(noise(3, width)), fixed(noise(2, width, seed=2))
    found = product(left, right)
    for at, row in enumerate(whole(left)):
        for to, column in enumerate(whole(right)):
            terms = [one * other for one, other in zip(row, column, strict=True)]
            blocks = [sum(terms[first : first + 2048]) for first in range(0, width, 2048)]
            total = 0.0
            for block in blocks:
                assert Fraction(float(block)) == block
                total += float(block)
            assert found[at, to].item() == total


@pytest.mark.parametrize("width", [512, 2048])
def test_the_largest_whole_numbers_add_up_exactly(width):
    largest = 2 ** (bits_of(width) - 1)
    rows = torch.full((2, width), float(largest), dtype=torch.float64)
    rows[1, 0] = largest - 1
    wanted = [largest**2 * width - largest, largest**2 * (width - 1) + (largest - 1) ** 2]
    assert product(rows, rows)[1].tolist() == [float(one) for one in wanted]
    assert [int(one) for one in product(rows, rows)[1].tolist()] == wanted
    assert total_of_squares(rows)[1].item() == wanted[1]


def test_the_order_of_terms_changes_an_ordinary_product_and_not_an_exact_one():
    left, right = noise(8, 700), noise(8, 700, seed=2)
    order = torch.randperm(700, generator=torch.Generator().manual_seed(3))
    assert not torch.equal(left @ right.T, left[:, order] @ right[:, order].T)
    left, right = fixed(left), fixed(right)
    exact = product(left, right)
    assert torch.equal(exact, product(left[:, order], right[:, order]))
    assert torch.equal(exact, torch.stack([(row * right).flip(1).sum(1) for row in left]))


def test_squares_beyond_a_block_are_added_block_by_block():
    rows = fixed(noise(4, 5000))
    blocks = [float(sum(value * value for value in part)) for part in halves(rows[1])]
    assert total_of_squares(rows)[1].item() == (blocks[0] + blocks[1]) + blocks[2]


def halves(row):
    values = [Fraction(value) for value in row.tolist()]
    return [values[first : first + 2048] for first in range(0, 5000, 2048)]


def spread(low, high):
    return torch.linspace(low, high, 4001)


@pytest.mark.parametrize(
    ("ours", "theirs", "low", "high", "error"),
    [
        (arithmetic.erf, math.erf, -6, 6, 4e-7),
        (arithmetic.tanh, math.tanh, -30, 30, 3e-7),
        (arithmetic.silu, lambda x: x / (1 + math.exp(-x)), -60, 60, 4e-6),
        (arithmetic.gelu, lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2, -12, 12, 2e-6),
    ],
)
def test_a_function_is_as_near_as_it_says(ours, theirs, low, high, error):
    asked = spread(low, high)
    found = ours(asked).tolist()
    assert max(abs(one - theirs(x)) for one, x in zip(found, asked.tolist(), strict=True)) < error


@pytest.mark.parametrize("shift", [0, 21, 38])
def test_exp_is_within_three_units_of_the_last_place(shift):
    asked = spread(-79, 25)
    for found, x in zip(exp(asked, shift=shift).tolist(), asked.tolist(), strict=True):
        assert abs(found / (math.exp(x) * 2.0**shift) - 1) < 3 * 2.0**-24


def test_exp_at_its_ends():
    ends = exp(torch.tensor([0.0, -80.0, -1e30, -math.inf, 80.0, math.inf, math.nan])).tolist()
    assert ends[0] == 1
    assert ends[1] == ends[2] == ends[3] > 0
    assert ends[4] == ends[5] < math.inf
    assert math.isnan(ends[6])


def test_ln_is_the_logarithm():
    asked = torch.logspace(-30, 30, 4001, dtype=torch.float64)
    for found, x in zip(ln(asked).tolist(), asked.tolist(), strict=True):
        assert abs(found - math.log(x)) <= 2.0**-51 * max(1, abs(math.log(x)))
    assert ln(torch.ones(1, dtype=torch.float64)).item() == 0
