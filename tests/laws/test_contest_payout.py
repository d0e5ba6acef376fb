"""Laws of the contest's pure rules: the payout, the records, the slots, the spec.

The generator builds whole answer sheets in steps of skill, so that winners, ties and groups of
unequal size all come up: one law counts them. Weights not divided among a group, a fee of another
base, two places for one owner, and no groups at all were each planted once, and each failed.
"""

import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.money import parse_tokens
from assay.wire import Nano
from competitions.rules import prizes, quota, records
from competitions.rules.prizes import E8, Mark, PayoutTerms, Placed, separable, settle
from competitions.rules.spec import bond_nano, problems, reveal_until_ms, verify_until_ms
from tests.laws import story

EXAMPLES = 24
BASELINE = (1,) * 6 + (0,) * 18
AMOUNTS = st.integers(1, 10**6) | st.integers(1, 2**62)
sheets = st.lists(st.integers(0, 1), min_size=0, max_size=30)
words = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=30)


def mark(sheet):
    """What accuracy makes of an answer sheet."""
    return Mark(sum(sheet), tuple(sheet))


@st.composite
def entry_lists(draw):
    """Up to ten entries of up to six owners: so many right answers, with a few of them moved."""
    made = []
    for number in range(draw(st.integers(0, 10))):
        right = draw(st.sampled_from((4, 6, 11, 12, 15, 18, 19, 23, 24)))
        sheet = [1] * right + [0] * (EXAMPLES - right)
        for place in draw(st.lists(st.integers(0, EXAMPLES - 1), max_size=4)):
            sheet[place] ^= 1
        owner = f"owner{draw(st.integers(0, 5))}"
        made.append(Placed(f"entry{number}", owner, 1000 + number, mark(sheet)))
    return draw(st.permutations(made))


@st.composite
def terms_of_payout(draw, prizes_nano=AMOUNTS):
    curve = sorted(draw(st.lists(st.integers(1, 20), min_size=1, max_size=6)), reverse=True)
    fee_e8, pool_e8 = (draw(st.integers(0, E8 // 4)) for _ in "ab")
    forfeits_nano = draw(st.just(0) | st.integers(1, 10**6))
    return PayoutTerms(draw(prizes_nano), tuple(curve), fee_e8, pool_e8, forfeits_nano)


def pay(entries, terms, draw="beacon"):
    return settle(entries, terms, baseline=mark(BASELINE), draw=draw)


def exact(result, terms):
    """What each winner would get if tokens had no smallest part, by the words of the rule."""
    curve = dict(enumerate(terms.curve))
    due, at = {}, 0
    for group in result.groups:
        places = [curve.get(place, 0) for place in range(at, at + len(group))]
        due |= dict.fromkeys(group, Fraction(sum(places), len(group)))
        at += len(group)
    pot_nano = terms.prize_nano + terms.forfeits_nano - result.fee_nano - result.pool_nano
    return {name: pot_nano * weight / sum(due.values()) for name, weight in due.items()}


@given(entry_lists(), terms_of_payout())
def test_the_whole_prize_goes_somewhere_and_nothing_else_does(entries, terms):
    result = pay(entries, terms)
    parts = (result.fee_nano, result.pool_nano, result.to_sponsor_nano, *result.prizes.values())
    assert sum(parts) + result.burnt_nano == terms.prize_nano + terms.forfeits_nano
    assert min(parts) >= 0
    assert result.pool_nano == terms.prize_nano * terms.pool_e8 // E8
    is_won = bool(result.prizes)
    assert result.fee_nano == (terms.prize_nano * terms.fee_e8 // E8 if is_won else 0)
    assert result.to_sponsor_nano == (0 if is_won else terms.prize_nano - result.pool_nano)
    assert result.burnt_nano == (0 if is_won else terms.forfeits_nano)


@given(entry_lists(), terms_of_payout())
def test_along_the_ranking_no_prize_is_larger_by_more_than_one_nano(entries, terms):
    result = pay(entries, terms)
    amounts = [result.prizes[name] for group in result.groups for name in group]
    assert all(later <= earlier + 1 for earlier, later in pairwise(amounts))
    for group in result.groups:
        assert max(map(result.prizes.get, group)) - min(map(result.prizes.get, group)) <= 1


@given(entry_lists(), terms_of_payout())
def test_a_group_gets_what_its_places_pay_to_less_than_a_nano_each(entries, terms):
    """Guards the weights: the places of a group add up, whoever stands on them."""
    result = pay(entries, terms)
    due = exact(result, terms)
    assert set(due) == set(result.prizes)
    assert all(abs(result.prizes[name] - amount) < 1 for name, amount in due.items())


@given(entry_lists(), terms_of_payout())
def test_each_owner_has_one_place_by_the_best_entry_and_clearly_beats_the_base(entries, terms):
    result = pay(entries, terms)
    by_name = {one.id: one for one in entries}
    paid = [by_name[name] for group in result.groups for name in group]
    assert len({one.owner for one in paid}) == len(paid)
    for one in paid:
        rivals = [other for other in entries if other.owner == one.owner]
        assert one.mark.merit == max(other.mark.merit for other in rivals)
        assert chance_of_luck(one.mark.points, BASELINE) <= Fraction(1, 20 * len(entries))
    best = {}
    for one in sorted(entries, key=lambda one: (-one.mark.merit, one.committed_ms)):
        best.setdefault(one.owner, one)
    missed = {one.id for one in best.values()} - {one.id for one in paid}
    alpha = Fraction(1, 20 * max(1, len(entries)))
    assert all(not separable(by_name[name].mark.points, BASELINE, alpha) for name in missed)


@given(entry_lists(), terms_of_payout())
def test_a_group_ends_before_the_first_entry_that_its_leader_clearly_beats(entries, terms):
    result, sheet = pay(entries, terms), {one.id: one.mark.points for one in entries}
    for group in result.groups:
        assert not any(separable(sheet[group[0]], sheet[name]) for name in group[1:])
    for earlier, later in pairwise(result.groups):
        assert separable(sheet[earlier[0]], sheet[later[0]])


@given(entry_lists(), terms_of_payout(), st.permutations(range(10)), st.text(max_size=5))
def test_other_names_and_another_draw_move_one_nano_at_most(entries, terms, order, draw):
    """Nobody gains by a name: only who gets the last units depends on it."""
    names = {f"entry{number}": f"other{other}" for number, other in enumerate(order)}
    renamed = [replace(one, id=names[one.id], owner=f"person of {one.owner}") for one in entries]
    before, after = pay(entries, terms), pay(renamed, terms, draw=draw)
    assert [[names[name] for name in group] for group in before.groups] == [
        list(group) for group in after.groups
    ]
    for name, amount_nano in before.prizes.items():
        assert abs(after.prizes[names[name]] - amount_nano) <= 1


@given(entry_lists(), terms_of_payout())
def test_the_order_in_which_entries_are_read_changes_nothing(entries, terms):
    assert pay(entries, terms) == pay(sorted(entries, key=lambda one: one.id), terms)


@given(entry_lists(), terms_of_payout(st.integers(1, 10**6)), st.integers(2, 1000))
def test_a_prize_so_many_times_as_large_pays_so_many_times_as_much(entries, terms, factor):
    """Up to rounding: fee and pool lose less than a unit each, and a share less than one more."""
    small = pay(entries, terms)
    more = {"prize_nano": terms.prize_nano * factor, "forfeits_nano": terms.forfeits_nano * factor}
    large = pay(entries, replace(terms, **more))
    assert small.groups == large.groups
    for name, amount_nano in small.prizes.items():
        assert abs(large.prizes[name] - factor * amount_nano) <= 3 * factor


@given(entry_lists(), terms_of_payout())
def test_a_crowd_of_worthless_entries_wins_nothing_and_makes_nobody_else_a_winner(entries, terms):
    """It raises the bar for all, since each that decides is one more test against the base."""
    puppets = [Placed(f"puppet{n}", f"puppet{n}", n, mark(BASELINE)) for n in (1, 2)]
    before, after = pay(entries, terms), pay([*entries, *puppets], terms)
    assert set(after.prizes) <= set(before.prizes)
    assert after.prizes == before.prizes or len(after.prizes) < len(before.prizes)


def test_the_generator_reaches_ties_losers_and_groups_of_unequal_size():
    """A law that only ever saw one winner would prove little."""
    seen = Counter()

    @settings(max_examples=300)
    @given(entry_lists(), terms_of_payout())
    def look(entries, terms):
        sizes = [len(group) for group in pay(entries, terms).groups]
        seen["nobody wins"] += not sizes
        seen["a lone winner"] += sizes == [1]
        seen["a tie"] += any(size > 1 for size in sizes)
        seen["groups of unequal size"] += len(set(sizes)) > 1
        seen["more winners than places"] += sum(sizes) > len(terms.curve)

    look()
    print(dict(seen))  # noqa: T201 - how often each was reached
    assert all(count >= 5 for count in seen.values()), seen
    assert len(seen) == 5


# --- clearly better -------------------------------------------------------------------------------


def chance_of_luck(better, worse):
    """P(at least this many of the differing examples won by fair coins), coin by coin."""
    differing = [one - other for one, other in zip(better, worse, strict=True) if one != other]
    if not differing:
        return Fraction(1)
    chances = {0: Fraction(1)}
    for _ in differing:
        tossed = Counter()
        for won, chance in chances.items():
            tossed[won] += chance / 2
            tossed[won + 1] += chance / 2
        chances = tossed
    return sum(chance for won, chance in chances.items() if won >= differing.count(1))


pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=24)


@given(pairs)
def test_clearly_better_is_the_exact_test_coin_by_coin(pairs):
    better, worse = ([one[side] for one in pairs] for side in (0, 1))
    assert separable(better, worse) == (chance_of_luck(better, worse) <= Fraction(1, 20))


@given(pairs)
def test_two_are_never_each_clearly_better_than_the_other(pairs):
    better, worse = ([one[side] for one in pairs] for side in (0, 1))
    assert not (separable(better, worse) and separable(worse, better))
    assert not separable(better, better)


@given(pairs, st.integers(0, 23))
def test_one_more_right_answer_never_makes_it_less_clear(pairs, place):
    better, worse = ([one[side] for one in pairs] for side in (0, 1))
    if separable(better, worse):
        more = [1 if at == place else one for at, one in enumerate(better)]
        assert separable(more, worse)


@pytest.mark.parametrize(
    ("wins", "losses", "is_clear"),
    [(0, 0, False), (4, 0, False), (5, 0, True), (6, 1, False), (7, 1, True), (9, 2, True),
     (8, 2, False), (10, 3, True), (9, 3, False), (13, 4, True), (12, 4, True), (11, 4, False)],
)  # fmt: skip
def test_how_many_differing_examples_must_be_won(wins, losses, is_clear):
    """From a printed table of the binomial distribution: P(X >= wins), one-sided, at 0.05."""
    better, worse = [1] * wins + [0] * losses, [0] * wins + [1] * losses
    assert separable(better, worse) is is_clear


graded = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=24)


@given(graded)
def test_graded_points_are_judged_by_who_is_higher_on_each_example_alone(pairs):
    """The exact sign test: by how much one is higher changes nothing."""
    better, worse = ([one[side] for one in pairs] for side in (0, 1))
    signs = [(one > other, one < other) for one, other in pairs]
    assert separable(better, worse) == separable(*zip(*signs, strict=True) if signs else ((), ()))


def test_clear_wins_on_most_examples_do_not_help_a_smaller_merit():
    """Guards graded metrics: one great loss can outweigh many small wins."""
    one, other = Mark(5, (1,) * 9 + (0,)), Mark(90, (0,) * 9 + (90,))
    assert separable(one.points, other.points)
    assert not one.beats(other)


def test_twenty_thousand_graded_examples_are_compared_in_time():
    better = [place % 20 for place in range(20_000)]
    worse = [10] * 20_000
    begun_s = time.process_time()
    assert not separable(better, worse)
    assert separable([11] * 10_200 + [9] * 9_800, [10] * 20_000)
    assert time.process_time() - begun_s < 2


# --- records, slots, spec -------------------------------------------------------------------------


@given(sheets)
def test_bits_travel_and_come_back(sheet):
    packed = records.pack(sheet, is_binary=True)
    assert records.unpack(packed, len(sheet), is_binary=True) == tuple(sheet)


@given(words)
def test_whole_numbers_travel_and_come_back(numbers):
    packed = records.pack(numbers, is_binary=False)
    assert records.unpack(packed, len(numbers), is_binary=False) == tuple(numbers)


@given(st.text(alphabet="0123456789abcdefABCDEFxg +/=", max_size=12), st.integers(0, 32),
       st.booleans())  # fmt: skip
def test_only_what_pack_writes_is_read(packed, count, is_binary):
    """One text per list of numbers: else two messages could say the same score differently."""
    try:
        numbers = records.unpack(packed, count, is_binary=is_binary)
    except ValueError:
        return
    assert records.pack(numbers, is_binary=is_binary) == packed


@pytest.mark.parametrize(
    ("numbers", "is_binary"),
    [((2,), True), ((2**31,), False), ((-(2**31) - 1,), False), ((0,) * 11_001, False),
     ((0,) * 176_008, True)],
)  # fmt: skip
def test_what_has_no_room_in_a_message_is_not_packed(numbers, is_binary):
    with pytest.raises(ValueError, match=r"0 or 1|32 bits|over 44000 bytes"):
        records.pack(numbers, is_binary=is_binary)


@given(st.integers(0, 2**45), st.integers(0, 2**45), st.integers(1, 30 * 86_400))
def test_every_moment_has_one_window_and_the_next_begins_when_it_ends(opens_ms, after, window_s):
    times = {"opens_at_ms": opens_ms, "window_s": window_s}
    window = quota.window_of(opens_ms + after, **times)
    ends_ms = quota.window_ends_ms(window, **times)
    assert ends_ms - 1000 * window_s <= opens_ms + after < ends_ms
    assert quota.window_of(ends_ms, **times) == window + 1
    assert quota.window_of(opens_ms, **times) == 0


@given(st.sets(st.integers(0, 9)), st.integers(1, 10))
def test_slots_fill_from_the_lowest_until_none_is_left(taken, limit):
    left = sorted(set(range(limit)) - taken)
    assert quota.free_slot(taken, limit) == (left[0] if left else None)
    while (slot := quota.free_slot(taken, limit)) is not None:
        taken = taken | {slot}
    assert set(range(limit)) <= taken


NOW_MS = story.ms(story.NOW)
FAULTS = [
    ({"prize_nano": Nano(0)}, "prize_nano", False),
    ({"curve": ()}, "curve", False),
    ({"curve": (1, 2)}, "curve", False),
    ({"curve": (1, 0)}, "curve", False),
    ({"curve": (1,) * 65}, "curve", False),
    ({"fee_e8": -1}, "fee_e8", False),
    ({"fee_e8": 30_000_000, "pool_e8": 30_000_000}, "fee_e8", False),
    ({"bond_e8": E8 + 1}, "bond_e8", False),
    ({"deposit_e8": -1}, "deposit_e8", False),
    ({"closes_at_ms": NOW_MS}, "closes_at_ms", True),
    ({"opens_at_ms": NOW_MS, "closes_at_ms": NOW_MS + 9_999}, "closes_at_ms", True),
    ({"opens_at_ms": NOW_MS - 86_400_001}, "opens_at_ms", True),
    ({"reveal_s": 0}, "reveal_s", True),
    ({"verify_s": 31 * 86_400}, "verify_s", True),
    ({"dispute_s": -1}, "dispute_s", True),
    ({"quota": 0}, "quota", False),
    ({"quota": 1001}, "quota", False),
    ({"window_s": 0}, "window_s", False),
    ({"finals": 11}, "finals", False),
    ({"min_sandbox_level": "none"}, "min_sandbox_level", False),
    ({"title": ""}, "title", False),
    ({"title": "x" * 81}, "title", False),
    ({"summary": "x" * 2001}, "summary", False),
    ({"files": ()}, "files", False),
]


@pytest.mark.parametrize(("changed", "path", "is_date"), FAULTS)
def test_every_fault_of_a_spec_is_named_at_its_field(changed, path, is_date):
    assert problems("docs", story.spec(), now_ms=NOW_MS) == []
    found = problems("docs", replace(story.spec(), **changed), now_ms=NOW_MS)
    assert {(one.path, one.is_date) for one in found} == {(path, is_date)}
    assert all(one.cause.endswith(".") for one in found)


@pytest.mark.parametrize("name", ["", "Docs", "-docs", "docs-", "a--b", "d" * 49, "do cs", "9docs"])
def test_an_odd_short_name_is_named(name):
    (found,) = problems(name, story.spec(), now_ms=NOW_MS)
    assert found.path == "competition"


def test_all_faults_are_told_at_once():
    bad = {
        name: value
        for changed, _, _ in FAULTS[:1] + FAULTS[13:15]
        for name, value in changed.items()
    }
    found = problems("Bad!", replace(story.spec(), **bad), now_ms=NOW_MS)
    assert {one.path for one in found} == {"competition", "prize_nano", "verify_s", "dispute_s"}


@given(st.integers(1, 2**62), st.integers(0, E8))
def test_the_bond_is_its_part_of_the_prize_rounded_down(prize_nano, bond_e8):
    spec = replace(story.spec(), prize_nano=Nano(prize_nano), bond_e8=bond_e8)
    assert 0 <= Fraction(prize_nano * bond_e8, E8) - bond_nano(spec) < 1


def test_the_deadlines_follow_each_other():
    spec = replace(story.spec(), reveal_s=60, verify_s=30)
    assert reveal_until_ms(spec) == spec.closes_at_ms + 60_000
    assert verify_until_ms(spec) == spec.closes_at_ms + 90_000


def test_the_example_of_the_documents_is_paid_to_the_last_nano():
    """Two tied and one behind, 925 tokens: weights 6, 6, 2 of 14."""
    tied = [(1,) * 24, (1,) * 22 + (0, 0), (1,) * 14 + (0,) * 10]
    entries = [Placed(name, name, place, mark(sheet)) for place, (name, sheet)
               in enumerate(zip("abc", tied, strict=True))]  # fmt: skip
    terms = PayoutTerms(parse_tokens("1000"), (8, 4, 2, 1), 2_500_000, 5_000_000)
    result = prizes.settle(entries, terms, baseline=mark(BASELINE), draw="beacon")
    assert result.groups == (("a", "b"), ("c",))
    assert (result.fee_nano, result.pool_nano) == (25 * 10**9, 50 * 10**9)
    assert sorted(result.prizes.values()) == [132_142_857_143, 396_428_571_428, 396_428_571_429]
