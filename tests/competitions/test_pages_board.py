"""The contest's public pages, over real rows."""

import json
import re
from html import unescape

import pytest
from django.urls import reverse

from assay import wire
from competitions.errors import SubmissionTooLarge
from competitions.views import board, lines, sponsor
from ledger.models import Message
from ledger.rules.entry import read_entry
from tests import factories

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("clock"),
]
HTML = {"accept": "text/html"}


def test_home_and_list_of_an_empty_site_say_how_to_begin(client):
    assert "No competition is live" in client.get("/").text
    assert "Create the first one" in client.get("/competitions/").text


def test_pages_of_a_live_competition_have_one_heading_and_nothing_inline(client):
    factories.competition()
    one = factories.scored()
    pages = ("/", "/competitions/", "/competitions/docs/", f"/submissions/{one}/")
    for path in (*pages, "/competitions/docs/leaderboard/"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert len(re.findall(r"<h1[ >]", answer.text)) == 1, path
        assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son[a-z]+=", answer.text), path


def test_a_competition_says_what_it_pays_pins_and_requires(client):
    factories.competition()
    html = client.get("/competitions/docs/").text
    found = factories.queries.competition("docs")
    assert found.spec["manifest_sha256"] in html
    for file in found.spec["files"]:
        assert f'href="/api/blobs/{file["sha256"]}"' in html
    assert "You may use it commercially for 100 tokens once." in html
    assert "assay submit adapter -c docs --wait" in html
    assert "0.250" in html
    assert "493.333333333" in re.sub(r"<[^>]+>", "", html), "the first of 8:4:2:1 of 925"


def test_the_list_takes_the_same_number_of_queries_for_one_and_for_five(
    client, django_assert_max_num_queries
):
    factories.competition("one")
    with django_assert_max_num_queries(5):
        client.get("/competitions/")
    for name in ("two", "three", "four", "five"):
        factories.competition(name)
    with django_assert_max_num_queries(5):
        assert client.get("/competitions/").text.count("<li>") == 5
    with django_assert_max_num_queries(6):
        client.get("/")


def test_a_board_takes_the_same_number_of_queries_for_many_entries(
    client, django_assert_max_num_queries
):
    factories.competition()
    for number in range(4):
        factories.scored(f"miner{number}", right=20 + number)
    with django_assert_max_num_queries(12):
        html = client.get("/competitions/docs/leaderboard/").text
    assert re.findall(r">(miner\d)</a>", html) == ["miner3", "miner2", "miner1", "miner0"]


def test_the_polled_piece_is_not_sent_again_while_nothing_changed(client, clock):
    factories.competition()
    factories.scored()
    address, piece = "/competitions/docs/leaderboard/", {"HX-Request": "true"}
    first = client.get(address, headers=piece)
    assert "<html" not in first.text
    assert 'id="board"' in first.text
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get(address, headers=piece | tag).status_code == 304
    factories.scored("rival", number=1)
    assert client.get(address, headers=piece | tag).status_code == 200


def test_the_board_stops_asking_when_the_competition_has_ended(client):
    factories.competition()
    factories.scored()
    assert "every 2s" in client.get("/competitions/docs/").text
    assert factories.settle()[-1] == "settled"
    html = client.get("/competitions/docs/").text
    assert "every 2s" not in html
    assert "Where the stake went" in html


def test_tied_winners_are_drawn_as_a_group_with_their_prizes(client):
    factories.competition()
    ones = [factories.scored(f"miner{n}", number=n, right=30) for n in range(3)]
    right = dict(zip(ones, (38, 37, 25), strict=True))
    factories.settle(right=right)
    html = client.get("/competitions/docs/leaderboard/").text
    assert re.findall(r'class="rank num"[^>]*>([^<]+)<', html) == ["=1", "=1", "3"]
    assert html.count('<tbody class="tied">') == 1
    text = re.sub(r"<[^>]+>", "", html)
    assert "Final scores." in text
    assert "0.950000000" in text


def test_an_owner_sees_the_refusal_with_code_cause_and_next_step_and_others_do_not(
    client, signed_in
):
    factories.competition()
    error = SubmissionTooLarge("A file of 9 bytes passes the limit of 8.")
    one = factories.refused(error=error)
    address = f"/submissions/{one}/"
    assert "submission.too_large" not in client.get(address).text
    signed_in("miner")
    for path in (address, "/competitions/docs/"):
        html = client.get(path).text
        assert "submission.too_large" in html
        assert "passes the limit of 8" in html
        assert "Use a smaller rank" in html
    assert "2 runs left" in html


def test_an_entry_in_the_queue_shows_its_place_and_the_page_follows(signed_in):
    factories.competition()
    factories.submission("first")
    two = factories.submission("miner", number=1)
    client = signed_in("miner")
    assert "place 2 in the queue" in client.get("/competitions/docs/").text
    html = client.get(f"/submissions/{two}/").text
    assert "every 2s" in html
    assert "1 run left before the close." in html


def test_another_miners_weaker_entry_shows_no_score_before_the_close(client):
    factories.competition()
    weak, best = factories.scored(right=20), factories.scored(number=1, right=30)
    assert "0.750" in client.get(f"/submissions/{best}/").text
    assert "0.500" not in client.get(f"/submissions/{weak}/").text


def test_an_unknown_competition_and_entry_are_told_apart_with_a_hint(client):
    factories.competition("docstrings")
    answer = client.get("/competitions/docstrngs/", headers=HTML)
    assert answer.status_code == 404
    assert "Did you mean docstrings?" in answer.text
    answer = client.get("/competitions/docstrngs/leaderboard/", headers=HTML)
    assert answer.status_code == 404
    assert "submission.unknown" in client.get("/submissions/nothing/", headers=HTML).text


def test_only_the_sponsor_cancels_and_only_before_the_first_entry(client, signed_in):
    factories.competition()
    factories.account("miner")
    cancel = reverse("competition_cancel", args=["docs"])
    assert client.post(cancel).status_code == 302, "sign in first"
    signed_in("miner")
    assert client.post(cancel, headers=HTML).status_code == 403
    signed_in("sponsor")
    assert "you may still cancel" in client.get("/competitions/docs/").text
    client.post(cancel)
    html = client.get("/competitions/docs/").text
    assert "prize given back" in html
    assert "bond given back" in html
    assert factories.ledger_queries.balance_nano("sponsor") == 10_000 * 10**9


def test_the_address_of_home_for_new_competitions_leads_to_the_desk(client):
    assert client.get("/competitions/new/").headers["Location"] == "/sponsor/"


def test_a_message_says_its_parts_as_json_and_its_transfers_in_words(client):
    factories.competition()
    factories.settle(right={factories.scored("ada"): 39})
    [(item, raw)] = Message.objects.filter(kind="competition.paid").values_list("item", "raw")
    fields = wire.to_json(read_entry(bytes(raw)).body)
    html = client.get(f"/messages/{item}/").text
    shown = [unescape(one) for one in re.findall(r'<code class="value">([^<]*)</code>', html)]
    assert "\n" in shown[list(fields).index("transfers")], "a part on each line"
    for told, value in zip(shown, fields.values(), strict=True):
        assert (told if isinstance(value, str) else json.loads(told)) == value
    assert "given back, held no longer" in html
    assert html.index("Money it moved") < html.index("What it says")
    assert "in the order of the payout. A fact" in html, "what such a message is"
    assert re.search(r'at_ms</th><td><code class="value">\d+</code> <span[^>]*><time', html)


def test_an_entry_that_is_out_waits_for_no_final_score(client):
    factories.competition()
    assert "decides after the close" in client.get(f"/submissions/{factories.scored()}/").text
    html = client.get(
        f"/submissions/{factories.refused(number=1, error=SubmissionTooLarge('Too large.'))}/"
    ).text
    assert "It is out" in html
    assert "decides after the close" not in html


def test_the_list_goes_on_behind_a_page_and_keeps_its_sections(client, monkeypatch):
    monkeypatch.setattr(board, "LISTED", 2)
    for name in ("one", "two"):
        factories.competition(name)
    factories.competition("three", is_open=False)
    first = client.get("/competitions/").text
    assert re.findall(r'href="/competitions/(\w+)/"', first).count("three") == 0
    assert '?after=2">More competitions' in first
    last = client.get("/competitions/?after=2").text
    assert "Opening soon" in last
    assert "None is open" not in last
    assert re.findall(r'<h3><a href="/competitions/(\w+)/"', last) == ["three"]
    assert client.get("/competitions/?after=9e9").status_code == 200


def test_the_sponsors_desk_comes_in_pages_and_counts_all(signed_in, monkeypatch):
    monkeypatch.setattr(sponsor, "LISTED", 2)
    for name in ("one", "two", "three"):
        factories.competition(name)
    client, seen = signed_in("sponsor"), []
    for after in ("", "?after=2"):
        html = client.get(f"/sponsor/{after}").text
        seen += re.findall(r'<h3><a href="/competitions/(\w+)/"', html)
        assert "<dt>Competitions</dt><dd>3</dd>" in html
        assert ('?after=2">Older competitions' in html) == (not after)
    assert sorted(seen) == ["one", "three", "two"]
    assert "Your list ends before this page" in client.get("/sponsor/?after=40").text


def test_a_board_goes_on_behind_a_page_with_the_next_rank_and_follows_there(client, monkeypatch):
    monkeypatch.setattr(lines, "MOST_LINES", 2)
    factories.competition()
    for number in range(3):
        factories.scored(f"miner{number}", number=number, right=30 - number)
    first = client.get("/competitions/docs/").text
    assert 'leaderboard/?after=2">Next places' in first
    html = client.get("/competitions/docs/leaderboard/?after=2").text
    assert re.findall(r'class="rank num"[^>]*>([^<]+)<', html) == ["3"]
    assert 'hx-get="/competitions/docs/leaderboard/?after=2"' in html, "the same page is polled"
    assert "0.750" in html, "the best score is that of the whole board"
    assert re.search(r"<dt>On the board</dt><dd>3</dd>", html)
    beyond = client.get("/competitions/docs/leaderboard/?after=400").text
    assert "The board ends before this page" in beyond


def test_a_miner_with_many_entries_finds_all_of_them_on_a_page_of_its_own(signed_in, monkeypatch):
    monkeypatch.setattr(board, "MOST_MINE", 1)
    factories.competition()
    for number in range(2):
        factories.scored("miner", number=number)
    client = signed_in("miner")
    html = client.get("/competitions/docs/").text
    assert ("Try 1" in html, "Try 0" in html) == (True, False)
    assert 'href="/competitions/docs/entries/"' in html
    every = client.get("/competitions/docs/entries/").text
    assert "Try 1" in every
    assert "Try 0" in every
    client.logout()
    assert client.get("/competitions/docs/entries/").status_code == 302


def test_the_stake_is_told_line_by_line_in_the_order_in_which_it_moved(client):
    factories.competition()
    ones = [factories.scored(f"miner{n}", number=n) for n in range(2)]
    factories.settle(right=dict(zip(ones, (39, 30), strict=True)))
    html = client.get("/competitions/docs/").text
    said = re.findall(r'data-label="For">([^<]+)<', html)
    assert said == [
        "prize held", "bond held", "prize taken", "prize", "prize", "evaluators’ pool", "fee",
        "bond given back",
    ]  # fmt: skip
    statement = client.get("/accounts/sponsor/").text
    for part in ("the prize of a competition", "the bond of a competition"):
        assert len(re.findall(f"[^<]*{part}", statement)) == 2, "held, and given back or paid"
