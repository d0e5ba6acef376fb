"""What witnesses answered to our checkpoints, and what they prove."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from assay import merkle, notes
from ledger import queries
from ledger.actions.moment import ms, only_one_at_a_time
from ledger.log import log_vkey_at
from ledger.models import Checkpoint, Cosignature, Witness
from ledger.sequencer import proofs, steps


class Evidence(StrEnum):
    """What a checkpoint of another history is to us: new, kept already, or decided about."""

    NEW = "new"
    KEPT = "kept"
    SETTLED = "settled"


@transaction.atomic
def record_cosignature(*, witness: str, size: int, line: str, now: datetime) -> None:
    """Keep a witness's line under the checkpoint of this size; the first one stays."""
    Cosignature.objects.get_or_create(size=size, witness=witness, defaults={"line": line})
    record_answer(witness=witness, size=size, now=now)


@transaction.atomic
def record_answer(
    *, witness: str, size: int, now: datetime, problem: str = "", is_dispute: bool = False
) -> None:
    """Note what a witness cosigned last, and why it does not cosign now.

    A dispute stays until a person looks: `manage.py witnesses --settle NAME`.
    """
    said = {"size": size, "problem": problem, "at_ms": ms(now), "is_dispute": is_dispute}
    known, is_new = Witness.objects.select_for_update().get_or_create(pk=witness, defaults=said)
    if is_new:
        return
    if known.evidence or (known.is_dispute and not is_dispute):
        said = {"at_ms": ms(now), "size": size}
    Witness.objects.filter(pk=witness).update(**said)


def record_evidence(*, vkey: str, note: str, now: datetime) -> Evidence | None:
    """Keep a note that our log key signed and that our log does not extend.

    The sequencer refuses from here on. The transaction takes turns with its steps, so none of them
    is half done meanwhile, and the note is compared with the newest checkpoint that there is.

    vkey     the witness who holds the note, by its verifier key
    returns  None: the note proves nothing. What our key did not sign could come from anybody
    """
    try:
        ours = log_vkey_at(notes.size_of(note))
        stated = notes.read_checkpoint(note, ours)
        kept = notes.signed_only_by(note, [ours, vkey])
    except notes.NoteInvalid:
        return None
    before = queries.latest_checkpoint()
    if _extends(before, stated):
        return None
    with transaction.atomic():
        only_one_at_a_time(steps.JOB)
        newest = queries.latest_checkpoint()
        if newest != before and _extends(newest, stated):
            return None
        row, _ = Witness.objects.select_for_update().get_or_create(
            pk=notes.read_verifier_key(vkey)[0]
        )
        return _keep(row, stated, kept, now=now)


@transaction.atomic
def settle_dispute(witness: str) -> bool:
    """Somebody found out why a witness had seen another history. False: there is no dispute.

    The same evidence stops nothing again, whoever brings it.
    """
    disputes = Witness.objects.select_for_update().filter(pk=witness, is_dispute=True)
    row = disputes.first()
    if row is None:
        return False
    row.settled, row.evidence = row.settled + row.evidence, ""
    row.problem, row.is_dispute = "", False
    row.save(update_fields=["settled", "evidence", "problem", "is_dispute"])
    return True


def _extends(newest: Checkpoint | None, stated: notes.Checkpoint) -> bool:
    """Whether a proof leads from a stated checkpoint to the newest one of our log."""
    if newest is None:
        return stated.size == 0
    proof = proofs.consistency(stated.size, newest.size)
    root = bytes.fromhex(newest.root)
    return merkle.is_consistent(stated.size, stated.root, newest.size, root, proof)


def _keep(row: Witness, stated: notes.Checkpoint, note: str, *, now: datetime) -> Evidence:
    """Keep the note with its witness's row; the first one stays until a person has settled it."""
    words = f"It holds a checkpoint of {stated.size} entries that our key signed"
    row.at_ms = ms(now)
    if row.evidence:
        found = Evidence.KEPT
    elif any(stated.text() in one for one in Witness.objects.values_list("settled", flat=True)):
        row.problem, found = f"{words}; a person has settled that.", Evidence.SETTLED
    else:
        row.problem = f"{words}, and this log does not extend it."
        row.evidence, row.is_dispute, found = note, True, Evidence.NEW
    row.save(update_fields=["at_ms", "problem", "evidence", "is_dispute"])
    return found
