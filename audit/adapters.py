"""Opened adapters, measured again from outside: did a copy get in?

What is hidden stays out of it: an entry that is not open can be no witness. Whoever entered
something earlier that is not open may owe a likeness to that, which nobody outside can tell.
source  docs/mechanism.md, section 7
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from assay.canonical import sha256_hex
from audit.history import History
from audit.mirror import Mirror
from competitions.rules.likeness import Found, Other, Relation, worst
from competitions.rules.rows import STANDING, Competition, Evaluator, State, Submission
from evaluator.similarity.forms import Form, form_of
from evaluator.similarity.measure import compare
from licensing.rules.lineage import ancestors
from licensing.rules.rows import Edge, Work, entry_work


@dataclass
class Adapters:
    """The opened adapters of a history. absent: those whose bytes nobody serves any more"""

    history: History
    mirror: Mirror
    absent: set[str] = field(default_factory=set)
    _forms: dict[str, Form] = field(default_factory=dict)

    def copies(self) -> Iterator[tuple[Submission, Found]]:
        """Entries that were let in, and what came first; in the order of their commits.

        raises Unreachable, NotServed for bytes that are not those of their name
        """
        entries = self.history.rows.all(Submission)
        opened = sorted(
            (one for one in entries if one.state == State.REVEALED),
            key=lambda one: (one.committed_ms, one.id),
        )
        for one in opened:
            form = self._form(one.adapter_sha256)
            if form is None:
                continue
            chosen = worst(self._measured(one, form, opened))
            if chosen and not self._may_be_explained(one, chosen):
                yield one, chosen

    @property
    def measured(self) -> int:
        return len(self._forms)

    def _other(self, one: Submission, other: Submission) -> Other | None:
        """What another opened entry was to this one when this one was committed."""
        is_here = other.competition == one.competition
        since_ms = other.committed_ms if is_here else other.since_ms
        is_same_base = self._base(other) == self._base(one)
        if other.id == one.id or since_ms >= one.committed_ms or not is_same_base:
            return None
        if other.owner == one.owner:
            return Other(other.id, other.adapter_sha256, Relation.OWN)
        if is_here:
            return Other(other.id, other.adapter_sha256, Relation.EARLIER)
        name = entry_work(other.id)
        work = self.history.rows.get(Work, name)
        is_work = work is not None and work.registered_ms < one.committed_ms
        relation = Relation.PARENT if name in self._above(one) else Relation.OPENED
        return Other(other.id, other.adapter_sha256, relation, is_work=is_work)

    def _measured(self, one: Submission, form: Form, opened: list[Submission]) -> list[Found]:
        """How like an entry is to each that came before it and is open."""
        found = []
        for other in filter(None, (self._other(one, other) for other in opened)):
            theirs = self._form(other.adapter_sha256)
            if theirs is not None:
                found.append((other, compare(theirs, form)))
        return found

    def _form(self, adapter_sha256: str) -> Form | None:
        if adapter_sha256 not in self._forms and adapter_sha256 not in self.absent:
            raw = self.mirror.blob(adapter_sha256)
            if raw is None or sha256_hex(raw) != adapter_sha256:
                self.absent.add(adapter_sha256)
            else:
                self._forms[adapter_sha256] = form_of(raw)
        return self._forms.get(adapter_sha256)

    def _base(self, one: Submission) -> str:
        contest = self.history.rows.get(Competition, one.competition)
        assert contest is not None, "the fold has seen it"
        task = self.history.rows.get(Evaluator, contest.spec.manifest_sha256)
        assert task is not None, "the fold has seen it"
        return task.base

    def _above(self, one: Submission) -> set[str]:
        """The declared parents, and what stands above them now."""
        links: dict[str, dict[str, int]] = {one.id: dict.fromkeys(one.parents, 0)}
        waiting = list(one.parents)
        while waiting:
            name = waiting.pop()
            if name not in links:
                edges = self.history.rows.find(Edge, child=name)
                links[name] = {edge.parent: edge.rate_e8 for edge in edges}
                waiting += links[name]
        return ancestors(one.id, links)

    def _may_be_explained(self, one: Submission, found: Found) -> bool:
        """Its owner had an entry in this competition before, which stood and is not open."""
        if found[0].relation != Relation.EARLIER:
            return False
        mine = self.history.rows.find(Submission, competition=one.competition, owner=one.owner)
        hidden = STANDING | {State.ELIMINATED}
        return any(
            other.committed_ms < one.committed_ms
            and other.state in hidden
            and other.state != State.REVEALED
            for other in mine
        )
