"""What an entry's adapter is to be compared with. Nothing here writes."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT

from competitions.models import Competition, Evaluation, Evaluator, NormalForm, Opening, Submission
from competitions.queries.openings import adapters_of
from competitions.rules.likeness import Other, Relation
from competitions.rules.rows import State
from licensing import queries as rights
from licensing.rules.rows import entry_work

OUT = (State.REFUSED,)


def others(submission: str) -> list[Other]:
    """All that came before an entry: earlier ones here, and what is public of the same base.

    Of its owner's own too, since they explain a likeness. An adapter stands there once.
    """
    one = Submission.objects.get(pk=submission)
    earlier = Submission.objects.filter(
        competition=one.competition, committed_ms__lt=one.committed_ms
    ).exclude(state__in=OUT)
    found = [
        Other(entry.id, name, Relation.OWN if entry.owner == one.owner else Relation.EARLIER)
        for entry, name in _with_adapters(earlier)
    ]
    return [*found, *_opened(one)]


def later_rivals(submission: str) -> list[Other]:
    """Entries of others in the same competition that were committed later and are measured."""
    one = Submission.objects.get(pk=submission)
    later = Submission.objects.filter(
        competition=one.competition,
        committed_ms__gt=one.committed_ms,
        state__in=[State.COMMITTED, State.SCORED],
    ).exclude(owner=one.owner)
    return [Other(entry.id, name, Relation.EARLIER) for entry, name in _with_adapters(later)]


def form_sha256(adapter: str) -> str:
    """The blob of an adapter's normal form; empty where none was made."""
    found = NormalForm.objects.filter(pk=adapter).values_list("sha256", flat=True)
    return found.first() or ""


def forms_in_use() -> set[str]:
    """Blobs of the normal forms of entries: those of nobody may go."""
    tables = (Submission, Opening, Evaluation)
    used = (table.objects.filter(adapter_sha256=OuterRef("pk")) for table in tables)
    kept = NormalForm.objects.filter(reduce(or_, (Q(Exists(one)) for one in used)))
    return set(kept.values_list("sha256", flat=True))


def open_adapters(competition: str) -> list[Submission]:
    """The adapters of a competition's base that are public, from all competitions, newest first.

    One that was entered again, by its owner, stands there once, for its first entry.
    """
    entries = {one.adapter_sha256: one for one in _public(competition).order_by("-committed_ms")}
    return sorted(entries.values(), key=lambda one: -one.since_ms)


def _opened(one: Submission) -> list[Other]:
    """The adapters of the same base that were public when the entry was committed."""
    public = _public(one.competition).filter(since_ms__lt=one.committed_ms)
    found = list(public.order_by("-committed_ms"))
    works = rights.works_of([entry_work(entry.id) for entry in found])
    known = {name for name, work in works.items() if work.registered_ms < one.committed_ms}
    # The first entry of an adapter speaks for it; before that, one that is a work.
    found.sort(key=lambda entry: entry_work(entry.id) in known)
    above = _declared(one.parents)
    return [
        Other(
            entry.id,
            name,
            _relation(one, entry, is_parent=entry_work(entry.id) in above),
            is_work=entry_work(entry.id) in known,
        )
        for name, entry in {entry.adapter_sha256: entry for entry in found}.items()
    ]


def _public(competition: str) -> QuerySet[Submission]:
    """Opened entries of the other competitions on the same base."""
    spec = Competition.objects.get(pk=competition).spec
    base = Evaluator.objects.values_list("base", flat=True).get(pk=spec["manifest_sha256"])
    tasks = Evaluator.objects.filter(base=base).values("pk")
    named = Competition.objects.annotate(task=KT("spec__manifest_sha256"))
    contests = named.filter(task__in=tasks).exclude(pk=competition).values("pk")
    return Submission.objects.filter(competition__in=contests, state=State.REVEALED)


def _relation(one: Submission, entry: Submission, *, is_parent: bool) -> Relation:
    if entry.owner == one.owner:
        return Relation.OWN
    return Relation.PARENT if is_parent else Relation.OPENED


def _declared(parents: Iterable[str]) -> set[str]:
    """The declared parents, and what stands above them."""
    links = rights.links_above(*parents)
    return {*links, *(parent for found in links.values() for parent in found)}


def _with_adapters(entries: Iterable[Submission]) -> list[tuple[Submission, str]]:
    """Each with its canonical adapter: those that a worker has taken in at least once."""
    known = list(entries)
    running = dict(
        Evaluation.objects.filter(submission__in=[one.id for one in known])
        .exclude(adapter_sha256="")
        .values_list("submission", "adapter_sha256")
    )
    judged = adapters_of(one.id for one in known)
    pairs = [(one, judged.get(one.id) or running.get(one.id, "")) for one in known]
    return [(one, name) for one, name in pairs if name]
