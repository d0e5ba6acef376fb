"""What a contest's entry becomes as a work: its id, payee, title, terms and parents, and no other.

The actions ask here what to register; the fold asks again whether the facts say the same. So a
registration under another id, for another payee or without its parents is refused by all who fold.
"""

from assay.messages import Share, TermsChanged, WorkRegistered
from competitions.rules.checks import need
from competitions.rules.rows import Competition, Submission
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing.errors import WorkTaken
from licensing.rules.meets import shortfalls
from licensing.rules.reading import parse
from licensing.rules.rows import ENTRY, WorkKind, entry_work


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
    if entry.order is None or entry.order.kind != "submission.commit":
        if entered := rows.find(Submission, adapter_sha256=body.content):
            message = "It is the adapter of an entry, which becomes a work when the entry wins."
            raise WorkTaken(message, work=body.work, owner=entered[0].owner)
        return
    contest, one = _winner(entry, rows)
    wanted = {
        "work": entry_work(one.id),
        "kind": WorkKind.ADAPTER.value,
        "content": one.adapter_sha256,
        "owner": one.owner,
        "title": title_of(contest, one),
        "tags": one.tags,
        "shares": shares_of(one),
    }
    odd = [name for name, value in wanted.items() if getattr(body, name) != value]
    need(not odd, entry, f"its {', '.join(odd)} is not that of the entry")
    named = {parent.work for parent in body.parents}
    need(named == set(parents_of(contest, one)), entry, "its parents are not those of the entry")


def terms_changed(entry: Entry, rows: Rows) -> None:
    """A winner's terms stay as free as its competition asked. raises FoldRefused"""
    body: TermsChanged = entry.body
    if one := _entry_of(body.work, rows):
        contest = rows.get(Competition, one.competition)
        assert contest is not None
        short = shortfalls(parse(body.tags), parse(contest.spec.required_tags))
        need(not short, entry, "its competition asks for freer terms")


def withdrawn(entry: Entry, rows: Rows) -> None:
    """What has won stays on the market: that is what the prize was paid for. raises FoldRefused"""
    need(_entry_of(entry.body.work, rows) is None, entry, "it won, and stays on the market")


def _entry_of(work: str, rows: Rows) -> Submission | None:
    kind, _, name = work.partition(":")
    return rows.get(Submission, name) if kind == ENTRY else None


def _winner(entry: Entry, rows: Rows) -> tuple[Competition, Submission]:
    assert entry.order is not None
    one = rows.get(Submission, entry.order.id)
    contest = rows.get(Competition, one.competition) if one else None
    need(bool(one and contest and one.prize_nano), entry, "the entry won nothing")
    assert one is not None
    assert contest is not None
    return contest, one
