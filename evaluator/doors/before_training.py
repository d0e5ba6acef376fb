"""`python -m evaluator train`: judges names and folders first, then becomes `doors.train`.

Light: neither torch nor a model library is loaded for a refusal, which so comes at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluator.doors.answers import read_downloaded, run_door
from evaluator.evaluators.form import Sample
from evaluator.libraries import TRAINING, need
from evaluator.task.examples import read_jsonl
from evaluator.task.manifest import Manifest, read_manifest
from evaluator.training.recipe import Recipe, check_trainable

TRAINER = "evaluator.doors.train"
STOPPED = 130  # by Ctrl-C


def main() -> None:
    given = sys.argv[1:]
    asked = read_arguments(given)

    def work() -> None:
        manifest, examples = read_task(asked)
        check_trainable(examples, manifest, asked.out, recipe_of(asked))
        need(*TRAINING)
        os.execv(sys.executable, [sys.executable, "-m", TRAINER, *given])  # noqa: S606

    run_door(work, is_json=asked.progress == "json")


def read_task(asked: argparse.Namespace) -> tuple[Manifest, list[Sample]]:
    """The pinned task and its training slice. raises DataFileMissing, ManifestInvalid, ..."""
    return read_manifest(read_downloaded(asked.manifest)), read_jsonl(asked.train)


def recipe_of(asked: argparse.Namespace) -> Recipe:
    return Recipe(**{name: getattr(asked, name) for name in vars(Recipe())})


def read_arguments(given: Sequence[str]) -> argparse.Namespace:
    """What both doors are asked. Exits with 2 on misuse."""
    parser = argparse.ArgumentParser(prog="evaluator train", description=__doc__)
    for name in ("train", "manifest", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, value in vars(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--progress", choices=("auto", "lines", "json"), default="auto")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
