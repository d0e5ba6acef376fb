"""The rules of competitions by name. Each competition says which it follows, for good.

So a later change of the rules gets a name of its own, and rewrites no history.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from assay.messages import Line, Spec
from competitions.rules import ladder, nomination, verdict, visibility
from competitions.rules.prizes import Mark, Payout
from competitions.rules.rows import Competition, Evaluator, Nomination, Submission
from competitions.rules.spec import Problem

NEWEST = "contest/1"  # what is published from now on


class Rules(NamedTuple):
    """What may differ from one name to another.

    ranking     the entries that decide, of all those that stand
    payout      what the rules give, and the transfers that do it
    board       whether the board tells a run, beside the best that it shows of the same owner
    visibility  whether a viewer sees an entry's board score
    """

    ranking: Callable[[Sequence[Submission], Sequence[Nomination], int], list[Submission]]
    payout: Callable[
        [Competition, Sequence[Submission], Evaluator], tuple[Payout, tuple[Line, ...]]
    ]
    board: Callable[[Mark, Mark | None], bool]
    visibility: Callable[..., bool]


RULES: Mapping[str, Rules] = MappingProxyType(
    {
        NEWEST: Rules(
            ranking=nomination.nominated,
            payout=verdict.payout,
            board=ladder.improves,
            visibility=visibility.may_see_score,
        )
    }
)


def rules_of(spec: Spec) -> Rules:
    """Of a competition that the fold has taken."""
    return RULES[spec.rules]


def rules_problems(name: str) -> Iterator[Problem]:
    """Nobody publishes under rules that nobody knows."""
    if name not in RULES:
        yield Problem("rules", f"There are no such rules. Choose {NEWEST}.")
