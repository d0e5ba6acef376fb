"""A dry run as the last page shows it: where it stands, what it pinned, what a win would take."""

from typing import Any, NamedTuple

from assay.wire import from_json
from competitions import queries
from competitions.actions.drafts import MEASURING
from competitions.models import Draft
from competitions.rules.findings import Findings
from competitions.rules.prizes import alpha_for, least_wins, wins_of
from competitions.rules.task import words_of
from competitions.views.files import TITLES
from competitions.views.stages import Stage
from evaluator.registry import metric_named, show_score

E9 = 10**9
DECIDING = (2, 20, 200)  # entries of a competition
DIFFER_ON = (10, 20, 50, 100, 200, 500, 1000)
STAGES = (
    "Waits for a worker",
    "Files are read, the task is pinned",
    "The untouched base is measured",
)


class Run(NamedTuple):
    """A dry run that is not done. says: what it does now   waits: for what, or how long it may"""

    stages: list[Stage]
    says: str
    waits: str


class Gap(NamedTuple):
    """What a win takes when two entries differ on so many examples. gap_e9: None: no such figure"""

    differing: int
    wins: int
    gap_e9: int | None


def run_stages(found: Draft) -> Run:
    """Where a dry run stands."""
    if found.leased_until is None:
        runs, entries = queries.preparations_before(found), queries.entries_waiting()
        before = [f"{runs} dry run{'s' * (runs != 1)}"] * bool(runs)
        before += [f"{entries} scoring run{'s' * (entries != 1)}"] * bool(entries)
        waits = f"{' and '.join(before)} wait too" if before else "next in turn"
        return Run(_stages(0), "Waiting for a worker", waits)
    if found.stage == MEASURING:
        says = "The untouched base answers sample and board, in the sandbox"
        return Run(_stages(2), says, "running now")
    return Run(_stages(1), "A worker reads the files and pins the task", "running now")


def odd_rows(found: Draft) -> str:
    """Which rows a refused dry run complains of, where it names them: `3, 9 and 40 more`."""
    facts = found.problem.get("facts") or {}
    rows, count = facts.get("rows"), facts.get("count")
    if not isinstance(rows, list) or not rows:
        return ""
    more = int(count) - len(rows) if isinstance(count, int) else 0
    return ", ".join(map(str, rows)) + (f" and {more} more" if more > 0 else "")


def measured(found: Draft) -> dict[str, Any]:
    """What a dry run that is through came to."""
    prepared = found.prepared
    told = {name: bool(prepared[name]) for name in ("is_generic", "is_custom")}
    findings = from_json(Findings, prepared.get("findings") or {"warnings": [], "options": [],
                                                                 "oracles": []})  # fmt: skip
    return {
        "marks": words_of(**told),
        "prepared": prepared,
        "baseline": show_score(int(prepared["baseline"]["score_e9"])),
        "board_baseline": show_score(int(prepared["board_baseline_e9"])),
        "findings": findings,
        "oracles": [
            (TITLES.get(one.part, one.part), *map(show_score, (
                one.best_e9, one.constant_e9, one.shuffled_e9)))
            for one in findings.oracles
        ],
        "least_wins": least_wins(0),
        "winning": [(count, least_wins(0, alpha_for(count))) for count in DECIDING],
        "gaps": gaps(prepared["metric"], prepared["final_examples"]),
    }  # fmt: skip


def gaps(metric: str, examples: int) -> list[Gap]:
    """The smallest gaps that a slice of so many examples can separate, the smallest first."""
    is_binary, least = metric_named(metric).is_binary, least_wins(0)
    found = []
    for differing in sorted(
        {one for one in (least, *DIFFER_ON, examples) if least <= one <= examples}
    ):
        wins = wins_of(differing)
        assert wins is not None, "with the least wins and no loss an entry is clearly better"
        gap_e9 = (2 * wins - differing) * E9 // examples if is_binary else None
        found.append(Gap(differing, wins, gap_e9))
    return found


def _stages(now: int) -> list[Stage]:
    return [
        Stage(label, "done" if place < now else "now" if place == now else "")
        for place, label in enumerate(STAGES)
    ]
