"""One labelled text, and the one spelling of a list of them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evaluator.errors import DataEmpty, DataFileMissing, DataMalformed


@dataclass(frozen=True)
class Example:
    """One text and the name of its class."""

    text: str
    label: str


def write_jsonl(examples: Iterable[Example]) -> bytes:
    """The examples as JSON lines, {"label", "text"}, UTF-8."""
    lines = (
        json.dumps({"label": one.label, "text": one.text}, ensure_ascii=False) for one in examples
    )
    return "".join(line + "\n" for line in lines).encode()


def read_jsonl(path: Path) -> list[Example]:
    """The examples of a file that `write_jsonl` wrote; a stranger's file is for evaluator/data.py.

    raises DataFileMissing, DataEmpty, DataMalformed
    """
    if not path.is_file():
        raise DataFileMissing(f"There is no file {path.name}.", file=path.name)
    lines = path.read_text("utf-8").split("\n")[:-1]
    if not lines:
        raise DataEmpty(f"{path.name} holds no rows.", file=path.name, row=0)
    return [_example(path, row, line) for row, line in enumerate(lines, start=1)]


def _example(path: Path, row: int, line: str) -> Example:
    try:
        value = json.loads(line)
        return Example(text=str(value["text"]), label=str(value["label"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataMalformed(
            f"Cannot read row {row} of {path.name}: it is not an object with text and label.",
            file=path.name,
            row=row,
        ) from error
