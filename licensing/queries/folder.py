"""What can be downloaded of a work: an adapter as the folder that peft loads, data as its file.

The same work under the same terms gives the same bytes, so they are hashed once and kept in mind.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache

from assay.zips import Member, zipped
from evaluator.bases import base_named
from evaluator.bases.shapes import GENERIC
from evaluator.blob import OPENING_BYTES, Contents, beginning_bytes, read_beginning
from evaluator.delivery.folder import tensor_files, text_files
from evaluator.delivery.loading import POOLINGS, loading_of, pipeline
from evaluator.delivery.snippet import snippet
from evaluator.errors import BaseUnknown
from evaluator.task.manifest import MOST_MANIFEST_BYTES, Manifest, read_manifest
from ledger import blobs, log
from ledger import queries as record
from licensing import errors
from licensing.models import SearchCard, Work
from licensing.queries.works import Link, card_of, parents, tags_of, terms_of, work
from licensing.rules.catalogue import held, holder
from licensing.rules.deed import deed
from licensing.rules.delivery.bom import bom
from licensing.rules.delivery.card import card, licence_text
from licensing.rules.delivery.policy import policy
from licensing.rules.delivery.tags import header, licence_tags
from licensing.rules.delivery.told import (
    BOM,
    CARD,
    LICENCE,
    POLICY,
    SUMS,
    TAGS,
    Ancestor,
    Base,
    Told,
    Usage,
)
from licensing.rules.may import Use
from licensing.rules.offer import Subject
from licensing.rules.reading import parse
from licensing.rules.rows import WorkKind
from licensing.rules.search import Measured
from licensing.rules.terms import show_rate

FORM = 2  # of the folder: another number forgets what is in mind
PIECE_BYTES = 1 << 18
HUB = "https://huggingface.co/"
_ODD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class File:
    """A file to download: Offered, and its bytes. files: name, bytes, SHA-256 of what is inside."""

    name: str
    kind: str
    path: str
    is_gated: bool
    size_bytes: int
    sha256: str
    files: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True)
class _Made:
    name: str
    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]


class Offered(NamedTuple):
    """What a page offers for download. kind: in words; path: of the API.

    is_gated  only to who holds a licence: path is where a signature opens the file
    """

    name: str
    kind: str
    path: str
    is_gated: bool = False


def offered(found: Work, card: SearchCard | None) -> Offered | None:
    """What may be downloaded of a work here, if anything; no byte of it is read."""
    stored = record.blob(found.content)
    if found.kind == WorkKind.BASE or stored is None or stored.withdrawn:
        return None
    if not stored.is_public:
        place = f"/api/works/{found.id}/delivery"
        is_gated = found.kind == WorkKind.DATA and is_restricted(found)
        return Offered(f"{_slug(found)}.bin", "a file", place, is_gated) if is_gated else None
    if found.kind == WorkKind.DATA:
        return Offered(f"{_slug(found)}.jsonl", "JSON lines", f"/api/blobs/{found.content}")
    if card is None or not card.manifest:
        return None
    return Offered(f"{_slug(found)}.zip", "folder for peft", f"/api/works/{found.id}/folder.zip")


def download(work_id: str) -> File:
    """What is downloaded of a work. raises WorkUnknown, FolderMissing, BlobMissing, BlobDamaged"""
    found, told = _downloadable(work_id)
    if found.kind == WorkKind.DATA:
        return File(*told, blobs.size(found.content), found.content)
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


def is_restricted(found: Work) -> bool:
    """Whether the terms say that only licence holders have access."""
    terms = parse(tags_of(found)).terms
    return terms is not None and terms.is_restricted


def check_access(work_id: str, account: str, *, now: datetime) -> File:
    """The file of a work with restricted access, when the account may have it.

    raises WorkUnknown, FolderMissing, BlobMissing, AccessNeeded
    """
    found = work(work_id)
    file = download(work_id)
    at_ms, rows = _ms(now), log.Tables()
    mine = holder(work_id, account, rows=rows, at_ms=at_ms)
    if file.is_gated and account != found.owner and not mine.holds(Use.ACCESS, at_ms=at_ms):
        message = f"{account} holds no licence that gives access to {found.title}."
        raise errors.AccessNeeded(message, work=work_id, account=account)
    return file


def check_access_by(work_id: str, account: str, key: str, *, now: datetime) -> File:
    """The same for whoever signed with this key: the one that a licence names is needed.

    Where it names none, and for the owner, a key of the account will do; and where the named key
    was revoked in the log, a key that signs for the account now.
    raises WorkUnknown, FolderMissing, BlobMissing, AccessNeeded
    """
    file, at_ms, rows = check_access(work_id, account, now=now), _ms(now), log.Tables()
    is_own = record.key_account(key) == account
    named = {one.holder_key for one in held(work_id, [Use.ACCESS], account, rows=rows, at_ms=at_ms)}
    ended = named & {one.pk for one in record.key_rows(account) if one.revoked_by}
    is_free = not file.is_gated or work(work_id).owner == account or "" in named or ended
    if key in named - {""} or (is_own and is_free):
        return file
    message = "The licence names another key than the one that signed."
    raise errors.AccessNeeded(message, work=work_id, account=account)


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)


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
    contents, told = _contents(found.content), _told(found, one, manifest)
    texts = text_files(contents, manifest, told.base.id)
    forms = {CARD: card, LICENCE: licence_text, TAGS: licence_tags, POLICY: policy}
    texts |= {name: form(told).encode() for name, form in forms.items()}
    made = [_text(name, raw) for name, raw in texts.items()]
    for name, file in tensor_files(contents, manifest, _metadata(told)).items():
        size_bytes = len(file.header) + sum(size for _, size in file.spans)
        made.append(_Made(name, size_bytes, _tensors(found.content, file.header, file.spans)))
    sums = {one.name: _sha256(one.pieces())[1] for one in made}
    made.append(_text(BOM, bom(told, sums).encode()))
    sums[BOM] = _sha256(made[-1].pieces())[1]
    made.sort(key=lambda one: one.name)
    lines = "".join(f"{sums[one.name]}  {one.name}\n" for one in made)
    return [*made, _text(SUMS, lines.encode())]


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
    terms = terms_of(found)
    at_ms, reading = found.registered_ms, parse(terms.tags)
    names = Measured.__dataclass_fields__
    base, loading = _base(manifest), loading_of(manifest)
    return Told(
        work=found,  # type: ignore[arg-type]  # the row's columns are those of its table
        terms=terms,
        measured=Measured(**{name: getattr(one, name) for name in names}),
        base=base,
        usage=Usage(
            labels=manifest.labels,
            max_tokens=manifest.tokenizer.max_tokens,
            pooling=POOLINGS[loading.pooling],
            snippet=snippet(manifest, base.id),
            pipeline=pipeline(manifest),
        ),
        sentences=[one.sentence for one in deed(Subject(reading, at_ms), now_ms=at_ms)],
        parents=[_ancestor(up, at_ms) for up in parents(found.id)],
        origin=settings.LOG_ORIGIN,
    )


def _ancestor(up: Link, at_ms: int) -> Ancestor:
    """A parent, with what its terms asked of who made something from it at that moment."""
    above = up.work
    made_from = Use.TRAIN if above.kind == WorkKind.DATA else Use.DERIVE
    subject = Subject(parse(tags_of(above)), above.registered_ms)
    clauses = deed(subject, now_ms=at_ms)
    sentences = [one.sentence for one in clauses if one.use in (made_from, Use.COMMERCIAL)]
    rate = show_rate(up.rate_e8)
    return Ancestor(above.title, above.kind, above.owner, above.id, rate, sentences, above.content)


def _metadata(told: Told) -> Callable[[tuple[tuple[int, int], ...]], dict[str, str]]:
    """What the header of a file says, which names the hash of the values behind it."""

    def of(spans: tuple[tuple[int, int], ...]) -> dict[str, str]:
        return header(told, _sha256(_tensors(told.work.content, b"", spans)())[1])

    return of


def _base(manifest: Manifest) -> Base:
    one = manifest.base
    pins = sorted(one.files.items())
    weights = next((pin for name, pin in pins if name.endswith(".safetensors")), None)
    family = one.config.kind if one.family == GENERIC else one.family
    return Base(_base_id(one.name), one.licence, weights.sha256 if weights else "", family)


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
    return f"{words}-{found.content[:8]}" if words else found.content[:8]
