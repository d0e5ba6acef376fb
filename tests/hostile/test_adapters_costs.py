"""A verdict is cheap whatever comes: 50 ms of CPU time and 64 MB, in a process of its own.

Files whose first fault lies in the values cost time by their size as well, and no memory. A busy or
slow machine needs more time for the same work, so it is given ten times that here: what these files
cost where nothing judged them, a second to minutes, is still far beyond.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from evaluator.task.manifest import to_bytes
from tests.evaluator import makers
from tests.hostile.hostile_adapters import ALL, CONFIG, PREFIX, TENSORS

TASK = makers.manifest()
ROOMY = replace(TASK, adapter=replace(TASK.adapter, bytes_max=1 << 30))
RANK, WIDE = 400, {"wide.q_proj": (40_000, 1_000)}  # its B alone has 64 MB
WIDE_TASK = replace(ROOMY, adapter=replace(ROOMY.adapter, rank_max=RANK, targets=WIDE, head={}))
MOST_S, MOST_KIB = 0.500, 64_000
MOST_S_PER_MB = 0.010  # of values, when the fault is in the last of them


@pytest.fixture(scope="module")
def costs(tmp_path_factory, house):
    """Judge folders in one fresh process; folder name -> what it cost."""

    def run(task, folders):
        manifest = tmp_path_factory.mktemp("task") / "manifest.json"
        manifest.write_bytes(to_bytes(task))
        command = [sys.executable, "-m", "tests.hostile.adapter_costs", manifest, *folders]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=house, timeout=1500, check=False
        )
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return {each["folder"]: each for each in found}

    return run


@pytest.fixture
def place(tmp_path):
    """A folder for large files, which are gone afterwards."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def written(folder, config, tensors):
    folder.mkdir()
    (folder / "adapter_config.json").write_bytes(config)
    (folder / "adapter_model.safetensors").write_bytes(tensors)
    return folder


def test_every_hostile_adapter_is_refused_in_no_time_and_within_64_mb(costs, place):
    folders = [
        written(place / f"{number}", case.config, case.tensors)
        for number, case in enumerate(ALL.values())
    ]
    found = costs(TASK, folders)
    for number, (name, case) in enumerate(ALL.items()):
        cost = found[str(number)]
        assert cost["code"] == f"adapter.{case.code}", name
        assert cost["cpu_s"] <= MOST_S, (name, cost)
        assert cost["grown_kib"] <= MOST_KIB, (name, cost)


def a_million_tensors():
    """66 MB of header, which the library reads in 74 s."""
    one = '"t%06x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    return makers.with_header(
        b"{" + ",".join(one % number for number in range(1_120_000)).encode() + b"}"
    )


def metadata_of_93_mb():
    return makers.with_header(b'{"__metadata__":{"a":"' + b"x" * 93_000_000 + b'"}}')


def depth_of_70_mb():
    return makers.with_header(b"[" * 70_000_000)


def values_of_70_mb_beside_the_adapter():
    return TENSORS + b"\0" * 70_000_000


LARGE = {
    a_million_tensors: "adapter.header_size",
    metadata_of_93_mb: "adapter.header_size",
    depth_of_70_mb: "adapter.header_size",
    values_of_70_mb_beside_the_adapter: "adapter.layout",
}


@pytest.mark.parametrize("make", LARGE)
def test_a_large_hostile_file_within_its_limit_is_not_read_on_after_its_header(costs, place, make):
    folder = written(place / "large", CONFIG, make())
    assert 60_000_000 < (folder / "adapter_model.safetensors").stat().st_size < 100_000_000
    cost = costs(ROOMY, [folder])["large"]
    assert cost["code"] == LARGE[make]
    assert cost["cpu_s"] <= MOST_S, cost
    assert cost["grown_kib"] <= MOST_KIB, cost


def test_links_pipes_devices_and_sparse_files_cost_nothing(costs, place):
    def replaced(name, put):
        folder = written(place / name, CONFIG, TENSORS)
        file = folder / "adapter_model.safetensors"
        file.unlink()
        put(file)
        return folder

    def sparse(bytes_):
        return lambda file: (file.touch(), os.truncate(file, bytes_))

    crowded = written(place / "crowd", CONFIG, TENSORS)
    for number in range(5000):
        (crowded / f"{number}").touch()
    folders = [
        replaced("link", lambda file: file.symlink_to("/dev/zero")),
        replaced("pipe", os.mkfifo),
        replaced("sparse", sparse(1 << 29)),
        replaced("huge", sparse(1 << 40)),
        crowded,
    ]
    found = costs(ROOMY, folders)
    assert {name: cost["code"].removeprefix("adapter.") for name, cost in found.items()} == {
        "link": "file_kind",
        "pipe": "file_kind",
        "sparse": "json",
        "huge": "file_size",
        "crowd": "admitted",
    }
    assert max(cost["cpu_s"] for cost in found.values()) <= MOST_S
    assert max(cost["grown_kib"] for cost in found.values()) <= MOST_KIB


def honest_but_for(last):
    """66 MB that are an honest adapter of rank 400, but for the last value of the last tensor."""
    header, place = {}, 0
    for side, shape in (("A", (RANK, 1_000)), ("B", (40_000, RANK))):
        end = place + shape[0] * shape[1] * 4
        header[f"{PREFIX}wide.q_proj.lora_{side}.weight"] = {
            "dtype": "F32",
            "shape": list(shape),
            "data_offsets": [place, end],
        }
        place = end
    return makers.with_header(header, b"\0" * (place - 4) + struct.pack("<f", last))


def test_a_fault_in_the_last_value_costs_time_by_the_megabyte_and_no_memory(costs, place):
    config = makers.adapter(r=RANK, target_modules=["q_proj"], modules_to_save=None)[0]
    folders = [
        written(place / f"{last}", config, honest_but_for(last)) for last in (np.nan, 1e30, 0.0)
    ]
    size_mb = (folders[0] / "adapter_model.safetensors").stat().st_size / 1e6
    assert size_mb > 60
    found = costs(WIDE_TASK, folders)
    assert found["0.0"]["code"] == "admitted"
    assert found["0.0"]["grown_kib"] > MOST_KIB  # a large adapter does need its memory
    for name, code in (("nan", "value_not_finite"), ("1e+30", "value_too_large")):
        assert found[name]["code"] == f"adapter.{code}"
        assert found[name]["cpu_s"] <= MOST_S + MOST_S_PER_MB * size_mb, found[name]
        assert found[name]["grown_kib"] <= MOST_KIB, found[name]
