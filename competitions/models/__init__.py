"""The tables of the room: those that follow from the log, and those of the desk."""

from competitions.models.contest import (
    Competition,
    Due,
    Evaluator,
    Nomination,
    RankKey,
    Seal,
    Submission,
    Tally,
    Worker,
)
from competitions.models.desk import (
    Draft,
    HeldUp,
    NormalForm,
    Opening,
    Preview,
    Sealed,
    Unopened,
)
from competitions.models.queue import Cost, Evaluation, Turn

__all__ = [
    "Competition",
    "Cost",
    "Draft",
    "Due",
    "Evaluation",
    "Evaluator",
    "HeldUp",
    "Nomination",
    "NormalForm",
    "Opening",
    "Preview",
    "RankKey",
    "Seal",
    "Sealed",
    "Submission",
    "Tally",
    "Turn",
    "Unopened",
    "Worker",
]
