"""What servers answer, as errors: refusals with their code, silence, and what is no answer.

AssayError
  ClientError       what the server said: its code, status, next step and facts
    Unreachable     nobody answered
    AnswerOdd       somebody answered who is no Assay site
    AnswerEndless   the answer is longer, or takes longer, than any honest one
    DownloadDamaged the bytes are not those that were asked for
"""

import time
from collections.abc import Callable

import httpx2

from assay.errors import AssayError

TRIES = 3
PAUSE_S = 0.3  # before the second try; doubled for each further one
BUSY = frozenset({502, 503})


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


class AnswerEndless(ClientError):
    """An answer is longer, or takes longer, than any honest one. Facts: url, most_bytes."""

    code, status = "client.answer_endless", 502
    next_step = "Nothing was taken. Check the address; whoever answers there wastes your time."


class DownloadDamaged(ClientError):
    """The bytes that came are not those that were asked for. Facts: sha256, found."""

    code, status = "client.download_damaged", 422
    next_step = "Run the same command again; if it happens again, tell the operator."


def last_of(ask: Callable[[], httpx2.Response], url: str) -> httpx2.Response:
    """The last of at most three answers. raises Unreachable"""
    cause = ""
    for turn in range(TRIES):
        if turn:
            time.sleep(PAUSE_S * 2 ** (turn - 1))
        try:
            answer = ask()
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            cause = str(error) or type(error).__name__
            continue
        if answer.status_code not in BUSY or turn == TRIES - 1:
            return answer
    raise unreachable(url, cause)


def body_of(answer: httpx2.Response, *, most_bytes: int, within_s: float) -> bytes:
    """The body of a streamed answer from somebody who is not trusted to end it.

    raises AnswerEndless, and what httpx2 raises
    """
    raw, end_s = bytearray(), time.monotonic() + within_s
    for part in answer.iter_bytes():
        raw += part
        if len(raw) > most_bytes or time.monotonic() > end_s:
            url = str(answer.request.url)
            text = f"{url} gives an answer without an end in sight."
            raise AnswerEndless(text, url=url, most_bytes=most_bytes)
    return bytes(raw)


def unreachable(url: str, cause: str) -> Unreachable:
    return Unreachable(f"{url} does not answer: {cause.rstrip('.')}.", url=url, cause=cause)


def refusal(answer: httpx2.Response) -> ClientError:
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
        return odd(answer)


def odd(answer: httpx2.Response) -> AnswerOdd:
    return AnswerOdd(
        f"{answer.request.url} answered with {answer.status_code}, not as an Assay site does.",
        url=str(answer.request.url),
        http_status=answer.status_code,
    )
