"""`assay log export` and `assay log import`: a log as a folder of files that anybody can serve.

log.json, state/TABLE.json   what `assay audit FOLDER` reads
log/checkpoint, log/tile/... the same bytes under the same paths as on the site
api/log, api/state/TABLE     the same files once more, so that a static server is a mirror by URL

The checkpoint is written last and every file appears whole, so whoever reads while a copy grows
reads the old log or the new one.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay import merkle, notes
from assay.client import Told
from assay.errors import AssayError
from assay.succession import KeyNotAnnounced, Succession
from audit.checkpoints import Signed, newest
from audit.history import TABLES
from audit.mirror import Mirror, split_bundle

LOOKS, PAUSE_S = 5, 1.0
STAGED = ".coming"


class CopyRefused(AssayError):
    """The log is not what its checkpoint says, or not the one in the folder. Facts: reason."""

    code, status = "audit.copy_refused", 422
    next_step = "Keep both copies, and show them to the operator and to other auditors."


@dataclass
class Copied:
    """What a copy did. fetched, kept: full and partial bundles of entries."""

    origin: str
    size: int
    root: str
    fetched: int = 0
    kept: int = 0


@dataclass
class Copying:
    """Brings a folder up to the newest state of a log.

    key   the log's verifier key, when known     told  hears (entries done, entries in all)
    """

    mirror: Mirror
    folder: Path
    key: str
    told: Told
    leaves: list[bytes] = field(default_factory=list)
    chains: list[Succession] = field(default_factory=list)

    def run(self) -> Copied:
        """Fetch what is new, check it, and put it in place.

        raises CopyRefused, and then the folder is as it was; Unreachable, NotServed
        """
        about = self.mirror.about()
        pinned = [key for key in (self.key, str(self._stored_about().get("log_key", ""))) if key]
        self._clear()
        for look in range(LOOKS):
            if look:
                time.sleep(PAUSE_S)
            note, checkpoint, vkey = self._newest(pinned)
            self.chains = [Succession(key) for key in pinned or [vkey]]
            done = self._stage_log(checkpoint, vkey)
            if self._stage_state(checkpoint.size):
                break
        else:
            words = "The log did not hold still long enough for a copy of its tables."
            raise CopyRefused(words, reason="moving")
        told = {**about, "log_key": vkey, "size": checkpoint.size, "root": checkpoint.root.hex()}
        self._stage("log.json", json.dumps(told, sort_keys=True).encode())
        self._settle(note)
        return done

    # --- the log ------------------------------------------------------------------------------

    def _stage_log(self, checkpoint: notes.Checkpoint, vkey: str) -> Copied:
        size = checkpoint.size
        done = Copied(checkpoint.origin, size, checkpoint.root.hex())
        self.leaves = []
        for number, width in merkle.tile_widths(size):
            self.told(number * merkle.TILE, size)
            path = merkle.tile_path("entries", number, width)
            raw = self._held(path)
            if raw is None:
                raw = self.mirror.resource(path)
                self._stage(f"log/{path}", raw)
                done.fetched += 1
            else:
                done.kept += 1
            for entry in split_bundle(raw, width, path):
                self.leaves.append(merkle.leaf_hash(entry))
                for chain in self.chains:
                    chain.grow(entry)
        self.told(size, size)
        self._check(checkpoint, vkey)
        for path, raw in _hash_tiles(self.leaves):
            if self._held(path) is None:
                self._stage(f"log/{path}", raw)
        return done

    def _check(self, checkpoint: notes.Checkpoint, vkey: str) -> None:
        """The entries give the root, and begin with those that are here; they announce the key.

        raises CopyRefused
        """
        if merkle.root(self.leaves) != checkpoint.root:
            raise CopyRefused("The entries do not give the signed root.", reason="root")
        for chain in self.chains:
            try:
                chain.need(vkey, checkpoint.size)
            except KeyNotAnnounced as error:
                raise CopyRefused(str(error), reason="key") from error
        stored = self._stored_about()
        old, root = int(stored.get("size", 0)), str(stored.get("root", ""))
        if old > checkpoint.size:
            words = f"The folder holds {old} entries, and the log has only {checkpoint.size}."
            raise CopyRefused(words, reason="shorter")
        if old and merkle.root(self.leaves[:old]).hex() != root:
            words = f"The first {old} entries are not those that the folder holds."
            raise CopyRefused(words, reason="other")

    def _held(self, path: str) -> bytes | None:
        """A tile that is here already: it never changes."""
        for base in (self.folder, self.folder / STAGED):
            if (base / "log" / path).is_file():
                return (base / "log" / path).read_bytes()
        return None

    def _newest(self, pinned: list[str]) -> Signed:
        """The note, what it says, and the key that signed it. raises CopyRefused"""
        try:
            return newest(self.mirror, pinned)
        except UnicodeDecodeError as error:
            raise CopyRefused("The checkpoint is no text.", reason="checkpoint") from error
        except notes.NoteInvalid as error:
            text = f"The checkpoint does not verify: {error}"
            raise CopyRefused(text, reason="signature") from error

    # --- the tables ---------------------------------------------------------------------------

    def _stage_state(self, size: int) -> bool:
        """True when every table was told at exactly this size of the log."""
        for table in TABLES:
            rows: list[dict[str, Any]] = []
            for page in self.mirror.pages(table.TABLE):
                if page.get("size") != size:
                    return False
                rows += page["rows"]
            whole = {"size": size, "is_last": True, "rows": rows}
            self._stage(f"state/{table.TABLE}.json", json.dumps(whole).encode())
        return True

    # --- the folder ---------------------------------------------------------------------------

    def _stored_about(self) -> dict[str, Any]:
        """log.json as it is here. raises CopyRefused"""
        try:
            found: dict[str, Any] = json.loads((self.folder / "log.json").read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CopyRefused(f"log.json cannot be read: {error}.", reason="folder") from error
        return found

    def _clear(self) -> None:
        """What a copy that was cut off left behind is fetched again."""
        shutil.rmtree(self.folder / STAGED, ignore_errors=True)

    def _stage(self, name: str, raw: bytes) -> None:
        path = self.folder / STAGED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)

    def _settle(self, note: str) -> None:
        """Move everything into place: tiles first, then tables, the checkpoint last."""
        self._stage("log/checkpoint", note.encode())
        staged = self.folder / STAGED
        files = [one.relative_to(staged) for one in staged.rglob("*") if one.is_file()]
        for name in sorted(files, key=_rank):
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (staged / name).replace(target)
        for table in TABLES:
            self._again(f"state/{table.TABLE}.json", f"api/state/{table.TABLE}")
        self._again("log.json", "api/log")
        self._clear()

    def _again(self, name: str, other: str) -> None:
        """The same file under a second name: a hard link, or a copy where there are none."""
        target = self.folder / other
        fresh = target.with_name(f".{target.name}.new")
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        try:
            os.link(self.folder / name, fresh)
        except OSError:
            shutil.copyfile(self.folder / name, fresh)
        fresh.replace(target)


def _rank(name: Path) -> int:
    """Which files come first: those that nobody reads before the checkpoint names them."""
    if name.name == "checkpoint":
        return 2
    return 0 if name.parts[0] == "log" else 1


def _hash_tiles(leaves: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every hash tile of a tree: made here, so they cannot be wrong."""
    level, hashes = 0, leaves
    while hashes:
        for number, width in merkle.tile_widths(len(hashes)):
            part = hashes[number * merkle.TILE : number * merkle.TILE + width]
            yield merkle.tile_path(level, number, width), b"".join(part)
        full = range(0, len(hashes) - merkle.TILE + 1, merkle.TILE)
        hashes = [merkle.tile_root(hashes[at : at + merkle.TILE]) for at in full]
        level += 1
