"""Laws of licence terms: one spelling per meaning, and doubt never sets anything free."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licensing.errors import TermsRefused
from licensing.rules.deed import deed
from licensing.rules.may import YEAR_MS, Answer, Denied, Granted, Use, may
from licensing.rules.meets import shortfalls
from licensing.rules.offer import Subject, offer
from licensing.rules.reading import parse, read_own
from licensing.rules.terms import OUR_LICENCE, render
from tests.licensing.tag_sets import tag_sets

ASSAY = [("License", OUR_LICENCE), ("Currency", "ASSAY")]
ALL_MONEY = frozenset({"U", "AR", "ASSAY"})
ages = st.one_of(
    st.integers(0, 1000 * YEAR_MS), st.integers(0, 101).map(lambda years: years * YEAR_MS)
)
uses = st.sampled_from(list(Use))
UNKNOWN_NAMES = st.text(max_size=20).filter(lambda name: not parse([(name, "x")]).warnings)
NO_LICENCE = ("licence_missing", "License")


def freedom(answer: Answer) -> int:
    if isinstance(answer, Denied):
        return 0
    return 2 if isinstance(answer, Granted) else 1


def answers(tags, age_ms):
    reading = parse(tags)
    return [may(use, reading, age_ms=age_ms, settled=ALL_MONEY) for use in Use]


@given(tag_sets())
def test_rendered_terms_read_back_the_same(tags):
    terms = parse(tags).terms
    assert terms is not None
    assert parse(render(terms)).terms == terms
    assert render(parse(render(terms)).terms) == render(terms)


@given(tag_sets(), st.randoms(use_true_random=False))
def test_the_order_of_tags_means_nothing(tags, shuffler):
    other = list(tags)
    shuffler.shuffle(other)
    assert parse(other) == parse(tags)


@given(tag_sets(), ages, st.text(max_size=12), st.text(max_size=12))
def test_an_unknown_tag_changes_nothing(tags, age_ms, name, value):
    if parse([*ASSAY, ("X-" + name, value)]) == parse(ASSAY):  # it resembles nothing
        assert parse([*tags, ("X-" + name, value)]) == parse(tags)
    for before, after in zip(
        answers(tags, age_ms), answers([*tags, ("X-" + name, value)], age_ms), strict=True
    ):
        assert after == before or isinstance(after, Denied)


JUNK = [" ", "\t", ".", "-", "\u200b", "\u0301", "x", "5", ""]
LOOKS = {"a": "\u0430", "e": "\u0435", "i": "\u0456", "o": "\u03bf", "s": "\u0455", "c": "\uff43"}


def misspelt(name, place, junk, *, is_swapped):
    """One slip: a letter that only looks the same, or one letter less, or one sign more."""
    letter = name[place]
    if is_swapped:
        return name[:place] + LOOKS.get(letter.lower(), letter + letter) + name[place + 1 :]
    return name[:place] + junk + name[place + bool(not junk) :]


@given(tag_sets(), ages, st.data())
def test_a_damaged_name_makes_no_use_freer(tags, age_ms, data):
    """A price under a name that was misspelt was none, and the right was free."""
    place = data.draw(st.integers(0, len(tags) - 1))
    name, value = tags[place]
    cut = data.draw(st.integers(0, len(name) - 1))
    damaged = [*tags]
    slip = misspelt(
        name, cut, data.draw(st.sampled_from(JUNK)), is_swapped=data.draw(st.booleans())
    )
    damaged[place] = slip, value
    for before, after in zip(answers(tags, age_ms), answers(damaged, age_ms), strict=True):
        assert freedom(after) <= freedom(before), (slip, value)
        if freedom(after) == freedom(before) and "address" not in name.lower():
            assert after == before or isinstance(after, Denied), (slip, value)


@given(tag_sets(), ages, st.data())
def test_a_damaged_value_makes_no_use_freer(tags, age_ms, data):
    place = data.draw(st.integers(0, len(tags) - 1))
    junk = data.draw(st.sampled_from(["\n", " ", "\u0661", "x", "-", "%", "é"]))
    name, value = tags[place]
    cut = data.draw(st.integers(0, len(value)))
    damaged = [*tags]
    damaged[place] = name, value[:cut] + junk + value[cut:]
    for before, after in zip(answers(tags, age_ms), answers(damaged, age_ms), strict=True):
        assert freedom(after) <= freedom(before)
        if freedom(after) == freedom(before) and name.lower() != "payment-address":
            assert after == before or isinstance(after, Denied)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=8), ages)
def test_any_tags_at_all_can_be_read_and_judged(tags, age_ms):
    reading = parse(tags)
    assert (reading.terms is None) == bool(reading.errors)
    assert len(deed(Subject(reading), now_ms=age_ms)) == len(Use)


@given(tag_sets())
def test_terms_meet_themselves(tags):
    assert shortfalls(parse(tags), parse(tags)) == []


@given(tag_sets(), tag_sets(), uses, ages)
def test_terms_that_meet_never_deny_what_was_required(offered, required, use, age_ms):
    if shortfalls(parse(offered), parse(required)):
        return
    wanted = may(use, parse(required), age_ms=age_ms)
    assert freedom(may(use, parse(offered), age_ms=age_ms)) >= freedom(wanted)


@example(
    [
        ("License", OUR_LICENCE),
        ("Access", "Restricted"),
        ("Data-Model-Training", "Allowed-With-Fee-One-Time-0.1"),
        ("After-2-Years-Data-Model-Training", "Allowed"),
        ("Currency", "ASSAY"),
        ("Expiry", "3"),
    ],
    0,
)
@given(tag_sets(), ages)
def test_the_deed_says_what_the_answers_say(tags, age_ms):
    subject = Subject(parse(tags), 1000)
    for clause in deed(subject, now_ms=1000 + age_ms):
        answer = may(clause.use, subject.reading, age_ms=age_ms)
        if isinstance(answer, Denied):
            assert clause.offer.reason == answer.reason
        is_no = bool(clause.offer.reason)
        assert clause.sentence.startswith("You may not " if is_no else "You may ")
        if clause.until_ms:
            later, last = (
                offer(subject, clause.offer.uses, now_ms=clause.until_ms - ms) for ms in (0, 1)
            )
            assert (later.parts, later.refusals, later.conditions, later.rate_e8) != (
                last.parts, last.refusals, last.conditions, last.rate_e8
            )  # fmt: skip
            assert last.refusals == clause.offer.refusals
            # What a use would cost may change while it is refused: nobody can buy it meanwhile.
            assert is_no or last.parts == clause.offer.parts


ODD = {
    "terms.licence_missing": [("Derivation", "Allowed")],
    "terms.licence_id_invalid": [("License", OUR_LICENCE[:-1])],
    "terms.licence_is_not_udl": [("License", "A" * 43)],
    "terms.duplicate_tag": [("Expiry", "3"), ("Expires", "3")],
    "terms.expiry_invalid": [("Expiry", "3\n")],
    "terms.payment_mode_unknown": [("Payment-Mode", "single")],
    "terms.value_unknown": [("Access", "restricted")],
    "terms.value_not_for_this_right": [("Data-Model-Training", "Allowed-With-Credit")],
    "terms.share_invalid": [("Derivation", "Allowed-With-RevenueShare-1000%")],
    "terms.rate_too_fine": [("Derivation", "Allowed-With-RevenueShare-1.0000001%")],
    "terms.amount_invalid": [("Access-Fee", "One-Time-01")],
    "terms.amount_must_be_positive": [("Access-Fee", "One-Time-0")],
    "terms.amount_too_fine": [("Access-Fee", "Monthly-0.0000000001")],
    "terms.amount_too_large": [("Access-Fee", "Monthly-9223372036.854775808")],
    "terms.period_invalid": [("After-0-Years-Derivation", "Allowed")],
    "terms.period_overlap": [
        ("Before-5-Years-Derivation", "Allowed"),
        ("After-4-Years-Derivation", "Disallowed"),
    ],
    "terms.term_unsupported": [("Derivation-Fee", "One-Time-5")],
    "terms.unusual_value": [("Commercial-Use", "Allowed-With-Indication")],
    "terms.size": [("Note", "x" * 3073)],
    "terms.characters": [("Note", "two\nlines")],
}


@pytest.mark.parametrize("code", ODD)
def test_own_terms_are_refused_with_the_code_of_what_is_odd(code):
    has_no_licence = code.startswith("terms.licence")
    tags = ODD[code] if has_no_licence else [("License", OUR_LICENCE), *ODD[code]]
    if code == "terms.expiry_invalid":
        assert parse(tags).errors[0].code == "expiry_invalid"
        tags[1] = ("Expiry", "05")
    with pytest.raises(TermsRefused) as refusal:
        read_own(tags)
    assert refusal.value.code == code
    assert refusal.value.next_step


def test_one_period_as_a_name_and_as_a_value_is_given_twice():
    tags = [("License", OUR_LICENCE), ("After-2-Years-Derivation", "Disallowed")]
    tags.append(("Derivation", "After-2-Years-Derivation"))
    assert parse(tags).errors == (("duplicate_tag", "Derivation"),)


def test_a_period_as_a_value_allows_then_and_only_then():
    reading = parse([("License", OUR_LICENCE), ("Derivation", "After-2-Years-Derivation")])
    assert may(Use.DERIVE, reading, age_ms=2 * YEAR_MS - 1) == Denied("not_in_period")
    assert may(Use.DERIVE, reading, age_ms=2 * YEAR_MS) == Granted()


def test_a_price_by_lot_or_to_an_unreadable_address_is_no_price():
    paid = [("License", OUR_LICENCE), ("Currency", "ASSAY"), ("Access-Fee", "One-Time-1")]
    by_lot = parse([*paid, ("Payment-Mode", "Random-Distribution")])
    nowhere = parse([*paid, ("Payment-Address", "no address!")])
    assert may(Use.COPY, by_lot, age_ms=0) == Denied("payment_mode_unsupported")
    assert may(Use.COPY, nowhere, age_ms=0) == Denied("value_unknown")


def test_a_dearer_or_narrower_offer_falls_short_of_what_is_required():
    def reading(*tags):
        return parse([("License", OUR_LICENCE), ("Currency", "ASSAY"), *tags])

    required = reading(
        ("Derivation", "Allowed-With-RevenueShare-10%"),
        ("Commercial-Use", "Allowed-With-Fee-Monthly-20"),
    )
    good = reading(("Derivation", "Allowed-With-RevenueShare-5%"), ("Commercial-Use", "Allowed"))
    once = reading(("Derivation", "Allowed"), ("Commercial-Use", "Allowed-With-Fee-One-Time-20"))
    bad = reading(
        ("Derivation", "Allowed-With-RevenueShare-11%"),
        ("Commercial-Use", "Allowed-With-Fee-Monthly-20.1"),
    )
    late = reading(("Derivation", "Allowed"), ("Commercial-Use", "Allowed"), ("Expiry", "7"))
    assert shortfalls(good, required) == shortfalls(once, required) == []
    assert [one.use for one in shortfalls(bad, required)] == [Use.DERIVE, Use.COMMERCIAL]
    assert {one.age_ms for one in shortfalls(late, required)} == {7 * YEAR_MS}
