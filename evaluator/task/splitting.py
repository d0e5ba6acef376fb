"""One file into a training, a public, a board and a final slice: by a seed, the same every time.

Each class is shared out by itself. Rows that belong together stay together: near-duplicates, and
those that a column names as one group.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from evaluator.errors import DataTooSmall, OptionRefused
from evaluator.evaluators.form import Evaluator, Sample, no_classes
from evaluator.task.overlap import Seen, common_runs, told
from evaluator.task.winnable import check_split, refuse_unknown_labels

SLICES = ("train", "public", "board", "final")
USUAL_PARTS: Mapping[str, int] = {"train": 10, "public": 10, "board": 20, "final": 60}
LEAST_PER_CLASS: Mapping[str, int] = {"train": 2, "public": 1, "board": 1, "final": 1}


@dataclass
class _Bundle:
    """Rows that stay together. label: the one that most of them have; empty without classes."""

    rows: list[int]
    label: str
    order: bytes


def split(
    rows: Sequence[Sample],
    evaluator: Evaluator,
    *,
    seed: str,
    parts: Mapping[str, int] = USUAL_PARTS,
    groups: Sequence[Hashable | None] = (),
) -> dict[str, list[Sample]]:
    """The rows as {"train", "public", "board", "final"}, each in the file's order.

    seed    any text; the same rows, seed and parts give the same slices
    parts   shares of the whole, relative to each other
    groups  what each row belongs to, None: to nothing else; rows of one group stay together
    raises  DataTooSmall when a class or a slice would be too small to prove a win;
            OptionRefused for parts of nothing; MetricMismatch
    """
    if {*parts} != {*SLICES} or min(parts.values()) < 1:
        raise OptionRefused(
            "The parts of a split are four whole numbers above 0.",
            option="parts",
            wanted="train/public/board/final, such as 10/10/20/60",
        )
    has_classes = evaluator.classes is not no_classes
    evaluator.check(rows)
    labels = [str(one["label"]) if has_classes else "" for one in rows]
    bundles = _bundles(_together(rows, evaluator, groups), labels, seed)
    places: dict[str, list[int]] = {name: [] for name in SLICES}
    for label, members in sorted(bundles.items()):
        _share_out(label, members, parts, places)
    found = {name: [rows[place] for place in sorted(held)] for name, held in places.items()}
    refuse_unknown_labels(found, evaluator.classes(found["train"]))
    for name in ("board", "final"):
        check_split(name, found[name], has_classes=has_classes)
    evaluator.check(found["train"])
    return found


def _together(
    rows: Sequence[Sample], evaluator: Evaluator, groups: Sequence[Hashable | None]
) -> list[int]:
    """For each row the first one that it must stay with, which may be itself."""
    leaders = list(range(len(rows)))

    def leader(place: int) -> int:
        while leaders[place] != place:
            leaders[place] = leaders[leaders[place]]
            place = leaders[place]
        return place

    texts = [told(evaluator, one) for one in rows]
    seen, first_of = Seen(common_runs(texts)), dict[Hashable, int]()
    for place, text in enumerate(texts):
        group = groups[place] if groups else None
        friends = [seen.twin_of(text), None if group is None else first_of.setdefault(group, place)]
        for one in friends:
            if one is not None:
                low, high = sorted((leader(one), leader(place)))
                leaders[high] = low
        seen.add(text)
    return [leader(place) for place in range(len(rows))]


def _bundles(leaders: Sequence[int], labels: Sequence[str], seed: str) -> dict[str, list[_Bundle]]:
    """Label -> its bundles, in the seed's order."""
    members: dict[int, list[int]] = defaultdict(list)
    for place, leader in enumerate(leaders):
        members[leader].append(place)
    found: dict[str, list[_Bundle]] = defaultdict(list)
    for leader, rows in members.items():
        [[label, _]] = Counter(labels[place] for place in rows).most_common(1)
        order = sha256(f"{seed}\0{leader}".encode()).digest()
        found[label].append(_Bundle(rows, label, order))
    return {label: sorted(held, key=lambda one: one.order) for label, held in found.items()}


def _share_out(
    label: str,
    bundles: Sequence[_Bundle],
    parts: Mapping[str, int],
    places: Mapping[str, list[int]],
) -> None:
    """Give each bundle to the slice that lacks most; first of all what each slice must have."""
    needed = sum(LEAST_PER_CLASS.values())
    if len(bundles) < needed:
        whose = f"The class {label!r:.60} has" if label else "The file has"
        raise DataTooSmall(
            f"{whose} {len(bundles)} rows that may be parted, as near-duplicates and groups stay "
            f"together; a split needs {needed}: two to train on, and one in each test slice.",
            slice="train",
            rows=len(bundles),
            wanted=needed,
        )
    total = sum(len(one.rows) for one in bundles)
    lacking = {name: total * part / sum(parts.values()) for name, part in parts.items()}
    first = [name for name in SLICES for _ in range(LEAST_PER_CLASS[name])]
    for place, one in enumerate(bundles):
        name = first[place] if place < len(first) else max(SLICES, key=lacking.__getitem__)
        places[name].extend(one.rows)
        lacking[name] -= len(one.rows)
