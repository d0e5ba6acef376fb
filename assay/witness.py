"""A witness: cosigns a log's checkpoint once it has seen that it extends the last one cosigned.

Two people who trust the same witness cannot be shown two logs under one name. The size and root
that were cosigned last are stored before the answer leaves, by compare-and-set on the old size. So
is the note itself, which everybody may read: it proves what the log's key signed.

source  C2SP tlog-witness (add-checkpoint, monitor retrieval), tlog-cosignature (cosignature/v1)
"""

import sqlite3
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import merkle, notes
from assay.succession import successor

PATH = "/add-checkpoint"
FOLLOW_PATH = "/follow-key"
MOST_PROOF_LINES = 63
MOST_BODY_BYTES = 16 << 10
STALLED_S = 10.0  # a client that sends nothing for so long is hung up on
TEXT, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


class Answer(NamedTuple):
    """What the witness says: an HTTP status, a text, and the text's type."""

    status: int
    text: str
    content_type: str = TEXT


class Request(NamedTuple):
    """What a log asks: cosign this note; it extends the tree of `old` entries, as shown."""

    old: int
    proof: tuple[bytes, ...]
    note: str


def checkpoint_path(origin: str) -> str:
    """Where a witness serves the last checkpoint that it cosigned for a log."""
    return f"/{sha256(origin.encode()).hexdigest()}/checkpoint"


def write_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    lines = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def write_follow(entry: bytes, proof: str) -> bytes:
    """What a log asks when its key changes: the entry that announces it, and its `.tlog-proof`."""
    return b64encode(entry) + f"\n\n{proof}".encode()


def read_follow(body: bytes) -> tuple[bytes, str]:
    """raises NoteInvalid, UnicodeDecodeError"""
    first, found, proof = body.decode().partition("\n\n")
    try:
        entry = b64decode(first, validate=True)
    except ValueError:
        entry = b""
    if not found or not entry:
        raise notes.NoteInvalid("The request has another form.", reason="request form")
    return entry, proof


def read_request(body: bytes) -> Request:
    """raises NoteInvalid, UnicodeDecodeError"""
    head, found, note = body.decode().partition("\n\n")
    first, *rest = head.split("\n")
    if not found or not first.startswith("old ") or len(rest) > MOST_PROOF_LINES:
        raise notes.NoteInvalid("The request has another form.", reason="request form")
    proof = tuple(notes.read_hash(line) for line in rest)
    return Request(notes.read_number(first[4:]), proof, note)


class Memory:
    """What was cosigned last, per log: a small SQLite file that several processes may share."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._open() as base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS cosigned"
                " (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)"
            )
            # A table of its own: witnesses of earlier versions go on with the same file.
            base.execute(
                "CREATE TABLE IF NOT EXISTS noted (origin TEXT PRIMARY KEY, note TEXT NOT NULL)"
            )
            base.execute(
                "CREATE TABLE IF NOT EXISTS followed"
                " (told TEXT PRIMARY KEY, before TEXT NOT NULL, vkey TEXT NOT NULL)"
            )

    def last(self, origin: str) -> tuple[int, bytes]:
        """Size and root that were cosigned last; an empty tree when none was."""
        with self._open() as base:
            row = base.execute("SELECT size, root FROM cosigned WHERE origin = ?", (origin,))
            found: tuple[int, bytes] | None = row.fetchone()
        return found or (0, merkle.EMPTY_ROOT)

    def note(self, origin: str) -> str:
        """The note that was cosigned last, with the cosignature; empty when none was stored."""
        with self._open() as base:
            row = base.execute("SELECT note FROM noted WHERE origin = ?", (origin,))
            found: tuple[str] | None = row.fetchone()
        return found[0] if found else ""

    def followed(self, told: str) -> tuple[str, str]:
        """(the key before, the key now) of a log whose key was told as `told`."""
        with self._open() as base:
            row = base.execute("SELECT before, vkey FROM followed WHERE told = ?", (told,))
            found: tuple[str, str] | None = row.fetchone()
        return found or (told, told)

    def follow(self, told: str, before: str, vkey: str) -> None:
        """Another key signs from now on for the log whose key was told as `told`."""
        with self._open() as base:
            base.execute("INSERT OR REPLACE INTO followed VALUES (?, ?, ?)", (told, before, vkey))

    def advance(self, old: tuple[int, bytes], new: notes.Checkpoint, note: str) -> bool:
        """Store the new checkpoint if the last one is still `old`. False: another was quicker.

        note  the checkpoint as it is served: with the log's line and the cosignature
        """
        blank = (new.origin, 0, merkle.EMPTY_ROOT)
        change = (new.size, new.root, new.origin, *old)
        with self._open() as base:
            base.execute("INSERT OR IGNORE INTO cosigned VALUES (?, ?, ?)", blank)
            done = base.execute(
                "UPDATE cosigned SET size = ?, root = ? WHERE origin = ? AND size = ? AND root = ?",
                change,
            )
            if done.rowcount == 1:
                base.execute("INSERT OR REPLACE INTO noted VALUES (?, ?)", (new.origin, note))
        return done.rowcount == 1

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction, on the disk when the block ends."""
        base = sqlite3.connect(self._file, timeout=STALLED_S)
        try:
            base.execute("PRAGMA synchronous=FULL")
            with base:
                yield base
        finally:
            base.close()


@dataclass(frozen=True)
class Witness:
    """Who cosigns.

    name  of the witness, as in its verifier key
    logs  origin -> the log's verifier key, as it was told; from there it follows what the log
          announces (assay/succession.py)
    """

    name: str
    key: Ed25519PrivateKey
    logs: Mapping[str, str]
    memory: Memory

    @property
    def vkey(self) -> str:
        """The verifier key by which others know this witness."""
        public = self.key.public_key().public_bytes_raw()
        return notes.verifier_key(self.name, notes.WITNESS_KEY, public)

    def add_checkpoint(self, body: bytes, *, time_s: int) -> Answer:
        """Cosign what is asked, or say why not; the statuses are those of C2SP tlog-witness."""
        try:
            request = read_request(body)
        except (notes.NoteInvalid, UnicodeDecodeError) as error:
            return Answer(400, f"{error}\n")
        vkey = self.key_of(notes.origin_of(request.note))
        if vkey is None:
            return Answer(404, "This witness does not know the log.\n")
        try:
            notes.open_note(request.note, vkey)
        except notes.NoteInvalid as error:
            return Answer(403, f"{error}\n")
        try:
            checkpoint = notes.read_checkpoint(request.note, vkey)
        except notes.NoteInvalid as error:
            return Answer(400, f"{error}\n")
        return self._cosign(request, checkpoint, vkey, time_s)

    def key_of(self, origin: str) -> str | None:
        """The verifier key by which a log signs now; None for a log that is not known."""
        told = self.logs.get(origin)
        return told and self.memory.followed(told)[1]

    def follow_key(self, body: bytes) -> Answer:
        """Take the key that a log announces in the place of the one that signed the announcement.

        It must be the last entry of the checkpoint that was cosigned last, under the old key. So
        nobody who has the old key can lead elsewhere than to what everybody sees in the log.
        """
        try:
            raw, proof = read_follow(body)
            note = notes.note_in_proof(proof)
            told = self.logs.get(notes.origin_of(note), "")
            if not told:
                return Answer(404, "This witness does not know the log.\n")
            before, vkey = self.memory.followed(told)
            if before != vkey and successor(raw, before) == vkey:
                return Answer(200, f"{vkey}\n")
            fresh = successor(raw, vkey)
            if not fresh:
                return Answer(403, "The log's key announces no other one here.\n")
            index = notes.check_proof(proof, vkey, merkle.leaf_hash(raw))
            checkpoint = notes.read_checkpoint(note, vkey)
        except (notes.NoteInvalid, UnicodeDecodeError) as error:
            return Answer(400, f"{error}\n")
        last = self.memory.last(checkpoint.origin)
        if (checkpoint.size, checkpoint.root) != last or checkpoint.size != index + 1:
            return Answer(409, f"{last[0]}\n", SIZE)
        self.memory.follow(told, vkey, fresh)
        return Answer(200, f"{fresh}\n")

    def checkpoint(self, path: str) -> Answer:
        """The last checkpoint cosigned for the log of this path, as C2SP's monitors ask for it."""
        for origin in self.logs:
            if path == checkpoint_path(origin) and (note := self.memory.note(origin)):
                return Answer(200, note)
        return Answer(404, "This witness has cosigned no such checkpoint.\n")

    def _cosign(self, request: Request, new: notes.Checkpoint, vkey: str, time_s: int) -> Answer:
        if request.old > new.size:
            return Answer(400, "The old size is larger than the checkpoint's.\n")
        last = self.memory.last(new.origin)
        if request.old != last[0]:
            return Answer(409, f"{last[0]}\n", SIZE)
        if not _extends(last, new, request.proof):
            return Answer(
                422, "The proof does not show that this log extends the one known here.\n"
            )
        line = notes.cosign(request.note, self.name, self.key, time_s=time_s)
        note = notes.signed_only_by(request.note, [vkey]) + line
        if not self.memory.advance(last, new, note):
            return Answer(409, f"{self.memory.last(new.origin)[0]}\n", SIZE)
        return Answer(200, line)


def logs_of(vkeys: Sequence[str]) -> Mapping[str, str]:
    """origin -> verifier key of logs. raises NoteInvalid for what is no key of a log"""
    kinds = {vkey: notes.read_verifier_key(vkey)[:2] for vkey in vkeys}
    if odd := [vkey for vkey, (_, kind) in kinds.items() if kind != notes.LOG_KEY]:
        raise notes.NoteInvalid(f"{odd[0]} is not the key of a log.", reason="verifier key")
    return MappingProxyType({name: vkey for vkey, (name, _) in kinds.items()})


def server(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """An HTTP server that answers for a witness; the caller runs and closes it."""

    class Door(BaseHTTPRequestHandler):
        timeout = STALLED_S

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            size_bytes = int(length) if length.isascii() and length.isdigit() else -1
            if self.path not in (PATH, FOLLOW_PATH):
                self._send(Answer(404, f"Ask {PATH}.\n"))
            elif not 0 <= size_bytes <= MOST_BODY_BYTES:
                self.close_connection = True
                self._send(Answer(413 if size_bytes > 0 else 411, "Name the body's length.\n"))
            else:
                self._send(self._answer(self.rfile.read(size_bytes)))

        def _answer(self, body: bytes) -> Answer:
            if self.path == FOLLOW_PATH:
                return witness.follow_key(body)
            return witness.add_checkpoint(body, time_s=time.time_ns() // 10**9)

        def do_GET(self) -> None:
            vkey = Answer(200, f"{witness.vkey}\n")
            self._send(vkey if self.path == "/" else witness.checkpoint(self.path))

        def log_message(self, format: str, *words: object) -> None:
            """Quiet: the log's operator keeps the answers."""

        def _send(self, answer: Answer) -> None:
            raw = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    return ThreadingHTTPServer((host, port), Door)


def _extends(last: tuple[int, bytes], new: notes.Checkpoint, proof: Sequence[bytes]) -> bool:
    """An empty tree has one root, and everything extends it without a proof."""
    if new.size == 0 and new.root != merkle.EMPTY_ROOT:
        return False
    return merkle.is_consistent(last[0], last[1], new.size, new.root, proof)
