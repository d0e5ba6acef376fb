"""The rights of others: works that are registered, sold or held up by who has no right to."""

from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from assay import messages
from assay.canonical import sha256_hex
from assay.errors import AssayError
from audit.history import FOLDS
from competitions import queries as contests
from competitions.actions import entry as entries
from competitions.actions import queue, score, winners
from competitions.errors import FoldRefused
from competitions.models import Evaluation
from ledger import log
from ledger.actions import ms
from ledger.errors import LogDamaged, MessageRefused
from licensing import actions, queries
from licensing.rules.fold import licensing
from licensing.rules.rows import entry_work
from licensing.rules.terms import OUR_LICENCE
from tests import factories
from tests.hostile.orders import Stranger, fold_anew
from tests.licensing import market
from web import auth
from workers import clock

pytestmark = pytest.mark.django_db
ADAPTER = b"canonical miner 0"
PARENT = "base:" + "9a" * 32


def registering(work, *, kind="data", owner="eve"):
    tags = (("License", OUR_LICENCE),)
    return messages.WorkRegister(f"{kind}:{work}", kind, "Mine", tags, (messages.Share(owner, 1),))


def adapter_of(submission):
    return factories.adapter_of(submission)


def enter(owner, parents=(), right=30):
    """A scored entry that names parents; answers with its id."""
    factories.account(owner, "100")
    files = [factories.blob(f"{part} of {owner}", owner=owner).sha256 for part in "ct"]
    body = factories.committed(owner, "docs", files, f"By {owner}", parents=parents)
    made = entries.commit(log.order_for(owner, body, idempotency="one"), now=factories.at(15)).id
    found = Evaluation.objects.get(submission=made, slice="board")
    fence = queue.lease(evaluation=found.pk, now=factories.at(20))
    measured = factories.measured(factories.blob(f"adapter of {owner}").sha256, right)
    score.record_score(evaluation=found.pk, fence=fence, measured=measured, now=factories.at(20))
    return made


def test_the_site_folds_by_the_rooms_that_a_replay_folds_by():
    assert log.every_room() == FOLDS


# --- 1. the ids of works --------------------------------------------------------------------------
def test_nobody_registers_an_entrys_adapter_as_data(client, monkeypatch):
    """It is public after the close: who registered it was paid, and the winner got no work."""
    factories.competition()
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    eve, won = Stranger(client), factories.scored()
    name = adapter_of(won)
    eve.upload(ADAPTER, name)
    answer = eve.send(registering(name))
    assert (answer.status_code, answer.json()["code"]) == (409, "licensing.work_taken")
    factories.settle()
    work = entry_work(won)
    assert winners.license_winners("docs", now=factories.at(620)) == [work]
    found = queries.work(work)
    assert (found.owner, found.kind, found.content) == ("miner", "adapter", name)
    fold_anew()


def test_an_order_past_the_site_for_an_entrys_adapter_damages_the_log_that_keeps_it():
    """As soon as the log tells whose it is: when the entry decides."""
    factories.competition()
    name = adapter_of(factories.scored())
    factories.settle()
    factories.account("eve")
    order = log.order_for("eve", registering(name), idempotency="one")
    asked = order.body
    one = actions.Registration(asked.work, "data", name, "eve", "Mine", asked.tags, asked.shares)
    with transaction.atomic():
        fact = actions.registration_fact(one, answers=order, now=factories.at(630))
        log.record([order, fact], rooms=(licensing,))
    with pytest.raises(LogDamaged, match="adapter of an entry"):
        fold_anew()


def test_what_is_data_already_wins_nothing_as_an_adapter(client):
    """Its maker could otherwise win, and sell it as data that owes its base nothing."""
    factories.competition()
    name = factories.blob(ADAPTER.decode(), owner="miner").sha256
    factories.account("miner")
    order = log.order_for("miner", registering(name, owner="miner"), idempotency="early")
    actions.register_work(order, now=factories.NOW)
    one = factories.as_its_owner_sees(factories.scored())
    assert (one.state, one.refusal_code) == ("refused", "submission.duplicate")
    fold_anew()


# --- 2. one winner does not hold up another -------------------------------------------------------
def monthly_parent():
    """A work whose derivation is paid by the month."""
    tags = (
        *factories.ASSAY,
        ("Derivation", "Allowed-With-Fee-Monthly-1"),
        ("Commercial-Use", "Allowed"),
    )
    factories.work("base", "9a" * 32, owner="base-author", tags=tags)


def buy_derive(owner, words, now):
    quote = queries.quote(PARENT, ("derive",), account=owner, now=now)
    actions.buy_licence(log.order_for(owner, quote.order(), idempotency=words), now=now)


def test_a_winner_whose_grant_lapsed_holds_up_nobody_and_is_licensed_when_it_is_renewed(
    client, monkeypatch
):
    factories.competition()
    monthly_parent()
    owners = ("ann", "ben", "cem", "dan")
    lapsed = owners[:2]
    for owner in lapsed:
        factories.account(owner, "100")
        buy_derive(owner, "first", factories.at(2))
    made = {one: enter(one, (PARENT,) if one in lapsed else ()) for one in owners}
    factories.settle(right={made[one]: 34 - place for place, one in enumerate(owners)})
    late = factories.at(620) + timedelta(days=31)
    with pytest.raises(ExceptionGroup) as broken:
        winners.license_winners("docs", now=late)
    assert [one.code for one in broken.value.exceptions] == ["lineage.licence_needed"] * 2
    is_work = {one: queries.has_work(entry_work(made[one])) for one in owners}
    assert is_work == {"ann": False, "ben": False, "cem": True, "dan": True}
    assert told(client, made["ann"], "ann") == [True, True]
    assert told(client, made["ann"], "") == told(client, made["ann"], "ben") == [False, False]
    assert told(client, made["cem"], "cem") == [False, False]
    for owner in lapsed:
        buy_derive(owner, "second", late)
    monkeypatch.setattr(timezone, "now", lambda: late)
    clock.sweep()
    assert all(queries.has_work(entry_work(one)) for one in made.values())
    assert contests.unlicensed_winners() == []
    assert told(client, made["ann"], "ann") == [False, False]
    assert client.get(f"/api/submissions/{made['ann']}").json()["work"] == entry_work(made["ann"])
    fold_anew()


def told(client, entry, viewer):
    """Whether page and API say to somebody what holds the licence of a winner up."""
    client.logout()
    headers = {"accept": "text/html"}
    if viewer:
        client.force_login(get_user_model().objects.get(username=viewer))
        headers |= {"authorization": f"Bearer {auth.issue(viewer, timezone.now())}"}
    page = client.get(f"/submissions/{entry}/", headers=headers).text
    assert (f"/models/{entry_work(entry)}/" in page) is queries.has_work(entry_work(entry))
    waits = client.get(f"/api/submissions/{entry}", headers=headers).json().get("held_up")
    assert waits is None or waits["cause"] in unescape(page)
    return ["lineage.licence_needed" in page, waits is not None]


@pytest.mark.parametrize("title", ["\x1b[2J", "a\u202eb", "x" * 81])
def test_a_title_that_could_not_be_licensed_is_refused_at_the_commit(client, monkeypatch, title):
    factories.competition()
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    eve = Stranger(client)
    files = [factories.blob(part, owner="eve").sha256 for part in "ct"]
    sent = [factories.committed("eve", "docs", files, one) for one in (title, "x" * 80)]
    assert [eve.send(one, one.title).status_code for one in sent] == [422, 200]


# --- 3. a contest's work is its entry's -----------------------------------------------------------
@pytest.fixture
def won():
    """A paid winner that is no work yet, with everything that its registration says."""
    factories.competition()
    monthly_parent()
    factories.account("miner", "100")
    buy_derive("miner", "first", factories.at(2))
    made = enter("miner", (PARENT,))
    factories.settle()
    return contests.entry_row(made)


def fact_of(entry, rates=None, **forged):
    """The registration of a winner, with what is forged in it. rates: of its parents, forged."""
    contest = contests.competition_row("docs")
    named = (contest.spec.base_work, contest.spec.data_work, *entry.parents)
    asked = queries.check_parents(
        entry.tags, forged.pop("parents", named), owner=entry.owner, now=factories.at(620)
    )
    told = {
        "work": entry_work(entry.id),
        "kind": "adapter",
        "content": entry.adapter_sha256,
        "owner": entry.owner,
        "title": entry.title,
        "tags": entry.tags,
        "shares": (messages.Share(entry.owner, 1),),
        "licence": "",
        "parents": tuple(messages.Parent(*one) for one in (asked | (rates or {})).items()),
        "at_ms": ms(factories.at(620)),
    }
    body = messages.WorkRegistered(**(told | forged))
    return log.fact(body, answers=log.find(entry.id), idempotency="registered")


FORGED = {
    "another id": {"work": "entry:" + "e" * 43},
    "the id of data": {"work": "data:" + "0e" * 32, "kind": "data"},
    "another content": {"content": "0e" * 32},
    "another payee": {"shares": (messages.Share("sponsor", 1),)},
    "one payee more": {"shares": (messages.Share("miner", 1), messages.Share("sponsor", 9))},
    "another title": {"title": "Something else"},
    "no parents": {"parents": ()},
    "one parent less": {"parents": (PARENT,)},
    "a parent that takes less": {"rates": {PARENT: 1}},
    "a licence of its own": {"licence": "MIT"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_work_that_is_not_its_entrys_is_refused_by_site_replay_and_audit(won, forged):
    fact = fact_of(won, **forged)
    with pytest.raises((FoldRefused, MessageRefused)), transaction.atomic():
        log.record([fact], rooms=log.every_room())
    fold_anew()
    with transaction.atomic():
        log.record([fact], rooms=())
    with pytest.raises(LogDamaged):
        fold_anew()


def test_a_parent_that_the_entry_does_not_have_is_refused(won):
    stray = factories.work("data", "5f" * 32, owner="base-author", tags=factories.DATA_TAGS)
    contest = contests.competition_row("docs")
    named = (contest.spec.base_work, contest.spec.data_work, PARENT, stray)
    with pytest.raises(FoldRefused), transaction.atomic():
        log.record([fact_of(won, parents=named)], rooms=log.every_room())
    with transaction.atomic():
        log.record([fact_of(won)], rooms=log.every_room())
    fold_anew()


# --- 4. who may register what, and under which id -------------------------------------------------
def test_a_base_is_registered_by_the_operator_alone_and_names_its_own_licence(client):
    eve = Stranger(client)
    raw = b"a base of eve"
    name = sha256_hex(raw)
    eve.upload(raw, name)
    mine = replace(registering(name, kind="base"), licence="MIT")
    assert eve.send(mine).status_code == 422
    for licence in ("", "no\nlicence"):
        bare = replace(mine, licence=licence)
        order = log.order_for("eve", bare, idempotency=licence)
        with pytest.raises(AssayError):
            actions.register_work(order, now=factories.NOW)
    fold_anew()


@pytest.mark.parametrize(
    "odd",
    [
        {"work": "entry:" + "e" * 43},
        {"work": "base:{content}"},
        {"work": "{content}"},
        {"licence": "MIT"},
        {"kind": "adapter", "work": "adapter:{content}"},
    ],
)
def test_an_id_that_is_not_of_its_kind_and_content_is_refused(client, odd):
    eve = Stranger(client)
    raw = b"rows of eve"
    name = sha256_hex(raw)
    eve.upload(raw, name)
    told = {one: value.replace("{content}", name) for one, value in odd.items()}
    answer = eve.send(replace(registering(name), **told))
    assert answer.status_code in (404, 422), answer.json()
    assert queries.works(owner="eve").count() == 0
    fold_anew()


def test_what_a_parent_asks_of_its_users_goes_on_to_everything_below(client):
    """Of a base under Apache-2.0, and of data whose creator is to be named, two steps above."""
    market.people()
    credit = (*market.DATA_TAGS[:-1], ("Data-Model-Training", "Allowed"))
    credit = tuple((one, "Allowed-With-Credit" if one == "Commercial-Use" else value)
                   for one, value in credit)  # fmt: skip
    market.register("author", market.BASE, "base", market.BASE_TAGS)
    market.register("sponsor", market.DATA, "data", credit)
    market.enter(tags=(*market.WORK_TAGS, ("Derivation", "Allowed-With-Indication")))
    shares = (messages.Share("mate", 1),)
    told = ("Its child", market.WORK_TAGS, shares, "", (market.WORK,))
    below = messages.WorkRegister("adapter:" + "bb" * 32, "adapter", *told)
    actions.register_work(log.order_for("mate", below, idempotency="child"), now=market.NOW)
    owed = [
        (market.WORK, "indication"),
        (market.BASE, "licence:Apache-2.0"),
        (market.DATA, "credit"),
    ]
    assert [tuple(one) for one in queries.work(below.work).inherited] == sorted(owed)
    page = client.get(f"/models/{below.work}/", headers={"accept": "text/html"}).text
    assert "licence of The base itself, Apache-2.0" in page
    told = client.get(f"/api/works/{below.work}/quote").json()["inherited"]
    assert [(one["work"], one["owes"]) for one in told] == sorted(owed)
    fold_anew()


def test_what_could_never_be_licensed_is_refused_when_it_is_entered(client, monkeypatch):
    """The sum that is due, and the number of parents, were found too much after the payout."""
    factories.competition()
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    eve = Stranger(client)
    half = (*factories.ASSAY, ("Derivation", "Allowed-With-RevenueShare-50%"),
            ("Commercial-Use", "Allowed"))  # fmt: skip
    greedy = [factories.work("base", f"{n}9" * 32, owner="author", tags=half) for n in range(2)]
    files = [factories.blob(part, owner="eve").sha256 for part in "ct"]

    def entering(parents):
        return factories.committed("eve", "docs", files, parents=parents)

    too_dear = eve.send(entering(tuple(greedy)))
    assert too_dear.json()["code"] == "lineage.stack_exceeds_whole"
    many = eve.send(entering(tuple(f"base:{n:064x}" for n in range(17))), "two")
    assert many.json()["code"] == "lineage.too_many_parents"
    fold_anew()
