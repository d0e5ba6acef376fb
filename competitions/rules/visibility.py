"""Who may see what of an entry, and when: nobody's private value leaves before the close."""

from typing import Protocol

from competitions.rules.rows import Phase

SECRET_PHASES = frozenset({Phase.PUBLISHED, Phase.FUNDED, Phase.OPEN})
OPENED_PHASES = frozenset({Phase.PROVISIONAL, Phase.SETTLED})


class Entry(Protocol):
    """What these rules read of an entry: a row of the fold, or of the table."""

    @property
    def owner(self) -> str: ...


def may_see_score(entry: Entry, *, phase: str, viewer: str, is_on_board: bool) -> bool:
    """Its public score: the owner always, others what the board shows, and all after the close.

    viewer  the account that asks, or ""     is_on_board  it is the best of its owner
    """
    return _is_own(entry, viewer) or is_on_board or phase not in SECRET_PHASES


def may_see_refusal(entry: Entry, *, viewer: str) -> bool:
    """Why an entry was refused is its owner's business."""
    return _is_own(entry, viewer)


def is_opened(phase: str) -> bool:
    """Adapters and answers are public: all is judged. What cannot be judged stays sealed."""
    return phase in OPENED_PHASES


def may_see_final_score(phase: str) -> bool:
    """The sealed slice speaks for all at once, when every entry was judged."""
    return phase in OPENED_PHASES


def _is_own(entry: Entry, viewer: str) -> bool:
    return bool(viewer) and entry.owner == viewer
