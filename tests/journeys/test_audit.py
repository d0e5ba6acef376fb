"""A stranger audits a site over HTTP and from a copy of its files, and finds every lie."""

import json
import shutil
from dataclasses import fields

import pytest
import typer
from typer.testing import CliRunner

from assay import merkle, notes
from assay.keys import new_key
from audit.command import audit
from audit.history import TABLES
from audit.mirror import split_bundle
from ledger.models import Account
from tests.journeys.copied import change_row, copy_site, flip, save
from tests.laws import story

APP = typer.Typer()
APP.command()(audit)
CHECKS = ["checkpoint", "consistency", "tree", "messages", "rows", "supply", "escrow", "seals"]


@pytest.fixture
def ask(tmp_path):
    """ask(place, *options) -> (exit code, the JSON answer)."""

    def one(place, *options):
        home = {"ASSAY_HOME": str(tmp_path / "home")}
        answer = CliRunner().invoke(APP, [str(place), "--json", *options], env=home)
        return answer.exit_code, json.loads(answer.stdout)

    return one


@pytest.fixture
def copy(told, tmp_path):
    return copy_site(tmp_path / "copy")


def test_an_audit_over_http_makes_every_check_and_remembers_the_log(told, live_server, ask):
    code, answer = ask(live_server.url)
    assert (code, answer["ok"]) == (0, True), answer
    assert [check["name"] for check in answer["checks"]] == CHECKS
    assert "first look" in answer["checks"][1]["text"]
    story.mint(account="buyer", amount_nano=7, idempotency="more", now=story.NOW)
    story.place_all()
    code, answer = ask(live_server.url)
    assert (code, "extends the" in answer["checks"][1]["text"]) == (0, True), answer


def test_an_audit_over_http_names_a_balance_that_was_changed(told, live_server, ask):
    Account.objects.filter(pk="buyer").update(available_nano=1)
    code, answer = ask(live_server.url)
    assert (code, answer["ok"]) == (6, False)
    said = answer["checks"][-1]["text"]
    assert "ledger.Account 'buyer' available_nano: found 1, the log gives" in said
    assert "last by message" in said
    assert "(usage.settled)" in said


def test_nobody_at_the_address_is_exit_code_3(ask, tmp_path):
    assert ask("http://127.0.0.1:9")[0] == 3
    assert ask(tmp_path / "nowhere")[0] == 3


def test_a_copy_passes_and_every_changed_column_of_every_table_is_named(copy, ask):
    """Guards the comparison: leave a column out of it, and this fails for that column."""
    assert ask(copy)[0] == 0
    for table in TABLES:
        for field in fields(table):
            page = copy / "state" / f"{table.TABLE}.json"
            before = page.read_bytes()
            change_row(copy, table.TABLE, lambda rows, name=field.name: spoil(rows[-1], name))
            code, answer = ask(copy)
            said = answer["checks"][-1]["text"]
            assert code == 6, (table.TABLE, field.name)
            assert said.startswith(f"{table.TABLE} "), said
            assert f"' {field.name}:" in said, said
            page.write_bytes(before)
    assert ask(copy)[0] == 0


def spoil(row, name):
    """Another value of the same kind; something where nothing was."""
    value = row.get(name)
    if isinstance(value, bool):
        row[name] = not value
    elif isinstance(value, int):
        row[name] = value + 1
    elif isinstance(value, list):
        row[name] = [*value, "x"]
    elif isinstance(value, dict):
        row[name] = {**value, "title": "x"}
    else:
        row[name] = f"{value or ''}x"


def test_a_row_left_out_and_a_row_put_in_are_named(copy, ask):
    change_row(copy, "ledger.Transfer", lambda rows: rows.pop())
    assert "found nothing" in ask(copy)[1]["checks"][-1]["text"]
    shutil.rmtree(copy)
    copy_site(copy)
    change_row(copy, "ledger.Transfer", lambda rows: rows.append({**rows[0], "id": "x"}))
    assert "no message writes this row" in ask(copy)[1]["checks"][-1]["text"]


def test_a_flipped_byte_in_a_message_is_named_with_its_index(copy, ask):
    """Guards the signature check of every message."""
    size = json.loads((copy / "log.json").read_text())["size"]
    path = copy / "log" / merkle.tile_path("entries", 0, size)
    raws = split_bundle(path.read_bytes(), size, "")
    start = sum(2 + len(raw) for raw in raws[:9]) + 2
    for place in (start + 3, start + 80, start + len(raws[9]) - 1):
        flip(path, place)
        code, answer = ask(copy)
        assert (code, answer["checks"][-1]["facts"]["index"]) == (6, 9), answer
        flip(path, place)


def test_two_messages_that_changed_places_do_not_give_the_root(copy, ask):
    """Guards the root: every signature still holds."""
    size = json.loads((copy / "log.json").read_text())["size"]
    path = copy / "log" / merkle.tile_path("entries", 0, size)
    raws = split_bundle(path.read_bytes(), size, "")
    raws[2], raws[3] = raws[3], raws[2]
    save(path, b"".join(len(raw).to_bytes(2, "big") + raw for raw in raws))
    code, answer = ask(copy)
    assert (code, answer["checks"][-1]["name"]) == (6, "tree"), answer
    assert "from its hash 2 on" in answer["checks"][-1]["text"]


def test_a_flipped_byte_in_a_hash_tile_is_named(copy, ask):
    size = json.loads((copy / "log.json").read_text())["size"]
    flip(copy / "log" / merkle.tile_path(0, 0, size), 5 * 32)
    code, answer = ask(copy)
    assert (code, "from its hash 5 on" in answer["checks"][-1]["text"]) == (6, True)


def test_a_checkpoint_by_another_key_is_refused(copy, ask):
    """Guards the key: a site cannot sign with a new one at the second look."""
    assert ask(copy)[0] == 0
    about = json.loads((copy / "log.json").read_text())
    key = new_key()
    origin, public = about["origin"], key.public_key().public_bytes_raw()
    root = bytes.fromhex(about["root"])
    note = notes.sign_checkpoint(notes.Checkpoint(origin, about["size"], root), key)
    (copy / "log" / "checkpoint").write_text(note)
    about["log_key"] = notes.verifier_key(origin, notes.LOG_KEY, public)
    (copy / "log.json").write_text(json.dumps(about))
    code, answer = ask(copy)
    assert (code, answer["checks"][-1]["name"]) == (6, "checkpoint"), answer
    assert ask(copy, "--key", about["log_key"])[0] == 6


def test_a_log_that_became_shorter_or_other_is_refused(copy, ask, tmp_path):
    """Guards the memory of the last look: size and root."""
    assert ask(copy)[0] == 0
    memory = tmp_path / "home" / "known_logs.json"
    known = json.loads(memory.read_text())
    (log,) = known.values()
    for change, words in (({"size": log["size"] + 1}, "fewer"), ({"root": "00" * 32}, "not those")):
        memory.write_text(json.dumps({str(copy): {**log, **change}}))
        code, answer = ask(copy)
        assert (code, answer["checks"][-1]["name"]) == (6, "consistency"), answer
        assert words in answer["checks"][-1]["text"]
