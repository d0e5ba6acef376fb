"""What follows when an entry's adapter is like another one. The measure is evaluator/similarity.

    an earlier rival in this competition   duplicate: out   derived: out, its deposit comes back
    an opened adapter of another owner     duplicate: out   derived: its work is a parent, or out

A likeness that something better explains counts for nothing: the entry is at least as like to an
adapter that is its owner's own, or, when it is derived, to a parent that it declared. So two who
build on the same work are no copies of each other.
source  docs/mechanism.md, section 7
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import AssayError
from assay.messages import Likeness, Refusal
from competitions.errors import Derived, Duplicate, UndeclaredParent
from competitions.rules.checks import need
from competitions.rules.rows import Submission
from evaluator.similarity.measure import Alike, Kind, kind_of
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing.rules.rows import Work, entry_work

KINDS = {
    Duplicate.code: Kind.DUPLICATE,
    Derived.code: Kind.DERIVED,
    UndeclaredParent.code: Kind.DERIVED,
}


class Relation(StrEnum):
    """What another adapter is to an entry."""

    EARLIER = "earlier"  # another owner's, committed before it in the same competition
    OPENED = "opened"  # another owner's, public before the entry's commit
    PARENT = "parent"  # the same, and its work is a declared parent or stands above one
    OWN = "own"  # of the same owner, entered earlier here, or public before


@dataclass(frozen=True)
class Other:
    """An adapter that an entry is compared with.

    entry    the submission that it is of
    is_work  it was under terms before the entry's commit, so it could have been declared
    """

    entry: str
    adapter_sha256: str
    relation: Relation
    is_work: bool = False

    @property
    def name(self) -> str:
        """What a refusal names it by: the work, where it is one."""
        return entry_work(self.entry) if self.is_work else self.entry


Found = tuple[Other, Alike]


def worst(found: Sequence[Found]) -> Found | None:
    """The likeness that puts an entry out: a duplicate before a derived one, then the greatest."""
    own = _most(found, {Relation.OWN})
    declared = max(own, _most(found, {Relation.PARENT}))
    limits = {Kind.DUPLICATE: own, Kind.DERIVED: declared}
    counted = [
        (other, alike)
        for other, alike in found
        if _can_refuse(other.relation, alike.kind) and alike.two_sided_ppm > limits[alike.kind]
    ]
    return max(counted, key=_severity, default=None)


def error_of(found: Found, adapter_sha256: str, log_index: int | None) -> Duplicate:
    """The refusal that the owner reads. log_index: of the other's commit"""
    other, alike = found
    kinds = {Kind.DUPLICATE: Duplicate, Kind.DERIVED: Derived}
    kind = UndeclaredParent if _is_a_missing_parent(found) else kinds[alike.kind]
    whole = f"{alike.two_sided_ppm / 10**4:.2f} %"
    layers = f"{alike.copied_layers_ppm / 10**4:.0f} %"
    where = "" if log_index is None else f", message {log_index} of the log"
    return kind(
        f"It is {whole} like {other.name}{where}, which came first; {layers} of its layers are "
        f"copied. From 90 % on that is a duplicate, from 30 % or a quarter of the layers derived.",
        of=other.name,
        adapter_sha256=adapter_sha256,
        two_sided_ppm=alike.two_sided_ppm,
        copied_layers_ppm=alike.copied_layers_ppm,
        log_index=log_index,
    )


def likeness_of(error: AssayError) -> Likeness | None:
    """The numbers of a refusal, for its seal; None where nothing was measured."""
    if "two_sided_ppm" not in error.facts:
        return None
    names = ("of", "two_sided_ppm", "copied_layers_ppm")
    return Likeness(*(error.facts[name] for name in names))  # type: ignore[arg-type]


def judge(entry: Entry, refusal: Refusal, submission: Submission, rows: Rows) -> None:
    """Judge a refusal for likeness as its seal is opened. The adapters are not looked at here.

    raises FoldRefused when the numbers do not mean that, or the other one did not come first
    """
    told = refusal.likeness
    if told is None:  # of the same adapter, by its hash; or no likeness at all
        is_measured = refusal.reason in KINDS and refusal.reason != Duplicate.code
        need(not is_measured, entry, "nothing says how like it is")
        return
    kind = kind_of(told.two_sided_ppm, told.copied_layers_ppm)
    need(KINDS.get(refusal.reason) == kind, entry, "the numbers mean something else")
    work, other = rows.get(Work, told.of), rows.get(Submission, told.of)
    need(bool(work or other), entry, "there is no such other adapter")
    owner = work.owner if work else other.owner if other else ""
    need(owner != submission.owner, entry, "the other adapter is the owner's own")
    since_ms = work.registered_ms if work else _since_ms(other, submission)
    need(since_ms < submission.committed_ms, entry, "the other adapter came later")
    if refusal.reason == UndeclaredParent.code:
        need(work is not None, entry, "what is no work cannot be declared")
        need(told.of not in submission.parents, entry, "the parent is declared")


def _since_ms(other: Submission | None, submission: Submission) -> int:
    """When it counted: a rival from its commit on, another one since it is public."""
    assert other is not None
    if other.competition == submission.competition:
        return other.committed_ms
    return other.since_ms if other.state == "revealed" else submission.committed_ms


def _most(found: Sequence[Found], relations: set[Relation]) -> int:
    known = [alike.two_sided_ppm for other, alike in found if other.relation in relations]
    return max(known, default=-1)


def _can_refuse(relation: Relation, kind: Kind) -> bool:
    """A parent may be built on, but not entered as it is."""
    if relation == Relation.OWN or kind == Kind.INDEPENDENT:
        return False
    return relation != Relation.PARENT or kind == Kind.DUPLICATE


def _is_a_missing_parent(found: Found) -> bool:
    other, alike = found
    return alike.kind == Kind.DERIVED and other.relation == Relation.OPENED and other.is_work


def _severity(found: Found) -> tuple[bool, int]:
    return found[1].kind == Kind.DUPLICATE, found[1].two_sided_ppm
