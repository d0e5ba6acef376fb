"""What witnesses answered to our checkpoints."""

from datetime import datetime

from django.db import transaction

from ledger.actions.moment import ms
from ledger.models import Cosignature, Witness


@transaction.atomic
def record_cosignature(*, witness: str, size: int, line: str, now: datetime) -> None:
    """Keep a witness's line under the checkpoint of this size; the first one stays."""
    Cosignature.objects.get_or_create(size=size, witness=witness, defaults={"line": line})
    record_answer(witness=witness, size=size, now=now)


def record_answer(
    *, witness: str, size: int, now: datetime, problem: str = "", is_dispute: bool = False
) -> None:
    """Note what a witness cosigned last, and why it does not cosign now.

    A dispute stays until a person looks: `manage.py witnesses --settle NAME`.
    """
    said = {"size": size, "problem": problem, "at_ms": ms(now), "is_dispute": is_dispute}
    known, is_new = Witness.objects.get_or_create(pk=witness, defaults=said)
    if is_new:
        return
    if known.is_dispute and not is_dispute:
        said = {"at_ms": ms(now), "size": size}
    Witness.objects.filter(pk=witness).update(**said)


def settle_dispute(witness: str) -> bool:
    """Somebody found out why a witness had seen another history. False: there is no dispute."""
    open_ones = Witness.objects.filter(pk=witness, is_dispute=True)
    return bool(open_ones.update(is_dispute=False, problem=""))
