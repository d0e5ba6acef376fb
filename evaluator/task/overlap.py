"""Near-duplicates between slices: a test that stands in the training data tests nothing.

Two texts are twins when their words are the same, or when at least 80 % of the runs of three words
that either has are in both (Jaccard). Two rows are twins when their first columns are, and all of
their texts together are too. What most rows have (an instruction, a header, a licence) tells
nothing and is not compared.
source  Broder 1997, "On the resemblance and containment of documents"; of a long text the runs with
        the least hashes stand for all, as there
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from evaluator.errors import DataOverlap
from evaluator.evaluators.form import Evaluator, Sample

RUN_WORDS = 3
LEAST_SHARE_PERCENT = 80
MOST_SHARE_PPM = 10_000  # 1 % of the smaller slice
MOST_RUNS = 1_024  # that stand for a text
MOST_LOOKED_AT = 3_000  # rows by which it is known what most of them have
MOST_HOLDERS = 64  # a run that so many texts have finds nothing
NO_TEXTS = frozenset({"label", "answer", "grades"})  # columns that do not tell rows apart
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+?(?=[\u3040-\u9fff])|\w+")
NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Told:
    """A row's texts. first: of the evaluator's first column; whole: of all columns that tell."""

    first: str
    whole: str


def told(evaluator: Evaluator, one: Sample) -> Told:
    """What must not stand in two slices."""
    first = next(iter(evaluator.columns), "")
    texts = {name: _joined(one[name]) for name in sorted(one) if name not in NO_TEXTS or not first}
    whole = " ".join(texts.values())
    return Told(texts.get(first, whole), whole)


def runs_of(text: str) -> frozenset[int]:
    """Hashes of a text's runs of three words, in lower case; of one shorter run for a short text.

    A letter of a script without spaces is a word.
    """
    words = _WORDS.findall(text.casefold())
    count = max(1, len(words) - RUN_WORDS + 1)
    found = {
        crc32(" ".join(words[place : place + RUN_WORDS]).encode("utf-8", "replace"))
        for place in range(count)
    }
    return frozenset(sorted(found)[:MOST_RUNS])


def are_twins(first: frozenset[int], second: frozenset[int]) -> bool:
    """True when the texts with these runs are the same, or nearly."""
    return len(first & second) * 100 >= len(first | second) * LEAST_SHARE_PERCENT


def common_runs(rows: Sequence[Told]) -> frozenset[int]:
    """The runs that more than half of the rows have; of many rows every so many-th is looked at."""
    looked_at = rows[:: -(-len(rows) // MOST_LOOKED_AT) or 1]
    counts = Counter[int]()
    for one in looked_at:
        counts.update(runs_of(one.whole) | runs_of(one.first))
    return frozenset(run for run, count in counts.items() if count * 2 > len(looked_at))


class Seen:
    """Rows that a new one can be compared with, in time that does not grow with their count.

    common  runs that tell nothing, `common_runs`
    """

    def __init__(self, common: frozenset[int] = NOTHING) -> None:
        self._common = common
        self._rows: list[tuple[frozenset[int], frozenset[int]]] = []
        self._holders: dict[int, list[int]] = defaultdict(list)

    def add(self, one: Told) -> None:
        first, whole = self._runs(one)
        for run in whole:
            if len(self._holders[run]) < MOST_HOLDERS:
                self._holders[run].append(len(self._rows))
        self._rows.append((first, whole))

    def twin_of(self, one: Told) -> int | None:
        """The place of a twin, in the order of `add`."""
        first, whole = self._runs(one)
        shared = Counter(place for run in whole for place in self._holders.get(run, ()))
        for place, _ in shared.most_common(8):
            other_first, other_whole = self._rows[place]
            if are_twins(first, other_first) and are_twins(whole, other_whole):
                return place
        return None

    def _runs(self, one: Told) -> tuple[frozenset[int], frozenset[int]]:
        """Without what is common; where nothing else is left, with it."""
        first, whole = runs_of(one.first), runs_of(one.whole)
        return first - self._common or first, whole - self._common or whole


def twins_between(
    first: Iterable[Told], second: Iterable[Told], common: frozenset[int] = NOTHING
) -> int:
    """How many rows of `second` have a twin in `first`."""
    seen = Seen(common)
    for one in first:
        seen.add(one)
    return sum(seen.twin_of(one) is not None for one in second)


def refuse_overlap(slices: Mapping[str, Sequence[Told]]) -> dict[str, int]:
    """Compare the rows of every two slices, in the given order.

    returns  "train-public" and so on -> number of twins, where there are any
    raises   DataOverlap when they are over 1 % of the later slice
    """
    names, found = list(slices), {}
    common = common_runs([one for rows in slices.values() for one in rows])
    for place, second in enumerate(names):
        for first in names[:place]:
            twins = twins_between(slices[first], slices[second], common)
            share_ppm = twins * 1_000_000 // len(slices[second])
            if share_ppm > MOST_SHARE_PPM:
                raise DataOverlap(
                    f"{twins} of {len(slices[second])} rows of the {second} slice stand in the "
                    f"{first} slice too, or nearly.",
                    first=first,
                    second=second,
                    pairs=twins,
                    share_ppm=share_ppm,
                )
            if twins:
                found[f"{first}-{second}"] = twins
    return found


def _joined(value: object) -> str:
    return " ".join(map(_joined, value)) if isinstance(value, list) else str(value)
