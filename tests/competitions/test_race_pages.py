"""What pages, API and command line tell of a race, to whom, and what they keep to themselves."""

import re
from dataclasses import replace

import pytest
from django.utils import timezone

from assay import keys
from assay.messages import AccountOpen, SubmissionResume
from assay.wire import Nano
from competitions import queries
from competitions.rules import race
from config import env
from evaluator.score import racing
from evaluator.score.rerun import read_receipt
from evaluator.task.manifest import RaceClause
from ledger import log
from ledger.models import Message
from tests import factories, racers
from tests.factories import at
from tests.signing import sign_order
from web import auth

PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("clock"),
]


@pytest.fixture
def slow(client):
    """An entry of `slow`, who has 5 tokens, that a race stopped."""
    racers.contest()
    factories.scored("ada", right=36)
    factories.account("slow", "5")
    return racers.eliminated()


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_the_owner_reads_where_it_stopped_and_what_a_full_run_costs(client, slow):
    client.force_login(factories.get_user_model().objects.get(username="slow"))
    stop = factories.as_its_owner_sees(slow).stop
    html = words(client.get(f"/submissions/{slow}/").text)
    assert f"Eliminated after {stop['n']} of 40 examples" in html
    assert f"e-value {stop['e_value_e3'] // 1000}.{stop['e_value_e3'] % 1000:03d}" in html
    assert re.search(r"a full run against a deposit of 1\W+tokens?", html.replace("&ensp;", " "))
    assert f"after {stop['n']} of 40 examples" in words(client.get("/competitions/docs/").text)


def test_one_click_holds_the_deposit_and_sets_the_run_to_work(client, slow):
    client.force_login(factories.get_user_model().objects.get(username="slow"))
    answer = client.post(f"/submissions/{slow}/resume/", follow=True)
    assert "The deposit is held" in answer.text
    entry = queries.submission(slow)
    assert (entry.state, entry.resumed, entry.deposit) == ("committed", "deposit", "held")
    assert factories.Evaluation.objects.filter(submission=slow, slice="board").exists()
    stake = log.find(queries.funding_message("docs"))
    assert stake.kind == "competition.funded", "a later deposit is not the stake"


def test_others_read_it_after_the_close_and_nobody_may_click_for_another(client, slow):
    client.force_login(factories.get_user_model().objects.get(username="ada"))
    assert "Eliminated after" not in words(client.get(f"/submissions/{slow}/").text)
    assert client.post(f"/submissions/{slow}/resume/").status_code == 403
    assert queries.submission(slow).state == "eliminated"
    factories.deadline.advance("docs", now=at(601))
    html = words(client.get(f"/submissions/{slow}/").text)
    assert "Eliminated after" in html
    assert "Run it in full" not in html
    assert "it does not enter the final scoring" in html


def test_a_competition_says_that_and_how_it_races(client, slow):
    html = words(client.get("/competitions/docs/").text)
    assert "an equal one once in 100 at most" in html
    assert client.get("/api/competitions/docs").json()["deposit_nano"] == str(10**9)


def everything_told(client, slow):
    """All that anybody can read of the site, as one text: pages, API, state and every message."""
    paths = [
        "/competitions/docs/", "/competitions/docs/leaderboard/", f"/submissions/{slow}/",
        "/api/competitions/docs", "/api/competitions/docs/leaderboard", f"/api/submissions/{slow}",
        "/api/state/competitions.Evaluator", "/api/state/competitions.Submission",
        "/api/state/competitions.Competition",
    ]  # fmt: skip
    answers = [client.get(path) for path in paths]
    assert all(one.status_code == 200 for one in answers), [one.status_code for one in answers]
    raw = b"".join(bytes(one) for one in Message.objects.values_list("raw", flat=True))
    return "".join(one.text for one in answers) + raw.decode("latin-1")


def test_nothing_tells_the_order_before_the_close(client, slow):
    """Neither the secret nor the salt nor an order; the commitment stands there, and opens later.

    An entry's order is known to nobody who does not hold the salt, so the records of one stop are
    of no use for another entry: no two orders begin alike.
    """
    evaluator = queries.evaluator_row(queries.competition_row("docs").spec.manifest_sha256)
    salt = racing.salt_of(racers.SECRET)
    order = list(queries.track(slow).order)
    before = everything_told(client, slow)
    secrets = (racers.SECRET.hex(), salt.hex(), str(order)[1:40], str(order).replace(" ", "")[1:30])
    assert not any(one in before for one in secrets)
    assert evaluator.race.order in before
    factories.settle()
    assert racers.SECRET.hex() in everything_told(client, slow)
    orders = [race.order_of(one, evaluator, racers.SECRET) for one in queries.entry_rows("docs")]
    assert orders[0][:10] != orders[1][:10]


def test_the_api_tells_where_it_stopped_without_its_records(client, slow):
    entry = factories.as_its_owner_sees(slow)
    assert "eliminated" not in client.get(f"/api/submissions/{slow}").json()
    factories.deadline.advance("docs", now=at(601))
    told = client.get(f"/api/submissions/{slow}").json()
    assert told["state"] == "eliminated"
    assert told["eliminated"] == {
        "n": entry.stop["n"],
        "examples": 40,
        "reason": entry.stop["reason"],
        "rival": entry.stop["rival"],
        "e_value": f"{entry.stop['e_value_e3'] / 1000:.3f}",
    }


def test_a_signed_order_asks_for_the_full_run(client):
    racers.contest()
    factories.scored("ada", right=36)
    key = keys.new_key()
    opened = sign_order(AccountOpen("keyholder"), key, idempotency="open").encode()
    send(client, opened)
    factories.ledger_actions.mint(
        account="keyholder", amount_nano=10**10, idempotency="funds", now=factories.NOW
    )
    factories.get_user_model().objects.create_user(username="keyholder")
    slow = racers.eliminated("keyholder")
    wanted = Nano(int(client.get("/api/competitions/docs").json()["deposit_nano"]))
    order = sign_order(SubmissionResume(slow, wanted), key, idempotency="resume").encode()
    for _ in range(2):
        answer = send(client, order)
        assert answer.status_code in (200, 201), answer.text
        assert answer.json()["result"]["state"] == "committed"
    assert factories.ledger_queries.balance_nano("keyholder") == 10**10 - wanted


def send(client, raw):
    token = auth.issue("keyholder", timezone.now()) if is_open() else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    kind = "application/octet-stream"
    return client.post("/api/messages", raw, content_type=kind, headers=headers)


def is_open():
    return factories.ledger_queries.has_account("keyholder")


def test_the_receipt_of_a_raced_run_has_its_order_and_is_sealed_until_the_close(client):
    """Its leaves would tell the order even to the owner, who knows the answers."""
    racers.contest()
    entry = factories.scored("ada", right=36)
    address = f"/api/submissions/{entry}/receipts/board"
    headers = {"Authorization": f"Bearer {auth.issue('ada', timezone.now())}"}
    assert client.get(address, headers=headers).status_code == 404
    order = list(queries.track(entry).order)
    factories.settle(right={entry: 39})
    found = client.get(address)
    assert found.json()["order"] == order
    assert read_receipt(found.content).order == tuple(order)
    assert client.get(address.replace("board", "final")).json()["order"] == []


def test_the_documents_check_of_a_stop_holds_and_finds_a_false_one(client, slow):
    """Runs the code of docs/verify.md, section 7, on what the site serves after the close."""
    factories.settle()
    text = (env.HOUSE / "docs" / "verify.md").read_text()
    code = next(one for one in PYTHON.findall(text) if "order_of" in one)
    rows = client.get("/api/state/competitions.Submission").json()["rows"]
    given = {
        "rows": rows,
        "contest": client.get("/api/competitions/docs").json(),
        "manifest": replace(factories.manifest(), race=RaceClause(**vars(racers.TERMS))),
    }
    exec(code, dict(given))
    next(row for row in rows if row["id"] == slow)["stop"]["e_value_e3"] += 1
    with pytest.raises(AssertionError):
        exec(code, dict(given))
