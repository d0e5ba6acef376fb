"""The HTTP client of the command line and of anybody's program. It prints nothing.

Every request may be sent twice: bytes are named by their hash, orders by their signature. So each
is tried again when the connection breaks or a front answers 502 or 503. Its errors are those of
assay/answers.py.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import answers, keys
from assay.answers import (
    AnswerOdd,
    ClientError,
    DownloadDamaged,
    Unreachable,
    last_of,
    odd,
    refusal,
    unreachable,
)
from assay.canonical import sha256_file, sha256_hex
from assay.messages import Opening
from assay.signing import believed, sign_order
from assay.tokens import DAYS, SCOPES

__all__ = [
    "AnswerOdd", "Client", "ClientError", "DownloadDamaged", "Told", "Unreachable", "sign_order",
]  # fmt: skip

CHUNK_BYTES = 256 << 10
WHOLE_BYTES = 8 << 20  # a larger file goes by parts
BYTES = "application/octet-stream"
TIMEOUTS = httpx2.Timeout(60.0, connect=5.0)
USER_AGENT = "assay-client/0.1"

Told = Callable[[int, int], None]  # hears how much of a long work is done: (done, in all)


class Client:
    """Talks to one site.

    url        where it is, such as https://assay.example
    token      what `open_session` gave; empty for what everybody may read
    origin     the name of its log, when known; else the site is asked once, and believed when it
               names its own host
    transport  httpx2's transport; the default is the network
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        origin: str = "",
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._origin, self._is_asked = origin, False
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._transport = transport
        self._http = httpx2.Client(headers=headers, timeout=TIMEOUTS, transport=transport)

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

    def origin(self) -> str:
        """The log's name, as the site says it, asked once. raises OriginOdd, OriginChanged"""
        if not self._is_asked:
            told = str(self.get("/api/log")["origin"])
            self._origin = believed(told, self.url, known=self._origin)
            self._is_asked = True
        return self._origin

    def order(self, body: object, key: Ed25519PrivateKey, *, idempotency: str) -> dict[str, Any]:
        """Sign an order and hand it in; the same words again give the same answer.

        returns  {"id", "kind", "receipt", "result"}
        raises   ClientError
        """
        origin = self._origin or self.origin()
        raw = sign_order(body, key, origin=origin, idempotency=idempotency).encode()
        headers = {"Content-Type": BYTES}
        answer = self._send("POST", "/api/messages", content=raw, headers=headers)
        found: dict[str, Any] = self._json(answer)
        return found

    def hand_in(self, competition: str, opening: Opening) -> str:
        """Hand in what opens the commitment of an entry, before its order; answers with it.

        The files are there by `upload`. raises ClientError
        """
        body = {"competition": competition, **asdict(opening)}
        return str(self.post("/api/submissions/openings", body)["commitment"])

    def open_session(
        self,
        account: str,
        key: Ed25519PrivateKey,
        *,
        at_ms: int,
        scopes: Sequence[str] = SCOPES,
        days: int = DAYS,
    ) -> dict[str, Any]:
        """Sign in with a key, for a token that may do all that the key's owner does with one.

        scopes   fewer of them;  days: until it expires
        returns  {"token", "account", "scopes", "expires_at"}; raises ClientError
        """
        origin = self.origin()
        words = f"assay-session-v1\0{origin}\0{account}\0{at_ms}"
        body = {
            "account": account,
            "public": keys.public_hex(key),
            "at_ms": at_ms,
            "signature": key.sign(words.encode()).hex(),
            "scopes": list(scopes),
            "days": days,
        }
        found: dict[str, Any] = self.post("/api/sessions", body)
        return found

    def browser_link(self, account: str, key: Ed25519PrivateKey, *, at_ms: int) -> dict[str, Any]:
        """Where a browser signs in, once. returns {"url", "account", "expires_at_ms"}

        raises ClientError
        """
        body = self._signed("assay-web-v1", account, key, at_ms)
        found: dict[str, Any] = self.post("/api/sessions/web", {**body, "at_ms": at_ms})
        path = str(found.pop("path"))
        return {"url": f"{self.url}{path}", **found}

    def add_key(self, account: str, key: Ed25519PrivateKey, *, code: str) -> dict[str, Any]:
        """Let a key sign for an account, with a code of its page of keys.

        returns  {"account", "key", "receipt"}; raises ClientError
        """
        body = self._signed("assay-key-v1", account, key, code)
        found: dict[str, Any] = self.post("/api/sessions/keys", {**body, "code": code})
        return found

    def delivery(self, work: str, account: str, key: Ed25519PrivateKey) -> dict[str, Any]:
        """Where a licence's holder gets the file of a work with restricted access, for an hour.

        returns  {"url", "expires_at_ms"}; raises ClientError
        """
        place = f"/api/works/{work}/delivery"
        challenge = str(self.post(f"{place}/challenge", {"account": account})["challenge"])
        body = self._signed("assay-delivery-v2", account, key, work, challenge)
        found: dict[str, Any] = self.post(place, {**body, "challenge": challenge})
        return found

    def _signed(
        self, purpose: str, account: str, key: Ed25519PrivateKey, *said: object
    ) -> dict[str, Any]:
        """A signature over what makes it count once, for this log at this very host."""
        origin, host = self.origin(), httpx2.URL(self.url).netloc.decode()
        words = "\0".join(map(str, (purpose, origin, host, account, *said)))
        signature = key.sign(words.encode()).hex()
        return {"account": account, "public": keys.public_hex(key), "signature": signature}

    def put(self, raw: bytes) -> str:
        """Store some bytes, at most those that go in one piece; answers with their SHA-256.

        raises ClientError
        """
        name = sha256_hex(raw)
        self._send("PUT", f"/api/blobs/{name}", content=raw, headers={"Content-Type": BYTES})
        return name

    def upload(self, path: Path, *, told: Told | None = None) -> str:
        """Put a file into the store, unless you did before; answers with its SHA-256.

        A larger file goes by parts. When the connection breaks for good, call it again, today or
        from another process: the parts that are there are not sent again.
        raises ClientError
        """
        name, size_bytes = sha256_file(path), path.stat().st_size
        tell = told or _nobody
        if self._is_stored(name):
            tell(size_bytes, size_bytes)
        elif size_bytes <= WHOLE_BYTES:
            headers = {"Content-Type": BYTES, "Content-Length": str(size_bytes)}
            self._send(
                "PUT",
                f"/api/blobs/{name}",
                headers=headers,
                fresh_content=lambda: _chunks(path, size_bytes, tell),
            )
        else:
            self._upload_parts(path, name, size_bytes, tell)
        return name

    def download(
        self, name: str, target: Path, *, path: str = "", told: Told | None = None
    ) -> bool:
        """Fetch a public file by its SHA-256 into `target`; False when it was there already.

        What a broken connection left of it is gone on with. path: where the site has it; else among
        the blobs
        raises ClientError, DownloadDamaged; then `target` is as it was
        """
        if target.is_file() and sha256_file(target) == name:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{name[:16]}.part")
        self._fetch(path or f"/api/blobs/{name}", part, told or _nobody)
        found = sha256_file(part)
        if found != name:
            part.unlink()
            raise DownloadDamaged("The file was damaged on its way.", sha256=name, found=found)
        part.replace(target)
        return True

    def _upload_parts(self, path: Path, name: str, size_bytes: int, told: Told) -> None:
        """Send the parts that are not there yet, then have them joined."""
        upload = self.post("/api/uploads", {"sha256": name, "size_bytes": size_bytes})
        place, step = f"/api/uploads/{upload['id']}", int(upload["part_bytes"])
        here = set(upload["here"])
        done = sum(min(step, size_bytes - number * step) for number in here)
        with path.open("rb") as file:
            for number in range(int(upload["parts"])):
                told(done, size_bytes)
                if number in here:
                    continue
                file.seek(number * step)
                raw = file.read(step)
                self._send_part(f"{place}/parts/{number}", raw, is_direct=upload["is_direct"])
                done += len(raw)
        self._complete(place, name)
        told(size_bytes, size_bytes)

    def _send_part(self, place: str, raw: bytes, *, is_direct: bool) -> None:
        """To the site, or to the address that the site names: there without our token."""
        asked = {"sha256": sha256_hex(raw)}
        if not is_direct:
            self._send("PUT", place, params=asked, content=raw, headers={"Content-Type": BYTES})
            return
        where = self.get(place, **asked)
        with httpx2.Client(timeout=TIMEOUTS, transport=self._transport) as store:
            answer = last_of(
                lambda: store.put(where["url"], content=raw, headers=where["headers"]), where["url"]
            )
        if not answer.is_success:
            raise odd(answer)

    def _complete(self, place: str, name: str) -> None:
        try:
            self._send("POST", f"{place}/complete")
        except ClientError as error:  # joined before, and the answer was lost
            if error.code != "ledger.upload_unknown" or not self._is_stored(name):
                raise

    def _is_stored(self, name: str) -> bool:
        answer = self._try("HEAD", f"/api/blobs/{name}")
        return answer.status_code == httpx2.codes.OK

    def _fetch(self, path: str, part: Path, told: Told) -> None:
        """Bring `part` up to the whole file; it goes on as long as more comes."""
        failures = 0
        while True:
            before = part.stat().st_size if part.exists() else 0
            try:
                self._fetch_from(before, path, part, told)
            except httpx2.TransportError as error:
                came = part.exists() and part.stat().st_size > before
                failures = 0 if came else failures + 1
                if failures == answers.TRIES:
                    raise unreachable(self.url, str(error) or type(error).__name__) from error
                time.sleep(answers.PAUSE_S * 2**failures)
                continue
            return

    def _fetch_from(self, start: int, path: str, part: Path, told: Told) -> None:
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._http.stream("GET", self.url + path, headers=headers) as answer:
            if answer.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
                return  # all of it is here; its hash says whether it is right
            if not answer.is_success:
                answer.read()
                raise refusal(answer)
            is_rest = answer.status_code == httpx2.codes.PARTIAL_CONTENT
            done = start if is_rest else 0
            total = done + int(answer.headers.get("Content-Length", 0))
            with part.open("ab" if is_rest else "wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    done += len(chunk)
                    told(done, max(total, done))

    def _send(self, method: str, path: str, **asked: Any) -> httpx2.Response:
        answer = self._try(method, path, **asked)
        if answer.is_success:
            return answer
        raise refusal(answer)

    def _try(
        self,
        method: str,
        path: str,
        *,
        fresh_content: Callable[[], Iterable[bytes]] | None = None,
        **asked: Any,
    ) -> httpx2.Response:
        """The last of at most three answers. raises Unreachable"""

        def ask() -> httpx2.Response:
            content = {"content": fresh_content()} if fresh_content else {}
            return self._http.request(method, self.url + path, **{**asked, **content})

        return last_of(ask, self.url)

    def _json(self, answer: httpx2.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise odd(answer) from error


def _nobody(_done: int, _total: int) -> None:
    """Nobody wants to know how much is done."""


def _chunks(path: Path, size_bytes: int, told: Told) -> Iterator[bytes]:
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            done += len(chunk)
            told(done, size_bytes)
