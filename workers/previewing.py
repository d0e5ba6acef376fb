"""From a draft's files to what its sponsor is shown of them, before anything else runs."""

from collections.abc import Mapping
from typing import Any

from assay.errors import AssayError
from assay.messages import FileRef
from competitions import queries
from competitions.actions import drafts, previews
from competitions.actions.drafts import Reading
from competitions.errors import PreparationRefused
from competitions.rules.preview import (
    SLICES,
    WHOLE,
    DraftRead,
    Fault,
    FileRead,
    faults_between,
    file_read,
    slices_made,
)
from workers import sponsor_files
from workers.sandbox.reader import NotPlain

ODD = (ValueError, KeyError, TypeError, AttributeError)  # of a document that has another form


def preview(draft: str, fence: int) -> None:
    """Read a draft's files and write down what they hold. raises StaleAttempt"""
    asked = drafts.looked_at(queries.draft_for_worker(draft))
    if asked is None:  # it was changed meanwhile, and is asked for again
        return
    try:
        found = read_files(asked)
    except (AssayError, NotPlain) as error:
        refusal = error if isinstance(error, AssayError) else PreparationRefused(str(error))
        previews.record_failure(draft=draft, fence=fence, error=refusal)
    else:
        previews.record(draft=draft, fence=fence, found=found)


def read_files(asked: Reading) -> DraftRead:
    """Look at each file by itself, then at what they are together, or at what one is split into.

    raises PreparationRefused, NotPlain when the reader cannot do its work
    """
    try:
        files = tuple(_read_one(part, asked) for part in (WHOLE, *SLICES) if part in asked.files)
        if WHOLE not in asked.files:
            return DraftRead(files, (), faults_between(files))
        return _split_up(DraftRead(files, (), ()), asked)
    except ODD as error:
        raise PreparationRefused("The reader's answer cannot be understood.") from error


def split(asked: Reading, columns: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the one file is split into: the reader's document, and the bytes of the slices.

    columns  as the preview matched them
    raises   PreparationRefused, NotPlain
    """
    words = {"metric": asked.metric, **{name: one for name, one in asked.split.items() if one}}
    return sponsor_files.split(_file(asked, WHOLE), words, columns=columns)


def _split_up(whole: DraftRead, asked: Reading) -> DraftRead:
    if whole.fault_count:
        return whole
    try:
        told, _ = split(asked, whole.columns)
    except PreparationRefused as error:
        fault = Fault(0, error.code, str(error), error.next_step)
        return DraftRead(whole.files, (), (fault,))
    return DraftRead(whole.files, slices_made(told), ())


def _read_one(part: str, asked: Reading) -> FileRead:
    file = _file(asked, part)
    told = sponsor_files.preview(file, metric=asked.metric, columns=asked.columns)
    return file_read(part, file.name, told)


def _file(asked: Reading, part: str) -> FileRef:
    return FileRef(**vars(asked.files[part]))
