"""Laws of the log: a message once, each checkpoint extends the last, a flipped byte is found."""

import json
from uuid import uuid4

import pytest
from django.conf import settings as site
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from assay import keys, merkle, messages
from audit.history import TABLES
from audit.inspection import Inspection, Problem
from audit.mirror import Folder, split_bundle
from ledger import actions, log, queries
from ledger.errors import AccountTaken, FaucetEmpty
from ledger.models import Checkpoint, Message
from ledger.sequencer import proofs, sequence
from tests import signing
from tests.journeys.copied import copy_site
from tests.laws import story
from tests.laws.together import nothing_is_made_or_lost
from tests.signing import sign_order

NAMES = ("ada", "bob", "cyd")
WORDS = st.sampled_from(["first", "second"])
AMOUNTS = st.sampled_from([1, 7, 10**9])


class Log(RuleBasedStateMachine):
    """Accounts are opened and paid, some orders come twice, the sequencer runs now and then."""

    @initialize()
    def begin(self):
        self.inner = transaction.atomic()
        self.inner.__enter__()
        folder = f"{site.DATA}/tiles/{uuid4().hex}"
        tiles = site.STORAGES["tiles"]
        options = {**tiles["OPTIONS"], "location": folder}
        storages = {**site.STORAGES, "tiles": {**tiles, "OPTIONS": options}}
        self.storages = override_settings(STORAGES=storages)
        self.storages.enable()
        self.now, self.orders = timezone.now(), []
        actions.found(now=self.now)

    def teardown(self):
        if not hasattr(self, "inner"):
            return
        try:
            self.place_all()
            self.tables_are_the_fold()
        finally:
            transaction.set_rollback(True)
            self.inner.__exit__(None, None, None)
            self.storages.disable()

    def count(self):
        return Message.objects.count()

    @rule(name=st.sampled_from(NAMES))
    def open_with_a_key(self, name):
        raw = sign_order(messages.AccountOpen(name), keys.new_key(), idempotency="open").encode()
        self.open(name, lambda: actions.open_account(log.read_order(raw), now=self.now), raw)

    @rule(name=st.sampled_from(NAMES))
    def open_in_the_web(self, name):
        self.open(name, lambda: actions.open_account_for(name, now=self.now))

    def open(self, name, act, raw=None):
        before, is_there = self.count(), queries.has_account(name)
        try:
            with transaction.atomic():
                act()
        except AccountTaken:
            assert is_there
        if is_there:
            assert self.count() == before, "a refused order is not logged"
        elif raw:
            self.orders.append(raw)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def send_again(self, data):
        raw, before = data.draw(st.sampled_from(self.orders)), self.count()
        actions.open_account(log.read_order(raw), now=self.now)
        assert self.count() == before

    @rule(name=st.sampled_from(NAMES), amount_nano=AMOUNTS, words=WORDS)
    def mint(self, name, amount_nano, words):
        if not queries.has_account(name):
            return
        had_nano, before = queries.minted_nano(name), self.count()
        try:
            with transaction.atomic():
                actions.mint(account=name, amount_nano=amount_nano, idempotency=words, now=self.now)
        except FaucetEmpty:
            assert self.count() == before
            return
        got_nano = queries.minted_nano(name) - had_nano
        assert (got_nano, self.count() - before) in ((amount_nano, 1), (0, 0))

    @rule(limit=st.integers(1, 4))
    def place_some(self, limit):
        waiting = queries.waiting_messages()
        assert sequence(holder="law", now=self.now, limit=limit) == min(waiting, limit)

    def place_all(self):
        while sequence(holder="law", now=self.now):
            pass

    @invariant()
    def no_nano_is_made_or_lost(self):
        assert nothing_is_made_or_lost()

    @invariant()
    def each_checkpoint_extends_the_one_before(self):
        stated = [*Checkpoint.objects.order_by("size").values_list("size", "root")][-2:]
        if len(stated) < 2:
            return
        (old, old_root), (size, root) = ((one, bytes.fromhex(hashed)) for one, hashed in stated)
        proof = proofs.consistency(old, size)
        assert merkle.is_consistent(old, old_root, size, root, proof)
        assert not merkle.is_consistent(old, root, size, root, proof)

    @invariant()
    def the_last_entry_is_in_the_newest_tree(self):
        newest = queries.latest_checkpoint()
        if newest is None:
            return
        (raw,) = queries.entries(newest.size - 1, newest.size)
        path = proofs.inclusion(newest.size - 1, newest.size)
        leaf = merkle.leaf_hash(raw)
        found = merkle.root_of_inclusion(leaf, newest.size - 1, newest.size, path)
        assert found.hex() == newest.root

    def tables_are_the_fold(self):
        history = signing.history()
        for raw in queries.entries(0, queries.log_size()):
            history.follow(raw)
        for table in TABLES:
            stored = [
                log.row_of(table, one) for one in queries.table_page(table, after="", limit=99)
            ]
            assert sorted(stored, key=lambda row: row.id) == history.rows.all(table)


def test_the_log_keeps_its_laws_whatever_happens(db):
    steps = settings(max_examples=25, stateful_step_count=14, deadline=None)
    run_state_machine_as_test(Log, settings=steps)


# --- any flipped byte anywhere --------------------------------------------------------------------


@pytest.fixture
def served(transactional_db, tmp_path):
    """What a site serves after the whole story."""
    story.tell()
    return copy_site(tmp_path / "site")


def test_any_flipped_bit_of_any_served_file_is_found_and_located(served, tmp_path):
    """Guards every check of the audit at once: leave one out, and some byte goes unnoticed."""
    files = sorted(path for path in served.rglob("*") if path.is_file() and path.name != "log.json")
    assert look(served, tmp_path) is None

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def flip_one(data):
        path = data.draw(st.sampled_from(files))
        before = path.read_bytes()
        place = data.draw(st.integers(0, len(before) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        path.write_bytes(before[:place] + bytes([before[place] ^ bit]) + before[place + 1 :])
        try:
            problem = look(served, tmp_path)
            if not is_same_json(path, before):
                assert problem is not None, (path, place, bit)
                assert_is_located(problem, path.relative_to(served).as_posix(), before, place)
        finally:
            path.write_bytes(before)

    flip_one()


def look(folder, tmp_path):
    """The problem that an auditor names, or None."""
    home = tmp_path / uuid4().hex
    inspection = Inspection(str(folder), Folder(folder), home=home, key="", told=lambda *_: None)
    try:
        inspection.run(lambda _: None)
    except Problem as problem:
        return problem.check
    return None


def is_same_json(path, before):
    """A flip of white space between values says the same."""
    if path.suffix != ".json":
        return False
    try:
        return json.loads(path.read_bytes()) == json.loads(before)
    except ValueError:
        return False


def assert_is_located(problem, name, before, place):
    """The answer names the message, the tile, or the row."""
    if name == "log/checkpoint":
        assert problem.name == "checkpoint"
    elif name.startswith("log/tile/entries"):
        index = entry_at(before, place)
        is_named = problem.facts.get("index") == index
        is_unreadable = name.removeprefix("log/") in str(problem.facts.get("address"))
        assert is_named or is_unreadable, problem
    elif name.startswith("log/tile/"):
        assert problem.facts["address"] == name.removeprefix("log/")
        assert f"from its hash {place // 32} on" in problem.words
    else:
        table = name.removeprefix("state/").removesuffix(".json")
        assert problem.name == "rows"
        assert table in problem.words or name in problem.words, problem


def entry_at(bundle, place):
    """The index of the entry that a byte of a bundle belongs to; its length counts to it."""
    width, at = count_of(bundle), 0
    for index, raw in enumerate(split_bundle(bundle, width, "")):
        at += 2 + len(raw)
        if place < at:
            return index
    raise AssertionError(place)


def count_of(bundle):
    at = width = 0
    while at < len(bundle):
        at, width = at + 2 + int.from_bytes(bundle[at : at + 2], "big"), width + 1
    return width
