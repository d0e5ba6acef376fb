"""`python -m evaluator preview FILE --metric M`: what a file holds, before anything runs.

Prints one JSON document (evaluator/task/preview.py says what is in it) and exits 0, also when the
file has faults: they are in the document. Needs neither torch nor a tokenizer.
"""

import argparse
from pathlib import Path

from evaluator.doors.answers import run_door, show_json
from evaluator.task.data import FORMATS, format_of
from evaluator.task.preview import preview


def main() -> None:
    asked = _arguments()

    def work() -> None:
        found = preview(
            asked.file,
            file_format=asked.format or format_of(asked.file),
            metric=asked.metric,
            columns=dict(one.partition("=")[::2] for one in asked.column),
        )
        show_json(found)

    run_door(work, is_json=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator preview", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--format", choices=FORMATS, help="else by the suffix")
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME=IN_FILE",
        help="a column of the evaluator that has another name in the file",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
