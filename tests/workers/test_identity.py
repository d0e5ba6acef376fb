"""Each process that scores has a key of its own, which outlives it."""

import os

import pytest

from assay.keys import public_hex, read_key
from competitions.actions import crew
from competitions.models import Worker
from tests import factories
from workers import identity

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys_folder(settings, tmp_path):
    """Keys of this test alone."""
    factories.ledger_actions.found(now=factories.NOW)
    identity._of_process.cache_clear()
    settings.KEYS_FOLDER, before = tmp_path / "keys", settings.KEYS_FOLDER
    tmp_path.joinpath("keys").mkdir()
    for name in ("operator", "evaluator"):
        (tmp_path / "keys" / f"{name}.key").write_text((before / f"{name}.key").read_text())
    yield settings.KEYS_FOLDER
    identity._of_process.cache_clear()


def in_a_child():
    """The name of the key of a process that is forked now, while this one lives."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, identity.me().public.encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    return told


def test_two_processes_of_a_host_are_two_workers_and_the_key_outlives_them(keys_folder):
    mine = identity.me().public
    other = in_a_child()
    assert other != mine
    assert in_a_child() == other, "the key that was given back is taken again"
    for number, public in ((1, mine), (2, other)):
        file = keys_folder / f"worker-{number}.key"
        assert file.stat().st_mode & 0o777 == 0o600
        assert public_hex(read_key(file)) == public


def test_a_key_is_registered_once_and_a_retired_one_takes_no_work():
    held = ["seccomp", "landlock"]
    assert identity.levels_of_mine(held) == identity.levels_of_mine(held) == held
    one = Worker.objects.get()
    assert (one.name, one.sandbox_level) == ("worker-1", "landlock")
    assert identity.levels_of_mine([*held, "nocgroup"]) == held, "it signs for what it said"
    crew.retire(one.pk, reason="It was sold.", now=factories.at(9))
    assert identity.levels_of_mine(held) == []
