"""What is sealed before the close: for the opening, for our own workers, and for its owner."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from assay.messages import Opened, Refusal, Result, Stop
from assay.wire import changed, from_json
from competitions.models import Submission, Unopened
from competitions.rules import rows
from competitions.rules.rows import Held

_SHAPES: Mapping[str, type] = MappingProxyType(
    {Held.RESULT: Result, Held.STOP: Stop, Held.REFUSAL: Refusal}
)


def to_open(competition: str, *, limit: int) -> list[Opened]:
    """What the seals of a competition hold that are not open, in the order of their making."""
    found = Unopened.objects.filter(competition=competition, is_lost=False).order_by("pk")
    return [
        Opened(one.seal, one.salt, **{one.held: from_json(_SHAPES[one.held], one.content)})
        for one in found[:limit]
    ]


def with_result(entry: rows.Submission) -> rows.Submission:
    """The same with its board result, sealed or not, for our own workers; it may be lost."""
    found = Unopened.objects.filter(submission=entry.id, held=Held.RESULT).first()
    return changed(entry, result=from_json(Result, found.content)) if found else entry


def as_owners_see(entries: Iterable[Submission]) -> None:
    """Fill in what the owner may read of what is sealed: stops and refusals, no score.

    Only for whoever owns the entries: the rows are not written.
    """
    mine = {one.id: one for one in entries}
    for sealed in Unopened.objects.filter(submission__in=[*mine]):
        one, content = mine[sealed.submission], sealed.content
        if sealed.held == Held.STOP:
            one.stop = content
        elif sealed.held == Held.REFUSAL:
            one.refusal_code, one.refusal_cause = content["reason"], content["cause"]
            one.refusal_next = content["next_step"]


def sealed_results(entries: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Entry -> its board result as JSON while that is sealed: for the interval of a board."""
    found = Unopened.objects.filter(submission__in=[*entries], held=Held.RESULT)
    return dict(found.values_list("submission", "content"))
