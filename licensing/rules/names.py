"""Names of tags that are nearly those of a licence: whoever wrote one means that one.

Asked of own terms only. A tag without a meaning gives nothing away and takes nothing, so a misspelt
price is none, and what was to be sold is free.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.82  # of two names as letters alone: one letter of six may differ
LONG = 8  # a known name of so many letters is recognised inside of others as well


def letters(name: str) -> str:
    """A name without what is easily mistaken: capitals, separators, digits."""
    return "".join(one for one in name.lower() if one.isalpha())


def resembled(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one resembles, if any. known: what `letters` makes of them."""
    mine = letters(name)
    return next((one for one in sorted(known) if mine and _is_alike(mine, one)), None)


def _is_alike(mine: str, known: str) -> bool:
    if len(known) >= LONG and (known in mine or (len(mine) >= LONG and known.startswith(mine))):
        return True
    return SequenceMatcher(None, mine, known, autojunk=False).ratio() >= ALIKE
