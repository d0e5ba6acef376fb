"""An adapter is compared with all that came before it, ahead of its run on the board slice.

The decision is competitions/rules/likeness.py; here the normal forms are made, kept and read.
"""

from contextlib import suppress

from django.utils import timezone

from competitions import queries
from competitions.actions import likeness as actions
from competitions.errors import Duplicate
from competitions.rules.likeness import Found, Other, error_of, worst
from evaluator.similarity.forms import Form, form_of, read_form, write_form
from evaluator.similarity.measure import Kind, compare
from ledger import actions as ledger_actions
from ledger import blobs, log
from ledger.errors import BlobGone, BlobMissing

MOST_BYTES = 4 << 30  # of one adapter: the intake has set its limit


def check(submission: str, adapter_sha256: str) -> None:
    """Compare an entry with all that came before it, and all later ones with it.

    Later entries of others that are copies of it are refused.
    raises Duplicate, Derived, UndeclaredParent; BlobDamaged, BlobBusy
    """
    mine = _form(adapter_sha256)
    assert mine is not None, "the adapter was stored just now"
    actions.note_adapter(submission=submission, adapter_sha256=adapter_sha256)
    if error := _error_against(submission, adapter_sha256, mine):
        raise error
    for later in queries.later_rivals(submission):
        theirs = _form(later.adapter_sha256)
        if theirs is None or compare(mine, theirs).kind is Kind.INDEPENDENT:
            continue
        if error := _error_against(later.entry, later.adapter_sha256, theirs):
            actions.refuse_copy(submission=later.entry, error=error, now=timezone.now())


def _error_against(submission: str, adapter_sha256: str, form: Form) -> Duplicate | None:
    found = [_measured(other, form) for other in queries.others(submission)]
    if chosen := worst([one for one in found if one]):
        index = log.index_of(chosen[0].entry)
        return error_of(chosen, adapter_sha256, index)
    return None


def _measured(other: Other, form: Form) -> Found | None:
    theirs = _form(other.adapter_sha256)
    return None if theirs is None else (other, compare(theirs, form))


def _form(adapter_sha256: str) -> Form | None:
    """The normal form of an adapter, made where it is not there; None when its file is gone."""
    kept = queries.form_sha256(adapter_sha256)
    if kept:
        with suppress(BlobMissing, BlobGone):
            return read_form(blobs.read(kept, limit_bytes=MOST_BYTES))
    return _new(adapter_sha256)


def _new(adapter_sha256: str) -> Form | None:
    try:
        made = form_of(blobs.read(adapter_sha256, limit_bytes=MOST_BYTES))
    except (BlobMissing, BlobGone):
        return None
    name = ledger_actions.store_own(write_form(made), now=timezone.now())
    actions.keep_form(adapter_sha256=adapter_sha256, form_sha256=name)
    return made
