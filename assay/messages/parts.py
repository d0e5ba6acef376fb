"""What several kinds of messages are made of."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.wire import Nano

Tag = tuple[Annotated[str, Text(1024, is_needed=True)], Annotated[str, Text(3072)]]
Packed = Annotated[str, Text(60_000)]
CODE, WORDS = Text(60), Text(4000, lines=True)


@dataclass(frozen=True)
class Line:
    """One movement of money inside a fact. kind: single, pending, post, void, expire.

    amount_nano  None, and so not written: the whole of what a pending transfer holds
    """

    id: str
    kind: str
    debit: str
    credit: str
    amount_nano: Nano | None = None
    code: str = ""
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
class Opening:
    """What opens the commitment of an entry (assay/commitment.py). salt: 64 hex digits

    The hashes are those of the two files that peft wrote.
    """

    salt: str
    config_sha256: str
    tensors_sha256: str


@dataclass(frozen=True)
class Share:
    """Whoever is paid from a work's pool, and how much of it, by weight."""

    payee: str
    weight: int


@dataclass(frozen=True)
class Result:
    """What one run of the scale came to, and what it ran under.

    examples       how many the slice has
    records        the metric's whole numbers, packed: where they are 0 or 1 one bit each, as hex
                   digits, the first highest; else base64 of little-endian int32
    results_root   the tree over the answers, per batch of the plan
    results_sha256  of the results file: the answers themselves, and the leaves of that tree
    """

    score_e9: Nano
    examples: Small
    records: Packed
    results_root: str
    results_sha256: str
    sandbox_level: str
    policy_sha256: str


@dataclass(frozen=True)
class RaceTerms:
    """How entries that cannot place are stopped early on the board slice.

    block      examples between two looks
    alpha_ppm  the largest chance, in parts of 10^6, to stop an entry that is as good
    places     an entry is compared with the one at this place
    order      SHA-256 of the salt that decides in which order each entry meets the examples
    """

    block: int
    alpha_ppm: int
    places: int
    order: str


@dataclass(frozen=True)
class Stop:
    """Where and why a race stopped an entry.

    rival        the entry at the last paid place when the run began
    n, examples  examples until then, and how many the slice has
    e_value_e3   the evidence in thousandths, rounded down
    reason       "count": it had lost for certain; "evidence": the e-value reached 1/alpha
    records      of these n examples, packed as in a result, in the entry's order, which is secret
                 until the close
    """

    rival: str
    n: int
    examples: Small
    e_value_e3: int
    reason: str
    records: Packed


@dataclass(frozen=True)
class Likeness:
    """How like an entry's adapter is to one that came first (docs/algorithms/similarity.md).

    of  the other: an entry, or a work
    """

    of: str
    two_sided_ppm: Small
    copied_layers_ppm: Small


@dataclass(frozen=True)
class Refusal:
    """Why an entry is out, in words of the refusal's own code. likeness: where one was measured."""

    reason: Annotated[str, CODE]
    cause: Annotated[str, WORDS]
    next_step: Annotated[str, WORDS]
    likeness: Likeness | None = None


@dataclass(frozen=True)
class Shown:
    """What the board shows of an owner's first entry, and of one that clearly improves on it.

    merit  what ranks: higher is better; a whole number of any size, as decimal text
    """

    score_e9: Nano
    merit: Annotated[str, Text(400)]


@dataclass(frozen=True)
class Opened:
    """What a seal held; exactly one of the last three is there.

    seal  sha256 of the salt's 32 bytes and of that one as canonical JSON
    salt  64 hex digits
    """

    seal: str
    salt: str
    result: Result | None = None
    stop: Stop | None = None
    refusal: Refusal | None = None
