"""Labels that a person takes for the same, and a computer does not."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")  # of no width
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)
SHOWN = 10


def number_in(label: str) -> Fraction | None:
    """The number that a label is: whole or with a point."""
    return Fraction(label) if _NUMBER.fullmatch(label) else None


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Each once: by their numbers where all are numbers, else by their characters."""
    found = sorted(set(labels))
    numbers = {one: number_in(one) for one in found}
    if all(one is not None for one in numbers.values()):
        return tuple(sorted(found, key=lambda one: (numbers[one] or Fraction(0), one)))
    return tuple(found)


def warnings_of(labels: Iterable[str]) -> list[str]:
    """A sentence for each group of labels that look alike, with every spelling, at most ten."""
    groups: dict[object, list[str]] = defaultdict(list)
    for label in in_order(labels):
        groups[_seen(label)].append(label)
    alike = [group for group in groups.values() if len(group) > 1]
    return [
        f"The labels {' and '.join(_spelt(group))} look alike and are different classes."
        for group in alike[:SHOWN]
    ]


def _seen(label: str) -> object:
    """What a person sees: no case, no accents' spelling, nothing of no width, numbers by value."""
    plain = " ".join(UNSEEN.sub("", unicodedata.normalize("NFKC", label)).casefold().split())
    found = number_in(plain)
    return plain if found is None else found


def _spelt(group: list[str]) -> list[str]:
    """The spellings, with escapes where they would be printed the same."""
    printed = {UNSEEN.sub("", unicodedata.normalize("NFC", one)) for one in group}
    return [repr(one) if len(printed) == len(group) else ascii(one) for one in group]
