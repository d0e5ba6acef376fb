"""The worked tables of docs/algorithms/exact.md, run through the engine that they describe."""

from evaluator.bases.families import FUNCTIONS
from evaluator.engine.library import library
from evaluator.engine.tensors import floats_of, room
from tests.docs.worked import section

PLAIN = FUNCTIONS.index("plain")


def numbers(text):
    return [float(one) for one in text.split(", ")]


def hexadecimal(values):
    return ", ".join(value.hex() for value in values)


def function(name, values):
    """`exp` stands behind the functions that layers have."""
    number = len(FUNCTIONS) if name == "exp" else FUNCTIONS.index(name)
    given, out = floats_of(values), room(len(values))
    library().engine_functions(number, len(values), given.address, out.address)
    return out.values()


def test_the_worked_products_are_chains():
    products, merges = section("exact", "2. Products").tables
    for row in products:
        a, w, start = (floats_of(numbers(row[name])) for name in ("a", "w", "start"))
        out, count = room(1, 1), len(a.values())
        library().engine_dense(1, 1, count, a.address, w.address, start.address, PLAIN, out.address)
        assert hexadecimal(out.values()) == row["result"]
    for row in merges:
        base, down, up, out = (
            floats_of([1]),
            floats_of([0.1, 0.3]),
            floats_of([0.5, -0.25]),
            room(1),
        )
        places = (base.address, down.address, up.address, out.address)
        library().engine_merged(1, 1, 2, float(row["scale"]), *places)
        assert hexadecimal(out.values()) == row["merged"]


def test_the_worked_functions_are_the_engines():
    functions, logs = section("exact", "3. Functions").tables
    for row in functions:
        assert hexadecimal(function(row["function"], [float(row["x"])])) == row["value"], row
    for row in logs:
        assert library().engine_ln(float(row["x"])).hex() == row["ln"]


def test_the_worked_norm_adds_up_in_sixteen_lanes():
    [[row]] = section("exact", "4. Sums over a row").tables
    x = floats_of(numbers(row["row"]))
    width = len(x.values())
    gain, bias = floats_of([1.0] * width), room(width)
    library().engine_normed(1, width, 1e-5, gain.address, bias.address, x.address)
    assert [value.hex() for value in x.values()[:3]] == [
        row[name] for name in ("first", "second", "third")
    ]


def test_the_worked_weights_follow_from_their_scores():
    [[row]] = section("exact", "5. Attention").tables
    scores = numbers(row["scores"])
    weights = function("exp", [score - max(scores) for score in scores])
    assert hexadecimal(weights) == row["weights"]
    # The lanes of four keys are theirs alone, and the tree takes in 8, 4, 2, 1: (0 + 2) + (1 + 3).
    single = [
        floats_of([weights[0] + weights[2]]).values()[0],
        floats_of([weights[1] + weights[3]]).values()[0],
    ]
    assert hexadecimal(floats_of([sum(single)]).values()) == row["sum"]
