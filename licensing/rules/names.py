"""Names of tags that are nearly those of a licence: whoever wrote one means that one.

A tag without a meaning gives nothing away and takes nothing, so a misspelt price would be none, and
what was to be sold would be free. Own terms are refused for such a name; of foreign terms the right
that it resembles is denied.
"""

import unicodedata
from collections.abc import Collection
from difflib import SequenceMatcher
from functools import lru_cache

from confusable_homoglyphs.confusables import confusables_data

ALIKE = 0.82  # of two names as letters alone: one letter of six may differ
LONG = 8  # a known name of so many letters is recognised inside of others as well
SAME = 1.0


def letters(name: str) -> str:
    """A name without what is easily mistaken: capitals, separators, digits, look-alikes."""
    plain = unicodedata.normalize("NFKD", name)
    folded = (one if one.isascii() else _looks_like(one) for one in plain)
    return "".join(one for one in "".join(folded).lower() if one.isalpha())


def resembled(name: str, known: Collection[str]) -> tuple[str, ...]:
    """The known names that this one resembles most. known: what `letters` makes of them."""
    mine = letters(name)
    found = {one: alike for one in known if mine and (alike := _alike(mine, one)) >= ALIKE}
    most = max(found.values(), default=SAME)
    return tuple(sorted(one for one, alike in found.items() if alike == most))


@lru_cache(1 << 10)
def _looks_like(letter: str) -> str:
    """The plain letters that are read where this one stands; itself when there are none."""
    alike = (one["c"] for one in confusables_data.get(letter, ()))
    return next((one for one in alike if one.isascii() and one.isalpha()), letter)


def _alike(mine: str, known: str) -> float:
    if mine == known:
        return SAME
    if len(known) >= LONG and (known in mine or (len(mine) >= LONG and known.startswith(mine))):
        return SAME
    shorter, longer = sorted((len(mine), len(known)))
    if 2 * shorter < ALIKE * (shorter + longer):  # they cannot be that alike
        return 0.0
    return SequenceMatcher(None, mine, known, autojunk=False).ratio()
