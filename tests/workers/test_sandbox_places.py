"""Where jails are put: cgroups of both versions, user ids, and what a fresh jail sees."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from workers import bench
from workers.sandbox import bubblewrap, cgroups, fresh, landlock, measure, namespaces, slots
from workers.sandbox.bubblewrap import View
from workers.sandbox.cgroups import Cgroup, Place
from workers.sandbox.errors import BoxMissing, LevelMissing
from workers.sandbox.fresh import Fresh, Needs
from workers.sandbox.jobs import Job
from workers.sandbox.levels import PROJECT, Host, Level, strongest_level
from workers.sandbox.runner import Sandbox

V2_FILES = {"memory.swap.max": "max", "memory.current": "4096", "memory.peak": "8192"}


class FakeFolder:
    """A cgroup folder as version 2 shows it, on a plain file system."""

    def __init__(self, root):
        self.place = Place((root,), is_v2=True)
        self.root = root

    def fill(self, group):
        for name, text in V2_FILES.items():
            (group / name).write_text(text)
        (group / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n")


@pytest.fixture
def second(tmp_path, monkeypatch):
    """Version 2 made by hand: the kernel's own files appear when a folder is made."""
    fake, mkdir = FakeFolder(tmp_path), Path.mkdir

    def made(folder, *arguments, **named):
        mkdir(folder, *arguments, **named)
        if folder.name.startswith("assay-"):
            fake.fill(folder)

    monkeypatch.setattr(Path, "mkdir", made)
    monkeypatch.setattr(cgroups, "REMOVE_S", 0.02)
    return fake


def test_version_2_limits_memory_swap_and_processes_and_kills_as_one(second):
    group = Cgroup(second.place, 64 << 20)
    (folder,) = second.root.iterdir()
    group.add(123)
    written = {file.name: file.read_text() for file in folder.iterdir()}
    assert written["memory.max"] == str(64 << 20)
    assert written["memory.swap.max"] == "0"
    assert written["memory.oom.group"] == "1"
    assert written["pids.max"] == "64"
    assert written["cgroup.procs"] == "123"
    assert (group.oom_kills(), group.peak_bytes(), group.used_bytes()) == (2, 8192, 4096)
    group.limit_memory(32 << 20)
    assert (folder / "memory.max").read_text() == str(32 << 20)


def test_the_sweep_of_version_2_kills_a_dead_owners_group_at_once(second):
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    left = second.root / f"assay-{namespace}-{os.getpid()}-1-1"
    left.mkdir()
    (left / "cgroup.kill").write_text("")
    (left / "cgroup.procs").write_text("1\n")  # not killed one by one: that would be init
    assert cgroups.sweep(second.place) == 1
    assert (left / "cgroup.kill").read_text() == "1"


def test_where_controllers_are_in_version_2_groups_are_made_there(tmp_path, monkeypatch):
    (tmp_path / "cgroup.controllers").write_text("memory pids")
    own = tmp_path / cgroups._own_path("").relative_to("/")
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    places = cgroups._candidates()
    assert all(place.is_v2 for place in places)
    assert places[0].folders == (own,)
    assert places[-1].folders == (tmp_path,)


def test_a_real_limit_can_be_lowered_and_then_holds():
    try:
        place = cgroups.find_place()
    except OSError as error:
        pytest.skip(f"no writable cgroup on this host: {error}")
    group = Cgroup(place, 256 << 20)
    try:
        group.limit_memory(64 << 20)
        name = "memory.max" if place.is_v2 else "memory.limit_in_bytes"
        assert (group._folders[0] / name).read_text() == f"{64 << 20}\n"
        assert group.used_bytes() == 0
    finally:
        group.close()


def test_two_sandboxes_of_root_never_share_a_user_id():
    if os.getuid() != 0:
        pytest.skip("an ordinary user has only his own id")
    first, second = slots.take_slot(), slots.take_slot()
    assert first.uid != second.uid
    assert {first.uid, second.uid} <= set(range(64123, 64123 + slots.SLOTS))
    first.release()
    third = slots.take_slot()
    assert third.uid == first.uid
    second.release()
    third.release()


def test_when_every_user_id_is_taken_no_sandbox_starts(monkeypatch):
    if os.getuid() != 0:
        pytest.skip("an ordinary user has only his own id")
    monkeypatch.setattr(slots, "SLOTS", 1)
    monkeypatch.setattr(namespaces, "SANDBOX_UID", 65000)
    held = slots.take_slot()
    with pytest.raises(OSError, match="taken"):
        slots.take_slot()
    held.release()


def test_a_fresh_jail_sees_the_rooms_and_not_the_folder_of_the_project():
    seen = bubblewrap.places_of(View())
    assert PROJECT not in seen
    assert not any(PROJECT.is_relative_to(place) for place in seen)
    assert {PROJECT / room for room in bubblewrap.ROOMS} <= set(seen)
    for secret in (PROJECT / "var", PROJECT / "manage.py", Path.home(), Path("/etc"), Path("/")):
        assert secret not in seen
    assert any(Path(sys.base_prefix).is_relative_to(place) for place in [*seen, Path("/usr")])


def test_folders_inside_others_are_bound_once(tmp_path):
    (tmp_path / "inner").mkdir()
    seen = bubblewrap.places_of(View(read_only=(tmp_path / "inner", tmp_path)))
    assert tmp_path in seen
    assert tmp_path / "inner" not in seen


def test_a_folder_that_merely_is_on_the_path_is_not_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), "", *sys.path])
    assert tmp_path not in bubblewrap.places_of(View())


def test_second_names_are_roots_alone(tmp_path):
    assert bool(bubblewrap.second_names([tmp_path])) == (os.getuid() == 0)


def test_without_bubblewrap_a_fresh_jail_is_refused_with_the_command_that_helps(monkeypatch):
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    assert bubblewrap.why_not.__wrapped__() == bubblewrap.INSTALL
    monkeypatch.setattr(bubblewrap, "why_not", lambda: bubblewrap.INSTALL)
    with (
        pytest.raises(BoxMissing) as refused,
        Fresh(None, scorer="evaluator.evaluators.custom_code"),
    ):
        pass
    assert "apt-get install bubblewrap" in refused.value.facts["missing"]


def test_a_jail_gets_the_narrowest_filter_that_its_scorer_can_live_with():
    names = [Needs().filter_name, Needs(opens=True).filter_name, Needs(jit=True).filter_name]
    assert names == ["inner_noopen.bpf", "inner.bpf", "inner_jit.bpf"]


def test_landlock_asks_for_what_the_kernels_abi_knows():
    sizes = {abi: landlock._ruleset(abi)[1] for abi in (1, 2, 3, 4, 5, 6, 7)}
    assert sizes == {1: 8, 2: 8, 3: 8, 4: 16, 5: 16, 6: 24, 7: 24}
    first, last = landlock._ruleset(1)[0], landlock._ruleset(7)[0]
    assert (first.files, first.ports, first.scoped) == (0x1FFF, 0, 0)
    assert (last.files, last.ports, last.scoped) == (0xFFFF, 3, 3)


def test_a_kernel_without_landlock_is_told_loudly():
    try:
        abi = landlock.version()
    except OSError as error:
        pytest.skip(f"LANDLOCK IS NOT ENABLED in this kernel: {error}; level landlock is untested")
    assert abi >= 1


LOCKED = """
import os, sys
from workers.sandbox.namespaces import Limits, Locks, lock_up
from workers.sandbox.seccomp import IN_EMPTY_ROOT, read_filter
locks = Locks(read_filter(IN_EMPTY_ROOT), has_landlock=sys.argv[1] == "landlock")
lock_up({1: 1, 2: 2}, Limits(5, None, None), locks)
try:
    os.open("/etc/passwd", os.O_RDONLY)
    print("opened")
except PermissionError:
    print("denied")
"""


def test_landlock_is_a_lock_of_its_own_under_a_filter_that_lets_files_be_opened():
    try:
        landlock.version()
    except OSError as error:
        pytest.skip(f"LANDLOCK IS NOT ENABLED in this kernel: {error}; level landlock is untested")
    for lock, answer in (("landlock", "denied\n"), ("none", "opened\n")):
        command = [sys.executable, "-c", LOCKED, lock]
        assert subprocess.check_output(command, text=True, cwd=PROJECT, timeout=600) == answer


def test_tasks_are_counted_by_user():
    with socket.socket():
        assert namespaces.tasks_of_this_user() >= 1


def test_the_cost_of_the_sandbox_is_measured_on_both_sides_of_the_same_jobs():
    level = strongest_level()
    job = Job(None, b"12345", b"{}")
    found = measure.measure_overhead(
        Path("/"), [job], scorer="tests.hostile.sandbox_attacks", level=level, rounds=3
    )
    assert (found.level, found.jobs) == (level, 3)
    assert 0 < found.child_ready_s < 1
    assert found.sandboxed_cpu_s > found.plain_cpu_s > 0
    assert replace(found, plain_cpu_s=2.0, sandboxed_cpu_s=2.1).sandbox_over_plain == 1.05
    wrong = Job(b"segfault", b"{}", b"{}")
    with pytest.raises(AssertionError):
        measure.measure_overhead(Path("/"), [wrong], scorer="tests.hostile.sandbox_attacks")


def test_a_generic_base_gets_fresh_jails_and_any_other_a_warm_zygote():
    scorer = "tests.hostile.sandbox_attacks"
    generic = Sandbox if bubblewrap.why_not() else Fresh
    for is_generic, kind in ((False, Sandbox), (True, generic)):
        with bench._sandbox.__wrapped__(Path("/usr"), scorer, is_generic=is_generic) as made:
            assert isinstance(made, kind)
            assert made.run(Job(None, b"12345", b"{}")).predictions == ((5, 2), (), (1,))


def test_a_fresh_jails_level_is_that_of_its_walls():
    if reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host: {reason}")
    with Fresh(None, scorer="evaluator.evaluators.custom_code") as made:
        assert made.level is (Level.FULL if made._place else Level.NOCGROUP)
    with Fresh(None, Level.NOCGROUP, scorer="evaluator.evaluators.custom_code") as weaker:
        assert weaker.level is Level.NOCGROUP
        assert weaker.policy_sha256 != made.policy_sha256 or made.level is Level.NOCGROUP


def test_a_fresh_jail_at_a_level_without_a_cgroup_there_is_refused(monkeypatch):
    if reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host: {reason}")
    monkeypatch.setattr(fresh, "place_for", lambda level: None)
    monkeypatch.setattr(fresh.levels, "probe", lambda: Host(Level.NOCGROUP, ()))
    with (
        pytest.raises(LevelMissing),
        Fresh(None, Level.FULL, scorer="evaluator.evaluators.custom_code"),
    ):
        pass
