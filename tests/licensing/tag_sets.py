"""Makers of licence tags for the laws."""

from hypothesis import strategies as st

from licensing.rules.terms import (
    MODE_WORDS,
    OUR_LICENCE,
    PLAIN_VALUES,
    RIGHT_WORDS,
    UDL_VERSIONS,
    Kind,
    Right,
)

amounts = (
    st.tuples(st.integers(0, 999), st.integers(0, 999)).filter(any).map("{0[0]}.{0[1]}".format)
)
fees = st.tuples(st.sampled_from(["One-Time", "Monthly"]), amounts).map("-".join)
percents = st.integers(1, 10**8).map(lambda rate: f"{rate // 10**6}.{rate % 10**6:06d}%")
paid = st.one_of(
    fees.map("Allowed-With-Fee-{}".format),
    st.tuples(st.sampled_from(["One-Time", "Monthly"]), amounts).map(
        "Allowed-With-{0[0]}-Fee-{0[1]}".format
    ),
)
shares = percents.map("Allowed-With-RevenueShare-{}".format)
allowed = st.sampled_from(list(PLAIN_VALUES.values()))
train_words = st.sampled_from([PLAIN_VALUES[Kind.ALLOWED], PLAIN_VALUES[Kind.DISALLOWED]])
VALUES = {
    Right.DERIVE: st.one_of(allowed, paid, shares),
    Right.COMMERCIAL: st.one_of(allowed, paid, shares),
    Right.TRAIN: st.one_of(train_words, paid),
}


@st.composite
def right_tags(draw, right):
    word, values = RIGHT_WORDS[right], VALUES[right]
    turn = draw(st.integers(2, 99))
    befores = draw(st.sets(st.integers(1, turn), max_size=2))
    afters = draw(st.sets(st.integers(turn, 100), max_size=2))
    names = [f"Before-{years}-Years-{word}" for years in sorted(befores)]
    names += [f"After-{years}-Years-{word}" for years in sorted(afters)]
    names += [word] if draw(st.booleans()) else []
    return [(name, draw(values)) for name in names]


@st.composite
def maybe(draw, name, values):
    return [(name, draw(values))] if draw(st.booleans()) else []


@st.composite
def tag_sets(draw):
    """Readable tag sets in any order and spelling of names."""
    tags = [("License", draw(st.sampled_from([*UDL_VERSIONS, OUR_LICENCE])))]
    tags += draw(maybe(draw(st.sampled_from(["Access-Fee", "License-Fee"])), fees))
    tags += draw(maybe("Access", st.just("Restricted")))
    for right in RIGHT_WORDS:
        tags += draw(right_tags(right))
    tags += draw(maybe("Unknown-Usage-Rights", st.just("Excluded")))
    tags += draw(maybe("Currency", st.sampled_from(["U", "AR", "Arweave", "ASSAY"])))
    tags += draw(maybe(draw(st.sampled_from(["Expiry", "Expires"])), st.integers(1, 999).map(str)))
    tags += draw(maybe("Payment-Address", st.sampled_from(["ada", "0x" + "a1" * 20, "b" * 43])))
    tags += draw(maybe("Payment-Mode", st.sampled_from(list(MODE_WORDS.values()))))
    spelt = [
        (draw(st.sampled_from([name, name.lower(), name.replace("-", "_")])), value)
        for name, value in tags
    ]
    return draw(st.permutations(spelt))
