"""A miner's files meet our own code only: no foreign reader is even loaded where they are judged.

The child processes end with status 3 at the first forbidden event, whoever causes it.
"""

import os
import subprocess
import sys
import textwrap

import pytest

from assay.canonical import sha256_hex
from evaluator.blob import MAGIC
from evaluator.intake import admit
from evaluator.task.manifest import to_bytes
from tests.evaluator import makers
from tests.hostile.hostile_adapters import ALL

TASK = makers.manifest()
GUARD = """
    import os, sys

    READERS = {"peft", "safetensors", "transformers", "torch", "accelerate"}
    NEVER = ("pickle.", "socket.", "subprocess.", "os.exec", "os.system", "os.fork", "ctypes.")
    is_judging = False

    def guard(event, told):
        is_reader = event == "import" and told[0].partition(".")[0] in READERS
        if is_reader or (is_judging and (event in ("import", "exec") or event.startswith(NEVER))):
            os.write(2, f"{event} {told!r:.300}".encode())
            os._exit(3)

    sys.addaudithook(guard)
"""
INTAKE = """
    from pathlib import Path
    from evaluator.errors import AdapterRefused
    from evaluator.intake import admit_folder
    from evaluator.task.manifest import read_manifest

    manifest = read_manifest(Path(sys.argv[1]).read_bytes())
    admit_folder(Path(sys.argv[2]), manifest)  # codecs are loaded when they are first used
    is_judging = True
    for folder in sys.argv[2:]:
        try:
            print(admit_folder(Path(folder), manifest).sha256)
        except AdapterRefused as refusal:
            print(refusal.code)
"""
WORKER = """
    import django
    django.setup()
    from competitions.queries import Ticket
    from evaluator.task.manifest import read_manifest
    from ledger import blobs
    from pathlib import Path
    from workers import scoring, tasks

    folder = Path(sys.argv[2])
    raws = {name: (folder / f"adapter_{name}").read_bytes()
            for name in ("config.json", "model.safetensors")}
    named = {name: blobs.put([raw], limit_bytes=len(raw)).sha256 for name, raw in raws.items()}
    ticket = Ticket(*["x"] * len(Ticket._fields))._replace(
        config_sha256=named["config.json"], tensors_sha256=named["model.safetensors"],
        adapter_sha256="")
    manifest = read_manifest(Path(sys.argv[1]).read_bytes())
    sys.stdout.buffer.write(scoring._adapter(ticket, manifest))
    assert not READERS & set(sys.modules)
"""


@pytest.fixture
def guarded(tmp_path, house):
    """Run code under the guard, with the manifest and folders of adapters as its arguments."""

    def run(body, adapters):
        manifest = tmp_path / "manifest.json"
        manifest.write_bytes(to_bytes(TASK))
        folders = [tmp_path / f"{number}" for number in range(len(adapters))]
        for folder, (config, tensors) in zip(folders, adapters, strict=True):
            folder.mkdir()
            (folder / "adapter_config.json").write_bytes(config)
            (folder / "adapter_model.safetensors").write_bytes(tensors)
        words = textwrap.dedent(GUARD) + textwrap.dedent(body)
        return subprocess.run(
            [sys.executable, "-c", words, manifest, *folders],
            capture_output=True,
            check=False,
            timeout=1500,
            cwd=house,
            env={**os.environ, "ASSAY_DATA": str(tmp_path)},  # noqa: TID251 - for a child process
        )

    return run


def test_the_intake_loads_no_foreign_reader_for_any_adapter(guarded):
    honest = makers.adapter()
    done = guarded(INTAKE, [honest, *((case.config, case.tensors) for case in ALL.values())])
    assert done.returncode == 0, done.stderr
    wanted = [f"adapter.{case.code}" for case in ALL.values()]
    assert done.stdout.decode().split() == [admit(*honest, TASK).sha256, *wanted]


def test_a_worker_makes_the_canonical_blob_without_a_foreign_reader(guarded):
    honest = makers.adapter()
    done = guarded(WORKER, [honest])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(MAGIC)
    assert sha256_hex(done.stdout) == admit(*honest, TASK).sha256


@pytest.mark.parametrize(
    "planted",
    ["import safetensors", "from peft import LoraConfig", "is_judging = True; import decimal"],
)
def test_the_guard_notices(guarded, planted):
    done = guarded(planted, [])
    assert done.returncode == 3
    assert b"import" in done.stderr
