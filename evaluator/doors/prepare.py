"""`python -m evaluator prepare`: read a sponsor's files, write manifest and blobs.

Runs as a process of its own, as the files come from a stranger. Writes into --out: manifest.json,
train.jsonl, public.jsonl, {public,board,final}.{inputs,labels} and prepared.json; prints the last
one. Without --board the task has no live board.
"""

import argparse
from pathlib import Path

from assay.canonical import canonical
from evaluator.bases import base_named
from evaluator.doors.answers import read_downloaded, run_door, show_json
from evaluator.evaluators.form import Sample
from evaluator.registry import evaluator_of
from evaluator.task.data import FORMATS, format_of, read_samples
from evaluator.task.manifest import manifest_sha256, to_bytes
from evaluator.task.prepare import Options, Prepared, prepare
from evaluator.task.splitting import SLICES
from evaluator.training.starter import NAME as STARTER
from evaluator.training.starter import starter


def main() -> None:
    asked = _arguments()

    def work() -> None:
        options = Options(
            salt=asked.salt_file.read_bytes(),
            metric=asked.metric,
            max_tokens=asked.max_tokens,
            rank_max=asked.rank_max,
            min_sandbox_level=asked.min_sandbox_level,
            options=dict(_option(one) for one in asked.option),
            code=asked.code.read_bytes() if asked.code else b"",
            is_raced=asked.race,
            places=asked.places,
        )
        slices = {name: _read(asked, name) for name in SLICES if getattr(asked, name)}
        done = prepare(base_named(asked.base), **slices, options=options)
        show_json(write_prepared(done, asked.out))

    run_door(work, is_json=True)


def write_prepared(prepared: Prepared, folder: Path) -> dict[str, object]:
    """Write all files of a prepared task; the summary that prepared.json holds."""
    summary: dict[str, object] = {
        "manifest_sha256": manifest_sha256(prepared.manifest),
        "train_rows": prepared.train_rows,
        "public_examples": prepared.manifest.test.public.examples,
        "board_examples": prepared.manifest.test.board.examples,
        "final_examples": prepared.manifest.test.final.examples,
        "labels": list(prepared.manifest.labels),
        "twins": dict(prepared.twins),
        "options": dict(prepared.manifest.metric.options),
        "oracles": {
            name: {**vars(one), "is_trivial": one.is_trivial}
            for name, one in prepared.oracles.items()
        },
        "warnings": list(prepared.warnings),
    }
    files = {
        "manifest.json": to_bytes(prepared.manifest),
        "train.jsonl": prepared.train_jsonl,
        "public.jsonl": prepared.public_jsonl,
        "public.inputs": prepared.public_inputs,
        "public.labels": prepared.public_labels,
        "board.inputs": prepared.board_inputs,
        "board.labels": prepared.board_labels,
        "final.inputs": prepared.final_inputs,
        "final.labels": prepared.final_labels,
        "prepared.json": canonical(summary),
    }
    if prepared.code:
        files["score.py"] = prepared.code
    if script := starter(prepared.manifest):
        files[STARTER] = script.encode()
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return summary


def _read(asked: argparse.Namespace, name: str) -> list[Sample]:
    path: Path = getattr(asked, name)
    file_format = asked.format or format_of(path)
    held = dict(one.partition("=")[::2] for one in asked.column)
    evaluator = evaluator_of(asked.metric)
    columns, optional = (
        {one: held.get(one, one) for one in names}
        for names in (evaluator.columns, evaluator.optional)
    )
    return read_samples(
        path,
        file_format=file_format,
        columns=None if evaluator.takes_all else columns,
        optional=optional,
    )


def _option(given: str) -> tuple[str, str]:
    """NAME=VALUE, or NAME=@FILE for what a file holds."""
    name, _, value = given.partition("=")
    return name, read_downloaded(Path(value[1:])).decode() if value.startswith("@") else value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator prepare", description=__doc__)
    for name in (*SLICES, "salt-file", "out"):
        parser.add_argument(f"--{name}", type=Path, required=name != "board")
    defaults = Options(salt=b"")
    parser.add_argument("--base", default="minilm-l6-v2")
    parser.add_argument("--format", choices=FORMATS, help="of all files; else by each suffix")
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME=IN_FILE",
        help="a column of the evaluator that has another name in the files",
    )  # fmt: skip
    parser.add_argument("--metric", default=defaults.metric)
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="of the evaluator; NAME=@FILE takes what the file holds",
    )  # fmt: skip
    parser.add_argument("--code", type=Path, help="your own scoring code, for a custom metric")
    parser.add_argument(
        "--race", action=argparse.BooleanOptionalAction, default=defaults.is_raced,
        help="stop entries early that cannot place; only on large board slices",
    )  # fmt: skip
    parser.add_argument("--places", type=int, default=defaults.places, help="that are paid")
    parser.add_argument("--max-tokens", type=int, default=defaults.max_tokens)
    parser.add_argument("--rank-max", type=int, default=defaults.rank_max)
    parser.add_argument("--min-sandbox-level", default=defaults.min_sandbox_level)
    return parser.parse_args()


if __name__ == "__main__":
    main()
