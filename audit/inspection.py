"""The checks of an audit, in their order; the first that fails ends it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay import merkle, notes
from assay.client import Told
from assay.errors import AssayError
from assay.succession import KeyNotAnnounced, Succession
from audit import claims, known
from audit.adapters import Adapters
from audit.checkpoints import Signed, newest
from audit.history import TABLES, History, collector_paused
from audit.mirror import Mirror, NotServed, entries
from ledger.errors import LogDamaged

LOOKS, PAUSE_S = 5, 1.0
MOST_NAMED = 10


@dataclass(frozen=True)
class Check:
    """One line of the answer."""

    name: str
    is_ok: bool
    words: str
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.is_ok, "text": self.words, "facts": self.facts}


class Problem(AssayError):
    """A check failed. Facts: check."""

    code, status = "audit.problem", 422
    next_step = (
        "Keep what you downloaded, and show this line to the operator and to other auditors."
    )

    def __init__(self, name: str, words: str, **facts: object) -> None:
        super().__init__(words, check=name)
        self.check = Check(name, is_ok=False, words=words, facts=facts)


class Inspection:
    """One look at a site, from its checkpoint to its last row.

    told  hears (messages done, messages in all)
    """

    def __init__(
        self,
        place: str,
        mirror: Mirror,
        *,
        home: Path,
        key: str,
        told: Told,
    ) -> None:
        self._place, self._mirror, self._home, self._key = place, mirror, home, key
        self._told = told
        self._history, self._chains = History(""), list[Succession]()
        self._seconds = 0.0

    @property
    def history(self) -> History:
        """What the log gave; whole once `run` is through."""
        return self._history

    def run(self, tell: Callable[[Check], None]) -> None:
        """Make every check and tell of each that holds.

        raises Problem for the first that does not; Unreachable, MemoryUnreadable
        """
        with collector_paused():
            self._run(tell)

    def _run(self, tell: Callable[[Check], None]) -> None:
        seen = known.recall(self._home, self._place)
        pinned = [key for key in (self._key, seen.log_key if seen else "") if key]
        _, checkpoint, vkey = self._checkpoint(pinned)
        self._history = History(checkpoint.origin)
        self._chains = [Succession(key) for key in pinned or [vkey]]
        looks = 1
        self._read_to(checkpoint, vkey)
        wrong = self._wrong_rows(checkpoint)
        while wrong and self._mirror.is_live and looks < LOOKS:
            time.sleep(PAUSE_S)
            (_, checkpoint, vkey), looks = self._checkpoint([vkey]), looks + 1
            self._read_to(checkpoint, vkey)
            wrong = self._wrong_rows(checkpoint)
        self._tell_of_log(tell, checkpoint, vkey, seen)
        if wrong:
            raise wrong
        self._tell_of_state(tell)
        log = known.KnownLog(vkey, checkpoint.size, checkpoint.root.hex())
        known.remember(self._home, self._place, log)

    # --- the log ------------------------------------------------------------------------------

    def _checkpoint(self, pinned: list[str]) -> Signed:
        try:
            return newest(self._mirror, pinned)
        except (notes.NoteInvalid, UnicodeDecodeError) as error:
            raise Problem("checkpoint", f"The checkpoint does not verify: {error}") from error

    def _read_to(self, checkpoint: notes.Checkpoint, vkey: str) -> None:
        """Read and fold the log up to a checkpoint, which must be over just these entries.

        Each key that was known before must be the one that signed it, or lead to that one.
        """
        history = self._history
        if checkpoint.size < history.size:
            words = f"A checkpoint of {checkpoint.size} came after one of {history.size} messages."
            raise Problem("checkpoint", words)
        began, damage = time.monotonic(), None
        for raw in self._entries(checkpoint.size):
            history.grow(raw)
            damage = damage or self._follow(raw)
            for chain in self._chains:
                chain.grow(raw)
        self._seconds += time.monotonic() - began
        if damage:
            raise Problem("messages", str(damage), **damage.facts)
        self._check_tiles()
        if history.root != checkpoint.root:
            raise Problem("tree", _other_root(checkpoint, history))
        for chain in self._chains:
            self._need_key(chain, vkey, checkpoint.size)

    def _need_key(self, chain: Succession, vkey: str, size: int) -> None:
        try:
            chain.need(vkey, size)
        except KeyNotAnnounced as error:
            raise Problem("checkpoint", str(error), named=vkey, **error.facts) from error

    def _entries(self, size: int) -> Iterator[bytes]:
        try:
            yield from entries(self._mirror, self._history.size, size, self._told)
        except NotServed as error:
            raise Problem("tree", str(error), **error.facts) from error

    def _follow(self, raw: bytes) -> LogDamaged | None:
        try:
            self._history.follow(raw)
        except LogDamaged as error:
            return error
        return None

    def _check_tiles(self) -> None:
        """Every hash tile that others build proofs from must be the one of these entries."""
        level, hashes = 0, self._history.leaves
        while hashes:
            for number, width in merkle.tile_widths(len(hashes)):
                part = hashes[number * merkle.TILE : number * merkle.TILE + width]
                self._check_tile(merkle.tile_path(level, number, width), b"".join(part))
            full = range(0, len(hashes) - merkle.TILE + 1, merkle.TILE)
            hashes = [merkle.tile_root(hashes[at : at + merkle.TILE]) for at in full]
            level += 1

    def _check_tile(self, path: str, wanted: bytes) -> None:
        try:
            found = self._mirror.resource(path)
        except NotServed as error:
            raise Problem("tree", str(error), **error.facts) from error
        if found != wanted:
            places = range(0, len(wanted), 32)
            at = next(
                (at for at in places if found[at : at + 32] != wanted[at : at + 32]), len(wanted)
            )
            words = f"{path} is not the tile of these entries, from its hash {at // 32} on."
            raise Problem("tree", words, address=path)

    # --- the state ----------------------------------------------------------------------------

    def _wrong_rows(self, checkpoint: notes.Checkpoint) -> Problem | None:
        """What is wrong with the rows at this size of the log; a live site gets another look."""
        claimed: dict[str, list[dict[str, Any]]] = {}
        for table in TABLES:
            try:
                pages = list(self._mirror.pages(table.TABLE))
                sizes = {page.get("size") for page in pages}
                claimed[table.TABLE] = [row for page in pages for row in page["rows"]]
            except (NotServed, KeyError, TypeError) as error:
                return Problem("rows", f"{table.TABLE} cannot be read: {error}")
            if sizes != {checkpoint.size}:
                words = f"{table.TABLE} is told at sizes {sorted(map(str, sizes))}, the log at"
                return Problem("rows", f"{words} {checkpoint.size}; it did not hold still.")
        found = claims.differences(claimed, self._history)
        if not found:
            return None
        more = f" ({len(found)} differences in all)" if len(found) > 1 else ""
        named = [str(one) for one in found[:MOST_NAMED]]
        return Problem("rows", f"{found[0]}{more}", differences=named)

    # --- the answer ---------------------------------------------------------------------------

    def _tell_of_log(
        self,
        tell: Callable[[Check], None],
        checkpoint: notes.Checkpoint,
        vkey: str,
        seen: known.KnownLog | None,
    ) -> None:
        size, root = checkpoint.size, checkpoint.root.hex()
        words = f"{checkpoint.origin}, {size} messages, root {root[:16]}, signed by {vkey}"
        tell(Check("checkpoint", is_ok=True, words=words, facts={"size": size, "root": root}))
        tell(self._consistency(seen))
        tiles = len(merkle.tile_paths(size))
        tell(Check("tree", is_ok=True, words=f"{tiles} tiles lead to the root"))
        per_s = round(size / self._seconds) if self._seconds else size
        words = f"{size} signatures, signers and orders hold, {per_s} messages/s"
        tell(Check("messages", is_ok=True, words=words, facts={"messages_per_s": per_s}))

    def _consistency(self, seen: known.KnownLog | None) -> Check:
        if seen is None or not seen.size:
            words = "first look: this key is trusted from now on"
            return Check("consistency", is_ok=True, words=words)
        if seen.size > self._history.size:
            words = f"The log had {seen.size} messages at your last look, and has fewer now."
            raise Problem("consistency", words, size=seen.size)
        before = merkle.root(self._history.leaves[: seen.size])
        if before.hex() != seen.root:
            words = f"The first {seen.size} messages are not those of your last look."
            raise Problem("consistency", words, size=seen.size, root=seen.root)
        words = f"it extends the {seen.size} messages of your last look"
        return Check("consistency", is_ok=True, words=words)

    def _tell_of_state(self, tell: Callable[[Check], None]) -> None:
        count = sum(self._history.rows.count(table) for table in TABLES)
        words = f"{count} rows of {len(TABLES)} tables are what the log gives"
        tell(Check("rows", is_ok=True, words=words, facts={"rows": count}))
        rules = {"supply": claims.supply, "escrow": claims.escrows, "seals": claims.openings}
        for name, rule in rules.items():
            is_ok, words = rule(self._history)
            if not is_ok:
                raise Problem(name, words)
            tell(Check(name, is_ok=True, words=words))


def look_for_copies(adapters: Adapters) -> Check:
    """Whether an opened adapter is a copy that was let in. raises Problem, Unreachable"""
    found = list(adapters.copies())
    absent = f"; {len(adapters.absent)} are not served here" if adapters.absent else ""
    if not found:
        words = f"{adapters.measured} opened adapters, none of them a copy of an earlier one"
        return Check("copies", is_ok=True, words=words + absent)
    told = [
        f"{one.id} is {alike.two_sided_ppm / 10**4:.2f} % like {other.name}, a {alike.kind}"
        for one, (other, alike) in found
    ]
    raise Problem("copies", f"{told[0]} ({len(found)} in all){absent}", copies=told[:MOST_NAMED])


def _other_root(checkpoint: notes.Checkpoint, history: History) -> str:
    found, wanted = history.root.hex()[:16], checkpoint.root.hex()[:16]
    return f"The {history.size} entries give root {found}, the checkpoint signs {wanted}."
