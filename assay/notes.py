"""Signed notes, checkpoints and proof files, as C2SP writes them.

source  C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import keys, merkle
from assay.errors import AssayError

LOG_KEY, WITNESS_KEY = 1, 4  # algorithm bytes: Ed25519 log signature, Ed25519 cosignature/v1
PROOF_MAGIC = "c2sp.org/tlog-proof@v1"


class NoteInvalid(AssayError):
    """A note, checkpoint or proof does not verify. Facts: reason."""

    code, status = "log.note_invalid", 422
    next_step = "Fetch it again; if it still fails, the log is not what it claims to be."


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: its name, how many entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The 4 bytes that name a key in a signature line."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def verifier_key(name: str, kind: int, public: bytes) -> str:
    """The text form of a public key: name+id+base64(kind || key)."""
    material = b64encode(bytes([kind]) + public).decode()
    return f"{name}+{key_id(name, kind, public).hex()}+{material}"


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note of a checkpoint. Same checkpoint and key, same text."""
    return sign(checkpoint.text(), checkpoint.origin, key)


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """A note of this text, which ends with a line end, signed by a log's key under its name."""
    public, signature = key.public_key().public_bytes_raw(), key.sign(text.encode())
    return text + "\n" + _signature_line(name, LOG_KEY, public, signature)


def cosign(note: str, name: str, key: Ed25519PrivateKey, *, time_s: int) -> str:
    """A witness's line for a note; the caller has checked consistency."""
    text = note.rsplit("\n\n", 1)[0] + "\n"
    signature = key.sign(f"cosignature/v1\ntime {time_s}\n{text}".encode())
    public = key.public_key().public_bytes_raw()
    return _signature_line(name, WITNESS_KEY, public, time_s.to_bytes(8, "big") + signature)


def open_note(note: str, vkey: str) -> str:
    """The text of a note, once a line by this key is there and verifies; others are not looked at.

    raises NoteInvalid, also when a line names this key and does not verify
    """
    name, kind, public = read_verifier_key(vkey)
    wanted = key_id(name, kind, public)
    text, found, marks = note.rpartition("\n\n")
    if not found:
        raise _bad("no signatures")
    mine = [one for line in _lines(marks) if (one := _signature_of(line, name, wanted))]
    if not mine:
        raise _bad("no signature by this key")
    if not all(_line_verifies(f"{text}\n", kind, public, one) for one in mine):
        raise _bad("signature")
    return f"{text}\n"


def name_of(vkey: str) -> str:
    """Whose key it is: a log's origin, or a witness's name."""
    return vkey.partition("+")[0]


def read_verifier_key(vkey: str) -> tuple[str, int, bytes]:
    """(name, kind, public bytes) of a verifier key. raises NoteInvalid"""
    name, _, rest = vkey.partition("+")
    short, _, material = rest.partition("+")
    raw = _decode(material)
    if len(raw) != 33 or key_id(name, raw[0], raw[1:]).hex() != short:
        raise _bad("verifier key")
    return name, raw[0], raw[1:]


def read_checkpoint(note: str, vkey: str) -> Checkpoint:
    """The checkpoint in a note signed by the log's key. raises NoteInvalid"""
    lines = open_note(note, vkey).split("\n")
    if len(lines) != 4 or lines[0] != name_of(vkey):
        raise _bad("checkpoint form" if len(lines) != 4 else "origin")
    root = _decode(lines[2])
    if len(root) != 32:
        raise _bad("root")
    return Checkpoint(lines[0], read_number(lines[1]), root)


def read_number(text: str) -> int:
    """A decimal number in its one spelling. raises NoteInvalid"""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and str(int(text)) == text):
        raise _bad("number")
    return int(text)


def signed_by(note: str, vkeys: Sequence[str]) -> list[str]:
    """Those of the keys that signed a note, such as its witnesses. raises NoteInvalid"""
    found = []
    for vkey in vkeys:
        name, kind, public = read_verifier_key(vkey)
        lines = _lines(note.rpartition("\n\n")[2])
        if any(_signature_of(line, name, key_id(name, kind, public)) for line in lines):
            open_note(note, vkey)
            found.append(vkey)
    return found


def cosignature_in(text: str, note: str, vkey: str) -> str:
    """The line of this key among a witness's answer to a note; unknown keys' lines are dropped.

    raises NoteInvalid when there is none, or when it is not over this note
    """
    name, kind, public = read_verifier_key(vkey)
    wanted = key_id(name, kind, public)
    for line in _lines(text):
        if _signature_of(line, name, wanted):
            open_note(f"{note}{line}\n", vkey)
            return f"{line}\n"
    raise _bad("no signature by this key")


def signed_only_by(note: str, vkeys: Sequence[str]) -> str:
    """The note with the lines of these keys alone, those of them that it has. raises NoteInvalid"""
    text, _, marks = note.rpartition("\n\n")
    head = f"{text}\n\n"
    lines = (cosignature_in(marks, head, vkey) for vkey in signed_by(note, vkeys))
    return head + "".join(lines)


def origin_of(note: str) -> str:
    """What a note says it is about: its first line, unverified."""
    return note.partition("\n")[0]


def size_of(note: str) -> int:
    """How many entries a note says it is over: its second line, unverified. raises NoteInvalid"""
    return read_number(note.partition("\n")[2].partition("\n")[0])


def write_proof(index: int, proof: Sequence[bytes], note: str) -> str:
    """A `.tlog-proof` file: this entry is in the log of this checkpoint."""
    lines = "".join(b64encode(one).decode() + "\n" for one in proof)
    return f"{PROOF_MAGIC}\nindex {index}\n{lines}\n{note}"


def note_in_proof(text: str) -> str:
    """The signed checkpoint at the end of a proof file, unverified."""
    return text.partition("\n\n")[2]


def check_proof(text: str, vkey: str, leaf: bytes, *, witnesses: Sequence[str] = ()) -> int:
    """The entry's index, when the file proves that this leaf is in the log of this key.

    witnesses  verifier keys of those who must all have cosigned the checkpoint
    raises     NoteInvalid
    """
    head, found, note = text.partition("\n\n")
    magic, *rest = head.split("\n")
    if rest and rest[0].startswith("extra "):
        rest = rest[1:]
    if not found or magic != PROOF_MAGIC or not rest or not rest[0].startswith("index "):
        raise _bad("not a proof file")
    index = read_number(rest[0][6:])
    checkpoint = read_checkpoint(note, vkey)
    proof = [read_hash(one) for one in rest[1:]]
    try:
        top = merkle.root_of_inclusion(leaf, index, checkpoint.size, proof)
    except ValueError as error:
        raise _bad(str(error)) from error
    if top != checkpoint.root:
        raise _bad("not included")
    if len(signed_by(note, witnesses)) != len(witnesses):
        raise _bad("no cosignature by a witness that is needed")
    return index


def read_hash(line: str) -> bytes:
    """One hash of a proof, 32 bytes. raises NoteInvalid"""
    raw = _decode(line)
    if len(raw) != 32:
        raise _bad("hash")
    return raw


def _signature_line(name: str, kind: int, public: bytes, signature: bytes) -> str:
    return f"\u2014 {name} {b64encode(key_id(name, kind, public) + signature).decode()}\n"


def _signature_of(line: str, name: str, wanted: bytes) -> bytes | None:
    dash, _, rest = line.partition(" ")
    who, _, blob = rest.partition(" ")
    if dash != "\u2014":
        raise _bad("signature line")
    raw = _decode(blob)
    return raw[4:] if who == name and raw[:4] == wanted else None


def _line_verifies(text: str, kind: int, public: bytes, signature: bytes) -> bool:
    if kind == LOG_KEY:
        return keys.verifies(public, signature, text.encode())
    time_s = int.from_bytes(signature[:8], "big")
    signed = f"cosignature/v1\ntime {time_s}\n{text}".encode()
    return kind == WITNESS_KEY and keys.verifies(public, signature[8:], signed)


def _lines(marks: str) -> list[str]:
    """Signature lines: each ends with a line feed, and nothing else ends one. raises NoteInvalid"""
    *lines, rest = marks.split("\n")
    if rest:
        raise _bad("signature line")
    return lines


def _decode(text: str) -> bytes:
    """Base64 in its one spelling: the unused bits of the last letter are zero."""
    try:
        raw = b64decode(text, validate=True)
    except NotBase64 as error:
        raise _bad("base64") from error
    if b64encode(raw).decode() != text:
        raise _bad("base64")
    return raw


def _bad(reason: str) -> NoteInvalid:
    return NoteInvalid(f"The note does not verify: {reason}.", reason=reason)
