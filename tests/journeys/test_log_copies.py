"""A log as a folder: exported, served as static files, imported, audited, explained."""

import json
import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from assay import merkle
from assay.cli.main import app
from ledger.models import Transfer
from tests.journeys.copied import copy_site, flip
from tests.laws import story
from tests.servers import serving


@pytest.fixture
def assay(tmp_path):
    """assay(*words) -> (exit code, the JSON answer)."""

    def one(*words):
        home = {"ASSAY_HOME": str(tmp_path / "home")}
        answer = CliRunner().invoke(app, [*map(str, words), "--json"], env=home)
        return answer.exit_code, json.loads(answer.stdout or answer.stderr)

    return one


@contextmanager
def static(folder):
    """A server that knows nothing but files; its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Nobody reads it."""

    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as door, serving(door) as url:
        yield url


def test_an_export_is_audited_as_a_folder_and_as_static_files_and_then_only_grows(
    told, live_server, assay, tmp_path
):
    copy = tmp_path / "copy"
    code, done = assay("log", "export", live_server.url, "--out", copy)
    assert (code, done["fetched"], done["kept"]) == (0, 1, 0), done
    assert assay("audit", copy)[0] == 0
    with static(copy) as url:
        code, answer = assay("audit", url)
        assert (code, answer["ok"]) == (0, True), answer
    story.mint(account="buyer", amount_nano=7, idempotency="more", now=story.NOW)
    story.place_all()
    assert assay("log", "export", live_server.url, "--out", copy)[1]["size"] == done["size"] + 1
    code, answer = assay("audit", copy)
    assert (code, "extends the" in answer["checks"][1]["text"]) == (0, True), answer
    assert not (copy / ".coming").exists()


def test_full_tiles_are_fetched_once_and_old_partial_ones_stay(told, live_server, assay, tmp_path):
    copy = tmp_path / "copy"
    size = assay("log", "export", live_server.url, "--out", copy)[1]["size"]
    for number in range(merkle.TILE - size + 3):
        story.mint(account="buyer", amount_nano=1, idempotency=str(number), now=story.NOW)
    story.place_all()
    first = assay("log", "export", live_server.url, "--out", copy)[1]
    assert (first["fetched"], first["kept"]) == (2, 0)
    again = assay("log", "export", live_server.url, "--out", copy)[1]
    assert (again["fetched"], again["kept"]) == (0, 2)
    assert (copy / "log" / merkle.tile_path("entries", 0, size)).is_file()
    assert assay("audit", copy)[0] == 0


def test_an_import_takes_what_extends_the_mirror_and_nothing_else(
    told, live_server, assay, tmp_path
):
    export, mirror, old = tmp_path / "export", tmp_path / "mirror", tmp_path / "old"
    assay("log", "export", live_server.url, "--out", export)
    shutil.copytree(export, old)
    assert assay("log", "import", export, mirror)[0] == 0
    story.mint(account="buyer", amount_nano=7, idempotency="more", now=story.NOW)
    story.place_all()
    size = assay("log", "export", live_server.url, "--out", export)[1]["size"]
    assert assay("log", "import", export, mirror)[1]["size"] == size
    code, refused = assay("log", "import", old, mirror)
    assert (code, refused["code"], refused["facts"]["reason"]) == (
        6, "audit.copy_refused", "shorter",
    )  # fmt: skip
    other = json.loads((mirror / "log.json").read_text())
    (mirror / "log.json").write_text(json.dumps({**other, "root": "0" * 64}))
    assert assay("log", "import", export, mirror)[1]["facts"]["reason"] == "other"


def test_a_damaged_export_changes_nothing_in_the_mirror(told, live_server, assay, tmp_path):
    """Guards the staging: a tile that does not give the root must not be kept as a good one."""
    export, mirror = tmp_path / "export", tmp_path / "mirror"
    size = assay("log", "export", live_server.url, "--out", export)[1]["size"]
    entries = export / "log" / merkle.tile_path("entries", 0, size)
    flip(entries, 40)
    code, refused = assay("log", "import", export, mirror)
    assert (code, refused["facts"]["reason"]) == (6, "root")
    assert not (mirror / "log").exists()
    flip(entries, 40)
    assert assay("log", "import", export, mirror)[0] == 0


def test_every_accounts_figure_is_explained_by_the_messages_that_changed_it(told, assay, tmp_path):
    """Guards the chain: its changes must lead from nothing to the figure, without a gap."""
    copy = copy_site(tmp_path / "copy")
    rows = json.loads((copy / "state" / "ledger.Account.json").read_text())["rows"]
    for row in rows:
        code, told_of = assay("explain", row["id"], "--from", copy)
        assert code == 0, told_of
        now = {}
        for step in told_of["steps"]:
            for name, (before, after) in step["change"].items():
                assert now.get(name, "") == before, (row["id"], step)
                now[name] = after
        wanted = {name: row[name] for name in ("available_nano", "pending_out_nano")}
        assert {name: int(now[name]) for name in wanted} == wanted, row["id"]
        indexes = [step["index"] for step in told_of["steps"]]
        assert len(set(indexes)) == len(indexes)


def test_a_submissions_place_and_a_transfer_are_explained_with_who_signed(told, assay, tmp_path):
    copy = copy_site(tmp_path / "copy")
    rows = json.loads((copy / "state" / "competitions.Submission.json").read_text())["rows"]
    winner = next(row for row in rows if row.get("place") == 1)
    code, of_entry = assay("explain", winner["id"], "--from", copy)
    kinds = [step["kind"] for step in of_entry["steps"]]
    assert code == 0
    assert kinds[:2] == ["submission.commit", "submission.committed"]
    assert {"submission.scored", "submission.final_scored", "competition.settled"} <= set(kinds)
    assert of_entry["steps"][0]["signer"] == winner["owner"]
    assert of_entry["figure"]["place"] == 1
    held = Transfer.objects.filter(kind="pending").first()
    of_transfer = assay("explain", held.pk, "--from", copy)[1]
    assert of_transfer["figure"]["became"] in ("post", "void")
    assert len({step["message"] for step in of_transfer["steps"]}) >= 2


def test_what_the_log_does_not_know_is_told_with_the_closest_name(told, assay, tmp_path):
    copy = copy_site(tmp_path / "copy")
    code, refused = assay("explain", "buyr", "--from", copy)
    assert (code, refused["code"], refused["next"]) == (5, "explain.unknown", "Did you mean buyer?")
    assert assay("explain", "0" * 64, "--from", copy)[1]["code"] == "explain.unknown"
