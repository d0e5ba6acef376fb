"""Two worlds that may differ by what is hidden alone: what they answer, and whether it is alike.

Ids, hashes, signatures, salts and tokens are long words of hex or base64. Two answers tell the same
when they are as long, all else in them is equal, and each such word of the one stands for the same
word of the other wherever it is met. What is packed in base64 is compared by the JSON in it, and so
is what is no text.
"""

import base64
import re
from dataclasses import dataclass, field

from django.db import connection

WORD = re.compile(
    rb"[A-Za-z0-9+/_=-]{32,}"
    rb"|\b[0-9a-f]{16}\b"  # the first half of a root
    rb"|[A-Za-z0-9_-]{10,12}(?=\xe2\x80\xa6)"  # a hash as pages shorten it
    rb"|(?<=<code>)[A-Za-z0-9_-]{8}(?=</code>)"  # by what one knows a token
    rb"|(?<=Revoke<span class=\"unseen\"> )[A-Za-z0-9_-]{8}"
)
PACKED_LEAST = 128  # characters; a signature has 88
JSON = re.compile(rb'\{"[ -~]*\}')
ROWS, NEXT_ROW, LAST_ROW = b'"rows": [{', b"}, {", b"}]"
FRESH = {"X-Request-Id", "Set-Cookie", "Expires"}


@dataclass(frozen=True)
class Answer:
    """What an address said, and what it cost. raw: status, headers and body"""

    address: str
    raw: bytes
    queries: int

    @property
    def all(self):
        """Also what is packed in it."""
        return b"\n".join([self.raw, *(unpacked(one) for one in WORD.findall(self.raw))])


def asked(client, address, headers):
    """The answer of an address to somebody."""
    made = []
    with connection.execute_wrapper(lambda run, *told: (made.append(told[0]), run(*told))[1]):
        answer = client.get(address, headers=headers)
        body = answer.getvalue() if answer.streaming else answer.content
    told = sorted(pair for pair in answer.headers.items() if pair[0] not in FRESH)
    head = "\n".join(": ".join(pair) for pair in told)
    return Answer(address, f"{answer.status_code}\n{head}\n\n".encode() + body, len(made))


@dataclass
class Names:
    """Which word of the one world is which of the other."""

    there: dict[bytes, bytes] = field(default_factory=dict)
    back: dict[bytes, bytes] = field(default_factory=dict)

    def is_same(self, one, other):
        """Whether two answers tell the same."""
        if len(one) != len(other):
            return False
        if not (is_text(one) and is_text(other)):
            return self._is_same_text(json_in(one), json_in(other))
        return self._is_same_text(in_order(one), in_order(other))

    def _is_same_text(self, one, other):
        if WORD.split(one) != WORD.split(other):
            return False
        pairs = zip(WORD.findall(one), WORD.findall(other), strict=True)
        return all(self._is_same_word(*pair) for pair in pairs)

    def _is_same_word(self, one, other):
        if len(one) != len(other):
            return False
        if len(one) >= PACKED_LEAST:
            return self._is_same_text(json_in(unpacked(one)), json_in(unpacked(other)))
        there, back = self.there.setdefault(one, other), self.back.setdefault(other, one)
        return (there, back) == (other, one)


def is_text(raw):
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def in_order(raw):
    """Rows of the state stand in order of their ids: chance makes those of seals."""
    head, mark, rows = raw.partition(ROWS)
    rows, end, tail = rows.partition(LAST_ROW)
    found = sorted(rows.split(NEXT_ROW), key=without_id)
    return head + mark + NEXT_ROW.join(found) + end + tail


def without_id(row):
    return WORD.split(row), WORD.findall(row)[1:]


def json_in(raw):
    return b"\n".join(JSON.findall(raw))


def unpacked(word):
    """What a word holds, if it is base64."""
    whole = word.translate(bytes.maketrans(b"-_", b"+/")).replace(b"=", b"")
    return base64.b64decode(whole[: len(whole) // 4 * 4])
