"""Which works stand above a work, and what is due to each of them.

Links: child -> parent -> rate in parts per 10^8. The policy is absolute and counts each edge once:
the edges above a work are all edges reachable upward, however many roads lead there, and a parent
is due the sum of the rates of those edges that end in it.
"""

from collections.abc import Mapping

from licensing import errors

WHOLE_E8 = 10**8
MOST_PARENTS = 16
MOST_ANCESTORS = 256
MOST_PAID = 200  # of them: each is a line of up to 265 bytes in a sale's one fact of 60,000

Links = Mapping[str, Mapping[str, int]]


def edges_above(work: str, links: Links) -> list[tuple[str, str, int]]:
    """Every edge (child, parent, rate_e8) reachable upward from a work, each once, sorted."""
    edges = [
        (child, parent, rate_e8)
        for child in {work, *ancestors(work, links)}
        for parent, rate_e8 in links.get(child, {}).items()
    ]
    return sorted(edges)


def ancestors(work: str, links: Links) -> set[str]:
    """All works above a work; the work itself is among them only when there is a cycle."""
    found: set[str] = set()
    waiting = list(links.get(work, {}))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(links.get(one, {}))
    return found


def due(work: str, links: Links) -> dict[str, int]:
    """ancestor -> parts per 10^8 of every sale of the work that are due to it."""
    parts: dict[str, int] = {}
    for _child, parent, rate_e8 in edges_above(work, links):
        parts[parent] = parts.get(parent, 0) + rate_e8
    return parts


def stack(work: str, links: Links) -> int:
    """The sum of what is due above a work, parts per 10^8; at most 10^8 for every work, always."""
    return sum(due(work, links).values())


def check_links(child: str, parents: Mapping[str, int], links: Links) -> None:
    """May `child` be linked to these parents, given all links from and to works around it?

    parents  parent -> rate_e8
    links    at least everything above the child and its parents, and below the child
    raises   RateOutOfRange, AlreadyLinked, TooManyParents, LineageCycle, TooManyAncestors,
             StackExceedsWhole
    """
    old = links.get(child, {})
    for parent, rate_e8 in sorted(parents.items()):
        _check_edge(child, parent, rate_e8, old)
    check_count(child, len(old) + len(parents))
    grown = {**links, child: {**old, **parents}}
    if child in ancestors(child, grown):
        message = "The work would descend from itself."
        raise errors.LineageCycle(message, child=child, parent=min(parents))
    for work in [child, *sorted(_below(child, links))]:
        _check_whole(work, child, grown)


def check_count(child: str, parents: int) -> None:
    """raises TooManyParents"""
    if parents > MOST_PARENTS:
        message = f"{parents} parents are more than {MOST_PARENTS}."
        raise errors.TooManyParents(message, child=child, parents=parents)


def _check_edge(child: str, parent: str, rate_e8: int, old: Mapping[str, int]) -> None:
    if not 0 <= rate_e8 <= WHOLE_E8:
        message = f"A rate of {rate_e8} parts is not between 0% and 100%."
        raise errors.RateOutOfRange(message, child=child, parent=parent, rate_e8=rate_e8)
    if parent == child:
        raise errors.LineageCycle("A work is not its own parent.", child=child, parent=parent)
    if parent in old:
        raise errors.AlreadyLinked("This link is there already.", child=child, parent=parent)


def _check_whole(work: str, child: str, links: Links) -> None:
    parts = due(work, links)
    if len(parts) > MOST_ANCESTORS:
        message = f"{len(parts)} works stand above it, more than {MOST_ANCESTORS}."
        raise errors.TooManyAncestors(message, child=child, ancestors=len(parts))
    paid = sum(1 for part_e8 in parts.values() if part_e8)
    if paid > MOST_PAID:
        message = f"{paid} works above it would be paid from a sale, more than {MOST_PAID}."
        raise errors.TooManyAncestors(message, child=child, ancestors=paid)
    stack_e8 = sum(parts.values())
    if stack_e8 > WHOLE_E8:
        message = "More than 100% of a sale would be due to the works above it."
        raise errors.StackExceedsWhole(message, child=child, work=work, stack_e8=stack_e8)


def _below(work: str, links: Links) -> set[str]:
    children: dict[str, dict[str, int]] = {}
    for child, parents in links.items():
        for parent in parents:
            children.setdefault(parent, {})[child] = 0
    return ancestors(work, children)
