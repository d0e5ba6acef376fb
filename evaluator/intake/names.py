"""Names from outside: made fit for a message, and compared part by part, never as patterns."""

import string
from collections.abc import Iterable, Iterator

MOST_SHOWN = 100
PLAIN = frozenset(string.ascii_letters + string.digits + "._-")


def shown(name: str) -> str:
    """The name in ASCII, without control characters, at most 100 characters long."""
    text = ascii(name[:MOST_SHOWN])[1:-1]
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


def is_plain(name: str) -> bool:
    """True for a name that means itself where another program would run it as a pattern."""
    return bool(name) and set(name) <= PLAIN


def endings(name: str) -> Iterator[str]:
    """The name, and what follows each of its dots: a.b.c, b.c, c."""
    yield name
    for place, letter in enumerate(name):
        if letter == ".":
            yield name[place + 1 :]


def paths_within(name: str) -> set[str]:
    """Every run of whole parts: of a.b.c these are a, b, c, a.b, b.c and itself."""
    parts = name.split(".")
    places = range(len(parts))
    return {".".join(parts[one : two + 1]) for one in places for two in places if one <= two}


def saved_modules(head: Iterable[str]) -> list[str]:
    """What `modules_to_save` names so that these tensors are saved: the pooler, or the head."""
    return sorted({"pooler" if ".pooler." in name else name.partition(".")[0] for name in head})
