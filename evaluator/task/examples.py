"""One spelling of a list of samples: JSON lines, the fields of each in order of their names."""

import json
from collections.abc import Iterable
from pathlib import Path

from evaluator.errors import DataEmpty, DataFileMissing, DataMalformed
from evaluator.evaluators.form import Sample


def write_jsonl(samples: Iterable[Sample]) -> bytes:
    """The samples as JSON lines, UTF-8."""
    lines = (json.dumps(dict(one), ensure_ascii=False, sort_keys=True) for one in samples)
    return "".join(line + "\n" for line in lines).encode()


def read_jsonl(path: Path) -> list[Sample]:
    """The samples of a file that `write_jsonl` wrote; a stranger's file is for data.py.

    raises DataFileMissing, DataEmpty, DataMalformed
    """
    if not path.is_file():
        raise DataFileMissing(f"There is no file {path.name}.", file=path.name)
    lines = path.read_text("utf-8").split("\n")[:-1]
    if not lines:
        raise DataEmpty(f"{path.name} holds no rows.", file=path.name, row=0)
    return [_sample(path, row, line) for row, line in enumerate(lines, start=1)]


def _sample(path: Path, row: int, line: str) -> Sample:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DataMalformed(
            f"Cannot read row {row} of {path.name}: it is not an object.", file=path.name, row=row
        )
    return value
