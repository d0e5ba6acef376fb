"""Near-duplicates between slices: a test that stands in the training data tests nothing.

Two texts are twins when their words are the same, or when at least 80 % of the runs of three words
that either has are in both (Jaccard).
source  Broder 1997, "On the resemblance and containment of documents"
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from evaluator.errors import DataOverlap

RUN_WORDS = 3
LEAST_SHARE_PERCENT = 80
MOST_SHARE_PPM = 10_000  # 1 % of the smaller slice
READ_CHARACTERS = 2_000  # only the first tokens of a text are ever used
MOST_HOLDERS = 64  # a run that so many texts have tells nothing
_WORDS = re.compile(r"\w+")


def runs_of(text: str) -> frozenset[str]:
    """The runs of three words of a text, in lower case; one shorter run for a shorter text."""
    words = _WORDS.findall(text[:READ_CHARACTERS].casefold())
    count = max(1, len(words) - RUN_WORDS + 1)
    return frozenset(" ".join(words[place : place + RUN_WORDS]) for place in range(count))


def are_twins(first: frozenset[str], second: frozenset[str]) -> bool:
    """True when the texts with these runs are the same, or nearly."""
    return len(first & second) * 100 >= len(first | second) * LEAST_SHARE_PERCENT


class Seen:
    """Texts that a new one can be compared with, in time that does not grow with their count."""

    def __init__(self) -> None:
        self._runs: list[frozenset[str]] = []
        self._holders: dict[str, list[int]] = defaultdict(list)

    def add(self, text: str) -> None:
        runs = runs_of(text)
        for run in runs:
            if len(self._holders[run]) < MOST_HOLDERS:
                self._holders[run].append(len(self._runs))
        self._runs.append(runs)

    def has_twin(self, text: str) -> bool:
        runs = runs_of(text)
        shared = Counter(place for run in runs for place in self._holders.get(run, ()))
        return any(are_twins(runs, self._runs[place]) for place, _ in shared.most_common(8))


def twins_between(first: Sequence[str], second: Sequence[str]) -> int:
    """How many texts of `second` have a twin in `first`."""
    seen = Seen()
    for one in first:
        seen.add(one)
    return sum(seen.has_twin(one) for one in second)


def refuse_overlap(slices: dict[str, Sequence[str]]) -> dict[str, int]:
    """Compare the texts of every two slices, in the given order.

    returns  "train-public" and so on -> number of twins, where there are any
    raises   DataOverlap when they are over 1 % of the later slice
    """
    names, found = list(slices), {}
    for place, second in enumerate(names):
        for first in names[:place]:
            twins = twins_between(slices[first], slices[second])
            share_ppm = twins * 1_000_000 // len(slices[second])
            if share_ppm > MOST_SHARE_PPM:
                raise DataOverlap(
                    f"{twins} of {len(slices[second])} texts of the {second} slice stand in the "
                    f"{first} slice too, or nearly.",
                    first=first,
                    second=second,
                    pairs=twins,
                    share_ppm=share_ppm,
                )
            if twins:
                found[f"{first}-{second}"] = twins
    return found
