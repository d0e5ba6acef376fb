"""One line in a program that uses a licensed model records what it made, by hashes alone:

    from assay import provenance

    provenance.record(answer, prompt=question, work=WORK, licence=GRANT)

Many outputs go together, as one order:

    with provenance.batch(work=WORK, licence=GRANT) as made:
        made.record(answer, prompt=question)

Address, token and key are those of `assay auth login`. Neither output nor prompt leaves the
machine: their SHA-256 does. docs/provenance.md says what a record proves, and what it does not.
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import keys, messages, records
from assay.canonical import sha256_file, sha256_hex
from assay.cli.home import DEFAULTS, home_at
from assay.client import Client

Content = str | bytes | Path


def record(  # noqa: PLR0913 - what a record says
    output: Content,
    *,
    work: str,
    prompt: Content = "",
    licence: str = "",
    model: str = "",
    home: Path | None = None,
) -> dict[str, Any]:
    """Record one output that a work made; raises ClientError, RecordInvalid.

    output   a text, bytes, or the path of a file;  prompt: the same, or nothing
    licence  the grant that the work is used under;  model: what you call the model
    home     the folder of settings and keys, when it is not the usual one
    returns  {"id", "kind", "receipt", "result"}: the order that is on the log now
    """
    with batch(work=work, licence=licence, model=model, home=home) as made:
        made.record(output, prompt=prompt)
    return made.sent[-1]


def batch(*, work: str, licence: str = "", model: str = "", home: Path | None = None) -> "Batch":
    """Outputs of one work that are recorded together, when the block ends. As `record`."""
    here = home_at(home)
    url = (here.settings().get("url") or DEFAULTS["url"]).rstrip("/")
    client = Client(url, token=here.token(url), origin=here.origin(url))
    key = keys.read_key(here.key_path("default"))
    return Batch(client, key, work=work, licence=licence, model=model)


class Batch:
    """Collects records and sends them: when it is full, and when the block ends.

    client, key  whose word it is;  now_ms: the clock
    sent         the answers to the orders so far
    """

    def __init__(  # noqa: PLR0913 - what a record says
        self,
        client: Client,
        key: Ed25519PrivateKey,
        *,
        work: str,
        licence: str = "",
        model: str = "",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.client, self.key = client, key
        self.work, self.licence, self.model = work, licence, model
        self.sent: list[dict[str, Any]] = []
        self._now_ms, self._lines = now_ms, list[bytes]()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was made is recorded, also when the program fails afterwards."""
        with self.client:
            self.send()

    def record(self, output: Content, *, prompt: Content = "", made_for: str = "") -> str:
        """Note one output; answers with its SHA-256. made_for: whom for. raises RecordInvalid"""
        made = records.Record(
            output=hash_of(output),
            work=self.work,
            at_ms=self._now_ms(),
            prompt=hash_of(prompt) if prompt else "",
            model=self.model,
            made_for=made_for,
            licence=self.licence,
        )
        self._lines.append(made.line())
        if len(self._lines) == records.MOST_RECORDS:
            self.send()
        return made.output

    def send(self) -> None:
        """Send the file of what was noted, and the order that signs its root. raises ClientError"""
        if not self._lines:
            return
        name = self.client.put(records.file_of(self._lines))
        root, size = records.root_of(self._lines), len(self._lines)
        body = messages.ProvenanceRecord(self.work, root, size, name, self.licence or None)
        answer = self.client.order(body, self.key, idempotency=f"provenance.record/{name}")
        self._lines.clear()
        self.sent.append(answer)


def hash_of(content: Content) -> str:
    """SHA-256 of a text's UTF-8, of bytes, or of a file."""
    if isinstance(content, Path):
        return sha256_file(content)
    return sha256_hex(content.encode() if isinstance(content, str) else content)
