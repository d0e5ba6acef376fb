"""The tree's stored statements against the entries: every checkpoint, and the cached right edge."""

from django.apps import apps

from assay import notes
from audit.history import History
from ledger.errors import LogDamaged
from ledger.log import log_keys, log_vkey_at


class Tree:
    """Compares stored checkpoints, in order of size, with a history that grows."""

    def __init__(self, history: History, alias: str) -> None:
        rows = apps.get_model("ledger.Checkpoint").objects.using(alias).order_by("size")
        self._waiting = [(row.size, row.root, row.note) for row in rows]
        self._edge = apps.get_model("ledger.Edge").objects.using(alias).first()
        self._history, self._log_keys = history, log_keys()
        self.checked = 0

    def check_at(self, size: int) -> None:
        """Check the checkpoint of this size, when there is one. raises LogDamaged"""
        while self.checked < len(self._waiting) and self._waiting[self.checked][0] <= size:
            self._check(*self._waiting[self.checked])
            self.checked += 1

    def check_end(self) -> None:
        """After the last entry: the newest checkpoint is of the whole log, and the edge is its.

        raises LogDamaged
        """
        history = self._history
        last = self._waiting[-1][0] if self._waiting else 0
        if last != history.size:
            raise _damaged(last, f"it is the newest, and the log has {history.size} messages")
        size, hashes = (self._edge.size, self._edge.hashes) if self._edge else (0, [])
        if size != history.size or hashes != [one.hex() for one in history.edge]:
            raise _damaged(last, "the stored right edge is not that of the log")

    def _check(self, size: int, root: str, note: str) -> None:
        history = self._history
        if size != history.size or root != history.root.hex():
            found = f"its root is {root[:16]}, that of {history.size} messages"
            raise _damaged(size, f"{found} is {history.root.hex()[:16]}")
        try:
            signed = notes.read_checkpoint(note, log_vkey_at(size, self._log_keys))
        except notes.NoteInvalid as error:
            raise _damaged(size, str(error)) from error
        if (signed.size, signed.root.hex()) != (size, root):
            raise _damaged(size, f"the note signs size {signed.size}")


def _damaged(size: int, words: str) -> LogDamaged:
    text = f"Checkpoint {size} does not hold: {words}"
    return LogDamaged(text, where="checkpoint", index=size, cause="checkpoint")
