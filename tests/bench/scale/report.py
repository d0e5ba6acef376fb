"""Where the figures go: evaluator.json for programs, evaluator.md for people."""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("torch", "transformers", "peft", "lm-eval", "safetensors")
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")
TARGETS = {
    "vs_naive": ("a naive peft script, start-up included", "at least", 6.0),
    "vs_lm_eval": ("lm-evaluation-harness, hf + peft", "at least", 8.0),
    "vs_sorted_peft": ("merged weights and sorted batches in torch, warm", "at least", 1.3),
    "eval_only_vs_naive": ("the evaluation alone, long set", "at least", 2.8),
    "peak_fraction": ("of what registers alone reach here, long set", "at least", 0.8),
    "sandbox_over_plain": ("in the sandbox over outside of it, warm", "at most", 1.02),
    "child_ready_s": ("from the fork to the last lock, s", "at most", 0.15),
    "adapter_swap_cpu_s": ("one adapter laid over the base, CPU s", "at most", 0.05),
    "cold_ready_s": ("a fresh process up to a base that is ready, s", "at most", 0.5),
}
HEAD = (
    "# The scale: benchmark",
    "",
    "Written by `{command}` on {date}. {cpu}, flags {set}; Python {python}; {packages}.",
    "",
    "Processor seconds of one thread, children included, all in one run on one machine: quote",
    "the ratios. *Decoder* is a Llama-shaped base of 34 million parameters made on the spot, with",
    "LoRA of rank 8 on all linear layers; *encoder* is MiniLM on docstrings in 8 classes. The",
    "scores of all paths agree to 1e-4, or the benchmark fails; answers are the same bits under",
    "three plans, or it fails. The harness has no classification by an encoder.",
    "",
)
BEFORE = (
    "",
    "Before this engine, on a quiet machine of the same kind (2026-11-26): decoder 2.47 CPU s in",
    "mode `fast` and 5.93 in mode `exact`, where the naive script took 13.66; encoder 3.48 beside",
    "14.14, and exact 2.65 times that. The fast mode's ratios to the naive script: 5.67 and 4.04.",
)


def write(folder: Path, llama: dict[str, float], bert: dict[str, float], asked: str) -> None:
    """Both files. llama's figures stand at the top of the JSON object, bert's under `encoder`."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = _machine(asked)
    rounded = {name: round(value, 6) for name, value in sorted(llama.items())}
    encoder = {name: round(value, 6) for name, value in sorted(bert.items())}
    told = {"machine": machine, **rounded, "encoder": encoder}
    (folder / "evaluator.json").write_text(json.dumps(told, indent=1) + "\n")
    (folder / "evaluator.md").write_text(_page(machine, llama, bert))


def _machine(asked: str) -> dict[str, object]:
    told = Path("/proc/cpuinfo").read_text()
    name = next(one.partition(":")[2].strip() for one in told.splitlines() if "model name" in one)
    flags = next(one for one in told.splitlines() if one.startswith("flags")).split()
    return {
        "command": f"make bench-evaluator {asked}".strip(),
        "date": datetime.now(UTC).date().isoformat(),  # noqa: TID251 - only here
        "cpu": name,
        "flags": [one for one in FLAGS if one in flags],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _page(machine: dict[str, object], llama: dict[str, float], bert: dict[str, float]) -> str:
    versions = ", ".join(f"{name} {one}" for name, one in dict(machine["versions"]).items())
    flags = list(machine["flags"])
    lines = [*HEAD, "| figure | | goal | decoder | encoder |", "|---|---|---|---|---|"]
    lines[2] = lines[2].format(**machine | {"packages": versions, "set": ", ".join(flags)})
    for name, (words, way, goal) in TARGETS.items():
        found = [f"{one[name]:.3f}" if name in one else "" for one in (llama, bert)]
        lines.append(f"| `{name}` | {words} | {way} {goal:g} | {found[0]} | {found[1]} |")
    lines += ["", "| the rest | decoder | encoder |", "|---|---|---|"]
    for name in sorted({*llama, *bert} - set(TARGETS)):
        found = [f"{one[name]:.6g}" if name in one else "" for one in (llama, bert)]
        lines.append(f"| `{name}` | {found[0]} | {found[1]} |")
    return "\n".join([*lines, *BEFORE]) + "\n"
