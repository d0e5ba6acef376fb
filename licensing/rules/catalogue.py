"""Looking up works, their terms and their lineage among the rows of the fold."""

from collections.abc import Collection

from ledger.rules.rows import Rows
from licensing import errors
from licensing.rules.lineage import Links
from licensing.rules.may import ARE_ACCESS
from licensing.rules.pricing import Access
from licensing.rules.reading import Reading, parse
from licensing.rules.rows import Edge, Grant, GrantState, TermsVersion, Work, terms_key


def work_of(work: str, rows: Rows) -> Work:
    """raises WorkUnknown"""
    found = rows.get(Work, work)
    if found is None:
        raise errors.WorkUnknown(f"No work {work[:16]} is registered.", work=work)
    return found


def reading_of(work: Work, rows: Rows) -> Reading:
    """The terms of a work that hold now."""
    terms = rows.get(TermsVersion, terms_key(work.id, work.terms_version))
    assert terms is not None, f"{work.id} has no terms"
    return parse(terms.tags)


def links_above(work: str, rows: Rows) -> Links:
    """All links reachable upward from a work."""
    links: dict[str, dict[str, int]] = {}
    waiting = [work]
    while waiting:
        child = waiting.pop()
        if child in links:
            continue
        edges = rows.find(Edge, child=child)
        links[child] = {edge.parent: edge.rate_e8 for edge in edges}
        waiting.extend(links[child])
    return links


def works_below(work: str, rows: Rows) -> set[str]:
    """All works that descend from a work."""
    found: set[str] = set()
    waiting = [work]
    while waiting:
        children = {edge.child for edge in rows.find(Edge, parent=waiting.pop())}
        waiting.extend(children - found)
        found |= children
    return found


def uses_held(work: str, holder: str, *, rows: Rows, at_ms: int) -> frozenset[str]:
    """The uses of a work that an account holds grants for at this moment."""
    grants = rows.find(Grant, work=work, holder=holder)
    return frozenset(use for one in grants if is_active(one, at_ms) for use in one.uses)


def access_held(work: str, holder: str, *, rows: Rows, at_ms: int) -> Access | None:
    """What an account holds of a work's access at this moment; None when it holds none."""
    grants = held(work, ARE_ACCESS, holder, rows=rows, at_ms=at_ms)
    if not grants:
        return None
    ends = [one.until_ms for one in grants]
    uses = frozenset(use for one in grants for use in one.uses)
    return Access(frozenset(ARE_ACCESS & uses), max(ends) if all(ends) else 0)


def held(work: str, uses: Collection[str], holder: str, *, rows: Rows, at_ms: int) -> list[Grant]:
    """The licences that an account holds for one of these uses at this moment, newest first."""
    grants = rows.find(Grant, work=work, holder=holder)
    active = [one for one in grants if is_active(one, at_ms) and set(uses) & set(one.uses)]
    return sorted(active, key=lambda one: (-one.from_ms, one.id))


def ended(work: str, uses: Collection[str], holder: str, *, rows: Rows, at_ms: int) -> str:
    """The newest licence of an account for one of these uses that has ended; "" without one."""
    grants = rows.find(Grant, work=work, holder=holder)
    over = [one for one in grants if not is_active(one, at_ms) and set(uses) & set(one.uses)]
    return max(over, key=lambda one: (one.from_ms, one.id)).id if over else ""


def is_active(grant: Grant, at_ms: int) -> bool:
    """Whether a grant stands, has begun and has not ended."""
    is_over = grant.until_ms and at_ms >= grant.until_ms
    return grant.state == GrantState.ACTIVE and at_ms >= grant.from_ms and not is_over
