"""Where the figures go: evaluator.json for programs, evaluator.md for people."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("torch", "transformers", "peft", "lm-eval", "safetensors")
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")
TARGETS = {
    "vs_naive": ("a naive peft script, start-up included (encoder: 4.5)", "at least", 6.0),
    "vs_lm_eval": ("lm-evaluation-harness, hf + peft", "at least", 8.0),
    "vs_sorted_peft": ("merged weights and sorted batches in torch, warm", "at least", 1.3),
    "eval_only_vs_naive": ("the evaluation alone, long set", "at least", 2.8),
    "peak_fraction": ("of what registers alone reach here, long set", "at least", 0.8),
    "sandbox_over_plain": ("in the sandbox over outside of it, warm", "at most", 1.02),
    "child_ready_s": ("from the fork to the last lock, s", "at most", 0.15),
    "adapter_swap_cpu_s": ("one adapter laid over the base, CPU s", "at most", 0.05),
    "cold_ready_s": ("a fresh process up to a base that is ready, s", "at most", 0.5),
    "over_old_fast": ("the cost of one score over the old mode `fast`", "at most", 0.85),
    "two_slots_mb": ("memory of two slots at work, MB", "at most", 450.0),
    "install_mb": ("a client's packages, MB", "at most", 60.0),
}
OLD_FAST = {"decoder": 5.67, "encoder": 4.04}  # vs_naive of the mode `fast`, before this engine
COLUMNS = ("decoder", "encoder", "decoder_135m", "encoder_125m")
INSTALLS = "installs.json"  # what `make bench-installs` writes
HEAD = (
    "# The scale: benchmark",
    "",
    "Written by `make bench-evaluator`. Processor seconds of one thread, children included; the",
    "paths of a part take turns in one run on one machine: quote the ratios. *decoder* is a",
    "Llama-shaped base of 34 million parameters, *decoder_135m* one of SmolLM's widths,",
    "*encoder_125m* a BERT of RoBERTa's widths, all three made on the spot of random weights;",
    "*encoder* is MiniLM. Decoders have LoRA of rank 8 on all linear layers, encoders a short",
    "training on docstrings in 8 classes. The scores of all paths agree to 1e-4, or the benchmark",
    "fails; answers are the same bits under three plans, or it fails. The harness has no",
    "classification by an encoder.",
    "",
)
BEFORE = (
    "",
    "`over_old_fast` is the cost of one score over that of the mode `fast` which this engine",
    "replaced, by way of the naive script, which did not change: 5.67 and 4.04 over `vs_naive`.",
    "`install_mb` is what `pip install .[miner]` takes, from `make bench-installs`.",
    "`two_slots_mb` is what the zygotes and jails of two slots hold while both score; what they",
    "share is counted once.",
    "",
    "A load well above 0 before a part means that others used the machine: their work takes half",
    "of a core and the caches away. `peak_fraction` is lower then, times on the wall are far",
    "longer, and the ratios to scripts that start anew are larger than on a quiet machine.",
    "",
    "Before this engine, on a quiet machine of the same kind (2026-11-26): decoder 2.47 CPU s in",
    "mode `fast` and 5.93 in mode `exact`, where the naive script took 13.66; encoder 3.48 beside",
    "14.14, and exact 2.65 times that. The fast mode's ratios to the naive script: 5.67 and 4.04.",
)


def write(
    folder: Path, part: str, figures: dict[str, float], run: tuple[str, tuple[float, float]]
) -> None:
    """Both files. The decoder's figures stand at the top of the JSON object, others below theirs.

    run  the words of the command, and the machine's load before and after
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "evaluator.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    found = {name: kept.pop(name, {}) for name in COLUMNS[1:]}
    runs = kept.pop("runs", {})
    kept.pop("machine", None)
    found["decoder"] = kept
    found[part] = {name: round(value, 6) for name, value in sorted(figures.items())}
    if part in OLD_FAST:
        found[part]["over_old_fast"] = round(OLD_FAST[part] / figures["vs_naive"], 6)
    if part == "decoder" and (folder / INSTALLS).exists():
        installs = json.loads((folder / INSTALLS).read_text())["installs"]
        found[part]["install_mb"] = round(installs[".[miner]"]["mb"], 1)
    runs[part] = _machine(*run)
    found = {name: found[name] for name in COLUMNS if found.get(name)}
    first = found.get("decoder", {})
    told = {**first, **{name: one for name, one in found.items() if one is not first}}
    path.write_text(json.dumps({"runs": runs, **told}, indent=1) + "\n")
    (folder / "evaluator.md").write_text(_page(runs, found))


def _machine(asked: str, loads: tuple[float, float]) -> dict[str, object]:
    told = Path("/proc/cpuinfo").read_text()
    name = next(one.partition(":")[2].strip() for one in told.splitlines() if "model name" in one)
    flags = next(one for one in told.splitlines() if one.startswith("flags")).split()
    return {
        "command": f"python -m tests.bench.scale {asked}".strip(),
        "date": datetime.now(UTC).date().isoformat(),  # noqa: TID251 - only here
        "load": [round(one, 1) for one in loads],
        "cpu": name,
        "cores": os.cpu_count(),
        "flags": [one for one in FLAGS if one in flags],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _page(runs: dict[str, dict[str, object]], found: dict[str, dict[str, float]]) -> str:
    heads = " | ".join(found)
    lines = [*HEAD, f"| figure | | goal | {heads} |", "|---|---|---|" + "---|" * len(found)]
    for name, (words, way, goal) in TARGETS.items():
        values = [f"{one[name]:.3f}" if name in one else "" for one in found.values()]
        lines.append(f"| `{name}` | {words} | {way} {goal:g} | {' | '.join(values)} |")
    lines += ["", f"| the rest | {heads} |", "|---|" + "---|" * len(found)]
    for name in sorted(set().union(*found.values()) - set(TARGETS)):
        values = [f"{one[name]:.6g}" if name in one else "" for one in found.values()]
        lines.append(f"| `{name}` | {' | '.join(values)} |")
    lines += [
        "",
        "| part | written by | date | load before and after | on |",
        "|---|---|---|---|---|",
    ]
    lines += [_run(part, run) for part, run in runs.items()]
    return "\n".join([*lines, *BEFORE]) + "\n"


def _run(part: str, run: dict[str, object]) -> str:
    flags = ", ".join(map(str, run["flags"]))
    versions = ", ".join(f"{name} {one}" for name, one in dict(run["versions"]).items())
    loads = " and ".join(map(str, run["load"]))
    on = f"{run['cpu']}, {run['cores']} cores, {flags}; Python {run['python']}; {versions}"
    return f"| {part} | `{run['command']}` | {run['date']} | {loads} | {on} |"
