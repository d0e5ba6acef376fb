"""Keys end, and accounts close, while many append: what comes later is refused, the log folds."""

import threading
import time

import pytest
from django.db import transaction
from django.utils import timezone

from assay import keys, messages
from assay.errors import AssayError
from ledger import actions, log, queries
from ledger.models import Message
from ledger.rules.accounts import Role
from licensing import actions as rights
from tests import factories, signing

MOST = 5000  # more than anybody appends until the key has ended
PAUSE_S = 0.005  # SQLite lets writers in by chance: give the rotation one
HELD_S = 0.1  # so that others come while the key ends; nothing is judged by it


@pytest.fixture(autouse=True)
def house(founded):
    """The house is founded."""


def folded():
    """The log in the order in which it gets its places; raises LogDamaged."""
    history = signing.history()
    for raw in Message.objects.order_by("id").values_list("raw", flat=True):
        history.follow(bytes(raw))
    return history


def test_no_message_of_a_key_comes_behind_the_one_that_ended_it(crowd):
    """Guards that appends are kept out while a key ends: else a slow one gets a later place."""
    began, ended, refused = threading.Event(), threading.Event(), []

    def rotate():
        began.wait(60)
        with transaction.atomic():
            old, new = log.signing_key("operator"), keys.new_key()
            actions.rotate_house_key(Role.OPERATOR, old, new, now=timezone.now())
            time.sleep(HELD_S)
        ended.set()

    def tick(words):
        with transaction.atomic():
            body = messages.ClockTicked(actions.ms(timezone.now()))
            log.record([log.fact(body, idempotency=words)])

    def go(number):
        if number == 0:
            rotate()
            return
        for turn in range(MOST):
            try:
                tick(f"{number}/{turn}")
            except AssayError as error:
                refused.append(error.code)
                return
            began.set()
            time.sleep(PAUSE_S)

    assert crowd(go) == []
    assert ended.is_set()
    assert refused == ["log.key_revoked"] * 7
    folded()


def test_no_account_closes_while_a_work_that_pays_it_is_registered(crowd):
    """Guards the locks of both sides: else a sale would fail for every other payee."""
    factories.account("payee")
    for number in range(1, 8):
        factories.account(f"author{number}")

    def go(number):
        if number == 0:
            actions.close_account_for("payee", now=timezone.now())
            return
        shares = tuple(messages.Share(one, 1) for one in (f"author{number}", "payee"))
        work = "data:" + factories.blob(f"work {number}", owner=f"author{number}").sha256
        body = messages.WorkRegister(work, "data", "t", factories.OPEN_TAGS, shares)
        made = log.order_for(f"author{number}", body, idempotency="x")
        rights.register_work(made, now=timezone.now())

    codes = {getattr(error, "code", repr(error)) for error in crowd(go)}
    assert codes <= {"ledger.account_has_claims", "licensing.shares_invalid"}
    is_paid = Message.objects.filter(kind="work.registered").exists()
    assert queries.account("payee").is_closed != is_paid
    folded()
