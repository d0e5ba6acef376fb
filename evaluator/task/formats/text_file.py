"""The text of a CSV or JSONL file: UTF-8, and nothing else in its clothes.

A byte that is no UTF-8 is kept as Python's "surrogateescape" keeps it, so that the row and the
column that hold it can be named, and a column that nobody reads does no harm.
"""

from pathlib import Path

from evaluator.errors import DataEmpty
from evaluator.task.formats.table import MOST_LINES, check_size, limit, malformed

IN_CLOTHES = {  # first bytes -> what the file is in truth
    b"PK\x03\x04": "it is a ZIP archive or an Excel workbook; save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "it is an old Excel workbook; save it as CSV UTF-8",
    b"\x1f\x8b": "it is a gzip archive; unpack it first",
    b"BZh": "it is a bzip2 archive; unpack it first",
    b"(\xb5/\xfd": "it is a Zstandard archive; unpack it first",
    b"\xfd7zXZ\0": "it is an xz archive; unpack it first",
    b"PAR1": "it is a Parquet file; name it so",
    b"\xff\xfe": "it is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "it is UTF-16 text; save it as UTF-8",
    b"version https://git-lfs": "it is a Git LFS pointer, not the file; run `git lfs pull`",
    b"<!DOCTYPE": "it is a web page, not the file; download the file itself",
    b"<!doctype": "it is a web page, not the file; download the file itself",
    b"<html": "it is a web page, not the file; download the file itself",
}
BOM = "\ufeff"


def read_text(path: Path) -> str:
    """The whole text, without a mark at its beginning, with its line ends as they are.

    raises DataEmpty, DataTooLarge, DataMalformed
    """
    check_size(path)
    raw = path.read_bytes()
    for first, problem in IN_CLOTHES.items():
        if raw.startswith(first):
            raise malformed(path, 0, problem)
    if raw.count(b"\0", 0, 4096) * 4 > len(raw[:4096]):
        raise malformed(path, 0, "it is not UTF-8 text: every few bytes there is a zero")
    if not raw.strip():
        raise DataEmpty(f"{path.name} holds no rows.", file=path.name, row=0)
    limit(path, max(raw.count(b"\n"), raw.count(b"\r")), MOST_LINES, "lines")
    return raw.decode("utf-8", "surrogateescape").removeprefix(BOM)
