"""`python -m evaluator split FILE --metric M --seed S --out DIR`: one file into four slices.

Writes {train,public,board,final}.jsonl into --out, with the evaluator's columns under its own
names, and prints one JSON document: {"matched": {...}, "slices": {"train": {"rows": n, "classes":
[{"label", "count"}] or null}, ...}, "seed": "...", "parts": {...}}. A refusal is
{"error": {...}} and exit 5.
Needs neither torch nor a tokenizer.
"""

import argparse
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

from evaluator.doors.answers import run_door, show_json
from evaluator.errors import OptionRefused
from evaluator.evaluators.form import Evaluator, Sample, no_classes
from evaluator.registry import evaluator_of
from evaluator.task.data import (
    FORMATS,
    Columns,
    format_of,
    missing_column,
    open_source,
    samples,
    sound,
    wanted_names,
)
from evaluator.task.examples import write_jsonl
from evaluator.task.formats.table import Row, Source
from evaluator.task.splitting import SLICES, USUAL_PARTS, split


def main() -> None:
    asked = _arguments()

    def work() -> None:
        evaluator, parts = evaluator_of(asked.metric), _parts(asked.parts)
        held = dict(one.partition("=")[::2] for one in asked.column)
        wanted = _wanted(evaluator, held)
        hints = [*wanted_names(wanted), *filter(None, [asked.group])]
        source = open_source(asked.file, asked.format or format_of(asked.file), hints)
        rows = list(sound(samples(asked.file, source, wanted)))
        groups = _groups(asked.file, source, asked.group) if asked.group else ()
        found = split(rows, evaluator, seed=asked.seed, parts=parts, groups=groups)
        asked.out.mkdir(parents=True, exist_ok=True)
        for name in SLICES:
            (asked.out / f"{name}.jsonl").write_bytes(write_jsonl(found[name]))
        show_json(
            {
                "matched": {**(wanted.needed or {}), **wanted.optional},
                "slices": {name: _counted(evaluator, found[name]) for name in SLICES},
                "seed": asked.seed,
                "parts": dict(parts),
            }
        )

    run_door(work, is_json=True)


def _wanted(evaluator: Evaluator, held: dict[str, str]) -> Columns:
    needed, optional = (
        {one: held.get(one, one) for one in names}
        for names in (evaluator.columns, evaluator.optional)
    )
    return Columns(None if evaluator.takes_all else needed, optional)


def _groups(path: Path, source: Source, there: str) -> list[Hashable | None]:
    """What the column names each row's group; raises DataColumnMissing"""
    if there not in source.columns:
        raise missing_column(path, source, there, "group")
    cells = [one.cells.get(there) for one in source.rows({there}) if isinstance(one, Row)]
    return [None if one is None else repr(one) for one in cells]


def _counted(evaluator: Evaluator, rows: Sequence[Sample]) -> dict[str, object]:
    counts = Counter(str(one.get("label")) for one in rows)
    order = evaluator.classes(rows)
    has_classes = evaluator.classes is not no_classes
    classes = [{"label": one, "count": counts[one]} for one in order] if has_classes else None
    return {"rows": len(rows), "classes": classes}


def _parts(text: str) -> dict[str, int]:
    numbers = text.split("/")
    if len(numbers) != len(SLICES) or not all(one.isdecimal() and len(one) < 4 for one in numbers):
        raise OptionRefused(
            f"The parts {text!r:.40} are not four whole numbers with strokes between them.",
            option="parts",
            wanted="train/public/board/final, such as 10/10/20/60",
        )
    return dict(zip(SLICES, map(int, numbers), strict=True))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator split", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", required=True, help="any text; the same one splits the same way")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--format", choices=FORMATS, help="else by the suffix")
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME=IN_FILE",
        help="a column of the evaluator that has another name in the file",
    )  # fmt: skip
    parser.add_argument("--group", default="", metavar="IN_FILE", help="a column: keep together")
    parser.add_argument(
        "--parts", default="/".join(map(str, USUAL_PARTS.values())),
        help="train/public/board/final, relative to each other",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
