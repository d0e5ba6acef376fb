"""Statements: the same figures as page, JSON and CSV; paged without reading the whole account."""

import csv
import io
import re

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from assay.money import show_tokens
from ledger import actions, queries
from ledger.rules.accounts import FEE, ISSUANCE
from tests import factories

pytestmark = pytest.mark.django_db
LINES = 7


@pytest.fixture
def ada():
    """An account with some transfers; answers with its name."""
    factories.account("ada")
    for number in range(LINES):
        given = {"amount_nano": 10**9 + number, "idempotency": str(number)}
        actions.mint(account="ada", now=factories.at(number // 2), **given)
    return "ada"


@pytest.fixture
def busy():
    """A contest that was settled: accounts with held, paid and given-back amounts."""
    factories.competition()
    first, second = factories.scored("ada"), factories.scored("bob", number=1)
    factories.settle(right={first: 39, second: 25})
    return ["ada", "bob", "sponsor", "escrow:docs", FEE, ISSUANCE, "evaluators"]


def json_lines(client, name, limit):
    lines, after = [], ""
    while True:
        page = client.get(f"/api/accounts/{name}/statement?limit={limit}&after={after}").json()
        lines += page["items"]
        after = page["next"]
        if not after:
            return lines


def csv_rows(client, name):
    text = client.get(f"/api/accounts/{name}/statement?format=csv").getvalue().decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_every_account_tells_the_same_in_pages_of_any_size_and_in_csv(busy, client, limit):
    """Guards the running balance: what a page leaves out must still be counted."""
    for name in busy:
        lines = json_lines(client, name, limit)
        rows = csv_rows(client, name)
        assert [{key: str(value) for key, value in line.items()} for line in lines] == rows, name
        balance_nano = queries.balance_nano(name)
        for line in lines:
            assert int(line["balance_nano"]) == balance_nano, (name, line)
            balance_nano -= int(line["change_nano"])
        assert balance_nano == 0, name


def test_the_page_shows_what_json_says_and_leads_to_the_older_transfers(ada, client, monkeypatch):
    monkeypatch.setattr("ledger.views.STATEMENT_LINES", 3)
    lines, page = json_lines(client, ada, 1000), client.get(f"/accounts/{ada}/").content.decode()
    shown = []
    while True:
        cells = re.findall(r'data-label="Balance after">(.*?)</td>', page)
        shown += [re.sub("<[^>]*>", "", cell) for cell in cells]
        older = re.search(r'href="\?after=([0-9a-f]+)"', page)
        if older is None:
            break
        page = client.get(f"/accounts/{ada}/?after={older[1]}").content.decode()
        assert "Newest transfers" in page
    wanted = [show_tokens(int(line["balance_nano"])) for line in lines]
    assert shown == wanted


def test_a_page_asks_the_database_as_often_for_many_lines_as_for_few(
    ada, client, django_assert_num_queries
):
    for limit in (1, LINES):
        with django_assert_num_queries(3):
            client.get(f"/api/accounts/{ada}/statement?limit={limit}")
    after = client.get(f"/api/accounts/{ada}/statement?limit=2").json()["next"]
    with django_assert_num_queries(7):
        client.get(f"/api/accounts/{ada}/statement?limit=2&after={after}")
    with django_assert_num_queries(6):
        client.get(f"/accounts/{ada}/")


def test_the_page_can_be_read_by_ear_and_walked_by_keyboard(ada, client):
    page = client.get(f"/accounts/{ada}/").content.decode()
    table = page[page.index("<table") : page.index("</table>")]
    assert "<caption" in table
    heads = re.findall(r"<th scope=\"(col|row)\"", table)
    assert heads.count("col") == 6
    assert heads.count("row") == LINES
    assert 'aria-labelledby="lines"' in page
    assert re.search(r'<a href="[^"]*format=csv">CSV</a>', page)
    assert "onclick" not in page
    assert "tabindex" not in table


def test_under_asgi_a_csv_is_sent_line_by_line(ada):
    async def ask():
        answer = await AsyncClient().get(f"/api/accounts/{ada}/statement?format=csv")
        return [piece async for piece in answer.streaming_content]

    pieces = async_to_sync(ask)()
    assert len(pieces) == LINES + 1
    assert len(list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))) == LINES


def test_an_account_without_transfers_has_a_heading_and_no_lines(client):
    actions.found(now=timezone.now())
    assert csv_rows(client, FEE) == []
    assert json_lines(client, FEE, 5) == []
    answer = client.get("/api/accounts/nobody/statement?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.account_unknown")
