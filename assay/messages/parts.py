"""What several kinds of messages are made of."""

from dataclasses import dataclass

from assay.wire import Nano

Tag = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One movement of money inside a fact. kind: single, pending, post, void, expire."""

    id: str
    kind: str
    debit: str
    credit: str
    amount_nano: Nano
    code: str
    pending_id: str | None = None
    timeout_s: int | None = None
    reference: str | None = None


@dataclass(frozen=True)
class FileRef:
    """A public file in the blob store."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Share:
    """Whoever is paid from a work's pool, and how much of it, by weight."""

    payee: str
    weight: int
