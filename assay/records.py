"""Records of what models wrote, by hashes alone: one JSON object each, in the words of ANS-112.

A batch is a file with a record per line. Its root is that of RFC 6962 over the lines, so that a
record is proved by a path of hashes. No text of a prompt or an output is ever in it.
source  ANS-112 of ArweaveTeam/arweave-standards. Its table calls the protocol
        Provenance-Confirmation and its rules DCPR; both are read, the first is written. `Prompt`
        would be content: it is refused
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay import merkle
from assay.bounds import HOSTILE
from assay.canonical import NotCanonical, canonical, read_canonical
from assay.errors import AssayError
from assay.messages.licensing import WORK_ID

PROTOCOL, PROTOCOLS = "Provenance-Confirmation", ("Provenance-Confirmation", "DCPR")
ALGORITHM, ALGORITHMS = "sha256", ("sha256", "SHA-256")
MOST_RECORDS = 1000
MOST_RECORD_BYTES = 1000
MOST_FILE_BYTES = MOST_RECORDS * (MOST_RECORD_BYTES + 1)
MOST_TEXT = 200
_NAMES = {
    "Data-Hash": "output",
    "Prompt-Hash": "prompt",
    "Model": "model",
    "Uploaded-For": "made_for",
    "Work": "work",
    "Licence": "licence",
    "Time-Ms": "at_ms",
}
_NEEDED = {"Data-Protocol", "Data-Hash", "Work", "Time-Ms"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GRAMMARS = {"Data-Hash": _SHA256, "Prompt-Hash": _SHA256, "Work": re.compile(WORK_ID)}
_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")


class RecordInvalid(AssayError):
    """A record of an output, or a file of them, is not right. Facts: line, reason."""

    code, status = "provenance.record_invalid", 422
    next_step = "Make the records with `assay.provenance`, or as docs/provenance.md says."


@dataclass(frozen=True)
class Record:
    """One output. output, prompt: SHA-256, the prompt's may be empty

    model     what its maker calls the model;  made_for: whom it was made for, in the maker's words
    work      the registered work that wrote it;  licence: the grant that it was used under
    at_ms     when, by the maker's clock
    """

    output: str
    work: str
    at_ms: int
    prompt: str = ""
    model: str = ""
    made_for: str = ""
    licence: str = ""

    def line(self) -> bytes:
        """The record as it is kept and hashed. raises RecordInvalid"""
        told = {name: str(getattr(self, field)) for name, field in _NAMES.items()}
        told |= {"Data-Protocol": PROTOCOL, "Hashing-Algo": ALGORITHM}
        try:
            raw = canonical({name: value for name, value in told.items() if value})
        except NotCanonical as error:
            raise _invalid(0, "it is no text") from error
        read_line(raw)
        return raw


def read_line(raw: bytes, place: int = 0) -> Record:
    """The record in one line. raises RecordInvalid"""
    if len(raw) > MOST_RECORD_BYTES:
        raise _invalid(place, "it is too long")
    try:
        told = read_canonical(raw)
    except NotCanonical as error:
        raise _invalid(place, "it is not canonical JSON") from error
    for name, value in told.items():
        if not isinstance(value, str) or HOSTILE.search(value) or not 1 <= len(value) <= MOST_TEXT:
            raise _invalid(place, f"{name[:40]} is no short line of text")
    if odd := told.keys() - {*_NAMES, "Data-Protocol", "Hashing-Algo"}:
        raise _invalid(place, f"{min(odd)[:40]} has no place in it")
    if missing := _NEEDED - told.keys():
        raise _invalid(place, f"it has no {min(missing)}")
    _check_values(told, place)
    said = {field: str(told.get(name, "")) for name, field in _NAMES.items()}
    return Record(**{**said, "at_ms": int(said["at_ms"])})  # type: ignore[arg-type]


def _check_values(told: dict[str, object], place: int) -> None:
    if told["Data-Protocol"] not in PROTOCOLS:
        raise _invalid(place, "Data-Protocol is another one")
    if told.get("Hashing-Algo", ALGORITHM) not in ALGORITHMS:
        raise _invalid(place, "only SHA-256 is looked up here")
    for name, grammar in _GRAMMARS.items():
        if name in told and not grammar.fullmatch(str(told[name])):
            wanted = "id of a work" if name == "Work" else "SHA-256 of 64 small hex digits"
            raise _invalid(place, f"{name} is no {wanted}")
    if not _WHOLE.fullmatch(str(told["Time-Ms"])):
        raise _invalid(place, "Time-Ms is no whole number")


def file_of(lines: Iterable[bytes]) -> bytes:
    """The file of a batch."""
    return b"".join(line + b"\n" for line in lines)


def lines_in(raw: bytes) -> list[bytes]:
    """The lines of a batch's file. raises RecordInvalid"""
    lines = raw.split(b"\n")
    if lines.pop() != b"" or not 1 <= len(lines) <= MOST_RECORDS:
        raise _invalid(0, f"a file holds 1 to {MOST_RECORDS} lines, each with its end")
    return lines


def root_of(lines: Sequence[bytes]) -> str:
    """The root over the lines, 64 hex digits."""
    return merkle.root([merkle.leaf_hash(line) for line in lines]).hex()


def path_of(lines: Sequence[bytes], place: int) -> list[str]:
    """The hashes, nearest first, that lead from a line to the root."""
    hashes = merkle.inclusion([merkle.leaf_hash(line) for line in lines], place)
    return [one.hex() for one in hashes]


def _invalid(place: int, reason: str) -> RecordInvalid:
    return RecordInvalid(f"Record {place} is not right: {reason}.", line=place, reason=reason)
