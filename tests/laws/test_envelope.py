"""The quick way through a message and the long one never disagree."""

from hypothesis import given
from hypothesis import strategies as st

from assay import avro, items, keys, messages
from assay.errors import AssayError
from ledger.rules import entry as reading
from ledger.rules.entry import make_entry, make_item, read_entry
from ledger.rules.envelope import open_plain

KEY = keys.new_key()
ID = "x" * 43
BODIES = (
    (messages.AccountOpen("ada"), {}),
    (messages.AccountOpen("ada"), {"origin": "a.example/log"}),
    (messages.AccountOpen("ada"), {"origin": "a.example/log", "speaker": "ada"}),
    (messages.AccountOpened("ada", "user", 1), {"cause": ID}),
    (messages.ClockTicked(2**40), {}),
)
raws = st.sampled_from(
    [make_item(body, KEY, idempotency="law", **told).encode() for body, told in BODIES]
)


def by_either_way(raw):
    """What both ways answer; an error counts by its code and reason."""
    return [answer_of(way, raw) for way in (read_entry, reading._read_any)]


def answer_of(way, raw):
    try:
        return way(raw)
    except AssayError as error:
        return error.code, error.facts.get("reason"), error.facts.get("path")


@given(raws)
def test_what_our_clients_write_takes_the_quick_way(raw):
    """Guards the speed: were the quick way never taken, every other law here would still hold."""
    assert open_plain(raw) is not None
    quick, long = by_either_way(raw)
    assert quick == long


@given(raws, st.data())
def test_a_changed_byte_is_refused_by_both_ways_with_the_same_words(raw, data):
    place = data.draw(st.integers(0, len(raw) - 1))
    value = data.draw(st.integers(0, 255))
    quick, long = by_either_way(raw[:place] + bytes([value]) + raw[place + 1 :])
    assert quick == long


@given(raws, st.integers(-300, 300))
def test_a_cut_or_longer_message_is_refused_by_both_ways(raw, more):
    quick, long = by_either_way(raw[:more] if more < 0 else raw + bytes(more))
    assert quick == long


TAGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Data-Protocol", "Variant", "Kind", "Content-Type", "Log-Origin", "Cause", "Odd"]
        ),
        st.sampled_from(
            ["Assay", "1", "clock.ticked", "account.open", "application/json", ID, "é"]
        ),
    ),
    max_size=7,
)


@given(TAGS, st.sampled_from([b"", b"{}", b'{"at_ms":1}', b'{"at_ms": 1}', b'{"at_ms":1.0}']))
def test_any_signed_tags_and_data_are_judged_alike(tags, data):
    """Guards the tables of tags: an item that its owner signed may still say anything."""
    quick, long = by_either_way(items.make(KEY, tags, data, anchor=bytes(32)).encode())
    assert quick == long


def test_a_count_of_tags_that_is_not_that_of_the_tags_is_refused():
    raw = make_item(messages.AccountOpen("ada"), KEY, idempotency="law").encode()
    quick, long = by_either_way(raw[:132] + (9).to_bytes(8, "little") + raw[140:])
    assert quick == long == ("items.invalid", "tag_count", None)


def test_a_key_of_small_order_is_refused_by_the_quick_way_too():
    """Guards against a signature that OpenSSL accepts for every message."""
    small = (1).to_bytes(32, "little")
    raw = make_item(messages.AccountOpen("ada"), KEY, idempotency="law").encode()
    forged = raw[:2] + small + bytes(32) + small + raw[98:]
    assert open_plain(forged) is None
    assert answer_of(read_entry, forged)[0] == "items.invalid"


def test_an_entry_that_is_made_is_the_entry_that_is_read():
    for body, told in BODIES:
        made = make_entry(body, KEY, idempotency="law", **told)
        assert made == read_entry(made.raw)
        assert made.raw == make_item(body, KEY, idempotency="law", **told).encode()
    assert avro.read_tags(items.Item.decode(made.raw).tag_bytes)
