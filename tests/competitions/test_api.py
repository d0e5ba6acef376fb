"""The contest for programs: JSON, CSV, orders; and that nothing private gets out."""

import csv
import io
import json
from dataclasses import replace

import pytest
from django.utils import timezone

from assay import keys
from assay.messages import AccountOpen, CompetitionCancel
from competitions.errors import SubmissionTooLarge
from tests import factories
from tests.signing import sign_order
from web import auth

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("clock"),
]


def bearer(account):
    return {"Authorization": f"Bearer {auth.issue(account, timezone.now())}"}


def miner(client, name="keyholder"):
    """An account that owns a key, with its token."""
    key = keys.new_key()
    factories.account("somebody")
    raw = sign_order(AccountOpen(name), key, idempotency="open").encode()
    send(client, raw, {})
    factories.get_user_model().objects.create_user(username=name)
    return key, bearer(name)


def body_of(answer):
    """What an answer says, whether it came whole or in pieces."""
    return answer.getvalue().decode(errors="replace")


def send(client, raw, headers):
    kind = "application/octet-stream"
    return client.post("/api/messages", raw, content_type=kind, headers=headers)


def commit(client, key, token, number=0, *, tags=factories.REQUIRED, name="docs"):
    files = [factories.blob(f"{part} {number}", owner="keyholder").sha256 for part in "ct"]
    order = replace(factories.committed("keyholder", "docs", files, tags=tags), competition=name)
    return send(client, sign_order(order, key, idempotency=str(number)).encode(), token)


def test_a_competition_tells_everything_that_was_fixed(client):
    factories.competition()
    found = client.get("/api/competitions/docs").json()
    assert found["id"] == "docs"
    assert found["state"] == "open"
    assert found["prize_nano"] == "1000000000000"
    assert found["places_nano"][0] == "493333333333"
    assert found["baseline_e9"] == 250_000_000
    assert found["baseline"] == "0.250000000"
    assert [one["name"] for one in found["files"]] == list(factories.PUBLIC_FILES)
    assert found["required_tags"] == [list(tag) for tag in factories.REQUIRED]
    assert found["evaluator"]["public_examples"] == 40
    assert found["funded_message"]


def test_the_list_pages_and_counts_its_entries_in_few_queries(
    client, django_assert_max_num_queries
):
    for name in ("one", "two", "three"):
        factories.competition(name)
    factories.submission(name="two")
    with django_assert_max_num_queries(2):
        first = client.get("/api/competitions?limit=2").json()
    assert len(first["items"]) == 2
    last = client.get(f"/api/competitions?limit=2&after={first['next']}").json()
    assert last["next"] == ""
    entries = {one["id"]: one["entries"] for one in (*first["items"], *last["items"])}
    assert entries == {"one": 0, "two": 1, "three": 0}
    assert client.get("/api/competitions?phase=settled").json()["items"] == []


def test_page_csv_and_api_show_the_same_scores(client):
    factories.competition()
    factories.scored("ada", right=31)
    factories.scored("bob", number=1, right=27)
    board = client.get("/api/competitions/docs/leaderboard").json()
    assert [(one["rank"], one["owner"], one["score"]) for one in board["items"]] == [
        (1, "ada", "0.775000000"),
        (2, "bob", "0.675000000"),
    ]
    sheet = client.get("/api/competitions/docs/leaderboard.csv")
    rows = list(csv.DictReader(io.StringIO(sheet.getvalue().decode())))
    assert [row["score"] for row in rows] == ["0.775000000", "0.675000000"]
    html = client.get("/competitions/docs/").text
    for one in board["items"]:
        assert f'{one["score"][:5]}<span class="soft small">{one["score"][5:]}' in html


def test_an_entry_by_a_signed_order_answers_with_place_and_slots_and_is_harmless_twice(client):
    factories.competition()
    key, token = miner(client)
    first = commit(client, key, token)
    assert first.status_code == 200, first.text
    told = first.json()["result"]
    assert told["id"] == first.json()["id"]
    assert (told["state"], told["place_in_queue"], told["remaining"]) == ("committed", 1, 1)
    assert told["receipt_url"] == f"/log/receipt/{told['id']}"
    assert commit(client, key, token).json() == first.json()
    mine = client.get("/api/submissions", headers=token).json()["items"]
    assert [one["id"] for one in mine] == [told["id"]]


REFUSALS = [
    ("quota", "submission.quota_used", 429),
    ("terms", "submission.terms_below_required", 422),
    ("closed", "submission.closed", 409),
    ("unknown", "competition.not_found", 404),
    ("token", "auth.token_unknown", 401),
]


@pytest.mark.parametrize(("what", "code", "status"), REFUSALS)
def test_a_refused_entry_tells_a_stable_code_and_costs_nothing(client, clock, what, code, status):
    factories.competition()
    key, token = miner(client)
    tags, name = factories.REQUIRED, "docs"
    if what == "quota":
        for number in (1, 2):
            assert commit(client, key, token, number).status_code == 200
    if what == "closed":
        factories.deadline.advance("docs", now=factories.at(601))
        clock(602)
    if what == "terms":
        tags = factories.ASSAY
    if what == "unknown":
        name = "dogs"
    if what == "token":
        token = {"Authorization": "Bearer assay_nonsense"}
    answer = commit(client, key, token, tags=tags, name=name)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["next"]
    if what == "unknown":
        assert answer.json()["next"] == "Did you mean docs?"
    if what == "quota":
        assert answer.json()["facts"]["remaining"] == 0
        assert answer.json()["facts"]["next_slot_at_ms"]
    else:
        slots = factories.queries.slots(
            factories.queries.competition("docs"), "keyholder", now_ms=1_893_456_030_000
        )
        assert slots.remaining == 2


def test_a_sponsor_with_a_key_cancels_by_a_signed_order(client):
    key, token = miner(client, "backer")
    factories.ledger_actions.mint(
        account="backer", amount_nano=5000 * 10**9, idempotency="funds", now=factories.NOW
    )
    factories.competition(sponsor="backer")
    raw = sign_order(CompetitionCancel("docs"), key, idempotency="cancel").encode()
    answer = send(client, raw, token)
    assert answer.json()["result"]["state"] == "cancelled"


def test_the_owner_reads_the_refusal_and_the_slot_is_back(client):
    factories.competition()
    one = factories.refused(error=SubmissionTooLarge("Too large."))
    told = client.get(f"/api/submissions/{one}", headers=bearer("miner")).json()
    assert told["refused"]["code"] == "submission.too_large"
    assert told["refused"]["next"].startswith("Use a smaller rank")
    assert told["remaining"] == 2
    other = client.get(f"/api/submissions/{one}").json()
    assert other["state"] == "refused"
    assert "refused" not in other
    assert "remaining" not in other


def test_my_entries_need_a_token_and_are_only_mine(client):
    factories.competition()
    factories.scored("miner")
    factories.scored("rival", number=1)
    assert client.get("/api/submissions").json()["code"] == "auth.required"
    mine = client.get("/api/submissions", headers=bearer("miner")).json()["items"]
    assert [one["owner"] for one in mine] == ["miner"]
    assert mine[0]["score"] == "0.750000000"


def test_my_entries_take_the_same_number_of_queries_for_one_and_two(
    client, django_assert_max_num_queries
):
    factories.competition()
    factories.submission("miner")
    token = bearer("miner")
    client.get("/api/submissions", headers=token)
    with django_assert_max_num_queries(9):
        client.get("/api/submissions", headers=token)
    factories.submission("miner", number=1)
    with django_assert_max_num_queries(9):
        assert len(client.get("/api/submissions", headers=token).json()["items"]) == 2


def test_after_the_payout_the_board_is_final_and_tells_the_prizes(client):
    factories.competition()
    ada = factories.scored("ada", right=20)
    bob = factories.scored("bob", number=1, right=35)
    assert factories.settle(right={ada: 39, bob: 25})[-1] == "settled"
    board = client.get("/api/competitions/docs/leaderboard").json()
    assert board["is_final"]
    assert [one["owner"] for one in board["items"]] == ["ada", "bob"]
    assert [one["score"] for one in board["items"]] == ["0.975000000", "0.625000000"]
    paid = sum(int(one["prize_nano"]) for one in board["items"])
    assert paid == 925 * 10**9
    told = client.get(f"/api/submissions/{ada}").json()
    assert told["final_score"] == "0.975000000"
    found = client.get("/api/competitions/docs").json()
    assert found["slice_salt"] == "5a" * 32
    assert found["final_baseline"] == "0.250000000"


def _routes(one):
    return (
        "/",
        "/competitions/",
        "/competitions/docs/",
        "/competitions/docs/leaderboard/",
        f"/submissions/{one}/",
        "/sponsor/",
        "/log/",
        "/api/competitions",
        "/api/competitions/docs",
        "/api/competitions/docs/leaderboard",
        "/api/competitions/docs/leaderboard.csv",
        "/api/submissions",
        f"/api/submissions/{one}",
        f"/messages/{one}/",
    )


@pytest.mark.parametrize("viewer", ["", "miner", "rival", "sponsor"])
def test_no_private_value_leaves_before_the_close(client, signed_in, viewer):
    factories.competition()
    one = factories.scored("miner", right=30)
    weaker = factories.scored("miner", number=1, right=13)
    factories.account("rival")
    sealed = factories.queries.sealed(factories.queries.competition("docs").spec["manifest_sha256"])
    secrets = [sealed.salt, *(one["sha256"] for one in sealed.files)]
    headers = {"accept": "text/html"}
    if viewer:
        signed_in(viewer)
        headers |= bearer(viewer)
    for path in _routes(one):
        text = body_of(client.get(path, headers=headers))
        assert not [secret for secret in secrets if secret in text], path
    for name in secrets[1:]:
        assert client.get(f"/api/blobs/{name}").json()["code"] == "ledger.blob_missing"
    adapter = factories.adapter_of(one)
    assert client.get(f"/api/blobs/{adapter}", headers=headers).status_code == 404
    told = client.get(f"/api/submissions/{weaker}", headers=headers).json()
    assert "score" not in told
    assert told["answer"] == "no clear improvement"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/api/competitions/%00", "request.not_found"),
        ("/api/competitions/%f0%9f%92%a9", "competition.not_found"),
        ("/api/competitions?phase=%00", "request.invalid"),
    ],
)
def test_an_answer_is_json_even_when_the_name_is_odd(client, address, code):
    answer = client.get(address)
    assert (json.loads(answer.content)["code"], answer.status_code < 500) == (code, True)


def test_the_board_is_given_page_by_page_and_the_sheet_has_all_of_it(client):
    factories.competition()
    for number in range(3):
        factories.scored(f"miner{number}", number=number, right=30 - number)
    first = client.get("/api/competitions/docs/leaderboard?limit=2").json()
    assert ([one["rank"] for one in first["items"]], first["next"]) == ([1, 2], "2")
    last = client.get("/api/competitions/docs/leaderboard?limit=2&after=2").json()
    assert ([one["rank"] for one in last["items"]], last["next"]) == ([3], "")
    sheet = body_of(client.get("/api/competitions/docs/leaderboard.csv"))
    assert [line.split(",")[0] for line in sheet.splitlines()] == ["rank", "1", "2", "3"]
    assert client.get("/api/competitions/docs/leaderboard?after=x").status_code == 422
