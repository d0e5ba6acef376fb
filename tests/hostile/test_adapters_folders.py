"""An adapter's folder: what lies in a file's place, and what happens while it is read."""

import os
import shutil
import socket
import stat
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from evaluator.errors import AdapterFileKind, AdapterRefused
from evaluator.intake import admission, admit, admit_folder, files
from tests.evaluator import makers

TASK = makers.manifest()
CONFIG, TENSORS = makers.adapter()
NOBODY = 65534
NAMES = ("adapter_config.json", "adapter_model.safetensors")


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "adapter"
    inner.mkdir()
    for name, raw in zip(NAMES, (CONFIG, TENSORS), strict=True):
        (inner / name).write_bytes(raw)
    (inner / "README.md").write_text("dropped")
    return inner


def verdict(folder):
    with pytest.raises(AdapterRefused) as refused:
        admit_folder(folder, TASK)
    document = refused.value.as_dict()
    assert document["message"].isascii()
    assert document["next"]
    return document["code"]


def test_a_folder_as_peft_leaves_it_is_admitted_and_its_readme_dropped(folder):
    assert admit_folder(folder, TASK) == admit(CONFIG, TENSORS, TASK)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert verdict(folder) == "adapter.file_missing"


OTHERS = (
    "adapter_model.bin", "optimizer.pt", ".hidden", "config.json", "README.MD", "a\nb",
    "adapter_config.json ", "adapter_model.safetensors.index.json", "\udcff", "training_args.bin",
)  # fmt: skip


@pytest.mark.parametrize(
    "put", [Path.touch, os.mkfifo, Path.mkdir, lambda one: one.symlink_to("/")]
)
def test_other_files_are_never_opened_and_are_noted(folder, put, monkeypatch):
    for name in OTHERS:
        put(folder / name)
    opened = []
    whole = os.open
    monkeypatch.setattr(os, "open", lambda *a, **k: opened.append(a[0]) or whole(*a, **k))
    found = admit_folder(folder, TASK)
    assert opened == [folder, *NAMES]
    assert found.sha256 == admit(CONFIG, TENSORS, TASK).sha256
    assert found.ignored == (
        ".hidden", "README.MD", "a\\nb", "adapter_config.json ", "adapter_model.bin",
        "adapter_model.safetensors.index.json", "config.json", "optimizer.pt", "2 more",
    )  # fmt: skip
    assert all(one.isascii() and one.isprintable() for one in found.ignored)


def test_thousands_of_other_files_are_counted(folder):
    for number in range(3000):
        (folder / f"{number:04}").touch()
    assert admit_folder(folder, TASK).ignored == (*(f"000{one}" for one in range(8)), "2992 more")


@pytest.mark.parametrize(
    "name",
    [
        "adapter_model.bin", "adapter_model-00001-of-00002.safetensors", "adapters.safetensors",
        "model.safetensors",
    ],
)  # fmt: skip
def test_weights_in_another_form_alone_are_refused(folder, name):
    (folder / NAMES[1]).rename(folder / name)
    assert verdict(folder) == "adapter.file_unknown"


def test_a_missing_folder_and_a_file_in_its_place_are_named(folder):
    assert verdict(folder / "nowhere") == "adapter.file_missing"
    assert verdict(folder / ("n" * 300)) == "adapter.file_missing"
    assert verdict(folder / "README.md") == "adapter.file_kind"


def a_symbolic_link(place):
    place.symlink_to("/etc/passwd")


def a_link_to_an_honest_file(place):
    (place.parent.parent / "honest").write_bytes(CONFIG)
    place.symlink_to(place.parent.parent / "honest")


def a_link_to_nothing(place):
    place.symlink_to("nowhere")


def a_link_to_itself(place):
    place.symlink_to(place.name)


def a_hard_link(place):
    (place.parent.parent / "other").write_bytes(CONFIG)
    os.link(place.parent.parent / "other", place)


def a_socket(place):
    here = os.open(place.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/{place.name}")  # the whole path may be too long
    os.close(here)


def a_device(place):
    try:
        os.mknod(place, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # zeros without end
    except PermissionError:
        pytest.skip("no device can be made here: it needs root")


KINDS = (
    a_symbolic_link, a_link_to_an_honest_file, a_link_to_nothing, a_link_to_itself, a_hard_link,
    a_socket, a_device, os.mkfifo, os.mkdir,
)  # fmt: skip


@pytest.mark.timeout(300)  # a pipe without a writer would wait for ever
@pytest.mark.parametrize("put", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_a_plain_file_of_one_name_is_refused_without_waiting(folder, put, name):
    (folder / name).unlink()
    put(folder / name)
    assert verdict(folder) == "adapter.file_kind"


LINKS = (a_symbolic_link, a_link_to_an_honest_file, a_link_to_nothing, a_link_to_itself)


@pytest.mark.parametrize("put", LINKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_link_out_of_the_folder_is_not_followed_for_its_owner_either(folder, put, name):
    (folder / name).unlink()
    put(folder / name)
    with pytest.raises(AdapterFileKind, match="link"):
        admit_folder(folder, TASK, follows=True)


def in_a_cache(folder):
    """As a hub's cache lays it: snapshots of links to blobs."""
    blobs, snapshot = folder.parent / "blobs", folder.parent / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for name in NAMES:
        (folder / name).rename(blobs / name[:14])
        (snapshot / name).symlink_to(f"../../blobs/{name[:14]}")
    return snapshot


def test_the_links_of_a_hubs_cache_are_followed_for_their_owner_alone(folder):
    snapshot = in_a_cache(folder)
    assert verdict(snapshot) == "adapter.file_kind"
    assert admit_folder(snapshot, TASK, follows=True) == admit(CONFIG, TENSORS, TASK)


def test_a_link_to_a_strangers_file_in_a_cache_is_not_followed(folder):
    snapshot = in_a_cache(folder)
    if os.geteuid():
        pytest.skip("no file of somebody else can be made here: it needs root")
    os.chown(folder.parent / "blobs" / NAMES[0][:14], NOBODY, NOBODY)
    with pytest.raises(AdapterFileKind, match="link"):
        admit_folder(snapshot, TASK, follows=True)


def test_a_device_is_not_even_opened(folder, monkeypatch):
    opened = []
    whole = os.open
    monkeypatch.setattr(os, "open", lambda *a, **k: opened.append(a[0]) or whole(*a, **k))
    (folder / NAMES[1]).unlink()
    os.mkfifo(folder / NAMES[1])
    assert verdict(folder) == "adapter.file_kind"
    assert opened == [folder, NAMES[0]]


def test_a_link_that_is_put_there_between_look_and_opening_is_not_followed(folder, monkeypatch):
    file, look = folder / NAMES[0], files._look
    (folder.parent / "secret").write_bytes(CONFIG)

    def look_and_swap(opened, name):
        found = look(opened, name)
        if name == file.name:
            file.unlink()
            file.symlink_to(folder.parent / "secret")
        return found

    monkeypatch.setattr(files, "_look", look_and_swap)
    assert verdict(folder) == "adapter.file_kind"


@contextmanager
def ordinary_user():
    """Root may read every file; whoever else runs the tests is ordinary already."""
    mine = os.geteuid()
    os.seteuid(mine or NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_a_file_that_may_not_be_read_is_named(folder):
    with TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o755)
        seen = Path(shutil.copytree(folder, f"{reachable}/adapter"))
        with ordinary_user():
            assert admit_folder(seen, TASK)
        (seen / NAMES[0]).chmod(0)
        with ordinary_user():
            assert verdict(seen) == "adapter.file_missing"


def test_a_sparse_file_over_its_limit_is_refused_by_its_size(folder):
    os.truncate(folder / NAMES[1], 1 << 40)
    assert verdict(folder) == "adapter.file_size"
    os.truncate(folder / NAMES[0], 1 << 40)
    assert verdict(folder) == "adapter.file_size"


def test_a_sparse_file_within_its_limit_is_refused_by_its_header(folder):
    (folder / NAMES[1]).write_bytes(b"")
    os.truncate(folder / NAMES[1], TASK.adapter.bytes_max)
    assert verdict(folder) == "adapter.json"


# --- while it is read -----------------------------------------------------------------------------


def meanwhile(monkeypatch, after, change):
    """Let the file change right after a step of the intake."""
    whole = getattr(admission, after)

    def then_change(*told):
        found = whole(*told)
        change()
        return found

    monkeypatch.setattr(admission, after, then_change)


def grow(file):
    with file.open("ab") as opened:
        opened.write(b"\0" * 4096)


def shrink(file):
    os.truncate(file, 2000)


def spoil(file):
    with file.open("r+b") as opened:
        opened.seek(-4, os.SEEK_END)
        opened.write(b"\xff\xff\xff\xff")


@pytest.mark.parametrize("step", ["read_header", "match_tensors", "check_forms", "judge_values"])
@pytest.mark.parametrize("change", [grow, shrink])
def test_a_file_that_changes_its_size_while_it_is_read_is_refused(
    folder, monkeypatch, step, change
):
    meanwhile(monkeypatch, step, lambda: change(folder / NAMES[1]))
    assert verdict(folder) == "adapter.layout"


def test_a_value_that_is_spoilt_after_it_was_judged_does_not_come_in(folder, monkeypatch):
    entries = iter(range(6))

    def spoil_at_the_last():
        if next(entries) == 5:
            spoil(folder / NAMES[1])

    meanwhile(monkeypatch, "judge_values", spoil_at_the_last)
    assert verdict(folder) == "adapter.value_not_finite"


def test_a_name_that_is_given_to_another_file_does_not_matter(folder, monkeypatch):
    honest = admit_folder(folder, TASK)
    (folder.parent / "other").write_bytes(makers.safetensors(makers.tensors(scale=0.1)))
    meanwhile(
        monkeypatch, "read_header", lambda: (folder.parent / "other").replace(folder / NAMES[1])
    )
    assert admit_folder(folder, TASK) == honest
