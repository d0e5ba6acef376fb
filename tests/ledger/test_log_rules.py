"""What the log takes: who may sign what, what a fact must answer, and all of a batch or nothing."""

from dataclasses import replace

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from assay import keys, messages
from assay.errors import AssayError
from assay.messages import (
    AccountOpen,
    AccountOpened,
    BooksExpired,
    BooksMinted,
    KeyAdded,
    Line,
)
from assay.wire import Nano
from ledger import actions, log, queries
from ledger.errors import (
    AccountInvalid,
    AccountTaken,
    AnchorTaken,
    MessageRefused,
    MessageUnknown,
    SignerRefused,
    TransferRefused,
)
from ledger.models import Account, Key, Message, Transfer
from ledger.rules import books
from ledger.rules.accounts import ISSUANCE
from ledger.rules.accounts import Account as Purse
from ledger.rules.entry import read_entry
from ledger.sequencer import sequence
from tests import signing
from tests.factories import NOW
from tests.signing import make_item

AT_MS = actions.ms(NOW)
ADA = keys.new_key()


@pytest.fixture(autouse=True)
def house(db):
    """ada signs with a key of her own; bob is a web user, in whose name the operator signs."""
    actions.found(now=NOW)
    actions.open_account(log.read_order(order(AccountOpen("ada"), ADA)), now=NOW)
    actions.open_account_for("bob", now=NOW)


def order(body, key, idempotency="open", **told):
    return make_item(body, key, idempotency=idempotency, **told).encode()


def entry(body, key, **told):
    return read_entry(order(body, key, idempotency="forged", **told))


def everything():
    tables = (Account, Transfer, Key, Message)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@transaction.atomic
def record(*entries):
    log.record(entries)


def refused(error, *entries):
    """The log takes none of it, and nothing has changed; the answer is the error."""
    before = everything()
    with pytest.raises(error) as refusal:
        record(*entries)
    assert everything() == before
    return refusal.value


# --- who may sign what ----------------------------------------------------------------------------


def test_only_orders_come_in_by_the_door_of_orders():
    for body in (AccountOpened("eve", "user", AT_MS), messages.ClockTicked(AT_MS)):
        with pytest.raises(MessageRefused, match="only orders"):
            log.read_order(order(body, ADA))


def test_nobody_outside_speaks_for_another():
    raw = order(AccountOpen("bob"), ADA, speaker="bob")
    with pytest.raises(MessageRefused, match="only orders"):
        log.read_order(raw)


def test_an_unknown_key_may_open_its_own_account_and_nothing_else():
    stranger = keys.new_key()
    assert log.read_order(order(AccountOpen("eve"), stranger)).actor == "eve"
    with pytest.raises(SignerRefused) as refusal:
        log.read_order(order(messages.RoyaltyDraw("a" * 64), stranger))
    assert refusal.value.code == "log.signer_refused"
    assert refusal.value.facts["key"] == keys.public_hex(stranger)


def test_no_row_is_without_a_name_on_the_site_or_in_an_audit():
    """The tables would not find it, and take it twice."""
    nameless = log.fact(AccountOpened("", "fee", AT_MS), idempotency="nameless")
    with transaction.atomic(), pytest.raises(MessageRefused, match="needs a name"):
        log.record([nameless])
    with pytest.raises(MessageRefused, match="needs a name"):
        signing.history().rows.put(Purse(id="", kind="fee"))


@pytest.mark.parametrize(
    "body",
    [
        AccountOpened("eve", "escrow", AT_MS),
        KeyAdded("a" * 64, "operator", "operator", AT_MS),
        BooksMinted("ada", (), AT_MS),
        messages.ClockTicked(AT_MS),
    ],
    ids=lambda body: messages.KIND_OF[type(body)],
)
@pytest.mark.parametrize("signer", ["a person", "a stranger", "the evaluator", "the log's own key"])
def test_a_fact_of_the_operator_is_signed_by_nobody_else(body, signer):
    key = {"a person": ADA, "a stranger": keys.new_key()}.get(signer) or log.signing_key(
        "evaluator" if signer == "the evaluator" else "log"
    )
    error = refused(SignerRefused, entry(body, key))
    assert error.code == "log.signer_refused"


def test_the_operator_speaks_for_accounts_that_exist_and_signs_no_order_of_his_own():
    draw = messages.RoyaltyDraw("a" * 64)
    operator = log.signing_key("operator")
    refused(SignerRefused, entry(draw, operator, speaker="nobody-here"))
    refused(SignerRefused, entry(draw, operator))
    refused(SignerRefused, entry(draw, ADA, speaker="bob"))


def test_a_second_founder_finds_the_house_founded():
    stranger = keys.new_key()
    body = KeyAdded(keys.public_hex(stranger), "operator", "operator", AT_MS)
    refused(SignerRefused, entry(body, stranger))


# --- accounts and keys ----------------------------------------------------------------------------

NAMES = ["", "a", "Ada", "ada-", "-ada", "a--b", "9ada", "ad a", "ada.b", "x" * 33, "operator",
         "issuance", "fee", "escrow", "everyone", "escrow:docs"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_or_is_the_houses_own_is_refused(name):
    key = keys.new_key()
    opening = read_entry(order(AccountOpen(name), key))
    error = refused(AccountInvalid, opening)
    assert error.code == "ledger.account_invalid"


def test_a_taken_name_is_refused_whoever_asks():
    for name in ("ada", "bob"):
        opening = read_entry(order(AccountOpen(name), keys.new_key()))
        assert refused(AccountTaken, opening).code == "ledger.account_taken"


def opening(name="eve", key=None):
    asked = read_entry(order(AccountOpen(name), key or keys.new_key()))
    return asked, log.fact(AccountOpened(name, "user", AT_MS), answers=asked)


def test_an_account_is_opened_only_in_answer_to_its_own_order():
    asked, _ = opening("eve")
    other = log.fact(AccountOpened("mallory", "user", AT_MS), answers=asked)
    assert (
        refused(MessageRefused, asked, other).facts["reason"] == "the order names another account"
    )
    alone = log.fact(AccountOpened("eve", "user", AT_MS), idempotency="alone")
    assert refused(MessageRefused, alone).facts["reason"] == "it answers no account.open"


def test_a_key_is_added_only_to_the_account_that_it_opened():
    asked, opened = opening("eve")
    for public, account, reason in (
        ("b" * 64, "eve", "the order was signed by another key"),
        (asked.signer, "ada", "the order was signed by another key"),
        (keys.public_hex(ADA), "eve", "the key is known already"),
    ):
        added = log.fact(KeyAdded(public, account, "person", AT_MS), answers=asked)
        assert refused(MessageRefused, asked, opened, added).facts["reason"] == reason


def test_an_account_for_a_web_user_bears_the_name_that_speaks():
    operator = log.signing_key("operator")
    asked = read_entry(order(AccountOpen("eve"), operator, speaker="mallory"))
    assert refused(MessageRefused, asked).facts["reason"] == "it names two accounts"


# --- money ----------------------------------------------------------------------------------------


def minted(*lines, account="ada"):
    body = BooksMinted(account, tuple(lines), AT_MS)
    return log.fact(body, idempotency="mint")


def line(number=0, **changed):
    made = Line(
        books.transfer_id("law", "mint", number), "single", ISSUANCE, "ada", Nano(5), "mint"
    )
    return replace(made, **changed)


def test_a_mint_moves_what_it_mints_and_to_whom_it_says():
    for lines in (
        (line(credit="bob"),),
        (line(), line(1, credit="bob")),
        (line(), line(1, code="pay")),
        (line(debit="bob"),),
        (line(kind="pending"),),
    ):
        error = refused(MessageRefused, minted(*lines))
        assert error.facts["reason"] == "it moves more than it mints"
    record(minted(line()))
    assert queries.balance_nano("ada") == 5


def test_nobodys_tokens_are_minted_away():
    """Guards where a mint takes from: else the operator could move anybody's tokens by it."""
    record(minted(line(credit="bob"), account="bob"))
    theft = minted(line(1, debit="bob"))
    assert refused(MessageRefused, theft).facts["reason"] == "it moves more than it mints"
    assert queries.balance_nano("bob") == 5


def test_a_mint_of_nothing_is_not_logged():
    assert refused(TransferRefused, minted(line(amount_nano=Nano(0)))).facts["answer"]


def test_what_expires_is_over_and_goes_back_whole():
    """Guards that books.expired is no other word for a payment."""
    record(minted(line()))
    held = Line(
        books.transfer_id("law", "hold"), "pending", "ada", "bob", Nano(5), "pay", timeout_s=10
    )
    books.apply([held], log.Tables(), at_ms=AT_MS, message="m")
    due_ms = AT_MS + 10_000
    back = books.expiry(held.id)
    payment = Line(books.transfer_id("law", "pay"), "single", "ada", "bob", Nano(1), "pay")
    to_bob = replace(back, kind="post")
    for lines, at_ms in (((payment,), due_ms), ((to_bob,), due_ms), ((back,), due_ms - 1)):
        forged = log.fact(BooksExpired(lines, at_ms), idempotency="expiry")
        assert refused(MessageRefused, forged).facts["reason"] == "it moves what is not over"
    record(log.fact(BooksExpired((back,), due_ms), idempotency="expiry"))
    assert (queries.balance_nano("ada"), queries.balance_nano("bob")) == (5, 0)


# --- all or nothing, once -------------------------------------------------------------------------


def test_a_batch_is_taken_whole_or_not_at_all():
    asked, opened = opening("eve")
    broken = log.fact(AccountOpened("ada", "pool", AT_MS), idempotency="broken")
    refused(AccountTaken, asked, opened, broken)
    record(asked, opened)
    assert queries.has_account("eve")


def test_one_signer_uses_an_idempotency_key_once():
    """Guards the last witness: the anchor is unique per signer, whatever the actions look up."""
    record(log.fact(messages.ClockTicked(AT_MS), idempotency="noon"))
    again = log.fact(messages.ClockTicked(AT_MS + 1), idempotency="noon")
    assert refused(AnchorTaken, again).code == "log.anchor_taken"
    other = log.fact(messages.ClockTicked(AT_MS + 1), idempotency="later")
    record(other)


def test_the_same_words_are_the_same_order_and_other_words_another():
    body = messages.RoyaltyDraw("a" * 64)
    one, same, other, another = (
        log.order_for(account, body, idempotency=words)
        for account, words in (("bob", "x"), ("bob", "x"), ("bob", "y"), ("ada", "x"))
    )
    assert one.raw == same.raw
    assert len({one.id, other.id, another.id}) == 3
    assert (one.actor, one.speaker) == ("bob", "bob")


def test_a_fact_without_a_cause_needs_words_and_a_record_needs_a_transaction(db):
    with pytest.raises(AssertionError, match="words that make it once"):
        log.fact(messages.ClockTicked(AT_MS))


def test_what_was_recorded_is_found_with_its_actor_and_later_with_its_place():
    asked, opened = opening("eve")
    record(asked, opened)
    found = log.find(asked.id)
    assert (found.actor, found.kind, found.raw) == ("eve", "account.open", asked.raw)
    assert log.find("A" * 43) is None
    assert log.index_of(asked.id) is None
    while sequence(holder="site", now=NOW):
        pass
    assert log.index_of(opened.id) == log.index_of(asked.id) + 1
    with pytest.raises(MessageUnknown):
        log.index_of("A" * 43)


RAW = order(AccountOpen("eve"), keys.new_key())


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_no_byte_of_a_signed_order_can_be_changed(place, change):
    """Guards the signature over every part: tags, anchor, body, and the key itself."""
    spoilt = RAW[:place] + bytes([RAW[place] ^ change]) + RAW[place + 1 :]
    with pytest.raises(AssayError):
        log.read_order(spoilt)


# --- rows over the tables -------------------------------------------------------------------------


def test_rows_of_the_fold_go_through_the_tables_unchanged():
    record(minted(line()))
    rows = log.Tables()
    (transfer,) = rows.find(books.Transfer, id=line().id)
    assert (transfer.pending_id, transfer.amount_nano) == (None, 5)
    assert rows.get(Purse, "ada").available_nano == 5
    assert rows.get(Purse, "nobody") is None
    assert rows.get(Purse, "") is None
    names = [row.id for row in rows.find(Purse)]
    assert names == sorted(names)
    rows.put(Purse(id="eve", kind="user"))
    rows.put(Purse(id="eve", kind="user", available_nano=0, is_closed=True))
    assert log.Tables().get(Purse, "eve").is_closed
