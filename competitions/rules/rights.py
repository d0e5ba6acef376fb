"""What a contest's entry becomes as a work: its id, payee, title, terms and parents, and no other.

The actions ask here what to register; the fold asks again whether the facts say the same. So a
registration under another id, for another payee or without its parents is refused by all who fold.
"""

from assay.messages import Share, WorkRegistered
from competitions.rules.checks import need
from competitions.rules.rows import Competition, Submission
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing.errors import WorkTaken
from licensing.rules.rows import Edge, Work, WorkKind


def title_of(contest: Competition, entry: Submission) -> str:
    """What the work of an entry is called."""
    return entry.title or f"{contest.spec.title}: {entry.owner}"


def shares_of(entry: Submission) -> tuple[Share, ...]:
    """Who is paid for the work of an entry."""
    return (Share(entry.owner, 1),)


def parents_of(contest: Competition, entry: Submission) -> tuple[str, ...]:
    """What an entry was made from: base, data, and the parents that it declared; each once."""
    named = (contest.spec.base_work, contest.spec.data_work, *entry.parents)
    return tuple(dict.fromkeys(one for one in named if one))


def registered(entry: Entry, rows: Rows) -> None:
    """A work is a winner's own, or no entry's adapter. raises FoldRefused, WorkTaken"""
    body: WorkRegistered = entry.body
    if not _is_of_a_contest(entry):
        if entered := rows.find(Submission, adapter_sha256=body.work):
            message = "It is the adapter of an entry, which becomes a work when the entry wins."
            raise WorkTaken(message, work=body.work, owner=entered[0].owner)
        return
    contest, one = _winner(entry, rows)
    wanted = {
        "work": one.adapter_sha256,
        "kind": WorkKind.ADAPTER.value,
        "owner": one.owner,
        "title": title_of(contest, one),
        "tags": one.tags,
        "shares": shares_of(one),
    }
    odd = [name for name, value in wanted.items() if getattr(body, name) != value]
    need(not odd, entry, f"its {', '.join(odd)} is not that of the entry")


def linked(entry: Entry, rows: Rows) -> None:
    """raises FoldRefused"""
    if _is_of_a_contest(entry):
        contest, one = _winner(entry, rows)
        _need_same_work(entry, entry.body.child, one)
        is_parent = entry.body.parent in parents_of(contest, one)
        need(is_parent, entry, "the entry was not made from it")
        work = rows.get(Work, entry.body.child)
        need(work is not None and not work.is_offered, entry, "its parents are complete")


def offered(entry: Entry, rows: Rows) -> None:
    """Nothing is sold of it before all its parents are linked. raises FoldRefused"""
    if _is_of_a_contest(entry):
        contest, one = _winner(entry, rows)
        _need_same_work(entry, entry.body.work, one)
        edges = {edge.parent for edge in rows.find(Edge, child=one.adapter_sha256)}
        missing = set(parents_of(contest, one)) - edges
        need(not missing, entry, "not all its parents are linked")


def _is_of_a_contest(entry: Entry) -> bool:
    return entry.order is not None and entry.order.kind == "submission.commit"


def _winner(entry: Entry, rows: Rows) -> tuple[Competition, Submission]:
    assert entry.order is not None
    one = rows.get(Submission, entry.order.id)
    contest = rows.get(Competition, one.competition) if one else None
    need(bool(one and contest and one.prize_nano), entry, "the entry won nothing")
    assert one is not None
    assert contest is not None
    return contest, one


def _need_same_work(entry: Entry, work: str, one: Submission) -> None:
    need(work == one.adapter_sha256, entry, "it is about another work than the entry's")
