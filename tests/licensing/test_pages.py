"""The pages of the rights: everything is said before it is paid, and one click pays once."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from urllib.parse import unquote

import pytest
from django.contrib.auth import get_user_model

from assay.money import parse_tokens, show_tokens
from ledger import actions as ledger_actions
from ledger.queries import balance_nano, transfers_of
from ledger.sequencer import sequence
from licensing import models, queries
from licensing.queries import statement as statement_queries
from licensing.rules.statement import period
from tests.licensing.market import (
    ASSAY,
    BASE,
    DATA,
    FUNDS,
    NOW,
    WORK,
    buy,
    draw,
    people,
    register,
    scene,
    share,
)
from web.models import Spending

pytestmark = pytest.mark.django_db
HTML = {"accept": "text/html"}


@pytest.fixture(autouse=True)
def everybody(db):
    people()
    scene()


@pytest.fixture
def sit_down(client):
    """sit_down("buyer") -> a browser that is signed in as the buyer."""

    def one(name):
        user, _ = get_user_model().objects.get_or_create(username=name)
        client.force_login(user)
        return client

    return one


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', page.text))


def pay(browser, page):
    return browser.post(f"/models/{WORK}/buy/", hidden(page), headers=HTML)


def quote_page(browser, uses="commercial"):
    return browser.get(f"/models/{WORK}/buy/", {"uses": uses}, headers=HTML)


def test_the_list_shows_each_offer_with_its_price_in_a_fixed_number_of_queries(
    client, django_assert_max_num_queries
):
    with django_assert_max_num_queries(9):
        page = client.get("/models/", headers=HTML)
    assert f'href="/models/{WORK}/"' in page.text
    assert ">100 <" in page.text
    assert page.text.count("<rect") >= 3
    for number in range(5):
        register("author", "base:" + f"{number}b" * 32, "base", ASSAY)
    with django_assert_max_num_queries(9):
        assert client.get("/models/", headers=HTML).text.count("<tr>") == 9


def test_the_search_finds_by_title_owner_and_id_and_says_what_to_do_when_it_finds_nothing(client):
    for text, found in (("mine", True), ("MINER", True), (WORK[:12], True), ("zebra", False)):
        page = client.get("/models/", {"q": text}, headers=HTML)
        assert (f'href="/models/{WORK}/"' in page.text) == found, text
    assert "Show everything" in page.text
    only_data = client.get("/models/", {"kind": "data"}, headers=HTML).text
    assert DATA in only_data
    assert WORK not in only_data


def test_a_work_says_every_use_in_words_and_who_is_paid_before_anybody_pays(client):
    page = client.get(f"/models/{WORK}/", headers=HTML)
    assert "You may use it commercially for 100 tokens once." in page.text
    assert "You may not train on it" in page.text
    assert page.text.count("Use it commercially: 100 tokens once") == 1
    assert "Copy it: Copy it" not in page.text
    assert "not_granted_by_default" in page.text
    assert "Allowed-With-Fee-One-Time-100" in page.text
    for name, amount in (("author", "4"), ("sponsor", "9"), ("miner", "55"), ("mate", "27")):
        assert re.search(rf'>{name}</a></th>.*?<span class="money">{amount}<', page.text, re.DOTALL)
    assert f'href="/models/{BASE}/"' in page.text
    assert page.headers["Link"].endswith('rel="license"')
    assert "Mine" in client.get(f"/models/{BASE}/", headers=HTML).text


def test_a_work_that_nobody_registered_is_told_with_its_code(client):
    page = client.get(f"/models/{'00' * 32}/", headers=HTML)
    assert page.status_code == 404
    assert "licensing.work_unknown" in page.text


def test_the_quote_shows_the_split_that_the_sale_then_makes_to_the_last_nano(sit_down):
    odd = "data:" + "0d" * 32
    tags = (*ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-0.000000007"))
    register("author", odd, "data", tags, (share("author", 2), share("mate"), share("miner")))
    browser = sit_down("buyer")
    for _ in range(3):
        page = browser.get(f"/models/{odd}/buy/", {"uses": "commercial"}, headers=HTML)
        before = {name: due_of(name, odd) for name in ("author", "mate", "miner")}
        form = hidden(page) | dict(re.findall(r'name="(beside)" value="([^"]*)"', page.text))
        answer = browser.post(f"/models/{odd}/buy/", form, headers=HTML)
        assert answer.status_code == 302
        for name, was_nano in before.items():
            row = re.search(rf">{name}</a></th>.*?</tr>", page.text, re.DOTALL)[0]
            told = re.sub("<[^>]+>", "", row).split()[-1]
            assert told == show_tokens(due_of(name, odd) - was_nano).ljust(len(told), "0")


def due_of(name, work):
    return next(one.due_nano for one in queries.royalties(name) if one.work.id == work)


def test_one_click_twice_is_one_licence(sit_down):
    browser = sit_down("buyer")
    page = quote_page(browser)
    first, second = pay(browser, page), pay(browser, page)
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"]
    assert models.Grant.objects.count() == 1
    assert balance_nano("buyer") == FUNDS - parse_tokens("100")


def test_who_only_looks_at_a_quote_spends_nothing_of_a_budget(sit_down):
    before = sum(Spending.objects.values_list("spent", flat=True))
    assert quote_page(sit_down("buyer")).status_code == 200
    assert sum(Spending.objects.values_list("spent", flat=True)) == before


def test_a_licence_that_is_free_is_taken_and_nothing_is_said_of_payment(sit_down):
    page = sit_down("buyer").get(f"/models/{DATA}/buy/", {"uses": "train"}, headers=HTML)
    shown = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page.text))
    assert "Take the licence" in shown
    assert "Where every nano goes" not in shown
    assert not re.search(r"Pay 0|\b0 tokens", shown)


def test_a_second_purchase_of_the_same_right_warns_and_moves_money_only_when_wanted(sit_down):
    browser = sit_down("buyer")
    first = pay(browser, quote_page(browser))["Location"]
    page = quote_page(browser)
    assert "You hold this already" in page.text
    assert f'href="{first}"' in page.text
    answer = pay(browser, page)
    assert answer.status_code == 409
    assert "licensing.already_held" in answer.text
    assert models.Grant.objects.count() == 1
    assert balance_nano("buyer") == FUNDS - parse_tokens("100")
    [beside] = re.findall(r'name="beside" value="([^"]*)"', page.text)
    wanted = hidden(page) | {"beside": beside}
    for _ in range(2):
        assert browser.post(f"/models/{WORK}/buy/", wanted, headers=HTML).status_code == 302
    assert models.Grant.objects.count() == 2
    assert balance_nano("buyer") == FUNDS - parse_tokens("200")


def test_who_ticked_no_use_is_led_back_to_the_work_with_a_word(sit_down):
    browser = sit_down("buyer")
    answer = browser.get(f"/models/{WORK}/buy/", headers=HTML)
    assert answer.status_code == 302
    assert answer["Location"] == f"/models/{WORK}/#buy"
    assert "Tick what you want to use it for" in browser.get(f"/models/{WORK}/", headers=HTML).text


def test_an_order_and_its_licence_link_the_fact_that_answers(sit_down):
    browser = sit_down("buyer")
    licence = browser.get(pay(browser, quote_page(browser))["Location"], headers=HTML).text
    grant = models.Grant.objects.get()
    assert f'href="/messages/{grant.message}/"' in licence
    assert f'href="/messages/{grant.id}/"' in licence
    order = browser.get(f"/messages/{grant.id}/", headers=HTML).text
    assert "Answered by" in order
    assert f'href="/messages/{grant.message}/"' in order


def test_the_licence_page_gives_text_receipt_command_and_transfers(sit_down):
    browser = sit_down("buyer")
    answer = pay(browser, quote_page(browser))
    page = browser.get(answer["Location"], headers=HTML)
    grant = models.Grant.objects.get()
    assert unquote(answer["Location"]) == f"/licences/{grant.id}/"
    assert grant.jws in page.text
    assert "assay licence verify grant.jws" in page.text
    assert "The receipt is on its way" in page.text
    assert page.text.count('data-label="To"') == transfers_of(grant.message).count() == 4
    file = browser.get(f"/licences/{grant.id}/grant.jws")
    assert file.content.decode() == grant.jws
    assert file["Content-Disposition"] == 'attachment; filename="grant.jws"'
    assert grant.id[:10] in browser.get("/licences/", headers=HTML).text
    assert f"/licences/{grant.id}/" in browser.get(f"/models/{WORK}/", headers=HTML).text


def test_who_cannot_pay_is_told_what_is_missing_and_gets_no_button(sit_down):
    ledger_actions.mint(
        account="mate", amount_nano=parse_tokens("99.5"), idempotency="funds", now=NOW
    )
    browser = sit_down("mate")
    page = quote_page(browser)
    assert "lacks 0.5 tokens" in page.text
    assert 'name="price_nano"' not in page.text
    form = hidden(quote_page(sit_down("buyer")))
    answer = sit_down("mate").post(f"/models/{WORK}/buy/", form, headers=HTML)
    assert answer.status_code == 409
    assert "ledger.overdrawn" in answer.text
    assert "Add 0.5 tokens" in answer.text


def test_another_price_than_the_quoted_one_pays_nothing_and_shows_the_new_quote(sit_down):
    browser = sit_down("buyer")
    form = hidden(quote_page(browser)) | {"price_nano": "1"}
    answer = browser.post(f"/models/{WORK}/buy/", form, headers=HTML)
    assert answer.status_code == 409
    assert "licensing.quote_stale" in answer.text
    assert hidden(answer)["price_nano"] == str(parse_tokens("100"))
    assert not models.Grant.objects.exists()


def test_what_is_not_sold_and_uses_that_are_denied_are_told(sit_down):
    models.Work.objects.filter(pk=WORK).update(state="disputed")
    browser = sit_down("buyer")
    page = quote_page(browser)
    assert page.status_code == 409
    assert "licensing.not_for_sale" in page.text
    work = browser.get(f"/models/{WORK}/", headers=HTML).text
    assert "No licences are sold now" in work
    assert "See the quote" not in work
    models.Work.objects.filter(pk=WORK).update(state="live")
    assert "licensing.denied" in quote_page(browser, "train").text
    assert "licensing.uses_invalid" in quote_page(browser, "").text


def test_a_form_that_was_changed_on_its_way_is_refused(sit_down):
    browser = sit_down("buyer")
    form = hidden(quote_page(browser)) | {"price_nano": "a lot"}
    answer = browser.post(f"/models/{WORK}/buy/", form, headers=HTML)
    assert answer.status_code == 422
    assert "request.invalid" in answer.text


@pytest.mark.parametrize(
    "path", [f"/models/{WORK}/buy/?uses=commercial", "/licences/", "/royalties/"]
)
def test_visitors_sign_in_first_and_come_back(client, path):
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 302
    assert unquote(answer["Location"]) == f"/account/sign-in/?next={path}"


def test_royalties_are_drawn_by_one_click_and_explained_line_by_line(sit_down):
    buy()
    browser = sit_down("miner")
    page = browser.get("/royalties/", headers=HTML)
    assert "Your royalties" in page.text
    form = hidden(page) | dict(re.findall(r'form="draw" name="(work)" value="([^"]*)"', page.text))
    for _ in range(2):
        assert browser.post("/royalties/draw/", form, headers=HTML).status_code == 302
    assert balance_nano("miner") == parse_tokens("83.3") * 2 // 3
    again = browser.post("/royalties/draw/", form | {"key": "k" * 22}, headers=HTML)
    assert "licensing.nothing_to_draw" in again.text
    page = browser.get("/royalties/", headers=HTML)
    assert "You drew from Mine" in page.text
    assert "nothing yet" in page.text


def test_the_statement_adds_up_to_what_is_due_for_every_payee():
    for number in range(3):
        buy(f"sale {number}")
        draw("miner", WORK, f"draw {number}") if number < 2 else None
    for name in ("miner", "mate", "author", "sponsor"):
        lines = whole_statement(name)
        due_nano = sum(line.share_nano - line.drawn_nano for line in lines)
        assert due_nano == sum(one.due_nano for one in queries.royalties(name))
        sales = [line for line in lines if line.what == "sale"]
        assert {(one.sold, one.gross_nano) for one in sales} == {(WORK, parse_tokens("100"))}
        assert {one.fee_nano for one in sales} == {parse_tokens("2")}


def test_the_newest_lines_are_those_of_the_whole_statement():
    for number in range(4):
        buy(f"sale {number}", now=NOW + timedelta(minutes=number))
        draw("mate", WORK, f"draw {number}")
        if number % 2:
            draw("miner", WORK, f"draw {number}")
    for name in ("miner", "mate", "author", "sponsor"):
        whole, page = whole_statement(name), dues_page(name, lines=100)
        assert page.due_nano == sum(line.share_nano - line.drawn_nano for line in whole)
        bare = [replace(line, edge="") for line in whole]  # the page shows no edges
        assert sorted(page.lines, key=repr) == sorted(bare, key=repr)
        assert dues_page(name, lines=3).lines == page.lines[:3]


def dues_page(name, start=0, limit=100, lines=50):
    return queries.dues_page(name, start=start, limit=limit, lines=lines)


def whole_statement(name, since="", until=""):
    made = queries.royalty_statement(name, period(since, until))
    return [line for line, _ in made.lines]


def test_a_statement_opens_where_the_one_before_closed_and_has_the_order_of_the_log(sit_down):
    moments = [NOW + timedelta(days=number) for number in range(4)]
    for number, now in enumerate(moments):
        buy(f"sale {number}", now=now)
        draw("miner", WORK, f"draw {number}", now=now) if number % 2 else None
    while sequence(holder="test", now=NOW):
        pass
    days = ["", *(f"{now:%Y-%m-%d}" for now in moments[1:]), ""]
    for name in ("miner", "mate", "author", "sponsor"):
        browser, closing_nano, rows, told = sit_down(name), "0", [], []
        for since, until in pairwise(days):
            asked = {"since": since, "until": until}
            raw = b"".join(browser.get("/royalties/statement.json", asked))
            told.append(json.loads(raw))
            assert told[-1]["opening_nano"] == closing_nano
            closing_nano = told[-1]["closing_nano"]
            rows += told[-1]["lines"]
            totals = queries.royalty_totals(name, period(since, until))
            came = sum(int(one["share_nano"]) for one in told[-1]["lines"])
            drawn = sum(int(one["drawn_nano"]) for one in told[-1]["lines"])
            assert (totals.credits_nano, totals.draws_nano) == (came, drawn)
            assert str(totals.closing_nano) == closing_nano
            assert raw == b"".join(browser.get("/royalties/statement.json", asked)), "same bytes"
        assert int(closing_nano) == sum(one.due_nano for one in queries.royalties(name))
        places = [one["log_index"] for one in rows]
        assert places == sorted(places)
        assert None not in places
        assert len(rows) == (6 if name == "miner" else 4)
        page = browser.get("/royalties/statement/", {"since": days[1]}, headers=HTML)
        assert "Opening" in page.text
        assert f"?since={days[1]}" in page.text
    for odd in ({"since": "x"}, {"since": days[2], "until": days[1]}):
        assert browser.get("/royalties/statement.csv", odd).status_code == 422
        assert browser.get("/royalties/statement/", odd, headers=HTML).status_code == 422


def test_a_statement_of_many_lines_is_read_in_pieces(django_assert_max_num_queries, monkeypatch):
    for number in range(5):
        buy(f"sale {number}", now=NOW + timedelta(minutes=number))
    monkeypatch.setattr(statement_queries, "PIECE", 2)
    lines = whole_statement("miner")
    assert len(lines) == 5
    made = queries.royalty_statement("miner", period("", ""))
    with django_assert_max_num_queries(9):  # two of them for the levels above the sold work
        assert next(made.lines)[0] == lines[0]


def test_the_statement_file_runs_no_formula(sit_down):
    evil = "data:" + "e1" * 32
    models.Work.objects.filter(pk=WORK).update(title="=cmd|' /C calc'!A0")
    register("miner", evil, "data", (*ASSAY, ("Commercial-Use", "Allowed")))
    buy()
    answer = sit_down("miner").get("/royalties/statement.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert re.search(r'filename="royalties-miner-\d+\.csv"', answer["Content-Disposition"])
    head, opening, row, closing, end = b"".join(answer).decode().split("\r\n")
    assert head.startswith("log_index,at_ms,what,state,work,sold,edge,grant,gross_nano,fee_nano")
    assert ("opening" in opening, "closing" in closing, end) == (True, True, "")
    assert "'=cmd" in row
    assert not any(cell.startswith("=") for cell in row.split(","))


def test_everybody_without_works_or_licences_is_told_what_comes_next(sit_down):
    browser = sit_down("buyer")
    assert "You have no part in any work yet" in browser.get("/royalties/", headers=HTML).text
    assert "You hold no licences" in browser.get("/licences/", headers=HTML).text


@pytest.mark.parametrize("path", ["/models/", f"/models/{WORK}/", "/licences/", "/royalties/"])
def test_every_page_of_the_rights_stands_on_the_frame(sit_down, path):
    html = sit_down("miner").get(path, headers=HTML).text
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son[a-z]+=", html)
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        assert "<caption" in table
