"""What a sponsor sees of a file before anything runs: as read, counted, with all faults at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low

from evaluator.errors import DataRefused
from evaluator.evaluators.classification import MOST_CLASSES
from evaluator.evaluators.form import Evaluator, Sample, no_classes
from evaluator.registry import evaluator_of
from evaluator.task.data import Columns, missing_column, open_source, samples, unreadable
from evaluator.task.formats.table import Source
from evaluator.task.lookalikes import warnings_of
from evaluator.task.matching import ALSO_CALLED, matched
from evaluator.task.overlap import NO_TEXTS, told

FIRST_ROWS = 10
MOST_FAULTS = 20
SHOWN_COLUMNS = 100


@dataclass
class _Seen:
    """What is kept of the rows, for a metric: the sound ones, and the first faults."""

    metric: str
    row_count: int = 0
    rows: list[Sample] = field(default_factory=list)
    faults: list[DataRefused] = field(default_factory=list)
    fault_count: int = 0

    def fault(self, error: DataRefused) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(error)


def preview(
    path: Path, *, file_format: str, metric: str, columns: Mapping[str, str]
) -> dict[str, object]:
    """One JSON document of a sponsor's file, read with this metric in mind.

    file_format  "jsonl", "csv" or "parquet"
    columns      the evaluator's name of a column -> its name in the file, where the sponsor said
    returns
        columns      the names in the file, the first hundred
        matched      {"text": "review", ...}: the evaluator's name -> the name in the file
        rows         the first ten rows that can be read, by the evaluator's names
        row_count    all rows, also those with a fault
        classes      [{"label", "count"}] in the order of the head, or null where a metric has none
        lengths      {"text": {"least", "median", "most", "unit": "characters"}} of each text column
        duplicates   rows whose text stands in an earlier row already
        guessed      sentences: what the file did not say and was recognised
        warnings     sentences: what is taken, and perhaps not what was meant
        faults       [{"row": from 1 or null, "code", "message", "next"}]: the first twenty of all;
                     with none, this file is read by `prepare` when it is given `matched`
        fault_count  how many there are
    raises   MetricUnknown; whatever is wrong with the file is a fault in the document
    """
    evaluator, seen = evaluator_of(metric), _Seen(metric)
    hints = {*columns.values(), *evaluator.columns, *evaluator.optional}
    hints |= {one for name in evaluator.columns for one in ALSO_CALLED.get(name, "").split()}
    try:
        source = open_source(path, file_format, hints)
    except DataRefused as error:
        seen.fault(error)
        return _document(evaluator, (), {}, seen, ())
    wanted, guessed = _wanted(path, source, evaluator, columns, seen)
    _read(path, source, wanted, seen)
    needed = wanted.needed
    if needed is None:
        needed = {name: name for name in source.columns if name}
    held = {**needed, **wanted.optional}
    return _document(evaluator, source.columns, held, seen, [*source.guessed, *guessed])


def _wanted(
    path: Path, source: Source, evaluator: Evaluator, given: Mapping[str, str], seen: _Seen
) -> tuple[Columns, list[str]]:
    """The columns that the file has; a fault is noted for each needed one that it lacks."""
    if evaluator.takes_all:
        return Columns(None, {}), []
    needed, optional, guessed = matched(evaluator, source.columns, given)
    if unreadable(source):  # each row tells why
        return Columns({}, {}), guessed
    for name in evaluator.columns:
        there = needed.get(name, name)
        if there not in source.columns:
            seen.fault(missing_column(path, source, there, name))
            needed.pop(name, None)
    return Columns(needed, optional), guessed


def _read(path: Path, source: Source, wanted: Columns, seen: _Seen) -> None:
    try:
        for found in samples(path, source, wanted):
            seen.row_count += 1
            if isinstance(found, DataRefused):
                seen.fault(found)
            else:
                seen.rows.append(found)
    except DataRefused as error:
        seen.fault(error)


def _document(
    evaluator: Evaluator,
    columns: Sequence[str],
    held: Mapping[str, str],
    seen: _Seen,
    guessed: Sequence[str],
) -> dict[str, object]:
    rows, labels = seen.rows, Counter[str]()
    has_classes = evaluator.classes is not no_classes and "label" in held
    if has_classes:
        labels = Counter(str(one["label"]) for one in rows)
        if rows and seen.fault_count * 10 <= seen.row_count:  # else too little is known
            _check(evaluator, rows, seen)
    texts = [told(evaluator, one).first for one in rows]
    order = evaluator.classes(rows)[:MOST_CLASSES] if has_classes else ()
    return {
        "columns": [_shown(one) for one in columns[:SHOWN_COLUMNS]],
        "matched": {name: _shown(one) for name, one in held.items()},
        "rows": [dict(one) for one in rows[:FIRST_ROWS]],
        "row_count": seen.row_count,
        "classes": [{"label": one, "count": labels[one]} for one in order] if has_classes else None,
        "lengths": {
            name: one for name in held if name not in NO_TEXTS and (one := _lengths(rows, name))
        },
        "duplicates": _duplicates(texts),
        "guessed": [_shown(one) for one in guessed],
        "warnings": [
            *warnings_of(labels),
            *_contradictions(texts, rows),
            *(evaluator.warn(seen.metric, rows) if {*evaluator.columns} <= {*held} else ()),
        ],
        "faults": [_told(one) for one in seen.faults],
        "fault_count": seen.fault_count,
    }


def _check(evaluator: Evaluator, rows: Sequence[Sample], seen: _Seen) -> None:
    try:
        evaluator.check(rows)
    except DataRefused as error:
        seen.fault(error)


def _lengths(rows: Sequence[Sample], name: str) -> dict[str, object]:
    """How long the texts of a column are; empty where it has none."""
    found = [len(text) for one in rows for text in _texts(one.get(name))]
    if not found:
        return {}
    return {
        "least": min(found),
        "median": median_low(found),
        "most": max(found),
        "unit": "characters",
    }


def _texts(value: object) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one


def _duplicates(texts: Sequence[str]) -> int:
    return len(texts) - len({*texts})


def _contradictions(texts: Sequence[str], rows: Sequence[Sample]) -> Iterator[str]:
    """Texts that stand there with different labels."""
    labels: dict[str, set[object]] = {}
    for text, one in zip(texts, rows, strict=True):
        labels.setdefault(text, set()).add(one.get("label"))
    count = sum(len(one) > 1 for one in labels.values())
    if count:
        texts_are = "One text stands" if count == 1 else f"{count} texts stand"
        yield f"{texts_are} there with different labels."


def _told(error: DataRefused) -> dict[str, object]:
    row = error.facts.get("row") or None
    message = {"message": _shown(str(error)), "next": error.next_step}
    return {"row": row, "code": error.code, **message}


def _shown(text: str) -> str:
    """A name or a sentence without what is no Unicode text."""
    return text.encode("utf-8", "replace").decode()
