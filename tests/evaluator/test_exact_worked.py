"""The worked tables of docs/algorithms/exact.md, run through the arithmetic that they describe."""

import math

import torch

from evaluator.exact.arithmetic import BLOCK, bits_of, exp, fixed
from tests.docs.worked import section


def test_the_worked_rounding_is_what_fixed_gives():
    (rows,) = section("exact", "2. Rounding to a unit").tables
    for row in rows:
        values = torch.tensor([[float(one) for one in row["row"].split(", ")]])
        unit = float(row["unit"])
        units = [float(one) * unit for one in row["units"].split(", ")]
        for dtype in (torch.float32, torch.float64):
            assert fixed(values.to(dtype), int(row["bits"])).tolist() == [units]


def test_the_worked_bits_are_what_the_rule_gives():
    (rows,) = section("exact", "3. Bits of a sum").tables
    for row in rows:
        terms = int(row["terms"])
        assert int(row["bits"]) == bits_of(terms)
        assert int(row["blocks"]) == math.ceil(terms / BLOCK)


def test_the_worked_weights_are_what_exp_gives():
    (rows,) = section("exact", "4. Softmax").tables
    scores = torch.tensor([float(row["score"]) for row in rows])
    below = scores - scores.amax()
    assert below.tolist() == [float(row["below the largest"]) for row in rows]
    weights = exp(below, shift=21).round().tolist()
    assert weights == [float(row["weight"]) for row in rows]
