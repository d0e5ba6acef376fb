"""What a stranger wrote reaches a terminal spelled out: it can clear no screen and hide no line."""

import json
from pathlib import Path

import pytest

from assay.bounds import HOSTILE
from assay.cli import show
from assay.cli.main import app
from audit import command
from licensing import commands

ODD = "\x1b[2Jgood\r\x9b0m\u202egnp.exe\u2066\x07\u200b"


def is_plain(text):
    return not HOSTILE.search(text.replace("\n", ""))


@pytest.mark.parametrize("as_json", [True, False])
def test_records_tables_and_notes_print_no_hostile_character(capsys, as_json):
    show.put({"title": ODD, "tags": [[ODD, ODD]]}, as_json=as_json)
    show.put_rows([{"title": ODD}], ["title"], as_json=as_json)
    show.note(f"{ODD}\n{ODD}")
    show.put_text(f"{ODD}\n")
    told = capsys.readouterr()
    assert is_plain(told.out + told.err)
    assert "good" in told.out
    if as_json:
        assert json.loads(told.out.splitlines()[0])["title"] == ODD


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_refusal_that_repeats_what_a_site_said_is_spelled_out(capsys, more):
    with pytest.raises(SystemExit):
        app(["auth", "whoami", "--url", ODD, *more])
    with pytest.raises(SystemExit):
        app(["config", "set", "url", ODD, *more])
    told = capsys.readouterr()
    assert is_plain(told.out + told.err)


def test_no_command_prints_but_by_that_one_printer():
    """Guards the rule: a `print` beside it would let a title through again."""
    here = Path(show.__file__).parent
    places = [
        *here.glob("*.py"),
        Path(commands.__file__),
        *Path(command.__file__).parent.glob("*.py"),
    ]
    allowed = {"show.py": None, "keys.py": "private_bytes_raw", "main.py": '"assay'}
    for place in places:
        for line in place.read_text().splitlines():
            if ("print(" in line and "_print(" not in line) or "typer.echo(" in line:
                word = allowed.get(place.name, "nothing")
                assert word is None or word in line or line.strip() == "print(", (place, line)
