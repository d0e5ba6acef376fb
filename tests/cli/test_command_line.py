import json
import resource
import subprocess
import sys
import tomllib

import pytest

from assay.cli import show
from assay.cli.home import SettingsDamaged, home_at
from assay.cli.main import COMMANDS, exit_code
from assay.client import ClientError, Unreachable
from assay.keys import read_key

HELP_CPU_S = 3.0  # the promise is 0.4 s on an idle machine, and slower ones are about


def test_an_unknown_command_is_a_usage_error(run):
    result = run("compettions")
    assert result.exit_code == 2
    assert "competitions" in result.stderr


def test_a_usage_error_under_json_is_json(run):
    result = run("submit", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["code"] == "usage.wrong"


def test_a_site_that_is_not_there_is_a_network_error(run):
    result = run("competitions", "list", "--json", url="http://127.0.0.1:9")
    assert result.exit_code == 3
    told = json.loads(result.stderr)
    assert told["code"] == "client.unreachable"
    assert told["next"]
    assert result.stdout == ""


def test_an_address_that_is_none_is_a_network_error(run):
    result = run("competitions", "list", url="not an address")
    assert result.exit_code == 3


@pytest.mark.parametrize(
    ("code", "status", "wanted"),
    [
        ("client.unreachable", 503, 3),
        ("auth.token_expired", 401, 4),
        ("auth.scope_missing", 403, 4),
        ("submission.quota", 409, 5),
        ("competition.unknown", 404, 5),
        ("request.broken", 500, 1),
        ("ledger.blob_damaged", 422, 6),
        ("money.amount_invalid", 422, 2),
    ],
)
def test_the_exit_code_tells_what_kind_of_trouble_it_is(code, status, wanted):
    assert exit_code(ClientError("no", code=code, status=status)) == wanted


def test_an_unreachable_site_keeps_its_own_code():
    assert Unreachable("no", url="u", cause="c").as_dict()["code"] == "client.unreachable"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["auth", "login"],
        ["competitions", "download"],
        ["submit"],
        ["submissions", "show"],
        ["leaderboard"],
        ["licence", "buy"],
        ["ledger", "draw"],
        ["keys", "new"],
        ["config", "set"],
    ],
)
def test_the_help_of_a_command_ends_with_an_example(run, words):
    lines = run(*words, "--help").stdout.strip().splitlines()
    assert lines[-1].strip().startswith("Example: assay"), lines


def test_help_loads_neither_django_nor_torch_nor_the_network_client(house):
    words = "import sys; from assay.cli.main import app\n"
    words += "try: app(['--help'])\nexcept SystemExit: pass\n"
    words += "print([m for m in ('django', 'torch', 'httpx2', 'rich') if m in sys.modules])"
    begun_s = cpu_of_children_s()
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, cwd=house, check=True
    )
    assert done.stdout.strip().endswith("[]")
    assert cpu_of_children_s() - begun_s < HELP_CPU_S


def cpu_of_children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_key_is_never_overwritten(run, home):
    assert run("keys", "new").exit_code == 0
    before = read_key(home / "keys" / "default.key").private_bytes_raw()
    again = run("keys", "new", "--json")
    assert json.loads(again.stderr.splitlines()[-1])["code"] == "keys.exists"
    assert read_key(home / "keys" / "default.key").private_bytes_raw() == before


def test_an_exported_key_is_the_key(run, home, tmp_path):
    run("keys", "new")
    public = json.loads(run("keys", "list", "--json").stdout)["public"]
    exported = run("keys", "export").stdout.strip()
    assert run("keys", "export", "--out", str(tmp_path / "copy.key")).exit_code == 0
    copy = read_key(tmp_path / "copy.key")
    assert copy.private_bytes_raw().hex() == exported
    assert copy.public_key().public_bytes_raw().hex() == public


def test_settings_are_set_shown_and_unset(run, home):
    assert run("config", "set", "competition", 'odd "name"').exit_code == 0
    assert tomllib.loads((home / "config.toml").read_text()) == {"competition": 'odd "name"'}
    rows = [json.loads(line) for line in run("config", "view", "--json").stdout.splitlines()]
    assert {row["setting"]: row["value"] for row in rows}["competition"] == 'odd "name"'
    assert run("config", "unset", "competition").exit_code == 0
    assert tomllib.loads((home / "config.toml").read_text()) == {}
    result = run("config", "set", "url", "assay.example")
    assert (result.exit_code, "https://" in result.stderr) == (2, True)
    assert tomllib.loads((home / "config.toml").read_text()) == {}


def test_a_setting_that_does_not_exist_gets_a_suggestion(run):
    result = run("config", "set", "competitoin", "x")
    assert result.exit_code == 2
    assert "Did you mean competition?" in result.stderr


def test_a_command_without_its_competition_says_how_to_name_one(run, home):
    result = run("leaderboard", "--json", url="http://127.0.0.1:9")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["code"] == "usage.competition_missing"


def test_a_flag_beats_the_environment_and_the_environment_beats_the_file(run):
    run("config", "set", "url", "http://127.0.0.1:3")
    assert ":3" in run("competitions", "list").stderr
    assert ":4" in run("competitions", "list", url="http://127.0.0.1:4").stderr
    flagged = run("--url", "http://127.0.0.1:5", "competitions", "list", url="http://127.0.0.1:4")
    assert ":5" in flagged.stderr


@pytest.mark.parametrize("start", ["-c", "-h", "--", "-7"])
def test_an_id_that_begins_with_a_hyphen_is_an_id(run, start):
    for words in (["submissions", "show"], ["licence", "show"], ["log", "receipt"]):
        dashed = start + "A0_b" * 10 + "x"
        result = run(*words, dashed, "--json", url="http://127.0.0.1:9")
        assert result.exit_code == 3, result.stderr


def test_a_table_puts_numbers_to_the_right():
    rows = [{"name": "ada", "score": "0.5"}, {"name": "b", "score": "10.25"}]
    assert show.table(rows, ["name", "score"]) == "name  score\nada     0.5\nb     10.25"


def test_a_seed_of_ones_own_is_drawn_once_and_is_nobody_elses(tmp_path):
    """Two who train on the same data by the same seed make copies of each other."""
    one, other = (home_at(tmp_path / name) for name in ("ada", "ben"))
    assert one.training_seed() == home_at(tmp_path / "ada").training_seed()
    assert one.training_seed() != other.training_seed()
    (tmp_path / "ben" / "seed").write_text("four\n")
    with pytest.raises(SettingsDamaged):
        other.training_seed()
