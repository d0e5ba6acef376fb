"""`python -m evaluator docstrings --out DIR`: write the docstring data set as four JSONL files."""

import argparse
from pathlib import Path

from evaluator.doors.answers import run_door, show_json
from evaluator.task.docstrings import Sizes, write_slices


def main() -> None:
    asked = _arguments()

    def work() -> None:
        sizes = Sizes(**{name: getattr(asked, name) for name in vars(Sizes())})
        written = write_slices(asked.out, sizes)
        show_json({name: str(path) for name, path in written.items()})

    run_door(work, is_json=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator docstrings", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    for name, size in vars(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=size, help="examples per library")
    return parser.parse_args()


if __name__ == "__main__":
    main()
