"""The HTTP client of the command line and of anybody's program. It prints nothing.

Every request may be sent twice: bytes are named by their hash, orders by their signature. So each
is tried again when the connection breaks or a front answers 502 or 503.

    AssayError
      ClientError       what the server said: its code, status, next step and facts
        Unreachable     nobody answered
        AnswerOdd       somebody answered who is no Assay site
        DownloadDamaged the bytes are not those that were asked for
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import items, keys, messages, wire
from assay.canonical import canonical, sha256_file, sha256_hex
from assay.errors import AssayError

TRIES = 3
PAUSE_S = 0.3  # before the second try; doubled for each further one
BUSY = frozenset({502, 503})
CHUNK_BYTES = 256 << 10
TIMEOUTS = httpx.Timeout(60.0, connect=5.0)
USER_AGENT = "assay-client/0.1"

Told = Callable[[int, int], None]  # (bytes done, bytes in all)


class ClientError(AssayError):
    """The server refused. Facts: those of its error; the code is the server's."""

    code, status = "client.refused", 400

    def __init__(self, message: str, *, next_step: str = "", **facts: object) -> None:
        told = {name: facts.pop(name) for name in ("code", "status") if name in facts}
        super().__init__(message, next_step=next_step, **facts)
        self.code = str(told.get("code", type(self).code))
        self.status = int(str(told.get("status", type(self).status)))


class Unreachable(ClientError):
    """Nobody answered. Facts: url, cause."""

    code, status = "client.unreachable", 503
    next_step = (
        "Check the address and your connection, then run the same command again; it is safe."
    )


class AnswerOdd(ClientError):
    """The answer is not that of an Assay site. Facts: url, http_status."""

    code, status = "client.answer_odd", 502
    next_step = (
        "Check the address: `assay config view` shows it, `assay config set url` changes it."
    )


class DownloadDamaged(ClientError):
    """The bytes that came are not those that were asked for. Facts: sha256, found."""

    code, status = "client.download_damaged", 422
    next_step = "Run the same command again; if it happens again, tell the operator."


class Client:
    """Talks to one site.

    url        where it is, such as https://assay.example
    token      what `open_session` gave; empty for what everybody may read
    transport  httpx's transport; the default is the network
    """

    def __init__(
        self, url: str, *, token: str = "", transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(headers=headers, timeout=TIMEOUTS, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **asked: str | int) -> Any:
        """The JSON at a path of the API. raises ClientError"""
        return self._json(self._send("GET", path, params=asked))

    def text(self, path: str, **asked: str | int) -> str:
        """The text at a path: a checkpoint, a receipt, a CSV. raises ClientError"""
        return self._send("GET", path, params=asked).text

    def raw(self, path: str) -> bytes:
        """The bytes at a path: an entry, a tile. raises ClientError"""
        return self._send("GET", path).content

    def post(self, path: str, value: Mapping[str, object]) -> Any:
        """Send JSON, get JSON. raises ClientError"""
        return self._json(self._send("POST", path, json=dict(value)))

    def delete(self, path: str) -> None:
        """raises ClientError"""
        self._send("DELETE", path)

    def listed(self, path: str, **asked: str | int) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page. raises ClientError"""
        after: dict[str, str | int] = {}
        while True:
            found = self.get(path, **{**asked, **after})
            if isinstance(found, list):
                yield from found
                return
            yield from found["items"]
            if not found.get("next"):
                return
            after = {"after": found["next"]}

    def order(self, body: object, key: Ed25519PrivateKey, *, idempotency: str) -> dict[str, Any]:
        """Sign an order and hand it in; the same words again give the same answer.

        returns  {"id", "kind", "result"}
        raises   ClientError
        """
        raw = sign_order(body, key, idempotency=idempotency).encode()
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._send("POST", "/api/messages", content=raw, headers=headers)
        found: dict[str, Any] = self._json(answer)
        return found

    def open_session(self, account: str, key: Ed25519PrivateKey, *, at_ms: int) -> dict[str, Any]:
        """Sign in with a key. returns {"token", "account", "expires_at"}; raises ClientError"""
        origin = str(self.get("/api/log")["origin"])
        words = f"assay-session-v1\0{origin}\0{account}\0{at_ms}"
        body = {
            "account": account,
            "public": keys.public_hex(key),
            "at_ms": at_ms,
            "signature": key.sign(words.encode()).hex(),
        }
        found: dict[str, Any] = self.post("/api/sessions", body)
        return found

    def upload(self, path: Path, *, told: Told | None = None) -> str:
        """Put a file into the store, unless you did before; answers with its SHA-256.

        raises ClientError
        """
        name, size_bytes = sha256_file(path), path.stat().st_size
        if self._is_stored(name):
            if told:
                told(size_bytes, size_bytes)
            return name
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        self._send(
            "PUT",
            f"/api/blobs/{name}",
            headers=headers,
            fresh_content=lambda: _chunks(path, size_bytes, told),
        )
        return name

    def download(self, name: str, target: Path, *, told: Told | None = None) -> bool:
        """Fetch a public file by its SHA-256 into `target`; False when it was there already.

        raises ClientError, DownloadDamaged; then `target` is as it was
        """
        if target.is_file() and sha256_file(target) == name:
            return False
        raw = self._fetch(name, told)
        found = sha256(raw).hexdigest()
        if found != name:
            raise DownloadDamaged("The file was damaged on its way.", sha256=name, found=found)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(raw)
        part.replace(target)
        return True

    def _is_stored(self, name: str) -> bool:
        answer = self._try("HEAD", f"/api/blobs/{name}")
        return answer.status_code == httpx.codes.OK

    def _fetch(self, name: str, told: Told | None) -> bytes:
        answer = self._send("GET", f"/api/blobs/{name}")
        if told:
            told(len(answer.content), len(answer.content))
        return answer.content

    def _send(self, method: str, path: str, **asked: Any) -> httpx.Response:
        answer = self._try(method, path, **asked)
        if answer.is_success:
            return answer
        raise _refusal(answer)

    def _try(
        self,
        method: str,
        path: str,
        *,
        fresh_content: Callable[[], Iterable[bytes]] | None = None,
        **asked: Any,
    ) -> httpx.Response:
        """The last of at most three answers. raises Unreachable"""
        cause = ""
        for turn in range(TRIES):
            if turn:
                time.sleep(PAUSE_S * 2 ** (turn - 1))
            if fresh_content:
                asked["content"] = fresh_content()
            try:
                answer = self._http.request(method, self.url + path, **asked)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                cause = str(error) or type(error).__name__
                continue
            if answer.status_code not in BUSY or turn == TRIES - 1:
                return answer
        raise Unreachable(f"{self.url} does not answer: {cause}.", url=self.url, cause=cause)

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise _odd(answer) from error


def sign_order(body: object, key: Ed25519PrivateKey, *, idempotency: str) -> items.Item:
    """A person's signed order: the same body, key and words give the same bytes.

    body         one of the order classes of assay/messages.py
    idempotency  words that name this wish among all wishes of the signer
    """
    kind = messages.KIND_OF[type(body)]
    tags = [("Data-Protocol", "Assay"), ("Variant", "1"), ("Kind", kind)]
    tags.append(("Content-Type", "application/json"))
    anchor = bytes.fromhex(sha256_hex(idempotency.encode()))
    return items.make(key, tags, canonical(wire.to_json(body)), anchor=anchor)


def _refusal(answer: httpx.Response) -> ClientError:
    try:
        told = answer.json()
        facts = {str(name): value for name, value in dict(told["facts"]).items()}
        for taken in ("code", "status", "message", "next_step"):
            facts.pop(taken, None)
        return ClientError(
            str(told["message"]),
            next_step=str(told["next"]),
            code=str(told["code"]),
            status=answer.status_code,
            **facts,
        )
    except (ValueError, KeyError, TypeError):
        return _odd(answer)


def _odd(answer: httpx.Response) -> AnswerOdd:
    return AnswerOdd(
        f"{answer.request.url} answered with {answer.status_code}, not as an Assay site does.",
        url=str(answer.request.url),
        http_status=answer.status_code,
    )


def _chunks(path: Path, size_bytes: int, told: Told | None) -> Iterator[bytes]:
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            done += len(chunk)
            if told:
                told(done, size_bytes)
