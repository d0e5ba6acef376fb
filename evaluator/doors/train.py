"""`python -m evaluator train`: train a LoRA adapter on the pinned base and save it as peft does."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evaluator.doors.answers import read_downloaded, run_door, show_json, show_lines
from evaluator.examples import read_jsonl
from evaluator.manifest import read_manifest
from evaluator.training import Recipe, Step, Trained, train

LINES_EVERY = 10


def main() -> None:
    asked = _arguments()

    def work() -> None:
        manifest = read_manifest(read_downloaded(asked.manifest))
        examples = read_jsonl(asked.train)
        recipe = Recipe(**{name: getattr(asked, name) for name in vars(Recipe())})
        with _progress(asked.progress, recipe.steps) as report:
            trained = train(examples, manifest, asked.out, recipe, report)
        _finish(trained, is_json=asked.progress == "json")

    run_door(work, is_json=asked.progress == "json")


def _finish(trained: Trained, *, is_json: bool) -> None:
    if is_json:
        show_json(
            {
                "adapter": str(trained.folder),
                "steps": trained.steps,
                "milliseconds": round(trained.seconds * 1000),
                "parameters": trained.parameters,
                "loss": f"{trained.loss:.4f}",
            }
        )
        return
    show_lines(
        f"Trained {trained.parameters} parameters in {trained.steps} steps and "
        f"{trained.seconds:.0f} s; loss {trained.loss:.3f}. The adapter lies in {trained.folder}.",
        f"Next: assay check {trained.folder}",
    )


@contextmanager
def _progress(kind: str, steps: int) -> Iterator[Callable[[Step], None]]:
    """What shows each step: a bar on a terminal, else a line now and then, or JSON for programs."""
    if kind == "json":
        yield lambda step: show_json(_document(step, steps))
    elif kind == "lines" or not sys.stderr.isatty():
        yield lambda step: _line(step, steps)
    else:
        with _bar() as bar:
            task = bar.add_task("training", total=steps, loss="")
            yield lambda step: bar.update(task, completed=step.number, loss=f"{step.loss:.3f}")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _line(step: Step, steps: int) -> None:
    if step.number % LINES_EVERY == 0 or step.number in {1, steps}:
        sys.stderr.write(
            f"step {step.number}/{steps}  loss {step.loss:.3f}  "
            f"right {step.correct}/{step.examples}\n"
        )
        sys.stderr.flush()


def _document(step: Step, steps: int) -> dict[str, object]:
    return {
        "step": step.number,
        "steps": steps,
        "loss": f"{step.loss:.4f}",
        "correct": step.correct,
        "examples": step.examples,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator train", description=__doc__)
    for name in ("train", "manifest", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, value in vars(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--progress", choices=("auto", "lines", "json"), default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
