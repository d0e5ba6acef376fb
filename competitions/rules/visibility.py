"""Who may see what of an entry, and when: nobody's private value leaves before the close."""

from typing import Protocol

from competitions.rules.rows import Phase, State

SECRET_PHASES = frozenset({Phase.PUBLISHED, Phase.FUNDED, Phase.OPEN})
OPENED_PHASES = frozenset({Phase.PROVISIONAL, Phase.SETTLED})


NO_IMPROVEMENT = "no clear improvement"


class Entry(Protocol):
    """What these rules read of an entry: a row of the fold, or of the table."""

    @property
    def owner(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def score_e9(self) -> int | None: ...


def may_see_score(entry: Entry, *, phase: str, viewer: str, is_on_board: bool) -> bool:
    """Its board score, if it was told at all: the owner, those who see the board, all at the close.

    viewer  the account that asks, or ""     is_on_board  it is the best of its owner
    """
    return _is_own(entry, viewer) or is_on_board or phase not in SECRET_PHASES


def is_hidden(entry: Entry) -> bool:
    """It was run on the board, and not even its owner is told how well (rules/ladder.py)."""
    return entry.state == State.SCORED and entry.score_e9 is None


def may_see_refusal(entry: Entry, *, viewer: str) -> bool:
    """Why an entry was refused is its owner's business."""
    return _is_own(entry, viewer)


def is_opened(phase: str) -> bool:
    """Adapters and answers are public: all is judged. What cannot be judged stays sealed."""
    return phase in OPENED_PHASES


def may_see_final_score(phase: str) -> bool:
    """The final slice speaks for all at once, when every entry was judged."""
    return phase in OPENED_PHASES


def _is_own(entry: Entry, viewer: str) -> bool:
    return bool(viewer) and entry.owner == viewer
