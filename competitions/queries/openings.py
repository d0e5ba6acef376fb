"""What commitments hold: for the opening, for our own workers, and for its owner. Nobody else."""

from collections.abc import Iterable, Sequence

from assay import messages
from assay.commitment import commitment_of
from assay.wire import changed
from competitions.models import Opening, Submission
from competitions.rules import rows


def opening_of(entry: Submission | rows.Submission) -> messages.Opening | None:
    """What opens an entry's commitment; None: its owner has not handed it in, or it is lost."""
    found = Opening.objects.filter(pk=entry.commitment).first()
    if found is None:
        return None
    made = messages.Opening(found.salt, found.config_sha256, found.tensors_sha256)
    told = (entry.owner, entry.competition, made)
    return made if commitment_of(*told) == entry.commitment else None


def adapter_of(submission: str) -> str:
    """The canonical adapter of an entry whose run was written down, sealed or not; else empty."""
    found = Opening.objects.filter(submission=submission).values_list("adapter_sha256", flat=True)
    return found.first() or ""


def with_adapters(entries: Sequence[rows.Submission]) -> list[rows.Submission]:
    """The same with their adapters, which the log does not tell; for our own decisions."""
    contests = {one.competition for one in entries}
    known = Opening.objects.filter(competition__in=contests).exclude(adapter_sha256="")
    names = dict(known.values_list("submission", "adapter_sha256"))
    return [changed(one, adapter_sha256=names.get(one.id, one.adapter_sha256)) for one in entries]


def entries_of_files(owner: str, opening: Opening) -> list[str]:
    """The owner's entries in the same competition with the very same files."""
    same = Opening.objects.filter(
        competition=opening.competition,
        owner=owner,
        config_sha256=opening.config_sha256,
        tensors_sha256=opening.tensors_sha256,
    ).exclude(submission="")
    return [*same.values_list("submission", flat=True)]


def entry_committed_by(commitment: str) -> str:
    """The entry with this commitment; empty: there is none."""
    found = Submission.objects.filter(commitment=commitment).values_list("pk", flat=True)
    return found.first() or ""


def earlier_entry(submission: str, adapter_sha256: str) -> str | None:
    """The earlier entry of the same adapter in the same competition by another owner."""
    one = Submission.objects.get(pk=submission)
    same = Opening.objects.filter(competition=one.competition, adapter_sha256=adapter_sha256)
    names = same.exclude(owner=one.owner).values_list("submission", flat=True)
    earlier = Submission.objects.filter(pk__in=[*names], committed_ms__lt=one.committed_ms)
    return earlier.order_by("committed_ms").values_list("pk", flat=True).first()


def owner_of_adapter(adapter_sha256: str) -> str:
    """Whose entry has this canonical adapter, the earliest; empty: nobody's."""
    same = Opening.objects.filter(adapter_sha256=adapter_sha256).order_by("at")
    return same.values_list("owner", flat=True).first() or ""


def adapters_of(submissions: Iterable[str]) -> dict[str, str]:
    """Entry -> its canonical adapter: those whose run was written down."""
    found = Opening.objects.filter(submission__in=[*submissions]).exclude(adapter_sha256="")
    return dict(found.values_list("submission", "adapter_sha256"))


def openings_without_an_entry(owner: str) -> int:
    """How many an owner has handed in and not committed."""
    return Opening.objects.filter(owner=owner, submission="").count()
