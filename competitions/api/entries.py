"""Entries, their receipts, and the orders about them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from assay.messages import Opening
from competitions import queries
from competitions.actions.contest import cancel, extend
from competitions.actions.entry import commit
from competitions.actions.nomination import nominate
from competitions.actions.opening import hand_in, open_entry
from competitions.actions.resume import resume
from competitions.actions.rights import register_work
from competitions.api.shown import (
    Json,
    competition_json,
    licence_json,
    nomination_json,
    submission_json,
)
from competitions.errors import (
    CompetitionUnknown,
    ReceiptSealed,
    SubmissionTooLarge,
    SubmissionUnknown,
)
from competitions.models import Competition
from competitions.rules.rows import State
from competitions.rules.visibility import is_opened
from ledger.actions import ms
from ledger.errors import BlobMissing, BlobUnknown
from ledger.rules.entry import Entry
from web.api import Body, Moment, TokenAuth, page
from web.auth import Caller
from web.errors import OpeningsHeld
from web.openapi import documented

HEX = r"^[0-9a-f]{64}$"
A_RECEIPT = documented(SubmissionUnknown, ReceiptSealed, BlobMissing, scope="read")

submissions = Router()


@submissions.get("", auth=TokenAuth("read"), openapi_extra=documented(CompetitionUnknown))
def list_mine(
    request: HttpRequest,
    competition: str = "",
    after: str = Moment,
    limit: int = Query(100, ge=1, le=500),
) -> Json:
    """Your entries, the newest first. competition: only those in it."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    found = queries.submissions_of(caller.account)
    if competition:
        found = found.filter(competition=queries.competition(competition).id)
    if after:
        found = found.filter(committed_ms__lt=int(after))
    entries = list(found[: limit + 1])
    queries.as_owners_see(entries)
    contests = queries.competitions_named({one.competition for one in entries})
    waits = queries.waits([one.id for one in entries])
    shown = [
        submission_json(
            one, contests[one.competition], viewer=caller.account, wait=waits.get(one.id)
        )
        for one in entries
    ]
    return page(shown, cursor=lambda one: str(one["committed_ms"]), limit=limit)


class OpeningSent(Body):
    """What an entry's commitment holds. The files are already here, sent by this account."""

    competition: str = Field(max_length=48)
    salt: str = Field(pattern=HEX)
    config_sha256: str = Field(pattern=HEX)
    tensors_sha256: str = Field(pattern=HEX)


class Committed(Schema):
    """The commitment that it opens: what `submission.commit` names."""

    commitment: str


@submissions.post(
    "/openings",
    auth=TokenAuth("submit"),
    response=Committed,
    openapi_extra=documented(
        *(CompetitionUnknown, BlobUnknown, SubmissionTooLarge, OpeningsHeld), scope="submit"
    ),
)
def hand_in_opening(request: HttpRequest, sent: OpeningSent) -> Json:
    """Hand in what opens the commitment of an entry of yours, which the log does not tell.

    Send it before the order; the same again changes nothing.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    opening = Opening(sent.salt, sent.config_sha256, sent.tensors_sha256)
    told = hand_in(
        owner=caller.account, competition=sent.competition, opening=opening, now=timezone.now()
    )
    return {"commitment": told}


@submissions.get("/{name}", openapi_extra=documented(SubmissionUnknown, scope="read"))
def read_submission(request: HttpRequest, name: str) -> Json:
    """One entry; its owner also reads why it is out, what its licence waits for, and the slots."""
    entry = queries.submission(name)
    contest = queries.competition(entry.competition)
    viewer = _viewer(request)
    wait = queries.waits([entry.id]).get(entry.id)
    shows = queries.is_on_board(entry, contest)
    if entry.owner == viewer:
        queries.as_owners_see([entry])
    told = submission_json(entry, contest, viewer=viewer, wait=wait, is_on_board=shows)
    told |= licence_json(entry, viewer)
    if entry.owner == viewer:
        told |= _slots(contest, viewer) | {"ignored": queries.ignored_fields(entry)}
    return told


@submissions.get("/{name}/receipts/{slice_name}", openapi_extra=A_RECEIPT)
def read_score_receipt(
    request: HttpRequest,
    name: str,
    slice_name: str,
) -> Json:
    """What a score was made of: hashes of manifest, inputs and adapter, mode, root and leaves.

    slice_name  board or final; both once all is judged
    """
    entry = queries.submission(name)
    contest = queries.competition(entry.competition)
    is_final = slice_name == "final"
    is_told = entry.state == State.REVEALED or entry.owner == _viewer(request)
    if slice_name not in ("board", "final") or not (is_opened(contest.phase) and is_told):
        raise ReceiptSealed(f"There is no {slice_name:.20} score to be seen.", slice=slice_name)
    return asdict(queries.score_receipt(entry, contest, is_final=is_final))


def _commit(order: Entry, now: datetime) -> Json:
    """Enter an adapter; the answer is the entry as its owner sees it."""
    made = commit(order, now=now)
    entry, contest = queries.submission(made.id), queries.competition(made.competition)
    queries.as_owners_see([entry])
    wait = queries.waits([made.id]).get(made.id)
    told = submission_json(entry, contest, viewer=made.owner, wait=wait)
    return told | _slots(contest, made.owner)


def _resume(order: Entry, now: datetime) -> Json:
    """Run an eliminated entry in full against a deposit; the answer is the entry."""
    made = resume(order, now=now)
    entry, contest = queries.submission(made.id), queries.competition(made.competition)
    queries.as_owners_see([entry])
    wait = queries.waits([made.id]).get(made.id)
    return submission_json(entry, contest, viewer=made.owner, wait=wait)


def _nominate(order: Entry, now: datetime) -> Json:
    """Name the entries that decide; the answer is those that would decide now."""
    nominate(order, now=now)
    return nomination_json(queries.competition(order.body.competition), order.actor)


def _register(order: Entry, now: datetime) -> Json:
    """Register a work; the licensing room cannot see whose adapters are sealed."""
    return {"work": register_work(order, now=now), "owner": order.actor}


def _cancel(order: Entry, now: datetime) -> Json:
    """Cancel a competition that nobody has entered."""
    return competition_json(queries.competition(cancel(order, now=now).id))


def _extend(order: Entry, now: datetime) -> Json:
    """Put the close of a competition off."""
    return competition_json(queries.competition(extend(order, now=now).id))


def _open(order: Entry, now: datetime) -> Json:
    """Open an entry of one's own to everybody; the answer is the entry."""
    made = open_entry(order, now=now)
    entry, contest = queries.submission(made.id), queries.competition(made.competition)
    return submission_json(entry, contest, viewer=made.owner, wait=None)


ORDERS: Mapping[str, Callable[[Entry, datetime], Json]] = MappingProxyType(
    {
        "work.register": _register,
        "submission.commit": _commit,
        "submission.resume": _resume,
        "submission.nominate": _nominate,
        "submission.open": _open,
        "competition.cancel": _cancel,
        "competition.extend": _extend,
    }
)


def _viewer(request: HttpRequest) -> str:
    """Who asks, when a token says so. raises TokenUnknown, TokenExpired, ScopeMissing"""
    if not request.headers.get("Authorization"):
        return ""
    return TokenAuth("read")(request).account


def _slots(contest: Competition, owner: str) -> Json:
    found = queries.slots(contest, owner, now_ms=ms(timezone.now()))
    following = {} if found.next_slot_at_ms is None else {"next_slot_at_ms": found.next_slot_at_ms}
    return {"remaining": found.remaining, **following}
