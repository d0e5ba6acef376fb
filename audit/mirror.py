"""A log and a state as a site serves them, over HTTP or from a folder of the same files.

URL               FOLDER                what
/api/log          log.json              the log's name and verifier key
/log/checkpoint   log/checkpoint        the newest signed root
/log/tile/...     log/tile/...          entries and hashes
/api/state/TABLE  state/TABLE.json      what the site says its tables hold
/api/blobs/SHA    blobs/SHA             a public file; a copy need not have them
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx2

from assay import merkle
from assay.answers import AnswerEndless, body_of
from assay.client import Told
from assay.errors import AssayError

PAGE_ROWS = 1000
TIME_LIMIT_S = 30.0  # of silence
ANSWER_LIMIT_S = 300.0
MOST_ANSWER_BYTES = 64 << 20  # a bundle has 16 MiB at most, a page of rows far less
TRIES = 3


class Unreachable(AssayError):
    """The site, or the folder, does not answer. Facts: address."""

    code, status = "audit.unreachable", 502
    next_step = "Check the address and the network, then run the same command again."


class NotServed(AssayError):
    """Something promised is absent or unreadable. Facts: address."""

    code, status = "audit.not_served", 502
    next_step = (
        "Run it again; if it stays so, the operator withholds a part of the log: ask for it."
    )


class Mirror(Protocol):
    """Somewhere a log can be read from. is_live: it may grow while it is read."""

    is_live: bool

    def about(self) -> dict[str, Any]:
        """What the site says of its log: origin, log_key. raises Unreachable, NotServed"""

    def resource(self, path: str) -> bytes:
        """Bytes below /log. raises Unreachable, NotServed"""

    def pages(self, table: str) -> Iterator[dict[str, Any]]:
        """{size, rows} of a table, page by page. raises Unreachable, NotServed"""

    def blob(self, sha256: str) -> bytes | None:
        """A public file, as it is served; None when it is not there. raises Unreachable"""


class Site:
    """A site by its URL. transport: httpx2's transport; the default is the network."""

    is_live = True

    def __init__(self, url: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        self._client = httpx2.Client(
            base_url=url.rstrip("/"),
            timeout=TIME_LIMIT_S,
            transport=transport or httpx2.HTTPTransport(retries=TRIES),
        )

    def about(self) -> dict[str, Any]:
        return _json(self._get("/api/log"), "/api/log")

    def resource(self, path: str) -> bytes:
        return self._get(f"/log/{path}")

    def pages(self, table: str) -> Iterator[dict[str, Any]]:
        after = ""
        while True:
            address = f"/api/state/{table}"
            page = _json(self._get(address, after=after, limit=str(PAGE_ROWS)), address)
            yield page
            if not page.get("rows") or page.get("is_last"):
                return
            after = str(page["rows"][-1].get("id", ""))

    def blob(self, sha256: str) -> bytes | None:
        try:
            return self._get(f"/api/blobs/{sha256}")
        except NotServed:
            return None

    def _get(self, path: str, **query: str) -> bytes:
        try:
            with self._client.stream("GET", path, params=query) as answer:
                raw = body_of(answer, most_bytes=MOST_ANSWER_BYTES, within_s=ANSWER_LIMIT_S)
        except AnswerEndless as error:
            raise _unreachable(path, "its answer has no end in sight") from error
        except httpx2.HTTPError as error:
            raise _unreachable(path, str(error) or type(error).__name__) from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            raise _not_served(path, "it is not there")
        if not answer.is_success:
            raise _unreachable(path, f"HTTP {answer.status_code}")
        return raw


class Folder:
    """A copy of what a site serves."""

    is_live = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def about(self) -> dict[str, Any]:
        return _json(self._read("log.json"), "log.json")

    def resource(self, path: str) -> bytes:
        return self._read(f"log/{path}")

    def pages(self, table: str) -> Iterator[dict[str, Any]]:
        name = f"state/{table}.json"
        yield _json(self._read(name), name)

    def blob(self, sha256: str) -> bytes | None:
        try:
            return self._read(f"blobs/{sha256}")
        except NotServed:
            return None

    def _read(self, name: str) -> bytes:
        if not self._folder.is_dir():
            told = f"There is no folder {self._folder}; a site's address begins with http(s)://."
            raise Unreachable(told, address=str(self._folder))
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise _not_served(name, error.strerror or "it cannot be read") from error


def mirror_at(place: str) -> Mirror:
    """A site for a URL, a folder for everything else."""
    return Site(place) if place.startswith(("http://", "https://")) else Folder(Path(place))


def entries(mirror: Mirror, start: int, size: int, told: Told) -> Iterator[bytes]:
    """The entries from index `start` on, of a log of this size, in order.

    told    hears (entries done, entries in all) before every bundle and at the end
    raises  Unreachable, NotServed
    """
    for number, width in merkle.tile_widths(size):
        first = number * merkle.TILE
        if first + width > start:
            told(first, size)
            path = merkle.tile_path("entries", number, width)
            yield from split_bundle(mirror.resource(path), width, path)[max(0, start - first) :]
    told(size, size)


def split_bundle(raw: bytes, width: int, path: str) -> list[bytes]:
    """The entries of a bundle: `width` times a u16 length and that many bytes. raises NotServed"""
    found, at = [], 0
    while at + 2 <= len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        found.append(raw[at + 2 : end])
        at = end
    if len(found) != width or at != len(raw):
        raise _not_served(path, f"it does not hold {width} entries")
    return found


def _json(raw: bytes, address: str) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise _not_served(address, "it is not JSON") from error
    if not isinstance(value, dict):
        raise _not_served(address, "it is not a JSON object")
    return value


def _unreachable(address: str, why: str) -> Unreachable:
    return Unreachable(f"{address} does not answer: {why}.", address=address)


def _not_served(address: str, why: str) -> NotServed:
    return NotServed(f"{address} cannot be used: {why}.", address=address)
