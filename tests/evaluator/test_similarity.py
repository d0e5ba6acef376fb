"""How like two adapters are: what a copier may do and stay found, and what honest work comes to."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.engine import build
from evaluator.engine.library import best_variant, library
from evaluator.similarity import measure
from evaluator.similarity.forms import form_of, read_form, write_form
from evaluator.similarity.measure import Alike, Kind, compare
from tests.evaluator.adapters import canonical, factors
from tests.evaluator.makers import pseudo

EARLIER = factors("earlier")
FORM = form_of(canonical(EARLIER))
SAME = Alike(1_000_000, 1_000_000)
KNOWN = (
    "1999ec05e6bbfd53b5e6ff0f6b7c0bb8ac15df378d23411ce2e6dfbf764d19f5"  # of FORM, on any machine
)


def spelled(change, adapter=EARLIER, **more):
    """How like an adapter is to the earlier one once every layer was changed so."""
    made = {name: change(name, up, down) for name, (up, down) in adapter.items()}
    return compare(FORM, form_of(canonical(made, **more)))


def dense(factors):
    """The measure by whole matrices and numpy's own SVD."""
    sides = {}
    for name, (up, down) in factors.items():
        u, s, vt = np.linalg.svd(up.astype("f8") @ down.astype("f8"), full_matrices=False)
        kept = min(int((s > 1e-6 * s[0]).sum()), max(1, min(up.shape[0], down.shape[1]) // 8))
        sides[name] = u[:, :kept], vt[:kept].T
    return sides


def dense_two_sided(earlier, later):
    one, other, found = dense(earlier), dense(later), []
    for name in one:
        both = []
        for x, y in zip(one[name], other[name], strict=True):
            k, chance = min(x.shape[1], y.shape[1]), max(x.shape[1], y.shape[1]) / x.shape[0]
            both.append(max(0.0, (((x.T @ y) ** 2).sum() / k - chance) / (1 - chance)))
        found.append(min(both))
    return float(np.mean(found))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_way_to_spell_the_same_update_hides_it(seed):
    def change(name, up, down):
        mix = np.eye(4) * 3 + pseudo(f"{seed}/{name}", (4, 4)).astype("f8")
        signs = np.where(pseudo(f"{seed}/{name}/signs", (4,)) > 0, 1, -1)
        order = np.argsort(pseudo(f"{seed}/{name}/order", (4,)))
        up, down = up @ mix, np.linalg.solve(mix, down)
        return (up * signs)[:, order] * 7, (down * signs[:, None])[order] / 7

    assert spelled(change) == SAME


def test_a_factor_of_the_whole_adapter_and_a_negated_one_change_nothing():
    assert spelled(lambda _, up, down: (-up, down), scale=0.01) == SAME


@pytest.mark.parametrize("extra", [1, 4, 8])
def test_padding_to_a_larger_rank_changes_nothing(extra):
    def with_zeros(name, up, down):
        new = pseudo(f"{name}/new", (extra, down.shape[1]))
        return np.hstack([up, np.zeros((len(up), extra))]), np.vstack([down, new])

    def with_sums(name, up, down):
        mix = pseudo(f"{name}/mix", (4, 4 + extra)).astype("f8")
        return up @ mix, np.linalg.pinv(mix) @ down

    assert spelled(with_zeros) == SAME
    assert spelled(with_sums) == SAME


@pytest.mark.parametrize("factor", [0.1, 1, 10])
def test_new_directions_hide_no_copy(factor):
    def decoyed(name, up, down):
        columns, rows = pseudo(f"{name}/c", (len(up), 4)), pseudo(f"{name}/r", (4, down.shape[1]))
        return np.hstack([up, factor * columns]), np.vstack([down, rows])

    assert spelled(decoyed).kind is Kind.DUPLICATE


def test_the_strongest_half_of_a_copy_is_a_copy():
    def halved(_, up, down):
        u, s, vt = np.linalg.svd(up @ down, full_matrices=False)
        return u[:, :2] * s[:2], vt[:2]

    assert spelled(halved) == SAME


def test_two_that_share_what_they_read_are_independent():
    """As trainings do that begin with the same A."""
    found = spelled(lambda name, up, down: (pseudo(f"{name}/other", up.shape), down))
    assert found.kind is Kind.INDEPENDENT


def test_any_two_adapters_are_independent_whatever_their_rank():
    for rank in (1, 4, 16, 64, 80):
        other = form_of(canonical(factors(f"other/{rank}", rank=rank)))
        assert compare(FORM, other).kind is compare(other, FORM).kind is Kind.INDEPENDENT


def test_half_of_the_layers_make_it_derived():
    other = factors("other")
    part = {name: (EARLIER if name == "layer0" else other)[name] for name in EARLIER}
    found = compare(FORM, form_of(canonical(part)))
    assert (found.kind, found.copied_layers_ppm) == (Kind.DERIVED, 333_333)


def test_a_layer_that_only_one_of_them_changes_counts_for_nothing():
    less = {name: pair for name, pair in EARLIER.items() if name != "layer1"}
    quiet = {name: (up * (name != "layer1"), down) for name, (up, down) in EARLIER.items()}
    for later in (less, quiet):
        assert compare(FORM, form_of(canonical(later))) == Alike(1_000_000, 666_666)


def test_the_numbers_are_those_of_the_whole_matrices():
    noisy = {
        name: (up + 0.4 * pseudo(f"{name}/B", up.shape), down + 0.4 * pseudo(name, down.shape))
        for name, (up, down) in EARLIER.items()
    }
    for later in (noisy, factors("other"), factors("wide", rank=16)):
        found = compare(FORM, form_of(canonical(later))).two_sided_ppm
        exact = {name: tuple(part.astype("f4") for part in pair) for name, pair in later.items()}
        assert abs(found - 1e6 * dense_two_sided(EARLIER, exact)) <= 2


@pytest.mark.parametrize("limit", [measure.DUPLICATE_PPM, measure.DERIVED_PPM])
def test_a_number_on_a_limit_has_reached_it(limit):
    assert measure.kind_of(limit, 0) is not measure.kind_of(limit - 1, 0)


def test_hostile_numbers_end_and_mean_nothing():
    huge, tiny = float(np.finfo("f4").max), 1e-45
    for up, down in (
        (np.zeros((96, 4)), np.zeros((4, 64))),
        (np.full((96, 4), huge), np.full((4, 64), huge)),
        (np.full((96, 4), tiny), np.full((4, 64), tiny)),
        (np.full((96, 4), np.nan), np.full((4, 64), np.inf)),
    ):
        form = form_of(canonical(dict.fromkeys(EARLIER, (up, down))))
        assert compare(FORM, form).kind is compare(form, FORM).kind is Kind.INDEPENDENT


def test_an_update_of_the_smallest_numbers_is_still_recognised():
    small = {name: (up * 1e-30, down * 1e-8) for name, (up, down) in EARLIER.items()}
    assert compare(FORM, form_of(canonical(small))).kind is Kind.DUPLICATE


def test_a_form_has_the_same_bits_in_every_build_and_from_its_blob():
    wide = (build.WIDE,) if best_variant() in (build.AVX2, build.AVX512) else ()
    raw = write_form(FORM)
    for variant in (*{*build.variants_here(), *wide} - {build.AVX512}, best_variant()):
        assert write_form(form_of(canonical(EARLIER), variant=variant)) == raw
    assert write_form(read_form(raw)) == raw
    assert sha256(raw).hexdigest() == KNOWN


@pytest.mark.parametrize("cut", [0, 5, 14, 60, -1])
def test_another_file_is_no_form(cut):
    raw = write_form(FORM)
    with pytest.raises(ValueError, match="form"):
        read_form(raw[:cut])
    with pytest.raises(ValueError, match="form"):
        read_form(raw + b"x")


def test_a_comparison_costs_products_of_rank_by_rank_alone(monkeypatch):
    """Counted where the engine is asked: never the size of a layer's matrix."""
    asked = []

    class Counting:
        def engine_shared(self, width, k, l, *addresses):  # noqa: E741 - as the engine has it
            asked.append(width * k * l)
            return library().engine_shared(width, k, l, *addresses)

    counting = Counting()
    monkeypatch.setattr(measure, "library", lambda: counting)
    other = form_of(canonical(factors("other", rank=2)))
    compare(FORM, other)
    assert sum(asked) == 3 * 4 * 2 * (96 + 64)
    assert max(asked) < 96 * 64
