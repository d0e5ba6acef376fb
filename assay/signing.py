"""Signing orders: for which log, and who may say what a log's name is.

An order names the log that it is meant for, so nobody can hand it in elsewhere. That guards only a
signer who learns the name from somebody it trusts: a stranger's site could give itself the name of
another one, and pass on there what was signed for it.
"""

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import items, messages, wire
from assay.answers import ClientError
from assay.canonical import canonical, sha256_hex

OWN_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


class OriginOdd(ClientError):
    """A site gives its log a name that belongs to another host. Facts: url, origin."""

    code, status = "client.origin_odd", 409
    next_step = (
        "Nothing was signed. If you know from elsewhere that this is the log's name, say so once:"
        " `assay auth login --log NAME`."
    )


class OriginChanged(ClientError):
    """A site gives its log another name than before. Facts: url, origin, known."""

    code, status = "client.origin_changed", 409
    next_step = (
        "Nothing was signed. Ask the operator, by another way, which name is right; then say it:"
        " `assay auth login --log NAME`."
    )


def sign_order(
    body: object, key: Ed25519PrivateKey, *, origin: str, idempotency: str
) -> items.Item:
    """A person's signed order: the same body, key and words give the same bytes.

    body         one of the order classes of assay/messages
    origin       the name of the log that it is meant for
    idempotency  words that name this wish among all wishes of the signer
    """
    kind = messages.KIND_OF[type(body)]
    tags = [("Data-Protocol", "Assay"), ("Variant", "1"), ("Kind", kind)]
    tags += [("Content-Type", "application/json"), ("Log-Origin", origin)]
    anchor = bytes.fromhex(sha256_hex(idempotency.encode()))
    return items.make(key, tags, canonical(wire.to_json(body)), anchor=anchor)


def believed(origin: str, url: str, *, known: str = "") -> str:
    """The name that a site gives its log, when it may be believed.

    known   the name that the signer knows already: then only that one will do
    raises  OriginChanged; OriginOdd for a name of another host, unless the site runs on this
            very machine
    """
    if known and origin != known:
        text = f"The log at {url} is called {origin!r} now, and was {known!r}."
        raise OriginChanged(text, url=url, origin=origin, known=known)
    host = httpx2.URL(url).host
    named = origin.partition("/")[0].partition(":")[0]
    if not known and host != named and host not in OWN_MACHINE:
        text = f"{url} calls its log {origin!r}, which is the name of another host."
        raise OriginOdd(text, url=url, origin=origin)
    return origin
