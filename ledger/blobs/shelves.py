"""The store as it lies: which names are in it, in order, and what a crash left half-written."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.core.files.storage import default_storage

from ledger.blobs.folder import DRAFT

_PAIR, _NAME = re.compile(r"[0-9a-f]{2}"), re.compile(r"[0-9a-f]{64}")


class Shelf(NamedTuple):
    """One folder ab/cd of the store.

    number  0xabcd: its place in the order of all 65,536
    names   of the blobs in it
    drafts  where files lie that are being written, or were when somebody died
    """

    number: int
    names: list[str]
    drafts: list[str]


def shelves(start: int) -> Iterator[Shelf]:
    """The shelves that are there, from number `start` on, each listed when its turn comes."""
    for first in _pairs(""):
        if int(first, 16) < start >> 8:
            continue
        for second in _pairs(first):
            if int(first + second, 16) >= start:
                yield _shelf(first, second)


def is_before(place: str, moment: datetime) -> bool:
    """Whether what lies there was written before a moment; False when it is not there any more."""
    try:
        is_here = default_storage.exists(place)
        return is_here and default_storage.get_modified_time(place) < moment
    except FileNotFoundError:  # between the two questions
        return False


def _shelf(first: str, second: str) -> Shelf:
    files = default_storage.listdir(f"{first}/{second}")[1]
    names = [one for one in files if _NAME.fullmatch(one) and one.startswith(first + second)]
    drafts = [f"{first}/{second}/{one}" for one in files if one.startswith(DRAFT)]
    return Shelf(int(first + second, 16), names, drafts)


def _pairs(folder: str) -> list[str]:
    try:
        found = default_storage.listdir(folder)[0]
    except FileNotFoundError:  # nothing was stored yet
        return []
    return sorted(one for one in found if _PAIR.fullmatch(one))
