"""`assay terms check|render|inspect`: licence tags on this machine, by the rules of the site.

Plain functions: the command line wraps them, and finds them as entry points.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.canonical import sha256_file
from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from assay.client import Client
from assay.errors import AssayError
from assay.messages import WorkRegistered
from ledger.rules.entry import read_entry
from licensing import errors
from licensing.rules.deed import deed
from licensing.rules.delivery.found import (
    LENGTH_BYTES,
    MOST_HEADER_BYTES,
    Found,
    differences,
    in_header,
    in_json,
    may_hold,
    pairs,
)
from licensing.rules.delivery.told import SUMS, TENSORS
from licensing.rules.offer import Subject
from licensing.rules.reading import parse, read_own
from licensing.rules.terms import Tag, render

MOST_BYTES = 4 << 20
STDIN = Path("-")
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Tags: JSON pairs, or lines `Name: value`; - is stdin."),
]


def check(file: File, *, as_json: AsJson = False) -> None:
    """Read licence tags as strictly as for a work of your own, and say what they allow.

    Example: assay terms check tags.txt
    """
    tags = _tags(file)
    reading = parse(tags)
    for finding in (*reading.errors, *reading.warnings):
        show.note(f"{finding.tag}: {finding.code}", is_quiet=as_json)
    read_own(tags)
    clauses = deed(Subject(reading), now_ms=0)
    sentences = [one.sentence for one in clauses]
    if as_json:
        show.put({"tags": [list(one) for one in tags], "deed": sentences}, as_json=True)
        return
    show.put_text("".join(f"{one}\n" for one in sentences))


def show_canonical(file: File, *, as_json: AsJson = False) -> None:
    """Write licence tags in their one spelling and order.

    Example: assay terms render tags.txt
    """
    tags = render(read_own(_tags(file)))
    if as_json:
        show.put({"tags": [list(one) for one in tags]}, as_json=True)
        return
    show.put_text("".join(f"{name}: {value}\n" for name, value in tags))


def inspect(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", exists=True, help="File or folder.")],
    *,
    offline: Annotated[bool, typer.Option(help="Do not ask the site for the log.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read licence tags back from a file or a folder, and compare them with the log.

    Where they differ the log counts, and the command ends with 6. A folder is also held against
    its SHA256SUMS.

    Example: assay terms inspect model
    """
    places = _places(path)
    log = None
    if not offline:
        with caller_of(context).client() as client:
            log = _logged(client, places[0])
    odd = [*_odd_sums(path), *differences(places, log)]
    told = log or places[0]
    answer = {
        "work": told.work,
        "log": told.origin,
        "terms_version": told.terms_version,
        "places": [one.place for one in places],
        "compared_with": "the log" if log else "each other only",
        "tags": [list(one) for one in told.tags],
    }
    show.put({**answer, "differences": odd} if as_json else answer, as_json=as_json)
    if odd:
        for line in odd:
            show.note(f"DIFFERS: {line}")
        raise errors.TermsDiffer("The files say something else.", work=told.work, differences=odd)


def _places(path: Path) -> list[Found]:
    """What each file says, the tensors first. raises TagsMissing"""
    files = [path]
    if path.is_dir():
        named = [one for one in path.iterdir() if one.is_file() and may_hold(one.name)]
        files = sorted(named, key=lambda one: (one.name != TENSORS, one.name))
    if not files:
        raise errors.TagsMissing(f"{path} holds no licence tags.", place=str(path))
    return [_found(one) for one in files]


def _found(file: Path) -> Found:
    if file.suffix == ".safetensors":
        return in_header(file.name, _opening(file))
    return in_json(file.name, _read(file))


def _opening(file: Path) -> bytes:
    """A safetensors file up to the end of its header."""
    with file.open("rb") as stream:
        length = stream.read(LENGTH_BYTES)
        return length + stream.read(min(int.from_bytes(length, "little"), MOST_HEADER_BYTES))


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MOST_BYTES)


def _odd_sums(path: Path) -> list[str]:
    """Files of a folder that its SHA256SUMS does not name as they are."""
    sums = path / SUMS
    if not sums.is_file():
        return []
    odd = []
    for line in _read(sums).decode(errors="replace").splitlines():
        sha256, _, name = line.partition("  ")
        file = path / Path(name).name
        if name != file.name or not file.is_file() or sha256_file(file) != sha256:
            odd.append(f"{name} is not the file that {SUMS} names")
    return odd


def _logged(client: Client, one: Found) -> Found:
    """What the log says of the work: the signed registration, and the terms that hold now.

    raises ClientError; TermsDiffer when the registration is not what the site says
    """
    found: dict[str, Any] = client.get(f"/api/works/{one.work}")
    tags = pairs("the site", found["tags"])
    version, message = int(found["terms_version"]), str(found["message"])
    if version == 1:
        _check_entry(client.raw(f"/log/entry/{message}"), message, one.work, tags)
    return Found("the log", one.work, message, client.origin(), version, tags)


def _check_entry(raw: bytes, message: str, work: str, tags: Sequence[Tag]) -> None:
    """That the signed registration says what the site says. raises TermsDiffer"""
    try:
        entry = read_entry(raw)
    except AssayError as error:
        raise _not_logged(work) from error
    body = entry.body
    fits = isinstance(body, WorkRegistered) and (entry.id, body.work) == (message, work)
    if not fits or tuple(body.tags) != tuple(tags):
        raise _not_logged(work)


def _not_logged(work: str) -> errors.TermsDiffer:
    text = "The site's page and its log say different things."
    return errors.TermsDiffer(text, work=work, differences=[text])


def _tags(file: Path) -> list[Tag]:
    """raises TagsMissing"""
    text = sys.stdin.read(MOST_BYTES) if file == STDIN else _read(file).decode(errors="replace")
    if text.lstrip()[:1] in ("[", "{"):
        return list(_from_json(str(file), text))
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    return [(name.strip(), value.strip()) for name, _, value in lines]


def _from_json(place: str, text: str) -> tuple[Tag, ...]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.TagsMissing(f"{place} is not JSON.", place=place) from error
    return pairs(place, value.get("tags") if isinstance(value, dict) else value)
