"""The reader of a sponsor's files is in a jail, and what it leaves behind is not trusted either."""

import json
import os
import socket
import subprocess

import pytest

from evaluator.bases import MINILM
from workers.sandbox import bubblewrap, reader
from workers.sandbox.reader import Allowance, NotPlain, run_reader, taken

QUICK, LONG = Allowance(20, 512 << 20), Allowance(90, 4 << 30)
LOOK = """
import json, os, socket, sys
found = {}
for name, attempt in {
    "shadow": lambda: open("/etc/shadow").read(),
    "passwd": lambda: open("/etc/passwd").read(),
    "project": lambda: open(sys.argv[1]).read(),
    "neighbour": lambda: open(sys.argv[2]).read(),
    "code": lambda: open(sys.argv[3], "r+"),
    "network": lambda: socket.create_connection(("127.0.0.1", int(sys.argv[4])), 2),
    "processes": lambda: os.kill(int(sys.argv[5]), 0),
    "own file": lambda: open(f"{sys.argv[6]}/given").read(),
    "own folder": lambda: open(f"{sys.argv[6]}/made", "w").write("made"),
}.items():
    try:
        attempt()
        found[name] = True
    except Exception:
        found[name] = False
print(json.dumps(found))
"""


@pytest.fixture
def jailed():
    if reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host, files are read with limits only: {reason}")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "draft"
    folder.mkdir(mode=0o700)
    (folder / "given").write_text("rows")
    return folder


def look(folder, tmp_path, house):
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        words = [
            house / "manage.py",
            secret,
            house / "evaluator/task/plan.py",
            port,
            os.getpid(),
            folder,
        ]
        return run_reader(["-c", LOOK, *map(str, words)], folder, QUICK)


def test_the_reader_sees_its_files_and_nothing_else(jailed, folder, tmp_path, house):
    done = look(folder, tmp_path, house)
    assert done.exit_code == 0, done.noise
    assert done.is_jailed
    got = {name for name, found in json.loads(done.said).items() if found}
    assert got == {"own file", "own folder"}
    assert taken(folder, "made") == b"made"


def test_without_bubblewrap_it_has_limits_and_says_that_it_has_no_jail(
    monkeypatch, folder, tmp_path, house
):
    """What the jail takes away is there without it: the test above is not vacuous."""
    monkeypatch.setattr(bubblewrap, "why_not", lambda: bubblewrap.INSTALL)
    done = look(folder, tmp_path, house)
    assert not done.is_jailed
    found = json.loads(done.said)
    assert found["passwd"]
    assert found["neighbour"]
    assert found["network"]


def test_a_reader_that_does_not_end_is_ended(jailed, folder):
    with pytest.raises(subprocess.TimeoutExpired):
        run_reader(["-c", "while True: pass"], folder, Allowance(1.0, 256 << 20))


def test_a_reader_that_takes_all_memory_is_ended(jailed, folder):
    bomb = "kept = [bytearray(b'x') * (16 << 20) for _ in range(64)]"
    assert run_reader(["-c", bomb], folder, Allowance(20, 128 << 20)).exit_code != 0


def test_what_a_reader_leaves_is_opened_only_as_a_plain_file(folder, tmp_path):
    (tmp_path / "key").write_text("a key")
    (folder / "link").symlink_to(tmp_path / "key")
    (folder / "second").hardlink_to(tmp_path / "key")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    for name in ("link", "second", "pipe", "folder", "absent"):
        with pytest.raises(NotPlain):
            taken(folder, name)
    with pytest.raises(NotPlain):
        taken(folder, "given", limit_bytes=3)
    assert taken(folder, "given", limit_bytes=4) == b"rows"
    (tmp_path / "swapped").symlink_to(folder)
    with pytest.raises(NotPlain):
        taken(tmp_path / "swapped", "given")


def test_the_real_reader_works_in_its_jail(jailed, folder):
    for name in ("train", "public", "final"):
        rows = [
            {"text": f"{label} {name} {number} " + "word " * number, "label": label}
            for label in ("bread", "clock")
            for number in range(6)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "salt").write_bytes(bytes(32))
    asked = {
        "--salt-file": "salt",
        "--out": "out",
        **{f"--{n}": f"{n}.jsonl" for n in reader_files()},
    }
    words = [part for name, file in asked.items() for part in (name, str(folder / file))]
    done = run_reader(["-m", "evaluator", "prepare", "--base", MINILM.name, *words], folder, LONG)
    assert done.is_jailed
    assert done.exit_code == 0, done
    assert json.loads(done.said)["train_rows"] == 12
    assert json.loads(taken(folder / "out", "prepared.json"))["train_rows"] == 12


def reader_files():
    return ("train", "public", "final")


def test_a_file_that_the_reader_refuses_is_refused_by_its_own_code(jailed, folder):
    for name in reader_files():
        (folder / f"{name}.jsonl").write_text("not json")
    (folder / "salt").write_bytes(bytes(32))
    words = [part for n in reader_files() for part in (f"--{n}", str(folder / f"{n}.jsonl"))]
    words += ["--salt-file", str(folder / "salt"), "--out", str(folder / "out")]
    done = reader.run_reader(["-m", "evaluator", "prepare", *words], folder, LONG)
    assert done.exit_code != 0
    assert json.loads(done.said.splitlines()[-1])["error"]["code"] == "data.malformed"
