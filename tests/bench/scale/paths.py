"""The ways to score an adapter, each measured in processor seconds with all its children."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.bases import folder_of
from evaluator.engine.library import library
from evaluator.engine.tensors import floats_of
from evaluator.evaluators.form import Context
from evaluator.intake import admit_folder
from evaluator.score.judging import judge
from evaluator.task.manifest import to_bytes
from evaluator.task.slices import unpack_inputs, unpack_labels
from evaluator.task.tokens import tokens_of
from tests.bench.scale.build import LONGEST, Bench
from workers.sandbox.protocol import Status
from workers.sandbox.runner import Job, Sandbox

ROOT = Path(__file__).resolve().parents[3]
BATCH = {False: 8, True: 32}  # of decoders, of encoders
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
PEAK_TURNS, PEAK_TRIES = 20_000_000, 4


@dataclass(frozen=True)
class Measured:
    """One path over one task.

    cpu_s       processor time of everything that one adapter costs
    evaluation_cpu_s  of the evaluation alone, where it can be told
    peak_bytes  most memory that one process had
    values      per example: nats of the whole text, or the class
    """

    cpu_s: float
    evaluation_cpu_s: float
    peak_bytes: int
    values: tuple[float, ...]


def naive(bench: Bench, work: Path, *, is_sorted: bool = False) -> Measured:
    """A fresh process with transformers and peft; sorted: merged weights, batches by length."""
    inputs = unpack_inputs(bench.prepared.public_inputs)
    ids = [list(rows[0].ids) for rows in inputs.examples]
    (work / "ids.json").write_text(json.dumps(ids))
    is_encoder = bench.is_encoder
    base = folder_of(bench.base, is_verified=False) if is_encoder else bench.folder
    told = [str(base), str(bench.adapter), str(work / "ids.json")]
    told += ["sorted" if is_sorted else str(BATCH[is_encoder]), str(work / "naive.json")]
    if is_encoder:
        (work / "manifest.json").write_bytes(to_bytes(bench.prepared.manifest))
        told += ["--encoder", str(work / "manifest.json")]
    cpu_s, peak_bytes = _spent([sys.executable, "-m", "tests.bench.scale.naive", *told], work)
    found = json.loads((work / "naive.json").read_text())
    return Measured(cpu_s, found["evaluation_cpu_s"], peak_bytes, tuple(found["found"]))


def harness(bench: Bench, work: Path) -> tuple[Measured, float]:
    """lm-evaluation-harness with its own hf+peft model, offline; and its bits per byte."""
    rows = "".join(json.dumps({"text": one["text"]}) + "\n" for one in bench.samples)
    (work / "docs.jsonl").write_text(rows)
    (work / "tasks").mkdir(exist_ok=True)
    (work / "tasks" / "bench.yaml").write_text(
        "task: assay_bench\n"
        "dataset_path: json\n"
        f"dataset_kwargs: {{data_files: {{test: '{work / 'docs.jsonl'}'}}}}\n"
        "test_split: test\n"
        "output_type: loglikelihood_rolling\n"
        "doc_to_text: ''\n"
        "doc_to_target: '{{text}}'\n"
        "metric_list: [{metric: bits_per_byte}]\n"
    )
    model = f"pretrained={bench.folder},peft={bench.adapter},dtype=float32,max_length={LONGEST}"
    model += ",add_bos_token=False"  # it stands before every document already, as the prefix
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args", model]
    command += ["--tasks", "assay_bench", "--include_path", str(work / "tasks"), "--device", "cpu"]
    command += ["--batch_size", str(BATCH[False]), "--log_samples", "--output_path", str(work)]
    cpu_s, peak_bytes = _spent(command, work)
    samples = next(work.rglob("samples_assay_bench*.jsonl")).read_text().splitlines()
    nats = sorted((one["doc_id"], -_rolled(one)) for one in map(json.loads, samples))
    results = json.loads(next(work.rglob("results_*.json")).read_text())
    figure = results["results"]["assay_bench"]["bits_per_byte,none"]
    return Measured(cpu_s, 0.0, peak_bytes, tuple(value for _, value in nats)), float(figure)


def ours(bench: Bench, sandbox: Sandbox) -> tuple[Measured, int]:
    """Intake, sandbox, judgement: all that one submission costs a warm worker; and its score."""
    begun_s, manifest = time.process_time(), bench.prepared.manifest
    admitted = admit_folder(bench.adapter, manifest).canonical
    inputs, raw = bench.prepared.public_inputs, to_bytes(manifest)
    job = Job(admitted, inputs, raw, 1200.0, 1200.0, 4 << 30, 8 << 20)
    outcome = sandbox.run(job)
    assert outcome.status is Status.OK, outcome
    assert outcome.predictions is not None
    folder = folder_of(bench.base, is_verified=False)
    tokens = tokens_of(folder, max_tokens=manifest.tokenizer.max_tokens)
    context = Context(manifest.test.public.units, manifest.metric.options, tokens)
    labels = unpack_labels(bench.prepared.public_labels)
    judged = judge(outcome.predictions, labels, unpack_inputs(inputs), manifest, context)
    spent_s = time.process_time() - begun_s + outcome.cpu_s + outcome.chain_s
    unit = 1 if bench.is_encoder else 2**32
    values = tuple(one[0] / unit for one in outcome.predictions)
    return Measured(spent_s, outcome.cpu_s, outcome.peak_bytes, values), judged.score_e9


def peak() -> float:
    """Best of several runs of fmaf in registers alone: 10^9 operations per processor second."""
    best, sink = 0.0, floats_of([1.0, 0.5])
    for _ in range(PEAK_TRIES):
        begun_s = time.process_time()
        done = library().engine_peak(PEAK_TURNS, sink.address)
        best = max(best, done / (time.process_time() - begun_s))
    return best


def cold_ready(bench: Bench) -> tuple[float, float]:
    """Wall and processor seconds of a fresh process up to a base that is ready; least of three."""
    folder = str(folder_of(bench.base, is_verified=False))
    told = "import sys, pathlib; from evaluator.score.scoring import load_base; "
    command = [sys.executable, "-c", told + "load_base(pathlib.Path(sys.argv[1]))", folder]
    found = []
    for _ in range(3):
        begun_s = time.monotonic()
        with tempfile.TemporaryDirectory() as work:
            cpu_s, _ = _spent(command, Path(work))
        found.append((time.monotonic() - begun_s, cpu_s))
    return min(found)


def operations(bench: Bench) -> float:
    """Floating-point operations that the task needs, in 10^9: the products, attention included.

    Two per weight and real token; causal attention reads half of the square. Norms, activations,
    positions and padding are not counted: they are what the fraction of the peak pays for.
    """
    inputs = unpack_inputs(bench.prepared.public_inputs)
    lengths = [len(rows[0].ids) for rows in inputs.examples]
    shape = bench.base.shape
    weights = sum(rows * columns for rows, columns in bench.base.targets.values())
    is_encoder = bench.is_encoder
    head = 0 if is_encoder else shape.vocabulary * shape.hidden
    scored = sum(lengths) - len(lengths)
    attention = shape.layers * shape.hidden * sum(length * length for length in lengths)
    attention *= 4 if is_encoder else 2
    return (2 * weights * sum(lengths) + 2 * head * scored + attention) / 1e9


def _spent(command: Sequence[str], work: Path) -> tuple[float, int]:
    """Run a command to its end: its processor seconds with its children, and its peak memory."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "ASSAY_BASES")}  # noqa: TID251
    environment = kept | ONE_THREAD | OFFLINE | {"PYTHONPATH": str(ROOT), "TMPDIR": str(work)}
    environment |= {"HF_HOME": str(work / "hf")}
    with (work / "said.txt").open("wb") as said:
        actions = [(os.POSIX_SPAWN_DUP2, said.fileno(), number) for number in (1, 2)]
        pid = os.posix_spawn(command[0], command, environment, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError((work / "said.txt").read_text()[-2000:])
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def _rolled(sample: dict) -> float:
    """The log-likelihood of a document in the harness's own samples file."""
    value = sample["filtered_resps"]
    while isinstance(value, list):
        value = value[0]
    return float(value)
