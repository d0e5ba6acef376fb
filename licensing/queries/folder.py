"""What can be downloaded of a work: an adapter as the folder that peft loads, data as its file.

The same work under the same terms gives the same bytes, so they are hashed once and kept in mind.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache

from assay.zips import Member, zipped
from evaluator.bases import base_named
from evaluator.blob import OPENING_BYTES, Contents, beginning_bytes, read_beginning
from evaluator.delivery.folder import tensor_files, text_files
from evaluator.delivery.loading import POOLINGS, loading_of
from evaluator.delivery.snippet import snippet
from evaluator.errors import BaseUnknown
from evaluator.task.manifest import MOST_MANIFEST_BYTES, Manifest, read_manifest
from ledger import blobs
from ledger import queries as record
from licensing import errors
from licensing.models import SearchCard, Work
from licensing.queries.works import card_of, parents, tags_of, work
from licensing.rules.card import Ancestor, Told, card, licence_tags
from licensing.rules.deed import deed
from licensing.rules.reading import parse
from licensing.rules.rows import WorkKind
from licensing.rules.search import Measured
from licensing.rules.terms import show_rate

FORM = 1  # of the folder: another number forgets what is in mind
PIECE_BYTES = 1 << 18
HUB = "https://huggingface.co/"
SUMS, CARD, TAGS = "SHA256SUMS", "README.md", "LICENSE-TAGS.json"
_ODD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class File:
    """A file to download: Offered, and its bytes. files: name, bytes, SHA-256 of what is inside."""

    name: str
    kind: str
    path: str
    size_bytes: int
    sha256: str
    files: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True)
class _Made:
    name: str
    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]


class Offered(NamedTuple):
    """What a page offers for download. kind: in words; path: of the API."""

    name: str
    kind: str
    path: str


def offered(found: Work, card: SearchCard | None) -> Offered | None:
    """What anybody may download of a work here, if anything; no byte of it is read."""
    stored = record.blob(found.id)
    if found.kind == WorkKind.BASE or not (stored and stored.is_public):
        return None
    if found.kind == WorkKind.DATA:
        return Offered(f"{_slug(found)}.jsonl", "JSON lines", f"/api/blobs/{found.id}")
    if card is None or not card.manifest:
        return None
    return Offered(f"{_slug(found)}.zip", "folder for peft", f"/api/works/{found.id}/folder.zip")


def download(work_id: str) -> File:
    """What is downloaded of a work. raises WorkUnknown, FolderMissing, BlobMissing, BlobDamaged"""
    found, told = _downloadable(work_id)
    if found.kind == WorkKind.DATA:
        return File(*told, blobs.size(found.id), found.id)
    key = f"folder/{FORM}/{found.id}/{found.terms_version}"
    listed: File | None = cache.get(key)
    if listed is None:
        listed = _listed(found, told)
        cache.set(key, listed, timeout=None)
    return listed


def folder_pieces(work_id: str) -> Iterator[bytes]:
    """The ZIP of an adapter, piece by piece. raises what download raises"""
    found, _ = _downloadable(work_id)
    if found.kind != WorkKind.ADAPTER:
        raise _missing(found)
    return _zip(found, _files(found))


def _listed(found: Work, told: Offered) -> File:
    """Hash everything once."""
    made = _files(found)
    inside = tuple((one.name, one.size_bytes, _sha256(one.pieces())[1]) for one in made)
    return File(*told, *_sha256(_zip(found, made)), inside)


def _sha256(pieces: Iterator[bytes]) -> tuple[int, str]:
    sha, size_bytes = sha256(), 0
    for piece in pieces:
        sha.update(piece)
        size_bytes += len(piece)
    return size_bytes, sha.hexdigest()


def _zip(found: Work, made: list[_Made]) -> Iterator[bytes]:
    folder = _slug(found)
    return zipped(Member(f"{folder}/{one.name}", one.size_bytes, one.pieces()) for one in made)


def _files(found: Work) -> list[_Made]:
    """Every file of the folder, SHA256SUMS at the end."""
    one = _measured_card(found.id)
    assert one is not None, "_downloadable sees to it"
    manifest = read_manifest(blobs.read(one.manifest, limit_bytes=MOST_MANIFEST_BYTES))
    contents, told = _contents(found.id), _told(found, one, manifest)
    texts = text_files(contents, manifest, told.base_id)
    texts |= {CARD: card(told).encode(), TAGS: licence_tags(told).encode()}
    made = [_text(name, raw) for name, raw in texts.items()]
    for name, file in tensor_files(contents, manifest, _metadata(found)).items():
        size_bytes = len(file.header) + sum(size for _, size in file.spans)
        made.append(_Made(name, size_bytes, _tensors(found.id, file.header, file.spans)))
    made.sort(key=lambda one: one.name)
    sums = "".join(f"{_sha256(one.pieces())[1]}  {one.name}\n" for one in made)
    return [*made, _text(SUMS, sums.encode())]


def _text(name: str, raw: bytes) -> _Made:
    return _Made(name, len(raw), lambda: iter([raw]))


def _tensors(
    name: str, header: bytes, spans: tuple[tuple[int, int], ...]
) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield header
        with blobs.open_blob(name) as file:
            for start, size in spans:
                file.seek(start)
                left = size
                while left:
                    piece = file.read(min(left, PIECE_BYTES))
                    left -= len(piece)
                    yield piece

    return pieces


def _contents(name: str) -> Contents:
    """What lies where in a blob; all of it is read once, to see that it fits its name."""
    length = blobs.size(name)
    with blobs.open_verified(name) as file:
        opening = file.read(OPENING_BYTES)
        beginning = opening + file.read(beginning_bytes(opening) - len(opening))
    return read_beginning(beginning, length)


def _told(found: Work, one: SearchCard, manifest: Manifest) -> Told:
    tags, base_id = tags_of(found), _base_id(manifest.base.name)
    at_ms, reading = found.registered_ms, parse(tags)
    names = Measured.__dataclass_fields__
    weights = next((pin for name, pin in sorted(manifest.base.files.items())
                    if name.endswith(".safetensors")), None)  # fmt: skip
    return Told(
        work=found,  # type: ignore[arg-type]  # the row's columns are those of its table
        measured=Measured(**{name: getattr(one, name) for name in names}),
        base_id=base_id,
        base_licence=manifest.base.licence,
        base_sha256=weights.sha256 if weights else "",
        labels=manifest.labels,
        max_tokens=manifest.tokenizer.max_tokens,
        pooling=POOLINGS[loading_of(manifest).pooling],
        snippet=snippet(manifest, base_id),
        tags=tags,
        sentences=[one.sentence for one in deed(reading, registered_ms=at_ms, now_ms=at_ms)],
        parents=[
            Ancestor(up.work.title, up.work.kind, up.work.owner, up.work.id, show_rate(up.rate_e8))
            for up in parents(found.id)
        ],
        origin=settings.LOG_ORIGIN,
    )


def _metadata(found: Work) -> dict[str, str]:
    return {"assay.work": found.id, "assay.log_origin": settings.LOG_ORIGIN}


def _base_id(name: str) -> str:
    """What loads the base: its name on the hub when it came from there, else its name here."""
    try:
        source = base_named(name).source
    except BaseUnknown:
        return name
    return source.removeprefix(HUB) if source.startswith(HUB) else name


def _downloadable(work_id: str) -> tuple[Work, Offered]:
    """raises WorkUnknown, FolderMissing"""
    found = work(work_id)
    told = offered(found, card_of(work_id))
    if told is None:
        raise _missing(found)
    return found, told


def _missing(found: Work) -> errors.FolderMissing:
    message = f"{found.title} has no file to download here."
    return errors.FolderMissing(message, work=found.id, kind=found.kind)


def _measured_card(work_id: str) -> SearchCard | None:
    found = card_of(work_id)
    return found if found and found.manifest else None


def _slug(found: Work) -> str:
    """A name for files: of the title what is plain, and the beginning of the id."""
    words = _ODD.sub("-", found.title.lower()).strip("-")[:40].strip("-")
    return f"{words}-{found.id[:8]}" if words else found.id[:8]
