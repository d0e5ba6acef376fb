"""The root of every error that a caller can act on.

    AssayError                 code, cause (the message), next step, facts
      <room>.errors.*          one class per thing that can be done about it

A code is part of the public API: it never changes its meaning. docs/errors.md lists all of them.
"""

from collections.abc import Mapping
from difflib import get_close_matches


class AssayError(Exception):
    """Something a caller can be told.

    code       stable, `room.what`
    status     the HTTP status that a door answers with
    next_step  one sentence: what to do about it; an instance may name a better one
    facts      values the caller may need, JSON-ready
    """

    code = "assay.error"
    status = 400
    next_step = ""

    def __init__(self, message: str, *, next_step: str = "", **facts: object) -> None:
        super().__init__(message)
        self.facts = facts
        self.next_step = next_step or type(self).next_step

    def as_dict(self) -> dict[str, object]:
        """The wire form: code, message, next, facts."""
        facts = {name: _plain(value) for name, value in self.facts.items()}
        return {"code": self.code, "message": str(self), "next": self.next_step, "facts": facts}


def did_you_mean(wanted: str, known: Mapping[str, object] | list[str]) -> str:
    """A sentence with the closest known name, or an empty string."""
    close = get_close_matches(wanted, list(known), n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else ""


def _plain(value: object) -> object:
    """Money and times may pass 2^53, which JSON readers round: such integers become strings."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | bool) else str(value)
