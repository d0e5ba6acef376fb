"""What is shown of a score: what it ran under, its receipt, and when; custom and generic marks."""

import json
from dataclasses import replace

import pytest

from competitions import queries
from competitions.errors import FoldRefused
from evaluator.score.rerun import read_receipt
from ledger import log
from tests import factories
from tests.competitions.test_api import bearer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
CUSTOM = "custom code: sponsor-controlled"
GENERIC = "generic: slower, not exact"
CODE = "def score(prediction, reference):\n    return int(prediction == reference)\n"


def receipt(client, entry, which, account=""):
    headers = bearer(account) if account else {}
    return client.get(f"/api/submissions/{entry}/receipts/{which}", headers=headers)


def is_public(client, name):
    return client.get(f"/api/blobs/{name}").status_code == 200


# --- the receipt of a score -----------------------------------------------------------------------


def test_nobody_gets_the_receipt_of_a_board_score_before_all_is_judged(client):
    """Its answers and its root are made of sealed rows, so its owner has to wait too."""
    factories.competition()
    entry = factories.scored("ada")
    factories.account("ben")
    for account in ("", "ben", "ada"):
        answer = receipt(client, entry, "board", account)
        assert (answer.status_code, answer.json()["code"]) == (404, "submission.receipt_sealed")
    factories.settle()
    found = receipt(client, entry, "board")
    assert found.status_code == 200
    inputs = queries.competition("docs").slice_files[0]
    assert (inputs["name"], inputs["sha256"]) == ("board.inputs", found.json()["inputs_sha256"])


def test_nobody_gets_the_receipt_of_a_final_score_before_it_decides(client):
    factories.competition(dispute_s=30)
    entry = factories.scored("ada")
    factories.deadline.advance("docs", now=factories.at(601))
    assert receipt(client, entry, "final", "ada").status_code == 404
    assert factories.settle() == ["provisional"]
    assert receipt(client, entry, "final").status_code == 200


def test_a_receipt_is_what_the_scale_runs_again(client):
    factories.competition()
    entry = factories.scored("ada")
    factories.settle()
    found = read_receipt(receipt(client, entry, "final").content)
    row, contest = queries.submission(entry), queries.competition("docs")
    assert found.adapter_sha256 == row.adapter_sha256
    assert found.manifest_sha256 == contest.spec["manifest_sha256"]
    assert found.inputs_sha256 == contest.slice_files[2]["sha256"]
    assert found.results_root == row.final_result["results_root"]
    for name in (found.adapter_sha256, found.manifest_sha256, found.inputs_sha256):
        assert is_public(client, name), name


@pytest.mark.parametrize("which", ["sealed", "final.json"])
def test_there_is_no_receipt_of_another_slice(client, which):
    factories.competition()
    entry = factories.scored("ada")
    factories.settle()
    assert receipt(client, entry, which).status_code == 404


def test_answers_become_public_with_the_adapter_and_final_ones_with_the_ranking(client):
    factories.competition(dispute_s=30)
    entry = factories.scored("ada", right=31)
    board = factories.result(31).results_sha256
    base = factories.result(10).results_sha256
    assert not is_public(client, board)
    factories.deadline.advance("docs", now=factories.at(601))
    assert not is_public(client, board), "what is not judged yet stays sealed"
    assert not is_public(client, base)
    factories.settle(right={entry: 33})
    assert is_public(client, board)
    assert is_public(client, base)
    final = queries.submission(entry).final_result["results_sha256"]
    assert is_public(client, final)
    assert is_public(client, queries.competition("docs").baseline["results_sha256"])


# --- what a score ran under -----------------------------------------------------------------------


def test_the_api_tells_level_and_policy_with_each_score(client):
    factories.competition()
    entry = factories.scored("ada")
    factories.settle()
    found = client.get(f"/api/submissions/{entry}").json()
    for name in ("run", "final_run"):
        told = found[name]
        assert (told["sandbox_level"], told["policy_sha256"]) == ("seccomp", "9" * 64)
        assert "records" not in told
    evaluator = client.get("/api/competitions/docs").json()["evaluator"]
    assert "records" not in evaluator["baseline"]


def test_what_others_must_not_see_yet_is_told_without_its_run(client):
    factories.competition(dispute_s=30)
    factories.scored("ada", right=39)
    worse = factories.scored("ada", number=1, right=20)
    assert "run" not in client.get(f"/api/submissions/{worse}").json()
    mine = client.get(f"/api/submissions/{worse}", headers=bearer("ada")).json()
    assert not {"run", "final_run"} & {*mine}, "what it answered on sealed rows is sealed"


def test_the_entrys_page_tells_it_too(client):
    factories.competition()
    entry = factories.scored("ada")
    factories.settle()
    text = client.get(f"/submissions/{entry}/").text
    assert "sandbox level seccomp" in text


# --- custom code and generic bases ----------------------------------------------------------------


@pytest.fixture
def marked(monkeypatch):
    """A competition whose scores come from the sponsor's code, on a generic base."""
    honest = factories.evaluator

    def coded(name="docs"):
        body, files = honest(name)
        code = replace(factories.blob(CODE, is_public=True), name="score.py")
        told = {"is_custom": True, "is_generic": True, "code_sha256": code.sha256}
        return replace(body, **told), (*files, code)

    monkeypatch.setattr(factories, "evaluator", coded)
    return factories.competition()


def test_custom_code_and_generic_bases_are_marked_wherever_scores_are_shown(client, marked):
    entry = factories.scored("ada")
    for path in ("/competitions/docs/", "/competitions/docs/leaderboard/",
                 f"/submissions/{entry}/"):  # fmt: skip
        text = client.get(path).text.lower()
        assert CUSTOM in text, path
        assert GENERIC in text, path
    for path in ("/api/competitions/docs", "/api/competitions/docs/leaderboard"):
        found = client.get(path).json()
        assert (found["is_custom"], found["marks"]) == (True, [GENERIC, CUSTOM])


def test_the_sponsors_code_stands_on_the_page_for_everybody(client, marked):
    text = client.get("/competitions/docs/").text
    assert "def score(prediction, reference):" in text
    assert 'download="score.py"' in text


def test_a_task_without_custom_code_is_not_marked(client):
    factories.competition()
    factories.scored("ada")
    assert CUSTOM not in client.get("/competitions/docs/").text.lower()
    found = client.get("/api/competitions/docs").json()
    assert (found["is_custom"], found["marks"]) == (False, [])


def test_the_review_page_marks_what_will_be_shown(signed_in, marked):
    draft = factories.ready_draft(name="other")
    text = signed_in("sponsor").get(f"/sponsor/drafts/{draft.id}/review/").text
    assert CUSTOM in text
    assert GENERIC in text


def test_a_competition_with_another_code_than_the_evaluators_is_refused(marked):
    spec, made, _ = factories.spec("other")
    factories.register(made, "other")
    other = replace(factories.blob("other code"), name="score.py")
    files = (*(one for one in spec.files if one.name != "score.py"), other)
    body = factories.messages.CompetitionPublish("other", replace(spec, files=files))
    order = log.order_for("sponsor", body, idempotency="other")
    with pytest.raises(FoldRefused, match="the code is another"):
        factories.contest.publish(order, order, now=factories.at(2))


def test_the_results_file_of_the_factories_is_what_workers_write():
    root, file = factories.results_file(30)
    assert json.loads(file)["version"] == "assay-results/1"
    assert len(root) == 64
