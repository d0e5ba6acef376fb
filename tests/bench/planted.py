"""Lies planted in a long log by an operator who signs a new tree over them, so that it looks whole.

wrong payout        a settlement pays one nano to another winner; the operator signs it
forged signature    one bit of a person's signature is another
re-ordered pair     an order and the fact that answers it change places
missing message     an order is left out, its fact stays
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from assay import items, merkle, notes
from assay.wire import Nano
from audit.mirror import Folder, entries
from ledger.rules import envelope
from ledger.rules.entry import read_entry
from tests.bench.world import Keys, sign


@dataclass(frozen=True)
class Lie:
    """A log with one lie in it. index: the first message that cannot hold; item: its id."""

    name: str
    index: int
    item: str
    entries: list[bytes]


def read_log(mirror: Path) -> list[bytes]:
    size = json.loads((mirror / "log.json").read_text())["size"]
    return list(entries(Folder(mirror), 0, size, lambda *_: None))


def lies(log: list[bytes], keys: Keys) -> Iterator[Lie]:
    """Each lie by itself, spread over the first half of the log."""
    makers = (wrong_payout, forged_signature, re_ordered_pair, missing_message)
    for number, make in enumerate(makers, start=1):
        name = make.__name__.replace("_", " ")
        index, changed = make(log, len(log) * number // 10, keys)
        yield Lie(name, index, items.Item.decode(changed[index]).id, changed)


def wrong_payout(log: list[bytes], start: int, keys: Keys) -> tuple[int, list[bytes]]:
    at = first(log, start, "competition.paid")
    entry = read_entry(log[at])
    lines = list(entry.body.transfers)
    paid = [place for place, line in enumerate(lines) if line.code == "prize"][:2]
    for place, more in zip(paid, (1, -1), strict=True):
        amount = Nano(lines[place].amount_nano + more)
        lines[place] = replace(lines[place], amount_nano=amount)
    body = replace(entry.body, transfers=tuple(lines))
    tags = envelope._avro(envelope.tags_of(entry.kind, cause=entry.cause))
    forged = sign(entry.kind, body, keys.operator, (bytes.fromhex(entry.anchor), tags))
    return at, [*log[:at], forged.raw, *log[at + 1 :]]


def forged_signature(log: list[bytes], start: int, keys: Keys) -> tuple[int, list[bytes]]:
    at = first(log, start, "licence.buy")
    raw = bytearray(log[at])
    raw[40] ^= 1
    return at, [*log[:at], bytes(raw), *log[at + 1 :]]


def re_ordered_pair(log: list[bytes], start: int, keys: Keys) -> tuple[int, list[bytes]]:
    at = first(log, start, "royalty.draw")
    return at, [*log[:at], log[at + 1], log[at], *log[at + 2 :]]


def missing_message(log: list[bytes], start: int, keys: Keys) -> tuple[int, list[bytes]]:
    at = first(log, start, "submission.commit")
    return at, log[:at] + log[at + 1 :]


def first(log: list[bytes], start: int, kind: str) -> int:
    """The place of the first message of a kind from `start` on."""
    return next(at for at in range(start, len(log)) if read_entry(log[at]).kind == kind)


def serve(lie: Lie, honest: Path, folder: Path, keys: Keys) -> Path:
    """The files of a site that tells this log; what it says of its tables is as before."""
    about = json.loads((honest / "log.json").read_text())
    leaves = [merkle.leaf_hash(raw) for raw in lie.entries]
    note = notes.Checkpoint(about["origin"], len(leaves), merkle.root(leaves))
    save(folder / "log" / "checkpoint", notes.sign_checkpoint(note, keys.log).encode())
    save(folder / "log.json", json.dumps({**about, "size": len(leaves)}).encode())
    (folder / "state").symlink_to(honest / "state", target_is_directory=True)
    for index, width in merkle.tile_widths(len(leaves)):
        part = lie.entries[index * merkle.TILE :][:width]
        bundle = b"".join(len(raw).to_bytes(2, "big") + raw for raw in part)
        save(folder / "log" / merkle.tile_path("entries", index, width), bundle)
    level, hashes = 0, leaves
    while hashes:
        for index, width in merkle.tile_widths(len(hashes)):
            part = hashes[index * merkle.TILE :][:width]
            save(folder / "log" / merkle.tile_path(level, index, width), b"".join(part))
        full = range(0, len(hashes) - merkle.TILE + 1, merkle.TILE)
        hashes = [merkle.tile_root(hashes[at : at + merkle.TILE]) for at in full]
        level += 1
    return folder


def save(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
