"""A user id for each sandbox that root starts, so that two never share one.

Where jails have no process namespace of their own, a user id is what keeps them apart and what
their threads are counted by. An abstract socket name holds the number: it is free again with the
last breath of whoever holds it.
"""

import os
import socket
from dataclasses import dataclass

from workers.sandbox import namespaces

SLOTS = 64


@dataclass(frozen=True)
class Slot:
    """A user id that is ours until `release`."""

    uid: int
    holder: socket.socket | None

    def release(self) -> None:
        """Let another sandbox have it. Its processes must have ended."""
        if self.holder is not None:
            self.holder.close()


def take_slot() -> Slot:
    """The first free id; an ordinary user has only his own.

    raises OSError when all are taken
    """
    if os.geteuid() != 0 and os.getuid() != 0:
        return Slot(os.getuid(), None)
    for uid in range(namespaces.SANDBOX_UID, namespaces.SANDBOX_UID + SLOTS):
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0assay-sandbox-{uid}")
        except OSError:
            holder.close()
        else:
            return Slot(uid, holder)
    raise OSError(f"all {SLOTS} user ids of sandboxes are taken")
