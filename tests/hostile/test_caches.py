"""What is kept of strangers' bytes to save work is small: thousands of large bodies leave nothing.

Every cache of the house is looked into, so a new one is held to this too.
"""

import gc
import inspect
import sys
from functools import _lru_cache_wrapper

import pytest

from assay import avro, items, keys
from competitions.views.lines import licence_words
from ledger.rules.envelope import tags_of
from licensing.rules.reading import parse

ROOMS = (
    "config",
    "workers",
    "audit",
    "competitions",
    "licensing",
    "ledger",
    "web",
    "evaluator",
    "assay",
)
SMALL_BYTES = 4096
MARK = "kept-of-a-stranger"
LONG = [("License", MARK + "x" * 3000), *((f"{MARK}-{n}", "y" * 2900) for n in range(12))]


def caches():
    gc.unfreeze()  # what was imported before the first test is out of the collector's sight
    return [
        one
        for one in gc.get_objects()
        if type(one) is _lru_cache_wrapper and (one.__module__ or "").split(".")[0] in ROOMS
    ]


def kept(cache):
    """Bytes of every text in the keys of a cache that is the stranger's."""
    found, waiting = 0, [one for one in gc.get_referents(cache) if isinstance(one, dict)]
    seen = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, bytes | str):
            text = one.decode("latin-1") if isinstance(one, bytes) else one
            found += sys.getsizeof(one) if MARK in text else 0
        elif isinstance(one, dict):
            waiting += one.keys()
        elif isinstance(one, tuple | list):
            waiting += one
    return found


def body(tags):
    """A signed item with these tags, which our own reader would look at first."""
    return items.make(keys.new_key(), tags, b"{}", anchor=bytes(32)).encode()


@pytest.mark.django_db
def test_large_anonymous_bodies_leave_nothing_in_memory(client):
    assert len(avro.write_tags([(n.encode(), v.encode()) for n, v in LONG])) > 30_000
    for tags in (LONG, [*tags_of("account.open", speaker=MARK * 100)]):
        answer = client.post("/api/messages", body(tags), content_type="application/octet-stream")
        assert answer.status_code == 422
    parse(LONG)
    licence_words(LONG)
    assert len(caches()) > 10, "the caches are found"
    held = {one.__qualname__: kept(one) for one in caches()}
    assert {name: size for name, size in held.items() if size} == {}


def test_no_cache_of_the_site_is_without_a_bound_where_strangers_reach_it():
    """Those without one hold a constant, or a value for a type, a role or a figure of ours."""
    unbounded = {
        one.__qualname__
        for one in caches()
        if one.cache_parameters()["maxsize"] is None
        and inspect.signature(one.__wrapped__).parameters
        and one.__module__.split(".")[0] not in ("evaluator", "workers")
    }
    assert "_reader" in unbounded, "the caches are found"
    of_types = {"_checks", "_field_reader", "_hints", "_reader", "_shape_of", "_writer", "_writers"}
    assert unbounded <= of_types | {"_begun", "_gate", "_key", "get_type_hints"}, unbounded
