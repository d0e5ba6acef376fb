"""A miner's way through the command line, against a live site whose clock stands still."""

import json
import re
from hashlib import sha256
from types import SimpleNamespace

import pytest
from django.utils import timezone

from assay.cli import auth, caller, leaderboard
from assay.client import Client
from competitions.actions import winners
from competitions.errors import CompetitionUnknown, QuotaUsed, SubmissionClosed
from evaluator.errors import AdapterWrongBase
from evaluator.score.rerun import read_receipt
from ledger import actions, sequencer
from licensing.rules.rows import entry_work
from tests import factories, racers

pytestmark = pytest.mark.slow


@pytest.fixture
def contest(site, run, monkeypatch):
    """An open competition, and a miner who is signed in."""
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    monkeypatch.setattr(auth, "now_ms", lambda: actions.ms(factories.at(30)))
    name = factories.competition()
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    return name


@pytest.fixture
def adapter(tmp_path):
    folder = tmp_path / "first try"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"\0" * 100)
    return folder


def enter(run, adapter, *more):
    result = run("submit", str(adapter), "-c", "docs", "--no-check", "--json", *more)
    return result, json.loads(result.stdout) if result.stdout else {}


def test_a_competition_is_found_shown_and_downloaded_whole(contest, run, tmp_path):
    assert "docs" in run("competitions", "list").stdout
    shown = run("competitions", "show", "docs").stdout
    assert "1000 tokens" in shown
    assert "0.250" in shown
    out = tmp_path / "docs"
    first = run("competitions", "download", "docs", "--out", str(out), "--json")
    assert json.loads(first.stdout) == {"folder": str(out), "files": 5, "fetched": 5}
    found = json.loads((out / "competition.json").read_text())
    for file in found["files"]:
        assert sha256((out / file["name"]).read_bytes()).hexdigest() == file["sha256"]
    (out / "train.jsonl").write_text("damaged")
    again = run("competitions", "download", "docs", "--out", str(out), "--json")
    assert json.loads(again.stdout)["fetched"] == 1


def test_a_competition_is_shown_as_a_page_and_as_one_object_for_programs(contest, run):
    text = run("competitions", "show", "docs").stdout
    assert text.startswith("The docs question  (open)\n\nDocstrings.\n\n")
    assert "{" not in text
    assert "[" not in text
    for line in (
        "runs       2 in 1 day for each miner",
        "examples   40 open, 40 for the board, 40 decide",
        "  Commercial-Use: Allowed-With-Fee-One-Time-100",
        "assay competitions download docs",
    ):
        assert line in text.splitlines(), text
    assert json.loads(run("competitions", "show", "docs", "--json").stdout)["id"] == "docs"


def test_an_empty_list_says_so_and_what_comes_next(run, site):
    told = {
        ("competitions", "list"): "There is no competition yet",
        ("keys", "list"): "assay auth login",
    }
    for words, wanted in told.items():
        result = run(*words, url=site)
        assert (result.exit_code, result.stdout) == (0, "")
        assert wanted in result.stderr
        assert run(*words, "--json", url=site).stderr == ""
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    assert "You have not entered anything" in run("submissions", "list").stderr
    assert "Nothing moved in ada yet" in run("ledger", "statement").stderr


def test_an_unknown_competition_gets_a_suggestion(contest, run):
    for words in (["competitions", "show", "doc"], ["leaderboard", "doc"]):
        result = run(*words, "--json")
        assert result.exit_code == 5
        told = json.loads(result.stderr.splitlines()[-1])
        assert (told["code"], told["next"]) == (CompetitionUnknown.code, "Did you mean docs?")


def test_a_submission_run_twice_is_one_submission(contest, run, adapter):
    first, told = enter(run, adapter)
    assert first.exit_code == 0, first.stderr
    assert (told["state"], told["title"], told["remaining"]) == ("committed", "first try", 1)
    again, same = enter(run, adapter)
    assert (again.exit_code, same["id"]) == (0, told["id"])
    other, still = enter(run, adapter, "--title", "other words")
    assert (other.exit_code, still["id"]) == (0, told["id"])
    assert "entered before" in other.stderr


def test_the_quota_is_a_refusal_by_rule(contest, run, adapter):
    for number in range(3):
        (adapter / "adapter_model.safetensors").write_bytes(bytes([number]) * 9)
        result, _ = enter(run, adapter)
    assert result.exit_code == 5
    assert json.loads(result.stderr.splitlines()[-1])["code"] == QuotaUsed.code


def test_a_closed_competition_takes_nothing(contest, run, adapter, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: factories.at(601))
    result, _ = enter(run, adapter)
    assert result.exit_code == 5
    assert json.loads(result.stderr.splitlines()[-1])["code"] == SubmissionClosed.code


def test_terms_below_the_required_ones_are_refused(contest, run, adapter):
    tags = ["License=" + factories.REQUIRED[0][1], "Currency=ASSAY", "Derivation=Allowed"]
    words = [word for tag in tags for word in ("--licence", tag)]
    result, _ = enter(run, adapter, *words)
    assert result.exit_code == 5
    assert json.loads(result.stderr.splitlines()[-1])["code"].startswith(("terms.", "submission."))


def test_waiting_ends_with_the_code_of_the_result(contest, run, adapter):
    _, told = enter(run, adapter)
    refused = factories.Evaluation.objects.get(submission=told["id"])
    fence = factories.queue.lease(evaluation=refused.pk, now=factories.at(40))
    error = AdapterWrongBase("Made for another base.")
    factories.score.record_refusal(
        evaluation=refused.pk, fence=fence, error=error, now=factories.at(41)
    )
    result, state = enter(run, adapter, "--wait")
    assert result.exit_code == 5
    assert state["refused"]["code"] == AdapterWrongBase.code
    assert state["remaining"] == 2
    shown = run("submit", str(adapter), "-c", "docs", "--no-check", "--wait")
    assert AdapterWrongBase.code in shown.stdout


def test_a_scored_entry_is_on_the_board_and_in_the_list(contest, run, adapter):
    _, told = enter(run, adapter)
    found = factories.Evaluation.objects.get(submission=told["id"])
    fence = factories.queue.lease(evaluation=found.pk, now=factories.at(40))
    factories.score.record_score(
        evaluation=found.pk, fence=fence, measured=factories.measured("a" * 64, 30),
        now=factories.at(41),
    )  # fmt: skip
    sequencer.sequence(holder="t", now=factories.at(42))
    result, _ = enter(run, adapter, "--wait")
    assert result.exit_code == 0
    score = json.loads(run("submissions", "show", told["id"], "--json").stdout)["score"]
    board = json.loads(run("leaderboard", "docs", "--json").stdout)
    assert (board["owner"], board["score"]) == ("ada", score)
    assert score in run("leaderboard", "docs").stdout
    assert told["id"] in run("submissions", "list").stdout
    receipt = run("submit", str(adapter), "-c", "docs", "--no-check", "--wait").stdout
    assert score in receipt
    assert f"/log/receipt/{told['id']}" in receipt


def test_a_folder_that_is_no_adapter_is_refused_before_anything_is_sent(contest, run, tmp_path):
    result, _ = enter(run, tmp_path)
    assert result.exit_code == 2
    assert json.loads(result.stderr.splitlines()[-1])["code"] == "cli.adapter_file_missing"


def test_a_buyer_sees_the_price_agrees_and_gets_a_licence_once(contest, run, site):
    entry = factories.scored(owner="bob")
    factories.settle()
    winners.license_winners("docs", now=factories.at(620))
    actions.mint(account="ada", amount_nano=10**12, idempotency="t", now=factories.at(621))
    works = run("ledger", "balance", "bob").stdout
    assert "bob" in works
    work = entry_work(entry)
    unsure = run("licence", "buy", work, "--json")
    assert unsure.exit_code == 2
    assert "100 tokens" in unsure.stderr
    bought = [run("licence", "buy", work, "--yes", "--json") for _ in range(2)]
    assert [one.exit_code for one in bought] == [0, 0], bought[0].stderr
    first, again = (json.loads(one.stdout) for one in bought)
    assert first["grant"] == again["grant"]
    assert "900 tokens" in run("ledger", "balance").stdout
    shown = json.loads(run("licence", "show", first["grant"], "--json").stdout)
    assert (shown["holder"], shown["price_nano"]) == ("ada", str(100 * 10**9))


def scored(contest, run, adapter):
    _, told = enter(run, adapter)
    found = factories.Evaluation.objects.get(submission=told["id"])
    fence = factories.queue.lease(evaluation=found.pk, now=factories.at(40))
    factories.score.record_score(
        evaluation=found.pk, fence=fence, now=factories.at(41),
        measured=factories.measured(factories.blob("canonical").sha256, 30),
    )  # fmt: skip
    return told["id"]


def test_a_score_cannot_be_run_again_before_it_decides(contest, run, adapter, tmp_path):
    entry = scored(contest, run, adapter)
    result = run("rerun", entry, "--out", str(tmp_path / "again"), "--json")
    assert result.exit_code == 5
    assert json.loads(result.stderr.splitlines()[-1])["code"] == "submission.receipt_sealed"


def test_what_a_score_was_made_of_is_downloaded_and_handed_to_the_scale(
    contest, run, adapter, tmp_path
):
    """The bytes of this site are no real task, so the scale refuses them, with its own code."""
    entry = scored(contest, run, adapter)
    factories.settle(right={entry: 30})
    out = tmp_path / "again"
    result = run("rerun", entry, "--batch", "0", "--out", str(out), "--json")
    receipt = read_receipt((out / "receipt.json").read_bytes())
    files = {"manifest.json": receipt.manifest_sha256, "inputs.blob": receipt.inputs_sha256,
             "adapter.blob": receipt.adapter_sha256}  # fmt: skip
    for name, wanted in files.items():
        assert sha256((out / name).read_bytes()).hexdigest() == wanted, name
    assert result.exit_code not in (0, 6), "nothing was computed"


def test_the_bases_of_this_machine_are_listed(run, tmp_path):
    listed = run("base", "list", "--json", ASSAY_BASES=str(tmp_path))
    assert listed.exit_code == 0
    (base,) = json.loads(listed.stdout)["bases"]
    assert (base["name"], base["is_generic"]) == ("minilm-l6-v2", False)


@pytest.mark.training
def test_a_folder_that_is_no_base_is_refused_with_what_is_wrong(run, tmp_path):
    words = ("--licence", "MIT", "--author", "ada", "--json")
    told = {"ASSAY_BASES": str(tmp_path / "bases")}
    (tmp_path / "empty").mkdir()
    refused = run("base", "add", str(tmp_path / "empty"), *words, **told)
    assert (refused.exit_code, refused.stdout) == (5, "")
    error = json.loads(refused.stderr)
    assert set(error) == {"code", "message", "next", "facts"}
    assert error["code"].startswith("base.")


def test_a_stopped_entry_is_told_in_words_and_run_in_full_by_one_command(site, run, monkeypatch):
    """The deposit is what the competition asks; asking twice takes it once."""
    monkeypatch.setattr(timezone, "now", lambda: factories.at(45))
    monkeypatch.setattr(auth, "now_ms", lambda: actions.ms(factories.at(45)))
    racers.contest()
    factories.scored("ben", right=36)
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    actions.mint(account="ada", amount_nano=10**10, idempotency="funds", now=factories.NOW)
    slow = racers.eliminated("ada")
    told = run("submissions", "show", slow)
    assert told.exit_code == 0, told.stderr
    assert re.search(r"eliminated +after \d+ of 40 examples, e-value \d+\.\d{3}", told.stdout)
    for _ in range(2):
        asked = run("submissions", "resume", slow, "--json")
        assert asked.exit_code == 0, asked.stderr
        assert json.loads(asked.stdout)["state"] == "committed"
    assert json.loads(asked.stdout)["deposit"] == "held"
    assert factories.ledger_queries.balance_nano("ada") == 10**10 - 10**9


def test_a_watched_board_asks_for_one_place_until_something_changed(contest, run, monkeypatch):
    asked, turns = [], iter([None, ("bob", 5), None])

    class Counting(Client):
        def get(self, path, **wanted):
            asked.append(wanted["limit"])
            return super().get(path, **wanted)

    def sleep(_):
        if (entered := next(turns, "no more")) == "no more":
            raise KeyboardInterrupt
        if entered:
            factories.scored(entered[0], number=entered[1])

    monkeypatch.setattr(caller, "Client", Counting)
    monkeypatch.setattr(leaderboard, "time", SimpleNamespace(sleep=sleep))
    told = run("leaderboard", "docs", "--watch")
    assert asked == [1, leaderboard.WATCHED, 1, 1, leaderboard.WATCHED, 1]
    assert "Nobody is on the board yet" in told.stderr
    assert told.stdout.count("bob") == 1
