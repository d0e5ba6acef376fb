"""`make bench-evaluator`: the ways to score an adapter, side by side, in one run.

    python -m tests.bench.scale [--short TOKENS] [--long TOKENS] [--texts N] [--rounds N]
                                [--only PART ...] [--out DIR]

Writes evaluator.json and evaluator.md after each part; a part that is not asked for keeps its
figures. Exit status 1 when the paths disagree on a score, or when answers have other bits under
another plan. Everything is processor time of one thread. Alone on two cores all parts take about a
quarter of an hour.
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
from evaluator.bases.shapes import CLS
from evaluator.engine.model import Adapted
from evaluator.intake import admit_folder
from evaluator.score.scoring import load_base
from evaluator.task.manifest import to_bytes
from tests.bench.scale import build, memory, paths, report
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
    faults = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        os.environ["ASSAY_BASES"] = str(Path(folder) / "store")  # noqa: TID251 - a store of its own
        for part in asked.only:
            (Path(folder) / part).mkdir()
            before = os.getloadavg()[0]
            told = PARTS[part](Path(folder) / part, asked)
            faults += told.faults
            loads = (before, os.getloadavg()[0])
            report.write(asked.out, part, told.figures, (_asked_words(), loads))
    sys.stdout.write("".join(f"FAULT {fault}\n" for fault in faults))
    sys.exit(1 if faults else 0)


def _small_decoder(work: Path, asked: argparse.Namespace) -> Told:
    """34 million parameters, beside the harness too; and the long set."""
    parts = build.decoder(work / "made", "bench-llama", build.SMALL)
    short = build.task(*parts, build.documents(asked.short))
    told = _decoder(short, work, asked.rounds, has_harness=True)
    told.figures["two_slots_mb"] = memory.slots_mb(short)
    if asked.long:
        _long(build.task(*parts, build.documents(asked.long)), work, told)
    return told


def _large_decoder(work: Path, asked: argparse.Namespace) -> Told:
    """135 million parameters, on a quarter of the tokens."""
    parts = build.decoder(work / "made", "bench-llama-135m", build.LARGE)
    return _decoder(
        build.task(*parts, build.documents(asked.short // 4)), work, asked.rounds, has_harness=False
    )


def _small_encoder(work: Path, asked: argparse.Namespace) -> Told:
    return _encoder(build.encoder(work, public=asked.texts), work, asked.rounds)


def _large_encoder(work: Path, asked: argparse.Namespace) -> Told:
    """RoBERTa's widths, on a quarter of the texts."""
    base, public = build.large_encoder(work / "made"), max(2, asked.texts // 4)
    return _encoder(build.encoder(work, base, steps=2, public=public), work, asked.rounds)


PARTS = {
    "decoder": _small_decoder,
    "encoder": _small_encoder,
    "decoder_135m": _large_decoder,
    "encoder_125m": _large_encoder,
}


def _decoder(bench: Bench, work: Path, rounds: int, *, has_harness: bool) -> Told:
    """All paths over the short set, in turn; overhead and swap."""
    _say(f"{bench.base.name}, {bench.prepared.manifest.test.public.tokens} tokens")
    told = Told({}, [])
    with Sandbox(folder_of(bench.base)) as sandbox:
        naive, harness, by_length, ours, peaks = [], [], [], [], [paths.peak()]
        paths.ours(bench, sandbox)
        for number in range(rounds):
            naive.append(paths.naive(bench, _made(work, f"naive-{number}")))
            by_length.append(paths.naive(bench, _made(work, f"sorted-{number}"), is_sorted=True))
            if has_harness:
                harness.append(paths.harness(bench, _made(work, f"harness-{number}")))
            ours.append(paths.ours(bench, sandbox))
            peaks.append(paths.peak())
            _say(f"  round {number + 1} of {rounds}: naive {naive[-1].cpu_s:.1f} s, sorted "
                 f"{by_length[-1].evaluation_cpu_s:.1f} s, ours {ours[-1][0].cpu_s:.1f} s"
                 )  # fmt: skip
        _compare(told, "nats", naive[0].values, ours[0][0].values)
        _compare(told, "sorted nats", by_length[0].values, ours[0][0].values)
        told.faults += _other_plans(bench, sandbox, ours[0][0])
    for one, figure in harness[:1]:
        _compare(told, "harness", [figure], [ours[0][1] / 1e9])
        _compare(told, "harness nats", one.values, ours[0][0].values)
    if harness:
        pairs = zip(harness, ours, strict=True)
        told.figures |= {
            "lm_eval_cpu_s": _least([one for one, _ in harness]).cpu_s,
            "vs_lm_eval": median(one.cpu_s / own.cpu_s for (one, _), (own, _) in pairs),
            "lm_eval_peak_mb": max(one.peak_bytes for one, _ in harness) / 1e6,
        }
    told.figures["peak_gflops"] = max(peaks)
    told.figures |= _sides(bench, naive, by_length, ours) | _overhead(bench, rounds)
    told.figures["peak_fraction"] = _fraction(bench, [one for one, _ in ours], max(peaks))
    return told


def _fraction(bench: Bench, ours: list[Measured], peak: float) -> float:
    return paths.operations(bench) / min(one.evaluation_cpu_s for one in ours) / peak


def _long(bench: Bench, work: Path, told: Told) -> None:
    """The evaluation alone over the long set, and how near to the peak it comes."""
    _say(f"decoder, {bench.prepared.manifest.test.public.tokens} tokens, evaluation only")
    with Sandbox(folder_of(bench.base)) as sandbox:
        before = paths.peak()
        ours, _ = paths.ours(bench, sandbox)
        middle = paths.peak()
        naive = paths.naive(bench, _made(work, "naive-long"))
        _compare(told, "long nats", naive.values, ours.values)
    peak = median([before, middle, paths.peak()])
    told.figures |= {
        "long_tokens": bench.prepared.manifest.test.public.tokens,
        "eval_only_vs_naive": naive.evaluation_cpu_s / ours.evaluation_cpu_s,
        "peak_fraction": paths.operations(bench) / ours.evaluation_cpu_s / peak,
        "naive_peak_fraction": paths.operations(bench) / naive.evaluation_cpu_s / peak,
    }


def _encoder(bench: Bench, work: Path, rounds: int) -> Told:
    """The MiniLM task: the harness has no classification by an encoder, so it is absent here."""
    _say(f"{bench.base.name}, {bench.prepared.manifest.test.public.tokens} tokens")
    told = Told({}, [])
    with Sandbox(folder_of(bench.base)) as sandbox:
        naive, by_length, ours, peaks = [], [], [], [paths.peak()]
        paths.ours(bench, sandbox)
        for number in range(rounds):
            naive.append(paths.naive(bench, _made(work, f"encoder-{number}")))
            by_length.append(paths.naive(bench, _made(work, f"by-{number}"), is_sorted=True))
            ours.append(paths.ours(bench, sandbox))
            peaks.append(paths.peak())
        _compare(told, "classes", naive[0].values, ours[0][0].values)
        told.faults += _other_plans(bench, sandbox, ours[0][0])
    told.figures |= {
        "accuracy": ours[0][1] / 1e9,
        "eval_only_vs_naive": median(
            a.evaluation_cpu_s / b.evaluation_cpu_s for a, (b, _) in zip(naive, ours, strict=True)
        ),
        "peak_gflops": max(peaks),
        "peak_fraction": _fraction(bench, [one for one, _ in ours], max(peaks)),
    }
    told.figures |= _sides(bench, naive, by_length, ours) | _overhead(bench, rounds)
    return told


def _sides(
    bench: Bench,
    naive: list[Measured],
    by_length: list[Measured],
    ours: list[tuple[Measured, int]],
) -> dict[str, float]:
    """The figures that both bases have."""
    pairs = zip(naive, by_length, ours, strict=True)
    wall_s, cpu_s = paths.cold_ready(bench)
    ratios = [(a.cpu_s / own.cpu_s, b.evaluation_cpu_s / own.cpu_s) for a, b, (own, _) in pairs]
    return {
        "tokens": bench.prepared.manifest.test.public.tokens,
        "naive_cpu_s": _least(naive).cpu_s,
        "sorted_peft_cpu_s": min(one.evaluation_cpu_s for one in by_length),
        "ours_cpu_s": _least([one for one, _ in ours]).cpu_s,
        "vs_naive": median(one for one, _ in ratios),
        "vs_sorted_peft": median(one for _, one in ratios),
        "cold_ready_s": wall_s,
        "cold_ready_cpu_s": cpu_s,
        "naive_peak_mb": max(one.peak_bytes for one in naive) / 1e6,
        "ours_peak_mb": max(one.peak_bytes for one, _ in ours) / 1e6,
        "adapter_swap_cpu_s": _swap(bench),
    }


def _overhead(bench: Bench, rounds: int) -> dict[str, float]:
    adapter = admit_folder(bench.adapter, bench.prepared.manifest).canonical
    raw = to_bytes(bench.prepared.manifest)
    job = Job(adapter, bench.prepared.public_inputs, raw, result_bytes=8 << 20)
    found = measure_overhead(folder_of(bench.base), [job], rounds=2 * rounds)
    return {
        "sandbox_over_plain": found.sandbox_over_plain,
        "child_ready_s": found.child_ready_s,
    }


def _swap(bench: Bench) -> float:
    """What one adapter more costs: the run over one text of two tokens, less that of the base."""
    manifest = bench.prepared.manifest
    adapter = admit_folder(bench.adapter, manifest).canonical
    base, head, spent = load_base(folder_of(bench.base)), manifest.adapter.head, []
    for _ in range(SWAPS):
        both = []
        for blob in (adapter, None):
            begun_s = time.process_time()
            Adapted(base, blob, head).pooled([[1, 2]], CLS)
            both.append(time.process_time() - begun_s)
        spent.append(both[0] - both[1])
    return median(spent)


def _other_plans(bench: Bench, sandbox: Sandbox, found: Measured) -> list[str]:
    """The answers under other batches: the same to the last bit, or a fault."""
    faults = []
    for budget in OTHER_PLANS:
        manifest = bench.prepared.manifest
        other = replace(manifest, plan=replace(manifest.plan, budget_tokens=budget))
        adapter = admit_folder(bench.adapter, manifest).canonical
        inputs = bench.prepared.public_inputs
        outcome = sandbox.run(Job(adapter, inputs, to_bytes(other), result_bytes=8 << 20))
        assert outcome.status is Status.OK, outcome
        unit = 1 if bench.is_encoder else 2**32
        if tuple(one[0] / unit for one in outcome.predictions or ()) != found.values:
            faults.append(f"{bench.base.name}: other bits under a plan of {budget} tokens")
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


def _asked_words() -> str:
    """The command's words without where it writes, which is of one machine."""
    told = sys.argv[1:]
    if "--out" in told:
        place = told.index("--out")
        del told[place : place + 2]
    return " ".join(told)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=5_400)
    parser.add_argument("--long", type=int, default=60_000, help="0: leave it out")
    parser.add_argument("--texts", type=int, default=60, help="of each class, for encoders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
