"""Money, canonical JSON, the wire and keys: laws over generated values."""

import json
from dataclasses import fields
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
import rfc8785
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay import canonical, keys, messages, money, wire
from assay.errors import AssayError, did_you_mean

amounts = st.integers(0, money.MOST_NANO)
weights = st.dictionaries(
    st.text(max_size=8), st.integers(0, 10**12), min_size=1, max_size=9
).filter(lambda given: sum(given.values()) > 0)
ascii_text = st.text(st.characters(max_codepoint=127), max_size=9)
plain = st.recursive(
    st.booleans() | st.text(max_size=9) | st.integers(1 - 2**53, 2**53 - 1),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(pot_nano=amounts, weights=weights)
def test_a_split_loses_nothing(pot_nano, weights):
    assert sum(money.split(pot_nano, weights, draw="m1").values()) == pot_nano


@given(pot_nano=amounts, weights=weights)
def test_nobody_is_more_than_one_nano_from_the_exact_share(pot_nano, weights):
    total = sum(weights.values())
    for name, share_nano in money.split(pot_nano, weights, draw="m1").items():
        assert abs(share_nano * total - pot_nano * weights[name]) < total


@given(pot_nano=amounts, weights=weights)
def test_a_split_does_not_depend_on_the_order_of_names(pot_nano, weights):
    turned = dict(reversed(weights.items()))
    assert money.split(pot_nano, weights, draw="d") == money.split(pot_nano, turned, draw="d")


@given(pot_nano=amounts, weights=weights)
def test_who_weighs_nothing_gets_nothing(pot_nano, weights):
    shares = money.split(pot_nano, weights, draw="d")
    assert all(shares[name] == 0 for name, weight in weights.items() if weight == 0)


@given(amount_nano=amounts)
def test_an_amount_is_read_as_it_is_shown(amount_nano):
    assert money.parse_tokens(money.show_tokens(amount_nano)) == amount_nano


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e3", "1,5", "01", "1.", ".5", "1.0000000001", "٣", "1 000", "9" * 10]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(money.AmountInvalid):
        money.parse_tokens(text)


@given(value=st.dictionaries(st.text(max_size=5), plain, max_size=5))
def test_canonical_bytes_are_one_spelling_that_reads_back(value):
    raw = canonical.canonical(value)
    assert json.loads(raw) == value
    assert canonical.canonical(json.loads(raw)) == raw
    assert canonical.read_canonical(raw) == value
    assert canonical.digest(value) == sha256(raw).hexdigest()


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        None,
        2**53,
        -(2**53),
        10**40,
        {1: "x"},
        {"a": [None]},
        {"a": {None: 1}},
        b"raw",
        {"a": 0.5},
        {"a": float("nan")},
        {"a": date(2026, 1, 1)},
        {"a": UUID(int=1)},
        {"a": {1, 2}},
        {"a": Path("a")},
        {"a": keys.KeyUnusable},
        {"a": messages.AccountOpen("ada")},
    ],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(canonical.NotCanonical):
        canonical.canonical(value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'{"a":"\\ud800"}',
        b'{"a":9007199254740992}',
        b"{",
        b"[]",
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":-0.0}',
        b'{"a":-0}',
        b'{"a":1e5}',
        b'{"a":[1,-9007199254740993]}',
        b'{"a":null}',
        b'{"a":"\\u007f"}',
        b'{"a":1,"a":1}',
        b'{"a":1}{}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xc0\x80"}',
        b"[" * 100_000,
        b'{"a":' + b"[" * 100_000,
        b"\xff",
    ],
)
def test_another_spelling_is_refused(raw):
    with pytest.raises(canonical.NotCanonical):
        canonical.read_canonical(raw)


@given(value=st.dictionaries(st.text(max_size=5), plain, max_size=5))
def test_the_quick_way_writes_what_the_library_of_the_standard_writes(value):
    assert canonical.canonical(value) == rfc8785.dumps(value)


@given(
    value=st.dictionaries(ascii_text, st.integers(-(10**15) + 1, 10**15 - 1) | ascii_text),
)
def test_plain_values_take_the_quick_way(value):
    """Guards the speed: were it never taken, every other law here would still hold."""
    assume("null" not in json.dumps(value))
    raw = canonical.canonical(value)
    assert canonical._write_plain(value) == raw
    assert canonical._read_plain(raw) == value


odd_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**64), 2**64) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=odd_json, text=st.sampled_from([" ", ""]), is_ascii=st.booleans())
def test_whatever_the_quick_way_reads_is_the_one_spelling(value, text, is_ascii):
    written = json.dumps(value, separators=("," + text, ":"), ensure_ascii=is_ascii)
    raw = written.encode(errors="surrogatepass")
    read = canonical._read_plain(raw)
    assert read is None or raw == rfc8785.dumps(read)
    assert read is None or _holds_no_odd_number(read)


@pytest.mark.parametrize("kind", sorted(messages.KINDS))
@settings(max_examples=12)
@given(data=st.data())
def test_every_kind_of_message_reads_back_as_it_was_written(kind, data):
    body = data.draw(_bodies(messages.KINDS[kind].body))
    value = wire.to_json(body)
    assert wire.from_json(type(body), json.loads(canonical.canonical(value))) == body


@pytest.mark.parametrize("kind", sorted(messages.KINDS))
@settings(max_examples=12)
@given(data=st.data())
def test_a_missing_or_a_foreign_field_is_refused(kind, data):
    shape = messages.KINDS[kind].body
    value = wire.to_json(data.draw(_bodies(shape)))
    with pytest.raises(wire.BodyInvalid):
        wire.from_json(shape, {**value, "odd": 1})
    with pytest.raises(wire.BodyInvalid):
        wire.from_json(
            shape, {name: one for name, one in value.items() if name != fields(shape)[0].name}
        )


@pytest.mark.parametrize(
    "text", ["", "-0", "01", "+1", "1.0", "1e3", " 1", "٣", 5, True, None, "9" * 41]
)
def test_an_amount_on_the_wire_has_one_spelling(text):
    with pytest.raises(wire.BodyInvalid):
        wire.decode(text, wire.Nano, "$")


ODD = (None, True, 1, 2**60, "", "5", "-0", "007", [], ["a"], ["1", 2], [["a", "b"]], {}, {"a": 1})


def test_a_field_is_read_alike_by_the_short_way_and_by_the_one_that_finds_the_words():
    shapes = [one.body for one in messages.KINDS.values()]
    hints = {one for shape in shapes for one in wire.hints(shape).values()}
    for hint in hints:
        for value in ODD:
            assert told(wire.decode, value, hint) == told(wire._told, value, hint), (hint, value)


def told(read, value, hint):
    try:
        found = read(value, hint, "$")
    except wire.BodyInvalid as error:
        return str(error)
    return type(found), found


def test_a_key_comes_back_from_its_file_which_only_its_owner_reads(tmp_path):
    key = keys.new_key()
    keys.write_key(tmp_path / "k", key)
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert keys.public_hex(keys.read_key(tmp_path / "k")) == keys.public_hex(key)
    with pytest.raises(keys.KeyExists):
        keys.write_key(tmp_path / "k", keys.new_key())


def test_large_numbers_in_facts_become_text_so_that_no_reader_rounds_them():
    facts = AssayError("no", small=5, large=2**53 + 1, names=["a", 2**60]).as_dict()["facts"]
    assert facts == {"small": 5, "large": str(2**53 + 1), "names": ["a", str(2**60)]}


def test_the_closest_name_is_suggested_and_nothing_for_a_far_one():
    assert did_you_mean("docstring", ["docstrings", "images"]) == "Did you mean docstrings?"
    assert did_you_mean("zzz", ["docstrings"]) == ""


def _holds_no_odd_number(value):
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return all(_holds_no_odd_number(one) for one in inner)
    return isinstance(value, str) or (isinstance(value, int) and abs(value) < 2**53)


def _bodies(shape):
    """Any body of a message class."""
    made = {name: _values(hint) for name, hint in wire.hints(shape).items()}
    return st.builds(shape, **made)


PLAIN = {
    wire.Nano: st.integers(-(10**30), 10**30),
    int: st.integers(1 - 2**53, 2**53 - 1),
    str: st.text(max_size=6),
    bool: st.booleans(),
}


def _values(hint):
    if hint in PLAIN:
        return PLAIN[hint]
    if hasattr(hint, "__dataclass_fields__"):
        return _bodies(hint)
    parts = hint.__args__
    if type(None) in parts:
        return st.none() | _values(parts[0])
    if parts[-1] is Ellipsis:
        return st.lists(_values(parts[0]), max_size=2).map(tuple)
    return st.tuples(*map(_values, parts))
