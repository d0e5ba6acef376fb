"""What the dry run found out about a task, for its sponsor; strictly read, a stranger's words."""

from collections.abc import Mapping
from dataclasses import dataclass

from competitions.rules.preview import count, list_of, mapping, text


@dataclass(frozen=True)
class Asked:
    """What a slice gives to those who know everything, and to those who know nothing.

    best_e9      the right answers, given as a model gives them
    constant_e9  one same answer everywhere
    shuffled_e9  the right answers of other rows
    """

    part: str
    best_e9: int
    constant_e9: int
    shuffled_e9: int


@dataclass(frozen=True)
class Findings:
    """options: of the metric, those too that were chosen by a look at the data."""

    warnings: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    oracles: tuple[Asked, ...] = ()


def findings(told: Mapping[str, object]) -> Findings:
    """From the reader's summary (evaluator/doors/prepare.py).

    raises ValueError, KeyError, TypeError for a document of another form
    """
    oracles = mapping(told.get("oracles", {}))
    options = mapping(told.get("options", {}))
    return Findings(
        warnings=tuple(text(one) for one in list_of(told.get("warnings", []))),
        options=tuple((text(name), text(value)) for name, value in options.items()),
        oracles=tuple(_asked(text(part), mapping(one)) for part, one in oracles.items()),
    )


def _asked(part: str, one: Mapping[str, object]) -> Asked:
    best_e9, constant_e9, shuffled_e9 = (
        count(one[name]) for name in ("best_e9", "constant_e9", "shuffled_e9")
    )
    return Asked(part, best_e9, constant_e9, shuffled_e9)
