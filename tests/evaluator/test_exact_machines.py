"""The same bits in fresh processes whose libraries compute in another way, and after a fork."""

import os
import subprocess
import sys
import textwrap
from functools import cache

import pytest
import torch

from evaluator.bases import MINILM, folder_of
from tests.conftest import DATA

# MiniLM on a few texts by two plans, and the known answer, before and after a fork.
PROGRAM = """
    import hashlib, os, sys
    from pathlib import Path
    import torch
    from assay.canonical import digest
    from evaluator.bases import MINILM
    from evaluator.exact.bert import ExactEncoder
    from evaluator.exact.known import answers
    from evaluator.scoring import load_base

    folder, threads, has_onednn = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "onednn"
    torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = has_onednn
    weights = load_base(folder).tensors
    torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = has_onednn
    text = hashlib.shake_256(b"text").digest(400)
    ids = [[101, *(2000 + one for one in text[:length]), 102] for length in (40, 3, 140, 9, 9)]

    def found():
        net = ExactEncoder(weights, MINILM.shape)
        alone = [net.pooled([one])[0].tolist() for one in ids[:int(sys.argv[4])]]
        together = net.pooled(ids).tolist()
        assert together[:len(alone)] == alone, "another plan, other bits"
        exact = [[value.hex() for value in row] for row in together]
        fast = hashlib.sha256((weights["bert.encoder.layer.0.output.dense.weight"]
            @ weights["bert.encoder.layer.0.intermediate.dense.weight"]).numpy().tobytes())
        return digest({"known": answers(), "minilm": exact}), fast.hexdigest()

    print(torch.backends.cpu.get_cpu_capability(), *found(), flush=True)
    if threads == 1:
        pid = os.fork()
        if pid == 0:
            print("forked", *found(), flush=True)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
"""
# (ATen's instructions, MKL's, threads, oneDNN, texts that are also computed alone)
PLAIN = (None, None, 2, "onednn", 0)
OTHERS = {
    "one thread, no oneDNN, another plan": (None, None, 1, "none", 5),
    "plain instructions, compatible MKL": ("default", "COMPATIBLE", 1, "none", 0),
    "AVX2 in both": ("avx2", "AVX2", 2, "none", 2),
    "AVX-512, compatible MKL": ("avx512", "COMPATIBLE", 2, "onednn", 0),
}


@cache
def run(machine):
    """(capability, exact digest, fp32 digest) of each line that such a process prints."""
    aten, mkl, threads, onednn, alone = machine
    kept = {name: os.environ[name] for name in ("PATH", "ASSAY_BASES") if name in os.environ}  # noqa: TID251 - a child process
    chosen = {"ATEN_CPU_CAPABILITY": aten, "MKL_CBWR": mkl, "ASSAY_DATA": str(DATA)}
    environment = kept | {name: value for name, value in chosen.items() if value is not None}
    arguments = [str(folder_of(MINILM, is_verified=False)), str(threads), onednn, str(alone)]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(line.split()[-3:]) for line in done.stdout.splitlines() if len(line) > 100]


@pytest.fixture(scope="module")
def plain():
    (found,) = run(PLAIN)
    return found


@pytest.mark.parametrize("name", OTHERS)
def test_another_way_to_compute_gives_the_same_bits(plain, name):
    machine = OTHERS[name]
    best = torch.backends.cpu.get_cpu_capability()
    order = ["DEFAULT", "AVX2", "AVX512"]
    wanted = (machine[0] or best).upper()
    if order.index(wanted) > order.index(best):
        pytest.skip(f"this processor has no {wanted}: the exact mode was not tried with it")
    found = run(machine)
    assert found[0][0] == wanted
    assert len(found) == (2 if machine[2] == 1 else 1)
    assert {exact for _, exact, _ in found} == {plain[1]}


def test_ordinary_products_do_differ_between_these_ways(plain):
    (_, exact, fast), _ = run(OTHERS["plain instructions, compatible MKL"])
    assert exact == plain[1]
    assert fast != plain[2]
