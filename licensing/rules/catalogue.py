"""Looking up works, their terms and their lineage among the rows of the fold."""

from collections.abc import Collection

from ledger.rules.rows import Rows
from licensing import errors
from licensing.rules.lineage import Links
from licensing.rules.offer import Holder, Subject, gives, holder_of, subject_of
from licensing.rules.reading import Reading, parse
from licensing.rules.rows import DueAbove, Edge, Grant, TermsVersion, Work, terms_key


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


def dues(work: str, rows: Rows) -> Links:
    """What a sale of a work owes, frozen when it was registered: work -> ancestor -> parts of 10^8.

    One row, however many works stand above: a sale costs what is paid, not the graph.
    """
    found = rows.get(DueAbove, work)
    assert found is not None, f"{work} has no dues"
    return {work: dict(zip(found.works, found.rates_e8, strict=True))}


def subject(work: Work, rows: Rows) -> Subject:
    """What is offered of a work: its terms that hold now."""
    return subject_of(work, reading_of(work, rows))


def holder(work: str, account: str, *, rows: Rows, at_ms: int) -> Holder:
    """What an account holds of a work at this moment."""
    return holder_of(rows.find(Grant, work=work, holder=account), at_ms=at_ms)


def held(work: str, uses: Collection[str], holder: str, *, rows: Rows, at_ms: int) -> list[Grant]:
    """The licences that an account holds for one of these uses at this moment, newest first."""
    grants = rows.find(Grant, work=work, holder=holder)
    active = [one for one in grants if any(gives(one, use, at_ms=at_ms) for use in uses)]
    return sorted(active, key=lambda one: (-one.from_ms, one.id))


def ended(work: str, uses: Collection[str], holder: str, *, rows: Rows, at_ms: int) -> str:
    """The newest licence of an account for one of these uses that has ended; "" without one."""
    grants = rows.find(Grant, work=work, holder=holder)
    over = [one for one in grants if set(uses) & set(one.uses) and 0 < one.until_ms <= at_ms]
    return max(over, key=lambda one: (one.from_ms, one.id)).id if over else ""
