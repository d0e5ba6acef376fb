"""The parts of the sandbox from outside: levels, policy bytes, a jail's answers, the sweep."""

import importlib
import importlib.util
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from workers.sandbox import cgroups, jobs, levels, protocol, seccomp, trial
from workers.sandbox.errors import FilterChanged, LevelMissing, SandboxUnavailable
from workers.sandbox.levels import Host, Level, Missing
from workers.sandbox.protocol import Report, Status
from workers.sandbox.runner import Job
from workers.sandbox.stamp import policy_name
from workers.sandbox.trial import Trial

JOB = Job(None, b"", b"", cpu_s=5)


def test_levels_are_ordered_from_weak_to_strong():
    assert Level.SECCOMP < Level.LANDLOCK < Level.NOCGROUP < Level.FULL
    assert max(Level) is Level("full")


def test_the_checked_in_filters_are_what_the_policy_compiles_to():
    if importlib.util.find_spec("pyseccomp") is None:
        pytest.skip("no pyseccomp: the filters are compared in CI; pip install pyseccomp==0.1.2")
    policy = importlib.import_module("workers.sandbox.policy")
    assert set(policy.FILTERS) == set(seccomp.PINNED)
    for name, compile_filter in policy.FILTERS.items():
        assert compile_filter() == seccomp.read_filter(name).code, name


@pytest.mark.parametrize("name", seccomp.PINNED)
def test_a_filter_whose_bytes_changed_is_not_put_on(name, tmp_path, monkeypatch):
    code = bytearray(seccomp.read_filter(name).code)
    code[-1] ^= 1
    (tmp_path / name).write_bytes(code)
    monkeypatch.setattr(seccomp, "HERE", tmp_path)
    with pytest.raises(FilterChanged) as refused:
        seccomp.read_filter(name)
    assert refused.value.facts["filter"] == name


@given(st.lists(st.lists(st.integers(-protocol.LARGEST_PREDICTION, protocol.LARGEST_PREDICTION))))
def test_predictions_survive_the_pipe(predictions):
    document = protocol.encode_predictions(predictions)
    assert protocol.decode_predictions(document) == tuple(map(tuple, predictions))


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_document_of_a_hostile_jail_raises(document):
    answer = protocol.decode_predictions(document)
    assert answer is None or json.loads(document) == {"predictions": [list(row) for row in answer]}


@pytest.mark.parametrize(
    "document",
    [
        b'{"predictions": [[1' + b"0" * 5000 + b"]]}",
        b'{"predictions": [[9007199254740992]]}',
        b'{"predictions": [[-9007199254740992]]}',
        b"[" * 100_000,
        b'{"predictions": [[1]]} x',
        b'{"predictions": [[1]], "predictions": [[1]]}',
        b'{"predictions": [[Infinity]]}',
        b'{"predictions": [[1], 1]}',
        b'{"predictions": [' + b"[]," * protocol.MOST_ROWS + b"[]]}",
        b'{"predictions": [[[1]]]}',
        b'{"predictions": "1"}',
        b"\xff",
        b"null",
    ],
)
def test_a_document_of_another_form_is_no_answer(document):
    assert protocol.decode_predictions(document) is None


@pytest.mark.parametrize(
    ("report", "oom_kills", "status"),
    [
        (Report(0, 1), 0, Status.OK),
        (Report(-9, 1), 1, Status.OOM),
        (Report(None), 1, Status.OOM),
        (Report(protocol.EXIT_MEMORY, 1), 0, Status.OOM),
        (Report(None), 0, Status.LOST),
        (Report(-9, 1), 0, Status.LOST),
        (Report(-9, 5), 0, Status.TIMEOUT),
        (Report(setup_error="unshare"), 0, Status.SETUP_ERROR),
        (Report(-31, 1), 0, Status.POLICY_VIOLATION),
        (Report(-11, 1), 0, Status.CRASH),
        (Report(1, 1), 0, Status.CRASH),
    ],
)
def test_every_ending_has_one_status_and_the_first_that_fits_wins(report, oom_kills, status):
    assert jobs.verdict(report, JOB, oom_kills) is status


def test_infrastructure_is_never_the_miners_fault():
    assert {one for one in Status if one.is_infrastructure} == {Status.LOST, Status.SETUP_ERROR}


def test_a_sealed_memory_file_cannot_be_changed_by_its_holder():
    handle = protocol.sealed_memory("adapter", b"weights")
    with pytest.raises(PermissionError):
        os.pwrite(handle, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(handle, 0)
    assert protocol.read_whole(handle) == b"weights"
    os.close(handle)


def test_a_level_that_the_host_lacks_is_refused_with_what_is_missing(monkeypatch):
    weak = Host(Level.SECCOMP, (Missing("namespaces: EPERM", "allow them"),))
    monkeypatch.setattr(levels, "probe", lambda: weak)
    assert levels.strongest_level() is Level.SECCOMP
    with pytest.raises(LevelMissing) as refused:
        levels.require_level(Level.FULL)
    assert refused.value.facts["strongest"] == "seccomp"
    no_landlock = Host(Level.FULL, (), "landlock: ENOSYS")
    monkeypatch.setattr(levels, "probe", lambda: no_landlock)
    levels.require_level(Level.NOCGROUP)
    with pytest.raises(LevelMissing, match="landlock"):
        levels.require_level(Level.LANDLOCK)
    monkeypatch.setattr(levels, "probe", lambda: Host(None, weak.missing))
    with pytest.raises(SandboxUnavailable):
        levels.strongest_level()


def test_the_sweep_takes_the_groups_of_dead_owners_and_leaves_the_living():
    try:
        place = cgroups.find_place()
    except OSError as error:
        pytest.skip(f"no writable cgroup on this host: {error}")
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    alive = cgroups.Cgroup(place, 64 << 20)
    orphans = [folder / f"assay-{namespace}-{os.getpid()}-1-1" for folder in place.folders]
    foreign = place.folders[0] / "assay-1-999999999-1-1"
    for folder in (*orphans, foreign):
        folder.mkdir()
    try:
        assert cgroups.sweep(place) >= len(orphans)
        assert not any(folder.exists() for folder in orphans)
        assert foreign.exists()
        assert alive.oom_kills() == 0
    finally:
        foreign.rmdir()
        alive.close()


def test_the_doctor_names_the_level_and_the_policy():
    told = io.StringIO()
    call_command("sandbox_doctor", stdout=told)
    level = levels.strongest_level()
    assert f"level    {level.value}" in told.getvalue()
    tried = trial.passed_zygote(level)
    assert policy_name("zygote", level, [level.filter_name], tried.sha256) in told.getvalue()
    assert f"zygote   {len(tried.held)} of {len(tried.held)} attacks stopped" in told.getvalue()
    took_s = min(trial.try_zygote(level).took_s for _ in range(2))
    assert min(took_s, tried.took_s) < 30


def test_a_sandbox_that_lets_something_out_holds_no_entry(monkeypatch):
    leaky = Trial(Level.FULL, {"read_file": True, "fork": False}, 0.1)
    monkeypatch.setattr(trial, "try_zygote", lambda level: leaky)
    with pytest.raises(SandboxUnavailable) as refused:
        trial.passed_zygote.__wrapped__(Level.FULL)
    assert refused.value.facts["missing"] == "not stopped: fork"
    assert leaky.sha256 != replace(leaky, held={"read_file": True, "fork": True}).sha256
