"""`assay witness` and `manage.py witness` as processes: they answer, remember, and end in order."""

import json
import os
import signal
import subprocess
import sys

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import merkle, notes
from assay.witness import checkpoint_path, write_request
from config import env

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "log.example/log"
LOG_KEY = notes.verifier_key(ORIGIN, notes.LOG_KEY, KEY.public_key().public_bytes_raw())
PROGRAMS = {
    "assay": ["-c", "from assay.cli.main import main; main()", "witness"],
    "manage.py": ["manage.py", "witness"],
}


def note_of(leaves):
    root = merkle.root(leaves)
    return notes.sign_checkpoint(notes.Checkpoint(ORIGIN, len(leaves), root), KEY)


@pytest.fixture
def start(tmp_path):
    """start(program) -> (process, what it said first); whatever still runs at the end is ended."""
    running = []
    places = {"ASSAY_HOME": str(tmp_path / "home"), "ASSAY_DATA": str(tmp_path / "data")}

    def one(program):
        options = ["--name", "w.example", "--log", LOG_KEY, "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(
            [sys.executable, *PROGRAMS[program], *options],
            cwd=env.HOUSE,
            env={**os.environ, **places},  # noqa: TID251 - for a child process
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process, json.loads(process.stdout.readline())

    yield one
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(600)
        process.stdout.close()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_witness_answers_until_it_is_stopped_and_remembers_when_it_starts_again(program, start):
    leaves = [merkle.leaf_hash(bytes([one])) for one in range(5)]
    for asked, status in ((leaves, 200), (leaves[:3], 409)):
        process, told = start(program)
        assert told["logs"] == [ORIGIN]
        url = f"http://127.0.0.1:{told['port']}/add-checkpoint"
        answer = httpx2.post(url, content=write_request(0, [], note_of(asked)))
        assert answer.status_code == status
        if status == 200:
            assert notes.open_note(note_of(asked) + answer.text, told["witness"])
        shown = httpx2.get(f"http://127.0.0.1:{told['port']}{checkpoint_path(ORIGIN)}").text
        assert notes.open_note(shown, told["witness"]) == notes.open_note(note_of(leaves), LOG_KEY)
        process.send_signal(signal.SIGTERM)
        assert process.wait(600) == 0
