"""What `record` sends to the database."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from assay import messages
from assay.wire import changed
from ledger import actions, log, queries
from ledger.errors import AnchorTaken
from ledger.models import Message
from ledger.rules.accounts import Account
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ada():
    return factories.account("ada", "1")


def tick(word, rooms=()):
    body = messages.ClockTicked(actions.ms(NOW))
    with transaction.atomic():
        log.record([log.fact(body, idempotency=word)], rooms=rooms)


def test_a_payment_is_written_in_one_trip():
    """Guards the speed of an append: accounts, transfer and message are one statement."""
    with CaptureQueriesContext(connection) as told:
        actions.mint(account="ada", amount_nano=5, idempotency="gift", now=NOW)
    sent = [one["sql"] for one in told if "INSERT INTO" in one["sql"]]
    tables = ("ledger_account", "ledger_transfer", "ledger_message")
    assert [name in sql for sql in sent for name in tables].count(True) >= len(tables)
    assert len(sent) == (1 if connection.vendor == "postgresql" else len(tables))
    assert queries.balance_nano("ada") == 10**9 + 5


def test_a_row_that_the_database_refuses_is_no_second_message():
    def spend_what_is_not_there(_entry, rows):
        rows.put(changed(rows.get(Account, "ada"), available_nano=-1))

    count = Message.objects.count()
    with pytest.raises(IntegrityError, match="account_not_below_zero"):
        tick("poor", rooms=[spend_what_is_not_there])
    assert Message.objects.count() == count


def test_a_second_message_writes_none_of_its_rows():
    def spend(_entry, rows):
        rows.put(changed(rows.get(Account, "ada"), available_nano=1))

    tick("once")
    with pytest.raises(AnchorTaken):
        tick("once", rooms=[spend])
    assert queries.balance_nano("ada") == 10**9
