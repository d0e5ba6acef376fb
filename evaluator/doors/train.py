"""`python -m evaluator train`: train a LoRA adapter on the pinned base and save it as peft does.

Starts after `doors.before_training`, which has the arguments and has judged the files.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evaluator.doors.answers import run_door, show_json, show_lines
from evaluator.doors.before_training import STOPPED, read_arguments, read_task, recipe_of
from evaluator.training.peft_run import Step, Trained, train

LINES_EVERY = 10


def main() -> None:
    asked = read_arguments(sys.argv[1:])

    def work() -> None:
        manifest, examples = read_task(asked)
        recipe = recipe_of(asked)
        try:
            with _progress(asked.progress, recipe.steps) as report:
                trained = train(examples, manifest, asked.out, recipe, report)
        except KeyboardInterrupt:
            sys.stderr.write("Stopped. Run the same command again to go on from the last record.\n")
            sys.exit(STOPPED)
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


if __name__ == "__main__":
    main()
