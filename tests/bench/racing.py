"""How much work racing saves: seeded contests, played through the rule that the site uses.

    python -m tests.bench.racing        writes docs/benchmarks/racing.json and racing.md

Each contest has 60 entries that arrive one after the other and a race for three places. An entry's
true share of right answers is normal around 0.80; how hard an example is correlates all entries
(0.8 on the normal scale). No clock is read: the same command gives the same figures.
"""

import json
import random  # noqa: TID251 - a simulation with fixed seeds
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist

from evaluator.score.racing import ALPHA_PPM, BLOCK, Race, stage_ends, verdict

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
ENTRIES, PLACES = 60, 3
MEAN, CORRELATION = 0.80, 0.8
SIZES = {500: 10, 2000: 10, 10_000: 3}  # examples -> contests
SPREADS = (0.02, 0.04, 0.08)


@dataclass(frozen=True)
class Row:
    """What contests of one kind came to.

    spread         standard deviation of the entries' true quality
    work           share of all examples that were needed up to the look that stopped
    work_staged    the same up to the end of its stage: what the sandbox computes
    stopped        share of the entries that were stopped
    wrong_places   contests whose best three on the whole slice are not those that finished
    """

    examples: int
    spread: float
    contests: int
    work: float
    work_staged: float
    stopped: float
    wrong_places: int


def row(examples: int, spread: float, contests: int) -> Row:
    """Play contests of one kind."""
    played = [_contest(examples, spread, seed) for seed in range(contests)]
    whole = contests * ENTRIES * examples
    return Row(
        examples=examples,
        spread=spread,
        contests=contests,
        work=round(sum(one[0] for one in played) / whole, 3),
        work_staged=round(sum(one[1] for one in played) / whole, 3),
        stopped=round(sum(one[2] for one in played) / contests / ENTRIES, 3),
        wrong_places=sum(one[3] for one in played),
    )


def _contest(examples: int, spread: float, seed: int) -> tuple[int, int, int, bool]:
    """Examples up to the looks, up to the stages' ends, entries stopped, whether places differ."""
    luck = random.Random(f"{examples}/{spread}/{seed}")
    hardness = [luck.gauss(0, 1) for _ in range(examples)]
    race, ends = Race(examples, BLOCK, ALPHA_PPM, 1, is_binary=True), stage_ends(examples, BLOCK)
    finished: list[tuple[int, list[int]]] = []
    scores, looked, staged = [], 0, 0
    for _ in range(ENTRIES):
        sheet = _sheet(luck, hardness, spread)
        scores.append(sum(sheet))
        stop = examples
        if len(finished) >= PLACES:
            order = luck.sample(range(examples), examples)
            rival = sorted(finished, key=lambda one: -one[0])[PLACES - 1][1]
            look = verdict([sheet[at] for at in order], [rival[at] for at in order], race)
            stop = look.n if look else examples
        if stop == examples:
            finished.append((sum(sheet), sheet))
        looked += stop
        staged += next(end for end in ends if end >= stop)
    best = [score for score, _ in sorted(finished, key=lambda one: -one[0])[:PLACES]]
    is_wrong = best != sorted(scores, reverse=True)[:PLACES]
    return looked, staged, ENTRIES - len(finished), is_wrong


def _sheet(luck: random.Random, hardness: list[float], spread: float) -> list[int]:
    quality = NormalDist().inv_cdf(min(0.99, max(0.3, luck.gauss(MEAN, spread))))
    common, own = sqrt(CORRELATION), sqrt(1 - CORRELATION)
    return [int(quality + common * one + own * luck.gauss(0, 1) > 0) for one in hardness]


def _text(rows: list[Row]) -> str:
    lines = [
        f"| {one.examples} | {one.spread} | {one.contests} | {one.work:.2f} | "
        f"{one.work_staged:.2f} | {one.stopped:.2f} | {one.wrong_places} |"
        for one in rows
    ]
    return f"""# Racing: how much work it saves

Written by `make bench-racing`. It is a simulation with fixed seeds: {ENTRIES} entries arrive one
after the other, {PLACES} places are raced for, the entries' true quality is normal around
{MEAN:.2f}, and entries err on the same examples with a correlation of {CORRELATION}. Looks are
{BLOCK} examples apart, alpha is {ALPHA_PPM} in 10^6. Work is the share of all examples that had to
be computed; 1 is no race. It is counted up to the look that stopped an entry, and up to the end of
that stage, which is what the sandbox has computed by then.

| examples | spread | contests | work to looks | work to stages | stopped | wrong places |
|---|---|---|---|---|---|---|
{chr(10).join(lines)}

A wrong place would be a contest in which one of the three best on the whole slice was stopped.
Where entries lie close together there is less to save: they differ on few examples. With 500
examples the saving is small next to the start of each stage, so a race begins at 2000.
"""


def main() -> None:
    """Play everything and write both files."""
    rows = [row(size, spread, count) for size, count in SIZES.items() for spread in SPREADS]
    told = {"entries": ENTRIES, "places": PLACES, "block": BLOCK, "alpha_ppm": ALPHA_PPM}
    value = told | {"rows": [asdict(one) for one in rows]}
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "racing.json").write_text(json.dumps(value, indent=1) + "\n")
    (FOLDER / "racing.md").write_text(_text(rows))
    print(_text(rows))  # noqa: T201 - what the command is for


if __name__ == "__main__":
    main()
