"""`make bench-evaluator`: the three ways to score an adapter, side by side, in one run.

    python -m tests.bench.scale [--short TOKENS] [--long TOKENS] [--rounds N] [--out DIR]

Writes evaluator.json and evaluator.md. Exit status 1 when the paths disagree on a score, or when
the exact mode gives other bits under another plan. Everything is processor time of one thread.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import transformers

from evaluator.bases import folder_of
from evaluator.generic.merge import merged
from evaluator.intake import admit_folder
from evaluator.manifest import to_bytes
from evaluator.scoring import load_base
from tests.bench.scale import build, paths, report
from tests.bench.scale.build import Bench
from tests.bench.scale.paths import Measured
from workers.sandbox.measure import measure_overhead
from workers.sandbox.protocol import Status
from workers.sandbox.runner import Job, Sandbox

NEAR = 1e-4  # of a score; the paths round differently, and must agree to this
OTHER_PLANS = (256, 4096)
SWAPS = 9


@dataclass
class Told:
    """What was found: figures by name, and what must not be."""

    figures: dict[str, float]
    faults: list[str]


def main() -> None:
    asked = _arguments()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        work = Path(folder)
        os.environ["ASSAY_BASES"] = str(work / "store")  # noqa: TID251 - a store of its own
        parts = build.decoder(work)
        short = build.task(*parts, build.documents(asked.short))
        llama = _decoder(short, work, asked.rounds)
        _long(build.task(*parts, build.documents(asked.long)), work, llama)
        bert = _encoder(build.encoder(work), work, asked.rounds)
    report.write(asked.out, llama.figures, bert.figures, " ".join(sys.argv[1:]))
    faults = llama.faults + bert.faults
    sys.stdout.write("".join(f"FAULT {fault}\n" for fault in faults))
    sys.exit(1 if faults else 0)


def _decoder(bench: Bench, work: Path, rounds: int) -> Told:
    """All paths over the short set, in turn; exactness, overhead and swap."""
    _say(f"decoder, {bench.prepared.manifest.test.public.tokens} tokens")
    told = Told({}, [])
    with Sandbox(folder_of(bench.base)) as sandbox:
        naive, harness, fast, exact, peaks = [], [], [], [], [paths.gemm_peak()]
        paths.ours(bench, sandbox)
        for number in range(rounds):
            naive.append(paths.naive(bench, _made(work, f"naive-{number}")))
            one, figure = paths.harness(bench, _made(work, f"harness-{number}"))
            harness.append(one)
            fast.append(paths.ours(bench, sandbox))
            exact.append(paths.ours(bench, sandbox, "exact"))
            peaks.append(paths.gemm_peak())
            _say(f"  round {number + 1} of {rounds}: naive {naive[-1].cpu_s:.1f} s, harness "
                 f"{one.cpu_s:.1f} s, ours {fast[-1][0].cpu_s:.1f} s, exact "
                 f"{exact[-1][0].cpu_s:.1f} s")  # fmt: skip
        _compare(told, "nats", naive[0].values, fast[0][0].values)
        _compare(told, "harness", [figure], [fast[0][1] / 1e9])
        _compare(told, "harness nats", harness[0].values, fast[0][0].values)
        _compare(told, "exact", naive[0].values, exact[0][0].values)
        told.faults += _other_plans(bench, sandbox, exact[0][0])
    ours = _least([one for one, _ in fast])
    told.figures |= {
        "tokens": bench.prepared.manifest.test.public.tokens,
        "naive_cpu_s": _least(naive).cpu_s,
        "lm_eval_cpu_s": _least(harness).cpu_s,
        "ours_cpu_s": ours.cpu_s,
        "exact_cpu_s": _least([one for one, _ in exact]).cpu_s,
        "vs_naive": median(a.cpu_s / b.cpu_s for a, (b, _) in zip(naive, fast, strict=True)),
        "vs_lm_eval": median(a.cpu_s / b.cpu_s for a, (b, _) in zip(harness, fast, strict=True)),
        "exact_over_fast": median(
            a.evaluation_cpu_s / b.evaluation_cpu_s
            for (a, _), (b, _) in zip(exact, fast, strict=True)
        ),
        "gemm_peak_gflops": max(peaks),
        "naive_peak_mb": max(one.peak_bytes for one in naive) / 1e6,
        "lm_eval_peak_mb": max(one.peak_bytes for one in harness) / 1e6,
        "ours_peak_mb": max(one.peak_bytes for one, _ in fast) / 1e6,
        "exact_peak_mb": max(one.peak_bytes for one, _ in exact) / 1e6,
    }
    told.figures |= _overhead(bench, rounds) | _swap(bench)
    return told


def _long(bench: Bench, work: Path, told: Told) -> None:
    """The evaluation alone over the long set, and how near to the peak it comes."""
    _say(f"decoder, {bench.prepared.manifest.test.public.tokens} tokens, evaluation only")
    with Sandbox(folder_of(bench.base)) as sandbox:
        before = paths.gemm_peak()
        ours, _ = paths.ours(bench, sandbox)
        middle = paths.gemm_peak()
        naive = paths.naive(bench, _made(work, "naive-long"))
        _compare(told, "long nats", naive.values, ours.values)
    peak = median([before, middle, paths.gemm_peak()])
    told.figures |= {
        "long_tokens": bench.prepared.manifest.test.public.tokens,
        "eval_only_vs_naive": naive.evaluation_cpu_s / ours.evaluation_cpu_s,
        "gemm_peak_fraction": paths.operations(bench) / ours.evaluation_cpu_s / peak,
        "naive_gemm_peak_fraction": paths.operations(bench) / naive.evaluation_cpu_s / peak,
    }


def _encoder(bench: Bench, work: Path, rounds: int) -> Told:
    """The MiniLM task: the harness has no classification by an encoder, so it is absent here."""
    _say(f"encoder, {bench.prepared.manifest.test.public.tokens} tokens")
    told = Told({}, [])
    with Sandbox(folder_of(bench.base)) as sandbox:
        naive, fast, exact = [], [], []
        paths.ours(bench, sandbox)
        for number in range(rounds):
            naive.append(paths.naive(bench, _made(work, f"encoder-{number}")))
            fast.append(paths.ours(bench, sandbox))
            exact.append(paths.ours(bench, sandbox, "exact"))
        _compare(told, "classes", naive[0].values, fast[0][0].values)
        _compare(told, "exact classes", naive[0].values, exact[0][0].values)
        told.faults += _other_plans(bench, sandbox, exact[0][0])
    ours = _least([one for one, _ in fast])
    peak = paths.gemm_peak()
    told.figures |= {
        "tokens": bench.prepared.manifest.test.public.tokens,
        "accuracy": fast[0][1] / 1e9,
        "naive_cpu_s": _least(naive).cpu_s,
        "ours_cpu_s": ours.cpu_s,
        "vs_naive": median(a.cpu_s / b.cpu_s for a, (b, _) in zip(naive, fast, strict=True)),
        "eval_only_vs_naive": median(
            a.evaluation_cpu_s / b.evaluation_cpu_s for a, (b, _) in zip(naive, fast, strict=True)
        ),
        "exact_over_fast": median(
            a.evaluation_cpu_s / b.evaluation_cpu_s
            for (a, _), (b, _) in zip(exact, fast, strict=True)
        ),
        "gemm_peak_fraction": paths.operations(bench) / ours.evaluation_cpu_s / peak,
        "naive_peak_mb": max(one.peak_bytes for one in naive) / 1e6,
        "ours_peak_mb": max(one.peak_bytes for one, _ in fast) / 1e6,
    }
    told.figures |= _overhead(bench, rounds) | _swap(bench)
    return told


def _overhead(bench: Bench, rounds: int) -> dict[str, float]:
    adapter = admit_folder(bench.adapter, bench.prepared.manifest).canonical
    raw = to_bytes(bench.prepared.manifest)
    job = Job(adapter, bench.prepared.public_inputs, raw, result_bytes=8 << 20)
    found = measure_overhead(folder_of(bench.base), [job], rounds=2 * rounds)
    return {
        "sandbox_over_plain": found.sandbox_over_plain,
        "child_ready_s": found.child_ready_s,
    }


def _swap(bench: Bench) -> dict[str, float]:
    """The merge of one adapter; dropping it costs nothing, as the base is never written to."""
    adapter = admit_folder(bench.adapter, bench.prepared.manifest).canonical
    head, spent = bench.prepared.manifest.adapter.head, []
    base = load_base(folder_of(bench.base)).tensors
    for _ in range(SWAPS):
        begun_s = time.process_time()
        merged(base, adapter, head)
        spent.append(time.process_time() - begun_s)
    return {"adapter_swap_cpu_s": median(spent)}


def _other_plans(bench: Bench, sandbox: Sandbox, exact: Measured) -> list[str]:
    """The exact answers under other batches: the same to the last bit, or a fault."""
    faults = []
    for budget in OTHER_PLANS:
        manifest = bench.prepared.manifest
        other = replace(manifest, plan=replace(manifest.plan, budget_tokens=budget))
        adapter = admit_folder(bench.adapter, manifest).canonical
        job = Job(
            adapter, bench.prepared.public_inputs, to_bytes(other), mode="exact",
            result_bytes=8 << 20,
        )  # fmt: skip
        outcome = sandbox.run(job)
        assert outcome.status is Status.OK, outcome
        unit = 1 if bench.base.family == "bert" else 2**32
        if tuple(one[0] / unit for one in outcome.predictions or ()) != exact.values:
            faults.append(f"{bench.base.name}: exact differs under a plan of {budget} tokens")
    return faults


def _compare(told: Told, what: str, wanted, found) -> None:
    """Scores and per-example values: equal to 1e-4, or a fault. The largest gap is a figure."""
    gap = max(
        abs(one - other) / max(1.0, abs(one)) for one, other in zip(wanted, found, strict=True)
    )
    told.figures[f"gap_{what.replace(' ', '_')}"] = gap
    if gap > NEAR:
        told.faults.append(f"{what}: the paths differ by {gap:.2e}")


def _least(found: list[Measured]) -> Measured:
    """The run that the rest of the machine disturbed least."""
    return min(found, key=lambda one: one.cpu_s)


def _made(work: Path, name: str) -> Path:
    (work / name).mkdir()
    return work / name


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=5_400)
    parser.add_argument("--long", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
