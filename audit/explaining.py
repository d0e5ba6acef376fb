"""`assay explain`: the chain of messages that led to a figure, from the log alone."""

from contextlib import closing
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Annotated, Protocol

import typer

from assay import messages, notes
from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from assay.client import Told
from assay.errors import AssayError, did_you_mean
from assay.money import show_tokens
from assay.succession import Succession
from audit.checkpoints import newest
from audit.history import History, collector_paused
from audit.mirror import Mirror, entries, mirror_at
from competitions.rules.rows import Submission
from ledger.rules.accounts import Account, Transfer
from ledger.rules.entry import Entry
from ledger.rules.statement import in_words

SUMS = MappingProxyType(
    {"available_nano": "to spend", "pending_out_nano": "held", "pending_in_nano": "promised"}
)
TOLD = ("state", "score_e9", "final_score_e9", "place", "prize_nano", "refusal_code")
COLUMNS = ["index", "kind", "signer", "says", "change"]
Figure = dict[str, object]


class NothingToExplain(AssayError):
    """The log knows no account, submission or transfer of this name. Facts: name."""

    code, status = "explain.unknown", 404
    next_step = "Give an account's name, a submission's id, or a transfer's id of 64 hex digits."


class LogUnfit(AssayError):
    """The entries do not give the root that the checkpoint signs. Facts: size."""

    code, status = "audit.log_unfit", 422
    next_step = "Run `assay audit` on the same place: it names what is wrong."


@dataclass(frozen=True)
class Step:
    """One message of the chain.

    index    its place in the log       signer  the account that speaks in it, by this key
    says     what it did, in words      change  field -> [before, after]; empty for an order
    """

    index: int
    kind: str
    message: str
    signer: str
    key: str
    says: str
    change: dict[str, list[object]]


class Subject(Protocol):
    """Something with figures that messages change. what: account, submission, transfer."""

    what: str
    name: str

    def look(self, history: History) -> Figure:
        """The figures now; empty when it is not there yet."""

    def says(self, history: History, entry: Entry) -> str:
        """What a message did to it."""


class OfAccount:
    """The three sums of an account."""

    what = "account"

    def __init__(self, name: str) -> None:
        self.name = name

    def look(self, history: History) -> Figure:
        row = history.rows.get(Account, self.name)
        return {one: str(getattr(row, one)) for one in SUMS} if row else {}

    def says(self, history: History, entry: Entry) -> str:
        lines = (history.rows.get(Transfer, line.id) for line in _lines(entry))
        mine = [one for one in lines if one and self.name in (one.debit, one.credit)]
        told = (f"{in_words(self.name, one)} {show_tokens(one.amount_nano)}" for one in mine)
        return "; ".join(told) or "The account was opened."


class OfSubmission:
    """State, scores, place and prize of an entry."""

    what = "submission"

    def __init__(self, name: str) -> None:
        self.name = name

    def look(self, history: History) -> Figure:
        row = history.rows.get(Submission, self.name)
        found = {one: getattr(row, one) for one in TOLD} if row else {}
        return {
            name: str(value) if name.endswith(("_e9", "_nano")) else value
            for name, value in found.items()
            if value not in (None, "")
        }

    def says(self, history: History, entry: Entry) -> str:
        row = history.rows.get(Submission, self.name)
        assert row is not None, "it has just changed"
        return f"{entry.kind.replace('.', ' ').replace('_', ' ')}, in {row.competition}"


class OfTransfer:
    """A transfer, and for a held one what became of it."""

    what = "transfer"

    def __init__(self, name: str) -> None:
        self.name = name

    def look(self, history: History) -> Figure:
        row = history.rows.get(Transfer, self.name)
        if row is None:
            return {}
        found: Figure = {"kind": row.kind, "debit": row.debit, "credit": row.credit}
        found |= {"code": row.code, "amount_nano": str(row.amount_nano)}
        if closing := history.rows.find(Transfer, pending_id=self.name):
            found |= {"became": closing[0].kind, "became_nano": str(closing[0].amount_nano)}
        return found

    def says(self, history: History, entry: Entry) -> str:
        row = history.rows.get(Transfer, self.name)
        assert row is not None, "it has just changed"
        names = {line.id for line in _lines(entry)} & {self.name}
        closing = history.rows.find(Transfer, pending_id=self.name)
        one = row if names or not closing else closing[0]
        return f"{in_words(one.debit, one)} {show_tokens(one.amount_nano)}"


def explain(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="ACCOUNT|SUBMISSION|TRANSFER", help="Whose figure.")
    ],
    *,
    place: Annotated[
        str, typer.Option("--from", metavar="URL|FOLDER", help="The log; default: your site's.")
    ] = "",
    key: Annotated[str, typer.Option(help="The log's verifier key, when you know it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the messages that led to a figure: where, who signed, and what each one changed.

    Nothing but the log is read. Its signatures, rules and root are checked on the way.
    """
    mirror = mirror_at(place or caller_of(context).url)
    subject = subject_of(what)
    is_quiet = as_json or caller_of(context).is_quiet
    with collector_paused(), closing(show.Progress("messages", is_quiet=is_quiet)) as bar:
        checkpoint, steps, figure = chain(subject, mirror, key, told=bar)
    if not as_json:
        show.put_rows([_shown(step) for step in steps], COLUMNS, as_json=False)
        show.put({subject.what: subject.name, **_words(figure)}, as_json=False)
        return
    log = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
    told = {"what": subject.what, "name": subject.name, "figure": figure, "log": log}
    show.put({**told, "steps": [asdict(step) for step in steps]}, as_json=True)


def subject_of(name: str) -> Subject:
    """What a name means by its form: 64 hex digits, 43 characters of an id, else an account."""
    if len(name) == 64 and all(one in "0123456789abcdef" for one in name):
        return OfTransfer(name)
    return OfSubmission(name) if len(name) == 43 and ":" not in name else OfAccount(name)


def chain(
    subject: Subject, mirror: Mirror, key: str, *, told: Told
) -> tuple[notes.Checkpoint, list[Step], Figure]:
    """Fold the whole log and keep what changed the subject.

    raises NothingToExplain, LogUnfit, LogDamaged, NoteInvalid, KeyNotAnnounced, Unreachable,
           NotServed
    """
    _, checkpoint, vkey = newest(mirror, [key] if key else [])
    keys = Succession(key or vkey)
    history, steps = History(checkpoint.origin), _Steps(subject)
    places: dict[str, int] = {}  # of the orders
    before: Figure = {}
    for raw in entries(mirror, 0, checkpoint.size, told):
        entry = history.follow(raw)
        keys.grow(raw)
        index = history.size - 1
        if history.order(entry.id):
            places[entry.id] = index
        after = subject.look(history)
        if after != before:
            if order := history.order(entry.cause):
                steps.add((places[order.id], order))
            steps.add((index, entry), subject.says(history, entry), _change(before, after))
        before = after
    if history.root != checkpoint.root:
        raise LogUnfit("The entries do not give the signed root.", size=checkpoint.size)
    keys.need(vkey, checkpoint.size)
    if not before:
        known = [row.id for row in history.rows.all(Account)]
        hint = did_you_mean(subject.name, known)
        words = f"The log knows no {subject.what} {subject.name!r}."
        raise NothingToExplain(words, next_step=hint, name=subject.name)
    return checkpoint, steps.made, before


class _Steps:
    """The chain as it grows; an order is told once, however many facts answer it."""

    def __init__(self, subject: Subject) -> None:
        self.made: list[Step] = []
        self._told: set[int] = set()
        self._subject = subject

    def add(
        self,
        found: tuple[int, Entry],
        says: str = "",
        change: dict[str, list[object]] | None = None,
    ) -> None:
        index, entry = found
        if index in self._told:
            return
        self._told.add(index)
        words = says or "An order, answered by what follows."
        step = Step(index, entry.kind, entry.id, entry.actor, entry.signer, words, change or {})
        self.made.append(step)


def _lines(entry: Entry) -> tuple[messages.Line, ...]:
    return tuple(getattr(entry.body, "transfers", ()))


def _change(before: Figure, after: Figure) -> dict[str, list[object]]:
    names = [name for name in after if after[name] != before.get(name)]
    return {name: [before.get(name, ""), after[name]] for name in names}


def _shown(step: Step) -> dict[str, object]:
    pairs = {name: _words({name: after}) for name, (_, after) in step.change.items()}
    told = (f"{name} {value}" for pair in pairs.values() for name, value in pair.items())
    return {**asdict(step), "change": ", ".join(told)}


def _words(figure: Figure) -> Figure:
    """Figures for people: tokens instead of nano, scores instead of parts of 10^9."""
    found: Figure = {}
    for name, value in figure.items():
        shown = value
        if name.endswith("_nano"):
            shown = show_tokens(int(str(value)))
        elif name.endswith("_e9"):
            shown = show.score(value)
        found[SUMS.get(name, name.removesuffix("_nano").removesuffix("_e9"))] = shown
    return found
