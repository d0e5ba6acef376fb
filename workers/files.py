"""The broker that is always there: each message is a file, and appears whole or not at all.

Kombu's own transport makes a file and fills it afterwards. A worker that looks in between takes an
empty message and dies of it; the more often it looks, the sooner.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps

LOOK_S = 0.03  # kombu's second would be the pace of everything: one message per look


class Channel(filesystem.Channel):
    """Kombu's, but for the way in."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        """Write beside, under a name that no queue looks for, then rename."""
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        beside = folder / f"{name}.new"
        beside.write_text(dumps(payload))
        beside.replace(folder / name)


class Transport(filesystem.Transport):
    """`filesystem://` with these channels."""

    Channel = Channel
