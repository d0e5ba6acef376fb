"""A closed account takes and gives nothing, and closes only when nothing can be paid to it."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assay import messages
from competitions import queries as contests
from competitions.actions import deadline
from competitions.rules.fold import fold as contest_fold
from ledger import actions, log, queries
from ledger.errors import (
    AccountHasClaims,
    AccountHasPending,
    AccountIsClosed,
    AccountNotEmpty,
    MessageRefused,
    TransferRefused,
)
from ledger.rules import books
from ledger.rules.accounts import Account
from ledger.rules.bridge import Deposit
from licensing import actions as rights
from licensing.errors import SharesInvalid
from tests import factories
from tests.hostile.orders import Stranger, fold_anew

pytestmark = pytest.mark.django_db
ROOMS = log.every_room


def close(name):
    return actions.close_account_for(name, now=factories.at(2000))


def test_an_account_that_is_closed_takes_part_in_nothing_any_more(client):
    """Its key, its token, its name: none opens a door again."""
    eve = Stranger(client)
    first = eve.send(messages.AccountClose("eve"), "close")
    assert first.status_code == 200, first.content
    assert queries.account("eve").is_closed
    assert client.get("/api/auth/whoami", headers=eve.headers).status_code == 401
    assert get_user_model().objects.get(username="eve").is_active is False
    answer = eve.send(messages.KeyAdd("ab" * 32), "late")
    assert (answer.status_code, answer.json()["code"]) == (409, "ledger.account_closed")
    with transaction.atomic(), pytest.raises(AccountIsClosed):
        log.record([log.order_for("eve", messages.KeyAdd("ab" * 32), idempotency="late")])
    with transaction.atomic(), pytest.raises(TransferRefused) as refusal:
        actions.mint(account="eve", amount_nano=1, idempotency="x", now=timezone.now())
    assert refusal.value.facts["answer"] == "credit_account_closed"
    fold_anew()


def test_the_password_of_a_closed_account_opens_nothing(client):
    actions.found(now=timezone.now())
    get_user_model().objects.create_user("bob", password="a long enough one")
    actions.open_account_for("bob", now=timezone.now())
    close("bob")
    form = {"login": "bob", "password": "a long enough one"}
    page = client.post("/account/sign-in/", form)
    assert page.status_code in (200, 302)
    assert client.get("/account/keys/").status_code == 302
    token = client.post(
        "/api/auth/token",
        {"account": "bob", "password": "a long enough one"},
        content_type="application/json",
    )
    assert token.status_code == 401


def test_money_that_comes_for_a_closed_account_waits_outside():
    """Else each sweep of the bridge would fail at it, and with it all deposits behind it."""
    factories.account("gone")
    close("gone")
    deposit = Deposit("tx-1", "gone", 5)
    assert actions.mint_deposit(deposit, now=factories.at(2001)) == ""


def test_only_its_owner_closes_an_account(client):
    eve, _ = Stranger(client), Stranger(client, "adam")
    answer = eve.send(messages.AccountClose("adam"), "close")
    assert (answer.status_code, answer.json()["code"]) == (422, "log.message_refused")
    for name in ("operator", "issuance", "fee", "eve"):
        fact = log.fact(messages.AccountClosed(name, 1), idempotency=name)
        with transaction.atomic(), pytest.raises(MessageRefused):
            log.record([fact], rooms=ROOMS())
    assert not queries.account("eve").is_closed


def test_the_books_answer_what_stands_against_closing_in_their_order():
    cases = [
        ({}, "ok"),
        ({"available_nano": 1}, "account_not_empty"),
        ({"pending_out_nano": 1}, "account_has_pending"),
        ({"pending_in_nano": 1, "available_nano": 1}, "account_has_pending"),
        ({"is_closed": True, "available_nano": 1}, "account_closed"),
    ]
    for sums, answer in cases:
        assert books.closing(Account("ada", "user", **sums)) == answer


def test_an_account_with_money_in_it_is_not_closed():
    factories.account("rich", "1")
    with pytest.raises(AccountNotEmpty):
        close("rich")


def test_an_account_for_which_money_is_held_is_not_closed():
    factories.account("rich", "1")
    line = messages.Line("ab" * 32, "pending", "rich", "fee", 10**9, "pay")
    with transaction.atomic():
        books.apply((line,), log.Tables(), at_ms=1, message="x" * 43)
    with pytest.raises(AccountHasPending):
        close("rich")


def test_nobody_leaves_a_contest_that_may_still_pay_him():
    """Gone, his line in the batch would fail, and with it the payment of everybody else."""
    factories.competition()
    factories.scored("miner")
    with pytest.raises(AccountHasClaims) as refusal:
        close("miner")
    assert refusal.value.code == "ledger.account_has_claims"
    assert refusal.value.facts["subject"] == "docs"
    empty("sponsor")
    with pytest.raises(AccountHasPending):
        close("sponsor")
    fact = log.fact(messages.AccountClosed("sponsor", 1), idempotency="x")
    with pytest.raises(AccountHasClaims):
        contest_fold(fact, log.Tables())


def test_who_got_nothing_may_close_when_the_contest_is_paid_and_a_winner_may_not():
    factories.competition()
    loser, winner = factories.scored("loser", number=1), factories.scored("winner")
    factories.settle(right={loser: 10, winner: 39})
    while not contests.competition_row("docs").is_cleared:
        deadline.advance("docs", now=factories.at(700))
    for name in ("loser", "winner"):
        empty(name)
    close("loser")
    with pytest.raises(AccountHasClaims):
        close("winner")


def test_nobody_to_whom_royalties_go_closes_and_no_work_names_a_closed_account():
    factories.work("data", "ab" * 32, owner="author")
    with pytest.raises(AccountHasClaims):
        close("author")
    factories.account("gone")
    close("gone")
    with pytest.raises((SharesInvalid, AccountIsClosed)):
        factories.work("data", "cd" * 32, owner="gone")


def test_a_payee_that_closed_is_refused_whoever_registers_the_work():
    for name in ("gone", "author"):
        factories.account(name)
    close("gone")
    shares = (messages.Share("author", 1), messages.Share("gone", 1))
    body = messages.WorkRegister("data:" + "cd" * 32, "data", "t", factories.OPEN_TAGS, shares)
    with pytest.raises(SharesInvalid):
        rights.register_work(log.order_for("author", body, idempotency="x"), now=factories.NOW)


def test_closing_asks_as_many_questions_however_many_contests_there_were():
    counts = []
    for number in (1, 3):
        name = f"miner{number}"
        for contest in range(number):
            factories.competition(f"c{number}{contest}", is_open=True)
            factories.submission(name, f"c{number}{contest}")
        empty(name)
        with CaptureQueriesContext(connection) as told, pytest.raises(AccountHasClaims):
            close(name)
        counts.append(len(told))
    assert counts[0] == counts[1]


def empty(name):
    """Take out what an account has, by the books alone."""
    amount_nano = queries.balance_nano(name)
    if amount_nano:
        line = messages.Line(books.transfer_id(name, "out"), "single", name, "fee", amount_nano,
                             "pay")  # fmt: skip
        with transaction.atomic():
            books.apply((line,), log.Tables(), at_ms=1, message="x" * 43)


def test_the_page_of_the_account_closes_it_once_asked_twice(client):
    factories.account("bob")
    user = get_user_model().objects.get(username="bob")
    client.force_login(user)
    assert "/accounts/bob/close/" in client.get("/accounts/bob/").content.decode()
    assert client.get("/accounts/bob/close/").status_code == 200
    assert not queries.account("bob").is_closed, "it asks first"
    assert client.post("/accounts/eve/close/").status_code in (403, 404)
    done = client.post("/accounts/bob/close/")
    assert done.status_code == 302
    assert queries.account("bob").is_closed
    assert client.get("/account/keys/").status_code == 302, "nobody is signed in any more"
    assert "closed" in client.get("/accounts/bob/").content.decode()
    fold_anew()
